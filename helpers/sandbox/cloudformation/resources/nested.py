"""AWS::CloudFormation: stacks inside stacks, and types that stand for nothing in any service."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ..errors import ResourceFailed
from ..parameters import text
from .request import ResourceRequest

POLL_SECONDS = 0.02
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


@dataclass(frozen=True)
class NestedStack:
    """A stack that another one makes. Its outputs are attributes: `!GetAtt Nested.Outputs.Name`."""

    type: str = "AWS::CloudFormation::Stack"

    def make(self, request: ResourceRequest) -> None:
        name = request.generated_name(128)
        made = request.call(
            "cloudformation", "CreateStack", StackName=name, OnFailure="DO_NOTHING", **_told(request)
        )
        request.physical_id = made["StackId"]
        request.world.store("cloudformation", request.region).stacks[
            made["StackId"]
        ].parent_id = request.stack_id
        self._settle(request, "created", "CREATE_COMPLETE")

    def change(self, request: ResourceRequest) -> None:
        try:
            request.call("cloudformation", "UpdateStack", StackName=request.physical_id, **_told(request))
        except ResourceFailed as error:
            if "No updates are to be performed" in error.reason:
                return
            raise
        self._settle(request, "updated", "UPDATE_COMPLETE")

    def remove(self, request: ResourceRequest) -> None:
        request.call("cloudformation", "DeleteStack", StackName=request.physical_id)
        self._settle(request, "deleted", "DELETE_COMPLETE")

    def look_for(self, request: ResourceRequest) -> None:
        store = request.world.store("cloudformation", request.region)
        stack = store.live(request.planned_id) if request.planned_id else None
        request.physical_id = stack.stack_id if stack else None

    def knows(self, attribute: str) -> bool:
        return attribute.startswith("Outputs.")

    def attribute(self, request: ResourceRequest, name: str) -> Any:
        key = name.removeprefix("Outputs.")
        for output in self._describe(request).get("Outputs", []):
            if output["OutputKey"] == key:
                return output["OutputValue"]
        raise ResourceFailed(f"Nested stack {request.logical_id} has no output {key}")

    def _describe(self, request: ResourceRequest) -> dict[str, Any]:
        return request.call("cloudformation", "DescribeStacks", StackName=request.physical_id)["Stacks"][0]

    def _settle(self, request: ResourceRequest, done: str, wanted: str) -> None:
        while True:
            stack = self._describe(request)
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(POLL_SECONDS)
        if stack["StackStatus"] != wanted:
            reason = stack.get("StackStatusReason", "")
            raise ResourceFailed(
                f"Embedded stack {request.physical_id} was not successfully {done}: {reason}"
            )


def _told(request: ResourceRequest) -> dict[str, Any]:
    given = request.properties
    return {
        "TemplateURL": given["TemplateURL"],
        "Parameters": [
            {
                "ParameterKey": key,
                "ParameterValue": ",".join(map(text, value)) if isinstance(value, list) else text(value),
            }
            for key, value in given.get("Parameters", {}).items()
        ],
        "Tags": [tag for tag in given.get("Tags", []) if not tag["Key"].startswith("aws:")],
        "Capabilities": CAPABILITIES,
        "NotificationARNs": given.get("NotificationARNs"),
    }


@dataclass(frozen=True)
class Nothing:
    """A type without a service behind it: a place in the template and an id."""

    type: str

    def make(self, request: ResourceRequest) -> None:
        request.physical_id = request.generated_name(128)

    def change(self, request: ResourceRequest) -> None:
        pass

    def remove(self, request: ResourceRequest) -> None:
        pass

    def look_for(self, request: ResourceRequest) -> None:
        pass

    def knows(self, attribute: str) -> bool:
        return False

    def attribute(self, request: ResourceRequest, name: str) -> Any:
        raise KeyError(name)


TYPES = (NestedStack(), Nothing("AWS::CDK::Metadata"), Nothing("AWS::CloudFormation::WaitConditionHandle"))
