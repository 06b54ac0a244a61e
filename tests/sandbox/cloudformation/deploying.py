"""A client of CloudFormation that waits: `cfn.create(...)` returns when the stack is done."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

CAPABILITIES = ["CAPABILITY_NAMED_IAM"]


@dataclass
class Cfn:
    """CloudFormation of one sandbox and region."""

    sandbox: Any
    region: str = "us-east-1"

    def __post_init__(self) -> None:
        self._clients: dict[str, Any] = {}
        self.api = self.client("cloudformation")

    def client(self, service: str) -> Any:
        """A client, kept: making one takes longer than most tests."""
        if service not in self._clients:
            self._clients[service] = self.sandbox.client(service, self.region)
        return self._clients[service]

    def create(self, template: str, name: str | None = None, **more: Any) -> dict[str, Any]:
        """Create a stack; returns how DescribeStacks shows it when nothing is in progress any more."""
        name = name or unique()
        more.setdefault("Capabilities", CAPABILITIES)
        made = self.api.create_stack(StackName=name, TemplateBody=template, **_told(more))
        return self.settled(made["StackId"])

    def update(self, stack: dict[str, Any], template: str | None = None, **more: Any) -> dict[str, Any]:
        more.setdefault("Capabilities", CAPABILITIES)
        body = {"TemplateBody": template} if template else {"UsePreviousTemplate": True}
        self.api.update_stack(StackName=stack["StackId"], **body, **_told(more))
        return self.settled(stack["StackId"])

    def delete(self, stack: dict[str, Any], **more: Any) -> dict[str, Any]:
        self.api.delete_stack(StackName=stack["StackId"], **more)
        return self.settled(stack["StackId"])

    def settled(self, stack_id: str, seconds: float = 120) -> dict[str, Any]:
        """The stack once no operation is under way."""
        end = time.monotonic() + seconds
        while True:
            stack = self.stack(stack_id)
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return stack
            assert time.monotonic() < end, f"still {stack['StackStatus']}"
            time.sleep(0.05)

    def stack(self, name: str) -> dict[str, Any]:
        (stack,) = self.api.describe_stacks(StackName=name)["Stacks"]
        return stack

    def events(self, stack: dict[str, Any]) -> list[tuple[str, str, str | None]]:
        """Oldest first: what, status, reason. The stack itself is called `stack`."""
        pages = self.api.get_paginator("describe_stack_events").paginate(StackName=stack["StackId"])
        found = [event for page in pages for event in page["StackEvents"]]
        return [
            (
                "stack" if event["PhysicalResourceId"] == stack["StackId"] else event["LogicalResourceId"],
                event["ResourceStatus"],
                event.get("ResourceStatusReason"),
            )
            for event in reversed(found)
        ]

    def reasons(self, stack: dict[str, Any], name: str, status: str) -> list[str | None]:
        """The reasons given with a status of one resource, or of the `stack`."""
        return [why for one, event, why in self.events(stack) if (one, event) == (name, status)]

    def failures(self, stack: dict[str, Any]) -> str:
        """What went wrong, for the message of an assertion."""
        return "\n".join(f"{name} {status}: {why}" for name, status, why in self.events(stack) if why)

    def resources(self, stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
        pages = self.api.get_paginator("list_stack_resources").paginate(StackName=stack["StackId"])
        return {one["LogicalResourceId"]: one for page in pages for one in page["StackResourceSummaries"]}

    def physical(self, stack: dict[str, Any], name: str) -> str:
        return self.resources(stack)[name]["PhysicalResourceId"]


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def unique(prefix: str = "t") -> str:
    """A name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def parameters(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def refusal(function: Any, **arguments: Any) -> tuple[str, str]:
    """Error code and message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        function(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def _told(more: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in more.items() if value is not None}
