"""Which exercises there are: those of each notebook's module, in the order of the course."""

from __future__ import annotations

import difflib
import importlib
from functools import cache

from ..errors import NameUnknown
from .nouns import Exercise

# The notebook's number, and the module with its exercises.
MODULES = {
    "00": "start_here",
    "01": "storage",
    "02": "network",
    "03": "roles",
    "04": "registry",
    "05": "build",
    "06": "pipeline",
    "07": "task",
    "08": "schedule",
    "09": "a_day_in_the_life",
    "10": "when_things_break",
    "11": "cost_and_sizing",
    "99": "teardown",
}


@cache
def of_notebook(number: str) -> tuple[Exercise, ...]:
    """The exercises of one notebook, by its two digits."""
    return importlib.import_module(f".{MODULES[number]}", __package__).EXERCISES


@cache
def everything() -> dict[str, Exercise]:
    """All exercises by their id."""
    return {exercise.id: exercise for number in MODULES for exercise in of_notebook(number)}


def find(id: str) -> Exercise:
    """The exercise of that id. Raises NameUnknown, with the closest id."""
    number = str(id)[:2]
    known = {exercise.id: exercise for exercise in of_notebook(number)} if number in MODULES else everything()
    if id in known:
        return known[id]
    close = difflib.get_close_matches(str(id), known, n=1)
    raise NameUnknown(
        f"There is no exercise `{id}`{f'; did you mean `{close[0]}`?' if close else '.'}",
        f"Use one of {', '.join(known)}." if known else "This notebook has no exercises.",
    )
