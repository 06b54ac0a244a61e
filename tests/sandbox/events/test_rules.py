"""Rules: what EventBridge refuses, and what becomes of an event that a rule is for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.ecs.ground import ACCOUNT, until

from .conftest import EVENTS_TRUST, Bus

QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
CLUSTER = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/flights"
ELSEWHERE = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/flights"


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "expression", ["rate(1 minutes)", "rate(5 minute)", "cron(0 6 * * * *)", "cron(0 6 * * ? )", "every day"]
)
def test_a_wrong_schedule_expression(bus: Bus, expression: str) -> None:
    with pytest.raises(ClientError) as error:
        bus.events.put_rule(Name=bus.name(), ScheduleExpression=expression)
    assert refusal(error) == ("ValidationException", "Parameter ScheduleExpression is not valid.")


def test_a_schedule_on_another_bus(bus: Bus) -> None:
    name = bus.name()
    bus.events.create_event_bus(Name=name)
    with pytest.raises(ClientError) as error:
        bus.events.put_rule(Name=name, EventBusName=name, ScheduleExpression="rate(1 day)")
    assert refusal(error)[1] == "ScheduleExpression is supported only on the default event bus."


def test_a_wrong_pattern(bus: Bus) -> None:
    with pytest.raises(ClientError) as error:
        bus.events.put_rule(Name=bus.name(), EventPattern='{"source": "aws.s3"}')
    assert refusal(error) == (
        "InvalidEventPatternException",
        'Event pattern is not valid. Reason: "source" must be an object or an array',
    )


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            {"Arn": CLUSTER, "EcsParameters": {"TaskDefinitionArn": "flights"}},
            f"RoleArn is required for target {CLUSTER}.",
        ),
        ({"Arn": CLUSTER, "RoleArn": ROLE}, "Parameter(s) EcsParameters must be specified for target: t."),
        (
            {"Arn": QUEUE, "EcsParameters": {"TaskDefinitionArn": "flights"}},
            "Parameter(s) EcsParameters not supported for target: t.",
        ),
        (
            {"Arn": CLUSTER, "RoleArn": ROLE, "EcsParameters": {"TaskDefinitionArn": ELSEWHERE}},
            f"Region of {CLUSTER} does not match region of {ELSEWHERE}",
        ),
        ({"Arn": QUEUE, "Input": "not json"}, "JSON syntax error in input for target t."),
        (
            {"Arn": QUEUE, "Input": "{}", "InputPath": "$"},
            "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
        ),
        ({"Arn": QUEUE, "InputPath": "detail"}, "InputPath for target t is invalid."),
        (
            {"Arn": QUEUE, "InputTransformer": {"InputPathsMap": {"a": "$.id"}, "InputTemplate": '"<b>"'}},
            "InputTemplate for target t contains invalid placeholder b.",
        ),
        (
            {"Arn": QUEUE, "DeadLetterConfig": {"Arn": f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"}},
            "sns is not supported as a dead letter resource.",
        ),
        (
            {"Arn": QUEUE, "DeadLetterConfig": {"Arn": f"{QUEUE}.fifo"}},
            "SQS FIFO is not supported by Dead Letter Queues.",
        ),
        ({"Arn": "queue"}, "Parameter queue is not valid. Reason: Provided Arn is not in correct format."),
    ],
)
def test_a_wrong_target(bus: Bus, target: dict[str, Any], message: str) -> None:
    name = bus.rule(EventPattern={"source": ["test"]})
    with pytest.raises(ClientError) as error:
        bus.events.put_targets(Rule=name, Targets=[{"Id": "t", **target}])
    assert refusal(error) == ("ValidationException", message)
    assert bus.events.list_targets_by_rule(Rule=name)["Targets"] == []


def test_a_rule_has_five_targets_at_most(bus: Bus) -> None:
    name = bus.rule(*[{"Arn": QUEUE}] * 5, EventPattern={"source": ["test"]})
    with pytest.raises(ClientError) as error:
        bus.events.put_targets(Rule=name, Targets=[{"Id": "sixth", "Arn": QUEUE}])
    assert refusal(error)[0] == "LimitExceededException"


def test_a_pattern_can_be_tried(bus: Bus) -> None:
    event = dict.fromkeys(("id", "account", "time", "region", "detail-type"), "x")
    event |= {"source": "shop", "resources": [], "detail": {"size": 3}}

    def tried(pattern: dict[str, Any]) -> bool:
        given = {"EventPattern": json.dumps(pattern), "Event": json.dumps(event)}
        return bus.events.test_event_pattern(**given)["Result"]

    assert tried({"source": ["shop"], "detail": {"size": [{"numeric": [">", 2]}]}})
    assert not tried({"source": ["shop"], "detail": {"size": [{"numeric": [">", 3]}]}})


def test_an_event_reaches_the_targets_of_its_rules(bus: Bus) -> None:
    orders, large, disabled = bus.queue(), bus.queue(), bus.queue()
    source = bus.name()
    rule = bus.rule({"Arn": orders.arn}, EventPattern={"source": [source]})
    pattern = {"source": [source], "detail": {"size": [{"numeric": [">", 5]}]}}
    bus.rule({"Arn": large.arn, "InputPath": "$.detail"}, EventPattern=pattern)
    bus.rule({"Arn": disabled.arn}, EventPattern={"source": [source]}, State="DISABLED")
    bus.put(source, {"size": 3})
    bus.put(source, {"size": 8})
    until(lambda: len(orders.messages()) == 2, what="two messages")
    assert [body["detail"]["size"] for body in orders.bodies()] == [3, 8]
    assert large.first() == {"size": 8}
    assert disabled.bodies() == []
    event = orders.bodies()[0]
    assert event.keys() == {
        *("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")
    }
    assert (event["account"], event["region"], event["source"]) == (ACCOUNT, "us-east-1", source)
    until(lambda: bus.metric("Invocations", rule) == 2, what="the metric")
    assert bus.metric("TriggeredRules", rule) == 2
    assert bus.metric("FailedInvocations", rule) == 0


def test_topics_and_log_groups(bus: Bus) -> None:
    queue, source = bus.queue(), bus.name()
    sns = bus.ground.client("sns")
    topic = sns.create_topic(Name=source)["TopicArn"]
    may = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**may, "Resource": topic}]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{bus.ground.log_group}"
    bus.rule({"Arn": topic}, {"Arn": group}, EventPattern={"source": [source]})
    bus.put(source, {"size": 3})
    assert json.loads(queue.first()["Message"])["detail"] == {"size": 3}

    def logged() -> list[dict[str, Any]]:
        return bus.ground.logs.filter_log_events(logGroupName=bus.ground.log_group)["events"]

    assert json.loads(until(logged, what="a log event")[0]["message"])["detail"] == {"size": 3}


def test_an_object_in_a_bucket_is_an_event(bus: Bus) -> None:
    queue, bucket = bus.queue(), bus.name()
    s3 = bus.ground.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}},
    }
    bus.rule({"Arn": queue.arn}, EventPattern=pattern)
    s3.put_object(Bucket=bucket, Key="source.zip", Body=b"zip")
    event = queue.first()
    assert (event["detail"]["object"]["key"], event["detail"]["reason"]) == ("source.zip", "PutObject")
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]


def test_tasks_tell_their_states(bus: Bus) -> None:
    queue, ground = bus.queue(), bus.ground
    pattern = {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [ground.cluster]},
    }
    bus.rule({"Arn": queue.arn}, EventPattern=pattern)
    task = ground.ran(ground.define(ground.container(ground.image("raise SystemExit(3)"))))
    last = queue.first(lambda body: body["detail"]["lastStatus"] == "STOPPED")
    assert [body["detail"]["lastStatus"] for body in queue.bodies()] == [
        *("PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED")
    ]
    versions = [body["detail"]["version"] for body in queue.bodies()]
    assert versions == sorted(set(versions))
    assert last["resources"] == [task["taskArn"]]
    assert last["detail"]["containers"][0]["exitCode"] == 3
    assert last["detail"]["stopCode"] == "EssentialContainerExited"
    assert last["detail"]["attachments"][0]["type"] == "eni"
    assert last["detail"]["stoppedAt"] == task["stoppedAt"].astimezone().strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{task['stoppedAt'].microsecond // 1000:03}Z"
    )


def test_an_event_starts_a_task(bus: Bus) -> None:
    ground, source = bus.ground, bus.name()
    image = ground.image("import os; print(os.environ['KEY'])")
    template = '{"containerOverrides": [{"name": "job", "environment": [{"name": "KEY", "value": <key>}]}]}'
    target = bus.ecs_target(
        ground.define(ground.container(image)),
        InputTransformer={"InputPathsMap": {"key": "$.detail.key"}, "InputTemplate": template},
    )
    rule = bus.rule(target, EventPattern={"source": [source]})
    bus.put(source, {"key": "departures/2013-01-01.csv.gz"})
    task = bus.first_task()
    assert ground.output(task) == ["departures/2013-01-01.csv.gz"]
    assert task["startedBy"] == f"events-rule/{rule}"[:36]
    assert task["group"] == f"family:{ground.name}"


# Failures -------------------------------------------------------------------------------------------------


def attributes(message: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


def test_a_target_that_is_gone_goes_to_the_dead_letters(bus: Bus) -> None:
    dead, source = bus.queue(), bus.name()
    missing = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{bus.name()}"
    rule = bus.rule(
        {"Arn": missing, "DeadLetterConfig": {"Arn": dead.arn}}, EventPattern={"source": [source]}
    )
    bus.put(source, {"order": 1})
    assert dead.first()["detail"] == {"order": 1}
    found = attributes(dead.seen[0])
    assert found.pop("ERROR_MESSAGE")
    assert found == {
        "RULE_ARN": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}",
        "TARGET_ARN": missing,
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
    }
    until(lambda: bus.metric("InvocationsSentToDlq", rule) == 1, what="the metric")
    assert bus.metric("FailedInvocations", rule) == 1


def test_a_role_without_the_permission(bus: Bus) -> None:
    dead, source, ground = bus.queue(), bus.name(), bus.ground
    nothing = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    target = bus.ecs_target(
        ground.define(ground.container(ground.image("print('never')"))),
        RoleArn=ground.role("weak", EVENTS_TRUST, nothing),
        DeadLetterConfig={"Arn": dead.arn},
    )
    bus.rule(target, EventPattern={"source": [source]})
    bus.put(source, {})
    dead.first()
    found = attributes(dead.seen[0])
    assert found["ERROR_CODE"] == "NO_PERMISSIONS"
    assert "is not authorized to perform: ecs:RunTask on resource: " in found["ERROR_MESSAGE"]
    assert bus.stopped_tasks() == []


def test_what_ecs_refuses_is_a_failed_invocation(bus: Bus) -> None:
    dead, source, ground = bus.queue(), bus.name(), bus.ground
    target = bus.ecs_target(
        ground.define(ground.container(ground.image("print('never')"))),
        Input=json.dumps({"containerOverrides": [{"name": "jbo"}]}),
        DeadLetterConfig={"Arn": dead.arn},
    )
    bus.rule(target, EventPattern={"source": [source]})
    bus.put(source, {})
    dead.first()
    found = attributes(dead.seen[0])
    assert found["ERROR_CODE"] == "INVALID_PARAMETER"
    assert (
        found["ERROR_MESSAGE"] == "Override for container named jbo is not a container in the TaskDefinition."
    )


def test_a_target_that_fails_does_not_keep_the_next_from_the_event(bus: Bus) -> None:
    queue, source = bus.queue(), bus.name()
    missing = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{bus.name()}"
    bus.rule({"Arn": missing}, {"Arn": queue.arn}, EventPattern={"source": [source]})
    bus.put(source, {"order": 1})
    assert queue.first()["detail"] == {"order": 1}
