"""Where a job is best run: on Fargate, Fargate Spot, Lambda, a machine of EC2, or through AWS Batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import fargate, months, pricing, show
from .errors import NameUnknown
from .pricing import limit, price, usd

MANY = 50  # jobs at a time from which on a queue is worth more than cents
SYSTEM_GB = 0.5  # what the operating system and the container engine keep of a machine's memory, roughly
DISK_GB = 8  # the least that a machine boots from, with room for one image


@dataclass(frozen=True)
class Choice:
    """One way to run the job: what a month costs in US dollars, and whether it fits at all.

    `why_not` says what does not fit; then there are no costs. `work` is for the job, `around` for the network
    or the machine that stands around it.
    """

    name: str
    work: float
    around: float
    better_when: str
    limits: str
    why_not: str = ""
    note: str = ""

    @property
    def fits(self) -> bool:
        return not self.why_not

    @property
    def total(self) -> float:
        return self.work + self.around


@dataclass(frozen=True, eq=False)
class Alternatives(show.Named):
    """The ways to run one job, side by side: `alternatives(2)["Lambda"].total`; `best`, and the `verdict`."""

    job: months.Job
    at_once: int
    rows: tuple[Choice, ...]
    best: Choice
    verdict: str

    def _value(self, row: Choice) -> Choice:
        return row

    def _view(self) -> Iterator[show.Block]:
        together = f", {self.at_once} at a time" if self.at_once > 1 else ""
        heads = ("Where", "The work", "Around it", "A month", "")
        rows = [
            (
                row.name + (" (best)" if row is self.best else ""),
                *((usd(row.work), usd(row.around), usd(row.total)) if row.fits else ("-", "-", "-")),
                f"does not fit: {row.why_not}" if row.why_not else row.note,
            )
            for row in self.rows
        ]
        yield show.Table(heads, rows, f"US dollars a month: {self.job.words}{together}")
        yield show.Text(self.verdict)
        table = [(row.name, row.better_when, row.limits) for row in self.rows]
        yield show.Table(("Where", "The better choice", "Its limits"), table)
        yield show.Text(
            f"{pricing.basis()}. Nobody's working hours are in it: who patches the machine on EC2?"
        )


def alternatives(
    minutes: float,
    *,
    cpu: int | str = 256,
    memory: int | str = 512,
    runs_per_day: float = 1,
    at_once: int = 1,
    interruptible: bool = True,
    layout: str = "endpoints",
    private: bool = False,
) -> Alternatives:
    """One job on Fargate, Fargate Spot, Lambda, EC2 and AWS Batch: what fits, what it costs, what is best.

    `at_once` tasks start together at each run. `interruptible`: the job may be stopped and started anew, as
    ours may. `layout` is the network of Fargate's tasks; Lambda needs none, unless the job has something
    `private` to reach in the VPC. A vCPU is taken to be as fast everywhere. Raises NameUnknown.
    """
    job = months.job_of(minutes, cpu, memory, runs_per_day)
    month = months.monthly(minutes, cpu=cpu, memory=memory, runs_per_day=runs_per_day * at_once)
    if layout not in month or at_once < 1:
        raise NameUnknown(
            f"layout is {layout!r} and at_once {at_once!r}.",
            f"layout is one of {', '.join(month)}; at_once 1 or more.",
        )
    way = month[layout].way_out
    rows = (
        _fargate(month, way),
        _spot(month, way, interruptible),
        _lambda(job, at_once, way if private else 0),
        _machine(job, at_once),
        _batch(month, way),
    )
    best = _best(rows, at_once)
    return Alternatives(job, at_once, rows, best, _verdict(rows, best, job, at_once))


def _fargate(month: months.Monthly, way: float) -> Choice:
    largest = fargate.all_sizes()[-1]
    return Choice(
        "Fargate",
        month["public"].tasks,
        way,
        "a container that runs now and then, for minutes or for hours, and nobody to look after a machine",
        f"{largest.vcpu:g} vCPU, {largest.gb:g} GB; billed for {limit('fargate_minimum_seconds')} s at least",
    )


def _spot(month: months.Monthly, way: float, interruptible: bool) -> Choice:
    saving = limit("fargate_spot_saving_percent")
    warning = limit("fargate_spot_warning_minutes")
    return Choice(
        "Fargate Spot",
        month["public"].tasks * (1 - saving / 100),
        way,
        "the same, for a job that may be interrupted and gives the same result when it runs again",
        f"can be stopped, {warning} minutes after a warning; starts only where there is capacity to spare",
        "" if interruptible else "the job may not be interrupted",
        f"at best: up to {saving} % off",
    )


def _lambda(job: months.Job, at_once: int, way: float) -> Choice:
    """Lambda gives processor by memory: as much memory as the job's share of a processor asks for."""
    memory = max(128, job.size.memory, round(job.size.vcpu * limit("lambda_mb_per_vcpu")))
    why_not = ""
    if job.minutes > limit("lambda_minutes"):
        why_not = f"{job.minutes:g} minutes are more than {limit('lambda_minutes')}"
    elif memory > limit("lambda_memory_mb"):
        why_not = f"it would need {memory:,} MB of memory, for its processor or for itself"
    runs = job.runs * at_once
    seconds = runs * job.minutes * 60
    work = seconds * memory / 1024 * price("lambda_gb_second") + runs / 1e6 * price("lambda_million_requests")
    return Choice(
        "Lambda",
        work,
        way,
        "short work, often, started by events; no network of its own is needed to reach S3",
        f"{limit('lambda_minutes')} minutes, {limit('lambda_memory_mb'):,} MB, {limit('lambda_vcpus')} vCPU; "
        "its own way to hand over the event",
        why_not,
        f"with {memory:,} MB",
    )


def _machine(job: months.Job, at_once: int) -> Choice:
    """The smallest t3 that has the memory, and the processor for the whole day's work."""
    vcpus, gb = job.size.vcpu * at_once, job.size.gb * at_once + SYSTEM_GB
    busy = min(1.0, job.runs_per_day * job.minutes / 60 / 24)  # of the day
    instances = pricing.document()["ec2"]["instances"].items()
    found = next(
        (
            (name, hour)
            for name, (has, memory, hour, share) in instances
            if has >= vcpus and memory >= gb and has * share >= vcpus * busy
        ),
        None,
    )
    hours = pricing.hours_per_month()
    return Choice(
        "EC2, one machine",
        found[1] * hours if found else 0,
        price("ipv4_hour") * hours + DISK_GB * price("ebs_gb_month"),
        "work all day long, hardware that the others have not, more than their largest size",
        "yours to patch, to watch and to pay for when it is idle; one zone",
        "" if found else "too large for one machine of the family t3; others are larger",
        f"{found[0]}, day and night, with its disk and address" if found else "",
    )


def _batch(month: months.Monthly, way: float) -> Choice:
    return Choice(
        "AWS Batch",
        month["public"].tasks + limit("batch_charge"),
        way,
        "many jobs: queues with priorities, thousands at a time, jobs that wait for others, retries",
        "those of what it runs on; one more service to understand",
        "",
        "on Fargate; itself free of charge",
    )


def _best(rows: tuple[Choice, ...], at_once: int) -> Choice:
    """Many at a time want a queue; otherwise the least money among those that fit."""
    if at_once >= MANY:
        return next(row for row in rows if row.name == "AWS Batch")
    # Batch on Fargate costs what Fargate costs, and is one more thing to run: not for a single job.
    single = [row for row in rows if row.fits and row.name != "AWS Batch"]
    return min(single, key=lambda row: (row.total, row.name))


def _verdict(rows: tuple[Choice, ...], best: Choice, job: months.Job, at_once: int) -> str:
    """What is best, in words, with the reason."""
    if best.name == "AWS Batch":
        return (
            f"Best: AWS Batch. With {at_once} tasks at a time the question is no longer where they run, but "
            "who queues them, starts failed ones again and tells when all are done. It costs nothing on top."
        )
    rivals = [row for row in rows if row.fits and row.name not in (best.name, "AWS Batch")]
    said = f"Best by price: {best.name}, {usd(best.total)} a month"
    if rivals:
        second = min(rivals, key=lambda row: row.total)
        said += f"; next comes {second.name} with {usd(second.total)}"
    return f"{said}. {_why(best, next(row for row in rows if row.name == 'Fargate'), job)}"


def _why(best: Choice, plain: Choice, job: months.Job) -> str:
    hours = job.runs * job.billed_hours
    if best.name == "EC2, one machine":
        return (
            f"The job is at work {hours:,.0f} hours a month: a machine and its disk cost less than the tasks "
            "and the network around them."
        )
    if best.name == "Lambda" and plain.around > plain.work:
        return (
            f"On Fargate {usd(plain.around)} of {usd(plain.total)} are for the private network around the "
            "work, which Lambda does not need to reach S3. It asks for a handler, and all within its limits."
        )
    if best.name == "Lambda":
        return "It is billed by the millisecond, without the minute that a task costs at least."
    if best.name == "Fargate Spot":
        return (
            "The job may be interrupted, so a run that is cut off is simply started anew. Where that will "
            "not do, take Fargate itself."
        )
    return f"The task works {hours:,.1f} hours a month, and costs nothing in the others."
