"""`clean`: back to what the repository holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from .environment import ROOT, interpreter, is_ready, venv
from .lock import Lock, Taken

LOCKS = ("build/run.lock", "build/outputs.lock")
MADE = ("build", ".sandbox", ".progress", ".pytest_cache", ".ruff_cache", ".venv")


def clean() -> int:
    """Stop the sandboxes and remove all that was made here, the learner's sandbox with its state too."""
    try:
        with ExitStack() as held:
            for name in LOCKS:
                held.enter_context(Lock(ROOT / name))
            for home in _homes():
                _stop(home)
    except Taken as holder:
        print(f"A run is under way in this folder ({holder}). Wait for it, or stop it with Ctrl-C there.")
        return 1
    for name in MADE:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for cache in list(ROOT.rglob("__pycache__")):
        shutil.rmtree(cache, ignore_errors=True)
    print("Removed: " + ", ".join(MADE) + " and the byte code.")
    return 0


def _homes() -> list[Path]:
    """The learner's sandbox, and those that tests and runs left behind when they were killed."""
    return [ROOT / ".sandbox", *(path.parent for path in (ROOT / "build").rglob("server.json"))]


def _stop(home: Path) -> None:
    if home.exists():
        python = str(interpreter(venv())) if is_ready() else sys.executable
        command = [python, "-m", "helpers.sandbox", "stop", "--home", str(home)]
        subprocess.run(command, cwd=ROOT, capture_output=True)
