"""Least privilege: who may take on a role, what it may do, and that no statement says more than it must."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .resolve import deploy_all

HERE = "xx-region-9:111122223333"
ROLES = {  # role: service that assumes it, ARN that the service acts for
    "CodeBuildRole": ("codebuild.amazonaws.com", f"arn:aws:codebuild:{HERE}:project/flights"),
    "CodePipelineRole": ("codepipeline.amazonaws.com", f"arn:aws:codepipeline:{HERE}:flights"),
    "ExecutionRole": ("ecs-tasks.amazonaws.com", f"arn:aws:ecs:{HERE}:*"),
    "TaskRole": ("ecs-tasks.amazonaws.com", f"arn:aws:ecs:{HERE}:*"),
    "ScheduleRole": ("events.amazonaws.com", f"arn:aws:events:{HERE}:rule/flights-daily"),  # and MODERN
    "ChangeDetectionRole": ("events.amazonaws.com", f"arn:aws:events:{HERE}:rule/flights-source-change"),
}
# Scheduler names the schedule's group, never the schedule:
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
MODERN = ("scheduler.amazonaws.com", f"arn:aws:scheduler:{HERE}:schedule-group/flights")
# CodePipeline's user guide shows its trust policy without these keys, so they count only when they are sent.
IF_EXISTS = {"CodePipelineRole"}
# The one action here for which AWS defines no resource:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
WITHOUT_RESOURCE = {"ecr:GetAuthorizationToken"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
REPOSITORY = f"arn:aws:ecr:{HERE}:repository/flights"
ARTIFACTS = "<ArtifactBucket.Arn>/*/*"
NEEDED = {  # role: action → resources. What each step calls, by the services' own guides.
    "CodeBuildRole": {
        "logs:CreateLogStream": [f"arn:aws:logs:{HERE}:log-group:/aws/codebuild/flights:*"],
        "logs:PutLogEvents": [f"arn:aws:logs:{HERE}:log-group:/aws/codebuild/flights:*"],
        "s3:GetObject": [ARTIFACTS],
        "s3:GetObjectVersion": [ARTIFACTS],
        "s3:PutObject": [ARTIFACTS],
        "s3:GetBucketAcl": ["<ArtifactBucket.Arn>"],
        "s3:GetBucketLocation": ["<ArtifactBucket.Arn>"],
        "codecommit:GitPull": [f"arn:aws:codecommit:{HERE}:flights"],
        "ecr:GetAuthorizationToken": ["*"],
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
        "ecr:BatchCheckLayerAvailability": [REPOSITORY],
        "ecr:InitiateLayerUpload": [REPOSITORY],
        "ecr:UploadLayerPart": [REPOSITORY],
        "ecr:CompleteLayerUpload": [REPOSITORY],
        "ecr:BatchGetImage": [REPOSITORY],
        "ecr:PutImage": [REPOSITORY],
    },
    "CodePipelineRole": {
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html
        "codecommit:GetBranch": [f"arn:aws:codecommit:{HERE}:flights"],
        "codecommit:GetCommit": [f"arn:aws:codecommit:{HERE}:flights"],
        "codecommit:UploadArchive": [f"arn:aws:codecommit:{HERE}:flights"],
        "codecommit:GetUploadArchiveStatus": [f"arn:aws:codecommit:{HERE}:flights"],
        "codecommit:CancelUploadArchive": [f"arn:aws:codecommit:{HERE}:flights"],
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
        "s3:GetObject": [ARTIFACTS],
        "s3:GetObjectVersion": [ARTIFACTS],
        "s3:PutObject": [ARTIFACTS],
        "s3:GetBucketAcl": ["<ArtifactBucket.Arn>"],
        "s3:GetBucketLocation": ["<ArtifactBucket.Arn>"],
        "s3:GetBucketVersioning": ["<ArtifactBucket.Arn>"],
        "codebuild:StartBuild": [f"arn:aws:codebuild:{HERE}:project/flights"],
        "codebuild:BatchGetBuilds": [f"arn:aws:codebuild:{HERE}:project/flights"],
    },
    "ExecutionRole": {
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/ECR_on_ECS.html
        "ecr:GetAuthorizationToken": ["*"],
        "ecr:BatchGetImage": [REPOSITORY],
        "ecr:GetDownloadUrlForLayer": [REPOSITORY],
        "logs:CreateLogStream": [f"arn:aws:logs:{HERE}:log-group:/batch/flights:*"],
        "logs:PutLogEvents": [f"arn:aws:logs:{HERE}:log-group:/batch/flights:*"],
    },
    "TaskRole": {
        "s3:GetObject": ["<DataBucket.Arn>/departures/*"],
        "s3:PutObject": ["<DataBucket.Arn>/reports/*"],
        "s3:ListBucket": ["<DataBucket.Arn>"],
    },
    "ScheduleRole": {
        "ecs:RunTask": [f"arn:aws:ecs:{HERE}:task-definition/flights:*"],
        "iam:PassRole": ["<ExecutionRole.Arn>", "<TaskRole.Arn>"],
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
        "sqs:SendMessage": [f"arn:aws:sqs:{HERE}:flights-dead-letters"],
    },
    "ChangeDetectionRole": {"codepipeline:StartPipelineExecution": [f"arn:aws:codepipeline:{HERE}:flights"]},
}
CHOICES = ["CodeCommit", "S3"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(role: str, **parameters: str) -> list[dict[str, Any]]:
    policies = deploy_all(**parameters)["roles"].properties(role)["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def allowed(role: str, **parameters: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for statement in statements(role, **parameters):
        for action in listed(statement["Action"]):
            found.setdefault(action, []).extend(listed(statement["Resource"]))
    return found


def test_one_role_for_each_actor() -> None:
    assert set(deploy_all()["roles"].resources) == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_for_one_service_that_acts_for_one_resource(role: str) -> None:
    trusts = deploy_all()["roles"].properties(role)["AssumeRolePolicyDocument"]["Statement"]
    sources = [ROLES[role], MODERN] if role == "ScheduleRole" else [ROLES[role]]
    suffix = "IfExists" if role in IF_EXISTS else ""
    for trust, (service, source) in zip(trusts, sources, strict=True):
        assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
        assert trust["Principal"] == {"Service": service}
        assert trust["Condition"] == {
            f"StringEquals{suffix}": {"aws:SourceAccount": "111122223333"},
            f"ArnLike{suffix}": {"aws:SourceArn": source},
        }


@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_what_its_actor_needs_and_nothing_else(role: str) -> None:
    assert allowed(role) == NEEDED[role]


@pytest.mark.parametrize("provider", CHOICES)
@pytest.mark.parametrize("role", ROLES)
def test_no_star_where_an_arn_is_possible(role: str, provider: str) -> None:
    for statement in statements(role, SourceProvider=provider):
        actions, resources = listed(statement["Action"]), listed(statement["Resource"])
        assert statement["Effect"] == "Allow" and statement["Sid"]
        assert all(re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action) for action in actions), "no wildcard actions"
        assert ("*" in resources) == (set(actions) <= WITHOUT_RESOURCE), statement["Sid"]
        assert all("flights" in r or r.startswith("<") for r in resources if r != "*"), statement["Sid"]
        assert "NotAction" not in statement and "NotResource" not in statement


@pytest.mark.parametrize("provider", CHOICES)
@pytest.mark.parametrize("role", ROLES)
def test_no_statement_repeats_another(role: str, provider: str) -> None:
    pairs = [
        (action, resource)
        for statement in statements(role, SourceProvider=provider)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    assert len(pairs) == len(set(pairs))
    sids = [statement["Sid"] for statement in statements(role, SourceProvider=provider)]
    assert len(sids) == len(set(sids))


def test_with_s3_as_source_nothing_of_codecommit_is_left() -> None:
    for role in ROLES:
        assert not any(action.startswith("codecommit:") for action in allowed(role, SourceProvider="S3"))
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html
    wanted = {"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"}
    pipeline = allowed("CodePipelineRole", SourceProvider="S3")
    assert {action for action, on in pipeline.items() if "<ArtifactBucket.Arn>/*.zip" in on} == wanted
    build = allowed("CodeBuildRole", SourceProvider="S3")
    assert "<ArtifactBucket.Arn>/*.zip" in build["s3:GetObject"] and build["s3:PutObject"] == [ARTIFACTS]


def test_a_build_cannot_replace_the_source_it_is_built_from() -> None:
    """`*` matches slashes too, but a slash in the pattern must be there, and source.zip has none."""
    (pattern,) = allowed("CodeBuildRole")["s3:PutObject"]
    matches = re.compile(re.escape(pattern).replace(r"\*", ".*"))
    assert matches.fullmatch("<ArtifactBucket.Arn>/flights/BuildOutpu/a1b2c3")
    assert not matches.fullmatch("<ArtifactBucket.Arn>/source.zip")


def test_roles_are_handed_to_tasks_only_and_tasks_started_in_one_cluster_only() -> None:
    conditions = {s["Sid"]: s.get("Condition") for s in statements("ScheduleRole")}
    assert conditions == {
        "RunTask": {"ArnEquals": {"ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/flights"}},
        "HandRolesToTask": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        "KeepDeadLetters": None,
    }


@pytest.mark.parametrize("role", ROLES)
def test_nobody_creates_a_log_group_or_deletes_anything(role: str) -> None:
    """A log group that a late build brought back would outlive its stack."""
    verbs = {action.split(":")[1] for action in allowed(role)}
    assert not {
        verb for verb in verbs if verb.startswith(("Delete", "CreateLogGroup", "BatchDelete", "Put*"))
    }


def test_roles_can_exist_in_two_regions_at_once() -> None:
    """IAM is global: a RoleName could be used once in an account."""
    assert all("RoleName" not in deploy_all()["roles"].properties(role) for role in ROLES)
