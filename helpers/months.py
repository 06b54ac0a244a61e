"""What the architecture costs a month for a job of given length, size and frequency, by network layout."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from . import fargate, pricing, show
from .errors import NameUnknown
from .pricing import limit, price, usd

ENDPOINTS = 3  # ecr.api, ecr.dkr and logs; the one for S3 is a gateway endpoint, which costs nothing
ALARMS = 2  # those of the stack schedule


@dataclass(frozen=True)
class Job:
    """A job to be priced: `minutes` from the download of its image to its end, on Fargate.

    `runs_per_day` may be a fraction (1/7: once a week). `log_mb` are MB of log lines a run; `gb` are GB that
    it moves besides, without S3 and the image, which take the free gateway endpoint.
    """

    minutes: float
    size: fargate.Size
    runs_per_day: float = 1
    architecture: str = "X86_64"
    log_mb: float = 1
    gb: float = 0

    @property
    def runs(self) -> float:
        """Runs in a month of 730 hours."""
        return self.runs_per_day * pricing.hours_per_month() / 24

    @property
    def billed_hours(self) -> float:
        """Hours of one run on the bill: whole seconds, and a minute at least."""
        seconds = math.ceil(round(self.minutes * 60, 6))
        return max(seconds, limit("fargate_minimum_seconds")) / 3600

    @property
    def per_run(self) -> float:
        """One run of the task in US dollars, without the network."""
        return self.billed_hours * fargate.hour(self.size, self.architecture)

    @property
    def gb_out(self) -> float:
        """GB a month that take the way out: through the endpoints or the NAT gateway."""
        return self.runs * (self.log_mb / 1000 + self.gb)

    @property
    def words(self) -> str:
        often = f"{self.runs_per_day:g} times a day" if self.runs_per_day != 1 else "once a day"
        return f"{self.minutes:g} minutes, {self.size.words}, {often}"


@dataclass(frozen=True)
class Layout:
    """A month in one network layout, in US dollars."""

    name: str
    tasks: float
    standing: float
    passing: float
    log: float

    @property
    def total(self) -> float:
        return self.tasks + self.standing + self.passing + self.log

    @property
    def way_out(self) -> float:
        """What the network costs, standing and in use."""
        return self.standing + self.passing


@dataclass(frozen=True)
class BreakEven:
    """Where two ways cost the same: `at` so many of `unit` a month; None when they never do."""

    name: str
    at: float | None
    unit: str
    words: str


@dataclass(frozen=True, eq=False)
class Monthly(show.Named):
    """A month of a job in the three network layouts: `monthly(2)["nat"].total`."""

    job: Job
    zones: int
    rows: tuple[Layout, ...]
    break_even: tuple[BreakEven, ...]

    @property
    def cheapest(self) -> Layout:
        return min(self.rows, key=lambda row: row.total)

    def _value(self, row: Layout) -> Layout:
        return row

    def _view(self) -> Iterator[show.Block]:
        heads = (
            "Layout",
            "Tasks",
            "Way out, standing",
            "Way out, used",
            "Log, alarms",
            "A month",
            "For each run",
        )
        rows = [
            (
                f"`{row.name}`" + (" (cheapest)" if row is self.cheapest else ""),
                *(usd(part) for part in (row.tasks, row.standing, row.passing, row.log, row.total)),
                usd(row.total / self.job.runs),
            )
            for row in self.rows
        ]
        yield show.Table(heads, rows, f"US dollars a month: {self.job.words}")
        for point in self.break_even:
            yield show.Text(point.words)
        yield show.Text(
            f"{pricing.basis()}; endpoints in {show.counted(self.zones, 'zone')}; a month is "
            f"{pricing.hours_per_month()} hours, or {self.job.runs:.4g} runs of this job."
        )


def monthly(
    minutes: float,
    *,
    cpu: int | str = 256,
    memory: int | str = 512,
    runs_per_day: float = 1,
    architecture: str = "X86_64",
    log_mb: float = 1,
    gb: float = 0,
    zones: int = 2,
) -> Monthly:
    """What a job costs a month in the layouts endpoints, nat and public, and where they cost the same.

    `minutes` is the time on the bill, from the download of the image to the end. `cpu` in units and `memory`
    in MiB must be a pair that Fargate sells. `runs_per_day` may be a fraction. `log_mb` are MB of log lines a
    run, `gb` what a run moves besides, without S3 and the image, which take the free gateway endpoint.
    Left out are what the developer's half costs, and a few kB of storage. Raises NameUnknown.
    """
    job = job_of(minutes, cpu, memory, runs_per_day, architecture, log_mb, gb)
    hours = pricing.hours_per_month()
    tasks = job.runs * job.per_run
    log = job.runs * job.log_mb / 1000 * price("logs_gb") + ALARMS * price("alarm_month")
    address = job.runs * job.billed_hours * price("ipv4_hour")
    endpoints = ENDPOINTS * zones * price("endpoint_hour") * hours
    nat = (price("nat_hour") + price("ipv4_hour")) * hours
    rows = (
        Layout("endpoints", tasks, endpoints, job.gb_out * price("endpoint_gb"), log),
        Layout("nat", tasks, nat, job.gb_out * price("nat_gb"), log),
        Layout("public", tasks, 0, address, log),
    )
    points = (
        _address_or_doors(endpoints, nat),
        _endpoints_or_nat(endpoints, nat),
        _work_or_way(job, endpoints),
    )
    return Monthly(job, zones, rows, points)


def job_of(
    minutes: float,
    cpu: int | str = 256,
    memory: int | str = 512,
    runs_per_day: float = 1,
    architecture: str = "X86_64",
    log_mb: float = 1,
    gb: float = 0,
) -> Job:
    """The job of these figures. Raises NameUnknown for a pair that is not sold and for figures below zero."""
    asked = fargate.sizes(cpu, memory)
    if not asked.allowed:
        near = " or ".join(size.words for size in asked.nearest)
        raise NameUnknown(f"Fargate does not sell {asked.asked.words}.", f"Take {near}.")
    if minutes <= 0 or runs_per_day <= 0 or min(log_mb, gb) < 0:
        raise NameUnknown(
            "minutes and runs_per_day must be more than 0, log_mb and gb 0 or more.",
            "For a job that runs once a week, give runs_per_day=1/7.",
        )
    return Job(minutes, asked.asked, runs_per_day, architecture, log_mb, gb)


def _address_or_doors(endpoints: float, nat: float) -> BreakEven:
    """Public addresses cost by the hour of a run; endpoints and NAT gateway whether anything runs or not."""
    least = min(endpoints, nat)
    hours = least / price("ipv4_hour")
    return BreakEven(
        "public",
        hours,
        "hours of running tasks",
        f"`public` is the cheapest at least up to {hours:,.0f} hours of running tasks a month, which is "
        f"{hours / pricing.hours_per_month():.0f} tasks day and night.",
    )


def _endpoints_or_nat(endpoints: float, nat: float) -> BreakEven:
    """NAT stands cheaper with two zones, and is dearer for each GB."""
    more = endpoints - nat
    if more <= 0:
        words = "`endpoints` are never dearer than `nat`: they stand cheaper, and cost less for each GB."
        return BreakEven("endpoints or nat", None, "GB", words)
    gb = more / (price("nat_gb") - price("endpoint_gb"))
    words = f"`nat` is cheaper than `endpoints` up to {gb:,.0f} GB a month through it, and dearer above."
    return BreakEven("endpoints or nat", gb, "GB", words)


def _work_or_way(job: Job, endpoints: float) -> BreakEven:
    """From where on the work itself is what one pays for."""
    hours = endpoints / fargate.hour(job.size, job.architecture)
    return BreakEven(
        "work or way",
        hours,
        "hours of running tasks",
        f"In the layout `endpoints` the tasks cost more than their network from {hours:,.0f} hours of "
        f"running tasks a month on; this job runs {job.runs * job.billed_hours:,.1f}.",
    )
