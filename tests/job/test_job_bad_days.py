"""Days that are not right: the exit code, the file and the line, and nothing written."""

from __future__ import annotations

import gzip
import shutil

import pytest

from .runs import DAY, JOB, Place, Run, run_job


def without_column(text: str, name: str) -> str:
    rows = [line.split(",") for line in text.splitlines()]
    at = rows[0].index(name)
    return "\n".join(",".join(row[:at] + row[at + 1 :]) for row in rows) + "\n"


def with_cell(text: str, line: int, name: str, cell: str) -> str:
    """The day with another cell in a line; lines count from 1, as in an editor, and 1 is the header."""
    rows = [row.split(",") for row in text.splitlines()]
    rows[line - 1][rows[0].index(name)] = cell
    return "\n".join(map(",".join, rows)) + "\n"


#: Name: how it is made from the good day, the line that the log must name, a word of the reason.
BAD_DAYS = {
    "an empty file": (lambda day, text: b"", 1, "empty"),
    "a header alone": (lambda day, text: gzip.compress(text.partition("\n")[0].encode()), 2, "no departures"),
    "not packed": (lambda day, text: text.encode(), 1, "gzip"),
    "without its last byte": (lambda day, text: day[:-1], 844, "cut off"),
    "a check sum that is wrong": (lambda day, text: day[:-8] + bytes(8), 844, "CRC"),
    "a missing column": (
        lambda day, text: gzip.compress(without_column(text, "dep_delay").encode()),
        1,
        "missing column: dep_delay",
    ),
    "text in a number": (
        lambda day, text: gzip.compress(with_cell(text, 500, "dep_delay", "twelve").encode()),
        500,
        "'twelve'",
    ),
    "another day's departure": (
        lambda day, text: gzip.compress(with_cell(text, 843, "day", "2").encode()),
        843,
        "2013-01-02",
    ),
}


def assert_refused(run: Run, place: Place) -> None:
    """It failed as bad input, said so as its last word, and left nothing behind."""
    assert (run.code, run.last["event"], run.last["exit_code"]) == (3, "failed", 3)
    assert run.last["file"] == str(place.departures)
    assert run.last["advice"]
    assert run.stderr == ""
    assert place.files() == [f"departures/{DAY}.csv.gz"]


@pytest.mark.parametrize("name", BAD_DAYS)
def test_a_bad_day(name: str, place: Place, good_day: bytes, good_text: str):
    make, line, reason = BAD_DAYS[name]
    place.put(make(good_day, good_text))
    run = run_job(*place.arguments)
    assert_refused(run, place)
    assert (run.last["line"], run.last["date"]) == (line, DAY)
    assert reason in run.last["reason"]


def test_a_file_cut_off_in_the_middle(place: Place, good_day: bytes):
    place.put(good_day[: len(good_day) // 2])
    run = run_job(*place.arguments)
    assert_refused(run, place)
    assert "cut off" in run.last["reason"]
    assert run.last["line"] == run.last["rows"] + 2  # the header, the rows that were read, and then this one
    assert 100 < run.last["rows"] < 842


def test_the_day_after_a_bad_one_still_works(place: Place, good_day: bytes):
    place.put(good_day[:-1])
    assert run_job(*place.arguments).code == 3
    arguments = ["--date", "2013-01-02", "--input", "data", "--output", place.folder]
    assert run_job(*arguments).code == 0
    assert (place.folder / "reports" / "2013-01-02.csv").exists()
    assert not place.report.exists()


def test_a_bad_file_leaves_yesterday_s_report_of_the_day_whole(place: Place, good_day: bytes):
    assert run_job(*place.arguments).code == 0
    before = place.report.read_bytes()
    place.put(good_day[:-1])
    assert run_job(*place.arguments).code == 3
    assert place.report.read_bytes() == before


def test_a_late_file(place: Place, good_day: bytes):
    place.departures.unlink()
    run = run_job(*place.arguments)
    assert (run.code, run.last["event"], run.last["file"]) == (4, "failed", str(place.departures))
    assert "late" in run.last["advice"]
    assert place.files() == []
    place.put(good_day)
    assert run_job(*place.arguments).code == 0


@pytest.mark.parametrize("day", ["2013-02-29", "2013-02-30", "2013-00-01", "tomorrow", ""])
def test_a_date_that_does_not_exist(day: str, place: Place):
    run = run_job("--date", day, *place.arguments[2:])
    assert (run.code, run.last["event"], run.last["error"]) == (2, "failed", "BadArguments")
    assert place.files() == [f"departures/{DAY}.csv.gz"]


def test_a_report_that_cannot_be_written(place: Place):
    place.report.parent.write_text("a file where the folder should be")
    run = run_job(*place.arguments)
    assert (run.code, run.last["error"], run.last["file"]) == (5, "StorageRefused", str(place.report))
    assert place.files() == [f"departures/{DAY}.csv.gz", "reports"]


def test_a_bug_shows_its_traceback(place: Place, tmp_path_factory: pytest.TempPathFactory):
    copy = tmp_path_factory.mktemp("job")
    report = shutil.copytree(JOB / "app", copy / "app") / "report.py"
    report.write_text(report.read_text().replace("if not departed:", "if departed / 0:"))
    run = run_job(*place.arguments, job=copy)
    assert (run.code, run.last["event"], run.last["error"]) == (1, "failed", "ZeroDivisionError")
    assert "Traceback (most recent call last)" in run.last["traceback"]
    assert "report.py" in run.last["traceback"]
    assert not place.report.exists()
