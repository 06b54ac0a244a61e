"""Day files made by hand for the tests: each row names only what matters to its test."""

from __future__ import annotations

import csv
import gzip
import io

#: A flight that left on time.
ON_TIME = {
    "year": "2013",
    "month": "1",
    "day": "1",
    "dep_time": "800",
    "sched_dep_time": "800",
    "dep_delay": "0",
    "arr_time": "1000",
    "sched_arr_time": "1000",
    "arr_delay": "0",
    "carrier": "UA",
    "flight": "1",
    "tailnum": "N1",
    "origin": "JFK",
    "dest": "BOS",
    "air_time": "100",
    "distance": "187",
    "hour": "8",
    "minute": "0",
    "time_hour": "2013-01-01T13:00:00Z",
}
CANCELLED = {"dep_time": "NA", "dep_delay": "NA", "arr_time": "NA", "arr_delay": "NA", "air_time": "NA"}


def late(minutes: int) -> dict[str, str]:
    """A flight that left so many minutes late, or early when negative."""
    return {"dep_delay": str(minutes)}


def text(*rows: dict[str, str], columns: list[str] | None = None) -> str:
    """The CSV text of a day with these rows."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns or list(ON_TIME), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**ON_TIME, **row} for row in rows)
    return out.getvalue()


def packed(*rows: dict[str, str]) -> bytes:
    """The day file with these rows."""
    return gzip.compress(text(*rows).encode())
