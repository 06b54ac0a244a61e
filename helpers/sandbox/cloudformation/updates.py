"""The update of a stack: each resource is made, changed, replaced or left; then comes cleaning up, or back.

What each resource was before stays in `stack.before` until the update is through, so that it can be undone at
any point, by this process or by the next one.
"""

from __future__ import annotations

from dataclasses import replace

from ..service import AwsError
from ..world import World
from .engine import REPLACING, Run, StepsFailed, delete_reason
from .errors import OperationFailed, ResourceFailed
from .model import Before, Resource, Stack
from .schemas import Schema, schema

CLEANUP_FAILED = "Update successful. One or more resources could not be deleted."


def decide(kind: Schema, old: Resource | None, new: Resource) -> str | None:
    """What an update does with a resource: create, modify, replace, or nothing (None)."""
    if old is None or not old.exists:
        return "create"
    if old.status == "CREATE_FAILED":
        return "replace"
    changed = {
        name for name in {*old.applied, *new.applied} if old.applied.get(name) != new.applied.get(name)
    }
    if not changed:
        return None
    if any(kind.recreation(old.applied, new.applied, name) != "Never" for name in changed):
        return "replace"
    return "modify"


def custom_name(kind: Schema, old: Resource, new: Resource) -> bool:
    """Whether the replacement would have the name of what it replaces, which cannot be."""
    if kind.delete_first or not kind.identifier:
        return False
    return all(
        name in new.properties and old.properties.get(name) == new.properties[name]
        for name in kind.identifier
    )


def update(world: World, region: str, stack: Stack) -> None:
    """Carry out an update; the stack is in UPDATE_IN_PROGRESS and `stack.before` holds what it was."""
    run = Run(world, region, stack)
    before = stack.before
    try:
        run.prepare()
        run.walk(run.graph(), lambda name: _begin(run, before, name), lambda name: _act(run, before, name))
        outputs = run.outputs()
    except StepsFailed as error:
        give_up(run, error.reason)
    except OperationFailed as error:
        give_up(run, str(error))
    except AwsError as error:
        give_up(run, error.message)
    else:
        gone = [
            name for name in before.resources if name not in run.graph() and before.resources[name].exists
        ]
        with world.lock:
            stack.outputs, stack.imports = outputs, frozenset(run.surroundings.imports)
            before.leftovers += [stack.resources[name] for name in gone]
        run.record("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        clean_up(run)


def _begin(run: Run, before: Before, name: str) -> bool:
    old, new = before.resources.get(name), run.declared(name)
    action = decide(schema(new.type, run.region), old, new)
    stack = run.stack
    if action is None:
        new.physical_id, new.planned_id, new.attributes = old.physical_id, old.planned_id, old.attributes
        new.status, new.reason, new.changed = old.status, old.reason, old.changed
        with run.world.lock:
            stack.resources[name] = new
        return False
    if action != "create":
        new.physical_id, new.planned_id = old.physical_id, old.planned_id
        new.attributes = dict(old.attributes)
    with run.world.lock:
        before.touched[name] = action
        stack.resources[name] = new
    verb = "CREATE" if action == "create" else "UPDATE"
    run.note(new, f"{verb}_IN_PROGRESS", REPLACING if action == "replace" else None)
    return True


def _act(run: Run, before: Before, name: str) -> None:
    resource, action = run.stack.resources[name], before.touched[name]
    if action == "modify":
        run.change(resource, before.resources[name].applied)
    elif action == "create":
        run.make(resource)
    else:
        _replace(run, resource, before.resources[name])


def _replace(run: Run, resource: Resource, old: Resource) -> None:
    kind = schema(resource.type, run.region)
    if custom_name(kind, old, resource):
        raise ResourceFailed(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {resource.physical_id} and update the stack again."
        )
    run.check(resource)
    resource.physical_id, resource.planned_id, resource.attributes = None, None, {}
    if kind.delete_first:
        run.remove(replace(old))
    else:
        run.stack.before.leftovers.append(replace(old))
    run.make(resource, "UPDATE")


def clean_up(run: Run) -> None:
    """Delete what the update has replaced or left out; ends in UPDATE_COMPLETE."""
    stack, before = run.stack, run.stack.before

    def keep(resource: Resource) -> bool:
        replaced = stack.resources.get(resource.logical_id) is not resource
        policy = resource.update_replace_policy if replaced else resource.deletion_policy
        return policy in ("Retain", "RetainExceptOnCreate")

    failed = run.delete_all([one for one in before.leftovers if one.status != "DELETE_COMPLETE"], keep)
    with run.world.lock:
        for resource in before.leftovers:
            if stack.resources.get(resource.logical_id) is resource and resource.logical_id not in failed:
                del stack.resources[resource.logical_id]
        stack.before = None
    run.finish("UPDATE_COMPLETE", CLEANUP_FAILED if failed else None)


def give_up(run: Run, reason: str) -> None:
    """An update has failed: go back, or leave it as it is, as the request asked."""
    stack = run.stack
    if stack.operation and stack.operation.on_failure == "DO_NOTHING":
        for name, action in stack.before.touched.items():
            if action == "modify" and stack.resources[name].status == "UPDATE_FAILED":
                stack.resources[name].applied = stack.before.resources[name].applied
        run.finish("UPDATE_FAILED", reason)
        return
    run.record("UPDATE_ROLLBACK_IN_PROGRESS", reason)
    go_back(run)


def go_back(run: Run, skip: tuple[str, ...] = ()) -> None:
    """Make every resource what it was before the update; ends in UPDATE_ROLLBACK_COMPLETE or _FAILED."""
    stack, before = run.stack, run.stack.before
    with run.world.lock:
        stack.deployment = before.deployment
    run.use(before.deployment)
    failed = []
    for name, action in list(before.touched.items()):
        try:
            if name in skip:
                with run.world.lock:
                    stack.resources[name] = replace(before.resources[name])
                run.note(stack.resources[name], "UPDATE_COMPLETE")
            else:
                _undo(run, before, name, action)
            with run.world.lock:
                del before.touched[name]
        except ResourceFailed as error:
            run.note(stack.resources[name], "UPDATE_FAILED", error.reason)
            failed.append(name)
    if failed:
        run.finish("UPDATE_ROLLBACK_FAILED", StepsFailed({"update": failed}).reason)
        return
    run.record("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    clean_up_rollback(run)


def _undo(run: Run, before: Before, name: str, action: str) -> None:
    stack = run.stack
    current, old = stack.resources[name], before.resources.get(name)
    if action == "create":
        before.made.append(current)
        return
    if action == "replace":
        _undo_replacement(run, before, current, replace(old))
        return
    restored = replace(old, status=current.status)
    with run.world.lock:
        stack.resources[name] = restored
    untouched = current.status == "UPDATE_FAILED" and current.reason == "Resource update cancelled"
    run.note(restored, "UPDATE_IN_PROGRESS")
    if untouched:
        run.note(restored, "UPDATE_COMPLETE")
        return
    try:
        run.change(restored, current.applied)
    except ResourceFailed:
        with run.world.lock:
            stack.resources[name] = current
        raise


def _undo_replacement(run: Run, before: Before, current: Resource, old: Resource) -> None:
    stack, name = run.stack, current.logical_id
    made = current.physical_id is not None and current.physical_id != old.physical_id
    delete_first = schema(current.type, run.region).delete_first
    if delete_first and (made or current.physical_id is None):
        if made:
            run.remove(current)
        old.physical_id, old.planned_id = None, None
        with run.world.lock:
            stack.resources[name] = old
        run.note(old, "UPDATE_IN_PROGRESS")
        run.make(old, "UPDATE")
        return
    if made:
        before.made.append(current)
    with run.world.lock:
        stack.resources[name] = old
    run.note(old, "UPDATE_COMPLETE")


def clean_up_rollback(run: Run) -> None:
    """Delete what the failed update has made; ends in UPDATE_ROLLBACK_COMPLETE."""
    stack, before = run.stack, run.stack.before
    never_made = [one for one in before.made if one.physical_id is None]
    made = [one for one in before.made if one.physical_id is not None and one.status != "DELETE_COMPLETE"]
    for resource in never_made:
        run.note(resource, "DELETE_COMPLETE")
    failed = run.delete_all(made, run.retained_when_new)
    with run.world.lock:
        for name in [name for name in stack.resources if name not in before.resources and name not in failed]:
            del stack.resources[name]
        stack.outputs, stack.imports = before.outputs, before.imports
        stack.before = None
    run.finish("UPDATE_ROLLBACK_COMPLETE", delete_reason(failed))
