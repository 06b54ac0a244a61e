"""Live progress: verbs poll and yield what happened, `draw` is the one place that shows it.

In a notebook one output is drawn and updated in place, at most five times a second; with WORKSHOP_STATIC=1
only its final state appears, once, so that a stored notebook is the same each time. In a terminal lines come
as things happen. Times are shown only while the work goes on.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from . import show
from .show import Log, Noun, Status, Table, Text

Result = TypeVar("Result")

SECONDS_BETWEEN_UPDATES = 0.2
WAITING = "waiting"  # the state of a step that has not begun; what never begins is not shown at the end


@dataclass(frozen=True)
class Step:
    """Something with a state: a resource, a stage, a build phase. A later one with its `key` replaces it."""

    key: str
    state: str
    what: str = ""
    note: str = ""

    def __str__(self) -> str:
        return show.discreet(
            "  ".join(p for p in (f"{Status(self.state)!s:<30}", self.key, self.what, self.note) if p)
        )


@dataclass(frozen=True)
class Line:
    """A line of a log."""

    text: str

    def __str__(self) -> str:
        return show.discreet(f"    {self.text}")


@dataclass(frozen=True)
class Note:
    """A sentence the reader should know; a `passing` one is of no interest when all is over."""

    text: str
    passing: bool = False

    def __str__(self) -> str:
        return show.discreet(self.text)


@dataclass(frozen=True)
class Tick:
    """Nothing new; it lets the seconds move on."""


Event = Step | Line | Note | Tick
Events = Generator[Event, None, Result]


class Progress(Noun):
    """Everything that the events so far add up to."""

    def __init__(self, title: str, columns: tuple[str, str, str, str]) -> None:
        self.title, self.columns = title, columns
        self.steps: dict[str, Step] = {}
        self.lines: list[str] = []
        self.notes: dict[str, Note] = {}
        self.began, self.finished = time.monotonic(), False

    def add(self, event: Event) -> None:
        if isinstance(event, Step):
            before = self.steps.get(event.key)
            failed = before is not None and before.note and Status(before.state).sign == "✗"
            if failed and not event.note:  # a resource that failed is deleted next: keep why it failed
                event = replace(event, note=before.note)
            self.steps[event.key] = event
        elif isinstance(event, Line):
            self.lines.append(event.text)
        elif isinstance(event, Note):
            self.notes.setdefault(event.text, event)

    def _view(self) -> Iterator[show.Block]:
        seconds = "" if self.finished else f" · {time.monotonic() - self.began:.0f} s"
        yield Text(self.title + seconds, title=True)
        yield from (Text(n.text) for n in self.notes.values() if not (self.finished and n.passing))
        steps = [s for s in self.steps.values() if not (self.finished and s.state == WAITING)]
        if steps:
            used = [
                i
                for i, name in enumerate(("key", "what", "state", "note"))
                if any(getattr(s, name) for s in steps)
            ]
            rows = [(s.key, s.what, Status(s.state), s.note) for s in steps]
            yield Table([self.columns[i] for i in used], [[row[i] for i in used] for row in rows])
        if self.lines:
            yield Log(self.lines, limit=200 if self.finished else 12)


def draw(events: Events, title: str, columns: tuple[str, str, str, str] = ("", "", "Status", "")) -> Any:
    """Consume `events`, show them as they come, and give back what the generator returned.

    The last state is drawn whatever ends the events: their end, a failure, or Ctrl-C.
    """
    progress = Progress(title, columns)
    screen = _screen(progress)
    try:
        while True:
            event = next(events)
            progress.add(event)
            screen.show(event)
    except StopIteration as end:
        return end.value
    finally:
        progress.finished = True
        screen.close()


def pause(seconds: float) -> Generator[Tick, None, None]:
    """Wait between two polls, ticking, so that a display keeps its seconds moving."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        yield Tick()
        time.sleep(min(left, 1.0))


class _Notebook:
    """One output, updated in place."""

    def __init__(self, progress: Progress) -> None:
        from IPython.display import display

        self.progress, self.updated = progress, time.monotonic()
        self.handle = display(progress, display_id=True)

    def show(self, event: Event) -> None:
        if time.monotonic() - self.updated >= SECONDS_BETWEEN_UPDATES:
            self.handle.update(self.progress)
            self.updated = time.monotonic()

    def close(self) -> None:
        self.handle.update(self.progress)


class _Static:
    """One output, when everything is over."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def show(self, event: Event) -> None:
        pass

    def close(self) -> None:
        if in_notebook():
            from IPython.display import display

            display(self.progress)
        else:
            print(self.progress)


class _Terminal:
    """A line for each thing that happens, said once."""

    def __init__(self, progress: Progress) -> None:
        self.states: dict[str, Step] = {}
        self.said: set[str] = set()
        print(show.discreet(progress.title), flush=True)

    def show(self, event: Event) -> None:
        if isinstance(event, Step):
            if event.state == WAITING or self.states.get(event.key) == event:
                return
            self.states[event.key] = event
        elif isinstance(event, Tick) or (isinstance(event, Note) and event.text in self.said):
            return
        elif isinstance(event, Note):
            self.said.add(event.text)
        print(event, flush=True)

    def close(self) -> None:
        pass


def in_notebook() -> bool:
    """Whether a Jupyter kernel shows what we display."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _screen(progress: Progress) -> _Notebook | _Static | _Terminal:
    if os.environ.get("WORKSHOP_STATIC") == "1":
        return _Static(progress)
    return _Notebook(progress) if in_notebook() else _Terminal(progress)
