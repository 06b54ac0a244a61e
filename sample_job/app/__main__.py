"""Run the report of one day: `python -m app --date 2013-01-01 --input data --output out`.

A container gets the same from its environment: REPORT_DATE, and DATA_BUCKET for both places.
Exit codes: 0 written, 1 a bug, 2 bad arguments, 3 bad input, 4 input missing, 5 storage refused,
143 stopped by SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

from .departures import DayFile
from .errors import BadArguments, JobError, Stopped
from .log import Log
from .places import place
from .report import as_csv, columns, summarize


@dataclass(frozen=True)
class Options:
    """What to do: the day, and the places (folder or s3://bucket) to read from and to write to."""

    day: date
    input: str
    output: str


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise instead of leaving with a line that is no JSON."""
        raise BadArguments(message, "Run `python -m app --help` to see the arguments.")


def read_options(arguments: list[str] | None, environment: dict[str, str]) -> Options:
    """The options from the command line, or else from the environment; raises `BadArguments`."""
    bucket = environment.get("DATA_BUCKET")
    parser = _Parser(prog="app", description="The flight-delay report of one day.", allow_abbrev=False)
    parser.add_argument("--date", default=environment.get("REPORT_DATE"), help="YYYY-MM-DD, or REPORT_DATE")
    for name, verb in (("input", "read departures/"), ("output", "write reports/")):
        text = f"folder or s3://bucket[/prefix] to {verb} in, or DATA_BUCKET"
        parser.add_argument(f"--{name}", default=f"s3://{bucket}" if bucket else None, help=text)
    given = parser.parse_args(arguments)
    if not given.date:
        raise BadArguments("no date", "Give --date YYYY-MM-DD or set REPORT_DATE.")
    if not (given.input and given.output):
        raise BadArguments("no place to read or write", "Give --input and --output, or set DATA_BUCKET.")
    return Options(_day(given.date), given.input, given.output)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise BadArguments(f"{text!r} is not a day", "Give a day of the calendar as YYYY-MM-DD.")
    return day


def run(options: Options, log: Log) -> None:
    """Read the day, work out its report, write it. The only place where the steps stand together."""
    source, target = place(options.input), place(options.output)
    departures = f"departures/{options.day}.csv.gz"
    report = f"reports/{options.day}.csv"
    log("started", input=source.address(departures), output=target.address(report))
    with closing(source.open(departures)) as stream:
        day = DayFile(stream, options.day, source.address(departures))
        try:
            groups = summarize(day)
        finally:
            log.about["rows"] = day.rows
    log("read", file=source.address(departures), groups=len(groups))
    content = as_csv(groups)
    target.write(report, content)
    log("wrote", file=target.address(report), bytes=len(content), columns=columns())


def main(arguments: list[str] | None = None) -> int:
    """Run the job and return its exit code. However it ends, the last line of the log says how."""
    log = Log()
    try:
        options = read_options(arguments, dict(os.environ))
        log.about["date"] = options.day.isoformat()
        run(options, log)
        return 0
    except JobError as error:
        found = {"file": error.file, "line": error.line, "reason": error.reason, "advice": error.advice}
        log("failed", exit_code=error.exit_code, error=type(error).__name__, **found)
        return error.exit_code
    except Stopped as stop:
        name = signal.Signals(stop.signal_number).name
        advice = "Run the day again: the same day gives the same report."
        log("stopped", exit_code=stop.exit_code, reason=f"stopped by {name}", advice=advice)
        return stop.exit_code
    except Exception as error:
        advice = "This is a bug in the job. The traceback says where."
        found = {"reason": str(error), "advice": advice, "traceback": traceback.format_exc()}
        log("failed", exit_code=1, error=type(error).__name__, **found)
        return 1


def _stop(signal_number: int, frame: object) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # once is enough: the stopping is not to be stopped
    raise Stopped(signal_number)


if __name__ == "__main__":
    # A container's first process gets no default handlers from Linux: without these, SIGTERM does nothing
    # and ECS kills the task 30 seconds later.
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    sys.exit(main())
