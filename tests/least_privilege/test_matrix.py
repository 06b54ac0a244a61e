"""Every role against everything of the project, judged by the sandbox's evaluator and by others'.

What is needed is written down here by hand, from what the services' own guides say their steps call; all
else must be denied. The other judges are an IAM simulator with all conditions, whose answers are kept (see
second_opinion.py), and moto's evaluation, which knows no conditions and is asked about the roles alone.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.iam.access_control import IAMPolicy, PermissionResult

from helpers.sandbox.iam import Request, evaluate, statements

from . import second_opinion
from .actors import HERE, ROLES, THINGS, Thing, policy, role_arn, trust

PUSH = (
    *("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"),
    *("PutImage", "BatchGetImage"),
)
NEEDED: dict[str, dict[str, tuple[str, ...]]] = {
    "CodeBuildRole": {
        "build log": ("logs:CreateLogStream", "logs:PutLogEvents"),
        "artifact": ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"),
        "artifact bucket": ("s3:GetBucketAcl", "s3:GetBucketLocation"),
        "code": ("codecommit:GitPull",),
        "registry login": ("ecr:GetAuthorizationToken",),
        "repository": tuple(f"ecr:{verb}" for verb in PUSH),
    },
    "CodePipelineRole": {
        "code": tuple(
            f"codecommit:{verb}"
            for verb in (
                *("GetBranch", "GetCommit", "UploadArchive", "GetUploadArchiveStatus"),
                "CancelUploadArchive",
            )
        ),
        "artifact": ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"),
        "artifact bucket": ("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"),
        "project": ("codebuild:StartBuild", "codebuild:BatchGetBuilds"),
    },
    "ExecutionRole": {
        "registry login": ("ecr:GetAuthorizationToken",),
        "repository": ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
        "task log": ("logs:CreateLogStream", "logs:PutLogEvents"),
    },
    "TaskRole": {
        "departures": ("s3:GetObject",),
        "report": ("s3:PutObject",),
        "data bucket": ("s3:ListBucket",),
    },
    "ScheduleRole": {
        "task definition": ("ecs:RunTask",),
        "ExecutionRole": ("iam:PassRole",),
        "TaskRole": ("iam:PassRole",),
        "dead letters": ("sqs:SendMessage",),
    },
    "ChangeDetectionRole": {"pipeline": ("codepipeline:StartPipelineExecution",)},
}
FULFILLED = {
    "iam:PassedToService": "ecs-tasks.amazonaws.com",
    "ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/flights",
}
FIELDS = [(thing, action) for thing in THINGS for action in thing.actions]


def ours(role: str, action: str, arn: str, context: dict[str, Any] = FULFILLED) -> bool:
    return evaluate(statements(policy(role)), Request(action, arn, context)).allowed


def theirs(thing: Thing) -> str:
    """The same thing of another project."""
    return thing.arn.replace("flights", "theirs")


def test_the_matrix_names_only_what_exists() -> None:
    known = {(thing.name, action) for thing, action in FIELDS}
    named = {(name, a) for things in NEEDED.values() for name, actions in things.items() for a in actions}
    assert named <= known and set(NEEDED) == set(ROLES)
    assert len(FIELDS) * len(ROLES) > 700


@pytest.mark.parametrize("role", ROLES)
def test_what_is_needed_is_allowed_and_all_else_denied(role: str) -> None:
    wanted = {(name, action) for name, actions in NEEDED[role].items() for action in actions}
    found = {(thing.name, action) for thing, action in FIELDS if ours(role, action, thing.arn)}
    assert found == wanted


@pytest.mark.parametrize("role", ROLES)
def test_another_project_is_out_of_reach(role: str) -> None:
    reached = {(thing.name, action) for thing, action in FIELDS if ours(role, action, theirs(thing))}
    assert reached <= {("registry login", "ecr:GetAuthorizationToken")}, "which opens nothing by itself"


@pytest.mark.parametrize("role", ROLES)
def test_moto_agrees_on_every_field(role: str) -> None:
    judge = IAMPolicy(json.dumps(policy(role)))
    for thing, action in FIELDS:
        for arn in (thing.arn, theirs(thing)):
            permitted = judge.is_action_permitted(action, arn) == PermissionResult.PERMITTED
            assert permitted == ours(role, action, arn), (role, action, arn)


def test_an_iam_simulator_agrees_on_every_question() -> None:
    """Roles, trust policies, the S3 endpoint's policy and AWS's published policies, conditions included."""
    kept, asked = json.loads(second_opinion.FILE.read_text()), second_opinion.questions()
    again = "policies have changed since: ask again, as second_opinion.py says"
    assert kept["questions"] == second_opinion.fingerprint(asked), again
    assert len(asked) == len(kept["answers"]) > 4000 and set(kept["answers"]) == {"A", "-", "X"}
    differ = [
        q
        for q, answer in zip(asked, kept["answers"], strict=True)
        if (answer == "A") != second_opinion.ours(q)
    ]
    assert differ == []


@pytest.mark.parametrize(
    ("action", "arn", "context"),
    [
        ("ecs:RunTask", f"arn:aws:ecs:{HERE}:task-definition/flights:7", {}),
        (
            "ecs:RunTask",
            f"arn:aws:ecs:{HERE}:task-definition/flights:7",
            {"ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/default"},
        ),
        ("iam:PassRole", role_arn("TaskRole"), {}),
        ("iam:PassRole", role_arn("TaskRole"), {"iam:PassedToService": "lambda.amazonaws.com"}),
    ],
)
def test_a_condition_that_is_not_fulfilled_denies(action: str, arn: str, context: dict[str, str]) -> None:
    assert ours("ScheduleRole", action, arn)
    assert not ours("ScheduleRole", action, arn, context)


CALLERS = {  # service, on whose behalf → the roles that it may take on
    ("codebuild.amazonaws.com", f"arn:aws:codebuild:{HERE}:project/flights"): {"CodeBuildRole"},
    ("codepipeline.amazonaws.com", f"arn:aws:codepipeline:{HERE}:flights"): {"CodePipelineRole"},
    ("ecs-tasks.amazonaws.com", f"arn:aws:ecs:{HERE}:task/flights/abc"): {"ExecutionRole", "TaskRole"},
    ("events.amazonaws.com", f"arn:aws:events:{HERE}:rule/flights-daily"): {"ScheduleRole"},
    ("scheduler.amazonaws.com", f"arn:aws:scheduler:{HERE}:schedule-group/flights"): {"ScheduleRole"},
    ("events.amazonaws.com", f"arn:aws:events:{HERE}:rule/flights-source-change"): {"ChangeDetectionRole"},
    ("events.amazonaws.com", f"arn:aws:events:{HERE}:rule/flights-task-failed"): set(),
    ("scheduler.amazonaws.com", f"arn:aws:scheduler:{HERE}:schedule-group/default"): set(),
    ("codebuild.amazonaws.com", f"arn:aws:codebuild:{HERE}:project/theirs"): set(),
    ("codepipeline.amazonaws.com", f"arn:aws:codepipeline:{HERE}:theirs"): set(),
    ("lambda.amazonaws.com", f"arn:aws:lambda:{HERE}:function:flights"): set(),
}


def name(value: object) -> str:
    """A set names its members in an order that differs from process to process."""
    return str(sorted(value) if isinstance(value, (set, frozenset)) else value)[:60]


@pytest.mark.parametrize(("caller", "roles"), CALLERS.items(), ids=name)
@pytest.mark.parametrize("account", ["111122223333", "999999999999"])
def test_who_may_take_on_which_role(caller: tuple[str, str], roles: set[str], account: str) -> None:
    service, source = caller
    context = {"aws:SourceArn": source, "aws:SourceAccount": account}

    def may(role: str) -> bool:
        request = Request("sts:AssumeRole", role_arn(role), context, (service,))
        return evaluate(statements(trust(role)), request, resource_based=True).allowed

    assert {role for role in ROLES if may(role)} == (roles if account == "111122223333" else set())
