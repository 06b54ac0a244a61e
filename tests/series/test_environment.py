"""`.venv`: made once, made anew when it has to be, and never trusted half-finished."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.commands import environment

Command = list[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder with a space, in which this interpreter has nothing installed."""
    root = tmp_path / "a project"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]")
    (root / "constraints.txt").write_text("boto3==1.44.5\n")
    monkeypatch.setattr(environment, "ROOT", root)
    return root


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, project: Path) -> list[Command]:
    """What would be run to make the environment; the interpreter appears as `venv` would make it."""
    seen: list[Command] = []

    def run(command: Command, **options: object) -> SimpleNamespace:
        seen.append(command)
        if "venv" in command:
            made = environment.interpreter(environment.venv())
            made.parent.mkdir(parents=True)
            made.touch()
        return SimpleNamespace(returncode=0, stdout="", stderr="")

    monkeypatch.setattr(environment, "subprocess", SimpleNamespace(run=run, call=None))
    return seen


def failing(part: str) -> Callable[..., SimpleNamespace]:
    def run(command: Command, **options: object) -> SimpleNamespace:
        code = 1 if part in command else 0
        return SimpleNamespace(returncode=code, stdout="", stderr="ensurepip is not available")

    return run


def test_it_is_made_once(project: Path, commands: list[Command]) -> None:
    assert environment.python() == environment.python() == str(environment.interpreter(project / ".venv"))
    assert [("venv" in command, "install" in command) for command in commands] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_other_packages_make_it_anew(project: Path, commands: list[Command], file: str) -> None:
    environment.python()
    (project / ".venv" / "old").touch()
    (project / file).write_text("something else")
    environment.python()
    assert len(commands) == 4
    assert not (project / ".venv" / "old").exists()


def test_the_settings_of_a_tool_are_no_reason(project: Path, commands: list[Command]) -> None:
    environment.python()
    with (project / "pyproject.toml").open("a") as file:
        file.write("\n\n[tool.ruff]\nline-length = 110\n")
    environment.python()
    assert len(commands) == 2


def test_a_broken_off_installation_is_not_trusted(
    project: Path, commands: list[Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = environment.subprocess.run

    def interrupted(command: Command, **options: object) -> SimpleNamespace:
        if "install" in command:
            raise KeyboardInterrupt
        return good(command, **options)

    monkeypatch.setattr(environment.subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        environment.python()
    assert environment.interpreter(project / ".venv").exists()
    assert not environment.is_ready()

    monkeypatch.setattr(environment.subprocess, "run", good)
    environment.python()
    assert environment.is_ready()


def test_constraints_survive_a_space_in_the_path(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}
    monkeypatch.setattr(
        environment,
        "subprocess",
        SimpleNamespace(
            run=lambda command, **options: given.update(options.get("env") or {}) or failing("-")(command)
        ),
    )
    with pytest.raises(FileNotFoundError):  # nothing was really made, so there is nowhere to put the stamp
        environment.python()
    assert given["PIP_CONSTRAINT"] == (project / "constraints.txt").as_uri()
    assert " " not in given["PIP_CONSTRAINT"]


def test_a_python_without_venv_is_told_what_to_install(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "subprocess", SimpleNamespace(run=failing("venv")))
    with pytest.raises(environment.SetupError, match="sudo apt install python3-venv"):
        environment.python()
    assert not (project / ".venv").exists()


def test_failed_packages_leave_no_stamp(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "subprocess", SimpleNamespace(run=failing("install")))
    with pytest.raises(environment.SetupError, match="could not be installed"):
        environment.python()
    assert not environment.is_ready()


def test_an_old_python_finds_a_newer_one_or_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.sys, "version_info", (3, 9, 6))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(environment.SetupError, match=r"Python 3\.10 or newer is needed"):
        environment._base_python()
    newer = tmp_path / "python3.12"
    newer.write_text("#!/bin/sh\n")
    newer.chmod(0o755)
    assert environment._base_python() == str(newer)


def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    from helpers.commands.lock import Lock, Taken

    hold = "import sys; from pathlib import Path; from helpers.commands.lock import Lock\n"
    hold += "with Lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    path = tmp_path / "a lock"
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "held\n"
    with pytest.raises(Taken, match=f"process {other.pid}"), Lock(path):
        pass
    other.kill()
    other.communicate()
    with Lock(path):
        assert path.exists()
