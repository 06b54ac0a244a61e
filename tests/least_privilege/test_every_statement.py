"""Every statement of every policy is needed: without it a step of the running project fails, and says so.

Two projects are deployed once, one with CodeCommit and one with S3 as its source; then one role at a time
loses one statement. Each step is first seen to work with whole policies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .actors import ROLES, policy
from .line import Line

GIT, ZIP = "CodeCommit", "S3"
NEEDS = [  # source, role, statement, step that fails without it, what AWS then shows
    (GIT, "CodeBuildRole", "WriteOwnLog", "build_alone", "PROVISIONING: .*logs:CreateLogStream"),
    (GIT, "CodeBuildRole", "ReadSourceAlone", "build_alone", "DOWNLOAD_SOURCE: authorization failed"),
    (ZIP, "CodeBuildRole", "ReadSourceAlone", "build_alone", "DOWNLOAD_SOURCE: .*s3:GetObject"),
    (GIT, "CodeBuildRole", "ExchangeArtifacts", "pipeline", "BuildImage: .*DOWNLOAD_SOURCE.*s3:GetObject"),
    (GIT, "CodeBuildRole", "IdentifyArtifactBucket", "pipeline", "BuildImage: .*Error calling GetBucketAcl"),
    (GIT, "CodeBuildRole", "LogInToRegistry", "build_alone", "PRE_BUILD: .*docker login"),
    (GIT, "CodeBuildRole", "PushImage", "build_alone", "POST_BUILD: .*docker push"),
    (GIT, "CodePipelineRole", "FetchSource", "pipeline", "FetchCode: .*codecommit:GetBranch"),
    (ZIP, "CodePipelineRole", "FetchSource", "pipeline", "FetchCode: .*s3:GetObject"),
    (GIT, "CodePipelineRole", "KeepArtifacts", "pipeline", "FetchCode: .*s3:PutObject"),
    (ZIP, "CodePipelineRole", "IdentifyArtifactBucket", "pipeline", "FetchCode: .*s3:GetBucketVersioning"),
    (GIT, "CodePipelineRole", "RunBuild", "pipeline", "BuildImage: .*codebuild:StartBuild"),
    (
        GIT,
        "ExecutionRole",
        "LogInToRegistry",
        "task",
        "ResourceInitializationError: .*ecr:GetAuthorizationToken",
    ),
    (GIT, "ExecutionRole", "PullImage", "task", "CannotPullContainerError: .*403 Forbidden"),
    (GIT, "ExecutionRole", "WriteTaskLog", "task", "ResourceInitializationError: .*logs:CreateLogStream"),
    (GIT, "TaskRole", "ReadDepartures", "task", "exit code 5\n.*s3:GetObject"),
    (GIT, "TaskRole", "WriteReports", "task", "exit code 5\n.*s3:PutObject"),
    (GIT, "TaskRole", "TellMissingFromForbidden", "late_day", "exit code 5\n.*s3:ListBucket"),
    (GIT, "ScheduleRole", "RunTask", "schedule", "NO_PERMISSIONS.*ecs:RunTask"),
    (GIT, "ScheduleRole", "HandRolesToTask", "schedule", "NO_PERMISSIONS.*iam:PassRole"),
    (GIT, "ScheduleRole", "RunTask", "modern_schedule", "NO_PERMISSIONS.*ecs:RunTask"),
    (GIT, "ChangeDetectionRole", "StartPipeline", "change", "FailedInvocations"),
]
# Needed only while something else fails: the letter that says why a task could not be started.
DEAD_LETTERS = ("ScheduleRole", "KeepDeadLetters")


@pytest.fixture(scope="module")
def lines(sandbox: Any) -> Iterator[Callable[[str], Line]]:
    """The project with this source; deployed when first asked for, idle at the end."""
    made: dict[str, Line] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_ENDPOINT", sandbox.endpoint)
        patch.setenv("WORKSHOP_STATIC", "1")

        def line(source: str) -> Line:
            if source not in made:
                made[source] = Line.built(f"least-{source.lower()}", source)
            return made[source]

        yield line


def test_the_list_is_complete() -> None:
    wanted = {
        (source, role, statement["Sid"])
        for source in (GIT, ZIP)
        for role in ROLES
        for statement in policy(role, source)["Statement"]
    }
    shown = {(role, sid) for _, role, sid, _, _ in NEEDS} | {DEAD_LETTERS}
    assert {(role, sid) for _, role, sid in wanted} == shown
    both = {"FetchSource", "ReadSourceAlone"}  # the two that are others with another source
    assert {(source, sid) for source, _, sid, _, _ in NEEDS if sid in both} == {
        (source, sid) for source, _, sid in wanted if sid in both
    }


STEPS = sorted({(source, step) for source, _, _, step, _ in NEEDS})


@pytest.mark.parametrize(("source", "step"), STEPS, ids=lambda value: value)
def test_with_whole_policies_a_step_works(lines: Callable[[str], Line], source: str, step: str) -> None:
    outcome = getattr(lines(source), step)()
    assert outcome.well, outcome.evidence


@pytest.mark.parametrize(("source", "role", "sid", "step", "symptom"), NEEDS, ids=lambda value: value[:24])
def test_without_the_statement_the_step_fails(
    lines: Callable[[str], Line], source: str, role: str, sid: str, step: str, symptom: str
) -> None:
    line = lines(source)
    with line.without(role, sid):
        outcome = getattr(line, step)()
    assert not outcome.well
    assert re.search(symptom, outcome.evidence, re.DOTALL), outcome.evidence


def test_without_the_right_to_keep_dead_letters_a_failure_leaves_none(lines: Callable[[str], Line]) -> None:
    line = lines(GIT)
    with line.without("ScheduleRole", "RunTask", "KeepDeadLetters"):
        outcome = line.modern_schedule()
    assert outcome.evidence == "InvocationsFailedToBeSentToDeadLetterCount"
