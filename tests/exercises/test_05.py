"""The exercises of 05, each with wrong answers that look right."""

from __future__ import annotations

from helpers import Session, commit, deploy, ensure_image, follow_build, read_file, start_build

from .trying import ask, try_out

FIRST = '        --tag "$REPOSITORY_URI:$VERSION_TAG"\n'
PUSH = '      - docker push "$REPOSITORY_URI:$VERSION_TAG"\n'


def test_a_build_on_ubuntu(session: Session) -> None:
    deploy(session, "build")

    def behind_the_stacks_back(session: Session) -> None:
        codebuild = session.client("codebuild")
        environment = codebuild.batch_get_projects(names=[session.project])["projects"][0]["environment"]
        environment["image"] = "aws/codebuild/standard:8.0"
        codebuild.update_project(name=session.project, environment=environment)

    def an_older_one(session: Session) -> None:
        deploy(session, "build", {"BuildImage": "aws/codebuild/standard:7.0"})

    def another_system(session: Session) -> None:
        deploy(session, "build", {"BuildImage": "aws/codebuild/amazonlinux-x86_64-standard:6.0"})

    try_out(session, "05-a", [behind_the_stacks_back, an_older_one, another_system])
    deploy(session, "build", {"BuildImage": None})


def test_b_number_the_images(session: Session) -> None:
    """The builds cost some seconds each, so one wrong answer goes on from the one before it."""
    deploy(session, "build")
    shipped = read_file(session, "buildspec.yml")

    def changed(name: str) -> None:
        text = shipped.replace(FIRST, f'{FIRST}        --tag "$REPOSITORY_URI:{name}"\n')
        text = text.replace(PUSH, f'{PUSH}      - docker push "$REPOSITORY_URI:{name}"\n')
        assert text.count(name) == 2
        commit(session, "buildspec.yml", text, "Number the images")

    def a_number_that_was_typed(session: Session) -> None:
        changed("build-1")
        follow_build(session, start_build(session))

    def a_commit_without_a_build(session: Session) -> None:
        changed("build-$CODEBUILD_BUILD_NUMBER")

    def only_in_a_comment_and_the_tag_given_by_hand(session: Session) -> None:
        commit(session, "buildspec.yml", f"# CODEBUILD_BUILD_NUMBER\n{shipped}", "Say it in a comment")
        follow_build(session, start_build(session))
        ecr, image = session.client("ecr"), ensure_image(session)
        found = ecr.batch_get_image(repositoryName=session.project, imageIds=[{"imageDigest": image.digest}])[
            "images"
        ][0]
        ecr.put_image(
            repositoryName=session.project, imageManifest=found["imageManifest"], imageTag="build-2"
        )

    try_out(
        session,
        "05-b",
        [a_number_that_was_typed, a_commit_without_a_build, only_in_a_comment_and_the_tag_given_by_hand],
    )


def test_c_who_reads_the_variable(session: Session) -> None:
    ask(session, "05-c")


def test_d_who_needs_the_privilege(session: Session) -> None:
    ask(session, "05-d")
