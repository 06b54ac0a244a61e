"""Looking for anything of a project that is still there: by its name, or by its tag."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from .session import Session


@dataclass(frozen=True)
class Leftover:
    """Something that is still there."""

    kind: str
    name: str
    note: str = ""


def search(session: Session) -> Iterator[Leftover]:
    """Everything whose name begins with the project's, or that carries its tag.

    What begins with the name of a longer project that has stacks here is that one's: see `neighbours`.
    """
    others: frozenset[str] = frozenset()
    for kind in _LOOKS:
        try:
            if kind == "stack":
                others = neighbours(session)
            yield from (Leftover(kind, name) for name in names(session, kind, others))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            yield Leftover(kind, "not looked for", f"AWS refused {error.operation_name} with {code}")


def names(session: Session, kind: str, others: frozenset[str] = frozenset()) -> list[str]:
    """The names of all of one kind ("bucket") that is the project's, and not one of the `others`."""
    return sorted({name for name in _LOOKS[kind](session) if not _is_one_of(others, name)})


def neighbours(session: Session) -> frozenset[str]:
    """The other projects with stacks here whose names begin with this one's.

    The project `team` has `team-data`, and so may the project `team-anna` have `team-anna-data`.
    """
    found = everything(session, "cloudformation", "describe_stacks", "Stacks")
    tags = ({tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())} for stack in found)
    projects = {each.get("Project", "") for each in tags}
    return frozenset(name for name in projects if name.startswith(f"{session.project}-"))


def _is_one_of(others: frozenset[str], name: str) -> bool:
    return any(part == o or part.startswith((f"{o}-", f"{o}:")) for o in others for part in name.split("/"))


def everything(session: Session, service: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    """Every item of a Describe or List call, over all its pages."""
    client = session.client(service)
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**arguments):
            yield from page.get(key, ())
    else:
        yield from getattr(client, operation)(**arguments).get(key, ())


def tagged(session: Session, operation: str, key: str) -> Iterator[dict[str, Any]]:
    """Every item of a call to EC2 that carries the project's tag. Not every list knows this filter."""
    filters = [{"Name": "tag:Project", "Values": [session.project]}]
    for item in everything(session, "ec2", operation, key, Filters=filters):
        tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", item.get("TagSet", ()))}
        if tags.get("Project") == session.project:
            yield item


def _is_ours(session: Session, name: str) -> bool:
    """`flights` and `flights-…`, but not `flights2`; a path before it does not count."""
    last = name.rsplit("/", 1)[-1]
    return last == session.project or last.startswith(f"{session.project}-")


def _named(
    service: str, operation: str, key: str, name: str | None, **arguments: Any
) -> Callable[[Session], Iterator[str]]:
    """A look by name: `name` is the field that holds it, None when the items are names or ARNs themselves."""

    def look(session: Session) -> Iterator[str]:
        for item in everything(session, service, operation, key, **arguments):
            text = (item[name] if name else item).rsplit(":", 1)[-1]
            if _is_ours(session, text):
                yield text.rsplit("/", 1)[-1]

    return look


def _tagged(operation: str, key: str, name: str) -> Callable[[Session], Iterator[str]]:
    """A look by tag, for what has no name of its own: the network."""

    def look(session: Session) -> Iterator[str]:
        for item in tagged(session, operation, key):
            if item.get("State") not in ("deleted", "deleting"):  # EC2 lists what is gone for a while
                yield item[name]

    return look


def _stacks(session: Session) -> Iterator[str]:
    for stack in everything(session, "cloudformation", "describe_stacks", "Stacks"):
        tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())}
        if _is_ours(session, stack["StackName"]) and tags.get("Project") == session.project:
            yield stack["StackName"]


def _log_groups(session: Session) -> Iterator[str]:
    for group in everything(session, "logs", "describe_log_groups", "logGroups"):
        name = group["logGroupName"]
        if session.project in name.split("/") or _is_ours(session, name):
            yield name


def _clusters(session: Session) -> Iterator[str]:
    """Active clusters. ECS lists a deleted one as INACTIVE for a while."""
    arns = [
        arn for arn in everything(session, "ecs", "list_clusters", "clusterArns") if _is_ours(session, arn)
    ]
    for begin in range(0, len(arns), 100):
        for cluster in session.client("ecs").describe_clusters(clusters=arns[begin : begin + 100])[
            "clusters"
        ]:
            if cluster["status"] == "ACTIVE":
                yield cluster["clusterName"]


def _task_definitions(session: Session) -> Iterator[str]:
    """Active revisions. A deregistered one stays visible for good, and costs nothing."""
    for arn in everything(session, "ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE"):
        revision = arn.rsplit("/", 1)[-1]
        if _is_ours(session, revision.partition(":")[0]):
            yield revision


_LOOKS: dict[str, Callable[[Session], Iterator[str]]] = {
    "stack": _stacks,
    "bucket": _named("s3", "list_buckets", "Buckets", "Name"),
    "log group": _log_groups,
    "image repository": _named("ecr", "describe_repositories", "repositories", "repositoryName"),
    "code repository": _named("codecommit", "list_repositories", "repositories", "repositoryName"),
    "pipeline": _named("codepipeline", "list_pipelines", "pipelines", "name"),
    "build project": _named("codebuild", "list_projects", "projects", None),
    "role": _named("iam", "list_roles", "Roles", "RoleName"),
    "rule": _named("events", "list_rules", "Rules", "Name"),
    "schedule": _named("scheduler", "list_schedules", "Schedules", "Name"),
    "schedule group": _named("scheduler", "list_schedule_groups", "ScheduleGroups", "Name"),
    "cluster": _clusters,
    "task definition": _task_definitions,
    "queue": _named("sqs", "list_queues", "QueueUrls", None),
    "topic": _named("sns", "list_topics", "Topics", "TopicArn"),
    "alarm": _named("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "VPC": _tagged("describe_vpcs", "Vpcs", "VpcId"),
    "subnet": _tagged("describe_subnets", "Subnets", "SubnetId"),
    "security group": _tagged("describe_security_groups", "SecurityGroups", "GroupId"),
    "VPC endpoint": _tagged("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    "NAT gateway": _tagged("describe_nat_gateways", "NatGateways", "NatGatewayId"),
    "elastic IP": _tagged("describe_addresses", "Addresses", "AllocationId"),
    "network interface": _tagged("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
}
