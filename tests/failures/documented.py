"""What AWS shows for each failure (documented.yaml), and the comparison with what the sandbox shows."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("documented.yaml")
MOST_DAYS = 365


@dataclass(frozen=True)
class Row:
    """One failure as AWS shows it: state, code and words, and where these were found, on which day."""

    failure: str
    status: str | None
    code: str | int | None
    wording: str
    kind: str
    source: str
    checked: datetime.date
    confirmed: bool
    note: str

    def matches(self, text: str) -> bool:
        """Whether the text says the same; what stands in <...> may be anything."""
        parts = re.split(r"<\w+>", " ".join(self.wording.split()))
        return re.search(".*?".join(map(re.escape, parts)), " ".join(text.split()), re.I) is not None

    def old(self, today: datetime.date) -> bool:
        return (today - self.checked).days > MOST_DAYS


@cache
def rows() -> dict[str, Row]:
    """Failure → what is documented of it."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())
    return {name: Row(failure=name, **row) for name, row in found.items()}


def check(failure: str, text: str, status: str | None = None, code: str | int | None = None) -> None:
    """The sandbox's symptom is the documented one. AssertionError shows both."""
    row = rows()[failure]
    assert (status, code) == (row.status, row.code), failure
    assert row.matches(text), (
        f"{failure}\n  the sandbox: {text}\n  AWS:         {row.wording}\n  {row.source}"
    )


def old(today: datetime.date) -> list[str]:
    """The failures whose source is due for another look, oldest first."""
    return [row.failure for row in sorted(rows().values(), key=lambda row: row.checked) if row.old(today)]
