"""What ECS checks of a RunTask request, and the task that it makes of it.

Error codes and words: see ecs.py.
"""

from __future__ import annotations

import copy
import json
import uuid
from typing import Any

from botocore.exceptions import ClientError

from .interfaces import new_attachment
from .service import AwsError, Call
from .task_definitions import check_size
from .tasks import now

MAX_OVERRIDES = 8192
PLATFORMS = {"LATEST": "1.4.0", "1.4.0": "1.4.0", "1.3.0": "1.3.0"}
FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")


def invalid(message: str) -> AwsError:
    """An InvalidParameterException."""
    return AwsError("InvalidParameterException", message)


def arn_of(call: Call, resource: str) -> str:
    """The ARN of an ECS resource in the region of the call."""
    partition = call.world.client("ecs", call.region).meta.partition
    return f"arn:{partition}:ecs:{call.region}:{call.account}:{resource}"


def find_cluster(call: Call, name: str | None) -> Any:
    """The cluster of a name or ARN. Raises AwsError."""
    cluster = call.world.moto("ecs", call.region).clusters.get((name or "default").rpartition("/")[2])
    if cluster is None or cluster.status == "INACTIVE":
        raise AwsError("ClusterNotFoundException", "Cluster not found.")
    return cluster


def find_definition(call: Call, name: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """An active task definition, by family, family:revision or ARN, and its tags. Raises AwsError."""
    family = name.rpartition("/")[2]
    if ":" not in family:  # the latest revision that is active, where moto would take the latest of all
        revisions = call.world.moto("ecs", call.region).task_definitions.get(family, {})
        active = [number for number, found in revisions.items() if found.status == "ACTIVE"]
        name = f"{family}:{max(active, default=0)}"
    ecs = call.world.client("ecs", call.region, as_service="ecs.amazonaws.com")
    try:
        found = ecs.describe_task_definition(taskDefinition=name, include=["TAGS"])
    except ClientError as error:
        raise AwsError("ClientException", "TaskDefinition not found.") from error
    definition = found["taskDefinition"]
    if definition.get("status") != "ACTIVE":
        raise AwsError("ClientException", "TaskDefinition is inactive")
    return definition, found.get("tags") or []


def fargate_provider(call: Call, cluster: Any) -> str | None:
    """The capacity provider to use, None for launch type FARGATE. There is no other capacity here."""
    launch_type = call.params.get("launchType")
    strategy = call.params.get("capacityProviderStrategy")
    if launch_type and strategy:
        raise invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. "
            "Remove one and try again."
        )
    if launch_type and launch_type not in ("EC2", "FARGATE", "EXTERNAL"):
        raise invalid("launch type should be one of [EC2,FARGATE,EXTERNAL]")
    if launch_type == "FARGATE":
        return None
    chosen = strategy or (None if launch_type else cluster.default_capacity_provider_strategy)
    if not chosen:
        raise invalid("No Container Instances were found in your cluster.")
    name = max(chosen, key=lambda item: (item.get("base") or 0, item.get("weight") or 0))["capacityProvider"]
    if name not in (cluster.capacity_providers or []):
        raise invalid(
            "The specified capacity provider strategy cannot contain a capacity provider that is not "
            "associated with the cluster. Associate the capacity provider with the cluster and try again."
        )
    if name not in FARGATE_PROVIDERS:
        raise invalid("No Container Instances were found in your cluster.")
    return name


def check_request(call: Call, definition: dict[str, Any]) -> None:
    """Whether Fargate would run this definition as the request asks. Raises AwsError."""
    params = call.params
    if "FARGATE" not in definition.get("requiresCompatibilities", []):
        raise invalid("Task definition does not support launch_type FARGATE.")
    if (params.get("platformVersion") or "LATEST") not in PLATFORMS:
        raise AwsError("PlatformUnknownException", "The specified platform does not exist.")
    _check_network(call)
    overrides = params.get("overrides") or {}
    if len(json.dumps(overrides)) > MAX_OVERRIDES:
        raise invalid(f"Container Overrides length must be at most {MAX_OVERRIDES}")
    names = {container["name"] for container in definition["containerDefinitions"]}
    for override in overrides.get("containerOverrides") or []:
        name = override.get("name")
        if name not in names:
            raise invalid(f"Override for container named {name} is not a container in the TaskDefinition.")
    check_size(overrides.get("cpu") or definition["cpu"], overrides.get("memory") or definition["memory"])
    if len(params.get("startedBy") or "") > 128:
        raise invalid("startedBy must be at most 128 characters long.")


def _check_network(call: Call) -> None:
    vpc = (call.params.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if not vpc:
        raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    subnets, groups = vpc.get("subnets") or [], vpc.get("securityGroups") or []
    if not subnets:
        raise invalid("subnets can not be empty.")
    if vpc.get("assignPublicIp", "DISABLED") not in ("ENABLED", "DISABLED"):
        raise invalid("assignPublicIp should be one of [ENABLED,DISABLED]")
    ec2 = call.world.client("ec2", call.region, as_service="ecs.amazonaws.com")
    try:
        vpcs = {subnet["VpcId"] for subnet in ec2.describe_subnets(SubnetIds=subnets)["Subnets"]}
    except ClientError as error:
        raise _not_there("subnet", subnets, error) from error
    try:
        found = ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"] if groups else []
    except ClientError as error:
        raise _not_there("security group", groups, error) from error
    for group in found:
        if group["VpcId"] not in vpcs:
            raise invalid(
                f"Security Group {group['GroupId']} does not appear to belong to the same VPC as the input "
                "subnets."
            )


def _not_there(kind: str, ids: list[str], error: ClientError) -> AwsError:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    named = next((name for name in ids if name in message), ids[0])
    if code == "InvalidGroup.NotFound":
        message = f"The security group '{named}' does not exist"
    return invalid(f"Error retrieving {kind} information for [{named}]: {message} (ErrorCode: {code})")


def roles_of(call: Call, definition: dict[str, Any]) -> dict[str, str | None]:
    """The ARNs of the task role (`task`) and the execution role (`execution`); None where there is none."""
    overrides = call.params.get("overrides") or {}
    found = {
        "task": overrides.get("taskRoleArn") or definition.get("taskRoleArn"),
        "execution": overrides.get("executionRoleArn") or definition.get("executionRoleArn"),
    }
    partition = arn_of(call, "").split(":")[1]
    return {
        kind: f"arn:{partition}:iam::{call.account}:role/{role}"
        if role and not role.startswith("arn:")
        else role
        for kind, role in found.items()
    }


def check_roles(call: Call, roles: dict[str, str | None], task: dict[str, Any]) -> None:
    """Make sure that ECS may use the task's roles, as it does before it takes the request."""
    iam = call.world.client("iam", "us-east-1", as_service="ecs.amazonaws.com")
    for role in filter(None, roles.values()):
        try:
            iam.get_role(RoleName=role.rpartition("/")[2])
            call.world.credentials(
                role,
                task["taskArn"].rpartition("/")[2],
                "ecs-tasks.amazonaws.com",
                source_arn=task["taskArn"],
            )
        except (ClientError, AwsError) as error:
            raise AwsError(
                "ClientException",
                f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify "
                "that the role being passed has the proper trust relationship and permissions and that your "
                "IAM user has permissions to pass this role.",
            ) from error


def new_task(
    call: Call,
    cluster_arn: str,
    provider: str | None,
    definition: dict[str, Any],
    definition_tags: list[dict[str, str]],
) -> dict[str, Any]:
    """A task's document in its first state."""
    params, overrides = call.params, call.params.get("overrides") or {}
    task_id, cluster = uuid.uuid4().hex, cluster_arn.rpartition("/")[2]
    arn = arn_of(call, f"task/{cluster}/{task_id}")
    cpu, memory = check_size(
        overrides.get("cpu") or definition["cpu"], overrides.get("memory") or definition["memory"]
    )
    architecture = definition.get("runtimePlatform", {}).get("cpuArchitecture") or "X86_64"
    disk = overrides.get("ephemeralStorage") or definition.get("ephemeralStorage") or {"sizeInGiB": 20}
    given = {override["name"]: override for override in overrides.get("containerOverrides") or []}
    names = [container["name"] for container in definition["containerDefinitions"]]
    tags = [*(params.get("tags") or [])]
    if params.get("propagateTags") == "TASK_DEFINITION":
        own = {tag["key"] for tag in tags}
        tags += [tag for tag in definition_tags if tag["key"] not in own]
    if params.get("enableECSManagedTags"):
        tags.append({"key": "aws:ecs:clusterName", "value": cluster})
    task = {
        "attachments": [new_attachment(params["networkConfiguration"]["awsvpcConfiguration"]["subnets"][0])],
        "attributes": [{"name": "ecs.cpu-architecture", "value": architecture.lower()}],
        "clusterArn": cluster_arn,
        "containers": [
            _container(call, container, arn, given.get(container["name"], {}))
            for container in definition["containerDefinitions"]
        ],
        "cpu": str(cpu),
        "createdAt": now(),
        "desiredStatus": "RUNNING",
        "enableExecuteCommand": bool(params.get("enableExecuteCommand")),
        "ephemeralStorage": disk,
        "fargateEphemeralStorage": disk,
        "group": params.get("group") or f"family:{definition['family']}",
        "healthStatus": "UNKNOWN",
        "lastStatus": "PROVISIONING",
        "launchType": "FARGATE",
        "memory": str(memory),
        "networkConfiguration": params["networkConfiguration"],
        "overrides": {
            **overrides,
            "containerOverrides": [given.get(name, {"name": name}) for name in names],
            "inferenceAcceleratorOverrides": [],
        },
        "platformFamily": "Linux",
        "platformVersion": PLATFORMS[params.get("platformVersion") or "LATEST"],
        "tags": tags,
        "taskArn": arn,
        "taskDefinitionArn": definition["taskDefinitionArn"],
        "version": 1,
    }
    if provider:
        task["capacityProviderName"] = provider
    if params.get("startedBy"):
        task["startedBy"] = params["startedBy"]
    return task


def _container(
    call: Call, container: dict[str, Any], task_arn: str, override: dict[str, Any]
) -> dict[str, Any]:
    where, task_id = task_arn.rpartition(":task/")[2], task_arn.rpartition("/")[2]
    made = {
        "containerArn": arn_of(call, f"container/{where}/{uuid.uuid4()}"),
        "taskArn": task_arn,
        "name": container["name"],
        "image": container["image"],
        "runtimeId": f"{task_id}-{uuid.uuid4().int % 10**10:010}",
        "lastStatus": "PENDING",
        "networkBindings": [],
        "networkInterfaces": [],
        "healthStatus": "UNKNOWN",
        "cpu": str(override.get("cpu") or container.get("cpu") or 0),
    }
    for name in ("memory", "memoryReservation"):
        value = override.get(name) or container.get(name)
        if value:
            made[name] = str(value)
    return made


def shown(task: dict[str, Any], with_tags: bool = True) -> dict[str, Any]:
    """A task as the API shows it."""
    hidden = {"networkConfiguration"} | (set() if with_tags else {"tags"})
    return copy.deepcopy({name: value for name, value in task.items() if name not in hidden})
