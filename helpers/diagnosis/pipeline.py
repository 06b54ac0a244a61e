"""Why a pipeline execution or a build failed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import builds, pipelines, stacks
from ..session import Session
from .access import Roles, denial, denied, lacking
from .nouns import Diagnosis, Finding, diagnosis, healthy
from .where import where


def newest(session: Session) -> pipelines.PipelineExecution | None:
    """The pipeline's latest execution; None before the first."""
    client, name = session.client("codepipeline"), stacks.exported_value(session, "PipelineName")
    found = client.list_pipeline_executions(pipelineName=name, maxResults=1)["pipelineExecutionSummaries"]
    return pipelines.refreshed(session, found[0]["pipelineExecutionId"]) if found else None


def of_execution(session: Session, execution: pipelines.PipelineExecution) -> Diagnosis:
    """What happened to a pipeline execution, and why."""
    execution, name = pipelines.refreshed(session, execution.id), "The pipeline execution"
    if execution.status == "Succeeded":
        return healthy(name, "nothing is wrong, it succeeded")
    if execution.status == "InProgress":
        return healthy(name, "it still runs and nothing has failed so far")
    if execution.status == "Superseded":
        newer = "a newer commit came while it waited, and went first"
        return Diagnosis(name, "it was superseded", newer, healthy=True)
    failed = next((a for a in execution.actions if a.status == "Failed"), None)
    if failed is None:
        return diagnosis(name, f"it ended as {execution.status}", ())
    what = f"it failed in stage {failed.stage}, action {failed.name}"
    if failed.build_id:
        build = builds.finished(session, failed.build_id)
        return diagnosis(name, what, build_findings(session, build), build.log)
    return diagnosis(name, what, [*_action_findings(session, failed), *_later(session, failed)])


def of_build(session: Session, build: builds.Build) -> Diagnosis:
    """What happened to a build, and why."""
    build, name = builds.finished(session, build.id), "The build"
    if build.status in ("SUCCEEDED", "IN_PROGRESS"):
        return healthy(
            name, "nothing is wrong, it succeeded" if build.status == "SUCCEEDED" else "it still runs"
        )
    what = f"it ended in {build.status}" + (f" in phase {build.failed.name}" if build.failed else "")
    return diagnosis(name, what, build_findings(session, build), build.log)


def _action_findings(session: Session, failed: pipelines.Action) -> Iterator[Finding]:
    told = failed.message
    roles = Roles(session)
    if refused := denial(told):
        yield denied(roles, refused)
        return
    bucket = re.search(r"permissions required to access the Amazon S3 bucket named (\S+?)\.", told)
    if bucket:  # CodePipeline names no action; which right is missing, the role's policies say
        role = next((name for name, logical in roles.names().items() if logical == "CodePipelineRole"), "")
        arn = f"arn:{_partition(session)}:s3:::{bucket[1]}"
        for action, resource in (("s3:PutObject", f"{arn}/{session.project}/any/artifact"),):
            if role and not roles.allows(role, action, resource):
                yield lacking("CodePipelineRole", action, f"{arn}/*", (told,))
                return
    if told:
        yield Finding(told.rstrip("."), (told,), "", "Mend it, then retry(session).")


def _later(session: Session, failed: pipelines.Action) -> Iterator[Finding]:
    """What the build would meet, had the source been fetched."""
    if failed.stage == "Source":
        yield from _privileged(session)


def build_findings(session: Session, build: builds.Build) -> Iterator[Finding]:
    """What was wrong with a build."""
    phase, log = build.failed, "\n".join(build.log)
    if phase is None:
        return
    told = phase.message.rstrip(".")
    if re.search(r"Cannot connect to the Docker daemon", log):
        found = list(_privileged(session))
        yield from found or [
            Finding(
                "the Docker daemon did not answer in the build's container", (told,), "", builds.advice(build)
            )
        ]
        return
    if "YAML_FILE_ERROR" in told:
        yield _buildspec(session, build, f"{phase.name}: {told}")
        return
    if "Error calling GetBucketAcl" in told:
        yield _bucket_unseen(session, told)
        return
    refused = denial(told) or next((d for d in map(denial, reversed(build.log)) if d), None)
    if refused:
        yield denied(Roles(session), refused)
        return
    cause = f"the command `{build.command}` failed" if build.command else told
    own = next(
        (line for line in reversed(build.log) if re.match(r"\w*(Error|Exception)\b|FAILED|ERROR:", line)), ""
    )
    if cause:
        yield Finding(cause, tuple(filter(None, (f"{phase.name}: {told}", own))), "", builds.advice(build))


BUILDSPEC = "buildspec.yml"  # what CodeBuild looks for in the source's root where the project names nothing


def _buildspec(session: Session, build: builds.Build, told: str) -> Finding:
    """The buildspec is missing or cannot be read: which file that is, the build's own record says."""
    raw = session.client("codebuild").batch_get_builds(ids=[build.id])["builds"]
    wanted = (raw[0]["source"].get("buildspec") if raw else "") or BUILDSPEC
    missing = re.search(r"stat \S+: no such file|not exist|NoSuchKey", told)
    if "\n" in wanted:  # it stands in the project itself
        line = where("build", "BuildProject", "BuildSpec")
        return Finding(f"the project's own buildspec cannot be read: {told}", (told,), line, "Mend it there.")
    if wanted == BUILDSPEC:
        cause = f"the buildspec is missing: the source has no {wanted} in its root"
        mend, line = f"Commit a right {wanted} to the branch's root.", f"sample_job/{BUILDSPEC}"
    else:
        cause = f"the buildspec is missing: the project's BuildSpec names {wanted}, which the source has not"
        mend = f"Name the right file there (without BuildSpec it is {BUILDSPEC}), or commit {wanted}."
        line = where("build", "BuildProject", "Source:")
    if not missing:
        cause = f"the buildspec {wanted} cannot be read: {told.partition('YAML_FILE_ERROR: ')[2] or told}"
        mend, line = f"Correct {wanted} and commit it.", "" if wanted != BUILDSPEC else line
    return Finding(cause, (told,), line, mend)


def _bucket_unseen(session: Session, told: str) -> Finding:
    """CodeBuild could look whose bucket it is, and cannot any more: a right is gone, or the owner changed."""
    roles, bucket = Roles(session), stacks.exported_value(session, "ArtifactBucketArn")
    role = next((name for name, logical in roles.names().items() if logical == "CodeBuildRole"), "")
    for action in ("s3:GetBucketAcl", "s3:GetBucketLocation"):
        if role and not roles.allows(role, action, bucket):
            return lacking("CodeBuildRole", action, bucket, (told,))
    return Finding(f"the bucket {bucket} has another owner than at the build before", (told,))


def _privileged(session: Session) -> Iterator[Finding]:
    """May the build run Docker?"""
    name = stacks.exported_value(session, "BuildProjectName")
    projects = session.client("codebuild").batch_get_projects(names=[name])["projects"]
    if projects and not projects[0]["environment"].get("privilegedMode"):
        yield Finding(
            "the build runs without privileged mode, and without it no Docker daemon can run in a build",
            (f"the project {name} has privilegedMode: false",),
            where("build", "BuildProject", "PrivilegedMode"),
            'Set PrivilegedMode: true there, deploy(session, "build"), and retry(session).',
        )


def _partition(session: Session) -> str:
    return stacks.exported_value(session, "ArtifactBucketArn").split(":")[1]
