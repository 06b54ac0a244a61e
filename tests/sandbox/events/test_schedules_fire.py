"""Schedules fire on the sandbox's clock, which runs 60 times as fast here: a minute is a second."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.ecs.ground import ACCOUNT, Ground, until

from .conftest import EVENTS_TRUST, Bus

OFF = {"Mode": "OFF"}


def moments(bodies: list[dict[str, Any]]) -> list[datetime]:
    return [datetime.fromisoformat(body["time"].replace("Z", "+00:00")) for body in bodies]


def test_a_rate_fires_once_a_period(bus: Bus) -> None:
    queue = bus.queue()
    rule = bus.rule({"Arn": queue.arn}, ScheduleExpression="rate(1 minute)")
    until(lambda: len(queue.messages()) >= 3, what="three firings")
    times = moments(queue.bodies())
    assert [later - sooner for sooner, later in itertools.pairwise(times)] == [timedelta(minutes=1)] * (
        len(times) - 1
    )
    event = queue.bodies()[0]
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == [f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}"]


def test_cron_fires_at_whole_minutes(bus: Bus) -> None:
    queue = bus.queue()
    bus.rule({"Arn": queue.arn}, ScheduleExpression="cron(0/2 * * * ? *)")
    until(lambda: len(queue.messages()) >= 2, what="two firings")
    times = moments(queue.bodies())
    assert all(moment.minute % 2 == 0 and moment.second == 0 for moment in times)
    assert len(set(times)) == len(times)


def test_a_disabled_rule_does_not_fire_until_it_is_enabled(bus: Bus) -> None:
    quiet, loud = bus.queue(), bus.queue()
    rule = bus.rule({"Arn": quiet.arn}, ScheduleExpression="rate(1 minute)", State="DISABLED")
    bus.rule({"Arn": loud.arn}, ScheduleExpression="rate(1 minute)")
    until(lambda: len(loud.messages()) >= 2, what="two firings of the other rule")
    assert quiet.messages() == []
    bus.events.enable_rule(Name=rule)
    quiet.first()
    bus.events.disable_rule(Name=rule)
    count = len(quiet.messages())
    loud.seen.clear()
    until(lambda: len(loud.messages()) >= 3, what="three more firings of the other rule")
    assert len(quiet.messages()) <= count + 1  # one may have been on its way


def test_a_change_counts_at_once(bus: Bus) -> None:
    queue = bus.queue()
    rule = bus.rule({"Arn": queue.arn}, ScheduleExpression="rate(7 days)")
    bus.events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)")
    queue.first()


def test_a_schedule_starts_the_job_with_its_input(bus: Bus) -> None:
    ground = bus.ground
    image = ground.image("import os; print('report of', os.environ['REPORT_DATE'])")
    variables = [{"name": "REPORT_DATE", "value": "2013-01-01"}]
    target = bus.ecs_target(
        ground.define(ground.container(image)),
        Input=json.dumps({"containerOverrides": [{"name": "job", "environment": variables}]}),
    )
    rule = bus.rule(target, ScheduleExpression="rate(1 minute)")
    task = bus.first_task()
    assert ground.output(task) == ["report of 2013-01-01"]
    assert task["startedBy"] == f"events-rule/{rule}"[:36]


def test_slow_jobs_do_not_pile_up(bus: Bus) -> None:
    ground = bus.ground
    definition = ground.define(ground.container(ground.image("import time; time.sleep(60)")))
    rule = bus.rule(bus.ecs_target(definition), ScheduleExpression="rate(1 minute)")
    until(lambda: bus.metric("ThrottledRules", rule) >= 2, what="firings that are left out")
    running = ground.ecs.list_tasks(cluster=ground.cluster)["taskArns"]
    assert len(running) == 3
    bus.events.disable_rule(Name=rule)
    for task in running:
        ground.ecs.stop_task(cluster=ground.cluster, task=task)


def test_what_passed_while_the_sandbox_was_down_does_not_fire(fresh_sandbox: Any) -> None:
    sandbox = fresh_sandbox()
    bus = Bus(Ground(sandbox), itertools.count(1))
    queue = bus.queue()
    bus.rule({"Arn": queue.arn}, ScheduleExpression="rate(1 minute)")
    queue.first()
    sandbox.stop()
    stopped = datetime.now(timezone.utc)
    sandbox.start()
    queue.seen.clear()
    until(lambda: len(queue.messages()) >= 2, what="two firings")
    first, second, *_ = [moment for moment in moments(queue.bodies()) if moment > stopped]
    # A whole period after the start, not after the last firing. An event tells its time in whole seconds.
    assert first - stopped.replace(microsecond=0) >= timedelta(minutes=1)
    assert second - first == timedelta(minutes=1)


# EventBridge Scheduler ------------------------------------------------------------------------------------


def schedule(bus: Bus, expression: str, target: dict[str, Any], **settings: Any) -> str:
    name = bus.name()
    bus.schedules.append(name)
    bus.scheduler.create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow=OFF,
        Target={"RoleArn": bus.ground.role("scheduler", EVENTS_TRUST), **target},
        **settings,
    )
    return name


@pytest.mark.parametrize("expression", ["rate(0 minutes)", "cron(0 6 * * *)", "at(tomorrow)", "daily"])
def test_scheduler_refuses(bus: Bus, expression: str) -> None:
    with pytest.raises(ClientError) as error:
        schedule(bus, expression, {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue", "Input": "{}"})
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert error.value.response["Error"]["Message"] == f"Invalid Schedule Expression {expression}."
    bus.schedules.clear()


def test_scheduler_begins_a_rate_at_once(bus: Bus) -> None:
    queue = bus.queue()
    text = json.dumps({"at": "<aws.scheduler.scheduled-time>", "by": "<aws.scheduler.schedule-arn>"})
    name = schedule(bus, "rate(7 days)", {"Arn": queue.arn, "Input": text})
    body = queue.first()
    assert body["by"] == f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/{name}"
    assert datetime.fromisoformat(body["at"].replace("Z", "+00:00")) >= datetime.now(timezone.utc)


def test_scheduler_runs_a_task_once_at_a_time(bus: Bus) -> None:
    ground = bus.ground
    definition = ground.define(ground.container(ground.image("print('once')")))
    target = bus.ecs_target(definition)
    network = ground.network["awsvpcConfiguration"]
    clock = bus.queue()
    bus.rule({"Arn": clock.arn}, ScheduleExpression="rate(1 minute)")
    soon = moments([clock.first()])[0] + timedelta(minutes=2)
    name = schedule(
        bus,
        f"at({soon:%Y-%m-%dT%H:%M:%S})",
        {
            "Arn": ground.cluster,
            "EcsParameters": {
                "TaskDefinitionArn": definition,
                "LaunchType": "FARGATE",
                "NetworkConfiguration": {
                    "awsvpcConfiguration": {
                        "Subnets": network["subnets"],
                        "SecurityGroups": network["securityGroups"],
                        "AssignPublicIp": network["assignPublicIp"],
                    }
                },
            },
            "RoleArn": target["RoleArn"],
        },
        ActionAfterCompletion="DELETE",
    )
    task = bus.first_task()
    assert ground.output(task) == ["once"]
    assert task["startedBy"] == f"chronos-schedule/{name}"[:36]

    def gone() -> bool:
        return name not in [found["Name"] for found in bus.scheduler.list_schedules()["Schedules"]]

    until(gone, what="the deletion of the schedule")
    assert len(bus.stopped_tasks()) == 1


def test_scheduler_calls_any_operation(bus: Bus) -> None:
    queue = bus.queue()
    given = json.dumps({"QueueUrl": queue.url, "MessageBody": '"by hand"'})
    schedule(bus, "rate(7 days)", {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": given})
    assert queue.first() == "by hand"


def test_scheduler_has_its_own_dead_letters(bus: Bus) -> None:
    dead = bus.queue()
    missing = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{bus.name()}"
    name = schedule(
        bus,
        "rate(7 days)",
        {"Arn": missing, "Input": '{"order": 1}', "DeadLetterConfig": {"Arn": dead.arn}},
    )
    assert dead.first() == {"order": 1}
    found = {key: value["StringValue"] for key, value in dead.seen[0]["MessageAttributes"].items()}
    assert found["SCHEDULE_ARN"].endswith(f"schedule/default/{name}")
    assert (found["TARGET_ARN"], found["ERROR_CODE"], found["RETRY_ATTEMPTS"]) == (
        missing,
        "NO_RESOURCE",
        "0",
    )


def test_a_zone_decides_when_cron_fires(bus: Bus) -> None:
    queue = bus.queue()
    clock = bus.queue()
    bus.rule({"Arn": clock.arn}, ScheduleExpression="rate(1 minute)")
    there = moments([clock.first()])[0] + timedelta(hours=5, minutes=30)  # India has no summer time
    soon = there + timedelta(minutes=2)
    schedule(
        bus,
        f"cron({soon.minute} {soon.hour} * * ? *)",
        {"Arn": queue.arn, "Input": '"good morning"'},
        ScheduleExpressionTimezone="Asia/Kolkata",
    )
    assert queue.first() == "good morning"
