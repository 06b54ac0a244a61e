"""From a commit to a pushed image: the pipeline's executions, followed stage by stage and line by line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from . import builds, live, registry, show, stacks
from .errors import Interrupted, NameUnknown, NotReady, PipelineFailed, StillWorking
from .live import Note, Step
from .session import Session, verb
from .show import Status, Table, Text
from .source import Commit

COLUMNS = ("Stage · action", "", "Status", "Note")
SECONDS_TO_BEGIN = 300  # an event starts a pipeline within seconds, polling within some minutes
ENDED = {"Succeeded", "Failed", "Stopped", "Superseded", "Cancelled"}


@dataclass(frozen=True)
class Action:
    """An action of a stage; `build_id` is the build that CodeBuild made of it."""

    stage: str
    name: str
    status: str
    message: str = ""
    build_id: str | None = None


@dataclass(frozen=True)
class PipelineExecution(show.Noun):
    """A run of the pipeline as it was when a verb returned it; `image` is what its build pushed."""

    id: str
    status: str
    revision: str
    actions: tuple[Action, ...]
    image: registry.Image | None = None

    @property
    def stages(self) -> dict[str, str]:
        """Stage → its status, from its actions: the one that is not done decides."""
        result: dict[str, str] = {}
        for action in self.actions:
            if result.get(action.stage, "Succeeded") == "Succeeded":
                result[action.stage] = action.status
        return result

    def _view(self) -> Iterator[show.Block]:
        of = f" of `{registry.version_tag(self.revision)}`" if self.revision else ""
        yield Text(f"Pipeline execution{of} · {Status(self.status)}", title=True)
        rows = [(a.stage, a.name, Status(a.status), a.message) for a in self.actions]
        yield Table(("Stage", "Action", "Status", "Note"), rows)
        if self.image:
            yield Text(f"Pushed: `{', '.join(self.image.tags)}`, digest `{self.image.digest[:19]}…`")


@verb
def follow_pipeline(
    session: Session,
    execution: PipelineExecution | Commit | str | None = None,
    *,
    poll_seconds: float | None = None,
    timeout_minutes: float = 60,
) -> PipelineExecution:
    """Follow the pipeline live, from the commit to the pushed image: stages, actions, phases, log lines.

    `execution` may be one (or its id), a Commit, whose execution is then awaited, or None for the newest.
    A newer commit supersedes an execution that still waits: that is a result, with status "Superseded".
    Raises PipelineFailed with the build's phase, command and last log lines; StillWorking; Interrupted.
    """
    poll = session.poll_seconds if poll_seconds is None else poll_seconds
    deadline = time.monotonic() + timeout_minutes * 60
    name = stacks.exported_value(session, "PipelineName")
    try:
        done, build = live.draw(
            _follow(session, name, execution, poll, deadline), f"Pipeline {name}", COLUMNS
        )
    except KeyboardInterrupt:
        raise Interrupted(
            "Stopped watching; the pipeline goes on.", "follow_pipeline(session) follows it."
        ) from None
    if done.status == "Failed":
        raise _failure(done, build)
    return done


@verb
def start_pipeline(session: Session) -> PipelineExecution:
    """Release the newest revision again, without a commit. follow_pipeline(session, execution) follows it."""
    name = stacks.exported_value(session, "PipelineName")
    started = session.client("codepipeline").start_pipeline_execution(name=name)["pipelineExecutionId"]
    return PipelineExecution(started, "InProgress", "", ())


@verb
def retry(session: Session, execution: PipelineExecution | str | None = None) -> PipelineExecution:
    """Try the failed stage of an execution (the newest) again and follow it, when no commit mends it."""
    client = session.client("codepipeline")
    name = stacks.exported_value(session, "PipelineName")
    execution_id = _id(execution) or _newest(session, name)
    if execution_id is None:
        raise NotReady("The pipeline has not run yet.", "start_pipeline(session) or a commit starts it.")
    failed = [a for a in _read(session, name, execution_id).actions if a.status == "Failed"]
    if not failed:
        raise NotReady(
            "Nothing failed in this execution.", "start_pipeline(session) runs the pipeline again."
        )
    client.retry_stage_execution(
        pipelineName=name,
        stageName=failed[0].stage,
        pipelineExecutionId=execution_id,
        retryMode="FAILED_ACTIONS",
    )
    return follow_pipeline(session, execution_id)


def _follow(
    session: Session,
    pipeline: str,
    wanted: PipelineExecution | Commit | str | None,
    poll: float,
    deadline: float,
) -> live.Events:
    """Returns the execution at its end and the build in it, if it came to one."""
    execution_id = yield from _begun(session, pipeline, wanted, poll, deadline)
    for stage, action in _declared(session, pipeline):
        yield Step(f"{stage} · {action}", live.WAITING)
    said: dict[tuple[str, str], Action] = {}
    followed: set[str] = set()
    build: builds.Build | None = None
    while True:
        execution = _read(session, pipeline, execution_id)
        for action in execution.actions:
            if said.get((action.stage, action.name)) != action:
                said[action.stage, action.name] = action
                yield Step(f"{action.stage} · {action.name}", action.status, note=action.message)
            if action.build_id and action.build_id not in followed:
                followed.add(action.build_id)
                build = yield from builds.follow(
                    session, action.build_id, poll, deadline, f"{action.name} · "
                )
        if execution.status in ENDED:
            return _with_image(session, execution), build
        if time.monotonic() > deadline:
            raise StillWorking(
                "The pipeline still runs; the time to wait is over.",
                "follow_pipeline(session) goes on watching.",
            )
        yield from live.pause(poll)


def _begun(
    session: Session,
    pipeline: str,
    wanted: PipelineExecution | Commit | str | None,
    poll: float,
    deadline: float,
) -> live.Events:
    """The id of the execution to follow, once it has begun."""
    if isinstance(wanted, (PipelineExecution, str)):
        return _id(wanted)
    begin_by = min(deadline, time.monotonic() + SECONDS_TO_BEGIN)
    while True:
        for summary in _executions(session, pipeline):
            revisions = {r.get("revisionId") for r in summary.get("sourceRevisions", ())}
            if wanted is None or wanted.id in revisions:
                return summary["pipelineExecutionId"]
        if time.monotonic() > begin_by:
            raise StillWorking(
                "No execution of the pipeline has begun.",
                "ChangeRule starts it: resources(session, 'pipeline') shows whether it is there.",
            )
        yield Note("Waiting for the pipeline to begin.", passing=True)
        yield from live.pause(poll)


def refreshed(session: Session, execution_id: str) -> PipelineExecution:
    """An execution as it is now."""
    return _read(session, stacks.exported_value(session, "PipelineName"), execution_id)


def _read(session: Session, pipeline: str, execution_id: str) -> PipelineExecution:
    client = session.client("codepipeline")
    try:
        found = client.get_pipeline_execution(pipelineName=pipeline, pipelineExecutionId=execution_id)[
            "pipelineExecution"
        ]
    except ClientError as error:
        if error.response["Error"]["Code"] == "PipelineExecutionNotFoundException":
            raise NameUnknown(
                f"The pipeline has no execution {execution_id}.", "Leave it out for the newest."
            ) from None
        raise
    pages = client.get_paginator("list_action_executions").paginate(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution_id}
    )
    details = sorted(
        (d for page in pages for d in page["actionExecutionDetails"]), key=lambda d: d["startTime"]
    )
    latest = {
        (d["stageName"], d["actionName"]): _action(d) for d in details
    }  # a retry replaces the first try
    revisions = found.get("artifactRevisions") or [{}]
    return PipelineExecution(
        execution_id, found["status"], revisions[0].get("revisionId", ""), tuple(latest.values())
    )


def _action(detail: dict[str, Any]) -> Action:
    result = detail.get("output", {}).get("executionResult", {})
    failed = detail["status"] == "Failed"
    said = result.get("errorDetails", {}).get("message") or result.get("externalExecutionSummary") or ""
    is_build = detail.get("input", {}).get("actionTypeId", {}).get("provider") == "CodeBuild"
    return Action(
        detail["stageName"],
        detail["actionName"],
        detail["status"],
        said.split("\n")[0] if failed else "",
        result.get("externalExecutionId") if is_build else None,
    )


def _with_image(session: Session, execution: PipelineExecution) -> PipelineExecution:
    if execution.status != "Succeeded":
        return execution
    return replace(execution, image=registry.tagged(session, registry.version_tag(execution.revision)))


def _failure(execution: PipelineExecution, build: builds.Build | None) -> PipelineFailed:
    failed = next((a for a in execution.actions if a.status == "Failed"), None)
    where = (
        f"The pipeline failed in stage {failed.stage}, action {failed.name}"
        if failed
        else "The pipeline failed"
    )
    if build is None or build.status == "SUCCEEDED":
        reason = f": {failed.message}" if failed and failed.message else "."
        return PipelineFailed(f"{where}{reason}", "Mend the cause, then retry(session); nothing was pushed.")
    return PipelineFailed(f"{where}{builds.sentence(build)}", builds.advice(build), *builds.details(build))


def _declared(session: Session, pipeline: str) -> Iterator[tuple[str, str]]:
    for stage in session.client("codepipeline").get_pipeline(name=pipeline)["pipeline"]["stages"]:
        yield from ((stage["name"], action["name"]) for action in stage["actions"])


def _executions(session: Session, pipeline: str) -> list[dict[str, Any]]:
    """The newest executions first."""
    client = session.client("codepipeline")
    return client.list_pipeline_executions(pipelineName=pipeline, maxResults=20)["pipelineExecutionSummaries"]


def _newest(session: Session, pipeline: str) -> str | None:
    found = _executions(session, pipeline)
    return found[0]["pipelineExecutionId"] if found else None


def _id(execution: PipelineExecution | str | None) -> str | None:
    return execution.id if isinstance(execution, PipelineExecution) else execution
