"""Why something went wrong: what happened, its cause, and the evidence, or that the cause is not known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import builds, launch, pipelines, show, stacks, tasks
from .errors import NameUnknown
from .session import Session, verb
from .show import Text

UNKNOWN = "not known; the evidence below is all there is"
# What the service says → (what it means, what to do).
# Source: Amazon ECS developer guide, "Amazon ECS stopped tasks error messages"; checked 2026-11-23.
_TASK_SIGNS = (
    (
        r"CannotPullContainerError.*(not found|does not exist|manifest)",
        "the registry has no image under the tag that the task definition asks for",
        "ensure_image(session) builds and pushes it; explain(session, 'task', 'ImageTag') shows which tag.",
    ),
    (
        r"CannotPullContainerError",
        "the task could not fetch its image from the registry",
        "Look at the way from the subnets to ECR and S3, and at the execution role's right to pull.",
    ),
    (
        r"ResourceInitializationError.*(logger|log group|awslogs)",
        "the task could not write to its log group",
        "Look at the log group's name and at the execution role's right to write to it.",
    ),
    (
        r"ResourceInitializationError",
        "the task could not be prepared: it did not reach a service it needs before it starts",
        "Look at the way from the subnets to ECR and Logs: endpoints, private DNS, security groups.",
    ),
    (
        r"OutOfMemory",
        "the job needed more memory than the task definition gives it",
        "Give it more: deploy(session, 'task', {'Memory': …}). explain(session, 'task', 'Memory') says what.",
    ),
)


@dataclass(frozen=True)
class Diagnosis(show.Noun):
    """What happened to `thing`, the `cause`, and the `evidence`. `known` False: the cause is not known."""

    thing: str
    what: str
    cause: str
    evidence: tuple[str, ...] = ()
    next_step: str = ""
    healthy: bool = False

    @property
    def known(self) -> bool:
        return self.cause != UNKNOWN

    def _view(self) -> Iterator[show.Block]:
        yield Text(f"{self.thing}: {self.what}", title=True)
        if not self.healthy:
            yield Text(f"Cause: {self.cause}.")
        if self.evidence:
            yield show.Log(self.evidence, "Evidence")
        if self.next_step:
            yield Text(f"Next: {self.next_step}")


@verb
def why(
    session: Session, thing: stacks.Stack | tasks.Task | pipelines.PipelineExecution | builds.Build | str
) -> Diagnosis:
    """What went wrong with a stack, a task, a pipeline execution or a build: one sentence, with the evidence.

    A stack may be given by its name. Where the cause is not known, the diagnosis says so; where nothing is
    wrong, too.
    """
    if isinstance(thing, tasks.Task):
        return _task(session, tasks.read_task(session, thing.arn))
    if isinstance(thing, builds.Build):
        return _build(builds.finished(session, thing.id))
    if isinstance(thing, pipelines.PipelineExecution):
        return _execution(session, thing)
    if isinstance(thing, (str, stacks.Stack)):
        return _stack(session, stacks.full_name(session, thing))
    raise NameUnknown(
        f"why cannot look into {type(thing).__name__}.",
        "Give it what deploy, run_task, follow_pipeline or start_build returned, or a stack's name.",
    )


def _stack(session: Session, name: str) -> Diagnosis:
    found = stacks.find(session, name)
    if found is None:
        return Diagnosis(
            name, "it is not deployed", "nobody has deployed it, or it was deleted", next_step="deploy it."
        )
    status = found["StackStatus"]
    last = _last_operation(stacks.read_events(session, found["StackId"]), name)
    first = launch.first_failure(last, name)
    if status in launch.DEPLOYED:
        return Diagnosis(name, f"nothing is wrong, it is in {status}", "none", healthy=True)
    if first is None and status.endswith("_IN_PROGRESS"):
        return Diagnosis(
            name, f"it is still at work ({status}) and nothing has failed so far", "none", healthy=True
        )
    if first is None:
        told = next((e.reason for e in last if "ROLLBACK_IN_PROGRESS" in e.status and e.reason), "")
        cause = told.removesuffix(" Rollback requested by user.").rstrip(".") or UNKNOWN
        return Diagnosis(name, f"it is in {status}", cause, (told,), launch.advice(session, name, told))
    told = launch.plain_reason(first.reason).rstrip(".")
    cause = f"{first.resource} ({first.type}) could not be made or changed: {told}"
    return Diagnosis(
        name, f"it is in {status}", cause, _said(last), launch.advice(session, name, first.reason)
    )


def _last_operation(events: Sequence[stacks.StackEvent], stack: str) -> Sequence[stacks.StackEvent]:
    """The events since somebody last asked for something: CloudFormation marks that one "User Initiated"."""
    begun = [i for i, e in enumerate(events) if e.resource == stack and e.reason == "User Initiated"]
    return events[begun[-1] :] if begun else events


def _said(events: Sequence[stacks.StackEvent]) -> tuple[str, ...]:
    return tuple(f"{e.resource}: {e.status}: {e.reason}" for e in events if e.status.endswith("FAILED"))


def _task(session: Session, task: tasks.Task) -> Diagnosis:
    name = "The task"
    if task.status != "STOPPED":
        return Diagnosis(name, f"it is {task.status} and has not ended", "none", healthy=True)
    if task.succeeded:
        return Diagnosis(name, "nothing is wrong, it ended with exit code 0", "none", healthy=True)
    lines = tuple(builds.LogReader(session).read(task.log_group, task.log_stream, to_the_end=True))
    last = lines[-builds.LAST_LINES :]
    evidence = ((f"stoppedReason: {task.reason}",) if task.reason else ()) + last
    what = "it never started" if task.exit_code is None else f"it ended with exit code {task.exit_code}"
    for pattern, cause, next_step in _TASK_SIGNS:
        if re.search(pattern, task.reason, re.DOTALL):
            return Diagnosis(name, what, cause, evidence, next_step)
    said, advice = _own_words(last)
    if said:
        return Diagnosis(name, what, f"the job itself says {said.rstrip('.')}", evidence, advice)
    return Diagnosis(name, what, UNKNOWN, evidence)


def _own_words(lines: Sequence[str]) -> tuple[str, str]:
    """What the job, or Python, says about the error in its last words, and what it advises."""
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if isinstance(entry, dict):
            error = entry.get("error") or entry.get("exception")
            if error or str(entry.get("level", "")).lower() in ("error", "critical"):
                reason = entry.get("reason") or entry.get("message")
                parts = [error, reason, entry.get("file"), entry.get("line") and f"line {entry['line']}"]
                return ", ".join(str(part) for part in parts if part), str(entry.get("advice", ""))
        elif re.match(r"\w+(\.\w+)*(Error|Exception|Exit|Interrupt)\b", line.strip()):
            return line.strip(), "Mend it, and run the day again."
    return "", ""


def _execution(session: Session, execution: pipelines.PipelineExecution) -> Diagnosis:
    execution = pipelines.refreshed(session, execution.id)
    name = "The pipeline execution"
    if execution.status == "Succeeded":
        return Diagnosis(name, "nothing is wrong, it succeeded", "none", healthy=True)
    if execution.status == "InProgress":
        return Diagnosis(name, "it still runs and nothing has failed so far", "none", healthy=True)
    if execution.status == "Superseded":
        return Diagnosis(
            name, "it was superseded", "a newer commit came while it waited, and went first", healthy=True
        )
    failed = next((a for a in execution.actions if a.status == "Failed"), None)
    if failed is None:
        return Diagnosis(name, f"it ended as {execution.status}", UNKNOWN)
    what = f"it failed in stage {failed.stage}, action {failed.name}"
    if failed.build_id:
        inner = _build(builds.finished(session, failed.build_id))
        return Diagnosis(name, what, inner.cause, inner.evidence, inner.next_step)
    if not failed.message:
        return Diagnosis(name, what, UNKNOWN)
    return Diagnosis(name, what, failed.message.rstrip("."), next_step="Mend it, then retry(session).")


def _build(build: builds.Build) -> Diagnosis:
    name = "The build"
    if build.status in ("SUCCEEDED", "IN_PROGRESS"):
        said = "nothing is wrong, it succeeded" if build.status == "SUCCEEDED" else "it still runs"
        return Diagnosis(name, said, "none", healthy=True)
    if build.failed is None:
        return Diagnosis(name, f"it ended in {build.status}", UNKNOWN, build.log)
    at = f"the command `{build.command}` failed" if build.command else build.failed.message.rstrip(".")
    what = f"it ended in {build.status} in phase {build.failed.name}"
    return Diagnosis(name, what, at or UNKNOWN, build.log, builds.advice(build))
