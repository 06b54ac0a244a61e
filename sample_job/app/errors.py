"""What can go wrong, and the exit code each failure ends in.

Fargate shows a task's exit code and nothing else, so each kind of failure has its own: an operator, or a
rule that listens for stopped tasks, can tell a late file from a broken one without opening the log.
"""

from __future__ import annotations


class JobError(Exception):
    """A failure that the job can explain: what happened, where, and what to do about it."""

    exit_code = 1

    def __init__(self, reason: str, advice: str, file: str | None = None, line: int | None = None):
        super().__init__(reason)
        self.reason, self.advice, self.file, self.line = reason, advice, file, line


class BadArguments(JobError):
    """The job was started wrongly: no date, a date that does not exist, no place to read from."""

    exit_code = 2


class BadInput(JobError):
    """The file is there, but is not a day of departures. Running again does not help."""

    exit_code = 3


class InputMissing(JobError):
    """The file is not there (yet). Running again later helps."""

    exit_code = 4


class StorageRefused(JobError):
    """A folder or bucket could not be read or written: rights, a wrong name, no space, no connection."""

    exit_code = 5


class Stopped(BaseException):
    """The job was told to stop. Not an `Exception`, so that no library's `except Exception` swallows it."""

    def __init__(self, signal_number: int):
        super().__init__(signal_number)
        self.signal_number = signal_number
        # The shell's convention, which ECS shows too: 143 for SIGTERM (15), 130 for Ctrl-C (2).
        self.exit_code = 128 + signal_number
