"""What a run really left in AWS, read back from the APIs: first what must be there, then what must be gone.

The notebooks could be wrong about what they did. These functions ask the services themselves, and `missing`
says in sentences what is not as it has to be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

STACKS = ("storage", "network", "roles", "registry", "build", "pipeline", "task", "schedule")
WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
# What stands in a task's startedBy when an EventBridge rule started it is this and the rule's name.
STARTED_BY_RULE = "events-rule/"

#: Gives a boto3 client for a service's name.
Clients = Callable[[str], Any]


def read(clients: Clients, project: str, report_date: str) -> dict[str, Any]:
    """Stacks with their resources and events, the report, the tasks, their log lines, and the schedule."""
    exports = _exports(clients("cloudformation"), project)
    tasks = list(_tasks(clients("ecs"), project))
    report = _report(clients("s3"), exports.get("DataBucketName"), f"reports/{report_date}.csv")
    if report:
        report["written_by"] = [task["id"] for task in tasks if _ran_at(report["written"], task)]
    return {
        "stacks": [_stack(clients("cloudformation"), f"{project}-{name}") for name in STACKS],
        "report": report,
        "tasks": tasks,
        "log": _log(clients("logs"), exports.get("TaskLogGroupName"), [task["id"] for task in tasks]),
        "schedule": _schedule(clients("events"), exports.get("ScheduleRuleName")),
    }


def wait_for_tasks(clients: Clients, project: str, seconds: float, poll_seconds: float) -> None:
    """Let running tasks come to their end, so that exit codes and logs are whole. No error if they do not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(task["status"] == "STOPPED" for task in _tasks(clients("ecs"), project)):
            return
        time.sleep(poll_seconds)


def missing(facts: dict[str, Any]) -> list[str]:
    """What is not as it has to be before the teardown, a sentence each; empty when all is well."""
    found = []
    for stack in facts["stacks"]:
        if stack["status"] not in WHOLE:
            found.append(f"The stack {stack['name']} is {stack['status']}.")
        silent = [part["logical_id"] for part in stack["resources"] if not part["events"]]
        if silent:
            found.append(f"The stack {stack['name']} has no event for {', '.join(silent)}.")
    if not facts["report"]:
        found.append("There is no report in the data bucket.")
    rule = (facts["schedule"] or {}).get("name")
    if not rule:
        found.append("The schedule's rule does not exist.")
    by_rule = [task for task in facts["tasks"] if rule and task["started_by"] == f"{STARTED_BY_RULE}{rule}"]
    done = [task for task in by_rule if task["exit_code"] == 0]
    if not done:
        found.append("No task that the schedule started has ended with exit code 0.")
    if not any(facts["log"]["lines"].get(task["id"]) for task in done):
        found.append("The log group holds no line of a task that the schedule started.")
    if facts["report"] and done and not {task["id"] for task in done} & set(facts["report"]["written_by"]):
        found.append("The report was not written while a task that the schedule started was running.")
    return found


def leftovers(clients: Clients, project: str) -> dict[str, list[str]]:
    """By kind, the names of what the project still has. All lists are empty after a good teardown.

    What AWS itself keeps for a while is not counted, because nobody can delete it at once and it costs
    nothing: stopped tasks, and the inactive clusters and task definitions.
    """
    begins = f"{project}-"
    stacks = _pages(clients("cloudformation"), "describe_stacks", "Stacks")
    buckets = clients("s3").list_buckets()["Buckets"]
    repositories = [
        each["repositoryName"] for each in _pages(clients("ecr"), "describe_repositories", "repositories")
    ]
    mine = [name for name in repositories if name == project or name.startswith(begins)]
    groups = [each["logGroupName"] for each in _pages(clients("logs"), "describe_log_groups", "logGroups")]
    roles = [each["RoleName"] for each in _pages(clients("iam"), "list_roles", "Roles")]
    rules = [each["Name"] for each in clients("events").list_rules(NamePrefix=project)["Rules"]]
    networks = clients("ec2").describe_vpcs(Filters=[{"Name": "tag:Project", "Values": [project]}])["Vpcs"]
    return {
        "stacks": [each["StackName"] for each in stacks if each["StackName"].startswith(begins)],
        "buckets": [each["Name"] for each in buckets if each["Name"].startswith(begins)],
        "repositories": mine,
        "images": [image for name in mine for image in _images(clients("ecr"), name)],
        "log groups": [name for name in groups if project in name.strip("/").split("/")],
        "roles": [name for name in roles if name.startswith(begins)],
        "rules": rules,
        "clusters": _clusters(clients("ecs"), project),
        "networks": [each["VpcId"] for each in networks],
    }


def fetch_report(clients: Clients, facts: dict[str, Any]) -> bytes:
    """The report itself, as it lies in S3."""
    where = facts["report"]
    return clients("s3").get_object(Bucket=where["bucket"], Key=where["key"])["Body"].read()


def _exports(cloudformation: Any, project: str) -> dict[str, str]:
    begins = f"{project}-"
    exports = _pages(cloudformation, "list_exports", "Exports")
    return {
        each["Name"].removeprefix(begins): each["Value"]
        for each in exports
        if each["Name"].startswith(begins)
    }


def _stack(cloudformation: Any, name: str) -> dict[str, Any]:
    try:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError:
        return {"name": name, "status": "missing", "resources": []}
    events = list(_pages(cloudformation, "describe_stack_events", "StackEvents", StackName=name))
    resources = _pages(cloudformation, "list_stack_resources", "StackResourceSummaries", StackName=name)
    return {
        "name": name,
        "status": stack["StackStatus"],
        "resources": [
            {
                "logical_id": each["LogicalResourceId"],
                "type": each["ResourceType"],
                "status": each["ResourceStatus"],
                "events": sum(event["LogicalResourceId"] == each["LogicalResourceId"] for event in events),
            }
            for each in resources
        ],
    }


def _report(s3: Any, bucket: str | None, key: str) -> dict[str, Any] | None:
    if bucket is None:
        return None
    try:
        found = s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return None
    return {"bucket": bucket, "key": key, "bytes": found["ContentLength"], "written": found["LastModified"]}


def _tasks(ecs: Any, cluster: str) -> Iterator[dict[str, Any]]:
    for wanted in ("RUNNING", "STOPPED"):
        try:
            arns = list(_pages(ecs, "list_tasks", "taskArns", cluster=cluster, desiredStatus=wanted))
        except ClientError:  # no such cluster: then it has no tasks either
            return
        for place in range(0, len(arns), 100):
            described = ecs.describe_tasks(cluster=cluster, tasks=arns[place : place + 100])
            for task in described["tasks"]:
                yield {
                    "id": task["taskArn"].rpartition("/")[2],
                    "started_by": task.get("startedBy", ""),
                    "status": task["lastStatus"],
                    "exit_code": next((each.get("exitCode") for each in task.get("containers", [])), None),
                    "stopped_reason": task.get("stoppedReason"),
                    "started": task.get("startedAt"),
                    "stopped": task.get("stoppedAt"),
                }


def _ran_at(moment: datetime, task: dict[str, Any]) -> bool:
    """Whether the task ran at that time. S3 tells times in whole seconds, ECS in fractions."""
    if not task["started"] or moment.timestamp() < int(task["started"].timestamp()):
        return False
    return task["stopped"] is None or moment <= task["stopped"]


def _log(logs: Any, group: str | None, task_ids: list[str]) -> dict[str, Any]:
    """How many lines the log group holds, and how many of each task, whose id ends its stream's name."""
    lines: dict[str, int] = {}
    total = 0
    for event in _pages(logs, "filter_log_events", "events", logGroupName=group) if group else []:
        total += 1
        task = event["logStreamName"].rpartition("/")[2]
        if task in task_ids:
            lines[task] = lines.get(task, 0) + 1
    return {"group": group, "total": total, "lines": lines}


def _schedule(events: Any, rule: str | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    try:
        found = events.describe_rule(Name=rule)
    except ClientError:
        return None
    return {"name": rule, "expression": found.get("ScheduleExpression"), "state": found["State"]}


def _clusters(ecs: Any, name: str) -> list[str]:
    found = ecs.describe_clusters(clusters=[name])["clusters"]
    return [each["clusterName"] for each in found if each["status"] != "INACTIVE"]


def _images(ecr: Any, repository: str) -> list[str]:
    images = _pages(ecr, "list_images", "imageIds", repositoryName=repository)
    return [f"{repository}@{each.get('imageDigest', each.get('imageTag'))}" for each in images]


def _pages(client: Any, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**parameters):
        yield from page[key]
