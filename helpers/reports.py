"""The job's result: the delay report of a day, read from the data bucket."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import ClientError

from . import show, stacks
from .errors import ReportMissing
from .session import Session, verb


@dataclass(frozen=True)
class Report(show.Rows):
    """A day's report. `rows` are dicts, column → text, sorted; `text` is the CSV file as the job wrote it."""

    date: str
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    text: str

    def _view(self) -> Iterator[show.Block]:
        rows = [[row[name] for name in self.columns] for row in self.rows]
        yield show.Table(self.columns, rows, f"Delay report of {self.date}", "no departures that day")


@verb
def report(session: Session, date: str) -> Report:
    """The delay report of a day, as the job wrote it to S3. Raises ReportMissing with the days there are."""
    bucket = stacks.exported_value(session, "DataBucketName")
    s3 = session.client("s3")
    try:
        body = s3.get_object(Bucket=bucket, Key=f"reports/{date}.csv")["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="reports/")
        keys = [o["Key"] for page in pages for o in page.get("Contents", ()) if o["Key"].endswith(".csv")]
        days = ", ".join(key.removeprefix("reports/").removesuffix(".csv") for key in keys)
        raise ReportMissing(
            f"There is no report of {date}; there is {days or 'none yet'}.",
            f'upload_day(session, "{date}"), then run_task(session, {{"REPORT_DATE": "{date}"}}) makes it.',
        ) from None
    text = body.decode("utf-8")
    reader = csv.DictReader(io.StringIO(text))
    columns = tuple(reader.fieldnames or ())
    rows = sorted(reader, key=lambda row: [row[name] for name in columns[:2]])
    return Report(date, columns, tuple(rows), text)
