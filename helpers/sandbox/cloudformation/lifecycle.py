"""The life of a stack but for its updates: created, given up, rolled back, deleted."""

from __future__ import annotations

from ..service import AwsError
from ..world import World
from .engine import Run, StepsFailed, delete_reason
from .errors import OperationFailed
from .model import Resource, Stack, now


def create(world: World, region: str, stack: Stack) -> None:
    """Create a stack that is in CREATE_IN_PROGRESS."""
    run = Run(world, region, stack)

    def begin(name: str) -> bool:
        resource = run.declared(name)
        with world.lock:
            stack.resources[name] = resource
        run.note(resource, "CREATE_IN_PROGRESS")
        return True

    def act(name: str) -> None:
        run.make(stack.resources[name])

    try:
        run.prepare()
        run.walk(run.graph(), begin, act)
        outputs = run.outputs()
    except StepsFailed as error:
        give_up(run, error.reason)
    except OperationFailed as error:
        give_up(run, f"{error}. ")
    except AwsError as error:
        give_up(run, f"{error.message.rstrip('.')}. ")
    else:
        if not run.finish_creation(outputs):
            delete(world, region, stack)


def give_up(run: Run, reason: str) -> None:
    """A creation has failed: roll back, delete or leave it, as the request asked."""
    if run.stack.status == "DELETE_IN_PROGRESS":  # somebody wants it deleted already
        delete(run.world, run.region, run.stack)
        return
    wish = run.stack.operation.on_failure if run.stack.operation else "ROLLBACK"
    if wish == "DO_NOTHING":
        run.finish("CREATE_FAILED", reason)
    elif wish == "DELETE":
        run.record("DELETE_IN_PROGRESS", f"{reason}Delete requested by user.")
        delete(run.world, run.region, run.stack)
    else:
        run.record("ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
        roll_back(run)


def roll_back(run: Run) -> None:
    """Delete all that a failed creation has made."""
    stack = run.stack
    made = [
        resource
        for resource in stack.resources.values()
        if resource.physical_id is not None and resource.status != "DELETE_COMPLETE"
    ]
    for resource in stack.resources.values():
        if resource.physical_id is None and resource.status == "CREATE_FAILED":
            run.note(resource, "DELETE_COMPLETE")
    failed = run.delete_all(made, run.retained_when_new)
    if failed:
        run.finish("ROLLBACK_FAILED", delete_reason(failed))
    else:
        run.finish("ROLLBACK_COMPLETE")


def delete(world: World, region: str, stack: Stack) -> None:
    """Delete a stack that is in DELETE_IN_PROGRESS."""
    run = Run(world, region, stack)
    operation = stack.operation
    retained = set(operation.retain) if operation else set()
    kept_policies = ("Retain", "RetainExceptOnCreate")

    def keep(resource: Resource) -> bool:
        return resource.logical_id in retained or resource.deletion_policy in kept_policies

    left = [resource for resource in stack.resources.values() if resource.exists]
    failed = run.delete_all(left, keep)
    if failed and operation and operation.force:
        for name in failed:
            run.note(stack.resources[name], "DELETE_SKIPPED")
        failed = []
    if failed:
        run.finish("DELETE_FAILED", delete_reason(failed))
        return
    with world.lock:
        stack.deleted = now()
        stack.outputs, stack.imports = [], frozenset()
    run.finish("DELETE_COMPLETE")
