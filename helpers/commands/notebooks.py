"""Executing one notebook with papermill: its cells, their outputs, their times, and what went wrong."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from pathlib import Path

import nbformat
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.iorw import load_notebook_node, write_ipynb
from papermill.parameterize import parameterize_notebook

from . import stopping
from .kernels import Kernel
from .outcomes import Cell, Failure, Outcome, Watcher

ENGINE = "series"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def execute(
    source: Path,
    target: Path,
    parameters: dict[str, str],
    kernel: Kernel,
    watcher: Watcher,
    cell_timeout: int,
) -> Outcome:
    """Execute `source` and write it with its outputs to `target`, up to the first cell that fails.

    A cell may fail on purpose where it carries the tag `raises-exception`. What was done is written even when
    the run is stopped.
    """
    began = time.monotonic()
    notebook = load_notebook_node(str(source))
    cells = _number_cells(notebook)
    if parameters:
        notebook = parameterize_notebook(notebook, parameters, kernel_name="python3", language="python")
    record = _Record(watcher, cells)
    try:
        papermill_engines.execute_notebook_with_engine(
            ENGINE,
            notebook,
            kernel_name="python3",
            progress_bar=False,
            execution_timeout=cell_timeout,
            kernel=kernel,
            record=record,
        )
    except (CellTimeoutError, DeadKernelError):
        if record.failure is None:
            raise
    finally:
        # Once, here: papermill would write the whole file twice a cell, which takes longer than most cells.
        write_ipynb(notebook, str(target))
    return Outcome(
        name=source.stem,
        path=target,
        cells=len(cells),
        seconds=time.monotonic() - began,
        cell_seconds=record.seconds,
        failure=record.failure,
    )


def _number_cells(notebook: nbformat.NotebookNode) -> dict[str, Cell]:
    """The cells by their id, which stays when papermill adds a cell with the parameters."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    return {
        cell.id: Cell(number, len(code), _first_line(cell.source))
        for number, cell in enumerate(code, start=1)
    }


def _first_line(source: str) -> str:
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith(("#", "%"))), lines[0])


class _Record:
    """What happened while the cells ran."""

    def __init__(self, watcher: Watcher, cells: dict[str, Cell]) -> None:
        self.watcher = watcher
        self.cells = cells
        self.seconds = 0.0
        self.failure: Failure | None = None


class _Client(PapermillNotebookClient):
    """Papermill's client in a kernel that is there already, with each cell watched and timed."""

    def __init__(self, nb_man: object, kernel: Kernel, record: _Record, **options: object) -> None:
        super().__init__(nb_man, km=kernel.manager, **options)
        self.kc = kernel.client
        self._record = record

    def papermill_execute_cells(self) -> None:
        # nbclient would answer Ctrl-C by killing the kernel; the cell would then look as if it were at fault.
        loop = ensure_event_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows, where nbclient sets none either
                loop.remove_signal_handler(number)
        stopping.listen()
        super().papermill_execute_cells()

    def execute_cell(self, cell: nbformat.NotebookNode, cell_index: int, **options: object) -> object:
        known = self._record.cells.get(cell.get("id"))
        if known is None:
            return super().execute_cell(cell, cell_index, **options)
        self._record.watcher.cell_begins(known)
        began = time.monotonic()
        try:
            return super().execute_cell(cell, cell_index, **options)
        except CellExecutionError as error:
            self._record.failure = Failure(known, error.ename, _plain(error.evalue), _traceback(cell))
            raise
        except CellTimeoutError:
            message = f"the cell was still running after {self.timeout} seconds"
            self._record.failure = Failure(known, "Timeout", message, "")
            raise
        except DeadKernelError:
            message = "the kernel's process ended; kernels.log beside the notebooks holds its last words"
            self._record.failure = Failure(known, "Kernel died", message, "")
            raise
        finally:
            seconds = time.monotonic() - began
            self._record.seconds += seconds
            self._record.watcher.cell_ends(known, seconds)


class _Engine(NBClientEngine):
    """Papermill's way to let others execute: it keeps the book, we run the cells."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: object,
        kernel_name: str,
        execution_timeout: int,
        kernel: Kernel,
        record: _Record,
        **_: object,
    ) -> object:
        client = _Client(
            nb_man,
            kernel,
            record,
            kernel_name=kernel_name,
            timeout=execution_timeout,
            # Times and the pieces in which text happened to arrive would differ from run to run.
            record_timing=False,
            coalesce_streams=True,
        )
        return client.execute()


papermill_engines.register(ENGINE, _Engine)


def _traceback(cell: nbformat.NotebookNode) -> str:
    """The traceback as it stands under the cell."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    return _plain("\n".join(errors[-1].traceback)) if errors else ""


def _plain(text: str) -> str:
    return _ANSI.sub("", text or "").strip()
