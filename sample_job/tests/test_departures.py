"""What is accepted as a day file, and what the error says when it is not one."""

from __future__ import annotations

import gzip
import io
import unittest
from datetime import date

from app.departures import LONGEST_LINE, DayFile, Departure
from app.errors import BadInput

from .days import CANCELLED, ON_TIME, late, packed, text


def read(content: bytes) -> list[Departure]:
    return list(DayFile(io.BytesIO(content), date(2013, 1, 1), "departures/2013-01-01.csv.gz"))


class AcceptedTest(unittest.TestCase):
    def test_a_departure(self):
        (flight,) = read(packed({**late(-3), "arr_delay": "12", "dest": "LAX", "distance": "2475"}))
        self.assertEqual((flight.carrier, flight.origin, flight.destination), ("UA", "JFK", "LAX"))
        self.assertEqual((flight.delay, flight.arrival_delay, flight.distance), (-3, 12, 2475))
        self.assertFalse(flight.cancelled)

    def test_no_departure_time_means_cancelled(self):
        (flight,) = read(packed(CANCELLED))
        self.assertTrue(flight.cancelled)
        self.assertIsNone(flight.delay)

    def test_columns_in_another_order_and_one_more(self):
        content = text(late(5), columns=["note", *reversed(ON_TIME)])
        (flight,) = read(gzip.compress(content.encode()))
        self.assertEqual(flight.delay, 5)

    def test_windows_line_ends(self):
        content = text(late(5)).replace("\n", "\r\n")
        (flight,) = read(gzip.compress(content.encode()))
        self.assertEqual(flight.delay, 5)


class RefusedTest(unittest.TestCase):
    def refused(self, content: bytes, line: int, *words: str) -> None:
        """Assert that reading ends in an error at this line whose reason has these words."""
        with self.assertRaises(BadInput) as caught:
            read(content)
        error = caught.exception
        self.assertEqual((error.file, error.line), ("departures/2013-01-01.csv.gz", line), error.reason)
        for word in words:
            self.assertIn(word, error.reason)
        self.assertTrue(error.advice)

    def test_nothing(self):
        self.refused(b"", 1, "empty")

    def test_nothing_packed(self):
        self.refused(gzip.compress(b""), 1, "empty")

    def test_a_header_alone(self):
        self.refused(packed(), 2, "no departures")

    def test_not_gzip(self):
        self.refused(text({}).encode(), 1, "gzip")

    def test_cut_off(self):
        content = packed(*[late(minutes) for minutes in range(300)])
        self.refused(content[:-8], 302, "cut off")  # the header, 300 rows, and an end that is not there

    def test_a_damaged_check_sum(self):
        content = bytearray(packed({}))
        content[-8] ^= 1
        self.refused(bytes(content), 3, "damaged")

    def test_each_missing_column(self):
        for name in ON_TIME:
            with self.subTest(name):
                rest = [column for column in ON_TIME if column != name]
                self.refused(gzip.compress(text({}, columns=rest).encode()), 1, "missing column", name)

    def test_a_column_twice(self):
        content = text({}, columns=[*ON_TIME, "carrier"])
        self.refused(gzip.compress(content.encode()), 1, "twice")

    def test_text_in_each_number(self):
        numbers = [name for name, cell in ON_TIME.items() if cell.isdigit()]
        self.assertGreater(len(numbers), 10)
        for name in numbers:
            with self.subTest(name):
                self.refused(packed({}, {name: "soon"}), 3, name, "'soon'", "whole number")

    def test_numbers_that_only_python_would_take(self):
        for cell in ("1_0", " 1", "+1", "1.0", "٣", "nan", "1e3", "12345"):
            with self.subTest(cell):
                self.refused(packed({}, late(1), {"dep_delay": cell}), 4, "dep_delay")

    def test_a_missing_number_that_has_to_be_there(self):
        self.refused(packed({"distance": "NA"}), 2, "distance")

    def test_codes(self):
        for name, cell in (("carrier", "United"), ("carrier", ""), ("origin", "jfk"), ("dest", "NA")):
            with self.subTest(name):
                self.refused(packed({name: cell}), 2, name)

    def test_a_departure_without_a_delay(self):
        self.refused(packed({"dep_delay": "NA"}), 2, "dep_time and dep_delay")

    def test_another_day(self):
        self.refused(packed({}, {}, {"day": "2"}), 4, "2013-01-02")

    def test_a_cell_too_few(self):
        content = text({}) + "2013,1,1\n"
        self.refused(gzip.compress(content.encode()), 3, "3 cells under 19 columns")

    def test_a_quote_that_never_ends(self):
        content = text({}) + '"2013,1,1\n' + "x\n" * 10
        self.refused(gzip.compress(content.encode()), 13, "CSV")

    def test_not_text(self):
        content = text({}).encode() + b"\xff\xfe\n"
        self.refused(gzip.compress(content), 3, "UTF-8")

    def test_a_line_without_end(self):
        content = text({}).encode() + b"0" * (LONGEST_LINE + 1)
        self.refused(gzip.compress(content), 3, "longer than")
