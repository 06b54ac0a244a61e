"""The exercises of 05: the build's image, a name for each image, and who reads which setting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .. import builds, registry, source, stacks
from ..session import Session
from .nouns import Finding, Question, Task

UBUNTU = re.compile(r"aws/codebuild/standard:(\d+)\.0")  # what AWS calls its images with Ubuntu
NUMBER = "CODEBUILD_BUILD_NUMBER"


def _on_the_newest_ubuntu(session: Session) -> Iterator[Finding]:
    build = stacks.describe(session, "build")
    codebuild = session.client("codebuild")
    platforms = codebuild.list_curated_environment_images()["platforms"]
    names = [
        image["name"] for platform in platforms for each in platform["languages"] for image in each["images"]
    ]
    versions = [int(found[1]) for name in names if (found := UBUNTU.fullmatch(name))]
    newest = f"aws/codebuild/standard:{max(versions, default=0)}.0"
    project = build.outputs["BuildProjectName"]
    used = codebuild.batch_get_projects(names=[project])["projects"][0]["environment"]["image"]
    yield Finding(
        used == newest,
        "the project builds in the newest image with Ubuntu that CodeBuild lists",
        f"it builds in `{used}`",
    )
    known = build.parameters["BuildImage"]
    yield Finding(
        known == newest,
        "the stack knows it, so that its next update keeps it",
        f"the stack's parameter says {known}",
    )


def _images_are_numbered(session: Session) -> Iterator[Finding]:
    project = stacks.exported_value(session, "BuildProjectName")
    text = source.read_file(session, "buildspec.yml")
    yield Finding(
        NUMBER in text,
        f"`buildspec.yml` on the branch asks CodeBuild for the number: `{NUMBER}`",
        "the branch's `buildspec.yml` does not read this variable",
    )
    made = [build for build in _builds(session, project) if build["buildStatus"] == "SUCCEEDED"]
    tip = _tip(session)
    of_tip = [
        build
        for build in made
        if build.get("resolvedSourceVersion") == tip and not build["source"].get("buildspec")
    ]
    yield Finding(
        bool(of_tip),
        "the branch's newest commit has been built, with its own buildspec",
        "no build of this commit has succeeded, or another buildspec was given to it",
    )
    if not of_tip:
        return
    numbered = [build for build in of_tip if _pushed_its_number(session, build)]
    last = of_tip[0]["buildNumber"]
    yield Finding(
        bool(numbered),
        "that build has pushed its image under its own number too",
        f"build {last} has pushed no `build-{last}`; its tags are in its log",
    )


def _builds(session: Session, project: str) -> list[dict[str, Any]]:
    """The project's builds, newest first; a hundred are enough for a lesson."""
    codebuild = session.client("codebuild")
    ids = codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"][:100]
    found = {build["id"]: build for build in codebuild.batch_get_builds(ids=ids)["builds"]} if ids else {}
    return [found[id] for id in ids if id in found]


def _tip(session: Session) -> str:
    """The newest commit of the branch that is built."""
    branch = session.client("codecommit").get_branch(
        repositoryName=stacks.exported_value(session, "CodeRepositoryName"),
        branchName=stacks.exported_value(session, "BranchName"),
    )
    return branch["branch"]["commitId"]


def _pushed_its_number(session: Session, build: dict[str, Any]) -> bool:
    """Whether the registry has the tag, and the build's log says that it came from there.

    A tag given by hand is in the registry as well; `docker push` writes the tag and the digest into the log.
    """
    tag = f"build-{build['buildNumber']}"
    image = registry.tagged(session, tag)
    logs = build.get("logs") or {}
    lines = builds.LogReader(session).read(logs.get("groupName"), logs.get("streamName"))
    return image is not None and any(line.startswith(f"{tag}: digest: {image.digest}") for line in lines)


EXERCISES = (
    Task(
        "05-a",
        "Build on Ubuntu",
        _on_the_newest_ubuntu,
        hints=(
            "Section 3 asked CodeBuild for its images. Those with Ubuntu are called `standard`.",
            "Which parameter of the stack `build` chooses the image? The line `Image` of its template, in "
            "section 3, refers to it.",
            'Give `deploy` the whole name: `deploy(session, "build", {"BuildImage": "aws/codebuild/…"})`.',
        ),
        learned="The next build runs in it, with other versions of Python and Docker. Whoever names an image "
        "by its version has to come back when AWS lets it go; the template's `auto` does that for you.",
    ),
    Task(
        "05-b",
        "Number the images",
        _images_are_numbered,
        hints=(
            f"CodeBuild sets `{NUMBER}` for each build; the shell puts it in with `${NUMBER}`. Nothing has "
            "to be added to the project.",
            "Two places of `buildspec.yml` have to know the name: `docker build` gives it, `docker push` "
            "sends it.",
            "`read_file` gives you the text, `.replace(…)` changes it, `commit` sends it back. "
            'The new line may follow the existing one: `- docker push "$REPOSITORY_URI:build-…"`.',
            "A commit alone builds nothing yet: `start_build` and `follow_build` do.",
        ),
        learned="No template was changed and no role: the developer has done it alone, with a commit. That "
        "is what the division between project and buildspec is for.",
    ),
    Question(
        "05-c",
        "Who reads the variable?",
        options={
            "a": "The commit's id, for CodeBuild sets this variable for every build",
            "b": "An empty text: the Dockerfile sees none of the build's variables",
            "c": "Nothing at all: the build fails, because the Dockerfile names an unknown variable",
            "d": "The id of the commit that is newest when the task starts",
        },
        right="b",
        because="CodeBuild's variables belong to the shell that runs `buildspec.yml`. `docker build` hands "
        "none of them on by itself: it wants an `ARG` line in the Dockerfile and a `--build-arg` on the "
        "command line. Without them the name stands for nothing, silently.",
        wrong={
            "a": "It is set, but for whom? The Dockerfile is read by the Docker daemon, not by the shell.",
            "c": "That would be kind. Docker puts an empty text in the place of a name it does not know.",
            "d": "The task reads what is stored in the image. When was that written?",
        },
        hints=(
            "Look at the table of section 4: who reads CODEBUILD_RESOLVED_SOURCE_VERSION?",
            "And how does `BASE_IMAGE` get into the Dockerfile?",
        ),
    ),
    Question(
        "05-d",
        "Who needs the privilege?",
        options={
            "a": "Tests of a Python package, in an image of your own that `Image` names",
            "b": "A build that makes an image with `docker build`",
            "c": "Tests that start a database beside them with `docker run`",
            "d": "A build that uploads a website to S3",
        },
        right="bc",
        because="Both talk to a Docker daemon inside the build's container, and the daemon is what needs "
        "the privilege. What merely runs in a container, however it was chosen, needs none.",
        wrong={
            "a": "CodeBuild starts that container, from outside. Does anything inside ask a Docker daemon?",
            "d": "That takes permissions of the role, which is another thing.",
        },
        hints=(
            "Which of them talk to a Docker daemon?",
            "There is more than one: write the letters one after the other.",
        ),
    ),
)
