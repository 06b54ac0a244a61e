"""What an alarm thinks of its metric: the state, and the sentence in which CloudWatch gives its reason.

After "Evaluating an alarm" and "Configuring how alarms treat missing data" in the CloudWatch user guide
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html, 2026-11-23). Pure
functions: nothing here knows the sandbox. When data is missing CloudWatch also looks at a few periods before
the evaluated ones; here only the evaluated periods count.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
COMPARE = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
MISSING, IGNORE, BREACHING, NOT_BREACHING = "missing", "ignore", "breaching", "notBreaching"


@dataclass(frozen=True)
class Condition:
    """When an alarm is in the state ALARM: `needed` of the last `periods` datapoints breach the threshold."""

    comparison: str
    threshold: float
    periods: int = 1
    needed: int = 1
    missing: str = MISSING


@dataclass(frozen=True)
class Datapoint:
    """The statistic of one period, None when the metric has no data in it."""

    time: datetime
    value: float | None


@dataclass(frozen=True)
class Verdict:
    """The state that an alarm should be in, and why."""

    state: str
    reason: str


def judge(condition: Condition, points: Sequence[Datapoint], state: str) -> Verdict | None:
    """What the last periods, oldest first, say of an alarm in `state`; None when it keeps its state."""
    compare, _ = COMPARE[condition.comparison]
    known = [point for point in points if point.value is not None]
    breaching = sum(compare(point.value, condition.threshold) for point in known)
    gaps = len(points) - len(known)
    if not known and condition.missing == MISSING:
        what = f"{_counted(gaps, 'datapoint')} {_was(gaps)} unknown"
        return Verdict(INSUFFICIENT, f"Insufficient Data: {what}.")
    if condition.missing == BREACHING:
        breaching += gaps
    enough = condition.needed
    if condition.missing == MISSING:  # what there is decides
        enough = min(enough, len(known))
    wanted = ALARM if breaching >= enough else OK
    if condition.missing == IGNORE and wanted == OK and breaching + gaps >= enough:
        return None
    return Verdict(wanted, _reason(condition, known, gaps, state, wanted))


def _reason(condition: Condition, known: list[Datapoint], gaps: int, state: str, wanted: str) -> str:
    if not known:
        treated = "Breaching" if condition.missing == BREACHING else "NonBreaching"
        return (
            f"Threshold Crossed: no datapoints were received for {_counted(gaps, 'period')} and "
            f"{_counted(gaps, 'missing datapoint')} {_was(gaps)} treated as [{treated}]."
        )
    compare, words = COMPARE[condition.comparison]
    telling = [p for p in known if compare(p.value, condition.threshold) == (wanted == ALARM)]
    shown = ", ".join(f"{float(p.value or 0)} ({p.time:%d/%m/%y %H:%M:%S})" for p in reversed(telling))
    least = condition.needed if wanted == ALARM else condition.periods - condition.needed + 1
    return (
        f"Threshold Crossed: {len(telling)} out of the last {condition.periods} datapoints [{shown}] "
        f"{_was(len(telling))} {'' if wanted == ALARM else 'not '}{words} the threshold "
        f"({float(condition.threshold)}) (minimum {_counted(least, 'datapoint')} for {state} -> {wanted} "
        "transition)."
    )


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
