"""The awslogs log driver: what a container prints becomes events in CloudWatch Logs, line by line.

Lines are sent in order by a thread of their own. It lets them gather for a tenth of a second, as a container
prints many lines in one go and a request costs more than a line. As with `mode: blocking`, nothing is lost:
a container that prints faster than its lines can be stored waits. (The driver's default since June 2025,
`non-blocking`, may lose lines; that is not simulated.) An empty line makes no event, as CloudWatch Logs has
none without a message.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .failures import sdk_error

logger = logging.getLogger(__name__)

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html (2026-11-23)
EVENT_OVERHEAD_BYTES = 26
MAX_EVENT_BYTES = 262_144 - EVENT_OVERHEAD_BYTES  # where Docker's driver cuts a line
MAX_BATCH_BYTES = 1_048_576
MAX_BATCH_EVENTS = 10_000
MAX_WAITING_BYTES = 10 * 1024 * 1024
MULTILINE_SECONDS = 1.0
GATHER_SECONDS = 0.1


class LoggerFailed(Exception):
    """The log stream cannot be made; the message stands after `failed to validate logger args: `."""


def open_stream(client: Any, options: dict[str, str], container: str, task_id: str) -> AwsLogs:
    """The log stream `prefix/container/task` of a container, made with the execution role's client.

    `options` are the task definition's. Raises LoggerFailed when the group is missing or the role may not.
    """
    group = options.get("awslogs-group", "")
    stream = f"{options['awslogs-stream-prefix']}/{container}/{task_id}"
    try:
        if options.get("awslogs-create-group") == "true":
            _unless_it_exists(client.create_log_group, logGroupName=group)
    except ClientError as error:
        raise LoggerFailed(_logger_args("group", error)) from error
    try:
        _unless_it_exists(client.create_log_stream, logGroupName=group, logStreamName=stream)
    except ClientError as error:
        raise LoggerFailed(_logger_args("stream", error)) from error
    return AwsLogs(client, group, stream, options.get("awslogs-multiline-pattern"))


def _logger_args(thing: str, error: ClientError) -> str:
    return (
        "create stream has been retried 1 times: failed to create Cloudwatch log "
        f"{thing}: {sdk_error('CloudWatch Logs', error)} : exit status 1"
    )


def _unless_it_exists(create: Any, **names: str) -> None:
    try:
        create(**names)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise


class AwsLogs:
    """One container's log stream. `write` takes a line, `close` returns when everything is stored."""

    def __init__(self, client: Any, group: str, stream: str, multiline_pattern: str | None = None) -> None:
        """With `multiline_pattern` an event begins at a line in which the pattern occurs."""
        self.group, self.stream = group, stream
        self._client = client
        self._begins = re.compile(multiline_pattern) if multiline_pattern else None
        self._waiting: list[tuple[int, str]] = []
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._gathering: list[str] = []
        self._gathering_since = 0.0
        self._thread = threading.Thread(target=self._send_all, name=f"logs {stream}", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Send a line; wait while too much of what came before is not stored yet."""
        with self._changed:
            if self._begins is None:
                self._add(line)
            else:
                if self._begins.search(line):
                    self._flush_gathered()
                if not self._gathering:
                    self._gathering_since = time.time()
                self._gathering.append(line)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._bytes < MAX_WAITING_BYTES)

    def close(self) -> None:
        """Store what is left."""
        with self._changed:
            self._flush_gathered()
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _flush_gathered(self) -> None:
        if self._gathering:
            self._add("\n".join(self._gathering), self._gathering_since)
            self._gathering = []

    def _add(self, message: str, moment: float | None = None) -> None:
        timestamp = int((time.time() if moment is None else moment) * 1000)
        for piece in pieces(message):
            self._waiting.append((timestamp, piece))
            self._bytes += _size(piece)

    def _send_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed, timeout=MULTILINE_SECONDS)
                if self._gathering and time.time() - self._gathering_since > MULTILINE_SECONDS:
                    self._flush_gathered()
                if self._waiting:
                    self._changed.wait_for(self._is_full, timeout=GATHER_SECONDS)
                batch = self._take()
                if not batch:
                    if self._closed:
                        return
                    continue
            self._send(batch)

    def _is_full(self) -> bool:
        """Whether there is nothing to wait for before the next request."""
        return self._closed or self._bytes > MAX_BATCH_BYTES

    def _take(self) -> list[tuple[int, str]]:
        """The first events that fit into one request."""
        count = size = 0
        for _, message in self._waiting[:MAX_BATCH_EVENTS]:
            size += _size(message)
            if size > MAX_BATCH_BYTES:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self._bytes = sum(_size(message) for _, message in self._waiting)
        self._changed.notify_all()
        return batch

    def _send(self, batch: list[tuple[int, str]]) -> None:
        events = [{"timestamp": timestamp, "message": message} for timestamp, message in batch]
        try:
            self._client.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=events)
        except (ClientError, BotoCoreError) as error:  # as Docker's driver does: say so, and go on
            logger.warning("%d log events of %s are lost: %s", len(events), self.stream, error)


def _size(message: str) -> int:
    return len(message.encode("utf-8", "replace")) + EVENT_OVERHEAD_BYTES


def pieces(message: str) -> list[str]:
    """A message as events of a size that CloudWatch Logs takes, cut between characters."""
    data = message.encode("utf-8", "replace")
    found = []
    while data:
        end = min(len(data), MAX_EVENT_BYTES)
        while end < len(data) and data[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        found.append(data[:end].decode("utf-8"))
        data = data[end:]
    return found
