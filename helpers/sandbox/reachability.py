"""Whether a task's network lets it start: `helpers.network` traces the ways, this gives Fargate's errors.

A task whose packets go nowhere fails by time-out, so its errors speak of `i/o timeout` and never of the
rule that is missing. Wording: Amazon ECS developer guide, "Stopped task error messages" and
"CannotPullContainer task errors", and messages that users of Fargate published (2026-11-30). The
time-outs themselves, minutes on Fargate, are not simulated.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from .. import network
from . import failures
from .failures import Failure
from .preparation import layers_of, preflight_checks
from .task_definitions import ECR_ADDRESS

if TYPE_CHECKING:
    from .world import World

PUBLIC_ADDRESS = "203.0.113.10"  # a documentation address (RFC 5737): the sandbox looks no name up


def check(world: World, task: dict[str, Any]) -> Failure | None:
    """Why the task cannot reach what it needs, in Fargate's words; None when every way leads through."""
    configuration = (task.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    subnets = configuration.get("subnets") or []
    region = task["taskArn"].split(":")[3]
    images, logs = _needs(world, region, task)
    if not subnets or not (images or logs):
        return None
    subnet = _subnet_of(task) or subnets[0]
    ec2 = world.client("ec2", region, as_service="ecs.amazonaws.com")
    try:
        here = network.describe(ec2, [subnet])
    except ClientError:
        return None  # RunTask has checked the subnet; gone since, the interface's own error says so
    groups = configuration.get("securityGroups") or _default_group(here)
    public_ip = configuration.get("assignPublicIp") == "ENABLED"
    wanted = (
        (["ecr.api"] if images else []) + (["logs"] if logs else []) + (["ecr.dkr", "s3"] if images else [])
    )
    for path in network.paths(here, [subnet], groups, public_ip, wanted):
        if not path.ok:
            if path.gap and path.gap.name == network.ENDPOINT_POLICY:
                return failures.layer_forbidden(images[0], _layer(world, region, images[0])).failure
            return _failure(path, region, images, _address(here, path))
    return None


def _needs(world: World, region: str, task: dict[str, Any]) -> tuple[list[str], bool]:
    """The images that come from ECR, and whether a container logs to CloudWatch."""
    definition = world.moto("ecs", region).describe_task_definition(task["taskDefinitionArn"])
    containers = definition.container_definitions
    images = [item["image"] for item in containers if ECR_ADDRESS.fullmatch(item["image"])]
    logs = any((item.get("logConfiguration") or {}).get("logDriver") == "awslogs" for item in containers)
    return images, logs


def _layer(world: World, region: str, uri: str) -> str:
    """The digest of the image's first layer; the endpoint refuses that one."""
    address = ECR_ADDRESS.fullmatch(uri).groupdict()
    wanted = (
        {"imageDigest": address["digest"]} if address["digest"] else {"imageTag": address["tag"] or "latest"}
    )
    try:
        found = world.client("ecr", region).batch_get_image(
            registryId=address["account"], repositoryName=address["repository"], imageIds=[wanted]
        )["images"]
    except ClientError:
        return ""
    return next(iter(layers_of(found[0].get("imageManifest") or "{}")), "") if found else ""


def _subnet_of(task: dict[str, Any]) -> str | None:
    for attachment in task.get("attachments", []):
        for detail in attachment.get("details", []):
            if detail["name"] == "subnetId":
                return detail["value"]
    return None


def _default_group(here: network.Network) -> list[str]:
    return [name for name, group in here.groups.items() if group["GroupName"] == "default"]


def _address(here: network.Network, path: network.Path) -> str:
    """The address that the name means there: inside the VPC where an endpoint answers, else a public one."""
    if not any("inside the VPC" in hop.finding for hop in path.hops if hop.name == "DNS"):
        return PUBLIC_ADDRESS
    return str(ipaddress.ip_network(here.subnets[path.subnet]["CidrBlock"])[20])


def _failure(path: network.Path, region: str, images: list[str], address: str) -> Failure:
    timeout = f"dial tcp {address}:443: i/o timeout"
    attempts = "exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , "
    if path.destination == "ecr.api":
        return Failure(
            "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull "
            "registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. "
            f"Check your task network configuration. operation error ECR: GetAuthorizationToken, {attempts}"
            f'request send failed, Post "https://api.ecr.{region}.amazonaws.com/": {timeout}'
        )
    if path.destination == "logs":
        return Failure(
            "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon "
            "CloudWatch log group defined in the task definition. There is a connection issue between the "
            "task and Amazon CloudWatch. Check your network configuration. : create stream has been retried "
            "1 times: failed to create CloudWatch log stream: operation error CloudWatch Logs: "
            f"CreateLogStream, {attempts}"
            f'request send failed, Post "https://logs.{region}.amazonaws.com/": {timeout} : exit status 1'
        )
    uri = images[0]
    host, _, rest = uri.partition("/")
    repository, _, tag = rest.partition(":")
    if path.destination == "ecr.dkr":
        return Failure(
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve "
            f'ref {uri}: failed to do request: Head "https://{host}/v2/{repository}/manifests/'
            f'{tag or "latest"}": {timeout}'
        )
    return Failure(
        "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: "
        f'failed open: failed to do request: Get "https://prod-{region}-starport-layer-bucket.s3.{region}.'
        f'amazonaws.com/": {timeout}'
    )


preflight_checks.append(check)
