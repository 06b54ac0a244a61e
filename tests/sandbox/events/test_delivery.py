"""Second attempts, and what is left out when the clock runs faster than the jobs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from helpers import schedules
from helpers.sandbox import event_bus
from helpers.sandbox.event_bus import Delivery, EventBus
from helpers.sandbox.event_targets import rule_sender
from helpers.sandbox.schedule_loop import Plan
from tests.sandbox.ecs.ground import until

RULE = rule_sender("rule", "arn:aws:events:us-east-1:123456789012:rule/rule", "us-east-1")
PIPELINE = "arn:aws:codepipeline:us-east-1:123456789012:flights"
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"


class Aws:
    """Stands for the world: a pipeline that fails as often as it is told, a queue, and metrics."""

    account, endpoint = "123456789012", "http://127.0.0.1:1"

    def __init__(self, *failures: str) -> None:
        self.failures = list(failures)
        self.started = 0
        self.dead: list[dict[str, Any]] = []
        self.metrics: list[str] = []
        self.stopping = threading.Event()
        allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": DEAD}
        self.queues = {"dead": SimpleNamespace(policy=json.dumps({"Statement": [allowed]}))}

    def client(self, service: str, *args: Any, **kwargs: Any) -> Aws:
        return self

    def moto(self, service: str, region: str) -> Aws:
        return self

    def start_pipeline_execution(self, name: str) -> None:
        self.started += 1
        if self.failures:
            error = {"Error": {"Code": self.failures.pop(0), "Message": "not now"}}
            raise ClientError(error, "StartPipelineExecution")

    def send_message(self, **message: Any) -> None:
        self.dead.append(message)

    def put_metric_data(self, namespace: str, data: list[dict[str, Any]]) -> None:
        self.metrics += [datum["MetricName"] for datum in data]

    def changed(self) -> None:
        pass

    def pause(self, seconds: float) -> None:
        pass

    def spawn(self, name: str, function: Callable[..., Any], *args: Any) -> None:
        threading.Thread(target=function, args=args, daemon=True).start()


def delivered(aws: Aws, **policy: Any) -> None:
    target = {"Arn": PIPELINE, "DeadLetterConfig": {"Arn": DEAD}, "RetryPolicy": policy}
    bus = EventBus(aws)  # type: ignore[arg-type]
    bus.send([Delivery(RULE, target, "{}", '{"id": "1"}', {"RULE_ARN": RULE.arn})])


def test_a_passing_failure_is_tried_again() -> None:
    aws = Aws("ThrottlingException", "InternalFailure")
    delivered(aws)
    until(lambda: aws.metrics == ["Invocations"], what="the invocation")
    assert (aws.started, aws.dead) == (3, [])


@pytest.mark.parametrize(("allowed", "retries"), [(0, 0), (2, 2), (185, event_bus.RETRIES)])
def test_attempts_are_limited(allowed: int, retries: int) -> None:
    aws = Aws(*["ThrottlingException"] * 10)
    delivered(aws, MaximumRetryAttempts=allowed)
    until(lambda: "InvocationsSentToDlq" in aws.metrics, what="the dead letter")
    assert aws.started == retries + 1
    (letter,) = aws.dead
    assert json.loads(letter["MessageBody"]) == {"id": "1"}
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes == {
        "RULE_ARN": RULE.arn,
        "ERROR_CODE": "THROTTLING",
        "ERROR_MESSAGE": "not now",
        "RETRY_ATTEMPTS": str(retries),
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    }
    assert aws.metrics == ["Invocations", "FailedInvocations", "InvocationsSentToDlq"]


def test_an_event_grows_too_old() -> None:
    aws = Aws(*["ThrottlingException"] * 10)
    delivered(aws, MaximumEventAgeInSeconds=0)
    until(lambda: aws.dead, what="the dead letter")
    condition = aws.dead[0]["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"]["StringValue"]
    assert condition == "MaximumEventAgeInSeconds"


@pytest.mark.parametrize(
    ("code", "word"),
    [("AccessDeniedException", "NO_PERMISSIONS"), ("PipelineNotFoundException", "NO_RESOURCE")],
)
def test_what_cannot_get_better_is_not_tried_again(code: str, word: str) -> None:
    aws = Aws(code)
    delivered(aws)
    until(lambda: aws.dead, what="the dead letter")
    assert aws.started == 1
    assert aws.dead[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == word


def test_of_many_missed_moments_the_latest_fires() -> None:
    start = datetime(2026, 11, 23, tzinfo=timezone.utc)
    moments = schedules.parse("rate(1 minute)").firings(start)
    plan = Plan((), moments, next(moments))
    assert plan.step(start) is None
    assert plan.step(start + timedelta(minutes=1)) == start + timedelta(minutes=1)
    assert plan.step(start + timedelta(days=1, seconds=30)) == start + timedelta(days=1)
    assert plan.step(start + timedelta(days=1, seconds=30)) is None
    assert plan.next == start + timedelta(days=1, minutes=1)
