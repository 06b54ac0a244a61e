"""When a schedule fires, as a table: the expression in words, and the moments that come next.

firings("cron(0 6 ? * MON-FRI *)", after=noon)                          # a rule: UTC
firings("cron(0 6 * * ? *)", after=noon, zone="Europe/Berlin")          # EventBridge Scheduler
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from . import schedule_words, schedules, show


@dataclass(frozen=True)
class Firings(show.Rows):
    """The moments at which a schedule fires next, in UTC, and what its expression says.

    `zone` is the time zone in which the expression is read.
    """

    expression: str
    words: str
    zone: str
    rows: tuple[datetime, ...]

    def _view(self) -> Iterator[show.Block]:
        yield show.Text(f"`{self.expression}` fires {self.words}.", title=True)
        local = schedules.time_zone(self.zone)
        heads = ["Day", "Date", f"{self.zone} time"] + (["UTC"] if self.zone != "UTC" else [])
        rows = []
        for moment in self.rows:
            there = moment.astimezone(local)
            row = [f"{there:%A}", f"{there:%Y-%m-%d}", f"{there:%H:%M}"]
            rows.append(row + ([f"{moment:%a %H:%M}"] if self.zone != "UTC" else []))
        yield show.Table(heads, rows, f"The next {len(rows)}" if rows else "Next", "it never fires again")


def firings(expression: str, after: datetime, count: int = 10, zone: str = "UTC") -> Firings:
    """The next `count` moments after `after` (an aware datetime) at which a schedule fires, and its words.

    With another `zone` than UTC the expression is one of EventBridge Scheduler: a rule knows UTC only. For a
    rate, `after` is taken as the moment at which it was switched on. Raises ScheduleInvalid.
    """
    scheduler = zone != "UTC"
    moments = schedules.next_firings(expression, after, count, zone, scheduler)
    return Firings(expression, schedule_words.in_words(expression, zone, scheduler), zone, tuple(moments))
