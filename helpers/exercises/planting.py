"""`plant`: breaks something and does not say what. Who reads on is told what.

A fault is a stack deployed from a copy of its template in which one thing is different, as in notebook 10, so
that `deploy` of the course's own template mends it. Nothing is shown of the deployment, as it would tell
the place.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import launch, show, snippets, stacks
from .. import session as sessions
from ..errors import NameUnknown
from ..session import Session, verb

NEEDS = ("storage", "network", "roles", "registry", "task", "schedule")


@dataclass(frozen=True)
class Fault:
    """What is different in the copy of a stack's template: in `block`, `old` is `new`. "" cuts it out."""

    stack: str
    block: str
    old: str = ""
    new: str = ""


FAULTS = {
    "10-a": (
        Fault("network", "S3Endpoint", "[s3:GetObject, s3:PutObject, s3:ListBucket]", "[s3:GetObject]"),
    ),
    "10-b": (
        Fault("roles", "ScheduleRole", ":cluster/${Project}", ":cluster/default"),
        Fault("network", "LogsEndpoint"),
    ),
}


@dataclass(frozen=True)
class Planted(show.Noun):
    """Something is broken now; how many places, and nothing more."""

    exercise: str
    places: int

    def _view(self) -> Iterator[show.Block]:
        where = "one place" if self.places == 1 else f"{self.places} places"
        yield show.Text(f"Planted for {self.exercise}: something is broken in {where}", title=True)
        yield show.Text("Look for it as one looks in life: start what should work, and see how far it comes.")


def plant(exercise: str, session: Session | None = None) -> Planted:
    """Break what the exercise is about. Planting it again changes nothing.

    `session` None means the one that was opened last. Stacks that are missing are deployed first. Raises
    NameUnknown for an exercise that plants nothing, NotReady before a session is open.
    """
    return _plant(session or sessions.current(), exercise)


@verb
def _plant(session: Session, exercise: str) -> Planted:
    faults = FAULTS.get(exercise)
    if faults is None:
        raise NameUnknown(f"Exercise {exercise} plants nothing.", f"{' and '.join(FAULTS)} do.")
    for stack in NEEDS:
        launch.deploy_if_missing(session, stack)
    with tempfile.TemporaryDirectory() as folder:
        for fault in faults:
            copy = Path(folder) / f"{fault.stack}.yaml"
            copy.write_text(broken(session, fault))
            launch.deploy_unseen(session, copy)
    return Planted(exercise, len(faults))


def broken(session: Session, fault: Fault) -> str:
    """The template of the fault's stack, with the fault in it."""
    block = snippets.template(session, fault.stack, fault.block).text
    text = stacks.catalogued(fault.stack).body
    assert block in text and fault.old in block, fault
    return text.replace(block, block.replace(fault.old, fault.new) if fault.old else "")
