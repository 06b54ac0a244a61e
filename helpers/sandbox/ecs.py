"""ECS on Fargate: RunTask and what is asked of tasks. Clusters and task definitions are moto's, after our checks.

Error codes and words are those of the Amazon ECS API reference and of messages that its users published
(read 2026-11-23).
"""

from __future__ import annotations

import copy
import json
import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from botocore.exceptions import ClientError

from . import task_definitions
from .service import MOTO, AwsError, Call, Service
from .tasks import Runs, TaskRun, new_attachment, now, remove_interface

if TYPE_CHECKING:
    from .world import World

STOPPED_TASKS_STAY = timedelta(hours=1)
MAX_TASKS_AT_ONCE = 10
MAX_OVERRIDES = 8192
PLATFORMS = {"LATEST": "1.4.0", "1.4.0": "1.4.0", "1.3.0": "1.3.0"}
FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
INTERRUPTED = "The sandbox was stopped while this task was running."


class EcsStore:
    """The tasks of a region, by ARN, as their documents; and what each client token was used for."""

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, tuple[str, list[str]]] = {}

    def expire(self) -> None:
        """Forget tasks that stopped more than an hour ago, as ECS does."""
        limit = now() - STOPPED_TASKS_STAY
        for arn in [
            arn for arn, task in self.tasks.items() if task.get("stoppedAt") and task["stoppedAt"] < limit
        ]:
            del self.tasks[arn]
        self.tokens = {
            token: (request, arns)
            for token, (request, arns) in self.tokens.items()
            if any(arn in self.tasks for arn in arns)
        }


service = Service("ecs", store=EcsStore)
_runs: WeakKeyDictionary[World, Runs] = WeakKeyDictionary()


@service.on_start
def recover(world: World) -> None:
    """Tasks that ran when the sandbox ended have stopped with it: say so, and give back what they held."""
    _runs[world] = Runs(world)
    for region, store in world.stores("ecs").items():
        for task in store.tasks.values():
            if task["lastStatus"] == "STOPPED":
                continue
            for container in task["containers"]:
                if container["lastStatus"] != "STOPPED":
                    container.update(lastStatus="STOPPED", reason=INTERRUPTED)
            moment = now()
            task.setdefault("stoppingAt", moment)
            task.setdefault("executionStoppedAt", moment)
            task.setdefault("stopCode", "TerminationNotice")
            task.setdefault("stoppedReason", INTERRUPTED)
            task.update(desiredStatus="STOPPED", lastStatus="STOPPED", stoppedAt=moment)
            remove_interface(world, region, task)
    world.changed()


def invalid(message: str) -> AwsError:
    """An InvalidParameterException."""
    return AwsError("InvalidParameterException", message)


# Checks in front of moto ----------------------------------------------------------------------------------


@service.operation("RegisterTaskDefinition")
def register_task_definition(call: Call) -> object:
    task_definitions.check(call.params)
    return MOTO


@service.operation("DescribeClusters")
def describe_clusters(call: Call) -> object:
    with call.world.lock:
        for cluster in call.world.moto("ecs", call.region).clusters.values():
            status = [
                task["lastStatus"] for task in call.store.tasks.values() if task["clusterArn"] == cluster.arn
            ]
            cluster.running_tasks_count = status.count("RUNNING")
            cluster.pending_tasks_count = status.count("PROVISIONING") + status.count("PENDING")
    return MOTO


@service.operation("DeleteCluster")
def delete_cluster(call: Call) -> object:
    arn = find_cluster(call, call.params.get("cluster")).arn
    if any(
        task["clusterArn"] == arn and task["lastStatus"] != "STOPPED" for task in call.store.tasks.values()
    ):
        raise AwsError(
            "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active."
        )
    return MOTO


@service.operation("CreateService")
@service.operation("CreateTaskSet")
@service.operation("ExecuteCommand")
def not_simulated(call: Call) -> None:
    raise AwsError(
        "UnsupportedFeatureException",
        f"The sandbox runs single tasks only: {call.operation} is not simulated. It works in a real account.",
    )


@service.operation("StartTask")
def start_task(call: Call) -> dict[str, Any]:
    """Places a task on a container instance, of which this sandbox (like Fargate) has none."""
    find_cluster(call, call.params.get("cluster"))
    find_definition(call, call.params["taskDefinition"])
    instances = call.params.get("containerInstances") or []
    if not instances:
        raise invalid("Container Instances cannot be empty.")
    arns = [
        name if name.startswith("arn:") else f"{_arn(call, 'container-instance')}/{name}"
        for name in instances
    ]
    return {"tasks": [], "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns]}


# RunTask --------------------------------------------------------------------------------------------------


@service.operation("RunTask")
def run_task(call: Call) -> dict[str, Any]:
    params, token = call.params, call.params.get("clientToken")
    request = json.dumps(
        {name: value for name, value in params.items() if name != "clientToken"}, sort_keys=True
    )
    with call.world.lock:
        call.store.expire()
        known = call.store.tokens.get(token) if token else None
    if known and known[0] != request:
        raise AwsError(
            "ConflictException",
            "The RunTask request could not be processed due to conflicts. The provided clientToken is already in "
            "use with a different RunTask request.",
        )
    if known:
        with call.world.lock:
            tasks = [call.store.tasks[arn] for arn in known[1] if arn in call.store.tasks]
            return {"tasks": [shown(task) for task in tasks], "failures": []}
    count = params.get("count") or 1
    if not 1 <= count <= MAX_TASKS_AT_ONCE:
        raise invalid(f"count must be between 1 and {MAX_TASKS_AT_ONCE}.")
    cluster = find_cluster(call, params.get("cluster"))
    provider = _fargate_provider(call, cluster)
    definition, tags = find_definition(call, params["taskDefinition"])
    _check_request(call, definition)
    roles = _roles(call, definition)
    made = [_new_task(call, cluster.arn, provider, definition, tags) for _ in range(count)]
    _assume(call, roles, made[0])
    with call.world.lock:
        call.store.tasks.update((task["taskArn"], task) for task in made)
        if token:
            call.store.tokens[token] = (request, [task["taskArn"] for task in made])
        answer = {"tasks": [shown(task) for task in made], "failures": []}
    for task in made:
        _runs[call.world].start(TaskRun(call.world, call.region, task, definition, roles))
    return answer


def _arn(call: Call, resource: str) -> str:
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
    ecs = call.world.client("ecs", call.region, as_service="ecs.amazonaws.com")
    try:
        found = ecs.describe_task_definition(taskDefinition=name, include=["TAGS"])
    except ClientError as error:
        raise AwsError("ClientException", "TaskDefinition not found.") from error
    definition = found["taskDefinition"]
    if definition.get("status") != "ACTIVE":
        raise AwsError("ClientException", "TaskDefinition is inactive")
    return definition, found.get("tags") or []


def _fargate_provider(call: Call, cluster: Any) -> str | None:
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
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated "
            "with the cluster. Associate the capacity provider with the cluster and try again."
        )
    if name not in FARGATE_PROVIDERS:
        raise invalid("No Container Instances were found in your cluster.")
    return name


def _check_request(call: Call, definition: dict[str, Any]) -> None:
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
        if override.get("name") not in names:
            raise invalid(
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition."
            )
    task_definitions.check_size(
        overrides.get("cpu") or definition["cpu"], overrides.get("memory") or definition["memory"]
    )
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
                f"Security Group {group['GroupId']} does not appear to belong to the same VPC as the input subnets."
            )


def _not_there(kind: str, ids: list[str], error: ClientError) -> AwsError:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    named = next((name for name in ids if name in message), ids[0])
    if code == "InvalidGroup.NotFound":
        message = f"The security group '{named}' does not exist"
    return invalid(f"Error retrieving {kind} information for [{named}]: {message} (ErrorCode: {code})")


def _roles(call: Call, definition: dict[str, Any]) -> dict[str, str | None]:
    overrides = call.params.get("overrides") or {}
    found = {
        "task": overrides.get("taskRoleArn") or definition.get("taskRoleArn"),
        "execution": overrides.get("executionRoleArn") or definition.get("executionRoleArn"),
    }
    partition = _arn(call, "").split(":")[1]
    return {
        kind: f"arn:{partition}:iam::{call.account}:role/{role}"
        if role and not role.startswith("arn:")
        else role
        for kind, role in found.items()
    }


def _assume(call: Call, roles: dict[str, str | None], task: dict[str, Any]) -> None:
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
                f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that "
                "the role being passed has the proper trust relationship and permissions and that your IAM user "
                "has permissions to pass this role.",
            ) from error


def _new_task(
    call: Call,
    cluster_arn: str,
    provider: str | None,
    definition: dict[str, Any],
    definition_tags: list[dict[str, str]],
) -> dict[str, Any]:
    """A task's document in its first state."""
    params, overrides = call.params, call.params.get("overrides") or {}
    task_id, cluster = uuid.uuid4().hex, cluster_arn.rpartition("/")[2]
    arn = _arn(call, f"task/{cluster}/{task_id}")
    cpu, memory = task_definitions.check_size(
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
            _new_container(call, container, arn, given.get(container["name"], {}), cpu)
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


def _new_container(
    call: Call, container: dict[str, Any], task_arn: str, override: dict[str, Any], task_cpu: int
) -> dict[str, Any]:
    where, task_id = task_arn.rpartition(":task/")[2], task_arn.rpartition("/")[2]
    made = {
        "containerArn": _arn(call, f"container/{where}/{uuid.uuid4()}"),
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


# Tasks that exist -----------------------------------------------------------------------------------------


def _find(call: Call, cluster_arn: str, name: str) -> dict[str, Any] | None:
    task_id = name.rpartition("/")[2]
    arn = f"{_arn(call, 'task')}/{cluster_arn.rpartition('/')[2]}/{task_id}"
    return call.store.tasks.get(arn)


@service.operation("DescribeTasks")
def describe_tasks(call: Call) -> dict[str, Any]:
    cluster = find_cluster(call, call.params.get("cluster")).arn
    names = call.params.get("tasks") or []
    if not names:
        raise invalid("Tasks cannot be empty.")
    if len(names) > 100:
        raise invalid("Tasks cannot have more than 100 elements.")
    with_tags = "TAGS" in (call.params.get("include") or [])
    found, missing = [], []
    with call.world.lock:
        call.store.expire()
        for name in names:
            task = _find(call, cluster, name)
            if task:
                found.append(shown(task, with_tags))
            else:
                arn = f"{_arn(call, 'task')}/{cluster.rpartition('/')[2]}/{name.rpartition('/')[2]}"
                missing.append({"arn": arn, "reason": "MISSING"})
    return {"tasks": found, "failures": missing}


@service.operation("ListTasks")
def list_tasks(call: Call) -> dict[str, Any]:
    params = call.params
    cluster = find_cluster(call, params.get("cluster")).arn
    size, start = params.get("maxResults") or 100, params.get("nextToken") or "0"
    if not 1 <= size <= 100:
        raise invalid("maxResults must be between 1 and 100.")
    if not start.isdecimal():
        raise invalid("Invalid token.")
    with call.world.lock:
        call.store.expire()
        arns = [
            arn
            for arn, task in call.store.tasks.items()
            if task["clusterArn"] == cluster and _wanted(task, params)
        ]
    page = arns[int(start) : int(start) + size]
    more = int(start) + size < len(arns)
    return {"taskArns": page, **({"nextToken": str(int(start) + size)} if more else {})}


def _wanted(task: dict[str, Any], params: dict[str, Any]) -> bool:
    family = task["taskDefinitionArn"].rpartition("/")[2].partition(":")[0]
    return (
        task["desiredStatus"] == (params.get("desiredStatus") or "RUNNING")
        and params.get("family") in (None, family)
        and params.get("startedBy") in (None, task.get("startedBy"))
        and params.get("launchType") in (None, task["launchType"])
        and not params.get("serviceName")
        and not params.get("containerInstance")
    )


@service.operation("StopTask")
def stop_task(call: Call) -> dict[str, Any]:
    cluster = find_cluster(call, call.params.get("cluster")).arn
    with call.world.lock:
        task = _find(call, cluster, call.params["task"])
    if task is None:
        raise invalid("The referenced task was not found.")
    _runs[call.world].stop(task["taskArn"], call.params.get("reason") or "Task stopped by user")
    with call.world.lock:
        return {"task": shown(task)}


# Tags of tasks; those of everything else are moto's --------------------------------------------------------


def _tagged_task(call: Call) -> dict[str, Any] | None:
    arn = call.params["resourceArn"]
    if not re.search(r":task/", arn):
        return None
    task = call.store.tasks.get(arn)
    if task is None:
        raise invalid("The specified task is not found. Specify a valid task ARN and try again.")
    return task


@service.operation("ListTagsForResource")
def list_tags(call: Call) -> object:
    with call.world.lock:
        task = _tagged_task(call)
        return MOTO if task is None else {"tags": copy.deepcopy(task["tags"])}


@service.operation("TagResource")
def tag_resource(call: Call) -> object:
    with call.world.lock:
        task = _tagged_task(call)
        if task is None:
            return MOTO
        new = {tag["key"] for tag in call.params["tags"]}
        task["tags"] = [tag for tag in task["tags"] if tag["key"] not in new] + list(call.params["tags"])
    return {}


@service.operation("UntagResource")
def untag_resource(call: Call) -> object:
    with call.world.lock:
        task = _tagged_task(call)
        if task is None:
            return MOTO
        task["tags"] = [tag for tag in task["tags"] if tag["key"] not in call.params["tagKeys"]]
    return {}
