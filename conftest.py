"""`pytest --nbval notebooks`: executes the notebooks and compares what they show with what is stored in them.

nbval runs them one after the other, as they are taught. Here they get a sandbox of their own and the rules of
what varies (tests/notebooks/sanitize.cfg), and a difference is shown line by line.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
RULES = ROOT / "tests" / "notebooks" / "sanitize.cfg"
LONGEST = 400  # characters of a line in which a difference is shown

home: Path | None = None
solution: Path | None = None  # the one that is being executed


def pytest_configure(config: pytest.Config) -> None:
    """A sandbox, and the way to it: what nbval runs knows no fixtures."""
    global home
    if not config.getoption("nbval", False):
        return
    if config.getoption("numprocesses", None):
        raise pytest.UsageError("The notebooks build on one another: --nbval does not go with -n.")
    from helpers.commands import sandboxes

    config.option.nbval_current_env = True
    config.option.nbval_sanitize_with = config.option.nbval_sanitize_with or str(RULES)
    (ROOT / "build").mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="nbval-", dir=ROOT / "build")) / "sandbox"
    sandboxes.forget_aws()
    sandbox = sandboxes.start(home, sandboxes.free_port(), runtime="process", pace=0)
    os.environ.update(SANDBOX_ENDPOINT=sandbox.endpoint, SANDBOX_HOME=str(home), WORKSHOP_STATIC="1")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The course goes through one sandbox; each solution begins in an empty one, as when it was stored."""
    global solution
    if home is None or item.path.parent.name != "solutions" or item.path == solution:
        return
    from helpers.commands import sandboxes

    sandboxes.reset(home)
    solution = item.path


def pytest_unconfigure() -> None:
    if home is None:
        return
    from helpers.commands import sandboxes

    sandboxes.stop(home)
    shutil.rmtree(home.parent, ignore_errors=True)


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """For two outputs of a cell, stored and new: only the lines that differ."""
    if home is None or not (isinstance(left, str) and isinstance(right, str)):
        return None
    stored, new = (re.sub(r"(?=<(?:tr|p|pre)\b)", "\n", text).splitlines() for text in (left, right))
    changes = difflib.unified_diff(stored, new, "stored", "new", n=0, lineterm="")
    return ["the outputs differ", *(line[:LONGEST] for line in changes)]
