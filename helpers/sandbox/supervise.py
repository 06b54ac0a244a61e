"""Runs one command of a task or build, and makes sure that nothing of it outlives the sandbox.

    python -I -S supervise.py command argument...

The sandbox starts this small program in place of the command and keeps the writing end of its standard input.
A `t` on it asks the command to end (SIGTERM to its first process, as `docker stop` does), a `k` kills it with
everything that it started. So does the end of the input: the system closes it when the sandbox ends, also on
`kill -9`. The exit code is the command's own; 128 + n when signal n ended it, as a container engine reports.

On Linux even processes that left the command's process group are found and killed; on macOS those that
start a session of their own (daemons) are not. Only the standard library is used, so that it starts at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
WINDOWS = os.name == "nt"


def _prctl(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def start(command: list[str]) -> subprocess.Popen:
    """Start the command in a process group of its own."""
    if WINDOWS:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, creationflags=subprocess.CREATE_NEW_PROCESS_GROUP
        )
    linux = sys.platform == "linux"
    if linux:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphans of the command become children of this process

    def die_with_me() -> None:
        if linux:
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_me,  # safe: no other thread runs yet
    )


def kill(child: subprocess.Popen) -> None:
    """Kill the command's process group."""
    if WINDOWS:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(child.pid)], capture_output=True, check=False)
        return
    with suppress(ProcessLookupError, PermissionError):  # macOS says PermissionError of a group of zombies
        os.killpg(child.pid, signal.SIGKILL)


def kill_orphans() -> None:
    """Kill what left the group: on Linux it has become a child of this process."""
    children = f"/proc/self/task/{os.getpid()}/children"
    while os.path.exists(children):
        with open(children) as file:
            found = [int(number) for number in file.read().split()]
        if not found:
            return
        for number in found:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(number, 0)


def obey(child: subprocess.Popen) -> None:
    """Do what the sandbox writes to the standard input, until it ends."""
    while order := os.read(0, 1):
        if order == b"t":
            with suppress(ProcessLookupError):
                child.terminate()
        elif order == b"k":
            kill(child)
    kill(child)


def main(command: list[str]) -> int:
    """Run the command; return its exit code as a container engine would report it."""
    with suppress(OSError, AttributeError):
        os.nice(5)  # a busy job shall not make the sandbox itself slow to answer
    try:
        child = start(command)
    except OSError as error:
        print(f"exec {command[0]}: {error.strerror.lower()}", file=sys.stderr, flush=True)
        return 127 if isinstance(error, FileNotFoundError) else 126
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: kill(child))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # the output belongs to the command: it ends when the command has ended
    os.dup2(nothing, 2)
    threading.Thread(target=obey, args=(child,), daemon=True).start()
    code = child.wait()
    kill(child)
    kill_orphans()
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
