"""Each test of events gets a place for tasks, and queues to see what arrives."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.sandbox.ecs.ground import Ground, until

EVENTS_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["events.amazonaws.com", "scheduler.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass
class Queue:
    """A queue that a test reads: whatever arrives stays in `seen`."""

    sqs: Any
    url: str
    arn: str
    seen: list[dict[str, Any]]

    def messages(self) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            self.seen.append(message)
        return self.seen

    def bodies(self) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.messages()]

    def first(self, wanted: Callable[[Any], bool] = lambda body: True, seconds: float = 120) -> Any:
        """The first message body of a kind, once it is there."""

        def found() -> list[Any]:
            return [body for body in self.bodies() if wanted(body)]

        return until(found, seconds, "a message")[0]


@dataclass
class Bus:
    """Rules, queues and schedules of one test."""

    ground: Ground
    numbers: Any

    def __post_init__(self) -> None:
        self.events, self.sqs = self.ground.client("events"), self.ground.client("sqs")
        self.scheduler, self.cloudwatch = self.ground.client("scheduler"), self.ground.client("cloudwatch")
        self.rules: list[str] = []
        self.schedules: list[str] = []

    def name(self) -> str:
        return f"{self.ground.name}-{next(self.numbers)}"

    def queue(self, policy: bool = True) -> Queue:
        name = self.name()
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        if policy:
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": ["events.amazonaws.com", "scheduler.amazonaws.com"]},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
        return Queue(self.sqs, url, arn, [])

    def rule(self, *targets: dict[str, Any], **settings: Any) -> str:
        """Put a rule with targets (numbered if they have no Id); its name."""
        name = self.name()
        self.rules.append(name)
        if "EventPattern" in settings:
            settings["EventPattern"] = json.dumps(settings["EventPattern"])
        self.events.put_rule(Name=name, **settings)
        if targets:
            answer = self.events.put_targets(
                Rule=name,
                Targets=[{"Id": str(number), **target} for number, target in enumerate(targets)],
            )
            assert answer["FailedEntryCount"] == 0
        return name

    def put(self, source: str, detail: dict[str, Any], detail_type: str = "Test") -> None:
        entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
        assert self.events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def ecs_target(self, definition: str, **changes: Any) -> dict[str, Any]:
        """A target that runs a task through a role of its own."""
        network = self.ground.network["awsvpcConfiguration"]
        role = changes.pop("RoleArn", None) or self.ground.role("events", EVENTS_TRUST)
        return {
            "Id": "job",
            "Arn": self.ground.cluster,
            "RoleArn": role,
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
            **changes,
        }

    def stopped_tasks(self) -> list[str]:
        return self.ground.ecs.list_tasks(cluster=self.ground.cluster, desiredStatus="STOPPED")["taskArns"]

    def first_task(self) -> dict[str, Any]:
        """The first task that anything started here, once it has stopped."""
        arns = until(self.stopped_tasks, what="a task")
        task = self.ground.when({"taskArn": arns[0]})
        assert task["stopCode"] == "EssentialContainerExited", task["stoppedReason"]
        return task

    def metric(self, name: str, rule: str) -> float:
        now = datetime.now(timezone.utc)
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/Events",
            MetricName=name,
            Dimensions=[{"Name": "RuleName", "Value": rule}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    def clear(self) -> None:
        """Take away what would fire for ever."""
        for name in self.rules:
            targets = self.events.list_targets_by_rule(Rule=name)["Targets"]
            if targets:
                self.events.remove_targets(Rule=name, Ids=[target["Id"] for target in targets])
            self.events.delete_rule(Name=name)
        for name in self.schedules:
            try:
                self.scheduler.delete_schedule(Name=name)
            except self.scheduler.exceptions.ResourceNotFoundException:
                continue


@pytest.fixture
def ground(sandbox: Any) -> Ground:
    """Network, roles, a cluster, a log group and a repository that no other test uses."""
    return Ground(sandbox)


@pytest.fixture
def bus(ground: Ground) -> Any:
    """Rules and queues of one test, taken away after it."""
    made = Bus(ground, itertools.count(1))
    yield made
    made.clear()
