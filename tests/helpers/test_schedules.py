"""Schedules: against the documentation's examples, and against a second reading of cron, minute by minute."""

from __future__ import annotations

import calendar
import random
from datetime import datetime, timedelta, timezone

import pytest

from helpers import firings as firings_of
from helpers import in_words
from helpers.schedules import ScheduleInvalid, next_firings, parse

UTC = timezone.utc
MONDAY = datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC)  # a Monday


def firings(expression: str, after: datetime = MONDAY, count: int = 3, **options: object) -> list[str]:
    return [f"{moment:%a %Y-%m-%d %H:%M}" for moment in next_firings(expression, after, count, **options)]


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html, its table of examples
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 10 * * ? *)", ["Tue 2026-11-24 10:00", "Wed 2026-11-25 10:00", "Thu 2026-11-26 10:00"]),
        ("cron(15 12 * * ? *)", ["Mon 2026-11-23 12:15", "Tue 2026-11-24 12:15", "Wed 2026-11-25 12:15"]),
        ("cron(0 8 1 * ? *)", ["Tue 2026-12-01 08:00", "Fri 2027-01-01 08:00", "Mon 2027-02-01 08:00"]),
        ("cron(0/15 * * * ? *)", ["Mon 2026-11-23 10:15", "Mon 2026-11-23 10:30", "Mon 2026-11-23 10:45"]),
        ("cron(5,35 14 * * ? *)", ["Mon 2026-11-23 14:05", "Mon 2026-11-23 14:35", "Tue 2026-11-24 14:05"]),
        ("cron(0 9 ? * 3#2 *)", ["Tue 2026-12-08 09:00", "Tue 2027-01-12 09:00", "Tue 2027-02-09 09:00"]),
        ("cron(0 9 3W * ? *)", ["Thu 2026-12-03 09:00", "Mon 2027-01-04 09:00", "Wed 2027-02-03 09:00"]),
        ("cron(0 0 L * ? *)", ["Mon 2026-11-30 00:00", "Thu 2026-12-31 00:00", "Sun 2027-01-31 00:00"]),
        ("cron(0 0 ? * L *)", ["Sat 2026-11-28 00:00", "Sat 2026-12-05 00:00", "Sat 2026-12-12 00:00"]),
    ],
)
def test_examples_of_the_documentation(expression: str, expected: list[str]) -> None:
    assert firings(expression) == expected


def test_weekdays_skip_the_weekend() -> None:
    friday = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    assert firings("cron(0 18 ? * MON-FRI *)", friday, 1) == ["Mon 2026-11-30 18:00"]


def test_a_range_of_hours_may_pass_midnight() -> None:
    # The documentation: 0/30 20-2 on MON-FRI also runs from 12:00 am to 2:00 am on Monday morning.
    sunday = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert firings("cron(0/30 20-2 ? * MON-FRI *)", sunday, 7) == [
        *[f"Mon 2026-11-23 {time}" for time in ("00:00", "00:30", "01:00", "01:30", "02:00", "02:30")],
        "Mon 2026-11-23 20:00",
    ]


def test_the_last_friday_in_a_range_of_years() -> None:
    found = next_firings("cron(15 10 ? * 6L 2019-2022)", datetime(2019, 1, 1, tzinfo=UTC), 100)
    fridays = [
        max(day for day in range(22, 32) if _is_friday(year, month, day))
        for year in range(2019, 2023)
        for month in range(1, 13)
    ]
    assert [moment.day for moment in found] == fridays
    assert {moment.strftime("%a %H:%M") for moment in found} == {"Fri 10:15"}


def _is_friday(year: int, month: int, day: int) -> bool:
    return (
        day <= calendar.monthrange(year, month)[1] and calendar.weekday(year, month, day) == calendar.FRIDAY
    )


@pytest.mark.parametrize(
    ("expression", "step"),
    [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(1 hour)", 3600), ("rate(7 days)", 604800)],
)
def test_a_rate_counts_from_when_it_was_enabled(expression: str, step: int) -> None:
    expected = [MONDAY + timedelta(seconds=step * number) for number in (1, 2, 3)]
    assert next_firings(expression, MONDAY, 3) == expected


# Refused by PutRule in an account: LocalStack's tests of EventBridge, each marked as validated against AWS
# (tests/aws/services/events/test_events_schedule.py), and the measurements of cdk-preflight (2026-09-07).
@pytest.mark.parametrize(
    "expression",
    [
        *("rate(10 seconds)", "rate(10 years)", "rate(1 minutes)", "rate(1 hours)", "rate(1 days)"),
        *("rate(10 minute)", "rate(10 hour)", "rate(10 day)", "rate()", "rate(10)", "rate(10 minutess)"),
        *("rate(foo minutes)", "rate(0 minutes)", "rate(-10 minutes)", "rate(10 MINUTES)"),
        *("rate( 10 minutes )", " rate(10 minutes)", "", "every day", "at(2026-12-24T18:00:00)"),
        *("cron(0 10 * * *)", "cron(0 10 * * * *)", "cron(0 10 ? * ? *)", "cron(0 10 1 * MON *)"),
        *("cron(60 10 * * ? *)", "cron(0 24 * * ? *)", "cron(0 10 32 * ? *)", "cron(0 10 0 * ? *)"),
        *("cron(0 10 ? * 0 *)", "cron(0 10 ? * 8 *)", "cron(0 10 * 13 ? *)", "cron(0 10 * FOO ? *)"),
        *("cron(0 10 ? * 3#6 *)", "cron(0 10 ? * 3#1,6#3 *)", "cron(0#1 10 * * ? *)", "cron(0 10 3#2 * ? *)"),
        *(
            "cron(0/0 10 * * ? *)",
            "cron(5-*/2 10 * * ? *)",
            "cron(? 10 * * ? *)",
            "cron(0 10 * * ? 2022-2019)",
        ),
    ],
)
def test_what_eventbridge_refuses(expression: str) -> None:
    with pytest.raises(ScheduleInvalid):
        parse(expression)


def test_scheduler_knows_more_than_rules() -> None:
    assert firings("at(2026-12-24T18:00:00)", scheduler=True) == ["Thu 2026-12-24 18:00"]
    assert firings("at(2025-12-24T18:00:00)", scheduler=True) == []
    assert firings("rate(1 minutes)", count=1, scheduler=True) == ["Mon 2026-11-23 10:01"]


def test_a_local_time_follows_its_zone() -> None:
    # In Paris 02:00 becomes 03:00 on 29 March 2026, and 03:00 becomes 02:00 on 25 October.
    # Scheduler skips a time that does not exist and runs once at a time that occurs twice.
    spring, autumn = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
    in_paris = {"zone": "Europe/Paris"}
    assert firings("cron(30 2 * * ? *)", spring, 2, **in_paris) == [
        "Mon 2026-03-30 00:30",
        "Tue 2026-03-31 00:30",
    ]
    assert firings("cron(30 2 * * ? *)", autumn, 2, **in_paris) == [
        "Sun 2026-10-25 00:30",
        "Mon 2026-10-26 01:30",
    ]
    assert firings("cron(0 8 * * ? *)", autumn, 2, **in_paris) == [
        "Sun 2026-10-25 07:00",
        "Mon 2026-10-26 07:00",
    ]
    with pytest.raises(ScheduleInvalid, match="not a time zone"):
        next_firings("rate(1 day)", MONDAY, zone="Mars/Olympus")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("rate(1 day)", "every day"),
        ("rate(5 minutes)", "every 5 minutes"),
        ("cron(0 10 * * ? *)", "at 10:00 UTC, every day"),
        ("cron(0 18 ? * MON-FRI *)", "at 18:00 UTC, Monday to Friday"),
        ("cron(0/15 * * * ? *)", "every 15 minutes"),
        ("cron(0/5 8-17 ? * MON-FRI *)", "every 5 minutes, 08:00 to 17:55 UTC, Monday to Friday"),
        ("cron(5,35 14 * * ? *)", "at 14:05 and 14:35 UTC, every day"),
        ("cron(15 10 ? * 6L 2019-2022)", "at 10:15 UTC, on the last Friday of every month, in 2019 to 2022"),
        ("cron(0 9 ? * 3#2 *)", "at 09:00 UTC, on the second Tuesday of every month"),
        ("cron(0 9 3W * ? *)", "at 09:00 UTC, on the weekday nearest the 3rd of every month"),
        ("cron(0 0 L * ? *)", "at 00:00 UTC, on the last day of every month"),
        ("cron(0 6 1,15 JAN,JUN-AUG ? *)", "at 06:00 UTC, on the 1st and 15th of January and June to August"),
        ("cron(7 * * * ? *)", "every hour at minute 7"),
        ("cron(* * ? * SAT,SUN *)", "every minute, Sunday and Saturday"),
        ("cron(0 6 LW * ? *)", "at 06:00 UTC, on the last weekday of every month"),
        ("cron(0 6 31 * ? *)", "at 06:00 UTC, on the 31st of every month, where there is one"),
        ("cron(0 6 31 1,3 ? *)", "at 06:00 UTC, on the 31st of January and March"),
        ("cron(0 6 29 2 ? *)", "at 06:00 UTC, on the 29th of February, where there is one"),
        ("cron(0 6 ? * 2#5 *)", "at 06:00 UTC, on the fifth Monday of every month, where there is one"),
        ("cron(0 6 ? * 6L,2 *)", "at 06:00 UTC, on the last Friday of every month and every Monday"),
        ("cron(0/7 * * * ? *)", "every 7 minutes, anew in each hour"),
        ("cron(15 */2 * * ? *)", "every 2 hours from 00:15 UTC"),
        ("cron(0/7 5 * * ? *)", "every 7 minutes, anew in each hour, 05:00 to 05:56 UTC"),
        ("cron(0 6 * * ? 2026/2)", "at 06:00 UTC, every day, every 2 years from 2026 to 2198"),
    ],
)
def test_in_words(expression: str, words: str) -> None:
    assert in_words(expression) == words


# A second reading of cron ---------------------------------------------------------------------------------


def random_field(dice: random.Random, low: int, high: int) -> str:
    parts = []
    for _ in range(dice.choice((1, 1, 2))):
        first, last = dice.randint(low, high), dice.randint(low, high)
        step = dice.randint(1, high - low + 1)
        parts.append(
            dice.choice(
                (f"{first}", f"{min(first, last)}-{max(first, last)}", f"{first}/{step}", f"*/{step}")
            )
        )
    return dice.choice(("*", ",".join(parts)))


def field_matches(field: str, value: int, high: int) -> bool:
    """Whether a value fits a field, asked of one value at a time."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = int(first) if first != "*" else (0 if high in (59, 23) else 1)
        end = int(last) if last else (high if step or first == "*" else start)
        if start <= value <= end and (value - start) % int(step or 1) == 0:
            return True
    return False


@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_asking_every_minute(seed: int) -> None:
    dice = random.Random(seed)
    minute, hour = random_field(dice, 0, 59), random_field(dice, 0, 23)
    day, month, weekday = random_field(dice, 1, 28), random_field(dice, 1, 12), random_field(dice, 1, 7)
    by_day = dice.random() < 0.5 or "/" in weekday  # a step cannot be used in day of week
    fields = (minute, hour, day if by_day else "?", month, "?" if by_day else weekday, "*")
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=dice.randint(0, 500_000))
    end = start + timedelta(days=30)
    found = []
    for moment in next_firings(f"cron({' '.join(fields)})", start, 45_000):
        if moment > end:
            break
        found.append(moment)

    def fits(moment: datetime) -> bool:
        chosen = (
            field_matches(day, moment.day, 31)
            if by_day
            else field_matches(weekday, moment.isoweekday() % 7 + 1, 7)
        )
        return (
            chosen
            and field_matches(month, moment.month, 12)
            and field_matches(hour, moment.hour, 23)
            and field_matches(minute, moment.minute, 59)
        )

    minutes = (start + timedelta(minutes=number) for number in range(1, 30 * 24 * 60 + 1))
    assert found == [moment for moment in minutes if fits(moment)]


def nearest_weekday(year: int, month: int, day: int) -> int | None:
    """The day of the same month, Monday to Friday, that is closest; None when the month has no such day."""
    days = range(1, calendar.monthrange(year, month)[1] + 1)
    if day not in days:
        return None
    return min((d for d in days if calendar.weekday(year, month, d) < 5), key=lambda d: abs(d - day))


def is_last(moment: datetime) -> bool:
    return (moment + timedelta(days=1)).month != moment.month


def is_last_of_its_kind(moment: datetime) -> bool:
    return (moment + timedelta(days=7)).month != moment.month


# Each expression with the days it means, asked of one day at a time; all fire at 06:00 and nothing else.
ODD_DAYS = {
    "L * ?": is_last,
    "LW * ?": lambda m: (
        m.weekday() < 5
        and all(
            (m + timedelta(days=n)).weekday() > 4 or (m + timedelta(days=n)).month != m.month
            for n in (1, 2, 3)
        )
    ),
    "1W * ?": lambda m: m.day == nearest_weekday(m.year, m.month, 1),
    "15W,LW 2,8 ?": lambda m: (
        m.month in (2, 8)
        and (
            m.day == nearest_weekday(m.year, m.month, 15)
            or m.day == nearest_weekday(m.year, m.month, calendar.monthrange(m.year, m.month)[1])
        )
    ),
    "31W * ?": lambda m: m.day == nearest_weekday(m.year, m.month, 31),
    "29 2 ?": lambda m: (m.day, m.month) == (29, 2),
    "31 * ?": lambda m: m.day == 31,
    "L,15 * ?": lambda m: is_last(m) or m.day == 15,
    "*/10 * ?": lambda m: m.day in (1, 11, 21, 31),
    "28-31/2 APR-JUN ?": lambda m: m.month in (4, 5, 6) and m.day in (28, 30),
    "? * 2#1": lambda m: m.weekday() == 0 and m.day <= 7,
    "? * SUN#5": lambda m: m.weekday() == 6 and m.day > 28,
    "? */3 TUE#2": lambda m: m.month in (1, 4, 7, 10) and m.weekday() == 1 and 8 <= m.day <= 14,
    "? * 6L": lambda m: m.weekday() == 4 and is_last_of_its_kind(m),
    "? * 1L,WED": lambda m: m.weekday() == 2 or (m.weekday() == 6 and is_last_of_its_kind(m)),
    "? * L": lambda m: m.weekday() == 5,
    "? * FRI-MON": lambda m: m.weekday() in (4, 5, 6, 0),
    "? NOV-FEB 2-6": lambda m: m.month in (11, 12, 1, 2) and m.weekday() < 5,
}


@pytest.mark.parametrize("days", ODD_DAYS)
def test_odd_days_agree_with_asking_every_day(days: str) -> None:
    start = datetime(2024, 1, 30, 6, 0, tzinfo=UTC)  # six o'clock itself is not after it
    months, weekday = days.rsplit(" ", 1)
    found = next_firings(f"cron(0 6 {months} {weekday} 2024-2032)", start, 5000)
    every_day = (start + timedelta(days=number) for number in range(1, 9 * 366))
    assert found == [m for m in every_day if m.year <= 2032 and ODD_DAYS[days](m)]


def test_firings_are_a_table_with_the_words_and_both_times() -> None:
    friday = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
    table = firings_of("cron(0 6 * * ? *)", friday, count=2, zone="Europe/Berlin")
    assert [moment.hour for moment in table] == [5, 4]  # summer time begins on the Sunday
    said = " ".join(str(table).split())
    assert said.startswith("cron(0 6 * * ? *) fires at 06:00 Europe/Berlin, every day.")
    assert "Saturday 2026-03-28 06:00 Sat 05:00 Sunday 2026-03-29 06:00 Sun 04:00" in said
    assert len(firings_of("cron(0 6 L * ? *)", friday)) == 10
    assert "never" in str(firings_of("cron(0 6 L * ? 2025)", friday))
