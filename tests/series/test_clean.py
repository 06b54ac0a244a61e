"""`clean`: sandboxes are stopped before their folders go, whoever has left them behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from helpers.commands import clean
from helpers.commands.lock import Lock


def test_every_sandbox_below_build_is_stopped(
    tmp_path: Path, fresh_sandbox: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "ROOT", tmp_path)
    left = fresh_sandbox(home=tmp_path / "build" / "nbval-x" / "sandbox")
    process = psutil.Process(left.pid)
    assert clean.clean() == 0
    psutil.wait_procs([process], timeout=10)
    assert not process.is_running()
    assert not (tmp_path / "build").exists()


def test_nothing_is_removed_under_the_feet_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clean, "ROOT", tmp_path)
    with Lock(tmp_path / "build" / "outputs.lock"):
        assert clean.clean() == 1
    assert "A run is under way" in capsys.readouterr().out
    assert (tmp_path / "build").is_dir()
