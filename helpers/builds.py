"""Builds: started, followed phase by phase with their log, and what failed in them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from . import live, show, stacks
from .errors import BuildFailed, Interrupted, NameUnknown, StillWorking
from .live import Line, Step
from .session import Session, verb
from .show import Status, Table, Text

LAST_LINES = 12
_FAILED_COMMAND = "Command did not exit successfully"
_STAMP = re.compile(
    r"^(\[Container\]) \d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)? "
)  # CodeBuild's, on its own lines


@dataclass(frozen=True)
class Phase:
    """A phase of a build; `message` says why it failed."""

    name: str
    status: str
    seconds: int | None
    message: str = ""


@dataclass(frozen=True)
class Build(show.Noun):
    """A build as it was when a verb returned it; `log` are its last lines."""

    id: str
    status: str
    source_version: str
    phases: tuple[Phase, ...]
    log_group: str | None
    log_stream: str | None
    log: tuple[str, ...] = ()

    @property
    def failed(self) -> Phase | None:
        """The first phase that failed."""
        return next((p for p in self.phases if p.status in ("FAILED", "FAULT", "TIMED_OUT", "STOPPED")), None)

    @property
    def command(self) -> str:
        """The command that failed, as CodeBuild names it."""
        found = (
            re.search(r"executing command: (.*?)\.? Reason:", self.failed.message, re.S)
            if self.failed
            else None
        )
        return found[1] if found else ""

    def _view(self) -> Iterator[show.Block]:
        yield Text(f"Build · {Status(self.status)}", title=True)
        if self.phases:
            rows = [(p.name, Status(p.status), p.message) for p in self.phases]
            yield Table(("Phase", "Status", "Reason"), rows)
        if self.failed and self.log:
            yield show.Log(self.log, "The log's last lines")


@verb
def start_build(session: Session) -> Build:
    """Start the build project on the branch's newest commit, without a pipeline. follow_build follows it."""
    project = stacks.exported_value(session, "BuildProjectName")
    return _build(session.client("codebuild").start_build(projectName=project)["build"])


@verb
def follow_build(
    session: Session,
    build: Build | str,
    *,
    poll_seconds: float | None = None,
    timeout_minutes: float = 60,
) -> Build:
    """Follow a build's phases and log live to its end. Raises BuildFailed, StillWorking or Interrupted."""
    build_id = build.id if isinstance(build, Build) else build
    poll = session.poll_seconds if poll_seconds is None else poll_seconds
    deadline = time.monotonic() + timeout_minutes * 60
    try:
        done = live.draw(
            follow(session, build_id, poll, deadline), "Build", ("Phase", "", "Status", "Reason")
        )
    except KeyboardInterrupt:
        raise Interrupted(
            "Stopped watching; the build goes on.", "follow_build(session, build) follows it."
        ) from None
    if done.status != "SUCCEEDED":
        raise failure(done)
    return done


def follow(session: Session, build_id: str, poll: float, deadline: float, prefix: str = "") -> live.Events:
    """Yield a build's phases and log lines until it ends; returns the finished Build."""
    said: dict[str, str] = {}
    lines: list[str] = []
    reader = LogReader(session)
    while True:
        build = _get(session, build_id)
        for phase in build.phases:
            if said.get(phase.name) != phase.status:
                said[phase.name] = phase.status
                yield Step(f"{prefix}{phase.name}", phase.status, note=phase.message)
        ended = build.status != "IN_PROGRESS"
        for line in reader.read(build.log_group, build.log_stream, to_the_end=ended):
            lines.append(_STAMP.sub(r"\1 ", line))
            yield Line(lines[-1])
        if ended:
            return _with_log(build, lines)
        if time.monotonic() > deadline:
            raise StillWorking(
                "The build still runs; the time to wait is over.", "follow_build(session, build) goes on."
            )
        yield from live.pause(poll)


class LogReader:
    """Reads a log stream from where it stopped the last time."""

    def __init__(self, session: Session) -> None:
        self.logs, self.token, self.patience = session.client("logs"), None, 0 if session.sandbox else 5

    def read(self, group: str | None, stream: str | None, to_the_end: bool = False) -> Iterator[str]:
        """New lines. `to_the_end`: the writer has stopped; CloudWatch may still be a few seconds behind."""
        while group and stream:
            where: dict[str, Any] = {"nextToken": self.token} if self.token else {}
            try:
                page = self.logs.get_log_events(
                    logGroupName=group, logStreamName=stream, startFromHead=True, **where
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                page = {"events": [], "nextForwardToken": self.token}
            yield from (event["message"].rstrip("\n") for event in page["events"])
            at_end, self.token = page["nextForwardToken"] == self.token, page["nextForwardToken"]
            if page["events"] or (self.token and not at_end):
                continue
            if not to_the_end or self.patience <= 0:
                return
            self.patience -= 1
            time.sleep(1)


def failure(build: Build) -> BuildFailed:
    """The error that says in which phase a build failed, at which command, with the last lines of its log."""
    return BuildFailed(f"The build ended in {build.status}{sentence(build)}", advice(build), *details(build))


def sentence(build: Build) -> str:
    """` in phase BUILD at the command …: reason`, and the log's last lines."""
    phase = build.failed
    if phase is None:
        return "."
    at = f" at `{build.command}`" if build.command else ""
    why = phase.message.rpartition("Reason: ")[2] or "no reason given"
    tail = "".join(f"\n    {line}" for line in build.log)
    return f" in phase {phase.name}{at}: {why}." + (f" The log ends:{tail}" if tail else "")


def advice(build: Build) -> str:
    if re.search(r"Cannot connect to the Docker daemon", "\n".join(build.log)):
        return "A Docker build needs PrivilegedMode: true: explain(session, 'build', 'PrivilegedMode')."
    if build.failed and "YAML_FILE_ERROR" in build.failed.message:
        return "Correct buildspec.yml in the root of the repository, and commit it."
    if build.failed and build.failed.name == "POST_BUILD":
        return "Mend it and commit again; images(session) shows what was pushed before it failed."
    return "Mend it and commit again; nothing was pushed, so production still runs the image it ran before."


def details(build: Build) -> tuple[str, str, tuple[str, ...]]:
    return (build.failed.name if build.failed else "", build.command, build.log)


def _get(session: Session, build_id: str) -> Build:
    found = session.client("codebuild").batch_get_builds(ids=[build_id])["builds"]
    if not found:
        raise NameUnknown(f"There is no build {build_id}.", "start_build(session) starts one.")
    return _build(found[0])


def _build(raw: dict[str, Any]) -> Build:
    logs = raw.get("logs") or {}
    phases = tuple(
        Phase(
            p["phaseType"],
            p.get("phaseStatus", "IN_PROGRESS"),
            p.get("durationInSeconds"),
            " ".join(
                f"{c.get('statusCode', '')}: {c['message']}".lstrip(": ")
                for c in p.get("contexts", ())
                if c.get("message")
            ),
        )
        for p in raw.get("phases", ())
        if p["phaseType"] != "COMPLETED"
    )
    version = raw.get("resolvedSourceVersion") or raw.get("sourceVersion") or ""
    return Build(
        raw["id"], raw["buildStatus"], version, phases, logs.get("groupName"), logs.get("streamName")
    )


def finished(session: Session, build_id: str) -> Build:
    """A build as it is now, with its log's last lines."""
    build = _get(session, build_id)
    return _with_log(build, list(LogReader(session).read(build.log_group, build.log_stream)))


def _with_log(build: Build, lines: list[str]) -> Build:
    kept = [_STAMP.sub(r"\1 ", line) for line in lines if line.strip()]
    failed = [i for i, line in enumerate(kept) if _FAILED_COMMAND in line]
    kept = kept[: failed[-1] + 1 if failed else None][
        -LAST_LINES:
    ]  # what comes after it is no longer the cause
    return Build(
        build.id,
        build.status,
        build.source_version,
        build.phases,
        build.log_group,
        build.log_stream,
        tuple(kept),
    )
