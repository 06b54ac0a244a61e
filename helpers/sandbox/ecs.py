"""ECS on Fargate: RunTask and what is asked of tasks. Clusters and definitions are moto's, after our checks.

Error codes and words are those of the Amazon ECS API reference and of messages that its users published
(read 2026-11-23).
"""

from __future__ import annotations

import copy
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from . import task_definitions, task_requests
from .interfaces import remove_interface
from .service import MOTO, AwsError, Call, Service
from .task_requests import arn_of, find_cluster, find_definition, invalid, shown
from .tasks import Runs, TaskRun, now

if TYPE_CHECKING:
    from .world import World

STOPPED_TASKS_STAY = timedelta(hours=1)
MAX_TASKS_AT_ONCE = 10
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
        name if name.startswith("arn:") else f"{arn_of(call, 'container-instance')}/{name}"
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
            "The RunTask request could not be processed due to conflicts. The provided clientToken is "
            "already in use with a different RunTask request.",
        )
    if known:
        with call.world.lock:
            tasks = [call.store.tasks[arn] for arn in known[1] if arn in call.store.tasks]
            return {"tasks": [shown(task) for task in tasks], "failures": []}
    count = params.get("count") or 1
    if not 1 <= count <= MAX_TASKS_AT_ONCE:
        raise invalid(f"count must be between 1 and {MAX_TASKS_AT_ONCE}.")
    cluster = find_cluster(call, params.get("cluster"))
    provider = task_requests.fargate_provider(call, cluster)
    definition, tags = find_definition(call, params["taskDefinition"])
    task_requests.check_request(call, definition)
    roles = task_requests.roles_of(call, definition)
    made = [task_requests.new_task(call, cluster.arn, provider, definition, tags) for _ in range(count)]
    task_requests.check_roles(call, roles, made[0])
    with call.world.lock:
        call.store.tasks.update((task["taskArn"], task) for task in made)
        if token:
            call.store.tokens[token] = (request, [task["taskArn"] for task in made])
        answer = {"tasks": [shown(task) for task in made], "failures": []}
    for task in made:
        _runs[call.world].start(TaskRun(call.world, call.region, task, definition, roles))
    return answer


# Tasks that exist -----------------------------------------------------------------------------------------


def _find(call: Call, cluster_arn: str, name: str) -> dict[str, Any] | None:
    task_id = name.rpartition("/")[2]
    arn = f"{arn_of(call, 'task')}/{cluster_arn.rpartition('/')[2]}/{task_id}"
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
                arn = f"{arn_of(call, 'task')}/{cluster.rpartition('/')[2]}/{name.rpartition('/')[2]}"
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
