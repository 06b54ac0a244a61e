"""What an alarm makes of its datapoints.

Expected: the tables of "Configuring how alarms treat missing data" in the CloudWatch user guide, as far as
they speak of the evaluated periods, and the reasons that "Acting on alarm changes" and users quote.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from helpers.sandbox.cloudwatch_alarms import Condition, Datapoint, judge

START = datetime(2026, 11, 23, 12)
BAD, GOOD, GAP = 5.0, 0.0, None


def points(*values: float | None) -> list[Datapoint]:
    return [Datapoint(START + timedelta(minutes=number), value) for number, value in enumerate(values)]


def condition(missing: str, periods: int = 3, needed: int = 3) -> Condition:
    return Condition("GreaterThanThreshold", 1, periods, needed, missing)


@pytest.mark.parametrize(
    ("values", "missing", "ignore", "breaching", "not_breaching"),
    [
        ((GOOD, GAP, BAD), "OK", "OK", "OK", "OK"),
        ((BAD, BAD, BAD), "ALARM", "ALARM", "ALARM", "ALARM"),
        ((GOOD, GOOD, GOOD), "OK", "OK", "OK", "OK"),
        ((GAP, GAP, GAP), "INSUFFICIENT_DATA", None, "ALARM", "OK"),
        ((BAD, BAD, GAP), "ALARM", None, "ALARM", "OK"),
        ((GAP, GAP, BAD), "ALARM", None, "ALARM", "OK"),
    ],
)
def test_missing_data(
    values: tuple, missing: str, ignore: str | None, breaching: str, not_breaching: str
) -> None:
    wanted = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    for treatment, state in wanted.items():
        verdict = judge(condition(treatment), points(*values), "OK")
        assert (verdict and verdict.state) == state, treatment


@pytest.mark.parametrize(
    ("values", "state"), [((BAD, GOOD, BAD), "ALARM"), ((BAD, GOOD, GOOD), "OK"), ((BAD, BAD, GOOD), "ALARM")]
)
def test_two_of_three_are_enough_when_the_alarm_says_so(values: tuple, state: str) -> None:
    verdict = judge(condition("missing", needed=2), points(*values), "OK")
    assert verdict and verdict.state == state


@pytest.mark.parametrize(
    ("comparison", "at_threshold", "above"),
    [
        ("GreaterThanOrEqualToThreshold", "ALARM", "ALARM"),
        ("GreaterThanThreshold", "OK", "ALARM"),
        ("LessThanThreshold", "OK", "OK"),
        ("LessThanOrEqualToThreshold", "ALARM", "OK"),
    ],
)
def test_the_threshold_itself(comparison: str, at_threshold: str, above: str) -> None:
    for value, state in ((2.0, at_threshold), (3.0, above)):
        verdict = judge(Condition(comparison, 2), points(value), "OK")
        assert verdict and verdict.state == state


def test_reasons_read_as_cloudwatch_writes_them() -> None:
    rule = Condition("GreaterThanOrEqualToThreshold", 1, missing="notBreaching")
    alarm, calm = judge(rule, points(1.0), "OK"), judge(rule, points(GAP), "ALARM")
    assert alarm and alarm.reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [1.0 (23/11/26 12:00:00)] was greater than or "
        "equal to the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert calm and calm.reason == (
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
        "[NonBreaching]."
    )
    unknown = judge(Condition("GreaterThanThreshold", 1), points(GAP), "OK")
    assert unknown and unknown.reason == "Insufficient Data: 1 datapoint was unknown."
