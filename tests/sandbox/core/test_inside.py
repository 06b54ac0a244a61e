"""The sandbox answers its own calls without a socket, and exactly as it answers them through one."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from helpers.sandbox.inside import Inside
from helpers.sandbox.server import QuietHandler

OF_THE_WAY = {"REMOTE_PORT", "wsgi.input", "wsgi.errors", "werkzeug.socket", "werkzeug.request"}
LIST = b"<ListRolesResponse><ListRolesResult/></ListRolesResponse>"
OF_THE_SERVER = {"date", "server", "connection"}
OF_A_CALL = {"HTTP_AMZ_SDK_INVOCATION_ID", "HTTP_AMZ_SDK_REQUEST"}
CALLS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "rpc": lambda c: c["iam"].list_roles(PathPrefix="/a b/"),
    "json": lambda c: c["ecs"].list_tasks(cluster="ü"),
    "rest": lambda c: c["scheduler"].get_schedule(Name="a.b", GroupName="x/y"),
    "put": lambda c: c["s3"].put_object(
        Bucket="b", Key="a b/ü+%.csv", Body=b"\x00\xff" * 9, Metadata={"an_odd-name": "x", "other": " y "}
    ),
    "file": lambda c: c["s3"].put_object(Bucket="b", Key="k", Body=io.BytesIO(b"text" * 50_000)),
    "empty": lambda c: c["s3"].put_object(Bucket="b", Key="//k//", Body=b""),
    "upload": lambda c: c["s3"].upload_fileobj(io.BytesIO(b"1" * 3000), "b", "large"),
    "get": lambda c: c["s3"].get_object(Bucket="b", Key="k", Range="bytes=1-9")["Body"].read(3),
    "lines": lambda c: list(c["s3"].get_object(Bucket="b", Key="k")["Body"].iter_lines()),
    "head": lambda c: c["s3"].head_object(Bucket="b", Key="k"),
    "absent": lambda c: c["s3"].head_object(Bucket="b", Key="absent"),
    "refused": lambda c: c["ecs"].describe_clusters(clusters=["refused"]),
}


class Echo:
    """An application that keeps what it was given, and gives a fixed answer."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, Any], bytes]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        body = request.get_data()
        self.seen.append((dict(environ), body))
        if request.path.endswith("absent"):
            return Response(status=404)(environ, start_response)
        if b"refused" in body:
            refusal = b'{"__type": "AccessDenied", "message": "no"}'
            return Response(refusal, 400, mimetype="application/json")(environ, start_response)
        service = request.headers["Authorization"].partition("eu-west-1/")[2][:3] or "iam"
        if service == "s3/" and request.method in ("GET", "HEAD"):
            there = {"x-amz-meta-An_Odd": "1", "ETag": '"e"', "Content-Length": "8"}
            return Response(b"one\ntwo\n", 200, there)(environ, start_response)
        body = {"iam": LIST, "s3/": b""}.get(service, b"{}")
        answer = Response(body)
        answer.headers.add("x-twice", "a")
        answer.headers.add("x-twice", "b")
        return answer(environ, start_response)


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Echo, dict[str, Any], dict[str, Any]]]:
    """The application, clients whose requests are answered inside, and clients whose requests are sent."""
    echo = Echo()
    server = make_server("127.0.0.1", 0, echo, threaded=True, request_handler=QuietHandler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def clients() -> dict[str, Any]:
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, proxies={})
        session = boto3.Session("A" * 20, "secret", "token", "eu-west-1")
        endpoint = f"http://127.0.0.1:{server.port}"
        return {
            name: session.client(name, endpoint_url=endpoint, config=config)
            for name in ("iam", "ecs", "scheduler", "s3")
        }

    inside = clients()
    for client in inside.values():
        Inside(echo, server).join(client)
    yield echo, inside, clients()
    server.shutdown()
    server.server_close()


def said(call: Callable[..., Any], clients: dict[str, Any]) -> Any:
    """What a call returns or raises, without what differs from one call to the next."""
    try:
        answer = call(clients)
    except ClientError as error:
        answer = error.response
    if not isinstance(answer, dict):
        return answer
    about = answer.pop("ResponseMetadata")
    headers = {name: value for name, value in about["HTTPHeaders"].items() if name not in OF_THE_SERVER}
    return answer, about["HTTPStatusCode"], headers


@pytest.mark.parametrize("name", CALLS)
def test_requests_and_answers_are_the_same(both: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    echo, inside, outside = both
    moment = datetime(2026, 11, 30, 1, 2, 3)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment)
    echo.seen.clear()
    assert said(CALLS[name], inside) == said(CALLS[name], outside)
    ours, theirs = (
        ({key: value for key, value in environ.items() if key not in OF_THE_WAY | OF_A_CALL}, body)
        for environ, body in echo.seen
    )
    assert ours == theirs
    assert "Signature=" in ours[0]["HTTP_AUTHORIZATION"]
