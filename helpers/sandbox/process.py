"""The sandbox as a process in the background: start it, find it, stop it, forget what it holds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PREFERRED_PORT = 5566
START_SECONDS = 60
EXIT_ALREADY_RUNNING = 3
EXIT_PORT_BUSY = 4
EXIT_NO_RUNTIME = 5
_no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SandboxError(Exception):
    """The sandbox could not do what was asked; the message says what to do next."""


@dataclass(frozen=True)
class Status:
    """Whether a sandbox runs, and which."""

    running: bool
    endpoint: str | None = None
    runtime: str | None = None
    pid: int | None = None
    home: str | None = None
    speed: float | None = None
    pace: float | None = None
    moto: str | None = None
    problem: str | None = None

    def as_dict(self) -> dict:
        return asdict(self)


def default_home() -> Path:
    """`$SANDBOX_HOME`, or the folder `.sandbox` in the project."""
    return Path(os.environ.get("SANDBOX_HOME") or PROJECT / ".sandbox").absolute()


class HomeLock:
    """At most one sandbox works in a home folder. The system frees the lock when the process ends."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._file = (home / "lock").open("a+")

    def acquire(self) -> bool:
        """Take the lock, or return False when another process holds it."""
        try:
            if os.name == "nt":
                import msvcrt

                self._file.seek(0)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            return False

    def release(self) -> None:
        self._file.close()


def write_server_file(home: Path, content: dict) -> None:
    """Tell others where this sandbox answers. Only the user can read it: it holds the control token."""
    partial = home / "server.json.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
    os.replace(partial, home / "server.json")


def _read_server_file(home: Path) -> dict | None:
    try:
        return json.loads((home / "server.json").read_text())
    except (OSError, ValueError):
        return None


def _ask(server: dict, path: str, method: str = "GET") -> str | None:
    request = urllib.request.Request(
        f"{server['endpoint']}/_sandbox/control/{path}",
        method=method,
        headers={"X-Sandbox-Token": server["token"]},
    )
    try:
        with _no_proxy.open(request, timeout=5) as answer:
            return answer.read().decode()
    except (OSError, urllib.error.URLError):
        return None


def status(home: Path) -> Status:
    """Which sandbox runs in this home folder, if any."""
    server = _read_server_file(home)
    answer = _ask(server, "status") if server else None
    if not server or answer is None:
        return Status(running=False, home=str(home))
    known = {name: server[name] for name in ("endpoint", "runtime", "pid", "speed", "pace")}
    problem = json.loads(answer)["problem"]
    return Status(running=True, home=str(home), moto=version("moto"), problem=problem, **known)


def start(
    home: Path,
    port: int | None = None,
    runtime: str = "auto",
    speed: float = 30.0,
    pace: float = 0.15,
) -> tuple[Status, bool]:
    """Start a sandbox and wait until it answers; one that runs already is returned as it is.

    The second value says whether it was started now. Raises SandboxError when the port is taken, or when the
    sandbox ends before it answers.
    """
    found = status(home)
    if found.running:
        return found, False
    home.mkdir(parents=True, exist_ok=True)
    log = home / "sandbox.log"
    for candidate in [port] if port else [PREFERRED_PORT, 0]:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    *(
                        sys.executable,
                        "-m",
                        "helpers.sandbox.server",
                        "--home",
                        str(home),
                    ),
                    *("--port", str(candidate), "--runtime", runtime),
                    *("--speed", str(speed), "--pace", str(pace)),
                ],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=server_environment(),
                **_detached(),
            )
        code = _wait_until_it_answers(process, home)
        if code is None or code == EXIT_ALREADY_RUNNING:
            return _answering(home), code is None
        if code == EXIT_NO_RUNTIME:
            reason = log.read_text(errors="replace").splitlines()[-1].partition("helpers.sandbox: ")[2]
            raise SandboxError(f"The runtime `{runtime}` is not to be had here: {reason}")
        if code != EXIT_PORT_BUSY:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            raise SandboxError(
                f"The sandbox ended while it started (exit code {code}). Its last words:\n{last}"
            )
    raise SandboxError(
        f"Port {port} is in use by another program. Choose another with --port, or leave --port out "
        "and a free one is taken."
    )


def server_environment() -> dict[str, str]:
    """The sandbox's own environment: nothing of the learner's AWS set-up reaches it or what runs in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    here = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    return kept | {
        "PYTHONPATH": here,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def _detached() -> dict:
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
    return {"start_new_session": True}


def _wait_until_it_answers(process: subprocess.Popen, home: Path) -> int | None:
    """None once it answers, otherwise the code it exited with."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        code = process.poll()
        if code is not None:
            return code
        if (_read_server_file(home) or {}).get("pid") == process.pid and status(home).running:
            return None
        time.sleep(0.05)
    process.kill()
    raise SandboxError(
        f"The sandbox did not answer within {START_SECONDS} seconds. See sandbox.log in {home}."
    )


def _answering(home: Path) -> Status:
    """The status of a sandbox that somebody else may just be starting."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = status(home)
        if found.running:
            return found
        time.sleep(0.1)
    raise SandboxError(
        f"Another process holds {home} but does not answer. End it (its number may be in server.json), "
        "then start again."
    )


def stop(home: Path, seconds: float = 15) -> bool:
    """Stop the sandbox of this home folder. False when none runs; SandboxError when it does not end."""
    server = _read_server_file(home)
    if not server or not status(home).running:
        return False
    _ask(server, "stop", "POST")
    deadline = time.monotonic() + seconds
    lock = HomeLock(home)
    while time.monotonic() < deadline:
        if lock.acquire():
            lock.release()
            return True
        time.sleep(0.05)
    raise SandboxError(f"The sandbox (process {server['pid']}) did not stop within {seconds:.0f} seconds.")


def reset(home: Path) -> Status:
    """Forget everything that the sandbox holds. One that was running starts again, empty, as it was."""
    before = status(home)
    stop(home)
    for entry in home.iterdir() if home.exists() else []:
        if entry.name in ("lock", "sandbox.log"):
            continue
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    if not before.running:
        return status(home)
    port = int(before.endpoint.rpartition(":")[2])
    return start(home, port, before.runtime, before.speed, before.pace)[0]
