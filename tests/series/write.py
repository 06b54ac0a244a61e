"""Throwaway notebooks, and runs of them as a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from nbformat import write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

RUN = """
import signal, sys
from pathlib import Path
from helpers.commands import outputs, rehearsal, series
from helpers.commands.plan import Plan
verbs = dict(run=series.run, twice=rehearsal.twice, alone=rehearsal.alone, outputs=outputs.refresh)
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs without it
options = dict(zip(sys.argv[4::2], map(eval, sys.argv[5::2])))
sys.exit(verbs[sys.argv[3]](Plan(notebooks=Path(sys.argv[1]), out=Path(sys.argv[2]), **options)))
"""


def notebook(
    folder: Path, name: str, *cells: str, tolerated: tuple[int, ...] = (), text: str = "# Text"
) -> Path:
    """A notebook with a parameters cell, some text and these code cells; `tolerated` ones may fail."""
    made = [
        new_code_cell('mode = "?"\nproject = "?"', metadata={"tags": ["parameters"]}),
        new_markdown_cell(text),
    ]
    for place, source in enumerate(cells):
        tags = ["raises-exception"] if place in tolerated else []
        made.append(new_code_cell(source, metadata={"tags": tags}))
    path = folder / f"{name}.ipynb"
    write(new_notebook(cells=made), path)
    return path


def run(folder: Path, out: Path, verb: str = "run", **options: object) -> subprocess.Popen[str]:
    """Start a run of the notebooks in `folder`, in the way that `verb` names; options are those of Plan."""
    given = [text for name, value in options.items() for text in (name, repr(value))]
    command = [sys.executable, "-c", RUN, str(folder), str(out), verb, *given]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and all that was printed."""
    said, _ = process.communicate(timeout=90)
    return process.returncode, said


def summary(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text())


def processes_of(folder: Path) -> list[str]:
    """The command lines of processes that work in or with this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            about = [*process.cmdline(), process.cwd()]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if process.pid != psutil.Process().pid and any(str(folder) in text for text in about):
            found.append(" ".join(process.cmdline()))
    return found


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until the condition holds; not longer than two minutes, nor than the process lives."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 120 seconds"
        assert process is None or process.poll() is None, process.stdout.read()
        time.sleep(0.05)
