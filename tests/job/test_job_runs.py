"""What holds for every run: the same report twice, flat memory, a log for machines, a clean stop."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from datetime import datetime

import pytest

from .runs import DAY, JOB, Place, ended, environment, run_job, start_job


def test_the_same_day_twice(place: Place):
    assert run_job(*place.arguments, PYTHONHASHSEED="1").code == 0
    first = place.report.read_bytes()
    assert run_job(*place.arguments, PYTHONHASHSEED="2").code == 0
    assert place.report.read_bytes() == first
    assert place.files() == [f"departures/{DAY}.csv.gz", f"reports/{DAY}.csv"]


def test_the_log(place: Place):
    run = run_job(*place.arguments)
    assert [event["event"] for event in run.events] == ["started", "read", "wrote"]
    for event in run.events:
        assert event["date"] == DAY
        assert datetime.fromisoformat(event["time"]).tzinfo
        assert 0 <= event["seconds"] < 60
        assert 1 < event["peak_memory_mib"] < 100
    assert run.last["rows"] == 842
    assert run.last["file"] == str(place.report)
    assert run.last["bytes"] == place.report.stat().st_size
    assert run.stderr == ""


def test_no_boto3_without_s3(place: Place):
    """-I -S: no site packages, so an import of anything but the standard library fails."""
    program = "import sys; sys.path.insert(0, '.'); from app.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-I", "-S", "-c", program, *place.arguments]
    assert subprocess.run(command, cwd=JOB, env=environment(), stdout=subprocess.DEVNULL).returncode == 0


def test_memory_stays_flat(place: Place, good_text: str):
    """Fifty times the day is 4 MB of text, and much more as Python objects."""
    one = run_job(*place.arguments).last
    header, _, lines = good_text.partition("\n")
    with gzip.open(place.departures, "wt", compresslevel=1) as out:
        out.write(header + "\n")
        for _ in range(50):
            out.write(lines)
    fifty = run_job(*place.arguments).last
    assert fifty["rows"] == 50 * one["rows"]
    assert fifty["peak_memory_mib"] - one["peak_memory_mib"] < 1.5


def test_a_line_of_200_mb_is_refused_in_little_memory(place: Place, good_text: str):
    with gzip.open(place.departures, "wb", compresslevel=1) as out:
        out.write(good_text.encode())
        for _ in range(200):
            out.write(bytes(1_000_000))
    run = run_job(*place.arguments)
    assert (run.code, run.last["line"]) == (3, 844)
    assert run.last["peak_memory_mib"] < 40


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_in_the_middle_of_the_day(place: Place, good_text: str, number: signal.Signals, code: int):
    """The day comes through a pipe that stays open, so the job is in the middle of it until it is stopped."""
    place.departures.unlink()
    os.mkfifo(place.departures)
    process = start_job(*place.arguments)
    with open(place.departures, "wb", buffering=0) as pipe, gzip.open(pipe, "wb", compresslevel=0) as out:
        # More than the pipe and every buffer hold: when it is written, the job has read some of it.
        out.write((good_text + good_text.partition("\n")[2] * 9).encode())
        process.send_signal(number)
        run = ended(process)
        out.fileobj = None  # nobody is there to read the end of it
    assert run.code == code
    assert (run.last["event"], run.last["exit_code"], run.last["date"]) == ("stopped", code, DAY)
    assert run.last["rows"] > 0
    assert run.stderr == ""
    assert not place.report.exists()
