"""Executing one notebook: what is stored, what is counted, and the ways a cell can end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from helpers.commands.kernels import Kernels
from helpers.commands.notebooks import execute
from helpers.commands.outcomes import Cell, Outcome, Watcher
from helpers.commands.stopping import stoppable

from .write import notebook, processes_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "a folder"
    made.mkdir()
    return made


@pytest.fixture
def kernels(folder: Path) -> Iterator[Kernels]:
    with stoppable(), Kernels(dict(os.environ), folder / "kernels.log") as started:
        yield started


def executed(kernels: Kernels, source: Path, watcher: Watcher | None = None, timeout: int = 30) -> Outcome:
    target = source.with_name(f"executed {source.name}")
    parameters = {"mode": "sandbox", "project": "mine"}
    return execute(source, target, parameters, kernels.take(source.parent), watcher or Watcher(), timeout)


def outputs(outcome: Outcome) -> list[str]:
    """The text of each output that is no error."""
    cells = nbformat.read(outcome.path, as_version=4).cells
    found = [output for cell in cells for output in cell.get("outputs", []) if output.output_type != "error"]
    return [output.get("text") or output.data["text/plain"] for output in found]


def test_parameters_reach_the_cells_and_outputs_are_stored(kernels: Kernels, folder: Path) -> None:
    outcome = executed(kernels, notebook(folder, "00_a", "mode, project", "print(1)\nprint(2)"))
    assert outcome.failure is None
    assert outputs(outcome) == ["('sandbox', 'mine')", "1\n2\n"]
    assert (
        not nbformat.read(outcome.path, as_version=4).cells[-1].metadata.get("execution")
    )  # no times stored


def test_a_failing_cell_stops_the_notebook_and_is_named(kernels: Kernels, folder: Path) -> None:
    source = notebook(folder, "00_a", "# A word first.\nint('x')", "print('not reached')")
    outcome = executed(kernels, source)
    failure = outcome.failure
    assert failure is not None
    assert failure.cell == Cell(number=2, of=3, first_line="int('x')")  # without the cell papermill adds
    assert str(failure) == "ValueError: invalid literal for int() with base 10: 'x'"
    assert failure.traceback.endswith(str(failure))
    assert "\x1b" not in failure.traceback
    assert outputs(outcome) == []


def test_a_cell_may_fail_where_it_is_meant_to(kernels: Kernels, folder: Path) -> None:
    outcome = executed(kernels, notebook(folder, "00_a", "1 / 0", "2", tolerated=(0,)))
    assert outcome.failure is None
    assert outputs(outcome) == ["2"]


def test_a_cell_that_does_not_end_is_given_up(kernels: Kernels, folder: Path) -> None:
    outcome = executed(kernels, notebook(folder, "00_a", "import time\ntime.sleep(60)"), timeout=1)
    assert str(outcome.failure) == "Timeout: the cell was still running after 1 seconds"


def test_the_end_of_the_kernel_is_the_cells_failure(kernels: Kernels, folder: Path) -> None:
    outcome = executed(kernels, notebook(folder, "00_a", "import os\nos._exit(7)"))
    assert outcome.failure is not None
    assert outcome.failure.error == "Kernel died"
    assert outcome.failure.cell.number == 2


def test_each_cell_is_announced_and_timed(kernels: Kernels, folder: Path) -> None:
    class Notes(Watcher):
        def __init__(self) -> None:
            self.seen: list[object] = []

        def cell_begins(self, cell: Cell) -> None:
            self.seen.append(cell.number)

        def cell_ends(self, cell: Cell, seconds: float) -> None:
            self.seen.append((cell.number, seconds >= 0.2))

    notes = Notes()
    outcome = executed(kernels, notebook(folder, "00_a", "import time; time.sleep(0.2)"), notes)
    assert notes.seen == [1, (1, False), 2, (2, True)]
    assert 0.2 <= outcome.cell_seconds <= outcome.seconds


def test_kernels_that_were_prepared_end_too(folder: Path) -> None:
    with Kernels(dict(os.environ), folder / "kernels.log") as kernels:
        kernels.take(folder)
        kernels.prepare(folder)
    assert processes_of(folder) == []
