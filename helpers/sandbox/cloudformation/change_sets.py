"""Change sets: proposals that are described, carried out or thrown away."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from typing import Any

from ..service import AwsError, Call
from . import changes, lifecycle
from .errors import OperationFailed, validation_error
from .model import FAILED_BUT_UPDATABLE, UPDATABLE, ChangeSet, Deployment, Operation, Stack
from .reading import page, without_none
from .requests import check_parameters_exist, check_values, deployment_of
from .resources.request import partition_of
from .service import service
from .stacks import (
    begin,
    changed_types,
    check_name,
    is_change,
    new_stack,
    obsolete,
    refuse_if,
    require_live,
    retaining,
    start_update,
)
from .template import parse

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


@service.operation("CreateChangeSet")
def create_change_set(call: Call) -> dict[str, Any]:
    params, store = call.params, call.store
    kind, name = params.get("ChangeSetType", "UPDATE"), params["StackName"]
    _check_change_set_name(params["ChangeSetName"])
    if kind == "IMPORT" or params.get("ResourcesToImport") or params.get("ImportExistingResources"):
        raise AwsError(
            "NotImplementedException", "The sandbox does not import existing resources into stacks.", 501
        )
    stack = store.find(name) if name.startswith("arn:") else store.live(name)
    if kind == "CREATE":
        if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
            raise validation_error(
                f"Stack [{name}] already exists and cannot be created again with the changeSet "
                f"[{params['ChangeSetName']}]."
            )
        if stack is None:
            check_name(name)
    elif stack is None:
        raise validation_error(f"Stack [{name}] does not exist")
    else:
        refuse_if(stack, stack.status not in UPDATABLE | FAILED_BUT_UPDATABLE)
    if stack is not None:
        _refuse_second(call, stack, params["ChangeSetName"])
    deployment = deployment_of(call, stack if kind == "UPDATE" else None)
    stack = stack or new_stack(call, name, Deployment(deployment.template, {}, {}))
    check_values(call.world, call.region, stack, deployment)
    change_set = _propose(call, stack, kind, deployment)
    with call.world.lock:
        if stack.stack_id not in store.stacks:
            stack.record("REVIEW_IN_PROGRESS", "User Initiated")
            store.stacks[stack.stack_id] = stack
        store.change_sets[change_set.change_set_id] = change_set
    return {"Id": change_set.change_set_id, "StackId": stack.stack_id}


def _check_change_set_name(name: str) -> None:
    if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]*", name) or len(name) > 128:
        raise validation_error(
            f"1 validation error detected: Value '{name}' at 'changeSetName' failed to satisfy constraint: "
            "Member "
            "must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )


def _refuse_second(call: Call, stack: Stack, name: str) -> None:
    for change_set in call.store.change_sets.values():
        same = change_set.stack_id == stack.stack_id and change_set.name == name
        if same and not change_set.execution_status.startswith("EXECUTE"):
            raise AwsError("AlreadyExistsException", f"ChangeSet {change_set.change_set_id} already exists")


def _propose(call: Call, stack: Stack, kind: str, deployment: Deployment) -> ChangeSet:
    params = call.params
    arn = (
        f"arn:{partition_of(call.region)}:cloudformation:{call.region}:{call.account}:"
        f"changeSet/{params['ChangeSetName']}/{uuid.uuid4()}"
    )
    change_set = ChangeSet(
        arn,
        params["ChangeSetName"],
        stack.stack_id,
        kind,
        deployment,
        description=params.get("Description"),
        include_nested=bool(params.get("IncludeNestedStacks", False)),
        on_failure=params.get("OnStackFailure"),
        rollback_configuration=params.get("RollbackConfiguration", {}),
    )
    reason = None
    try:
        check_parameters_exist(call.world, call.region, parse(deployment.template), deployment)
    except OperationFailed as error:
        reason = f"{error}."
    wrong = changed_types(stack, deployment)
    if wrong:
        reason = (
            f"Update of resource type is not permitted. The new template modifies resource type of: {wrong}"
        )
    if reason is None:
        change_set.changes = changes.changes(call.world, call.region, stack, deployment)
        if kind == "UPDATE" and not change_set.changes and not is_change(call, stack, deployment):
            reason = NO_CHANGES
    if reason is not None:
        change_set.status, change_set.reason, change_set.execution_status = "FAILED", reason, "UNAVAILABLE"
    return change_set


def find_change_set(call: Call, name: str, stack_name: str | None) -> ChangeSet:
    """A change set by its ARN, or by its name and its stack's."""
    store = call.store
    if name.startswith("arn:"):
        if name in store.change_sets:
            return store.change_sets[name]
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
    if stack_name is None:
        raise validation_error("StackName must be specified if ChangeSetName is not specified as an ARN.")
    stack = store.find(stack_name)
    if stack is None:
        raise validation_error(f"Stack [{stack_name}] does not exist")
    for change_set in reversed(store.change_sets.values()):
        if change_set.stack_id == stack.stack_id and change_set.name == name:
            return change_set
    raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)


def _asked_for(call: Call) -> ChangeSet:
    return find_change_set(call, call.params["ChangeSetName"], call.params.get("StackName"))


@service.operation("DescribeChangeSet")
def describe_change_set(call: Call) -> dict[str, Any]:
    change_set = _asked_for(call)
    full = call.params.get("IncludePropertyValues", False)
    shown = change_set.changes if full else [changes.brief(change) for change in change_set.changes]
    listed, more = page(shown, call.params.get("NextToken"), lambda change: change)
    deployment = change_set.deployment
    return without_none(
        {
            "ChangeSetName": change_set.name,
            "ChangeSetId": change_set.change_set_id,
            "StackId": change_set.stack_id,
            "StackName": call.store.stacks[change_set.stack_id].name,
            "Description": change_set.description,
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
            "CreationTime": change_set.created,
            "ExecutionStatus": change_set.execution_status,
            "Status": change_set.status,
            "StatusReason": change_set.reason,
            "NotificationARNs": list(deployment.notification_arns),
            "RollbackConfiguration": change_set.rollback_configuration,
            "Capabilities": list(deployment.capabilities),
            "Tags": [{"Key": key, "Value": value} for key, value in deployment.tags.items()] or None,
            "Changes": listed,
            "IncludeNestedStacks": change_set.include_nested,
            "OnStackFailure": change_set.on_failure,
            **more,
        }
    )


@service.operation("ListChangeSets")
def list_change_sets(call: Call) -> dict[str, Any]:
    stack = require_live(call.store, call.params["StackName"])
    mine = [
        one
        for one in call.store.change_sets.values()
        if one.stack_id == stack.stack_id and not one.execution_status.startswith("EXECUTE")
    ]
    entries, more = page(mine, call.params.get("NextToken"), lambda one: _summary(stack, one))
    return {"Summaries": entries, **more}


def _summary(stack: Stack, change_set: ChangeSet) -> dict[str, Any]:
    return without_none(
        {
            "StackId": stack.stack_id,
            "StackName": stack.name,
            "ChangeSetId": change_set.change_set_id,
            "ChangeSetName": change_set.name,
            "ExecutionStatus": change_set.execution_status,
            "Status": change_set.status,
            "StatusReason": change_set.reason,
            "CreationTime": change_set.created,
            "Description": change_set.description,
            "IncludeNestedStacks": change_set.include_nested,
        }
    )


@service.operation("ExecuteChangeSet")
def execute_change_set(call: Call) -> dict[str, Any]:
    change_set = _asked_for(call)
    store = call.store
    stack = store.stacks[change_set.stack_id]
    if change_set.execution_status != "AVAILABLE":
        shown = change_set.status if change_set.status == "FAILED" else change_set.execution_status
        raise AwsError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of [{shown}]",
        )
    wish = change_set.on_failure or ("DO_NOTHING" if call.params.get("DisableRollback") else "ROLLBACK")
    token = call.params.get("ClientRequestToken")
    creating = stack.status == "REVIEW_IN_PROGRESS"
    refuse_if(stack, not creating and stack.status not in UPDATABLE | FAILED_BUT_UPDATABLE)
    stack.change_set_id = change_set.change_set_id
    change_set.execution_status = "EXECUTE_IN_PROGRESS"
    if creating:
        with call.world.lock:
            stack.deployment = change_set.deployment
            obsolete(store, stack, besides=change_set.change_set_id)
            begin(
                stack, Operation("CREATE_STACK", token, wish, **retaining(call.params)), "CREATE_IN_PROGRESS"
            )
        call.world.spawn(f"create-{stack.name}", lifecycle.create, call.world, call.region, stack)
    else:
        start_update(
            call,
            stack,
            replace(change_set.deployment),
            Operation("UPDATE_STACK", token, wish, **retaining(call.params)),
        )
    return {}


@service.operation("DeleteChangeSet")
def delete_change_set(call: Call) -> dict[str, Any]:
    if not call.params["ChangeSetName"].startswith("arn:") and "StackName" in call.params:
        require_live(call.store, call.params["StackName"])
    try:
        change_set = _asked_for(call)
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return {}
        raise
    call.store.change_sets.pop(change_set.change_set_id, None)
    return {}
