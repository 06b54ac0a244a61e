"""The operations that describe stacks: status, events, resources, exports."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..service import Call
from .errors import validation_error
from .model import STACK_TYPE, Event, Resource, Stack
from .service import service

PAGE = 100
NOT_CHECKED = {"StackDriftStatus": "NOT_CHECKED"}
RESOURCE_NOT_CHECKED = {"StackResourceDriftStatus": "NOT_CHECKED"}


def page(
    items: list[Any], token: str | None, form: Callable[[Any], Any], size: int = PAGE
) -> tuple[list, dict]:
    """One page of a list, and the `NextToken` to the next, if there is one."""
    try:
        start = int(token) if token else 0
    except ValueError as error:
        raise validation_error("Invalid NextToken") from error
    end = start + size
    return [form(item) for item in items[start:end]], {"NextToken": str(end)} if end < len(items) else {}


def without_none(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry as AWS answers it: what there is none of is left out."""
    return {key: value for key, value in entry.items() if value is not None}


def found(call: Call, name: str, message: str = "Stack with id {name} does not exist") -> Stack:
    """A stack by id (deleted or not) or name."""
    stack = call.store.find(name)
    if stack is None:
        raise validation_error(message.format(name=name))
    return stack


@service.operation("DescribeStacks")
def describe_stacks(call: Call) -> dict[str, Any]:
    if "StackName" in call.params:
        return {"Stacks": [described(found(call, call.params["StackName"]))]}
    stacks = [stack for stack in reversed(call.store.stacks.values()) if stack.live]
    entries, more = page(stacks, call.params.get("NextToken"), described)
    return {"Stacks": entries, **more}


def described(stack: Stack) -> dict[str, Any]:
    """A stack as DescribeStacks shows it."""
    deployment = stack.deployment
    operation = (
        [{"OperationType": stack.operation.kind, "OperationId": stack.operation.id}]
        if stack.operation
        else None
    )
    return without_none(
        {
            "StackId": stack.stack_id,
            "StackName": stack.name,
            "ChangeSetId": stack.change_set_id,
            "Description": deployment.description,
            "Parameters": [
                without_none(
                    {
                        "ParameterKey": name,
                        "ParameterValue": value.shown,
                        "ResolvedValue": None if value.no_echo else value.resolved,
                    }
                )
                for name, value in deployment.parameters.items()
            ]
            or None,
            "CreationTime": stack.created,
            "DeletionTime": stack.deleted,
            "LastUpdatedTime": stack.updated,
            "RollbackConfiguration": stack.rollback_configuration,
            "StackStatus": stack.status,
            "StackStatusReason": stack.reason,
            "DisableRollback": stack.disable_rollback,
            "NotificationARNs": list(deployment.notification_arns),
            "TimeoutInMinutes": stack.timeout_minutes,
            "Capabilities": list(deployment.capabilities) or None,
            "Outputs": [
                without_none(
                    {
                        "OutputKey": output.name,
                        "OutputValue": output.value,
                        "Description": output.description,
                        "ExportName": output.export_name,
                    }
                )
                for output in stack.outputs
            ]
            or None,
            "RoleARN": deployment.role_arn,
            "Tags": [{"Key": key, "Value": value} for key, value in deployment.tags.items()],
            "EnableTerminationProtection": stack.protected if stack.live else None,
            "ParentId": stack.parent_id,
            "DriftInformation": NOT_CHECKED,
            "LastOperations": operation,
        }
    )


@service.operation("ListStacks")
def list_stacks(call: Call) -> dict[str, Any]:
    wanted = call.params.get("StackStatusFilter")
    stacks = [stack for stack in reversed(call.store.stacks.values()) if not wanted or stack.status in wanted]
    entries, more = page(stacks, call.params.get("NextToken"), _summary)
    return {"StackSummaries": entries, **more}


def _summary(stack: Stack) -> dict[str, Any]:
    return without_none(
        {
            "StackId": stack.stack_id,
            "StackName": stack.name,
            "TemplateDescription": stack.deployment.description,
            "CreationTime": stack.created,
            "LastUpdatedTime": stack.updated,
            "DeletionTime": stack.deleted,
            "StackStatus": stack.status,
            "StackStatusReason": stack.reason,
            "ParentId": stack.parent_id,
            "DriftInformation": NOT_CHECKED,
        }
    )


@service.operation("DescribeStackEvents")
def describe_stack_events(call: Call) -> dict[str, Any]:
    stack = found(call, call.params["StackName"], "Stack [{name}] does not exist")
    events, more = page(stack.events[::-1], call.params.get("NextToken"), lambda event: _event(stack, event))
    return {"StackEvents": events, **more}


def _event(stack: Stack, event: Event) -> dict[str, Any]:
    return without_none(
        {
            "StackId": stack.stack_id,
            "EventId": event.event_id,
            "StackName": stack.name,
            "OperationId": event.operation_id or None,
            "LogicalResourceId": event.logical_id,
            "PhysicalResourceId": event.physical_id,
            "ResourceType": event.type,
            "Timestamp": event.time,
            "ResourceStatus": event.status,
            "ResourceStatusReason": event.reason,
            "ResourceProperties": None
            if event.properties is None
            else json.dumps(event.properties, default=str),
            "ClientRequestToken": event.token,
            "DetailedStatus": "VALIDATION_FAILED" if event.validation_path else None,
        }
    )


@service.operation("DescribeEvents")
def describe_events(call: Call) -> dict[str, Any]:
    """The history by operation; with the filter `FailedEvents` only what went wrong, by itself."""
    stacks = list(call.store.stacks.values())
    if "StackName" in call.params:
        stacks = [found(call, call.params["StackName"], "Stack [{name}] does not exist")]
    wanted = call.params.get("OperationId")
    only_failed = call.params.get("Filters", {}).get("FailedEvents", False)
    events = [
        _operation_event(stack, event)
        for stack in stacks
        for event in stack.events[::-1]
        if (wanted is None or event.operation_id == wanted) and (not only_failed or _went_wrong(event))
    ]
    entries, more = page(events, call.params.get("NextToken"), lambda event: event)
    return {"OperationEvents": entries, **more}


def _went_wrong(event: Event) -> bool:
    return event.type != STACK_TYPE and event.status.endswith("_FAILED") and not _cancelled(event)


def _cancelled(event: Event) -> bool:
    return bool(event.reason) and event.reason.startswith("Resource ") and event.reason.endswith(" cancelled")


def _operation_event(stack: Stack, event: Event) -> dict[str, Any]:
    entry = _event(stack, event)
    for name in ("StackName", "DetailedStatus"):
        entry.pop(name, None)
    if event.type == STACK_TYPE:
        entry["EventType"] = "STACK_EVENT"
    elif event.validation_path:
        entry["EventType"] = "VALIDATION_ERROR"
        entry["ValidationName"] = "PROPERTY_VALIDATION"
        entry["ValidationStatus"] = "FAILED"
        entry["ValidationStatusReason"] = event.reason
        entry["ValidationPath"] = event.validation_path
    else:
        entry["EventType"] = "PROVISIONING_ERROR" if _went_wrong(event) else "PROGRESS_EVENT"
    return entry


@service.operation("DescribeStackResources")
def describe_stack_resources(call: Call) -> dict[str, Any]:
    params = call.params
    if "PhysicalResourceId" in params and "StackName" not in params:
        stack = _owner(call, params["PhysicalResourceId"])
    elif "StackName" in params:
        stack = found(call, params["StackName"])
    else:
        raise validation_error("Either StackName or PhysicalResourceId must be specified.")
    shown = [
        resource
        for resource in _in_order(stack)
        if params.get("LogicalResourceId", resource.logical_id) == resource.logical_id
    ]
    return {
        "StackResources": [
            {
                **_resource(stack, resource),
                "StackName": stack.name,
                "StackId": stack.stack_id,
                "Timestamp": resource.changed,
            }
            for resource in shown
        ]
    }


def _owner(call: Call, physical_id: str) -> Stack:
    for stack in call.store.stacks.values():
        if stack.live and any(
            one.physical_id == physical_id and one.exists for one in stack.resources.values()
        ):
            return stack
    raise validation_error(f"Stack for {physical_id} does not exist")


def _in_order(stack: Stack) -> list[Resource]:
    return [resource for _, resource in sorted(stack.resources.items()) if resource.status]


def _resource(stack: Stack, resource: Resource) -> dict[str, Any]:
    return without_none(
        {
            "LogicalResourceId": resource.logical_id,
            "PhysicalResourceId": resource.physical_id,
            "ResourceType": resource.type,
            "ResourceStatus": resource.status,
            "ResourceStatusReason": resource.reason,
            "DriftInformation": RESOURCE_NOT_CHECKED,
        }
    )


@service.operation("DescribeStackResource")
def describe_stack_resource(call: Call) -> dict[str, Any]:
    stack = found(call, call.params["StackName"], "Stack '{name}' does not exist")
    name = call.params["LogicalResourceId"]
    resource = stack.resources.get(name)
    if resource is None:
        raise validation_error(f"Resource {name} does not exist for stack {stack.name}")
    detail = {
        **_resource(stack, resource),
        "StackName": stack.name,
        "StackId": stack.stack_id,
        "LastUpdatedTimestamp": resource.changed,
        "Metadata": json.dumps(resource.metadata) if resource.metadata is not None else "{}",
        "Description": resource.description,
    }
    return {"StackResourceDetail": without_none(detail)}


@service.operation("ListStackResources")
def list_stack_resources(call: Call) -> dict[str, Any]:
    stack = found(call, call.params["StackName"])
    entries, more = page(
        _in_order(stack),
        call.params.get("NextToken"),
        lambda resource: {**_resource(stack, resource), "LastUpdatedTimestamp": resource.changed},
    )
    return {"StackResourceSummaries": entries, **more}


@service.operation("ListExports")
def list_exports(call: Call) -> dict[str, Any]:
    exports = sorted(call.store.exports().items())
    entries, more = page(
        exports,
        call.params.get("NextToken"),
        lambda item: {"ExportingStackId": item[1][0].stack_id, "Name": item[0], "Value": item[1][1]},
    )
    return {"Exports": entries, **more}


@service.operation("ListImports")
def list_imports(call: Call) -> dict[str, Any]:
    name = call.params["ExportName"]
    users = sorted(stack.name for stack in call.store.importers(name))
    if not users:
        raise validation_error(f"Export '{name}' is not imported by any stack.")
    entries, more = page(users, call.params.get("NextToken"), lambda user: user)
    return {"Imports": entries, **more}
