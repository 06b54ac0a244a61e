"""The eight stacks in their order, and what can be seen of a stack that is deployed."""

from __future__ import annotations

import datetime
import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from . import show, templates
from .errors import NameUnknown, StackMissing
from .session import ROOT, Session, verb
from .show import Status, Table, Text, counted

CFN = ROOT / "cfn"

# name → what it makes, in the order in which they are taught and deployed
CATALOGUE = {
    "storage": "a bucket for data and one for artifacts",
    "network": "a VPC with two subnets and the ways out of it",
    "roles": "one IAM role for each actor",
    "registry": "the image registry, which both workflows share",
    "build": "the code repository and the build project",
    "pipeline": "from a commit to a pushed image",
    "task": "the cluster and the task definition",
    "schedule": "the rule that starts the task",
}


@dataclass(frozen=True)
class Target:
    """What a verb was asked to work on: the stack's full name, and its template."""

    name: str
    template: templates.Template
    catalogued: str | None = None


@dataclass(frozen=True)
class Resource:
    logical_id: str
    type: str
    physical_id: str
    status: str
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Resources(show.Named):
    """The resources of a stack by logical id."""

    stack: str
    rows: tuple[Resource, ...]

    def _key(self, row: Resource) -> str:
        return row.logical_id

    def _value(self, row: Resource) -> Resource:
        return row

    def _view(self) -> Iterator[show.Block]:
        rows = [(r.logical_id, r.type, r.physical_id, Status(r.status)) for r in self.rows]
        yield Table(("Logical id", "Type", "Physical id", "Status"), rows, f"Resources of {self.stack}")


@dataclass(frozen=True)
class StackEvent:
    resource: str
    type: str
    status: str
    reason: str
    time: datetime.datetime


@dataclass(frozen=True)
class Events(show.Rows):
    """What happened to a stack, oldest first."""

    stack: str
    rows: tuple[StackEvent, ...]

    def _view(self) -> Iterator[show.Block]:
        rows = [(e.resource, e.type, Status(e.status), e.reason) for e in self.rows]
        yield Table(("Resource", "Type", "Status", "Reason"), rows, f"Events of {self.stack}, oldest first")


@dataclass(frozen=True)
class Output:
    name: str
    value: str
    export: str | None
    description: str


@dataclass(frozen=True, eq=False)
class Outputs(show.Named):
    """A stack's outputs: `outputs["VpcId"]` is the value."""

    stack: str
    rows: tuple[Output, ...]

    def _view(self) -> Iterator[show.Block]:
        rows = [(o.name, o.value, o.export or "not exported") for o in self.rows]
        yield Table(("Output", "Value", "Exported as"), rows, f"Outputs of {self.stack}")


@dataclass(frozen=True)
class Export:
    name: str
    value: str
    stack: str
    used_by: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Exports(show.Named):
    """What the project's stacks export, and which stacks import it."""

    rows: tuple[Export, ...]

    def _view(self) -> Iterator[show.Block]:
        rows = [(e.name, e.value, e.stack, ", ".join(e.used_by) or "no stack yet") for e in self.rows]
        yield Table(("Export", "Value", "From", "Imported by"), rows, "Exports")


@dataclass(frozen=True)
class Stack(show.Noun):
    """A stack as it was when a verb returned it. `changed` is False when a deployment found nothing to do."""

    name: str
    id: str
    status: str
    reason: str
    parameters: dict[str, str]
    outputs: Outputs
    resources: Resources
    changed: bool | None = None

    @property
    def exports(self) -> dict[str, str]:
        """Export name → value."""
        return {output.export: output.value for output in self.outputs.rows if output.export}

    def _view(self) -> Iterator[show.Block]:
        said = " · no changes" if self.changed is False else ""
        yield Text(
            f"{self.name} · {Status(self.status)} · {counted(len(self.resources), 'resource')}{said}",
            title=True,
        )
        if self.reason:
            yield Text(self.reason)
        if self.parameters:
            yield Table(("Parameter", "Value"), list(self.parameters.items()))
        if self.outputs:
            rows = [(o.name, o.description, o.export or "not exported") for o in self.outputs.rows]
            yield Table(("Output", "What it is", "Exported as"), rows)


@dataclass(frozen=True)
class OverviewRow:
    stack: str
    makes: str
    builds_on: tuple[str, ...]
    status: str


@dataclass(frozen=True)
class Overview(show.Rows):
    """The eight stacks of the project, in order."""

    project: str
    rows: tuple[OverviewRow, ...]

    def _view(self) -> Iterator[show.Block]:
        rows = [(r.stack, r.makes, ", ".join(r.builds_on) or "nothing", Status(r.status)) for r in self.rows]
        yield Table(("Stack", "Makes", "Builds on", "Status"), rows, f"Stacks of {self.project}")


@verb
def describe(session: Session, stack: str | Stack) -> Stack:
    """A stack as it is now: status, parameters, outputs, resources. Raises StackMissing."""
    return read_stack(session, full_name(session, stack))


@verb
def overview(session: Session) -> Overview:
    """The eight stacks: what each makes, which it builds on, and whether it is deployed."""
    rows = []
    for name, makes in CATALOGUE.items():
        found = find(session, session.stack_name(name))
        rows.append(
            OverviewRow(name, makes, builds_on(name), found["StackStatus"] if found else "not deployed")
        )
    return Overview(session.project, tuple(rows))


@verb
def resources(session: Session, stack: str | Stack) -> Resources:
    """The resources of a deployed stack. Raises StackMissing."""
    return read_stack(session, full_name(session, stack)).resources


@verb
def events(session: Session, stack: str | Stack) -> Events:
    """What happened to a stack so far, oldest first. Raises StackMissing."""
    name = full_name(session, stack)
    found = _existing(session, name)
    return Events(name, tuple(read_events(session, found["StackId"])))


@verb
def outputs(session: Session, stack: str | Stack) -> Outputs:
    """A deployed stack's outputs with their values. Raises StackMissing."""
    return read_stack(session, full_name(session, stack)).outputs


@verb
def exports(session: Session) -> Exports:
    """Everything the project's stacks export, and who imports it."""
    return Exports(tuple(read_exports(session)))


def read_stack(session: Session, name: str, changed: bool | None = None) -> Stack:
    found = _existing(session, name)
    pages = (
        session.client("cloudformation")
        .get_paginator("list_stack_resources")
        .paginate(StackName=found["StackId"])
    )
    rows = (
        Resource(
            r["LogicalResourceId"],
            r["ResourceType"],
            r.get("PhysicalResourceId", ""),
            r["ResourceStatus"],
            r.get("ResourceStatusReason", ""),
        )
        for page in pages
        for r in page["StackResourceSummaries"]
        if r["ResourceStatus"] != "DELETE_COMPLETE"
    )
    outs = (
        Output(o["OutputKey"], o.get("OutputValue", ""), o.get("ExportName"), o.get("Description", ""))
        for o in found.get("Outputs", ())
    )
    return Stack(
        name=found["StackName"],
        id=found["StackId"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        parameters={p["ParameterKey"]: p.get("ParameterValue", "") for p in found.get("Parameters", ())},
        outputs=Outputs(found["StackName"], tuple(sorted(outs, key=lambda o: o.name))),
        resources=Resources(found["StackName"], tuple(sorted(rows, key=lambda r: r.logical_id))),
        changed=changed,
    )


def read_events(session: Session, stack_id: str) -> list[StackEvent]:
    pages = (
        session.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack_id)
    )
    newest_first = [event_of(e) for page in pages for e in page["StackEvents"]]
    return newest_first[::-1]


def event_of(event: dict[str, Any]) -> StackEvent:
    return StackEvent(
        event["LogicalResourceId"],
        event.get("ResourceType", ""),
        event["ResourceStatus"],
        event.get("ResourceStatusReason", ""),
        event["Timestamp"],
    )


def read_exports(session: Session) -> Iterator[Export]:
    """The exports of stacks that belong to the project, each with its importers."""
    cloudformation = session.client("cloudformation")
    for page in cloudformation.get_paginator("list_exports").paginate():
        for export in page["Exports"]:
            stack = export["ExportingStackId"].split("/")[1]
            if stack.startswith(f"{session.project}-"):
                used_by = tuple(sorted(importers(session, export["Name"])))
                yield Export(export["Name"], export["Value"], stack, used_by)


def exported_value(session: Session, name: str) -> str:
    """The value of one of the project's exports, `name` without the project. Raises StackMissing."""
    full = f"{session.project}-{name}"
    owner = next(s for s in CATALOGUE if full in catalogued(s).exported(session.project))
    for output in _existing(session, session.stack_name(owner)).get("Outputs", ()):
        if output.get("ExportName") == full:
            return output["OutputValue"]
    raise StackMissing(
        f"{session.stack_name(owner)} does not export {full} (yet).",
        f'deploy(session, "{owner}") finishes it; describe(session, "{owner}") shows how it is now.',
    )


def importers(session: Session, export: str) -> list[str]:
    """The stacks that import `export`. AWS answers with an error when there are none."""
    try:
        pages = session.client("cloudformation").get_paginator("list_imports").paginate(ExportName=export)
        return [stack for page in pages for stack in page["Imports"]]
    except ClientError as error:
        if "is not imported" in str(error):
            return []
        raise


def find(session: Session, name_or_id: str) -> dict[str, Any] | None:
    """The stack as DescribeStacks gives it, or None when there is none of that name."""
    try:
        found = session.client("cloudformation").describe_stacks(StackName=name_or_id)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return found[0] if found and found[0]["StackStatus"] != "DELETE_COMPLETE" else None


def _existing(session: Session, name: str) -> dict[str, Any]:
    found = find(session, name)
    if found is None:
        short = name.removeprefix(f"{session.project}-")
        raise StackMissing(
            f"The stack {name} is not deployed.", f'Deploy it first: deploy(session, "{short}").'
        )
    return found


def catalogued(name: str) -> templates.Template:
    """The template of one of the eight stacks."""
    return templates.load(CFN / f"{name}.yaml")


def builds_on(name: str) -> tuple[str, ...]:
    """The stacks whose exports one of the eight imports, in order, as the templates themselves say."""
    wanted = catalogued(name).imported("x")
    return tuple(
        other for other in CATALOGUE if other != name and wanted & set(catalogued(other).exported("x"))
    )


def full_name(session: Session, stack: str | os.PathLike[str] | Stack) -> str:
    """A stack's full name from its noun, its short name, its full name, or its template's path."""
    if isinstance(stack, Stack):
        return stack.name
    path = Path(stack)
    return session.stack_name(_as_stack_name(path.stem) if path.suffix in _TEMPLATE_SUFFIXES else str(stack))


_TEMPLATE_SUFFIXES = (".yaml", ".yml", ".json", ".template")


def target(session: Session, stack_or_path: str | os.PathLike[str] | Stack) -> Target:
    """What `stack_or_path` names: one of the eight, or a template file anywhere.

    Raises NameUnknown, with the closest names, and TemplateInvalid.
    """
    if isinstance(stack_or_path, Stack):
        stack_or_path = stack_or_path.name
    text = os.fspath(stack_or_path)
    short = text.removeprefix(f"{session.project}-")
    if short in CATALOGUE:
        return Target(session.stack_name(short), catalogued(short), short)
    path = Path(text)
    if path.suffix in _TEMPLATE_SUFFIXES or path.is_file():
        found = next((p for p in (path, ROOT / path, CFN / path) if p.is_file()), path)
        return Target(session.stack_name(_as_stack_name(found.stem)), templates.load(found))
    close = difflib.get_close_matches(short, CATALOGUE, n=1)
    raise NameUnknown(
        f"There is no stack `{text}`{f'; did you mean `{close[0]}`?' if close else '.'}",
        f"Use one of {', '.join(CATALOGUE)}, or the path of a template file.",
    )


def _as_stack_name(stem: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in stem).strip("-").lower()
