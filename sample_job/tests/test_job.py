"""The whole job on a folder: exit codes, log lines, and what is written when."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from app.__main__ import main, read_options
from app.errors import BadArguments

from .days import late, packed


class JobTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.report = self.folder / "reports" / "2013-01-01.csv"

    def put(self, content: bytes) -> None:
        departures = self.folder / "departures"
        departures.mkdir(exist_ok=True)
        (departures / "2013-01-01.csv.gz").write_bytes(content)

    def run_job(self, *arguments: str) -> tuple[int, list[dict]]:
        """Run the job and return its exit code and its log."""
        places = ["--input", str(self.folder), "--output", str(self.folder)]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            code = main([*places, *(arguments or ["--date", "2013-01-01"])])
        return code, [json.loads(line) for line in out.getvalue().splitlines()]

    def test_a_good_day(self):
        self.put(packed(late(5), late(15)))
        code, log = self.run_job()
        self.assertEqual(code, 0)
        self.assertEqual([line["event"] for line in log], ["started", "read", "wrote"])
        self.assertEqual((log[-1]["date"], log[-1]["rows"]), ("2013-01-01", 2))
        self.assertTrue(
            all({"time", "seconds", "cpu_seconds", "peak_memory_mib"} <= set(line) for line in log)
        )
        (row,) = csv.DictReader(self.report.read_text().splitlines())
        self.assertEqual((row["carrier"], row["flights"], row["mean_departure_delay"]), ("UA", "2", "10.00"))

    def test_the_same_day_twice(self):
        self.put(packed(late(5), late(15)))
        self.run_job()
        first = self.report.read_bytes()
        self.run_job()
        self.assertEqual(self.report.read_bytes(), first)

    def test_a_broken_day_writes_nothing(self):
        self.put(packed({}, {"dep_delay": "soon"}))
        code, log = self.run_job()
        self.assertEqual((code, log[-1]["event"], log[-1]["line"]), (3, "failed", 3))
        self.assertTrue(log[-1]["file"].endswith("2013-01-01.csv.gz"))
        self.assertEqual(log[-1]["rows"], 1)
        self.assertFalse(self.report.parent.exists())

    def test_a_broken_day_leaves_the_older_report_whole(self):
        self.put(packed(late(5)))
        self.run_job()
        first = self.report.read_bytes()
        self.put(packed(late(5))[:-4])
        self.assertEqual(self.run_job()[0], 3)
        self.assertEqual(self.report.read_bytes(), first)

    def test_a_late_file(self):
        code, log = self.run_job()
        self.assertEqual((code, log[-1]["event"], log[-1]["error"]), (4, "failed", "InputMissing"))

    def test_a_place_that_cannot_be_written(self):
        self.put(packed({}))
        self.report.parent.write_text("a file where the folder should be")
        code, log = self.run_job()
        self.assertEqual((code, log[-1]["error"], log[-1]["file"]), (5, "StorageRefused", str(self.report)))

    def test_a_disk_that_fills_up_while_writing(self):
        self.put(packed({}))
        with mock.patch("pathlib.Path.replace", side_effect=OSError(28, "No space left on device")):
            code, log = self.run_job()
        self.assertEqual(code, 5)
        self.assertIn("No space left", log[-1]["reason"])
        self.assertEqual(list(self.report.parent.iterdir()), [])

    def test_a_bug_shows_its_traceback(self):
        self.put(packed({}))
        with mock.patch("app.__main__.summarize", side_effect=ZeroDivisionError("division by zero")):
            code, log = self.run_job()
        self.assertEqual((code, log[-1]["error"]), (1, "ZeroDivisionError"))
        self.assertIn("Traceback (most recent call last)", log[-1]["traceback"])


class OptionsTest(unittest.TestCase):
    def test_from_the_environment(self):
        options = read_options([], {"REPORT_DATE": "2013-02-08", "DATA_BUCKET": "flights-data"})
        self.assertEqual(options.day.isoformat(), "2013-02-08")
        self.assertEqual((options.input, options.output), ("s3://flights-data", "s3://flights-data"))

    def test_arguments_come_before_the_environment(self):
        arguments = ["--date", "2013-01-01", "--input", "data"]
        options = read_options(arguments, {"REPORT_DATE": "2013-02-08", "DATA_BUCKET": "flights-data"})
        self.assertEqual(options.day.isoformat(), "2013-01-01")
        self.assertEqual((options.input, options.output), ("data", "s3://flights-data"))

    def test_days_that_do_not_exist(self):
        for text in ("2013-02-30", "2013-13-01", "20130101", "2013-W01-1", "yesterday", "2013-1-1"):
            with self.subTest(text), self.assertRaisesRegex(BadArguments, text):
                read_options(["--date", text], {"DATA_BUCKET": "flights-data"})

    def test_what_is_missing(self):
        for environment in ({}, {"REPORT_DATE": "2013-01-01"}, {"DATA_BUCKET": "b"}, {"REPORT_DATE": ""}):
            with self.subTest(environment), self.assertRaises(BadArguments):
                read_options([], environment)

    def test_an_argument_that_is_not_known(self):
        with self.assertRaises(BadArguments):
            read_options(["--day", "2013-01-01"], {})
