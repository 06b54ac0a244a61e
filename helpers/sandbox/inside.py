"""The sandbox's calls to itself, answered without going through a socket.

Pipelines, builds, tasks and schedules call the sandbox by boto3 with the credentials of their role, as AWS's
services would: more than half of all requests. botocore prepares and signs such a request, and before it is
sent, asks whether somebody has an answer (the event `before-send`). Here the application gives it, in the
same thread, from the same environment that the server would make of the request.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from http.client import HTTPMessage
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.moto_server.werkzeug_app import MotoRequestHandler


class _Request(MotoRequestHandler):
    """A request that came through no connection, as the server would hand it to the application."""

    def __init__(self, request: AWSPreparedRequest, server: Any) -> None:
        parts = urlsplit(request.url)
        self.server = server
        self.command = request.method
        self.path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        self.request_version = "HTTP/1.1"
        self.client_address = ("127.0.0.1", 0)
        self.connection = None
        self.headers = HTTPMessage()
        for name, value in request.headers.items():
            self.headers[_text(name)] = _text(value).lstrip(" \t")  # as they are read from a connection
        for name, value in (("Host", parts.netloc), ("Accept-Encoding", "identity")):  # as urllib3 adds them
            if name not in self.headers:
                self.headers[name] = value
        self.rfile = io.BytesIO()
        self.body = _body(request.body)
        if "Content-Length" not in self.headers and "Transfer-Encoding" not in self.headers and self.body:
            self.headers["Content-Length"] = str(len(self.body))

    def make_environ(self) -> dict[str, Any]:
        """As the server makes it; the body stands in it whole, whatever pieces it would be sent in."""
        environ = super().make_environ()
        environ["wsgi.input"] = io.BytesIO(self.body)
        return environ


class _Raw(io.BytesIO):
    """The body of an answer, as botocore reads it."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """All that is left."""
        yield self.read()


class Inside:
    """Answers botocore's requests by the application; give it to a client with `join`."""

    def __init__(self, application: Callable[..., Any], server: Any) -> None:
        """`server` is the one that would get the requests."""
        self._application = application
        self._server = server

    def join(self, client: Any) -> None:
        """Let the client's requests be answered here."""
        client.meta.events.register("before-send", self.answer)

    def answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """The application's answer to a request that is ready to be sent."""
        begun: list[Any] = []
        pieces: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            begun[:] = [int(status.split(None, 1)[0]), headers]
            return pieces.append

        body = self._application(_Request(request, self._server).make_environ(), start_response)
        try:
            pieces.extend(body)
        finally:
            if hasattr(body, "close"):
                body.close()
        content = b"" if request.method == "HEAD" else b"".join(pieces)
        code, headers = begun
        return AWSResponse(request.url, code, _joined(headers), _Raw(content))


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _body(body: Any) -> bytes:
    """The whole body of a request: text, bytes, a file, or pieces."""
    if body is None:
        return b""
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        return body.encode("utf-8")
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    return b"".join(body)


def _joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    """A header that is given more than once becomes one, as urllib3 reads it."""
    found: dict[str, str] = {}
    for name, value in headers:
        name = next((known for known in found if known.lower() == name.lower()), name)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
