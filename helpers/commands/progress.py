"""Progress of a series, drawn as it goes: a line that changes in a terminal, plain lines in a log file."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO

from .outcomes import Cell, Outcome, Watcher


class Progress(Watcher):
    """Draws where a series stands. In a terminal each notebook keeps one line."""

    def __init__(self, total: int, longest_name: int, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.live = self.out.isatty()
        self.total = total
        self.width = longest_name
        self._head = ""

    def say(self, text: str = "") -> None:
        """A line that stays."""
        print(self._erase() + text, file=self.out, flush=True)

    def wait(self, text: str) -> None:
        """Something that takes a moment: the next line drawn takes its place, except in a log."""
        if self.live:
            self._draw(text)
        else:
            self.say(text)

    def notebook_begins(self, place: int, name: str) -> None:
        self._head = f"{place:>3}/{self.total}  {name:<{self.width}}"
        self.wait(self._head)

    def cell_begins(self, cell: Cell) -> None:
        if self.live:
            self._draw(f"{self._head}  cell {cell.number:>2} of {cell.of}  {cell.first_line}")

    def cell_ends(self, cell: Cell, seconds: float) -> None:
        if not self.live:
            self.say(f"          cell {cell.number:>2} of {cell.of}  {seconds:6.1f} s  {cell.first_line}")

    def notebook_ends(self, outcome: Outcome) -> None:
        result = f"stopped at cell {outcome.failure.cell.number}" if outcome.failure else "done"
        self.say(f"{self._head}  {outcome.cells:>2} cells  {outcome.seconds:6.1f} s  {result}")

    def _draw(self, text: str) -> None:
        columns = shutil.get_terminal_size().columns
        print(self._erase() + text[: columns - 1], end="", file=self.out, flush=True)

    def _erase(self) -> str:
        return "\r\x1b[K" if self.live else ""


def table(rows: list[list[str]], indent: str = "  ") -> str:
    """Rows of cells as aligned text: the first is the heading, and columns of numbers stand to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    right = [all(_is_number(row[column]) for row in rows[1:]) for column in range(len(rows[0]))]
    lines = []
    for row in [rows[0], ["-" * width for width in widths], *rows[1:]]:
        cells = [
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(row, widths, right, strict=True)
        ]
        lines.append((indent + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def _is_number(text: str) -> bool:
    try:
        float(text or 0)
    except ValueError:
        return False
    return True
