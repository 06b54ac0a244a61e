"""The clock by which schedules fire. It can outrun real time, so that a lesson need not wait a day."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone


class Clock:
    """A clock that starts at the present and runs `speed` times as fast as real time.

    Only schedules read it. Every time that AWS would show (events, logs, tasks) is real UTC time.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"the clock's speed must be above 0, not {speed}")
        self.speed = speed
        self._started = datetime.now(timezone.utc)
        self._monotonic = time.monotonic()

    def now(self) -> datetime:
        """The present moment on this clock, in UTC."""
        return self._started + timedelta(seconds=(time.monotonic() - self._monotonic) * self.speed)

    def real_seconds(self, seconds: float) -> float:
        """How many real seconds pass while this clock counts `seconds`."""
        return max(0.0, seconds) / self.speed

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait until this clock has counted `seconds`, or `stop` is set. True when `stop` was set."""
        return stop.wait(self.real_seconds(seconds))
