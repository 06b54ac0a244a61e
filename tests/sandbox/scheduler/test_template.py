"""The stack `schedule` in the sandbox, in both forms: it starts the task, and it is loud when it cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from helpers import Session, StackMissing, deploy, next_task, open_session, teardown
from helpers.stacks import exported_value
from tests.sandbox.ecs.ground import until

NAME = "loud"


@pytest.fixture(scope="module")
def line(sandbox: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A project of its own in the shared sandbox, without an image: every task that starts fails to pull."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_ENDPOINT", sandbox.endpoint)
        patch.setenv("WORKSHOP_STATIC", "1")
        session = open_session(project=NAME)
        deploy(session, "schedule", {"ScheduleState": "DISABLED"})
        yield session
        assert teardown(session).clean


@pytest.fixture
def ears(line: Session) -> Iterator[Any]:
    """Calls it for what the topic has told since; each notification once."""
    sqs, sns = line.client("sqs"), line.client("sns")
    url = sqs.create_queue(QueueName="ears")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = exported_value(line, "NotificationTopicArn")
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    told: list[str] = []

    def hear(word: str) -> list[str]:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            told.append(json.loads(message["Body"])["Message"])
        return [one for one in told if word in one]

    yield hear
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=url)


def without_pass_role(line: Session) -> tuple[str, dict[str, Any]]:
    """Take the right to hand roles over from the schedule's role; its name and what it had."""
    iam, role = line.client("iam"), exported_value(line, "ScheduleRoleArn").rpartition("/")[2]
    document = iam.get_role_policy(RoleName=role, PolicyName="start-the-task")["PolicyDocument"]
    rest = [statement for statement in document["Statement"] if statement["Sid"] != "HandRolesToTask"]
    put_policy(line, role, {**document, "Statement": rest})
    return role, document


def put_policy(line: Session, role: str, document: dict[str, Any]) -> None:
    line.client("iam").put_role_policy(
        RoleName=role, PolicyName="start-the-task", PolicyDocument=json.dumps(document)
    )


def read_all(line: Session, url: str) -> None:
    """Take the letters out of the queue, as somebody does who has read them."""
    sqs = line.client("sqs")
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


FORMS = [("rule", "events-rule", "RULE_ARN"), ("scheduler", "chronos-schedule", "SCHEDULE_ARN")]


@pytest.mark.parametrize(("kind", "started_by", "sender"), FORMS, ids=lambda value: value)
def test_it_starts_the_task_and_tells_when_it_cannot(
    line: Session, ears: Any, kind: str, started_by: str, sender: str
) -> None:
    fast = {"ScheduleExpression": "rate(3 minutes)", "ScheduleState": "ENABLED"}
    stack = deploy(line, "schedule", {"ScheduleKind": kind, **fast})
    task = next_task(line)
    assert task.started_by == f"{started_by}/{NAME}-daily"
    assert task.environment == {"REPORT_DATE": "2013-01-01"}
    (told, *_) = until(lambda: ears("a task failed"), what="a word of the task that failed")
    assert "CannotPullContainerError" in told and task.started_by in told

    role, document = without_pass_role(line)
    (alarm, *_) = until(lambda: ears('"NewStateValue": "ALARM"'), what="an alarm")
    assert json.loads(alarm)["AlarmName"] in {f"{NAME}-cannot-start", f"{NAME}-dead-letters"}
    cloudwatch = line.client("cloudwatch")

    def states() -> set[str]:
        found = cloudwatch.describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]
        return {one["StateValue"] for one in found}

    until(lambda: states() == {"ALARM"}, what="both alarms")
    letter = line.client("sqs").receive_message(
        QueueUrl=stack.outputs["DeadLetterQueueUrl"], MessageAttributeNames=["All"]
    )["Messages"][0]
    found = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert found[sender].endswith(f"{NAME}-daily")
    assert found["ERROR_CODE"] == "NO_PERMISSIONS" and "iam:PassRole" in found["ERROR_MESSAGE"]

    put_policy(line, role, document)
    deploy(line, "schedule", {"ScheduleState": "DISABLED"})
    read_all(line, stack.outputs["DeadLetterQueueUrl"])
    until(lambda: states() == {"OK"}, what="calm")


def test_only_one_of_the_two_is_there(line: Session) -> None:
    events, scheduler = line.client("events"), line.client("scheduler")

    def there() -> tuple[int, int, int]:
        return (
            len(events.list_rules(NamePrefix=f"{NAME}-daily")["Rules"]),
            len(scheduler.list_schedules(NamePrefix=f"{NAME}-daily")["Schedules"]),
            len(scheduler.list_schedule_groups(NamePrefix=NAME)["ScheduleGroups"]),
        )

    deploy(line, "schedule", {"ScheduleKind": "scheduler", "ScheduleState": "DISABLED"})
    assert there() == (0, 1, 1)
    with pytest.raises(StackMissing):
        exported_value(line, "ScheduleRuleName")
    deploy(line, "schedule", {"ScheduleKind": "rule"})
    assert there() == (1, 0, 0)
    with pytest.raises(StackMissing):
        exported_value(line, "ScheduleName")


def test_without_its_queue_policy_the_letter_is_lost_and_counted(line: Session) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms"""
    deploy(line, "schedule", {"ScheduleKind": "rule", "ScheduleState": "DISABLED"})
    sqs, url = line.client("sqs"), exported_value(line, "DeadLetterQueueUrl")
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    other = policy.replace(f"rule/{NAME}-daily", "rule/another")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": other})
    role, document = without_pass_role(line)
    deploy(line, "schedule", {"ScheduleExpression": "rate(3 minutes)", "ScheduleState": "ENABLED"})
    cloudwatch = line.client("cloudwatch")

    def lost() -> list[dict[str, Any]]:
        found = cloudwatch.list_metrics(Namespace="AWS/Events", MetricName="InvocationsFailedToBeSentToDlq")
        wanted = {"Name": "RuleName", "Value": f"{NAME}-daily"}
        return [metric for metric in found["Metrics"] if wanted in metric["Dimensions"]]

    until(lost, what="a lost letter")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    deploy(line, "schedule", {"ScheduleExpression": None, "ScheduleState": "DISABLED"})
    put_policy(line, role, document)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def test_teardown_switches_a_schedule_off_and_leaves_nothing(line: Session) -> None:
    """The last test: the schedule would go on starting tasks while their cluster is deleted."""
    deploy(line, "schedule", {"ScheduleKind": "scheduler", "ScheduleState": "ENABLED"})
    cleared = teardown(line)
    assert cleared.clean and f"{NAME}-schedule" in cleared.deleted
    scheduler, sqs, sns = line.client("scheduler"), line.client("sqs"), line.client("sns")
    assert scheduler.list_schedule_groups(NamePrefix=NAME)["ScheduleGroups"] == []
    assert sqs.list_queues(QueueNamePrefix=NAME).get("QueueUrls", []) == []
    assert [one for one in sns.list_topics()["Topics"] if f":{NAME}-" in one["TopicArn"]] == []
    assert line.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"] == []
