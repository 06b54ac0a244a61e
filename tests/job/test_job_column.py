"""The course's central exercise: a column more in the report, by one line, with the tests still passing."""

from __future__ import annotations

import csv
import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .runs import DAY, JOB, environment, run_job

ANCHOR = '    "cancellations": lambda flight: flight.cancelled,\n'
LATE = '    "late": lambda flight: not flight.cancelled and flight.delay > 15,\n'
ASTRAY = '    "astray": lambda flight: not flight.cancelled and flight.arrival_delay is None,\n'


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(JOB, tmp_path / "job"))


def change(copy: Path, old: str, new: str) -> None:
    report = copy / "app" / "report.py"
    assert report.read_text().count(old) == 1
    report.write_text(report.read_text().replace(old, new))


def unit_tests(copy: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "unittest"]
    return subprocess.run(command, cwd=copy, env=environment(), capture_output=True, text=True, timeout=60)


def test_two_lines_are_two_columns(copy: Path):
    change(copy, ANCHOR, ANCHOR + LATE + ASTRAY)
    tests = unit_tests(copy)
    assert tests.returncode == 0, tests.stderr
    assert "OK" in tests.stderr

    run = run_job("--date", DAY, "--input", "data", "--output", copy, job=copy)
    assert (run.code, run.last["columns"][4:6]) == (0, ["late", "astray"])
    report = list(csv.DictReader((copy / "reports" / f"{DAY}.csv").read_text().splitlines()))
    with gzip.open(copy / "data" / "departures" / f"{DAY}.csv.gz", "rt") as lines:
        departed = [row for row in csv.DictReader(lines) if row["dep_time"] != "NA"]
    assert sum(int(row["late"]) for row in report) == sum(int(row["dep_delay"]) > 15 for row in departed)
    assert sum(int(row["astray"]) for row in report) == sum(row["arr_delay"] == "NA" for row in departed)


#: Mistakes that leave a report of the same shape.
MISTAKES = [
    ("percentile(90, delays)", "percentile(95, delays)"),
    ("lambda flight: flight.cancelled", "lambda flight: flight.arrival_delay is None and flight.delay == 0"),
    ("round(minutes / departed, 2)", "round(minutes / departed)"),
    ("-(-delays.total() * percent // 100)", "delays.total() * percent // 100"),
    ("if not flight.cancelled:", "if not flight.cancelled and flight.delay > 0:"),
    ("sorted(groups.items())", "groups.items()"),
]


@pytest.mark.parametrize(("right", "wrong"), MISTAKES)
def test_a_wrong_figure_fails_the_job_s_own_tests(copy: Path, right: str, wrong: str):
    change(copy, right, wrong)
    assert "FAILED" in unit_tests(copy).stderr
