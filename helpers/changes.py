"""What a deployment would change: a change set that is looked at and then thrown away."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from . import launch, live, show, stacks
from .errors import NotReady, StackFailed, StillWorking
from .session import Session, verb

_SIGNS = {
    "Add": "+ add",
    "Modify": "~ modify",
    "Remove": "- remove",
    "Import": "+ import",
    "Dynamic": "? not known yet",
}
_TEMPLATE = "the template"
_NOTHING = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Change:
    """What would happen to one resource. `replacement` True means that it is deleted and made anew."""

    action: str
    resource: str
    type: str
    replacement: str
    why: str

    @property
    def replaced(self) -> bool:
        return self.replacement == "True"


@dataclass(frozen=True)
class ChangeSet(show.Rows):
    """What a deployment would do: `kind` is CREATE, UPDATE or NONE."""

    stack: str
    kind: str
    rows: tuple[Change, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        return self.rows

    def _view(self) -> Iterator[show.Block]:
        title = {"CREATE": "would be created", "UPDATE": "would be updated", "NONE": "would not change"}
        replaced = {"True": "yes: a new one is made", "Conditional": "perhaps", "False": "no"}
        columns = ("Action", "Resource", "Type", "Replaced", "Why")[: 3 if self.kind == "CREATE" else 5]
        rows = [
            (_SIGNS.get(c.action, c.action), c.resource, c.type, replaced.get(c.replacement, ""), c.why)
            for c in self.rows
        ]
        rows = [row[: len(columns)] for row in rows]
        yield show.Table(columns, rows, f"{self.stack} {title[self.kind]}", "nothing to do")


@verb
def preview(
    session: Session,
    stack_or_path: str | os.PathLike[str],
    parameters: Mapping[str, Any] | None = None,
    *,
    poll_seconds: float | None = None,
    timeout_minutes: float = 5,
) -> ChangeSet:
    """What deploy would change, as a table. Nothing is changed, and nothing is left behind.

    CloudFormation works it out as a change set; it is deleted afterwards, and so is the empty stack that a
    change set on a new stack leaves in REVIEW_IN_PROGRESS.
    Raises NameUnknown, AwsRefused, NotReady, StackFailed with CloudFormation's reason, or StillWorking.
    """
    wanted = stacks.target(session, stack_or_path)
    given = dict(parameters or {})
    launch.check_parameters(session, wanted, given)
    poll = session.poll_seconds if poll_seconds is None else poll_seconds
    deadline = time.monotonic() + timeout_minutes * 60
    found = stacks.find(session, wanted.name)
    if found and found["StackStatus"] == "REVIEW_IN_PROGRESS":
        _exhaust(launch.delete(session, found["StackId"], poll, deadline))
        found = None
    if found and found["StackStatus"] not in launch.STANDING:
        raise NotReady(
            f"{wanted.name} is in {found['StackStatus']}: CloudFormation works out no changes for it.",
            "deploy waits for work that goes on, and replaces what a failed creation left.",
        )
    client = session.client("cloudformation")
    try:
        made = client.create_change_set(
            **launch.request_for(session, wanted, given, None, found),
            ChangeSetName=f"preview-{uuid.uuid4().hex[:12]}",
            ChangeSetType="UPDATE" if found else "CREATE",
        )
    except ClientError as error:
        raise launch.refused(error, wanted) from error
    try:
        return _read(session, wanted, made["Id"], bool(found), poll, deadline)
    finally:
        client.delete_change_set(ChangeSetName=made["Id"])
        if not found:
            _exhaust(launch.delete(session, made["StackId"], poll, deadline))


def _read(
    session: Session, wanted: stacks.Target, change_set: str, exists: bool, poll: float, deadline: float
) -> ChangeSet:
    client = session.client("cloudformation")
    while (answer := client.describe_change_set(ChangeSetName=change_set))["Status"].endswith(
        ("PENDING", "PROGRESS")
    ):
        if time.monotonic() > deadline:
            raise StillWorking(
                "CloudFormation still works out the changes.", "Run the cell again, with more time."
            )
        time.sleep(poll)
    reason = answer.get("StatusReason", "")
    if answer["Status"] == "FAILED":
        if any(words in reason for words in _NOTHING):
            return ChangeSet(wanted.name, "NONE", ())
        raise StackFailed(
            wanted.name,
            "FAILED",
            None,
            reason,
            launch.advice(session, wanted.name, reason, launch.named(wanted)),
        )
    raw = list(answer["Changes"])
    while "NextToken" in answer:
        answer = client.describe_change_set(ChangeSetName=change_set, NextToken=answer["NextToken"])
        raw += answer["Changes"]
    rows = sorted((_change(r["ResourceChange"]) for r in raw), key=lambda c: c.resource)
    return ChangeSet(wanted.name, "UPDATE" if exists else "CREATE", tuple(rows))


def _change(raw: Mapping[str, Any]) -> Change:
    why: dict[str, list[str]] = {}  # property → what makes it change
    for detail in raw.get("Details", ()):
        what = detail.get("Target", {})
        why.setdefault(what.get("Name") or what.get("Attribute", ""), []).append(_cause(detail))
    return Change(
        raw["Action"],
        raw["LogicalResourceId"],
        raw["ResourceType"],
        raw.get("Replacement", ""),
        "; ".join(f"{name}: {_joined(causes)}" for name, causes in why.items()),
    )


def _cause(detail: Mapping[str, Any]) -> str:
    """What makes a property change: a parameter, another resource, or the template's own text."""
    entity = detail.get("CausingEntity")
    if not entity:
        return _TEMPLATE
    return f"parameter {entity}" if detail.get("ChangeSource") == "ParameterReference" else entity


def _joined(causes: list[str]) -> str:
    """The causes, once each. Beside a named one CloudFormation lists the template too, as a possibility."""
    named = [cause for cause in dict.fromkeys(causes) if cause != _TEMPLATE]
    return ", ".join(named) or _TEMPLATE


def _exhaust(events: live.Events) -> None:
    for _ in events:
        pass
