"""Tasks: started now or by the schedule, followed until they stop, ended by their exit code."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import live, schedule_words, show, stacks
from .builds import LogReader
from .errors import Interrupted, NameUnknown, NotReady, StackMissing, StillWorking, TaskNotStarted
from .live import Line, Note, Step
from .session import Session, verb
from .show import Status, Table, Text

CONTAINER = "job"


@dataclass(frozen=True)
class Task(show.Noun):
    """A task as it was when a verb returned it. `exit_code` is None until it stopped, or if it never started.

    `seconds` is the time from the container's start to its end, without the wait for capacity and image.
    """

    arn: str
    status: str
    exit_code: int | None
    reason: str
    seconds: float | None
    started_by: str
    created: datetime.datetime
    definition: str
    image: str
    image_digest: str | None
    environment: Mapping[str, str]
    log_group: str | None
    log_stream: str | None

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def succeeded(self) -> bool:
        return self.exit_code == 0

    @property
    def outcome(self) -> str:
        """Its status, or how it ended."""
        if self.status != "STOPPED":
            return self.status
        return "stopped without an exit code" if self.exit_code is None else f"exit code {self.exit_code}"

    def _view(self) -> Iterator[show.Block]:
        yield Text(f"Task · {Status(self.outcome)}", title=True)
        rows = [("Started by", self.started_by or "run_task"), ("Task definition", self.definition)]
        rows += [(f"Environment: {name}", value) for name, value in self.environment.items()]
        if self.reason:
            rows.append(("Reason", self.reason))
        yield Table(("", ""), rows)


@verb
def run_task(
    session: Session, environment: Mapping[str, str] | None = None, command: Sequence[str] | None = None
) -> Task:
    """Start the job now, in the project's cluster and subnets; follow_logs(session, task) follows it.

    `environment` and `command` override the task definition's for this run.
    Raises StackMissing, and TaskNotStarted when ECS takes the request and starts nothing.
    """
    override: dict[str, Any] = {"name": CONTAINER}
    if environment:
        override["environment"] = [{"name": k, "value": str(v)} for k, v in environment.items()]
    if command is not None:
        override["command"] = [str(word) for word in command]
    answer = session.client("ecs").run_task(
        cluster=stacks.exported_value(session, "ClusterName"),
        taskDefinition=stacks.exported_value(session, "TaskDefinitionArn"),
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": stacks.exported_value(session, "SubnetIds").split(","),
                "securityGroups": [stacks.exported_value(session, "TaskSecurityGroupId")],
                "assignPublicIp": stacks.exported_value(session, "AssignPublicIp"),
            }
        },
        overrides={"containerOverrides": [override]},
    )
    if not answer["tasks"]:
        reasons = ", ".join(f.get("reason", "no reason given") for f in answer.get("failures", ()))
        raise TaskNotStarted(
            f"ECS started no task: {reasons or 'it gives no reason'}.", "Mend that, then run it again."
        )
    return _task(session, answer["tasks"][0])


@verb
def follow_logs(
    session: Session,
    task: Task | str,
    *,
    poll_seconds: float | None = None,
    timeout_minutes: float = 30,
) -> Task:
    """Follow a task's states and log lines live until it stops; returns it with its exit code and reason.

    A task that fails is a result, not an error: look at `exit_code`, or ask why(session, task).
    Raises StillWorking after `timeout_minutes`, Interrupted on Ctrl-C (the task goes on).
    """
    arn = task.arn if isinstance(task, Task) else task
    poll = session.poll_seconds if poll_seconds is None else poll_seconds
    deadline = time.monotonic() + timeout_minutes * 60
    try:
        return live.draw(_follow(session, arn, poll, deadline), "Task", ("", "", "Status", "Reason"))
    except KeyboardInterrupt:
        raise Interrupted(
            "Stopped watching; the task goes on.", "follow_logs(session, task) follows it."
        ) from None


@verb
def next_task(
    session: Session,
    after: Task | datetime.datetime | None = None,
    *,
    poll_seconds: float | None = None,
    timeout_minutes: float = 5,
) -> Task:
    """Wait for the next task that the schedule starts, and return it; follow_logs(session, task) follows it.

    `after` is the task or the time after which it must have been created; None means from now on.
    Raises NotReady when the rule is disabled, StillWorking (with the rule's next time) when none came.
    """
    since = (
        after.created if isinstance(after, Task) else after or datetime.datetime.now(datetime.timezone.utc)
    )
    poll = session.poll_seconds if poll_seconds is None else poll_seconds
    rule = _what_fires(session)
    if rule["State"] == "DISABLED":
        raise NotReady(
            f"The rule {rule['Name']} is disabled: it starts nothing.",
            'deploy(session, "schedule", {"ScheduleState": "ENABLED"}) switches it on.',
        )
    deadline = time.monotonic() + timeout_minutes * 60
    try:
        return live.draw(_next(session, rule, since, poll, deadline), f"Schedule {rule['Name']}", ("",) * 4)
    except KeyboardInterrupt:
        raise Interrupted(
            "Stopped waiting; the schedule stays on.", "next_task(session) waits again."
        ) from None


def _follow(session: Session, arn: str, poll: float, deadline: float) -> live.Events:
    reader, said = LogReader(session), ""
    while True:
        task = read_task(session, arn)
        stopped = task.status == "STOPPED"
        if task.outcome != said and not stopped:
            said = task.outcome
            yield Step("task", said)
        yield from map(Line, reader.read(task.log_group, task.log_stream, to_the_end=stopped))
        if stopped:  # last, after what the job had to say
            yield Step("task", task.outcome, note=task.reason)
            return task
        if time.monotonic() > deadline:
            raise StillWorking(
                f"The task is still {task.status}; the time to wait is over.",
                "follow_logs(session, task) goes on.",
            )
        yield from live.pause(poll)


def _next(
    session: Session, rule: Mapping[str, Any], since: datetime.datetime, poll: float, deadline: float
) -> live.Events:
    expression = rule["ScheduleExpression"]
    zone = rule.get("ScheduleExpressionTimezone")  # Scheduler's alone
    words = schedule_words.in_words(expression, zone or "UTC", scheduler=zone is not None)
    what = "schedule" if zone else "rule"
    yield Note(f"The {what} says `{expression}`: {words}.")
    while True:
        started = [t for t in started_by(session, rule["StartedBy"]) if t.created > since]
        if started:
            first = min(started, key=lambda task: task.created)
            # "started", whatever it is by now: the same each time, and its end is for follow_logs to tell.
            yield Step("task", "started", note=f"by {first.started_by}")
            return first
        if time.monotonic() > deadline:
            raise StillWorking(
                f"The {what} has started no task; it says {words}.",
                "Give a longer timeout_minutes, or a schedule that comes sooner: "
                'deploy(session, "schedule", {"ScheduleExpression": "rate(1 minute)"}).',
            )
        yield from live.pause(poll)


def _what_fires(session: Session) -> Mapping[str, Any]:
    """The rule or, where ScheduleKind is scheduler, the schedule; and what its tasks have in startedBy."""
    try:
        name = stacks.exported_value(session, "ScheduleName")
    except StackMissing:
        rule = session.client("events").describe_rule(Name=stacks.exported_value(session, "ScheduleRuleName"))
        return {**rule, "StartedBy": f"events-rule/{rule['Name']}"}
    group = stacks.exported_value(session, "ScheduleGroupName")
    schedule = session.client("scheduler").get_schedule(GroupName=group, Name=name)
    return {**schedule, "StartedBy": f"chronos-schedule/{name}"}


def started_by(session: Session, name: str) -> list[Task]:
    """The tasks with this in startedBy, which EventBridge sets to events-rule/<name of the rule>.

    Source: Amazon ECS API reference, Task. Scheduler writes chronos-schedule/<name>, as seen in accounts.
    """
    ecs, cluster = session.client("ecs"), stacks.exported_value(session, "ClusterName")
    found: dict[str, Task] = {}
    for status in ("RUNNING", "STOPPED"):
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=status):
            if page["taskArns"]:
                tasks = ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]
                found |= {task["taskArn"]: _task(session, task) for task in tasks}
    return [
        t for t in found.values() if t.started_by == name or t.started_by == name[:36]
    ]  # long ones are cut


def read_task(session: Session, arn: str) -> Task:
    parts = arn.split("/")
    cluster = parts[1] if len(parts) == 3 else stacks.exported_value(session, "ClusterName")
    found = session.client("ecs").describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
    if not found:
        what = f"ECS does not know the task {parts[-1]}."
        raise NameUnknown(what, "It forgets a stopped task after an hour: run another.")
    return _task(session, found[0])


def _task(session: Session, raw: Mapping[str, Any]) -> Task:
    container = next((c for c in raw.get("containers", ()) if c["name"] == CONTAINER), {})
    definition = _definition(session, raw["taskDefinitionArn"])
    override = next(
        (c for c in raw.get("overrides", {}).get("containerOverrides", ()) if c["name"] == CONTAINER), {}
    )
    reasons = (raw.get("stoppedReason"), container.get("reason"))
    begun, ended = (
        raw.get("startedAt"),
        raw.get("executionStoppedAt") or raw.get("stoppingAt") or raw.get("stoppedAt"),
    )
    options = definition.get("logConfiguration", {}).get("options", {})
    prefix = options.get("awslogs-stream-prefix")
    return Task(
        arn=raw["taskArn"],
        status=raw["lastStatus"],
        exit_code=container.get("exitCode"),
        reason=": ".join(dict.fromkeys(r for r in reasons if r)) if raw["lastStatus"] == "STOPPED" else "",
        seconds=(ended - begun).total_seconds() if begun and ended else None,
        started_by=raw.get("startedBy", ""),
        created=raw["createdAt"],
        definition=raw["taskDefinitionArn"].rsplit("/", 1)[-1],
        image=container.get("image") or definition.get("image", ""),
        image_digest=container.get("imageDigest"),
        environment={e["name"]: e["value"] for e in override.get("environment", ())},
        log_group=options.get("awslogs-group"),
        log_stream=f"{prefix}/{CONTAINER}/{raw['taskArn'].rsplit('/', 1)[-1]}" if prefix else None,
    )


def _definition(session: Session, arn: str) -> Mapping[str, Any]:
    """The definition of the task's container; a revision never changes, so it is asked for once."""
    key = f"definition {arn}"
    if key not in session.clients:
        found = session.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        session.clients[key] = found["containerDefinitions"]
    return next((c for c in session.clients[key] if c["name"] == CONTAINER), {})
