"""When a schedule fires: the expressions of EventBridge rules and of EventBridge Scheduler.

    next_firings("cron(0 6 * * ? *)", after=now)     # the next five moments

What it says in words: helpers.schedule_words.

A rule knows `rate(value unit)` and `cron(minutes hours day-of-month month day-of-week year)`, both in UTC;
Scheduler also knows `at(yyyy-mm-ddThh:mm:ss)` and evaluates cron and at in a time zone.

Sources (read 2026-11-23): EventBridge user guide, "Using cron and rate expressions to schedule rules";
EventBridge Scheduler user guide, "Schedule types".
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

UTC = timezone.utc
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_RATE = re.compile(r"rate\(([1-9][0-9]*)\s+(minute|hour|day)(s?)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)\)")
_CRON = re.compile(r"cron\((\S+(?:\s+\S+){5})\)")
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")  # EventBridge counts from SUN = 1


class ScheduleInvalid(ValueError):
    """A schedule expression that EventBridge would refuse; the message says what is wrong with it."""


@dataclass(frozen=True)
class Rate:
    """Fires every `value` units, counted from the moment at which the schedule was enabled."""

    value: int
    unit: str  # "minute", "hour" or "day"

    @property
    def period(self) -> timedelta:
        """The time between two firings. A day is 24 hours, also when the clocks change."""
        return self.value * _UNITS[self.unit]

    def firings(self, after: datetime, zone: tzinfo = UTC) -> Iterator[datetime]:
        """The moments after `after`, the first of them one period later."""
        while True:
            after += self.period
            yield after


@dataclass(frozen=True)
class At:
    """Fires once, at a local time (Scheduler only)."""

    moment: datetime  # without a time zone

    def firings(self, after: datetime, zone: tzinfo = UTC) -> Iterator[datetime]:
        """The one moment, in UTC, if it is still to come."""
        moment = self.moment.replace(tzinfo=zone).astimezone(UTC)
        if moment > after:
            yield moment


@dataclass(frozen=True)
class Cron:
    """Fires at the minutes that all six fields describe."""

    minutes: str
    hours: str
    day_of_month: str
    month: str
    day_of_week: str
    year: str

    def days(self, year: int, month: int) -> list[int]:
        """The days of a month that the two day fields choose, in order."""
        if self.day_of_week == "?":
            return sorted(_days_of_month(self.day_of_month, year, month))
        return sorted(_days_of_week(self.day_of_week, year, month))

    def firings(self, after: datetime, zone: tzinfo = UTC) -> Iterator[datetime]:
        """The moments after `after`, in UTC.

        A local time that a change of clocks leaves out does not fire; one that occurs twice fires once.
        """
        start = after.astimezone(zone)
        for day in self._dates(start.date()):
            for hour in field_values(self.hours, "hours"):
                if day == start.date() and hour < start.hour - 1:
                    continue
                for minute in field_values(self.minutes, "minutes"):
                    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                    moment = local.astimezone(UTC)
                    exists = moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
                    if moment > after and exists:
                        yield moment

    def _dates(self, first: date) -> Iterator[date]:
        for year in field_values(self.year, "year"):
            for month in field_values(self.month, "month"):
                if (year, month) < (first.year, first.month):
                    continue
                for day in self.days(year, month):
                    if date(year, month, day) >= first:
                        yield date(year, month, day)


Schedule = Rate | Cron | At


def parse(expression: str, scheduler: bool = False) -> Schedule:
    """The schedule that an expression describes.

    `scheduler` allows what EventBridge Scheduler allows beyond rules: `at(...)`, and a plural unit after 1.
    Raises ScheduleInvalid with the reason.
    """
    if match := _RATE.fullmatch(expression):
        value, unit, plural = int(match[1]), match[2], bool(match[3])
        if plural != (value > 1) and not scheduler:
            right = f"{unit}s" if value > 1 else unit
            raise ScheduleInvalid(f"{expression}: after {value} the unit is written {right!r}")
        return Rate(value, unit)
    if match := _CRON.fullmatch(expression):
        return _cron(expression, match[1].upper().split())
    if scheduler and (match := _AT.fullmatch(expression)):
        try:
            return At(datetime.fromisoformat(match[1]))
        except ValueError as error:
            raise ScheduleInvalid(f"{expression}: {error}") from error
    forms = "rate(value unit) or cron(with six fields)" + (" or at(yyyy-mm-ddThh:mm:ss)" if scheduler else "")
    raise ScheduleInvalid(f"{expression}: write {forms}, as in rate(1 day) or cron(0 6 * * ? *)")


def next_firings(
    expression: str, after: datetime, count: int = 5, zone: str = "UTC", scheduler: bool = False
) -> list[datetime]:
    """The next `count` moments after `after` (an aware datetime), in UTC; fewer when the schedule ends.

    For a rate, `after` is taken as the moment at which the schedule was enabled.
    """
    return list(islice(parse(expression, scheduler).firings(after, time_zone(zone)), count))


def time_zone(name: str) -> tzinfo:
    """The time zone of an IANA name; UTC needs no time zone data. Raises ScheduleInvalid."""
    if name in ("UTC", "Etc/UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ScheduleInvalid(f"{name} is not a time zone") from error


# The fields of a cron expression --------------------------------------------------------------------------

_LIMITS = {
    "minutes": (0, 59, ()),
    "hours": (0, 23, ()),
    "day of month": (1, 31, ()),
    "month": (1, 12, MONTHS),
    "day of week": (1, 7, WEEKDAYS),
    "year": (1970, 2199, ()),
}


def _cron(expression: str, fields: list[str]) -> Cron:
    cron = Cron(*fields)
    if (cron.day_of_month == "?") == (cron.day_of_week == "?"):
        raise ScheduleInvalid(f"{expression}: exactly one of day-of-month and day-of-week must be ?")
    try:
        for text, name in zip((cron.minutes, cron.hours, cron.month, cron.year), _WITHOUT_DAYS, strict=True):
            field_values(text, name)
        cron.days(2024, 1)
    except ScheduleInvalid as error:
        raise ScheduleInvalid(f"{expression}: {error}") from None
    return cron


_WITHOUT_DAYS = ("minutes", "hours", "month", "year")


def field_number(text: str, name: str) -> int:
    """The number that a value of the field `name` stands for: MON is 2. Raises ScheduleInvalid."""
    low, high, names = _LIMITS[name]
    number = names.index(text) + low if text in names else int(text) if text.isdecimal() else -1
    if not low <= number <= high:
        raise ScheduleInvalid(f"{text!r} is no value for {name}, which goes from {low} to {high}")
    return number


@lru_cache(maxsize=256)
def field_values(text: str, name: str) -> tuple[int, ...]:
    """The numbers that the field `name` of `,`, `-`, `*` and `/` stands for, in order."""
    low, high, _ = _LIMITS[name]
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if not match or (match["first"] == "*" and match["last"]):
            raise ScheduleInvalid(f"{part!r} is not understood in {name}")
        step = int(match["step"] or 1)
        if step == 0:
            raise ScheduleInvalid(f"{part!r} in {name}: a step must be above 0")
        if match["first"] == "*":
            found.update(range(low, high + 1, step))
            continue
        first = field_number(match["first"], name)
        last = field_number(match["last"], name) if match["last"] else high if match["step"] else first
        if first <= last:
            found.update(range(first, last + 1, step))
        elif name == "year":
            raise ScheduleInvalid(f"{part!r}: a range of years goes forward")
        else:  # 20-2 is 20 to 23, then 0 to 2: the documentation has it among its examples
            found.update([*range(first, high + 1), *range(low, last + 1)][::step])
    return tuple(sorted(found))


def _days_of_month(field: str, year: int, month: int) -> set[int]:
    length = calendar.monthrange(year, month)[1]
    found: set[int] = set()
    for part in field.split(","):
        if part == "L":
            found.add(length)
        elif part == "LW":
            found.add(_nearest_weekday(year, month, length))
        elif part.endswith("W"):
            wanted = field_number(part[:-1], "day of month")
            found.update([_nearest_weekday(year, month, wanted)] if wanted <= length else [])
        else:
            found.update(day for day in field_values(part, "day of month") if day <= length)
    return found


def _nearest_weekday(year: int, month: int, day: int) -> int:
    """The weekday closest to a day, never in another month."""
    length, weekday = (calendar.monthrange(year, month)[1], calendar.weekday(year, month, day))
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < length else day - 2
    return day


def _days_of_week(field: str, year: int, month: int) -> set[int]:
    first, length = calendar.monthrange(year, month)
    by_weekday: dict[int, list[int]] = {number: [] for number in range(1, 8)}
    for day in range(1, length + 1):
        by_weekday[(first + day) % 7 + 1].append(
            day
        )  # calendar counts from Monday = 0, EventBridge from SUN = 1
    if "#" in field:
        weekday, _, nth = field.partition("#")
        if nth not in ("1", "2", "3", "4", "5"):
            raise ScheduleInvalid(
                f"{field!r}: after # stands which one of the month, 1 to 5, and nothing else"
            )
        return set(by_weekday[field_number(weekday, "day of week")][int(nth) - 1 : int(nth)])
    if "/" in field:
        raise ScheduleInvalid("/ cannot be used in day of week")
    found: set[int] = set()
    for part in field.split(","):
        if part.endswith("L") and part != "L":
            found.add(by_weekday[field_number(part[:-1], "day of week")][-1])
        else:
            for number in field_values("7" if part == "L" else part, "day of week"):
                found.update(by_weekday[number])
    return found
