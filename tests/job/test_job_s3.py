"""The job on S3: against moto's server, and against one that answers as S3 does when things go wrong."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from .runs import DAY, Place, Run, run_job

DEPARTURES, REPORT = f"departures/{DAY}.csv.gz", f"reports/{DAY}.csv"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # takes long to import, and every process collects this file

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str):
    keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    return boto3.client("s3", endpoint_url=endpoint, region_name="eu-west-1", **keys)


@pytest.fixture
def bucket(s3, tmp_path: Path, good_day: bytes) -> str:
    """A bucket of the test's own, with the day in it."""
    name = tmp_path.name.replace("_", "-")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=name, Key=DEPARTURES, Body=good_day)
    return name


def run_on_s3(endpoint: str, bucket: str, *arguments: str) -> Run:
    """Run the job as the task definition and the schedule do: with its environment alone."""
    return run_job(
        *arguments,
        REPORT_DATE=DAY,
        DATA_BUCKET=bucket,
        AWS_ENDPOINT_URL=endpoint,
        AWS_ACCESS_KEY_ID="sandbox",
        AWS_SECRET_ACCESS_KEY="sandbox",
        AWS_REGION="eu-west-1",
    )


def content(s3, bucket: str, key: str) -> bytes:
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def keys(s3, bucket: str) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_from_bucket_to_bucket(endpoint: str, s3, bucket: str, place: Place):
    run = run_on_s3(endpoint, bucket)
    assert (run.code, run.stderr) == (0, "")
    assert run.events[0]["input"] == f"s3://{bucket}/{DEPARTURES}"
    assert run.last["file"] == f"s3://{bucket}/{REPORT}"
    assert keys(s3, bucket) == [DEPARTURES, REPORT]
    assert run_job(*place.arguments).code == 0
    assert content(s3, bucket, REPORT) == place.report.read_bytes()
    assert s3.head_object(Bucket=bucket, Key=REPORT)["ContentType"] == "text/csv; charset=utf-8"


def test_the_same_day_twice(endpoint: str, s3, bucket: str):
    run_on_s3(endpoint, bucket)
    first = content(s3, bucket, REPORT)
    run_on_s3(endpoint, bucket)
    assert content(s3, bucket, REPORT) == first


def test_under_a_prefix(endpoint: str, s3, bucket: str, good_day: bytes):
    s3.put_object(Bucket=bucket, Key=f"in/{DEPARTURES}", Body=good_day)
    places = ["--input", f"s3://{bucket}/in/", "--output", f"s3://{bucket}/out"]
    assert run_on_s3(endpoint, bucket, *places).code == 0
    assert f"out/{REPORT}" in keys(s3, bucket)


def test_a_late_file(endpoint: str, s3, bucket: str, good_day: bytes):
    s3.delete_object(Bucket=bucket, Key=DEPARTURES)
    run = run_on_s3(endpoint, bucket)
    assert (run.code, run.last["error"]) == (4, "InputMissing")
    assert run.last["file"] == f"s3://{bucket}/{DEPARTURES}"
    assert keys(s3, bucket) == []
    s3.put_object(Bucket=bucket, Key=DEPARTURES, Body=good_day)
    assert run_on_s3(endpoint, bucket).code == 0


def test_a_broken_file_leaves_the_older_report_whole(endpoint: str, s3, bucket: str, good_day: bytes):
    run_on_s3(endpoint, bucket)
    before = content(s3, bucket, REPORT)
    s3.put_object(Bucket=bucket, Key=DEPARTURES, Body=good_day[:-1])
    run = run_on_s3(endpoint, bucket)
    assert (run.code, run.last["line"]) == (3, 844)
    assert content(s3, bucket, REPORT) == before


def test_a_bucket_that_does_not_exist(endpoint: str):
    run = run_on_s3(endpoint, "no-such-bucket-here")
    assert (run.code, run.last["error"]) == (5, "StorageRefused")
    assert "NoSuchBucket" in run.last["reason"]
    assert "DATA_BUCKET" in run.last["advice"]


def test_nobody_answers(unused_port: int):
    run = run_on_s3(f"http://127.0.0.1:{unused_port}", "flights-data")
    assert (run.code, run.last["error"]) == (5, "StorageRefused")
    assert "network" in run.last["advice"]


DENIED = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"""


class Refusing(BaseHTTPRequestHandler):
    """S3 as the job sees it when its role may not do what `denied` names, or its connection breaks."""

    protocol_version = "HTTP/1.1"
    denied = ""
    day = b""
    breaks_after: int | None = None
    put: list[str]

    def do_GET(self):
        if self.denied == "GET":
            return self._deny()
        self._head(200, len(self.day))
        self.wfile.write(self.day[: self.breaks_after])
        self.close_connection = True

    def do_PUT(self):
        if self.denied == "PUT":
            return self._deny()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.put.append(self.path)
        self._head(200, 0)

    def _deny(self):
        self._head(403, len(DENIED))
        self.wfile.write(DENIED)
        self.close_connection = True

    def _head(self, status: int, length: int):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def refusing(**how) -> Iterator[tuple[str, list[str]]]:
    """Such a server: its address, and the paths that were put."""
    put: list[str] = []
    handler = type("Handler", (Refusing,), {**how, "put": put})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", put
        server.shutdown()


@pytest.mark.parametrize(("method", "file"), [("GET", DEPARTURES), ("PUT", REPORT)])
def test_a_role_that_may_not(method: str, file: str, good_day: bytes):
    with refusing(denied=method, day=good_day) as (endpoint, put):
        run = run_on_s3(endpoint, "flights-data")
    assert (run.code, run.last["error"]) == (5, "StorageRefused")
    assert run.last["file"] == f"s3://flights-data/{file}"
    assert "AccessDenied" in run.last["reason"]
    assert "task role" in run.last["advice"]
    assert put == []


def test_a_connection_that_breaks_is_not_the_end_of_the_file(good_day: bytes):
    with refusing(day=good_day, breaks_after=10_000) as (endpoint, put):
        run = run_on_s3(endpoint, "flights-data")
    assert (run.code, run.last["error"]) == (5, "StorageRefused")
    assert run.last["file"] == f"s3://flights-data/{DEPARTURES}"
    assert put == []


@pytest.fixture
def unused_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        return server.server_port
