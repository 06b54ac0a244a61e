"""Alarms in the sandbox: from a metric to a state, from a state to a topic. A minute is a second here."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.ecs.ground import ACCOUNT, until

NUMBERS = itertools.count(1)


@dataclass
class Alarms:
    """A topic with a queue that hears it, and alarms of one test."""

    sandbox: Any

    def __post_init__(self) -> None:
        self.name = f"alarms-{next(NUMBERS)}"
        self.cloudwatch, self.sqs = self.sandbox.client("cloudwatch"), self.sandbox.client("sqs")
        self.sns = self.sandbox.client("sns")
        self.topic = self.sns.create_topic(Name=self.name)["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        endpoint = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}"
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=endpoint)

    def put(self, **changes: Any) -> str:
        settings = {
            "AlarmName": self.name,
            "Namespace": "Test",
            "MetricName": self.name,
            "Statistic": "Sum",
            "Period": 120,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": 3,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [self.topic],
            **changes,
        }
        self.cloudwatch.put_metric_alarm(**settings)
        return self.name

    def data(self, *values: float, **more: Any) -> None:
        data = [{"MetricName": self.name, "Value": value, **more} for value in values]
        self.cloudwatch.put_metric_data(Namespace="Test", MetricData=data)

    def now(self) -> dict[str, Any]:
        return self.cloudwatch.describe_alarms(AlarmNames=[self.name])["MetricAlarms"][0]

    def becomes(self, state: str) -> dict[str, Any]:
        until(lambda: self.now()["StateValue"] == state, what=f"the state {state}")
        return self.now()

    def history(self, kind: str = "StateUpdate") -> list[dict[str, Any]]:
        return self.cloudwatch.describe_alarm_history(
            AlarmName=self.name, HistoryItemType=kind, ScanBy="TimestampAscending"
        )["AlarmHistoryItems"]

    def heard(self) -> list[dict[str, Any]]:
        messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]


@pytest.fixture
def alarms(sandbox: Any) -> Any:
    made = Alarms(sandbox)
    yield made
    made.cloudwatch.delete_alarms(AlarmNames=[made.name])


def test_an_alarm_goes_off_tells_its_topic_and_calms_down(alarms: Alarms) -> None:
    alarms.put()
    alarms.becomes("OK")
    alarms.data(1, 2)
    alarms.becomes("ALARM")
    alarms.becomes("OK")
    changes = [item["HistorySummary"] for item in alarms.history()]
    assert changes == [
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
    ]
    (told,) = until(alarms.heard, what="a notification")
    message = json.loads(told["Message"])
    assert told["Subject"] == f'ALARM: "{alarms.name}" in us-east-1'
    assert (message["OldStateValue"], message["NewStateValue"]) == ("OK", "ALARM")
    assert "[3.0 (" in message["NewStateReason"]
    assert message["Trigger"]["MetricName"] == alarms.name
    (action,) = alarms.history("Action")
    assert action["HistorySummary"] == f"Successfully executed action {alarms.topic}"


@pytest.mark.parametrize(
    ("statistic", "reached", "missed"),
    [("Sum", 6, 7), ("Maximum", 4, 5), ("Average", 3, 4), ("Minimum", 2, 3), ("SampleCount", 2, 3)],
)
def test_statistics(alarms: Alarms, statistic: str, reached: float, missed: float) -> None:
    """Two alarms on the same data: when the one has gone off, the other has been evaluated as well."""
    alarms.data(2, 4)
    alarms.put(AlarmName=f"{alarms.name}-not", Statistic=statistic, Threshold=missed, Period=6000)
    alarms.put(Statistic=statistic, Threshold=reached, Period=6000)
    alarms.becomes("ALARM")
    other = alarms.cloudwatch.describe_alarms(AlarmNames=[f"{alarms.name}-not"])["MetricAlarms"][0]
    alarms.cloudwatch.delete_alarms(AlarmNames=[other["AlarmName"]])
    assert other["StateValue"] == "OK"


def test_another_dimension_is_another_metric(alarms: Alarms) -> None:
    alarms.put(Dimensions=[{"Name": "Job", "Value": "a"}], Period=600)
    alarms.becomes("OK")
    alarms.data(9)
    alarms.data(9, Dimensions=[{"Name": "Job", "Value": "b"}])
    alarms.data(9, Dimensions=[{"Name": "Job", "Value": "a"}, {"Name": "More", "Value": "c"}])
    alarms.data(1, Dimensions=[{"Name": "Job", "Value": "a"}])
    alarms.data(3, Dimensions=[{"Name": "Job", "Value": "a"}])
    alarm = alarms.becomes("ALARM")
    assert json.loads(alarm["StateReasonData"])["recentDatapoints"] == [4.0]


def test_a_new_alarm_knows_nothing_and_a_changed_one_keeps_its_state(alarms: Alarms) -> None:
    alarms.put(TreatMissingData="missing", Period=3600)
    assert alarms.now()["StateValue"] == "INSUFFICIENT_DATA"
    alarms.data(3)
    alarms.becomes("ALARM")
    alarms.put(TreatMissingData="missing", Period=3600, AlarmDescription="changed")
    alarm = alarms.now()
    assert (alarm["StateValue"], alarm["AlarmDescription"]) == ("ALARM", "changed")
    names = [item["HistorySummary"].rpartition(" ")[2] for item in alarms.history("ConfigurationUpdate")]
    assert names == ["created", "updated"]


def test_a_state_set_by_hand_acts_and_lasts_until_the_next_evaluation(alarms: Alarms) -> None:
    alarms.put()
    alarms.becomes("OK")
    alarms.cloudwatch.set_alarm_state(AlarmName=alarms.name, StateValue="ALARM", StateReason="an exercise")
    (told,) = until(alarms.heard, what="a notification")
    assert json.loads(told["Message"])["NewStateReason"] == "an exercise"
    alarms.becomes("OK")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"StateValue": "FINE"}, "ValidationError"),
        ({"AlarmName": "nobody"}, "ResourceNotFound"),
        ({"StateReasonData": "{"}, "InvalidFormat"),
    ],
)
def test_set_alarm_state_refuses(alarms: Alarms, changes: dict[str, str], code: str) -> None:
    alarms.put()
    given = {"AlarmName": alarms.name, "StateValue": "OK", "StateReason": "because", **changes}
    with pytest.raises(ClientError) as refused:
        alarms.cloudwatch.set_alarm_state(**given)
    assert refused.value.response["Error"]["Code"] == code


def test_a_topic_that_does_not_let_cloudwatch_in_is_a_failed_action(alarms: Alarms) -> None:
    closed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**closed, "Resource": alarms.topic}]})
    alarms.sns.set_topic_attributes(TopicArn=alarms.topic, AttributeName="Policy", AttributeValue=policy)
    alarms.put()
    alarms.data(3)
    alarms.becomes("ALARM")
    (action,) = until(lambda: alarms.history("Action"), what="the action")
    arn = alarms.now()["AlarmArn"]
    # https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
    assert action["HistorySummary"] == (
        f'Failed to execute action {alarms.topic}. Received error: "Resource: {arn} is not authorized to '
        f'perform: SNS:Publish on resource: {alarms.topic}"'
    )
    assert alarms.heard() == []


def test_the_length_of_a_queue_is_a_metric(alarms: Alarms) -> None:
    dimensions = [{"Name": "QueueName", "Value": alarms.name}]
    watched = {"Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible"}
    alarms.put(**watched, Dimensions=dimensions, Statistic="Maximum", Threshold=2, AlarmActions=[])
    alarms.becomes("OK")
    for _ in range(2):
        alarms.sqs.send_message(QueueUrl=alarms.queue, MessageBody="letter")
    alarms.becomes("ALARM")
    alarms.sqs.purge_queue(QueueUrl=alarms.queue)
    alarms.becomes("OK")


def test_alarms_and_their_history_survive_a_restart(fresh_sandbox: Callable[..., Any]) -> None:
    sandbox = fresh_sandbox()
    alarms = Alarms(sandbox)
    alarms.put()
    alarms.becomes("OK")
    sandbox.stop()
    sandbox.start()
    assert [item["HistorySummary"] for item in alarms.history()] == [
        "Alarm updated from INSUFFICIENT_DATA to OK"
    ]
    alarms.data(3)
    alarms.becomes("ALARM")
