"""When a schedule fires: the expressions of EventBridge rules and of EventBridge Scheduler.

    next_firings("cron(0 6 * * ? *)", after=now)     # the next five moments
    in_words("rate(5 minutes)")                      # 'every 5 minutes'

A rule knows `rate(value unit)` and `cron(minutes hours day-of-month month day-of-week year)`, both in UTC;
Scheduler also knows `at(yyyy-mm-ddThh:mm:ss)` and evaluates cron and at in a time zone.

Sources (read 2026-11-23): EventBridge user guide, "Using cron and rate expressions to schedule rules";
EventBridge Scheduler user guide, "Schedule types".
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
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
            for hour in _values(self.hours, "hours"):
                if day == start.date() and hour < start.hour - 1:
                    continue
                for minute in _values(self.minutes, "minutes"):
                    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                    moment = local.astimezone(UTC)
                    exists = moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
                    if moment > after and exists:
                        yield moment

    def _dates(self, first: date) -> Iterator[date]:
        for year in _values(self.year, "year"):
            for month in _values(self.month, "month"):
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
            _values(text, name)
        cron.days(2024, 1)
    except ScheduleInvalid as error:
        raise ScheduleInvalid(f"{expression}: {error}") from None
    return cron


_WITHOUT_DAYS = ("minutes", "hours", "month", "year")


def _number(text: str, name: str) -> int:
    low, high, names = _LIMITS[name]
    number = names.index(text) + low if text in names else int(text) if text.isdecimal() else -1
    if not low <= number <= high:
        raise ScheduleInvalid(f"{text!r} is no value for {name}, which goes from {low} to {high}")
    return number


@lru_cache(maxsize=256)
def _values(text: str, name: str) -> tuple[int, ...]:
    """The numbers that a field of `,`, `-`, `*` and `/` stands for, in order."""
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
        first = _number(match["first"], name)
        last = _number(match["last"], name) if match["last"] else high if match["step"] else first
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
            wanted = _number(part[:-1], "day of month")
            found.update([_nearest_weekday(year, month, wanted)] if wanted <= length else [])
        else:
            found.update(day for day in _values(part, "day of month") if day <= length)
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
        return set(by_weekday[_number(weekday, "day of week")][int(nth) - 1 : int(nth)])
    if "/" in field:
        raise ScheduleInvalid("/ cannot be used in day of week")
    found: set[int] = set()
    for part in field.split(","):
        if part.endswith("L") and part != "L":
            found.add(by_weekday[_number(part[:-1], "day of week")][-1])
        else:
            for number in _values("7" if part == "L" else part, "day of week"):
                found.update(by_weekday[number])
    return found


# In words -------------------------------------------------------------------------------------------------


def in_words(expression: str, zone: str = "UTC", scheduler: bool = False) -> str:
    """The schedule as a person would say it: `at 18:00 UTC, Monday to Friday`. Raises ScheduleInvalid."""
    schedule = parse(expression, scheduler)
    if isinstance(schedule, Rate):
        return f"every {schedule.unit}" if schedule.value == 1 else f"every {schedule.value} {schedule.unit}s"
    if isinstance(schedule, At):
        return f"once, at {schedule.moment:%H:%M} {zone} on {schedule.moment:%Y-%m-%d}"
    when, days = _time_in_words(schedule, zone), _days_in_words(schedule)
    words = when if days == "every day" and when.startswith("every") else f"{when}, {days}"
    return words if schedule.year == "*" else f"{words}, in {_listed(_values(schedule.year, 'year'), str)}"


def _time_in_words(cron: Cron, zone: str) -> str:
    minutes, hours = _values(cron.minutes, "minutes"), _values(cron.hours, "hours")
    all_day = len(hours) == 24
    if len(minutes) * len(hours) <= 6:
        return f"at {_joined([f'{hour:02}:{minute:02}' for hour in hours for minute in minutes])} {zone}"
    step = minutes[1] - minutes[0] if len(minutes) > 1 else 60
    if len(minutes) == 60:
        often = "every minute"
    elif minutes == tuple(range(minutes[0], 60, step)) and minutes[0] < step < 60:
        often = f"every {step} minutes" + (f" from minute {minutes[0]}" if minutes[0] else "")
    elif minutes == (0,):
        often = "every hour"
    else:
        often = f"every hour at minute{'s' if len(minutes) > 1 else ''} {_listed(minutes, str)}"
    if all_day:
        return often
    if hours == tuple(range(hours[0], hours[-1] + 1)):
        return f"{often}, {hours[0]:02}:{minutes[0]:02} to {hours[-1]:02}:{minutes[-1]:02} {zone}"
    return f"{often}, in the hours {_listed(hours, str)} {zone}"


def _days_in_words(cron: Cron) -> str:
    months = (
        None if cron.month == "*" else _listed(_values(cron.month, "month"), calendar.month_name.__getitem__)
    )
    of_month = f"of {months or 'every month'}"
    if cron.day_of_week == "?":
        if cron.day_of_month == "*":
            return f"every day in {months}" if months else "every day"
        return f"on the {_joined([_day_in_words(part) for part in cron.day_of_month.split(',')])} {of_month}"
    if "#" in cron.day_of_week:
        weekday, _, nth = cron.day_of_week.partition("#")
        which = ("first", "second", "third", "fourth", "fifth")[int(nth) - 1]
        return f"on the {which} {_weekday(_number(weekday, 'day of week'))} {of_month}"
    if cron.day_of_week.endswith("L") and cron.day_of_week != "L" and "," not in cron.day_of_week:
        return f"on the last {_weekday(_number(cron.day_of_week[:-1], 'day of week'))} {of_month}"
    if cron.day_of_week == "*":
        return f"every day in {months}" if months else "every day"
    parts = ["7" if part == "L" else part for part in cron.day_of_week.split(",")]
    if any(part.endswith("L") for part in parts):
        names = [
            f"last {_weekday(_number(part[:-1], 'day of week'))}"
            if part.endswith("L")
            else _listed(_values(part, "day of week"), _weekday)
            for part in parts
        ]
        return f"on the {_joined(names)} {of_month}"
    listed = _listed(_values(",".join(parts), "day of week"), _weekday)
    return f"{listed} in {months}" if months else listed


def _day_in_words(part: str) -> str:
    if part == "L":
        return "last day"
    if part == "LW":
        return "last weekday"
    if part.endswith("W"):
        return f"weekday nearest the {_ordinal(int(part[:-1]))}"
    return _listed(_values(part, "day of month"), _ordinal)


def _weekday(number: int) -> str:
    return calendar.day_name[(number + 5) % 7]


def _ordinal(number: int) -> str:
    ending = "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _listed(numbers: tuple[int, ...], name: Callable[[int], str]) -> str:
    """Numbers by name; three or more in a row become a range."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words: list[str] = []
    for run in runs:
        words += [f"{name(run[0])} to {name(run[-1])}"] if len(run) > 2 else [name(number) for number in run]
    return _joined(words)
