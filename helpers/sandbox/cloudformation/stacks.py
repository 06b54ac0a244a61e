"""The operations that change stacks: create, update, delete, cancel, continue, protect."""

from __future__ import annotations

import re
import uuid
from typing import Any

from ..service import AwsError, Call
from . import changes, lifecycle, updates
from .engine import Run, listed
from .errors import validation_error
from .model import FAILED_BUT_UPDATABLE, UPDATABLE, Before, Deployment, Operation, Stack, Store, now
from .requests import check_values, deployment_of, same
from .resources.request import partition_of
from .service import service
from .template import parse

NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*")
MAX_NAME = 128


def stack_arn(call: Call, name: str) -> str:
    """A new stack id."""
    partition = partition_of(call.region)
    return f"arn:{partition}:cloudformation:{call.region}:{call.account}:stack/{name}/{uuid.uuid1()}"


def check_name(name: str) -> None:
    """Refuse a name that no stack may have."""
    problem = None
    if not NAME.fullmatch(name):
        problem = (
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"
        )
    elif len(name) > MAX_NAME:
        problem = f"Member must have length less than or equal to {MAX_NAME}"
    if problem:
        raise validation_error(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            f"{problem}"
        )


def on_failure(params: dict[str, Any]) -> str:
    """What the request wants done when the operation fails."""
    if "OnFailure" in params and "DisableRollback" in params:
        raise validation_error("You can specify either DisableRollback or OnFailure, but not both.")
    if "OnFailure" in params:
        return params["OnFailure"]
    return "DO_NOTHING" if params.get("DisableRollback") else "ROLLBACK"


def retaining(params: dict[str, Any]) -> dict[str, bool]:
    """Whether new resources are deleted in a rollback although their policy is to retain them."""
    return {"retain_except_on_create": bool(params.get("RetainExceptOnCreate"))}


def repeated(stack: Stack, token: str | None, operation: str) -> bool:
    """Whether this very request has been made before. Raises AwsError for a token used for something else."""
    if token is None or token not in stack.tokens:
        if token is not None:
            stack.tokens[token] = operation
        return False
    if stack.tokens[token] != operation:
        raise AwsError(
            "TokenAlreadyExistsException", f"Token {token} is already in use for another operation"
        )
    return True


def require_live(store: Store, name: str) -> Stack:
    """The stack of that name or id, or the refusal that there is none."""
    stack = store.live(name)
    if stack is None:
        raise validation_error(f"Stack [{name}] does not exist")
    return stack


def refuse_if(stack: Stack, wrong: bool) -> None:
    """The refusal of an operation that the stack's status does not allow."""
    if wrong:
        raise validation_error(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")


def new_stack(call: Call, name: str, deployment: Deployment) -> Stack:
    """A stack's record, not yet in the store."""
    stack = Stack(stack_arn(call, name), name, deployment)
    configure(stack, call.params)
    return stack


def configure(stack: Stack, params: dict[str, Any]) -> None:
    """Take over the settings of a request that are not part of the deployment."""
    stack.disable_rollback = bool(params.get("DisableRollback", stack.disable_rollback))
    stack.timeout_minutes = params.get("TimeoutInMinutes", stack.timeout_minutes)
    stack.protected = bool(params.get("EnableTerminationProtection", stack.protected))
    stack.rollback_configuration = params.get("RollbackConfiguration", stack.rollback_configuration)


@service.operation("CreateStack")
def create_stack(call: Call) -> dict[str, Any]:
    params, store = call.params, call.store
    name = params["StackName"]
    check_name(name)
    token = params.get("ClientRequestToken")
    there = store.live(name)
    if there is not None and there.status != "REVIEW_IN_PROGRESS":
        if token and repeated(there, token, "CreateStack"):
            return {"StackId": there.stack_id}
        raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
    wish = on_failure(params)
    deployment = deployment_of(call, None)
    stack = there or new_stack(call, name, deployment)
    check_values(call.world, call.region, stack, deployment)
    with call.world.lock:
        clash = store.live(name)
        if clash is not None and clash is not there:
            raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
        if there is not None:
            stack.deployment = deployment
            configure(stack, params)
            obsolete(store, stack)
        repeated(stack, token, "CreateStack")
        store.stacks[stack.stack_id] = stack
        begin(stack, Operation("CREATE_STACK", token, wish, **retaining(params)), "CREATE_IN_PROGRESS")
    call.world.spawn(f"create-{name}", lifecycle.create, call.world, call.region, stack)
    return {"StackId": stack.stack_id, "OperationId": stack.operation.id if stack.operation else ""}


def begin(stack: Stack, operation: Operation, status: str) -> None:
    """Set a stack to work on an operation."""
    stack.operation = operation
    if status == "UPDATE_IN_PROGRESS" or stack.change_set_id:
        stack.updated = now()
    stack.cancelled = False
    stack.record(status, "User Initiated")


def obsolete(store: Store, stack: Stack, besides: str | None = None) -> None:
    """The stack has changed: proposals made for what it was cannot be carried out any more."""
    for change_set in store.change_sets.values():
        mine = change_set.stack_id == stack.stack_id and change_set.change_set_id != besides
        if mine and change_set.execution_status == "AVAILABLE":
            change_set.execution_status = "OBSOLETE"


@service.operation("UpdateStack")
def update_stack(call: Call) -> dict[str, Any]:
    stack = require_live(call.store, call.params["StackName"])
    token = call.params.get("ClientRequestToken")
    if token and stack.tokens.get(token) == "UpdateStack":
        return {"StackId": stack.stack_id}
    refuse_if(stack, stack.status not in UPDATABLE | FAILED_BUT_UPDATABLE)
    wish = on_failure(call.params)
    if stack.status in FAILED_BUT_UPDATABLE and wish != "DO_NOTHING":
        raise validation_error(
            f"This stack is currently in a non-terminal [{stack.status}] state. To update the stack from "
            "this "
            "state, please use the disable-rollback parameter with update-stack API. To rollback to the last "
            "known good state, use the rollback-stack API"
        )
    deployment = deployment_of(call, stack)
    check_update(call, stack, deployment)
    start_update(call, stack, deployment, Operation("UPDATE_STACK", token, wish, **retaining(call.params)))
    return {"StackId": stack.stack_id, "OperationId": stack.operation.id if stack.operation else ""}


def check_update(call: Call, stack: Stack, deployment: Deployment) -> None:
    """Refuse an update that changes nothing, or a resource's type."""
    check_values(call.world, call.region, stack, deployment)
    wrong = changed_types(stack, deployment)
    if wrong:
        raise validation_error(
            "Update of resource type is not permitted. The new template modifies resource type of the "
            "following "
            f"resources: [{', '.join(wrong)}]"
        )
    if not is_change(call, stack, deployment):
        raise validation_error("No updates are to be performed.")


def changed_types(stack: Stack, deployment: Deployment) -> list[str]:
    """The resources whose type the deployment would change."""
    template = parse(deployment.template)
    return [
        name
        for name, resource in stack.resources.items()
        if resource.exists and name in template.resources and template.resources[name].type != resource.type
    ]


def is_change(call: Call, stack: Stack, deployment: Deployment) -> bool:
    """Whether a deployment would change anything about the stack."""
    before = stack.deployment
    if stack.status in FAILED_BUT_UPDATABLE:
        return True
    if before.tags != deployment.tags or before.notification_arns != deployment.notification_arns:
        return True
    if before.template == deployment.template and same(before, deployment):
        return False
    return bool(changes.changes(call.world, call.region, stack, deployment)) or changes.outputs_change(
        call.world, call.region, stack, deployment
    )


def start_update(call: Call, stack: Stack, deployment: Deployment, operation: Operation) -> None:
    """Begin an update in the background."""
    with call.world.lock:
        refuse_if(stack, stack.status not in UPDATABLE | FAILED_BUT_UPDATABLE)
        stack.before = Before.of(stack)
        stack.deployment = deployment
        configure(stack, call.params)
        repeated(stack, operation.token, "UpdateStack")
        obsolete(call.store, stack, besides=stack.change_set_id)
        begin(stack, operation, "UPDATE_IN_PROGRESS")
    call.world.spawn(f"update-{stack.name}", updates.update, call.world, call.region, stack)


@service.operation("DeleteStack")
def delete_stack(call: Call) -> None:
    params, store = call.params, call.store
    stack = store.live(params["StackName"])
    token = params.get("ClientRequestToken")
    if stack is None or (token and stack.tokens.get(token) == "DeleteStack"):
        return  # deleting what does not exist succeeds
    if stack.protected:
        raise validation_error(
            f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
        )
    if stack.status == "DELETE_IN_PROGRESS":
        return
    retain, force = params.get("RetainResources", []), params.get("DeletionMode") == "FORCE_DELETE_STACK"
    if (retain or force) and stack.status != "DELETE_FAILED":
        raise validation_error(
            f"Invalid operation on stack [{stack.stack_id}]. When you delete a stack, specify which "
            "resources to "
            "retain only when the stack is in the DELETE_FAILED state."
        )
    creating = stack.status == "CREATE_IN_PROGRESS"
    if stack.busy and not creating:
        raise validation_error(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
    refuse_used_exports(store, stack)
    with call.world.lock:
        repeated(stack, token, "DeleteStack")
        obsolete(store, stack)
        operation = Operation("DELETE_STACK", token, retain=tuple(retain), force=force)
        begin(stack, operation, "DELETE_IN_PROGRESS")
        stack.cancelled = creating
    if creating:
        return  # whoever is creating it sees that, and deletes what there is
    call.world.spawn(f"delete-{stack.name}", lifecycle.delete, call.world, call.region, stack)


def refuse_used_exports(store: Store, stack: Stack) -> None:
    """A stack stays as long as another one imports from it."""
    for output in stack.outputs:
        users = store.importers(output.export_name, besides=stack.stack_id) if output.export_name else []
        if users:
            names = listed(sorted(user.name for user in users))
            raise validation_error(
                f"Export {output.export_name} cannot be deleted as it is in use by {names}"
            )


@service.operation("CancelUpdateStack")
def cancel_update_stack(call: Call) -> None:
    stack = require_live(call.store, call.params["StackName"])
    if stack.status != "UPDATE_IN_PROGRESS":
        raise validation_error("CancelUpdateStack cannot be called from current stack status")
    stack.cancelled = True


@service.operation("ContinueUpdateRollback")
def continue_update_rollback(call: Call) -> None:
    stack = require_live(call.store, call.params["StackName"])
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise validation_error(
            f"Stack:{stack.stack_id} is in {stack.status} state and can not continue update rollback."
        )
    skip = tuple(call.params.get("ResourcesToSkip", []))
    with call.world.lock:
        operation = Operation("CONTINUE_ROLLBACK", call.params.get("ClientRequestToken"))
        begin(stack, operation, "UPDATE_ROLLBACK_IN_PROGRESS")
    run = Run(call.world, call.region, stack)
    call.world.spawn(f"continue-{stack.name}", updates.go_back, run, skip)


@service.operation("RollbackStack")
def rollback_stack(call: Call) -> dict[str, Any]:
    stack = require_live(call.store, call.params["StackName"])
    refuse_if(stack, stack.status not in FAILED_BUT_UPDATABLE)
    operation = Operation("ROLLBACK", call.params.get("ClientRequestToken"))
    created = stack.status == "CREATE_FAILED"
    with call.world.lock:
        begin(stack, operation, "ROLLBACK_IN_PROGRESS" if created else "UPDATE_ROLLBACK_IN_PROGRESS")
    run = Run(call.world, call.region, stack)
    call.world.spawn(f"rollback-{stack.name}", lifecycle.roll_back if created else updates.go_back, run)
    return {"StackId": stack.stack_id, "OperationId": operation.id}


@service.operation("UpdateTerminationProtection")
def update_termination_protection(call: Call) -> dict[str, Any]:
    stack = require_live(call.store, call.params["StackName"])
    stack.protected = bool(call.params["EnableTerminationProtection"])
    return {"StackId": stack.stack_id}


@service.operation("SetStackPolicy")
def set_stack_policy(call: Call) -> None:
    raise AwsError(
        "NotImplementedException",
        "The sandbox does not enforce stack policies, so it does not take one. They work in a real account.",
        501,
    )


@service.operation("GetStackPolicy")
def get_stack_policy(call: Call) -> dict[str, Any]:
    require_live(call.store, call.params["StackName"])
    return {}  # as of a stack without a policy
