"""What the stack `schedule` does about a run that fails, or that never began."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from helpers.sandbox import event_inputs, event_patterns

from .resolve import deploy_all, read

HERE = "xx-region-9:111122223333"
FAMILY = f"arn:aws:ecs:{HERE}:task-definition/flights"


def stopped(stop_code: str, exit_code: int | None, **changes: Any) -> dict[str, Any]:
    """An event as in https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html"""
    container = {"name": "job"} if exit_code is None else {"name": "job", "exitCode": exit_code}
    detail = {
        "clusterArn": "<Cluster.Arn>",
        "taskDefinitionArn": f"{FAMILY}:3",
        "taskArn": f"arn:aws:ecs:{HERE}:task/flights/abc",
        "lastStatus": "STOPPED",
        "stopCode": stop_code,
        "stoppedReason": "why it stopped",
        "startedBy": "events-rule/flights-daily",
        "containers": [container],
        **changes,
    }
    return {"source": "aws.ecs", "detail-type": "ECS Task State Change", "time": "now", "detail": detail}


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (stopped("EssentialContainerExited", 1), True),
        (stopped("EssentialContainerExited", 137), True),
        (stopped("TaskFailedToStart", None), True),
        (stopped("SpotInterruption", 143), True),
        (stopped("EssentialContainerExited", 0), False),
        (stopped("UserInitiated", 143), False),
        (stopped("EssentialContainerExited", 1, lastStatus="DEPROVISIONING"), False),
        (stopped("EssentialContainerExited", 1, taskDefinitionArn=f"{FAMILY}2:1"), False),
        (stopped("EssentialContainerExited", 1, clusterArn="another"), False),
    ],
)
def test_which_tasks_are_told_of(event: dict[str, Any], told: bool) -> None:
    pattern = deploy_all()["schedule"].properties("TaskFailedRule")["EventPattern"]
    assert event_patterns.matches(event_patterns.parse(json.dumps(pattern)), event) is told


def test_the_notification_is_a_sentence() -> None:
    (target,) = deploy_all()["schedule"].properties("TaskFailedRule")["Targets"]
    assert "RoleArn" not in target, "the topic's own policy lets EventBridge in"
    event = stopped("EssentialContainerExited", 137, stoppedReason="OutOfMemoryError")
    text = event_inputs.transform(target["InputTransformer"], event, "rule", "arn")
    assert json.loads(text) == (
        "flights: a task failed at now. OutOfMemoryError. Exit code, if it ran: 137. "
        f"Started by: events-rule/flights-daily. The task: arn:aws:ecs:{HERE}:task/flights/abc"
    )


def test_both_forms_call_the_same_task_with_the_same_input_retries_and_queue() -> None:
    (old,) = deploy_all()["schedule"].properties("ScheduleRule")["Targets"]
    schedule = deploy_all(ScheduleKind="scheduler", TimeZone="Europe/Berlin")["schedule"].properties(
        "Schedule"
    )
    new = schedule["Target"]
    for name in ("Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig"):
        assert new[name] == old[name], name
    before, after = old["EcsParameters"], new["EcsParameters"]
    network = before.pop("NetworkConfiguration")["AwsVpcConfiguration"]
    assert after.pop("NetworkConfiguration") == {"AwsvpcConfiguration": network}
    assert after == before
    assert (schedule["GroupName"], schedule["FlexibleTimeWindow"]) == ("<ScheduleGroup>", {"Mode": "OFF"})
    assert (schedule["ScheduleExpressionTimezone"], schedule["State"]) == ("Europe/Berlin", "ENABLED")
    assert old["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600}
    assert old["DeadLetterConfig"] == {"Arn": "<DeadLetterQueue.Arn>"}


@pytest.mark.parametrize("kind", ["rule", "scheduler"])
def test_the_queue_lets_in_this_rule_and_nobody_else(kind: str) -> None:
    """Scheduler sends with the schedule's role, which needs no word of the queue's."""
    stack = deploy_all(ScheduleKind=kind)["schedule"]
    assert stack.properties("DeadLetterQueue")["SqsManagedSseEnabled"] is True
    deny, *allow = stack.properties("DeadLetterQueuePolicy")["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "sqs:*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert [(one["Principal"], one["Action"], one["Condition"]) for one in allow] == [
        (
            {"Service": "events.amazonaws.com"},
            "sqs:SendMessage",
            {"ArnEquals": {"aws:SourceArn": "<ScheduleRule.Arn>"}},
        )
    ] * (kind == "rule")


def test_the_topic_lets_in_two_services() -> None:
    stack = deploy_all()["schedule"]
    deny, events, alarms = stack.properties("NotificationTopicPolicy")["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert events["Principal"] == {"Service": "events.amazonaws.com"}
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    names = [r["Properties"]["AlarmName"] for r in stack.resources.values() if "Alarm" in r["Type"]]
    pattern = alarms["Condition"]["ArnLike"]["aws:SourceArn"]
    assert pattern == f"arn:aws:cloudwatch:{HERE}:alarm:flights-*"
    assert len(names) == 2 and all(name.startswith("flights-") for name in names)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [  # the guides' lists of metrics: eb-monitoring.html#eb-metrics, monitoring-cloudwatch.html
        ("rule", ("AWS/Events", "FailedInvocations", {"Name": "RuleName", "Value": "<ScheduleRule>"})),
        (
            "scheduler",
            ("AWS/Scheduler", "TargetErrorCount", {"Name": "ScheduleGroup", "Value": "<ScheduleGroup>"}),
        ),
    ],
)
def test_alarms_watch_the_form_that_fires_and_are_calm_without_data(kind: str, metric: tuple) -> None:
    stack = deploy_all(ScheduleKind=kind)["schedule"]
    alarm = stack.properties("InvocationAlarm")
    assert (alarm["Namespace"], alarm["MetricName"], *alarm["Dimensions"]) == metric
    for name in ("InvocationAlarm", "DeadLetterAlarm"):
        alarm = stack.properties(name)
        assert (alarm["Threshold"], alarm["TreatMissingData"]) == (1, "notBreaching")
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["<NotificationTopic>"]


def test_without_an_address_nobody_is_written_to() -> None:
    assert "NotificationSubscription" not in deploy_all()["schedule"].resources
    properties = deploy_all(NotifyEmail="me@example.org")["schedule"].properties("NotificationSubscription")
    assert (properties["Protocol"], properties["Endpoint"]) == ("email", "me@example.org")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3"])
def test_time_zones_are_accepted(zone: str) -> None:
    assert re.fullmatch(read("schedule")["Parameters"]["TimeZone"]["AllowedPattern"], zone)
