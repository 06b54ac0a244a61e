"""A lock on a file that the system releases when its process ends, however it ends."""

from __future__ import annotations

import os
import time
from pathlib import Path


class Taken(Exception):
    """Another process holds the lock; the message is what that process wrote about itself."""


class Lock:
    """At most one process at a time holds the lock on `path`. Use it with `with`.

    A file that a dead process left behind is no obstacle: the lock is on the open file, not in its existence.
    With `wait_seconds` above 0 the lock is waited for. Raises Taken when another process keeps it.
    """

    def __init__(self, path: Path, wait_seconds: float = 0) -> None:
        self.path = path
        self.wait_seconds = wait_seconds

    def __enter__(self) -> Lock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+", encoding="utf-8")
        deadline = time.monotonic() + self.wait_seconds
        while not _take(self._file):
            if time.monotonic() >= deadline:
                self._file.seek(0)
                holder = self._file.read().strip()
                self._file.close()
                raise Taken(holder or "another process")
            time.sleep(0.2)
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()}, since {time.strftime('%H:%M:%S')}\n")
        self._file.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _take(file) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            # Windows forbids others to read the locked bytes, so the lock stands far behind the text.
            file.seek(1 << 20)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
