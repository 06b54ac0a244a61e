"""The rule of tests/conftest.py: in CI a skipped container test is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
TESTS = """
import pytest

@pytest.mark.container
def test_in_a_container():
    pytest.skip("there is none")

def test_elsewhere():
    pytest.skip("for a reason of its own")
"""


@pytest.mark.parametrize(("ci", "code", "summary"), [("true", 1, "1 skipped, 1 error"), ("", 0, "2 skipped")])
def test_a_skipped_container_test_fails_in_ci_only(tmp_path: Path, ci: str, code: int, summary: str) -> None:
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = container: needs an engine\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    environment = {**os.environ, "CI": ci, "DOCKER_HOST": "unix:///no/engine.sock"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:nbval"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout
    assert summary in done.stdout.splitlines()[-1]
