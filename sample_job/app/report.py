"""The report: a row for each carrier and origin, and what its columns mean.

To add a column, add a line to COUNTS or to FIGURES: its name, and how it is found.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .departures import Departure

#: How many departures had how many minutes of delay. Delays are whole minutes, so this holds all that
#: is to be known about them exactly, in the same memory for a thousand departures and for a million.
Delays = Counter[int]


def mean(delays: Delays) -> str:
    """The mean delay in minutes with two decimals; empty when nothing departed."""
    departed = delays.total()
    if not departed:
        return ""
    minutes = sum(minute * flights for minute, flights in delays.items())
    return f"{round(minutes / departed, 2) + 0.0:.2f}"  # + 0.0: a mean of -0.001 is 0.00, not -0.00


def percentile(percent: int, delays: Delays) -> int | str:
    """The delay in minutes that `percent` % of the departures did not exceed; empty when nothing departed.

    By nearest rank: of n delays in ascending order the one at place ceil(n * percent / 100). So it is always
    a delay that really occurred, and can be checked by counting.
    """
    place = -(-delays.total() * percent // 100)  # ceil, in whole numbers
    for minute in sorted(delays):
        place -= delays[minute]
        if place <= 0:
            return minute
    return ""


#: Columns that count departures: name, and which departures count.
COUNTS: dict[str, Callable[[Departure], bool]] = {
    "flights": lambda flight: True,
    "cancellations": lambda flight: flight.cancelled,
}

#: Columns that are worked out from the delays of all that departed: name, and how.
FIGURES: dict[str, Callable[[Delays], object]] = {
    "mean_departure_delay": mean,
    "p90_departure_delay": lambda delays: percentile(90, delays),
}


@dataclass
class Group:
    """What is remembered of one carrier's departures from one airport: counts, never the departures."""

    counts: Counter[str] = field(default_factory=Counter)
    delays: Delays = field(default_factory=Counter)

    def add(self, flight: Departure) -> None:
        for name, counts in COUNTS.items():
            self.counts[name] += counts(flight)
        if not flight.cancelled:
            self.delays[flight.delay] += 1


Groups = dict[tuple[str, str], Group]


def summarize(flights: Iterable[Departure]) -> Groups:
    """Read all departures once and return a group for each (carrier, origin)."""
    groups: Groups = {}
    for flight in flights:
        groups.setdefault((flight.carrier, flight.origin), Group()).add(flight)
    return groups


def columns() -> list[str]:
    """The report's columns, in order."""
    return ["carrier", "origin", *COUNTS, *FIGURES]


def as_csv(groups: Groups) -> bytes:
    """The report as a CSV file, sorted, so that the same day always gives the same bytes."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns())
    for (carrier, origin), group in sorted(groups.items()):
        counts = [group.counts[name] for name in COUNTS]
        figures = [figure(group.delays) for figure in FIGURES.values()]
        table.writerow([carrier, origin, *counts, *figures])
    return text.getvalue().encode("utf-8")
