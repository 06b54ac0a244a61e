"""The six roles as the templates make them, and the things of the project that they could try to touch."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.templates.resolve import deploy_all

HERE = "xx-region-9:111122223333"
ARTIFACTS, DATA = "arn:aws:s3:::flights-artifacts", "arn:aws:s3:::flights-data"
ROLES = (
    *("CodeBuildRole", "CodePipelineRole", "ExecutionRole", "TaskRole", "ScheduleRole"),
    "ChangeDetectionRole",
)


def role_arn(role: str) -> str:
    return f"arn:aws:iam::111122223333:role/flights-roles-{role}"


def real(document: Any) -> Any:
    """A resolved document with ARNs as AWS would give them in place of `<DataBucket.Arn>`."""
    known = {"ArtifactBucket": ARTIFACTS, "DataBucket": DATA} | {role: role_arn(role) for role in ROLES}
    return json.loads(re.sub(r"<(\w+)\.Arn>", lambda match: known[match[1]], json.dumps(document)))


@cache
def policy(role: str, provider: str = "CodeCommit") -> dict[str, Any]:
    """The one inline policy of a role."""
    roles = deploy_all(SourceProvider=provider)["roles"]
    (inline,) = roles.properties(role)["Policies"]
    return real(inline["PolicyDocument"])


@cache
def trust(role: str) -> dict[str, Any]:
    return real(deploy_all()["roles"].properties(role)["AssumeRolePolicyDocument"])


@dataclass(frozen=True)
class Thing:
    """Something of the project, or of another one: its ARN, and what can be done with it."""

    name: str
    arn: str
    actions: tuple[str, ...]


def _thing(name: str, arn: str, service: str, *verbs: str) -> Thing:
    return Thing(name, arn, tuple(f"{service}:{verb}" for verb in verbs))


OBJECT = ("GetObject", "GetObjectVersion", "PutObject", "DeleteObject", "GetObjectTagging", "PutObjectAcl")
BUCKET = ("ListBucket", "GetBucketAcl", "GetBucketLocation", "GetBucketVersioning", "PutBucketPolicy")
BUCKET += ("DeleteBucket", "PutLifecycleConfiguration")
LOG = ("CreateLogStream", "PutLogEvents", "CreateLogGroup", "DeleteLogGroup", "GetLogEvents")
IMAGES = (
    *("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"),
    *("PutImage", "BatchGetImage", "GetDownloadUrlForLayer", "BatchDeleteImage", "DeleteRepository"),
)
CODE = (
    *("GitPull", "GitPush", "GetBranch", "GetCommit", "UploadArchive", "GetUploadArchiveStatus"),
    *("CancelUploadArchive", "CreateCommit", "DeleteRepository"),
)

THINGS = (
    _thing("departures", f"{DATA}/departures/2013-01-01.csv.gz", "s3", *OBJECT),
    _thing("report", f"{DATA}/reports/2013-01-01.csv", "s3", *OBJECT),
    _thing("other data", f"{DATA}/secret.txt", "s3", *OBJECT),
    _thing("artifact", f"{ARTIFACTS}/flights/SourceOutp/abc", "s3", *OBJECT),
    _thing("source.zip", f"{ARTIFACTS}/source.zip", "s3", *OBJECT),
    _thing("data bucket", DATA, "s3", *BUCKET),
    _thing("artifact bucket", ARTIFACTS, "s3", *BUCKET),
    _thing("registry login", "*", "ecr", "GetAuthorizationToken"),
    _thing("repository", f"arn:aws:ecr:{HERE}:repository/flights", "ecr", *IMAGES),
    _thing("code", f"arn:aws:codecommit:{HERE}:flights", "codecommit", *CODE),
    _thing(
        "project",
        f"arn:aws:codebuild:{HERE}:project/flights",
        "codebuild",
        *("StartBuild", "BatchGetBuilds", "StopBuild", "UpdateProject", "DeleteProject"),
    ),
    _thing(
        "pipeline",
        f"arn:aws:codepipeline:{HERE}:flights",
        "codepipeline",
        *("StartPipelineExecution", "UpdatePipeline", "DeletePipeline", "GetPipeline"),
    ),
    _thing("build log", f"arn:aws:logs:{HERE}:log-group:/aws/codebuild/flights:log-stream:abc", "logs", *LOG),
    _thing("task log", f"arn:aws:logs:{HERE}:log-group:/batch/flights:log-stream:run/job/abc", "logs", *LOG),
    _thing("task definition", f"arn:aws:ecs:{HERE}:task-definition/flights:7", "ecs", "RunTask", "StartTask"),
    _thing("task", f"arn:aws:ecs:{HERE}:task/flights/abc", "ecs", "StopTask", "DescribeTasks", "TagResource"),
    _thing("cluster", f"arn:aws:ecs:{HERE}:cluster/flights", "ecs", "DeleteCluster", "UpdateCluster"),
    _thing(
        "rule", f"arn:aws:events:{HERE}:rule/flights-daily", "events", "PutRule", "PutTargets", "DisableRule"
    ),
    _thing(
        "dead letters",
        f"arn:aws:sqs:{HERE}:flights-dead-letters",
        "sqs",
        *("SendMessage", "ReceiveMessage", "DeleteMessage", "PurgeQueue", "SetQueueAttributes"),
    ),
    _thing(
        "topic", f"arn:aws:sns:{HERE}:flights-notifications", "sns", "Publish", "Subscribe", "DeleteTopic"
    ),
    *(
        _thing(
            role, role_arn(role), "iam", "PassRole", "PutRolePolicy", "UpdateAssumeRolePolicy", "DeleteRole"
        )
        for role in ROLES
    ),
    *(_thing(f"{role} itself", role_arn(role), "sts", "AssumeRole") for role in ROLES),
)
