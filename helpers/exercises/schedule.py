"""The exercises of 08: a time of day on working days, a time zone, and the role that is handed on.

What a schedule ought to do is written here as dates, without any expression: so every expression that comes
to the same dates is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from itertools import islice, takewhile

from botocore.exceptions import ClientError

from .. import schedules, stacks
from ..session import Session
from .nouns import Finding, Question, Task

UTC = timezone.utc
YEARS = 4  # from the beginning of this one: so one of them is a leap year
WORKING_DAYS = range(5)  # as Python counts: Monday is 0


@dataclass(frozen=True)
class _Deployed:
    """The schedule as its own service holds it, and whether the stack says the same."""

    expression: str
    zone: str
    state: str
    stack_says: str

    @property
    def says(self) -> str:
        return f"`{self.expression}`, {self.zone}"


def _deployed(session: Session) -> _Deployed | None:
    """The rule or the schedule of the stack; None when somebody has deleted it behind the stack's back."""
    stack = stacks.describe(session, "schedule")
    stack_says = stack.parameters["ScheduleExpression"]
    try:
        if name := stack.outputs.get("ScheduleRuleName"):
            found, zone = session.client("events").describe_rule(Name=name), "UTC"
        else:
            names = {"GroupName": stack.outputs["ScheduleGroupName"], "Name": stack.outputs["ScheduleName"]}
            found = session.client("scheduler").get_schedule(**names)
            zone = found["ScheduleExpressionTimezone"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    known = "UTC" if "ScheduleRuleName" in stack.outputs else stack.parameters["TimeZone"]
    return _Deployed(found.get("ScheduleExpression", ""), zone, found["State"], f"`{stack_says}`, {known}")


def _every_day() -> Iterator[date]:
    """The days of the years that are looked at."""
    first = date(date.today().year, 1, 1)
    last = date(first.year + YEARS - 1, 12, 31)
    yield from (first + timedelta(days=number) for number in range((last - first).days + 1))


def _fires(session: Session, clock: str, at: str, days: Sequence[date], wanted: str) -> Iterator[Finding]:
    """Whether it fires at that time of that clock on exactly these days; and stays, switched off."""
    schedule = _deployed(session)
    if schedule is None:
        yield Finding(False, "the stack's schedule is there", "it was deleted behind the stack's back")
        return
    zone = schedules.time_zone(clock)
    moments = _moments(schedule, zone, len(days))
    wall = "UTC" if clock == "UTC" else f"by the clock of {clock}"
    times = sorted({f"{moment:%H:%M}" for moment in moments})
    wrong = "a rate knows no time of day" if moments is NO_TIME else f"it fires at {_some(times)}"
    yield Finding(times == [at], f"it fires at {at} {wall}, and at no other time", wrong)
    found = [moment.date() for moment in moments]
    yield Finding(found == list(days), wanted, _differ(found, days) if found else "it fires on no such day")
    yield Finding(_goes_on(schedule), "year after year", "one day it fires for the last time")
    yield Finding(
        schedule.says == schedule.stack_says,
        "the stack knows it, so that its next update keeps it",
        f"the stack says {schedule.stack_says}",
    )
    yield Finding(schedule.state == "DISABLED", "it is switched off", f"it is {schedule.state}")


NO_TIME: list[datetime] = []


def _moments(schedule: _Deployed, clock: tzinfo, days: int) -> list[datetime]:
    """When it fires in these years, by that clock; of a schedule that fires all the time, the first."""
    parsed = _parsed(schedule)
    if parsed is None or isinstance(parsed, schedules.Rate):
        return NO_TIME
    first, *_, last = _every_day()
    begin = datetime(first.year, 1, 1, tzinfo=clock).astimezone(UTC) - timedelta(seconds=1)
    moments = parsed.firings(begin, schedules.time_zone(schedule.zone))
    local = (moment.astimezone(clock) for moment in moments)
    return list(islice(takewhile(lambda moment: moment.date() <= last, local), 30 * days))


def _goes_on(schedule: _Deployed) -> bool:
    """Whether it still fires in the last year that an expression may name."""
    parsed = _parsed(schedule)
    return parsed is not None and any(True for _ in parsed.firings(datetime(2199, 1, 1, tzinfo=UTC)))


def _parsed(schedule: _Deployed) -> schedules.Schedule | None:
    try:
        return schedules.parse(schedule.expression, scheduler=True)
    except schedules.ScheduleInvalid:  # a rule without an expression
        return None


def _differ(found: Sequence[date], days: Sequence[date]) -> str:
    """One day on which it fires and should not, or the other way round."""
    if extra := sorted(set(found) - set(days)):
        return f"it also fires on {extra[0]:%A}, {extra[0]}"
    if left_out := sorted(set(days) - set(found)):
        return f"it leaves out {left_out[0]:%A}, {left_out[0]}"
    return "it fires more than once a day"


def _some(words: Iterable[str]) -> str:
    first = list(islice(words, 4))
    return ", ".join(first[:3]) + (" and more" if len(first) > 3 else "") if first else "no time at all"


def _working_days(session: Session) -> Iterator[Finding]:
    days = [day for day in _every_day() if day.weekday() in WORKING_DAYS]
    yield from _fires(session, "UTC", "05:30", days, "from Monday to Friday, and on no other day")


def _end_of_month(session: Session) -> Iterator[Finding]:
    last = {(day.year, day.month): day for day in _every_day() if day.weekday() in WORKING_DAYS}
    days = list(last.values())  # of each month, the one that came last
    wanted = "on the last working day of each month, and on no other day"
    yield from _fires(session, "America/New_York", "07:15", days, wanted)


EXERCISES = (
    Task(
        "08-a",
        "Half past five, on working days",
        _working_days,
        hints=(
            "Write the six fields one below the other: minute, hour, day of month, month, day of week, year.",
            "One of the two day fields says which days, and the other one is `?`. Before you deploy, let "
            "`firings` show you ten dates, and look for a Friday and a Sunday among them.",
            'The stack has to know it: `deploy(session, "schedule", {"ScheduleExpression": "cron(…)"})`.',
        ),
        learned="Names of days need no counting. EventBridge calls Sunday 1, so `1-5` would have been Sunday "
        "to Thursday, and you would have heard of it on the first Friday.",
    ),
    Task(
        "08-b",
        "The month's end in New York",
        _end_of_month,
        hints=(
            "New York changes its clocks, and UTC does not. Which of the two kinds of schedule can follow?",
            "The template chooses by `ScheduleKind`; the name of the zone is `America/New_York`.",
            "`L` is the last day and `W` a weekday, and the two letters may stand together. `6L` would be "
            "the last Friday.",
        ),
        learned="A rule would be right from November to March and an hour late for the rest of the year. A "
        "time zone on the stack does not help it: a rule does not read it.",
    ),
    Question(
        "08-c",
        "Who may hand over a role?",
        options={
            "a": "The task starts, with the role that it had before",
            "b": "The task starts, and is refused when it first reads from S3",
            "c": "No task starts, and the firing ends in the dead-letter queue",
            "d": "It does not come to that: CloudFormation refuses the update of `task`",
        },
        right="c",
        because="Whoever starts a task hands its roles over, and needs `iam:PassRole` on each of them. "
        "`ScheduleRole` has it for the two roles that it knows. So RunTask is refused as a whole, in the "
        "name of EventBridge, at night; what remains is the letter in the queue, and the alarm on it.",
        wrong={
            "a": "The rule names no revision, so it takes the newest, and that one carries the new role.",
            "b": "So it would be if the role had been handed over. Who hands it over, and may they?",
            "d": "CloudFormation registers a task definition. Who will run it, and when, it does not know.",
        },
        hints=(
            "Which role does the schedule act with, and what are its two rights?",
            "Look at `PassRole` in the template of `ScheduleRole`: on which roles?",
        ),
    ),
)
