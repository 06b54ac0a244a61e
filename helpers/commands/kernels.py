"""Kernels for a series of notebooks: each gets ready while the notebook before it still runs.

Starting a kernel takes about half a second, which is longer than most cells. Here the start is a task on the
event loop that executes the cells, so that it goes on in their pauses: no thread, and nothing to wait for but
the first.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop

from .outcomes import KernelFailed

READY_SECONDS = 60


def kernel_spec() -> KernelSpec:
    """The kernel of this very interpreter, whatever kernels the user has installed under the same name.

    Its log level keeps a warning about unencrypted TCP on 127.0.0.1 out of the learner's way.
    """
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"]
    return KernelSpec(argv=command, display_name="Python 3", language="python")


@dataclass(frozen=True)
class Kernel:
    """A kernel that answers: its process and the connection to it."""

    manager: AsyncKernelManager
    client: AsyncKernelClient


class Kernels:
    """Hands out one kernel after the other and ends them all. Use it with `with`."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        # What a kernel's process says beside its cells would run into the progress lines.
        self._log = log.open("ab")
        self._options = {"env": environment, "stdout": self._log, "stderr": self._log}
        self._loop = ensure_event_loop()
        self._started: list[Kernel] = []
        self._next: asyncio.Task[Kernel] | None = None

    def __enter__(self) -> Kernels:
        return self

    def prepare(self, folder: Path) -> None:
        """Begin to start the next kernel, in `folder`. It advances whenever a cell is waited for."""
        if self._next is None:
            self._next = self._loop.create_task(self._start(folder))

    def take(self, folder: Path) -> Kernel:
        """The next kernel, ready to execute: the one in preparation, or else a new one in `folder`.

        Raises KernelFailed when it does not answer.
        """
        self.prepare(folder)
        starting, self._next = self._next, None
        try:
            return self._loop.run_until_complete(starting)
        except RuntimeError as error:
            raise KernelFailed(f"A kernel did not start: {error}. See {self._log.name}.") from error

    def end(self, kernel: Kernel) -> None:
        """Kill the kernel now. A polite shutdown would stall for seconds every now and then."""
        self._started.remove(kernel)
        kernel.client.stop_channels()
        if kernel.manager.has_kernel:
            self._loop.run_until_complete(kernel.manager.shutdown_kernel(now=True))

    def __exit__(self, *_: object) -> None:
        # After Ctrl-C a cell may still be waited for; those tasks must not outlive their sockets.
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for kernel in list(self._started):
            self.end(kernel)
        self._log.close()

    async def _start(self, folder: Path) -> Kernel:
        manager = AsyncKernelManager(kernel_name="python3")
        manager._kernel_spec = kernel_spec()
        kernel = Kernel(manager, manager.client())
        self._started.append(kernel)
        await manager.start_kernel(cwd=str(folder), **self._options)
        kernel.client.load_connection_info(manager.get_connection_info(session=True))
        kernel.client.start_channels()
        await kernel.client.wait_for_ready(timeout=READY_SECONDS)
        kernel.client.allow_stdin = False
        return kernel
