"""The figures. Columns are asked for by name, so a new column breaks nothing, and a wrong figure does."""

from __future__ import annotations

import csv
import io
import unittest
from datetime import date

from app.departures import DayFile
from app.report import as_csv, summarize

from .days import CANCELLED, late, packed


def report(*rows: dict[str, str]) -> list[dict[str, str]]:
    """The report of a day with these rows, as a reader of the CSV file sees it."""
    flights = DayFile(io.BytesIO(packed(*rows)), date(2013, 1, 1), "test")
    return list(csv.DictReader(io.StringIO(as_csv(summarize(flights)).decode())))


class FiguresTest(unittest.TestCase):
    def test_flights_counts_all_and_cancellations_those_that_never_left(self):
        (row,) = report({}, late(30), CANCELLED)
        self.assertEqual((row["flights"], row["cancellations"]), ("3", "1"))

    def test_the_mean_is_over_the_flights_that_left(self):
        (row,) = report(late(10), late(-5), CANCELLED, late(20))
        self.assertEqual(row["mean_departure_delay"], "8.33")

    def test_a_mean_that_rounds_to_zero_has_no_sign(self):
        (row,) = report(late(-1), *[late(0)] * 299)
        self.assertEqual(row["mean_departure_delay"], "0.00")

    def test_p90_of_ten_is_the_ninth(self):
        (row,) = report(*[late(minutes) for minutes in (100, 9, 8, 7, 6, 5, 4, 3, 2, 1)])
        self.assertEqual(row["p90_departure_delay"], "9")

    def test_p90_of_eleven_is_the_tenth(self):
        (row,) = report(*[late(minutes) for minutes in range(11)])
        self.assertEqual(row["p90_departure_delay"], "9")

    def test_p90_of_one_is_that_one(self):
        (row,) = report(late(-7))
        self.assertEqual(row["p90_departure_delay"], "-7")

    def test_without_a_departure_there_is_no_delay(self):
        (row,) = report(CANCELLED, CANCELLED)
        self.assertEqual((row["mean_departure_delay"], row["p90_departure_delay"]), ("", ""))
        self.assertEqual(row["cancellations"], "2")


class RowsTest(unittest.TestCase):
    def test_a_row_for_each_carrier_and_origin_in_order(self):
        places = [("UA", "LGA"), ("AA", "LGA"), ("UA", "JFK"), ("UA", "LGA")]
        rows = report(*[{"carrier": carrier, "origin": origin} for carrier, origin in places])
        found = [(row["carrier"], row["origin"], row["flights"]) for row in rows]
        self.assertEqual(found, [("AA", "LGA", "1"), ("UA", "JFK", "1"), ("UA", "LGA", "2")])

    def test_the_order_of_the_flights_does_not_matter(self):
        flights = [late(1), late(50), CANCELLED, {"carrier": "AA"}]
        self.assertEqual(report(*flights), report(*reversed(flights)))

    def test_every_row_has_every_column(self):
        for row in report(late(1), {"carrier": "AA", **CANCELLED}):
            self.assertNotIn(None, row.values())
