"""The exercises of 08, each with wrong answers that look right."""

from __future__ import annotations

from datetime import date

from helpers import Session, deploy

from .trying import ask, try_out

OFF = {"ScheduleState": "DISABLED"}
DEFAULTS = {"ScheduleKind": None, "ScheduleExpression": None, "TimeZone": None}


def says(session: Session, expression: str, **more: str) -> None:
    deploy(session, "schedule", OFF | {"ScheduleExpression": expression} | more)


def back(session: Session) -> None:
    deploy(session, "schedule", OFF | DEFAULTS)


def test_a_half_past_five_on_working_days(session: Session) -> None:
    back(session)

    def counted_as_on_unix(session: Session) -> None:
        says(session, "cron(30 5 ? * 1-5 *)")

    def every_day(session: Session) -> None:
        says(session, "cron(30 5 * * ? *)")

    def for_some_years(session: Session) -> None:
        says(session, f"cron(30 5 ? * MON-FRI {date.today().year}-{date.today().year + 6})")

    def by_another_clock(session: Session) -> None:
        says(session, "cron(30 5 ? * MON-FRI *)", ScheduleKind="scheduler", TimeZone="Europe/London")

    def behind_the_stacks_back(session: Session) -> None:
        back(session)
        session.client("events").put_rule(
            Name=f"{session.project}-daily", ScheduleExpression="cron(30 5 ? * MON-FRI *)", State="DISABLED"
        )

    def switched_on(session: Session) -> None:
        says(session, "cron(30 5 ? * MON-FRI *)", ScheduleState="ENABLED", ScheduleKind="scheduler")

    wrong = [counted_as_on_unix, every_day, for_some_years, by_another_clock, switched_on]
    try_out(session, "08-a", [*wrong, behind_the_stacks_back])


def test_b_the_months_end_in_new_york(session: Session) -> None:
    back(session)

    def a_rule_that_reads_no_time_zone(session: Session) -> None:
        says(session, "cron(15 7 LW * ? *)", TimeZone="America/New_York")

    def a_rule_that_is_right_in_winter(session: Session) -> None:
        says(session, "cron(15 12 LW * ? *)")

    def no_time_zone(session: Session) -> None:
        says(session, "cron(15 7 LW * ? *)", ScheduleKind="scheduler", TimeZone="UTC")

    def the_last_day(session: Session) -> None:
        says(session, "cron(15 7 L * ? *)", ScheduleKind="scheduler", TimeZone="America/New_York")

    def the_last_friday(session: Session) -> None:
        says(session, "cron(15 7 ? * 6L *)", ScheduleKind="scheduler", TimeZone="America/New_York")

    rules = [a_rule_that_reads_no_time_zone, a_rule_that_is_right_in_winter]
    try_out(session, "08-b", [*rules, no_time_zone, the_last_day, the_last_friday])
    back(session)


def test_c_who_may_hand_over_a_role(session: Session) -> None:
    ask(session, "08-c")
