"""What a schedule's expression says, as a person would say it.

in_words("cron(0 6 ? * MON-FRI *)")    # 'at 06:00 UTC, Monday to Friday'
"""

from __future__ import annotations

import calendar
from collections.abc import Callable

from .schedules import At, Cron, Rate, parse
from .schedules import field_number as _number
from .schedules import field_values as _values


def in_words(expression: str, zone: str = "UTC", scheduler: bool = False) -> str:
    """The schedule as a person would say it: `at 18:00 UTC, Monday to Friday`. Raises ScheduleInvalid."""
    schedule = parse(expression, scheduler)
    if isinstance(schedule, Rate):
        return f"every {schedule.unit}" if schedule.value == 1 else f"every {schedule.value} {schedule.unit}s"
    if isinstance(schedule, At):
        return f"once, at {schedule.moment:%H:%M} {zone} on {schedule.moment:%Y-%m-%d}"
    when, days = _time_in_words(schedule, zone), _days_in_words(schedule)
    words = when if days == "every day" and when.startswith("every") else f"{when}, {days}"
    return words if schedule.year == "*" else f"{words}, {_years_in_words(_values(schedule.year, 'year'))}"


def _years_in_words(years: tuple[int, ...]) -> str:
    step = years[1] - years[0] if len(years) > 4 else 1
    if step > 1 and years == tuple(range(years[0], years[-1] + 1, step)):
        return f"every {step} years from {years[0]} to {years[-1]}"
    return f"in {_listed(years, str)}"


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
        often += ", anew in each hour" if 60 % step else ""
    elif minutes == (0,):
        often = "every hour"
    else:
        often = f"every hour at minute{'s' if len(minutes) > 1 else ''} {_listed(minutes, str)}"
    if all_day:
        return often
    every = hours[1] - hours[0] if len(hours) > 1 else 1
    if len(minutes) == 1 and every > 1 and hours == tuple(range(hours[0], 24, every)) and 24 % every == 0:
        return f"every {every} hours from {hours[0]:02}:{minutes[0]:02} {zone}"
    if hours == tuple(range(hours[0], hours[-1] + 1)):
        return f"{often}, {hours[0]:02}:{minutes[0]:02} to {hours[-1]:02}:{minutes[-1]:02} {zone}"
    return f"{often}, in the hours {_listed(hours, str)} {zone}"


def _days_in_words(cron: Cron) -> str:
    months = (
        None if cron.month == "*" else _listed(_values(cron.month, "month"), calendar.month_name.__getitem__)
    )
    of_month = f"of {months or 'every month'}" + ("" if _always_there(cron) else ", where there is one")
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
        last = [_weekday(_number(part[:-1], "day of week")) for part in parts if part.endswith("L")]
        rest = ",".join(part for part in parts if not part.endswith("L"))
        words = f"on the last {_joined(last)} {of_month}"
        return f"{words} and every {_listed(_values(rest, 'day of week'), _weekday)}" if rest else words
    listed = _listed(_values(",".join(parts), "day of week"), _weekday)
    return f"{listed} in {months}" if months else listed


def _always_there(cron: Cron) -> bool:
    """Whether every day that is named is there in every month that is named, leap years aside."""
    months = _values(cron.month, "month")
    if "#" in cron.day_of_week:
        return not cron.day_of_week.endswith("#5")
    if cron.day_of_week != "?" or cron.day_of_month == "*":
        return True
    parts = [part.removesuffix("W") for part in cron.day_of_month.split(",")]
    days = [day for part in parts if part != "L" for day in _values(part, "day of month")]
    return max(days, default=1) <= min(calendar.monthrange(2025, month)[1] for month in months)


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
