"""From an event to the targets of the rules that match it: delivery, second attempts, dead letters, metrics.

One thread delivers, in the order in which events arrive. A target that fails for a passing reason is tried
again up to RETRIES times, with longer and longer pauses (EventBridge: up to 185 times within a day); one that
fails for good, because a permission or the target itself is missing, goes to its dead-letter queue at once.
What is still waiting when the sandbox ends is lost.
"""

from __future__ import annotations

import copy
import json
import logging
import queue
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from . import event_inputs, event_patterns, iam
from .event_targets import Invocation, Sender, TargetFailed, invoke, queue_url, rule_sender
from .service import AwsError

if TYPE_CHECKING:
    from .world import World

logger = logging.getLogger(__name__)

RETRIES = 4
FIRST_PAUSE_SECONDS = 0.5
RULES, SCHEDULES = "AWS/Events", "AWS/Scheduler"


def iso(moment: datetime) -> str:
    """A time as events show it: UTC, whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_event(
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: dict[str, Any],
    resources: list[str],
    moment: datetime | None = None,
) -> dict[str, Any]:
    """An event in EventBridge's envelope."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": iso(moment or datetime.now(timezone.utc)),
        "region": region,
        "resources": resources,
        "detail": detail,
    }


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one target. `attributes` are those of its dead letter, beside the error's."""

    sender: Sender
    target: dict[str, Any]
    content: str
    event: str
    attributes: dict[str, str]
    namespace: str = RULES
    dimension: dict[str, str] = field(default_factory=dict)
    accepted: float = field(default_factory=time.monotonic)


class EventBus:
    """Takes events and firings, and calls targets."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: queue.Queue[tuple[list[Delivery], Callable[[], None] | None]] = queue.Queue()
        world.spawn("event bus", self._deliver_all)

    def put(self, region: str, event: dict[str, Any]) -> None:
        """Offer an event to every rule of the region's default bus."""
        backend = self._world.moto("events", region)
        for rule in list(backend.event_buses["default"].rules.values()):
            self.offer(rule, event)

    def offer(self, rule: Any, event: dict[str, Any]) -> None:
        """Deliver an event to the targets of a rule (moto's object), if it is enabled and matches."""
        text = rule.event_pattern.dump()
        try:
            if rule.state == "ENABLED" and text and event_patterns.matches(json.loads(text), event):
                self.fire(rule, event)
        except Exception:  # whoever tells of an event is not to suffer from a rule
            logger.exception("%s could not take an event", rule.arn)

    def fire(self, rule: Any, event: dict[str, Any], done: Callable[[], None] | None = None) -> None:
        """Call all targets of a rule with an event; `done` is called once each was tried."""
        sender = rule_sender(rule.name, rule.arn, rule.region_name)
        self.count(RULES, rule.region_name, {"RuleName": rule.name}, "TriggeredRules")
        deliveries = [
            Delivery(
                sender=sender,
                target=target,
                content=event_inputs.for_target(target, event, rule.name, rule.arn),
                event=json.dumps(event),
                attributes={"RULE_ARN": rule.arn, "TARGET_ARN": target["Arn"]},
                dimension={"RuleName": rule.name},
            )
            for target in copy.deepcopy(rule.targets)
        ]
        self.send(deliveries, done)

    def send(self, deliveries: list[Delivery], done: Callable[[], None] | None = None) -> None:
        """Deliver soon, in order; `done` is called once each was tried."""
        self._waiting.put((deliveries, done))

    def count(self, namespace: str, region: str, dimension: dict[str, str], name: str) -> None:
        """One more in a metric. (PutMetricData itself takes no namespace that begins with AWS/.)"""
        datum = {
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimension.items()],
            "Timestamp": datetime.now(timezone.utc).replace(tzinfo=None),  # as moto keeps times
            "Value": 1.0,
            "Unit": "Count",
        }
        self._world.moto("cloudwatch", region).put_metric_data(namespace, [datum])
        self._world.changed()

    def _deliver_all(self) -> None:
        while not self._world.stopping.is_set():
            deliveries, done = self._waiting.get()
            try:
                for delivery in deliveries:
                    self._deliver(delivery)
            except Exception:
                if not self._world.stopping.is_set():
                    logger.exception("a delivery failed in the sandbox")
            finally:
                if done:
                    done()

    def _deliver(self, delivery: Delivery) -> None:
        problem = self._attempt(delivery)
        if problem is None:
            self._count(delivery, "Invocations", "InvocationAttemptCount")
        elif problem.again and _attempts_allowed(delivery) > 1:
            self._world.spawn(f"retry {delivery.sender.name}", self._try_again, delivery, problem)
        else:
            condition = "MaximumRetryAttempts" if problem.again else None
            self._give_up(delivery, problem, retries=0, condition=condition)

    def _attempt(self, delivery: Delivery) -> TargetFailed | None:
        try:
            invoke(Invocation(self._world, delivery.sender, delivery.target, delivery.content))
        except TargetFailed as problem:
            logger.info("%s could not call %s: %s", delivery.sender.arn, delivery.target["Arn"], problem)
            return problem
        return None

    def _try_again(self, delivery: Delivery, problem: TargetFailed) -> None:
        policy = delivery.target.get("RetryPolicy") or {}
        oldest = policy.get("MaximumEventAgeInSeconds", 86400)
        pause, retries = FIRST_PAUSE_SECONDS, 0
        while retries < _attempts_allowed(delivery) - 1:
            self._world.pause(pause)
            pause, retries = pause * 2, retries + 1
            if time.monotonic() - delivery.accepted > oldest:
                return self._give_up(delivery, problem, retries, "MaximumEventAgeInSeconds")
            failed = self._attempt(delivery)
            if failed is None:
                return self._count(delivery, "Invocations", "InvocationAttemptCount")
            problem = failed
            if not problem.again:
                return self._give_up(delivery, problem, retries, None)
        return self._give_up(delivery, problem, retries, "MaximumRetryAttempts")

    def _give_up(
        self, delivery: Delivery, problem: TargetFailed, retries: int, condition: str | None
    ) -> None:
        self._count(delivery, "Invocations", "InvocationAttemptCount")
        self._count(delivery, "FailedInvocations", "TargetErrorCount")
        attributes = {
            **delivery.attributes,
            "ERROR_CODE": problem.code,
            "ERROR_MESSAGE": problem.message,
            "RETRY_ATTEMPTS": str(retries),
        }
        if condition:
            attributes["EXHAUSTED_RETRY_CONDITION"] = condition
        queue_arn = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
        if not queue_arn:
            if delivery.namespace == SCHEDULES:
                self._count(delivery, "", "InvocationDroppedCount")
            return
        try:
            self._dead_letter_client(delivery, queue_arn).send_message(
                QueueUrl=queue_url(self._world, queue_arn),
                MessageBody=delivery.event,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
            self._count(delivery, "InvocationsSentToDlq", "InvocationsSentToDeadLetterCount")
        except (ClientError, AwsError) as error:
            logger.info("the dead letter of %s could not be stored: %s", delivery.sender.arn, error)
            self._count(
                delivery, "InvocationsFailedToBeSentToDlq", "InvocationsFailedToBeSentToDeadLetterCount"
            )

    def _dead_letter_client(self, delivery: Delivery, arn: str) -> Any:
        """A client for the queue: a rule sends as EventBridge itself, a schedule with its role.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html,
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html (2026-11-23)
        """
        sender, role = delivery.sender, None
        if delivery.namespace == SCHEDULES:
            role = delivery.target["RoleArn"]
        else:
            iam.check_service(self._world, sender.principal, "sqs:SendMessage", arn, sender.source_arn)
        return self._world.client(
            "sqs", arn.split(":")[3], role, sender.session, sender.principal, source_arn=sender.source_arn
        )

    def _count(self, delivery: Delivery, of_rules: str, of_schedules: str) -> None:
        name = of_rules if delivery.namespace == RULES else of_schedules
        self.count(delivery.namespace, delivery.sender.region, delivery.dimension, name)


def _attempts_allowed(delivery: Delivery) -> int:
    policy = delivery.target.get("RetryPolicy") or {}
    return 1 + min(policy.get("MaximumRetryAttempts", RETRIES), RETRIES)
