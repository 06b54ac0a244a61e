"""Why a stack is not as it should be: the first resource that failed, in CloudFormation's own events."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .. import launch, stacks
from ..session import Session
from .access import Roles, denial, denied
from .nouns import Diagnosis, Finding, diagnosis, healthy
from .where import where

# What CloudFormation says → (the cause in a sentence, the template line as (stack, name, text), what to do).
# {0}, {1} … are the groups of the pattern. None as the stack means the stack itself, as a name the resource.
SIGNS: tuple[tuple[str, str, tuple[str | None, str | None, str], str], ...] = (
    (
        r"No Fargate configuration exists for given values: (.+?)\.",
        "Fargate sells no such pair of processor and memory: {0}",
        (None, None, "Memory:"),
        'explain(session, "task", "Cpu") shows them; deploy(session, "task", {{"Cpu": …, "Memory": …}}).',
    ),
    (
        r"Cannot delete export (\S+) as it is in use by (.+?)\.?$|"
        r"Export (\S+) cannot be (?:updated|deleted) as it is in use by (.+?)\.?$",
        "the export {0} is in use by {1}, and CloudFormation lets nobody take it away or change it",
        (None, "Outputs", "{0}"),
        "Delete the stacks that import it first, the last one first; then change it, and deploy them again.",
    ),
    (
        r"Export with name (\S+) is already exported by stack (\S+?)\.?$",
        "another stack, {1}, already exports the name {0}: an export's name exists once in a region",
        (None, "Outputs", "{0}"),
        "Give one of the two another project name, or delete the other stack.",
    ),
    (
        r"No export named (\S+) found",
        "no stack exports {0}, which the template imports",
        (None, None, "ImportValue"),
        "Deploy the stack that exports it first: overview(session) shows which are there.",
    ),
    (
        r"The bucket you tried to delete is not empty|bucket .*not empty",
        "the bucket is not empty, and CloudFormation deletes no bucket that holds anything",
        (None, None, ""),
        "Empty it, every version of every object, and delete the stack again; teardown(session) does both.",
    ),
    (
        r"(?i)code archive|\bzip\b.*(not|invalid|unable)|(not|invalid|unable).*\bzip\b",
        "CodeCommit could not read the ZIP that the repository starts from",
        (None, None, "Code:"),
        "upload_code(session) puts a right one there; then deploy the stack again.",
    ),
)
STUCK = {
    "ROLLBACK_COMPLETE": "its creation failed and was undone; a stack in this state can only be deleted",
    "ROLLBACK_FAILED": "its creation failed, and undoing it failed too; it can only be deleted",
    "DELETE_FAILED": "it could not be deleted",
    "UPDATE_ROLLBACK_COMPLETE": "its last update failed and was undone; it works as before",
    "UPDATE_ROLLBACK_FAILED": "its last update failed, and undoing it failed too",
}


def of_stack(session: Session, name: str) -> Diagnosis:
    """What happened to a stack, and why."""
    found = stacks.find(session, name)
    if found is None:
        return Diagnosis(
            name, "it is not deployed", "nobody has deployed it, or it was deleted", next_step="deploy it."
        )
    status = found["StackStatus"]
    last = last_operation(stacks.read_events(session, found["StackId"]), name)
    first = launch.first_failure(last, name)
    if status in launch.DEPLOYED:
        return healthy(name, f"nothing is wrong, it is in {status}")
    if first is None and status.endswith("_IN_PROGRESS"):
        return healthy(name, f"it is still at work ({status}) and nothing has failed so far")
    what = f"it is in {status}" + (f": {STUCK[status]}" if status in STUCK else "")
    if first is None:
        told = next((e.reason for e in last if "ROLLBACK_IN_PROGRESS" in e.status and e.reason), "")
        told = told.removesuffix(" Rollback requested by user.").rstrip(".")
        return diagnosis(name, what, _told(session, name, "", told) if told else (), _said(last))
    failed = [e for e in last if e.status.endswith("_FAILED") and e.resource != name]
    causes = [e for e in failed if not re.search(r"^Resource \w+ cancelled", e.reason)] or [first]
    findings = [
        finding
        for event in causes
        for finding in _told(
            session, name, event.resource, launch.plain_reason(event.reason).rstrip("."), event.type
        )
    ]
    return diagnosis(name, what, findings, _said(last))


def last_operation(events: Sequence[stacks.StackEvent], stack: str) -> Sequence[stacks.StackEvent]:
    """The events since somebody last asked for something: CloudFormation marks that one "User Initiated"."""
    begun = [i for i, e in enumerate(events) if e.resource == stack and e.reason == "User Initiated"]
    return events[begun[-1] :] if begun else events


def _told(session: Session, stack: str, resource: str, told: str, kind: str = "") -> list[Finding]:
    """The finding that a reason is: a known one in a sentence, any other in CloudFormation's words."""
    short = stack.removeprefix(f"{session.project}-")
    evidence = (f"{resource or stack}: {told}",)
    if refused := denial(told):
        return [denied(Roles(session), refused)]
    for pattern, cause, (owner, name, text), next_step in SIGNS:
        if found := re.search(pattern, told):
            groups = [group for group in found.groups() if group is not None]
            shown = text.format(*groups).removeprefix(f"{session.project}-")
            line = where(owner or short, name or resource, shown if shown != text else text)
            named = f"{resource}: {cause}" if "bucket is not empty" in cause else cause
            return [Finding(named.format(*groups), evidence, line, next_step.format(*groups))]
    cause = f"{resource} ({kind}) could not be made or changed: {told}" if resource else told
    line = where(short, resource) if resource else ""
    return [Finding(cause, evidence, line, launch.advice(session, stack, told))]


def _said(events: Sequence[stacks.StackEvent]) -> tuple[str, ...]:
    return tuple(f"{e.resource}: {e.status}: {e.reason}" for e in events if e.status.endswith("FAILED"))
