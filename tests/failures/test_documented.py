"""The table of documented symptoms is whole and used, and says where each was found."""

from __future__ import annotations

import datetime
import re
import warnings
from pathlib import Path

import nbformat
import pytest

from . import documented
from .documented import rows

HERE = Path(__file__).parent
NOTEBOOK = HERE.parents[1] / "notebooks" / "10_when_things_break.ipynb"
DAYS = datetime.timedelta(days=1)


class Stale(pytest.PytestWarning):
    """Sources that were looked up more than a year ago."""


def test_there_are_27_failures_and_each_is_compared_by_a_test():
    tests = "".join(file.read_text() for file in HERE.glob("test_*.py") if file != Path(__file__))
    assert len(rows()) == 27
    assert [name for name in rows() if f'"{name}"' not in tests] == []


def test_notebook_10_lists_all_of_them_by_these_names():
    prose = [cell.source for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "markdown"]
    listed = re.findall(r"^\| ([^|]+?)(?: ✓)? \|", "\n".join(prose), re.M)
    assert [name for name in rows() if name not in listed] == []


def test_every_row_names_its_source():
    for row in rows().values():
        assert row.source.startswith("https://") and row.note and row.kind in ("guide", "account"), row
        host = row.source.split("/")[2]
        assert (host == "docs.aws.amazon.com") == (row.kind == "guide"), row.failure
        assert row.confirmed or "not" in row.note or "nowhere" in row.note or "As for" in row.note, row


def test_rows_older_than_a_year_are_listed():
    newest = max(row.checked for row in rows().values())
    assert documented.old(newest) == []
    assert set(documented.old(newest + 400 * DAYS)) == set(rows())
    if due := documented.old(datetime.date.today()):  # a reminder: no push fails because a day has passed
        warnings.warn(Stale(f"documented.yaml is due for another look: {', '.join(due)}"), stacklevel=1)


def test_a_symptom_in_other_words_would_be_noticed():
    said = rows()["execution role without the pull"].wording.replace("<", "").replace(">", "")
    documented.check("execution role without the pull", said, "STOPPED", "TaskFailedToStart")
    with pytest.raises(AssertionError, match="the sandbox: all is well"):
        documented.check("execution role without the pull", "all is well", "STOPPED", "TaskFailedToStart")
    with pytest.raises(AssertionError):
        documented.check("execution role without the pull", said, "STOPPED", "EssentialContainerExited")
