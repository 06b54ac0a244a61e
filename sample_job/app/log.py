"""One JSON object a line on standard output, which the awslogs driver turns into one log event."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timezone


class Log:
    """Writes events; whatever is put into `about` is repeated in each of them."""

    def __init__(self) -> None:
        self.about: dict[str, object] = {}
        self._started = time.monotonic()

    def __call__(self, event: str, **fields: object) -> None:
        """Write one event at once: a line that waits in a buffer is lost when the task is killed."""
        line = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "event": event,
            **self.about,
            **{name: value for name, value in fields.items() if value is not None},
            "seconds": round(time.monotonic() - self._started, 3),
            # Processor time of the whole process so far, its start included: what a larger or smaller task
            # would have to do as well, however long it took here.
            "cpu_seconds": round(time.process_time(), 3),
            "peak_memory_mib": peak_memory_mib(),
        }
        print(json.dumps(line), flush=True)


def peak_memory_mib() -> float | None:
    """The most memory this process has held so far, in MiB; None where the system does not tell."""
    try:
        # Linux's own figure first: getrusage() counts the process that started this one, up to its fork.
        with open("/proc/self/status") as status:
            kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
        return round(kib / 1024, 1)
    except (OSError, StopIteration):
        pass
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, KiB elsewhere
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
