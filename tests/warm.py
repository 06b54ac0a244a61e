"""Sandboxes that start at once: forks of a process in which everything is imported and read already.

A sandbox that is started by its command line imports moto and reads AWS's descriptions of a dozen APIs: two
to three seconds of work, each time. So one process does all that once, waits, and becomes a sandbox for each
test that asks: `python -m tests.warm SOCKET`, ended by the end of its standard input.
What a test asks for is the sandbox's own `main`, with the same arguments and environment.

Where a process cannot be forked safely (anywhere but on Linux) sandboxes start by their command line.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from helpers.sandbox import process

ROOT = Path(__file__).resolve().parents[1]
PLACE = "WARM_SANDBOXES"  # the environment variable with the socket's path, for xdist's processes
START_SECONDS = 120


class NotWarm(RuntimeError):
    """The process that sandboxes are forked from does not answer; the message holds what it said."""


class NotStarted(RuntimeError):
    """The sandbox ended before it answered; the message holds its last words."""


def prepare() -> None:
    """Begin to warm up, in the background; the first process of a test run does it for all."""
    if sys.platform != "linux" or PLACE in os.environ:
        return
    short = "/tmp" if os.access("/tmp", os.W_OK) else None  # a socket's path has at most 108 letters
    folder = tempfile.TemporaryDirectory(prefix="warm-", dir=short)
    atexit.register(folder.cleanup)
    place = os.path.join(folder.name, "socket")
    with open(os.path.join(folder.name, "log"), "wb") as log:
        warm = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", place],
            cwd=ROOT,
            env=process.server_environment(),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the tests; it ends with its input
        )
    os.environ[PLACE] = place

    def end() -> None:
        warm.stdin.close()
        warm.wait()

    atexit.register(end)


def start(home: Path, arguments: tuple[str, ...]) -> dict[str, Any] | None:
    """The status of a new sandbox with these arguments of the server; None where none can be forked."""
    place = os.environ.get(PLACE)
    if place is None:
        return None
    running = process.status(home)
    if running.running:
        return running.as_dict()
    home.mkdir(parents=True, exist_ok=True)
    environment = process.server_environment()
    environment.pop(PLACE)
    try:
        line = _connected(place)
    except NotWarm as problem:  # a sandbox that starts slowly is better than none
        warnings.warn(str(problem), stacklevel=2)
        return None
    order = {"home": str(home), "arguments": arguments, "environment": environment}
    with line:
        line.sendall(json.dumps(order).encode() + b"\n")
        pid = int(line.recv(20))
        line.settimeout(0.02)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                if json.loads((home / "server.json").read_text())["pid"] == pid:
                    status = process.status(home)
                    if status.running:
                        return status.as_dict()
            with contextlib.suppress(TimeoutError):  # its end of the line closes when it ends
                if not line.recv(1):
                    break
    raise NotStarted("".join((home / "sandbox.log").read_text().splitlines(keepends=True)[-5:]))


def _connected(place: str) -> socket.socket:
    deadline = time.monotonic() + START_SECONDS
    refused = 0
    while True:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(place)
            return line
        except (FileNotFoundError, ConnectionRefusedError) as problem:
            line.close()
            refused += isinstance(problem, ConnectionRefusedError)  # it has ended: the socket's file is left
            log = Path(place).with_name("log").read_text()
            if "Traceback" in log or refused > 50 or time.monotonic() > deadline:
                raise NotWarm(f"nothing that sandboxes can be forked from answers: {log}") from None
            time.sleep(0.05)


# In the warm process ---------------------------------------------------------------------------------------


def main(place: str) -> None:
    """Warm up, then become a sandbox for everybody who asks, until the standard input ends."""
    import gc
    import select

    from . import warm_imports

    warm_imports.load()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the sandboxes
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place)
        door.listen(64)
        while True:
            ready, _, _ = select.select([door, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            line, _ = door.accept()
            if os.fork() == 0:
                door.close()
                _become_sandbox(line)
            line.close()


def _become_sandbox(line: socket.socket) -> None:
    """As helpers.sandbox.process starts one, but for the `exec`."""
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        order = json.loads(line.makefile().readline())
        log = os.open(Path(order["home"]) / "sandbox.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for number, target in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
            os.dup2(target, number)
        os.environ.clear()
        os.environ.update(order["environment"])
        line.sendall(str(os.getpid()).encode())
        from . import warm_imports

        code = warm_imports.run(["--home", order["home"], *order["arguments"]])
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
