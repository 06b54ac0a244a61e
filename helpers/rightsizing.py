"""The size that a job needs, from what it measured of itself in a run: processor seconds and peak memory."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import fargate, show, tasks
from .builds import LogReader
from .errors import NotReady
from .pricing import limit, usd
from .session import Session, verb

HEADROOM = 1.5  # half as much again: a larger day, a library that grows
KILLED = 137  # 128 + 9: the signal with which a task that wants more memory than it has is ended
_SHOWN = 4  # sizes of processor to compare: a job that does one thing at a time cannot use more than one


@dataclass(frozen=True)
class Measured:
    """What the job says of itself in the last line of its log.

    `cpu_seconds` is processor time, `seconds` the time on the clock; the rest of it was spent waiting.
    """

    cpu_seconds: float
    seconds: float
    peak_memory_mib: float
    rows: int | None = None

    @property
    def waiting(self) -> float:
        """Seconds in which the job waited, for S3 for instance; no processor makes them shorter."""
        return max(0.0, self.seconds - self.cpu_seconds)


@dataclass(frozen=True)
class Option:
    """A size, how long the job is expected to take in it, and what a run then costs, in US dollars."""

    size: fargate.Size
    seconds: float
    per_run: float


@dataclass(frozen=True)
class RightSize(show.Noun):
    """The smallest pair that Fargate sells in which the job has room: `.size`, and why."""

    now: fargate.Size
    size: fargate.Size
    measured: Measured
    options: tuple[Option, ...]
    reasons: tuple[str, ...]
    honestly: str

    @property
    def parameters(self) -> dict[str, str]:
        """For deploy(session, "task", …)."""
        return {"Cpu": str(self.size.cpu), "Memory": str(self.size.memory)}

    def _view(self) -> Iterator[show.Block]:
        same = self.size == self.now
        said = "is right" if same else f"instead of {self.now.words}"
        yield show.Text(f"{self.size.words} {said}", title=True)
        rows = [
            ("Peak memory", f"{_up(self.measured.peak_memory_mib, 20)} MiB at most"),
            ("Processor", f"{_up(self.measured.cpu_seconds, 5)} seconds at most"),
            *([("Rows counted", f"{self.measured.rows:,}")] if self.measured.rows is not None else []),
        ]
        yield show.Table(("", ""), rows, "What the job measured of itself")
        least = limit("fargate_minimum_seconds")
        table = [
            (
                option.size.words + (" (this one)" if option.size == self.size else ""),
                f"under {least} s" if option.seconds < least else f"{option.seconds / 60:.1f} min",
                f"{usd(option.per_run * 1000)}",
            )
            for option in self.options
        ]
        yield show.Table(("Size", "Expected run", "US dollars for 1,000 runs"), table)
        for reason in self.reasons:
            yield show.Text(reason)
        yield show.Text(self.honestly)


@verb
def right_size(
    session: Session,
    task: tasks.Task | str,
    *,
    headroom: float = HEADROOM,
    within_minutes: float | None = None,
) -> RightSize:
    """The smallest size for a task's job, from the processor time and peak memory that it logged.

    `headroom` is the factor on the peak memory. `within_minutes` asks for a size in which the job should be
    done by then. Raises NotReady for a task that still runs, or whose log has no such figures.
    """
    arn = task.arn if isinstance(task, tasks.Task) else task
    task = tasks.read_task(session, arn)
    if task.status != "STOPPED":
        raise NotReady(
            f"The task is still {task.status}.", "follow_logs(session, task) follows it to its end."
        )
    measured = read_measured(session, task)
    now = _size_of(session, arn)
    return propose(measured, now, task.exit_code == KILLED, headroom, within_minutes, _honestly(session))


def read_measured(session: Session, task: tasks.Task) -> Measured:
    """What the job logged last. Raises NotReady."""
    for line in reversed(list(LogReader(session).read(task.log_group, task.log_stream, to_the_end=True))):
        found = _figures(line)
        if found:
            return Measured(
                found["cpu_seconds"], found["seconds"], found["peak_memory_mib"], found.get("rows")
            )
    raise NotReady(
        "The log of this task has no line with cpu_seconds and peak_memory_mib.",
        "Its image is older than the code that logs them: commit the newer sample_job/app/log.py as "
        "app/log.py, and run the task again when the pipeline has built it.",
    )


def propose(
    measured: Measured,
    now: fargate.Size,
    killed: bool = False,
    headroom: float = HEADROOM,
    within_minutes: float | None = None,
    honestly: str = "",
) -> RightSize:
    """The smallest size with room for what was measured, and why. Pure arithmetic, no calls."""
    needed = max(measured.peak_memory_mib * headroom, now.memory + 1 if killed else 0)
    options = tuple(_options(measured, needed))
    if not options:
        raise NotReady(
            f"No size that Fargate sells has {needed:,.0f} MiB of memory.",
            "Let the job read its input piece by piece, or choose a machine: alternatives(…) compares them.",
        )
    in_time = [o for o in options if within_minutes is None or o.seconds <= within_minutes * 60]
    chosen = in_time[0] if in_time else min(options, key=lambda option: (option.seconds, option.per_run))
    reasons = [
        _memory_reason(measured, needed, now, killed, headroom),
        _cpu_reason(options),
    ]
    if within_minutes is not None:
        reasons.append(_time_reason(within_minutes, bool(in_time)))
    return RightSize(now, chosen.size, measured, options, tuple(reasons), honestly)


def _options(measured: Measured, needed: float) -> Iterator[Option]:
    """For each size of processor the least memory that is enough."""
    units = sorted({size.cpu for size in fargate.all_sizes()})
    roomy = [size for size in fargate.all_sizes() if size.memory >= needed]
    least = [next((size for size in roomy if size.cpu == cpu), None) for cpu in units]
    for size in [size for size in least if size][:_SHOWN]:
        # One thing at a time: a second processor stands idle, a quarter of one takes four times as long.
        seconds = measured.waiting + measured.cpu_seconds / min(size.vcpu, 1)
        billed = max(math.ceil(seconds), limit("fargate_minimum_seconds"))
        yield Option(size, seconds, billed / 3600 * fargate.hour(size))


def _memory_reason(
    measured: Measured, needed: float, now: fargate.Size, killed: bool, headroom: float
) -> str:
    if killed:
        return (
            f"Memory: the task was ended (exit code {KILLED}) when it wanted more than its {now.memory} MiB. "
            "What it would have taken nobody knows: the next size up is a guess, its run a measurement."
        )
    return (
        f"Memory: the peak and {round((headroom - 1) * 100)} % headroom are {_up(needed, 50)} MiB at most. "
        "The smallest pair that has as much is taken; the peak counts, not the average, for a task that "
        "touches its limit once is killed."
    )


def _cpu_reason(options: tuple[Option, ...]) -> str:
    least = limit("fargate_minimum_seconds")
    if all(option.seconds <= least for option in options):
        return (
            f"Processor: in every size the job is done within the {least} seconds that are billed at least. "
            "A larger one would cost more for each run and save nothing that anybody pays for."
        )
    return (
        "Processor: while the job computes, a smaller share takes longer by as much as it is cheaper; while "
        "it waits, the size is paid in full. So the smallest is never dearer, only later."
    )


def _time_reason(within: float, in_time: bool) -> str:
    if in_time:
        return f"Time: it is the smallest that should be done within {within:g} minutes."
    return (
        f"Time: no size is done within {within:g} minutes; this one comes nearest. More than one processor "
        "does not help a job that does one thing at a time: split the work."
    )


def _honestly(session: Session) -> str:
    begin = (
        "Times are worked out from the processor seconds, for a job that does one thing at a time; the "
        "download of the image comes on top, on the bill as well."
    )
    if session.runtime == "process":
        return (
            f"{begin} This run was not held to its share of a processor: the sandbox's process runtime "
            "limits memory, not CPU. The processor seconds are real, but this machine's: measure again on "
            "Fargate."
        )
    if session.sandbox:
        return f"{begin} This run had its share of this machine's processor: on Fargate, measure again."
    return begin


def _size_of(session: Session, arn: str) -> fargate.Size:
    cluster = arn.split("/")[1]
    found = session.client("ecs").describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]
    return fargate.Size(int(found["cpu"]), int(found["memory"]))


def _figures(line: str) -> dict[str, Any]:
    """The figures in a line of the job's log; nothing for a line that is none or has none."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    wanted = ("cpu_seconds", "seconds", "peak_memory_mib")
    known = isinstance(found, dict) and all(isinstance(found.get(name), (int, float)) for name in wanted)
    return found if known else {}


def _up(value: float, step: int) -> int:
    """Rounded up, so that two runs of the same job say the same."""
    return math.ceil(value / step) * step
