"""What is known of a notebook while it runs and afterwards. Light: it is there before papermill is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cell:
    """A code cell of the source notebook: its place among them, from 1, and its first line with code."""

    number: int
    of: int
    first_line: str


@dataclass(frozen=True)
class Failure:
    """The cell that stopped a notebook, and the error as the learner would have seen it."""

    cell: Cell
    error: str
    message: str
    traceback: str

    def __str__(self) -> str:
        return f"{self.error}: {self.message}" if self.message else self.error


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook. Seconds are wall-clock; `kernel_seconds` is the wait for the kernel."""

    name: str
    path: Path
    cells: int
    seconds: float
    cell_seconds: float
    failure: Failure | None = None
    kernel_seconds: float = 0.0

    @property
    def other_seconds(self) -> float:
        """Reading, adding parameters, saving, ending the kernel."""
        return max(0.0, self.seconds - self.kernel_seconds - self.cell_seconds)


class KernelFailed(Exception):
    """A kernel did not start; the message says where its last words are."""


class Watcher:
    """Is told of each cell as it begins and ends. This one looks away; `progress` has one that draws."""

    def cell_begins(self, cell: Cell) -> None: ...

    def cell_ends(self, cell: Cell, seconds: float) -> None: ...
