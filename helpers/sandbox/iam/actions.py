"""Which IAM action an API request needs, on which resources.

After the Service Authorization Reference (https://docs.aws.amazon.com/service-authorization/latest/reference/).
An operation that is not in the table needs the action of its own name on the resource `*`, which is the
strict reading: only a statement that really says `*` allows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Params = dict[str, Any]
PREFIXES = {
    "cloudwatch": "cloudwatch",
    "events": "events",
    "codestar-connections": "codestar-connections",
}


@dataclass(frozen=True)
class Place:
    """Where a request goes: partition, region and account, from which ARNs are built."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Need:
    """One permission that a request needs."""

    action: str
    resources: tuple[str, ...] = ("*",)
    context: dict[str, Any] = field(default_factory=dict)


Finder = Callable[[Params, Place], list[str]]


def _each(value: Any) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _arn_or(service: str, prefix: str, *keys: str) -> Finder:
    """ARNs from the parameters `keys`, each of which holds a name or an ARN, or a list of them."""

    def find(params: Params, place: Place) -> list[str]:
        for key in keys:
            if params.get(key):
                return [
                    name if str(name).startswith("arn:") else place.arn(service, f"{prefix}{name}")
                    for name in _each(params[key])
                ]
        return ["*"]

    return find


def _log_stream(params: Params, place: Place) -> list[str]:
    """CloudWatch Logs names a stream even where there is none: its ARNs then end in `log-stream:`."""
    group = params.get("logGroupName") or params.get("logGroupNamePrefix") or ""
    return [place.arn("logs", f"log-group:{group}:log-stream:{params.get('logStreamName', '')}")]


def _task_definition(params: Params, place: Place) -> list[str]:
    name = params.get("taskDefinition", "")
    if name.startswith("arn:"):
        return [name]
    return [place.arn("ecs", f"task-definition/{name if ':' in name else name + ':*'}")]


def _cluster_name(params: Params) -> str:
    return str(params.get("cluster") or "default").rpartition("/")[2]


def _tasks(params: Params, place: Place) -> list[str]:
    names = _each(params.get("tasks") or params.get("task") or [])
    return [
        name if name.startswith("arn:") else place.arn("ecs", f"task/{_cluster_name(params)}/{name}")
        for name in names
    ] or ["*"]


def _builds(params: Params, place: Place) -> list[str]:
    ids = _each(params.get("ids") or params.get("id") or [])
    return [place.arn("codebuild", f"project/{str(name).rpartition('/')[2].split(':')[0]}") for name in ids]


def _queue(params: Params, place: Place) -> list[str]:
    return [
        place.arn(
            "sqs",
            str(params.get("QueueUrl", params.get("QueueName", "*"))).rpartition("/")[2],
        )
    ]


_repository = _arn_or("codecommit", "", "repositoryName", "repositoryNames")
_image_repository = _arn_or("ecr", "repository/", "repositoryName", "repositoryNames")
_project = _arn_or("codebuild", "project/", "projectName", "names", "name")
_pipeline = _arn_or("codepipeline", "", "pipelineName", "name")

RESOURCES: dict[str, Finder] = {
    "ecr:*": _image_repository,
    "ecr:GetAuthorizationToken": lambda params, place: ["*"],
    "codecommit:*": _repository,
    "codecommit:ListRepositories": lambda params, place: ["*"],
    "codebuild:*": _project,
    "codebuild:BatchGetBuilds": _builds,
    "codebuild:StopBuild": _builds,
    "codebuild:ListBuilds": lambda params, place: ["*"],
    "codebuild:ListProjects": lambda params, place: ["*"],
    "codepipeline:*": _pipeline,
    "codepipeline:ListPipelines": lambda params, place: ["*"],
    "logs:*": _log_stream,
    "ecs:RunTask": _task_definition,
    "ecs:StopTask": _tasks,
    "ecs:DescribeTasks": _tasks,
    "ecs:DescribeClusters": _arn_or("ecs", "cluster/", "clusters"),
    "ecs:TagResource": lambda params, place: [params.get("resourceArn", "*")],
    "sns:Publish": lambda params, place: [params.get("TopicArn") or params.get("TargetArn") or "*"],
    "sqs:*": _queue,
    "sqs:ListQueues": lambda params, place: ["*"],
    "events:*": _arn_or("events", "rule/", "Rule", "Name"),
    "ssm:GetParameter": _arn_or("ssm", "parameter/", "Name"),
    "ssm:GetParameters": _arn_or("ssm", "parameter/", "Names"),
    "secretsmanager:GetSecretValue": _arn_or("secretsmanager", "secret:", "SecretId"),
    "sts:AssumeRole": lambda params, place: [params.get("RoleArn", "*")],
    "iam:PassRole": lambda params, place: [params.get("RoleArn", "*")],
    "cloudformation:*": lambda params, place: [
        place.arn("cloudformation", f"stack/{params.get('StackName', '*')}/*")
    ],
}
NEEDS_NOTHING = {"sts:GetCallerIdentity", "sts:GetSessionToken"}


def needs(service: str, operation: str, params: Params, place: Place) -> list[Need]:
    """The permissions that an API request needs; S3 is in `s3_needs`, as its requests name no operation."""
    action = f"{PREFIXES.get(service, service)}:{operation}"
    if action in NEEDS_NOTHING:
        return []
    finder = RESOURCES.get(action) or RESOURCES.get(f"{service}:*")
    resources = tuple(finder(params, place)) if finder else ("*",)
    if action == "ecs:RunTask":
        return _run_task(params, place, resources)
    return [Need(action, resources)]


def _run_task(params: Params, place: Place, resources: tuple[str, ...]) -> list[Need]:
    cluster = params.get("cluster") or "default"
    if not cluster.startswith("arn:"):
        cluster = place.arn("ecs", f"cluster/{cluster}")
    found = [Need("ecs:RunTask", resources, {"ecs:cluster": cluster})]
    if params.get("tags") or params.get("propagateTags") == "TASK_DEFINITION":
        task = place.arn("ecs", f"task/{cluster.rpartition('/')[2]}/*")
        found.append(Need("ecs:TagResource", (task,), {"ecs:CreateAction": "RunTask"}))
    return found


# S3 -------------------------------------------------------------------------------------------------------

_BUCKET = {  # sub-resource: (action to read, action to write, action to delete)
    "versioning": ("GetBucketVersioning", "PutBucketVersioning", None),
    "policy": ("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    "location": ("GetBucketLocation", None, None),
    "lifecycle": (
        "GetLifecycleConfiguration",
        "PutLifecycleConfiguration",
        "PutLifecycleConfiguration",
    ),
    "encryption": (
        "GetEncryptionConfiguration",
        "PutEncryptionConfiguration",
        "PutEncryptionConfiguration",
    ),
    "tagging": ("GetBucketTagging", "PutBucketTagging", "PutBucketTagging"),
    "acl": ("GetBucketAcl", "PutBucketAcl", None),
    "notification": ("GetBucketNotification", "PutBucketNotification", None),
    "publicAccessBlock": (
        "GetBucketPublicAccessBlock",
        "PutBucketPublicAccessBlock",
        "PutBucketPublicAccessBlock",
    ),
    "ownershipControls": (
        "GetBucketOwnershipControls",
        "PutBucketOwnershipControls",
        None,
    ),
    "versions": ("ListBucketVersions", None, None),
    "uploads": ("ListBucketMultipartUploads", None, None),
}


def s3_needs(method: str, path: str, query: Params, headers: Params, partition: str) -> list[Need]:
    """The permissions that an S3 request needs, from its method, path and query (path-style addresses)."""
    bucket, _, key = path.lstrip("/").partition("/")
    if not bucket:
        return [Need("s3:ListAllMyBuckets")]
    bucket_arn = f"arn:{partition}:s3:::{bucket}"
    if not key:
        return [_bucket_need(method, query, bucket_arn)]
    object_arn = f"{bucket_arn}/{key}"
    found = [Need(f"s3:{_object_action(method, query)}", (object_arn,))]
    source = headers.get("x-amz-copy-source") or headers.get("X-Amz-Copy-Source")
    if source:
        found.append(
            Need(
                "s3:GetObject",
                (f"arn:{partition}:s3:::{source.lstrip('/').split('?')[0]}",),
            )
        )
    return found


def _bucket_need(method: str, query: Params, bucket_arn: str) -> Need:
    for name, (read, write, delete) in _BUCKET.items():
        if name in query:
            action = {
                "GET": read,
                "HEAD": read,
                "PUT": write,
                "POST": write,
                "DELETE": delete,
            }.get(method)
            return Need(f"s3:{action or method.title() + 'Bucket'}", (bucket_arn,))
    if method == "POST" and "delete" in query:
        return Need("s3:DeleteObject", (f"{bucket_arn}/*",))
    if method in ("GET", "HEAD"):
        context = {f"s3:{name}": query[name] for name in ("prefix", "delimiter", "max-keys") if name in query}
        return Need("s3:ListBucket", (bucket_arn,), context)
    return Need("s3:CreateBucket" if method == "PUT" else "s3:DeleteBucket", (bucket_arn,))


def _object_action(method: str, query: Params) -> str:
    version = "Version" if "versionId" in query else ""
    if "tagging" in query:
        return {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}.get(method, "Put") + f"Object{version}Tagging"
    if "acl" in query:
        return ("Get" if method == "GET" else "Put") + f"Object{version}Acl"
    if "uploadId" in query and method == "DELETE":
        return "AbortMultipartUpload"
    if "uploadId" in query and method == "GET":
        return "ListMultipartUploadParts"
    if method in ("GET", "HEAD"):
        return f"GetObject{version}"
    return f"DeleteObject{version}" if method == "DELETE" else "PutObject"
