"""Ctrl-C, a polite kill and a closed terminal all end a command in the same orderly way."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(KeyboardInterrupt):
    """Somebody asked for an end. A KeyboardInterrupt, because asyncio lets only that through its tasks."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


def _raise_stopped(number: int, _frame: object) -> None:
    # From here on the way out is under way: a second Ctrl-C must not break it off half-way.
    for other in SIGNALS:
        signal.signal(other, lambda *_: None)  # not SIG_IGN: children would inherit that
    raise Stopped(number)


def listen() -> None:
    """Turn the signals into Stopped from now on."""
    for number in SIGNALS:
        signal.signal(number, _raise_stopped)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP raise Stopped, once; afterwards all is as it was."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    listen()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
