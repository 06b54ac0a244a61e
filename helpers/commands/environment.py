"""The Python environment that everything runs in: `.venv`, made from pyproject.toml and constraints.txt.

Only the standard library is used here, and only what Python 3.7 knows, so that an old Python gets a sentence
and not a traceback.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .lock import Lock, Taken

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTION = "serverless-batch-workshop"
OLDEST, NEWEST_TRIED = (3, 10), (3, 14)
INSTALL_SECONDS = 1800  # how long a second set-up waits for the first


class SetupError(Exception):
    """The environment could not be made; the message says what to do next."""


def python() -> str:
    """The interpreter that has the project's packages, which are installed first where they are missing.

    That is this one, when the project is installed in it (`.venv`, or a conda environment made from
    environment.yml), and otherwise the one in `.venv`. Raises SetupError.
    """
    if _is_installed_here() and not _runs_in(venv()):
        return sys.executable
    if not is_ready():
        _make()
    return str(interpreter(venv()))


def enter(module: str, arguments: list[str]) -> None:
    """Go on as `python -m module arguments` in the environment with the packages; return when already in it.

    Raises SetupError.
    """
    # Container images often forbid Python to keep what it compiled. Every kernel, build, task and test would
    # compile all its modules again, which takes longer than its work.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    found = python()
    if not os.path.samefile(os.path.dirname(found), os.path.dirname(sys.executable)):
        sys.exit(become([found, "-m", module, *arguments], dict(os.environ)))


def become(command: list[str], environment: dict[str, str]) -> int:
    """Go on as another program, so that signals reach it directly."""
    sys.stdout.flush()
    if os.name == "nt":  # where exec leaves the console to two programs
        return subprocess.call(command, env=environment)
    os.execve(command[0], command, environment)


def venv() -> Path:
    return ROOT / ".venv"


def interpreter(folder: Path) -> Path:
    """The Python inside a virtual environment."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def fingerprint() -> str:
    """Changes whenever `.venv` has to be made anew: other packages, or the folder was moved."""
    packages, _, _ = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("\n[tool.")
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return hashlib.sha256("\n".join([str(ROOT), packages.strip(), pins]).encode()).hexdigest()


def is_ready() -> bool:
    """Whether `.venv` is whole and of today. The stamp is written last, so a broken-off install has none."""
    stamp = venv() / "ready"
    return stamp.is_file() and stamp.read_text() == fingerprint() and interpreter(venv()).exists()


def _runs_in(folder: Path) -> bool:
    return Path(sys.prefix).resolve() == folder.resolve()


def _is_installed_here() -> bool:
    if sys.version_info < OLDEST:
        return False
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        origin = json.loads(distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return False
    return origin.get("url") == ROOT.as_uri()


def _base_python() -> str:
    """A Python that may build `.venv`: this one, or a newer one on the PATH when this one is too old."""
    if sys.version_info >= OLDEST:
        return getattr(sys, "_base_executable", None) or sys.executable
    for minor in range(NEWEST_TRIED[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    raise SetupError(
        f"Python 3.{OLDEST[1]} or newer is needed; {sys.executable} is {sys.version.split()[0]}.\n"
        "Install a newer one (python.org, conda, pyenv or your system's packages), then name it, as in:\n"
        "  make run PYTHON=python3.12"
    )


def _make() -> None:
    try:
        with Lock(ROOT / "build" / "setup.lock", wait_seconds=INSTALL_SECONDS):
            if not is_ready():
                _install(_base_python())
    except Taken as holder:
        raise SetupError(
            f"{holder} has been setting up .venv for very long. Stop it, then try again."
        ) from None


def _install(base: str) -> None:
    folder = venv()
    print("Setting up .venv with the packages of pyproject.toml (once; about a minute) ...", flush=True)
    if folder.exists():
        shutil.rmtree(folder)
    _create(base, folder)
    constraints = (ROOT / "constraints.txt").as_uri()  # as an address, because pip splits paths at spaces
    # The constraints also hold for what is needed to build a package; newer versions of pip ask for it by
    # the second name.
    environment = {**os.environ, "PIP_CONSTRAINT": constraints, "PIP_BUILD_CONSTRAINT": constraints}
    environment.pop("PIP_USER", None)
    command = [str(interpreter(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--editable", ".[test]"], cwd=ROOT, env=environment)
    if done.returncode:
        raise SetupError("The packages could not be installed; pip says why above. Then run the same again.")
    (folder / "ready").write_text(fingerprint())


def _create(base: str, folder: Path) -> None:
    done = subprocess.run([base, "-m", "venv", str(folder)], capture_output=True, text=True)
    if done.returncode == 0:
        return
    # Debian's python3 comes without ensurepip. The pip that stands outside, where there is one, can fill the
    # new environment too.
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        [base, "-m", "venv", "--without-pip", str(folder)],
        [base, "-m", "pip", "--python", str(interpreter(folder)), "install", "--quiet", "pip"],
    ):
        if subprocess.run(command, capture_output=True).returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise SetupError(
                f"{base} cannot make a virtual environment:\n{(done.stdout + done.stderr).strip()}\n"
                "On Debian and Ubuntu this helps: sudo apt install python3-venv"
            )
