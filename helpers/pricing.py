"""Prices and limits of AWS, from prices.yaml: each with its unit, its source and the day it was looked up."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from . import show

FILE = Path(__file__).with_name("prices.yaml")


@dataclass(frozen=True)
class Figure:
    """A price in US dollars (`per` a unit) or a limit (no unit), where it stands, and when it was looked up.

    `confirmed` is False for a figure that was read elsewhere (`read_in`) than on AWS's page, `source`.
    """

    name: str
    value: float
    per: str
    what: str
    source: str
    checked: datetime.date
    confirmed: bool
    read_in: str = ""


@dataclass(frozen=True)
class Prices(show.Named):
    """The list prices that everything here is worked out from, in US dollars: `prices()["nat_hour"]`."""

    region: str
    rows: tuple[Figure, ...]

    def _view(self) -> Iterator[show.Block]:
        rows = [
            (
                figure.what,
                f"{figure.value:.10f}".rstrip("0").rstrip("."),
                figure.per,
                str(figure.checked),
                "AWS's page" if figure.confirmed else "second hand",
            )
            for figure in self.rows
        ]
        heads = ("What", "US dollars", "per", "Looked up", "Read on")
        yield show.Table(heads, rows, f"List prices, {self.region}; no free tier, no tax, no discount")
        pages = sorted({figure.source for figure in self.rows})
        yield show.Text(f"AWS's own pages: {' · '.join(pages)}")


def prices() -> Prices:
    """Every price that the figures of this course are worked out from, with the day it was looked up."""
    return Prices(document()["region"], tuple(figures("prices")))


def price(name: str) -> float:
    """A price in US dollars, such as `nat_hour`."""
    return float(document()["prices"][name]["value"])


def limit(name: str) -> float:
    """A limit, such as `lambda_minutes`."""
    return document()["limits"][name]["value"]


def hours_per_month() -> float:
    """730: 365 days of 24 hours, by twelve."""
    return document()["hours_per_month"]


def oldest(section: str) -> datetime.date:
    """The day on which the entry of a section was looked up that has not been looked up for longest."""
    return min(figure.checked for figure in figures(section))


def basis() -> str:
    """What every table of costs rests on, for the line below it."""
    return (
        f"List prices of {document()['region']}, looked up {oldest('prices')}, without free tiers and taxes"
    )


def figures(section: str) -> Iterator[Figure]:
    """The entries of a section of the file, `prices` or `limits`, in its order."""
    for name, entry in document()[section].items():
        yield Figure(name, **{"per": "", **entry})


@cache
def document() -> dict[str, Any]:
    """Everything that prices.yaml says."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def usd(amount: float, places: int = 2) -> str:
    """An amount as a table shows it: `43.80`; `under 0.01` for what is less than the last place; `0`."""
    least = 10**-places
    if amount and amount < least:
        return f"under {least:.{places}f}"
    return f"{amount:,.{places}f}" if amount else "0"
