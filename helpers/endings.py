"""How each resource of a stack ended: what its last event says is not always that.

CloudFormation deletes what a replacement left over after the resource's UPDATE_COMPLETE, and takes a resource
that could not be updated back with a second update, which succeeds. Source: CloudFormation user guide,
"Understand update behaviors of stack resources" and "Stack status codes".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from .live import Step
from .stacks import StackEvent


def endings(
    stack: str, status: str, happened: Sequence[StackEvent], plain: Callable[[str], str]
) -> Iterator[Step]:
    """The states to leave standing, for resources whose last event says something else.

    `status` is the stack's in the end; `plain` takes the wrapping off a reason.
    """
    deployed = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    back = " (rolled back)" if status.endswith("ROLLBACK_COMPLETE") else ""
    for name, events in _by_resource(e for e in happened if e.resource != stack).items():
        states = [event.status for event in events]
        failed = next((e for e in events if e.status in ("CREATE_FAILED", "UPDATE_FAILED")), None)
        if failed and not deployed:
            yield Step(name, failed.status, failed.type, plain(failed.reason) + back)
        elif states[-1] == "DELETE_COMPLETE" and "UPDATE_COMPLETE" in states:
            note = "replaced, and the old one deleted" if deployed else back.strip(" ()")
            yield Step(name, "UPDATE_COMPLETE", events[-1].type, note)


def _by_resource(events: Iterable[StackEvent]) -> dict[str, list[StackEvent]]:
    found: dict[str, list[StackEvent]] = {}
    for event in events:
        found.setdefault(event.resource, []).append(event)
    return found
