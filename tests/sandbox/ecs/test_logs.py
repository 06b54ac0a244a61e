"""The awslogs driver: every line, in order, in events that CloudWatch Logs takes."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from helpers.sandbox.logs import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES, AwsLogs, pieces

from .ground import Ground


class Cloud:
    """Stands for CloudWatch Logs: keeps what it is sent, in the requests in which it came."""

    def __init__(self) -> None:
        self.requests: list[list[dict[str, Any]]] = []
        self.open = threading.Event()
        self.open.set()
        self.refuses = False

    def put_log_events(self, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]) -> None:
        self.open.wait(10)
        if self.refuses:
            raise ClientError(
                {"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "PutLogEvents"
            )
        self.requests.append(logEvents)

    @property
    def messages(self) -> list[str]:
        return [event["message"] for request in self.requests for event in request]


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_lines_arrive_in_order(cloud: Cloud) -> None:
    log = AwsLogs(cloud, "group", "stream")
    for number in range(25_000):
        log.write(f"line {number}")
    log.close()
    assert cloud.messages == [f"line {number}" for number in range(25_000)]
    assert max(map(len, cloud.requests)) <= MAX_BATCH_EVENTS
    times = [event["timestamp"] for request in cloud.requests for event in request]
    assert times == sorted(times)


def test_requests_stay_below_the_limit(cloud: Cloud) -> None:
    log = AwsLogs(cloud, "group", "stream")
    cloud.open.clear()
    for _ in range(30):
        log.write("x" * 100_000)
    cloud.open.set()
    log.close()
    sizes = [sum(len(event["message"]) + 26 for event in request) for request in cloud.requests]
    assert len(cloud.messages) == 30
    assert max(sizes) <= MAX_BATCH_BYTES


def test_who_prints_faster_than_logs_are_stored_waits(cloud: Cloud) -> None:
    log = AwsLogs(cloud, "group", "stream")
    cloud.open.clear()
    writer = threading.Thread(target=lambda: [log.write("x" * 200_000) for _ in range(100)])
    writer.start()
    writer.join(0.3)
    assert writer.is_alive()  # 20 MB do not fit
    cloud.open.set()
    writer.join(10)
    log.close()
    assert len(cloud.messages) == 100


@pytest.mark.parametrize("line", ["", "short", "x" * MAX_EVENT_BYTES, "ß" * 300_000, "é" + "日本" * 100_000])
def test_a_long_line_becomes_several_events(line: str) -> None:
    parts = pieces(line)
    assert "".join(parts) == line
    assert all(0 < len(part.encode()) <= MAX_EVENT_BYTES for part in parts)


def test_a_pattern_keeps_the_lines_of_one_event_together(cloud: Cloud) -> None:
    log = AwsLogs(cloud, "group", "stream", multiline_pattern=r"^\d{4}-")
    for line in ("2013-01-01 first", "  more", "  and more", "2013-01-02 second"):
        log.write(line)
    log.close()
    assert cloud.messages == ["2013-01-01 first\n  more\n  and more", "2013-01-02 second"]


def test_a_group_that_vanishes_does_not_stop_the_job(cloud: Cloud) -> None:
    cloud.refuses = True
    log = AwsLogs(cloud, "group", "stream")
    log.write("lost")
    log.close()
    assert cloud.messages == []


def test_all_that_a_job_prints_is_stored(ground: Ground) -> None:
    script = r"""
import sys
for number in range(3000):
    print("out", number)
    if number % 100 == 0:
        print("err", number, file=sys.stderr)
print("é日本\ttab")
print()
sys.stdout.flush()
sys.stdout.buffer.write(b"not utf-8: \xff\xfe\nlong " + b"x" * 300_000 + b"\nno newline at the end")
"""
    task = ground.ran(ground.define(ground.container(ground.image(script))))
    found = ground.output(task)
    expected = []
    for number in range(3000):
        expected += [f"out {number}"] if number % 100 else [f"out {number}", f"err {number}"]
    assert [line for line in found if line.startswith(("out ", "err "))] == expected
    rest = found[len(expected) :]
    assert rest[:2] == ["é日本\ttab", "not utf-8: \ufffd\ufffd"]
    assert "".join(rest[2:-1]) == "long " + "x" * 300_000
    assert rest[-1] == "no newline at the end"
