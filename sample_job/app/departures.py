"""One day of departures: a gzip CSV, read as a stream and checked cell by cell.

The file is never held in memory, neither packed nor unpacked: one line is, and a line has a limit.
The first thing that is wrong ends the reading with an error that names the file and the line.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from .errors import BadInput

#: Bytes. A real line has about 90; a file whose "line" never ends must not fill the memory.
LONGEST_LINE = 4096

#: Four digits hold every real value, and keep the count of delays by the minute small.
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,4}")
CARRIER = re.compile(r"[A-Z0-9]{2}")
AIRPORT = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Departure:
    """One scheduled flight. Delays are in minutes, negative when early, None when there is none."""

    carrier: str  # two characters, such as UA
    origin: str  # airport, such as JFK
    destination: str
    distance: int  # miles
    delay: int | None  # at departure; None: the flight was cancelled
    arrival_delay: int | None  # None: cancelled, or it did not arrive where it should have

    @property
    def cancelled(self) -> bool:
        """It never left: the record has no departure time."""
        return self.delay is None


def _number(text: str) -> int:
    if not WHOLE_NUMBER.fullmatch(text):
        raise ValueError("is not a whole number of at most four digits")
    return int(text)


def _number_or_nothing(text: str) -> int | None:
    return None if text in ("NA", "") else _number(text)


def _code(pattern: re.Pattern[str], meaning: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"is not {meaning}")
        return text

    return read


#: The agreement with whoever delivers the file: these columns, in any order, and what each may hold.
COLUMNS: dict[str, Callable[[str], object]] = {
    "year": _number,
    "month": _number,
    "day": _number,
    "dep_time": _number_or_nothing,
    "sched_dep_time": _number,
    "dep_delay": _number_or_nothing,
    "arr_time": _number_or_nothing,
    "sched_arr_time": _number,
    "arr_delay": _number_or_nothing,
    "carrier": _code(CARRIER, "a carrier's two-character code"),
    "flight": _number,
    "tailnum": str,
    "origin": _code(AIRPORT, "an airport's three-letter code"),
    "dest": _code(AIRPORT, "an airport's three-letter code"),
    "air_time": _number_or_nothing,
    "distance": _number,
    "hour": _number,
    "minute": _number,
    "time_hour": str,
}

FETCH_AGAIN = "Ask for the file again, put it in the place of this one, and run the day again."
CORRECT_IT = "Correct the file or ask for it again, and run the day again."


class DayFile:
    """The departures in one day's file; `rows` says how many have been read so far."""

    def __init__(self, stream: BinaryIO, day: date, name: str):
        self.rows = 0
        self._lines_read = 0
        self._text = gzip.GzipFile(fileobj=stream, mode="rb")
        self._day = day
        self._name = name

    def __iter__(self) -> Iterator[Departure]:
        """Read to the end of the file; raises `BadInput` at the first line that is not as agreed."""
        rows = csv.reader(self._lines(), strict=True)
        try:
            header = next(rows, None)
            self._check_header(header)
            for cells in rows:
                yield self._departure(header, cells)
                self.rows += 1
        except csv.Error as error:
            raise self._bad(f"the line is not CSV: {error}", CORRECT_IT) from None
        if not self.rows:
            self._lines_read += 1
            raise self._bad("the file has a header and no departures", FETCH_AGAIN)

    def _lines(self) -> Iterator[str]:
        """The lines of the file, counted, so that an error can name the one it is about."""
        while True:
            self._lines_read += 1
            try:
                line = self._text.readline(LONGEST_LINE + 1)
                if not line:
                    self._lines_read -= 1
                    return
                if len(line) > LONGEST_LINE:
                    raise self._bad(f"the line is longer than {LONGEST_LINE} bytes", FETCH_AGAIN)
                yield line.decode("utf-8")
            except EOFError:
                raise self._bad("the gzip file is cut off here", FETCH_AGAIN) from None
            except (gzip.BadGzipFile, zlib.error) as error:
                raise self._bad(f"the gzip file is damaged: {error}", FETCH_AGAIN) from None
            except UnicodeDecodeError:
                raise self._bad("the line is not UTF-8 text", CORRECT_IT) from None

    def _check_header(self, header: list[str] | None) -> None:
        if header is None:
            self._lines_read = 1
            raise self._bad("the file is empty", FETCH_AGAIN)
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise self._bad(f"missing column: {', '.join(missing)}", CORRECT_IT)
        if len(set(header)) < len(header):
            raise self._bad("a column stands there twice", CORRECT_IT)

    def _departure(self, header: list[str], cells: list[str]) -> Departure:
        if len(cells) != len(header):
            raise self._bad(f"{len(cells)} cells under {len(header)} columns", CORRECT_IT)
        texts = dict(zip(header, cells, strict=True))
        row = {}
        for name, read in COLUMNS.items():
            try:
                row[name] = read(texts[name])
            except ValueError as error:
                raise self._bad(f"{name} is {texts[name][:40]!r}, which {error}", CORRECT_IT) from None
        if (row["year"], row["month"], row["day"]) != (self._day.year, self._day.month, self._day.day):
            found = f"{row['year']:04}-{row['month']:02}-{row['day']:02}"
            raise self._bad(f"a departure of {found} in the file of {self._day}", FETCH_AGAIN)
        if (row["dep_time"] is None) != (row["dep_delay"] is None):
            raise self._bad("dep_time and dep_delay must both be there, or both be NA", CORRECT_IT)
        return Departure(
            carrier=row["carrier"],
            origin=row["origin"],
            destination=row["dest"],
            distance=row["distance"],
            delay=row["dep_delay"],
            arrival_delay=row["arr_delay"],
        )

    def _bad(self, reason: str, advice: str) -> BadInput:
        return BadInput(reason, advice, file=self._name, line=self._lines_read)
