"""A CloudFormation in memory that plays what a test scripts: what a sandbox cannot do on time."""

from __future__ import annotations

import datetime
import itertools
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from helpers.session import Session

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def refusal(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class FakeStack:
    name: str
    id: str
    status: str
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    script: list[tuple[str, str, str]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)


class FakeCloudFormation:
    """Plays scripts: `plays` maps a call to the events after it, one a look: (resource, status, reason).

    An event of the stack itself (resource "") sets the stack's status.
    """

    def __init__(self, **plays: list[tuple[str, str, str]]) -> None:
        self.plays, self.stacks, self.calls = plays, {}, []
        self.numbers = itertools.count()

    def add(self, name: str, status: str, **more: Any) -> FakeStack:
        number = next(self.numbers)
        stack = FakeStack(
            name, f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/{number}", status, **more
        )
        self.stacks[stack.id] = stack
        return stack

    def find(self, name: str) -> FakeStack | None:
        if name in self.stacks:
            return self.stacks[name]
        return next(
            (s for s in self.stacks.values() if s.name == name and s.status != "DELETE_COMPLETE"), None
        )

    def begin(self, call: str, stack: FakeStack) -> dict[str, str]:
        self.calls.append(call)
        stack.script = list(self.plays.get(call, ()))
        self.advance(stack)
        return {"StackId": stack.id}

    def advance(self, stack: FakeStack) -> None:
        if not stack.script:
            return
        resource, status, reason = stack.script.pop(0)
        event = {
            "EventId": str(next(self.numbers)),
            "StackId": stack.id,
            "LogicalResourceId": resource or stack.name,
            "PhysicalResourceId": "" if resource else stack.id,
            "ResourceType": "AWS::Test::Thing" if resource else "AWS::CloudFormation::Stack",
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "Timestamp": NOW,
        }
        stack.events.insert(0, event)
        if not resource:
            stack.status = status

    # --- the API ---

    def get_paginator(self, operation: str) -> Any:
        fake = self

        class Paginator:
            def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
                return [getattr(fake, operation)(**arguments)]

        return Paginator()

    def describe_stacks(self, StackName: str | None = None) -> dict[str, Any]:
        if StackName is None:
            return {
                "Stacks": [self.described(s) for s in self.stacks.values() if s.status != "DELETE_COMPLETE"]
            }
        stack = self.find(StackName)
        if stack is None:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist", "DescribeStacks")
        self.advance(stack)
        return {"Stacks": [self.described(stack)]}

    def described(self, stack: FakeStack) -> dict[str, Any]:
        return {
            "StackName": stack.name,
            "StackId": stack.id,
            "StackStatus": stack.status,
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in stack.parameters.items()],
            "Tags": [{"Key": k, "Value": v} for k, v in stack.tags.items()],
            "Outputs": [
                {"OutputKey": k, "OutputValue": v, "ExportName": f"x-{k}"} for k, v in stack.outputs.items()
            ],
        }

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:
        return {"StackEvents": list(self.find(StackName).events)}

    def list_stack_resources(self, StackName: str) -> dict[str, Any]:
        return {"StackResourceSummaries": []}

    def create_stack(
        self, StackName: str, Parameters: list[dict[str, str]], **request: Any
    ) -> dict[str, str]:
        if self.find(StackName):
            raise refusal("AlreadyExistsException", f"Stack [{StackName}] already exists", "CreateStack")
        values = {p["ParameterKey"]: p["ParameterValue"] for p in Parameters}
        return self.begin("create", self.add(StackName, "CREATE_IN_PROGRESS", parameters=values))

    def update_stack(
        self, StackName: str, Parameters: list[dict[str, Any]], **request: Any
    ) -> dict[str, str]:
        stack = self.find(StackName)
        if stack.status.endswith("_IN_PROGRESS"):
            raise refusal(
                "ValidationError",
                f"Stack:{stack.id} is in {stack.status} state and can not be updated.",
                "UpdateStack",
            )
        values = {
            p["ParameterKey"]: stack.parameters[p["ParameterKey"]]
            if p.get("UsePreviousValue")
            else p["ParameterValue"]
            for p in Parameters
        }
        if values == stack.parameters:
            raise refusal("ValidationError", "No updates are to be performed.", "UpdateStack")
        stack.parameters = values
        return self.begin("update", stack)

    def delete_stack(self, StackName: str) -> None:
        self.begin("delete", self.find(StackName))


def session_with(**clients: Any) -> Session:
    """A sandbox session whose clients are fakes: a call to any other service fails at once."""
    return Session("sandbox", "flights", "us-east-1", "http://127.0.0.1:9", "process", None, dict(clients))
