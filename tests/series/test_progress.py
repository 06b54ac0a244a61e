"""What a run looks like: one line a notebook in a terminal, and a report that can be read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from helpers.commands.outcomes import Cell, Outcome
from helpers.commands.progress import Progress, table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """The lines as they stand at the end, when each carriage return has begun its line anew."""
        return [line.rpartition("\r\x1b[K")[2] for line in self.getvalue().removesuffix("\n").split("\n")]


def draw(out: io.StringIO) -> None:
    progress = Progress(total=11, longest_name=10, out=out)
    progress.wait("Starting ...")
    progress.notebook_begins(2, "01_storage")
    cell = Cell(1, 2, "deploy(session, 'storage')" + " # long" * 40)
    progress.cell_begins(cell)
    progress.cell_ends(cell, 1.25)
    progress.notebook_ends(Outcome("01_storage", Path("x"), cells=2, seconds=1.5, cell_seconds=1.25))


def test_a_terminal_keeps_one_line_for_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal = Terminal()
    draw(terminal)
    assert terminal.screen() == ["  2/11  01_storage   2 cells     1.5 s  done"]
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert any("cell  1 of 2  deploy(session" in line for line in drawn)
    assert max(map(len, drawn)) < 60  # a longer line would wrap, and stay


def test_a_log_gets_a_line_for_each_cell() -> None:
    log = io.StringIO()
    draw(log)
    lines = log.getvalue().splitlines()
    assert lines[0] == "Starting ..."
    assert lines[1] == "  2/11  01_storage"
    assert lines[2].startswith("          cell  1 of 2     1.2 s  deploy(session, 'storage')")
    assert lines[3:] == ["  2/11  01_storage   2 cells     1.5 s  done"]


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    rows = [["carrier", "flights", "mean"], ["UA", "165", "7.65"], ["DeltaAir", "9", ""]]
    assert table(rows, indent="").splitlines() == [
        "carrier   flights  mean",
        "--------  -------  ----",
        "UA            165  7.65",
        "DeltaAir        9",
    ]
