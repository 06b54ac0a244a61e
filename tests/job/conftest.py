"""The day that the tests of the job are about."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from .runs import DAY, JOB, Place


@pytest.fixture(scope="session")
def good_day() -> bytes:
    """The packed departures of 1 January 2013, as they ship."""
    return (JOB / "data" / "departures" / f"{DAY}.csv.gz").read_bytes()


@pytest.fixture(scope="session")
def good_text(good_day: bytes) -> str:
    """The same, unpacked."""
    return gzip.decompress(good_day).decode()


@pytest.fixture
def place(tmp_path: Path, good_day: bytes) -> Place:
    """A folder with that day's departures in it."""
    found = Place(tmp_path)
    found.put(good_day)
    return found
