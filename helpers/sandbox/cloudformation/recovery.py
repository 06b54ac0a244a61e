"""After a start: stacks whose operation the sandbox did not live to finish are brought to an end.

A creation is rolled back, an update undone, a deletion counts as failed and can be repeated, so that nothing
half-made stays behind and every stack can be worked on again.
"""

from __future__ import annotations

from ..world import World
from . import lifecycle, resources, updates
from .engine import Run
from .errors import ResourceFailed
from .evaluation import request_for
from .model import Resource, Stack

STOPPED = "The sandbox stopped while this was in progress."


def recover(world: World) -> None:
    """Take up, in the background, every stack that is in the middle of something."""
    for region, store in world.stores("cloudformation").items():
        for stack in store.stacks.values():
            if stack.busy:
                world.spawn(f"recover-{stack.name}", resume, world, region, stack)


def resume(world: World, region: str, stack: Stack) -> None:
    """Bring one interrupted operation to its end."""
    run = Run(world, region, stack)
    _mark(run)
    status = stack.status
    if status == "CREATE_IN_PROGRESS":
        lifecycle.give_up(run, f"{STOPPED} ")
    elif status == "ROLLBACK_IN_PROGRESS":
        lifecycle.roll_back(run)
    elif status == "DELETE_IN_PROGRESS":
        run.finish("DELETE_FAILED", STOPPED)
    elif status == "UPDATE_IN_PROGRESS":
        updates.give_up(run, STOPPED)
    elif status == "UPDATE_ROLLBACK_IN_PROGRESS":
        updates.go_back(run)
    elif status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
        updates.clean_up(run)
    elif status == "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS":
        updates.clean_up_rollback(run)


def _mark(run: Run) -> None:
    """Note what was in progress as failed, having looked for what was made but not written down."""
    for resource in list(run.stack.resources.values()):
        if not resource.status.endswith("_IN_PROGRESS"):
            continue
        if resource.physical_id is None:
            _look_for(run, resource)
        verb = resource.status.split("_")[0]
        run.note(resource, f"{verb}_FAILED", STOPPED)


def _look_for(run: Run, resource: Resource) -> None:
    request = request_for(run.world, run.region, run.stack, resource)
    try:
        resources.kind_of(resource.type).look_for(request)
    except ResourceFailed:
        return  # what it belongs to does not exist either
