"""One shell for all commands of a build, so that `cd` and variables carry over from one to the next.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-cmd.html: "In buildspec version 0.2,
CodeBuild runs all build commands in the same instance of the default shell".
"""

from __future__ import annotations

import os
import queue
import secrets
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from ..runtimes import SUPERVISOR, lines

LOOK_SECONDS = 0.1
# The shell reads names of files from descriptor 9 and runs each in itself. What ends a command is written to
# the same pipe as the command's output, so that it cannot overtake it. `export -p` is for a shell that has to
# take over when a command said `exit`.
DRIVER = r"""
exec 8>&1 9<"$1"
__nonce=$2 __state=$3
set --
[ ! -f "$__state/environment" ] || { . "$__state/environment"; cd "$(cat "$__state/folder")"; }
while IFS= read -r __script <&9; do
  . "$__script" </dev/null
  printf '\036%s %s\n' "$__nonce" "$?" >&8
  export -p >"$__state/environment"
  pwd >"$__state/folder"
done
"""


class Interrupted(Exception):
    """The build was told to stop, or its time is over. Its arguments: phase status, context code, message."""


class Shell:
    """Runs commands one after the other. `output` gets every line that they print."""

    def __init__(
        self,
        program: str,
        environment: Mapping[str, str],
        folder: Path,
        state: Path,
        output: Callable[[str], None],
        interruption: Callable[[], tuple[str, str, str] | None],
    ) -> None:
        """Commands begin in `folder`; `state` is a folder of the shell's own.

        `interruption` is asked while a command runs; what it returns ends the command and is raised.
        """
        self._program, self._environment, self._folder = program, dict(environment), folder
        self._state, self._output, self._interruption = state, output, interruption
        self._process: subprocess.Popen | None = None
        self._scripts = 0
        state.mkdir(parents=True, exist_ok=True)
        (state / "driver").write_text(DRIVER)

    def run(self, command: str) -> int:
        """Run a command; its exit status. Raises Interrupted."""
        if self._process is None:
            self._start()
        self._scripts += 1
        script = self._state / f"command-{self._scripts}.sh"
        script.write_text(command + "\n")
        os.write(self._control, f"{script}\n".encode())
        while not (why := self._interruption()):
            with suppress(queue.Empty):
                status = self._ends.get(timeout=LOOK_SECONDS)
                return status if status is not None else self._ended()
        self.close()
        raise Interrupted(*why)

    def value_of(self, name: str) -> str | None:
        """A variable of the shell, exported or not. None when it is not set."""
        place = self._state / "value"
        place.unlink(missing_ok=True)
        self.run(f'[ -z "${{{name}+set}}" ] || printf %s "${name}" >{shlex.quote(str(place))}')
        return place.read_text(errors="replace") if place.exists() else None

    def forget(self) -> None:
        """Begin anew: the next command finds the environment as the first did."""
        self.close()
        (self._state / "environment").unlink(missing_ok=True)

    def close(self) -> None:
        """Kill the shell and everything that it started."""
        if self._process is not None:
            with suppress(OSError, ValueError):
                os.write(self._process.stdin.fileno(), b"k")
            self._ended()

    def _start(self) -> None:
        nonce = secrets.token_hex(8)
        fifo = self._state / f"control-{nonce}"
        os.mkfifo(fifo, 0o600)
        self._control = os.open(fifo, os.O_RDWR)
        self._ends: queue.Queue[int | None] = queue.Queue()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(SUPERVISOR), self._program),
                *(str(self._state / "driver"), str(fifo), nonce, str(self._state)),
            ],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(
            target=self._read, args=(self._process, nonce, self._ends), daemon=True
        )
        self._reader.start()

    def _read(self, process: subprocess.Popen, nonce: str, ends: queue.Queue) -> None:
        mark = f"\x1e{nonce} "
        for line in lines(process.stdout.fileno()):
            text, found, status = line.partition(mark)
            if text or not found:
                self._output(text)
            if found:
                ends.put(int(status))
        ends.put(None)

    def _ended(self) -> int:
        """The shell itself has ended: its exit status. The next command gets a new one."""
        code = self._process.wait()
        self._reader.join()
        for close in (self._process.stdin.close, self._process.stdout.close, lambda: os.close(self._control)):
            with suppress(OSError):
                close()
        self._process = None
        return code
