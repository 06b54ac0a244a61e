"""What can go wrong, by outcome. Each message says what happened and what to do next."""

from __future__ import annotations

from .show import discreet


class WorkshopError(Exception):
    """The base of every error a verb raises on purpose.

    `what` says what happened, `next_step` what to do about it. In a notebook the two are shown alone: the
    sixty lines of traceback between a cell and AWS would hide the one line that matters.
    """

    def __init__(self, what: str, next_step: str = "") -> None:
        self.what = discreet(what)
        self.next_step = discreet(next_step)
        super().__init__(self.what)

    def __str__(self) -> str:
        return f"{self.what}\nNext: {self.next_step}" if self.next_step else self.what

    def _render_traceback_(self) -> list[str]:
        lines = [f"\x1b[1;31m{type(self).__name__}\x1b[0m: {self.what}"]
        return [*lines, f"\x1b[1mNext:\x1b[0m {self.next_step}"] if self.next_step else lines


class SandboxUnavailable(WorkshopError):
    """The local AWS could not be started, or no longer answers."""


class AccountNotAllowed(WorkshopError):
    """Account mode, and the account is not the one that WORKSHOP_ACCOUNT_ID names."""


class CredentialsMissing(WorkshopError):
    """Account mode without usable credentials: none found, expired, or not valid."""


class RegionMissing(WorkshopError):
    """Account mode without a region, or with one that does not exist."""


class AwsRefused(WorkshopError):
    """AWS refused a call; `code` is its error code, `operation` the call."""

    def __init__(self, code: str, operation: str, message: str, next_step: str = "") -> None:
        self.code, self.operation = code, operation
        super().__init__(f"AWS refused {operation} with {code}: {message}", next_step)


class NameUnknown(WorkshopError):
    """A stack, parameter, property or resource that does not exist; the message lists close matches."""


class TemplateInvalid(WorkshopError):
    """A template file that is missing or cannot be read."""


class StackMissing(WorkshopError):
    """A stack that is not deployed."""


class StackFailed(WorkshopError):
    """A stack operation failed; `resource` and `reason` are the *first* failure, the cause of the others."""

    def __init__(
        self, stack: str, status: str, resource: str | None, reason: str | None, next_step: str = ""
    ) -> None:
        self.stack, self.status, self.resource, self.reason = (stack, status, resource, reason)
        first = f"; the first resource that failed is {resource}: {reason}" if resource else ""
        why = first or (f": {reason}" if reason else "")
        super().__init__(f"{stack} ended in {status}{why}", next_step)


class StillWorking(WorkshopError):
    """The wait is over, the work is not."""


class NotReady(WorkshopError):
    """What the verb works on exists, but is not in the state that the verb needs."""


class Interrupted(WorkshopError, KeyboardInterrupt):
    """Ctrl-C, or the stop button: the wait ended, what AWS was doing goes on."""


class BuildFailed(WorkshopError):
    """A build failed in `phase`, at `command`; `log` holds its last lines."""

    def __init__(
        self, what: str, next_step: str = "", phase: str = "", command: str = "", log: tuple[str, ...] = ()
    ) -> None:
        self.phase, self.command, self.log = phase, command, log
        super().__init__(what, next_step)


class PipelineFailed(BuildFailed):
    """A pipeline execution failed; for the Build stage with the build's phase, command and last lines."""


class ImagesMissing(WorkshopError):
    """The registry holds no image under the tag that the task definition asks for."""


class TaskNotStarted(WorkshopError):
    """ECS took the request and started nothing."""


class DayMissing(WorkshopError):
    """No data file for that day is shipped."""


class FileMissing(WorkshopError):
    """No such file in the repository."""


class ReportMissing(WorkshopError):
    """No report of that day in the data bucket."""


class TeardownIncomplete(WorkshopError):
    """Something of the project could not be deleted."""
