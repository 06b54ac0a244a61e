"""What a run of the notebooks is asked to do, and what is known of it as it goes."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import sandboxes
from .environment import ROOT
from .outcomes import Outcome

TEARDOWN = "99"
SOLUTIONS = "solutions"
REPORT_DATE = "2013-01-01"


class RunError(Exception):
    """The run could not begin; the message says what to do next."""


@dataclass(frozen=True)
class Source:
    """A notebook to run, and its name in all that is said of it: `03_roles`, or `solutions/03_roles`."""

    path: Path
    name: str


@dataclass(frozen=True)
class Plan:
    """What to run, and how. Seconds are real ones; `speed` and `pace` None mean the sandbox's defaults.

    `only` are beginnings of names, `exactly` whole names. With `solutions` each notebook is followed by its
    solution. `as_written` leaves the parameters as they stand in the notebooks. A `sandbox` that runs already
    is used and left running; otherwise the run has one of its own.
    """

    mode: str = "sandbox"
    project: str = "flights"
    region: str | None = None
    only: tuple[str, ...] = ()
    exactly: tuple[str, ...] = ()
    solutions: bool = False
    as_written: bool = False
    sandbox: sandboxes.Sandbox | None = None
    runtime: str = "auto"
    speed: float | None = None
    pace: float | None = 0
    cell_timeout: int = 900
    notebooks: Path = ROOT / "notebooks"
    out: Path = ROOT / "build" / "run"

    @property
    def parameters(self) -> dict[str, str]:
        if self.as_written:
            return {}
        given = {"mode": self.mode, "project": self.project, "region": self.region}
        return {name: value for name, value in given.items() if value is not None}

    def sources(self) -> list[Source]:
        """The notebooks to run, in order. Raises RunError when there are none."""
        found = []
        for path in sorted(self.notebooks.glob("[0-9][0-9]_*.ipynb")):
            found.append(Source(path, path.stem))
            solution = self.notebooks / SOLUTIONS / path.name
            if (self.solutions or self.exactly) and solution.is_file():
                found.append(Source(solution, f"{SOLUTIONS}/{path.stem}"))
        chosen = [source for source in found if self._is_wanted(source)]
        if not chosen:
            wanted = f" that begins with {' or '.join(self.only)}" if self.only else ""
            raise RunError(f"There is no notebook{wanted} in {short(self.notebooks)}.")
        return chosen

    def _is_wanted(self, source: Source) -> bool:
        if self.exactly:
            return source.name in self.exactly
        return not self.only or source.path.stem.startswith(self.only)


@dataclass
class Result:
    """What happened, as it happens; at the end it becomes summary.json."""

    plan: Plan
    began: float = field(default_factory=time.monotonic)
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.timezone.utc))
    sandbox: sandboxes.Sandbox | None = None
    sandbox_seconds: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)
    before_teardown: dict[str, Any] | None = None
    after_teardown: dict[str, list[str]] | None = None
    problems: list[str] = field(default_factory=list)
    report: Path | None = None
    outcome: str = "failed"

    def seconds(self) -> dict[str, float]:
        total = time.monotonic() - self.began
        kernels = sum(each.kernel_seconds for each in self.outcomes)
        cells = sum(each.cell_seconds for each in self.outcomes)
        rest = total - kernels - cells - self.sandbox_seconds
        parts = {
            "kernels": kernels,
            "cells": cells,
            "sandbox": self.sandbox_seconds,
            "rest": rest,
            "total": total,
        }
        return {name: round(seconds, 2) for name, seconds in parts.items()}

    @property
    def failed(self) -> bool:
        return bool(self.problems) or any(outcome.failure for outcome in self.outcomes)


def short(path: Path) -> str:
    """A path as the user would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
