"""What an exercise is: a task that is checked by looking, or a question whose answer is explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..session import Session


@dataclass(frozen=True)
class Finding:
    """One thing that an exercise asks for: whether it is so, what is wanted, and what was found instead.

    `found` helps the learner on, and does not give the solution away.
    """

    met: bool
    wanted: str
    found: str = ""


@dataclass(frozen=True)
class Task:
    """An exercise that is solved when the deployed state is as asked: every finding of `looks` is met."""

    id: str
    title: str
    looks: Callable[[Session], Iterator[Finding]] = field(repr=False)
    hints: tuple[str, ...]
    learned: str = ""  # said once it is solved: what was to be seen by it


@dataclass(frozen=True)
class Question:
    """An exercise on understanding. `right` holds the letters of all right options, and only of those."""

    id: str
    title: str
    options: Mapping[str, str]
    right: str
    because: str
    wrong: Mapping[str, str]
    hints: tuple[str, ...]


Exercise = Task | Question
