"""`clean`: back to what the repository holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from .environment import ROOT, interpreter, is_ready, venv
from .lock import Lock, Taken

SANDBOXES = (".sandbox", "build/run/sandbox")
MADE = ("build", ".sandbox", ".progress", ".pytest_cache", ".ruff_cache", ".venv")


def clean() -> int:
    """Stop the sandboxes and remove all that was made here, the learner's sandbox with its state too."""
    try:
        with Lock(ROOT / "build" / "run.lock"):
            for home in SANDBOXES:
                _stop(ROOT / home)
    except Taken as holder:
        print(f"A run is under way in this folder ({holder}). Wait for it, or stop it with Ctrl-C there.")
        return 1
    for name in MADE:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for cache in list(ROOT.rglob("__pycache__")):
        shutil.rmtree(cache, ignore_errors=True)
    print("Removed: " + ", ".join(MADE) + " and the byte code.")
    return 0


def _stop(home: Path) -> None:
    if home.exists():
        python = str(interpreter(venv())) if is_ready() else sys.executable
        command = [python, "-m", "helpers.sandbox", "stop", "--home", str(home)]
        subprocess.run(command, cwd=ROOT, capture_output=True)
