"""What CloudFormation remembers: stacks, their resources, events and outputs, and change sets.

Plain picklable data without threads or locks. `Stack` and `Resource` change as an operation goes on; the rest
is frozen.
"""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from .parameters import ParameterValue

STACK_TYPE = "AWS::CloudFormation::Stack"
IN_PROGRESS = "_IN_PROGRESS"
UPDATABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
FAILED_BUT_UPDATABLE = frozenset({"CREATE_FAILED", "UPDATE_FAILED"})


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Event:
    """One line of a stack's history."""

    event_id: str
    time: datetime
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None
    properties: dict[str, Any] | None
    operation_id: str
    token: str | None
    validation_path: str | None = None


@dataclass(frozen=True)
class Deployment:
    """What a request asks a stack to be: the template with all that goes with it."""

    template: str
    parameters: dict[str, ParameterValue]
    tags: dict[str, str]
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    role_arn: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class Operation:
    """What is being done to a stack: CREATE_STACK, UPDATE_STACK, DELETE_STACK, ROLLBACK …"""

    kind: str
    token: str | None = None
    on_failure: str = "ROLLBACK"
    retain: tuple[str, ...] = ()
    force: bool = False
    retain_except_on_create: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Output:
    """An output with its value."""

    name: str
    value: str
    description: str | None
    export_name: str | None


@dataclass
class Resource:
    """One resource of a stack, as it is now."""

    logical_id: str
    type: str
    status: str = ""
    reason: str | None = None
    physical_id: str | None = None
    planned_id: str | None = None  # the name that it will have, once nothing else has that name
    properties: dict[str, Any] = field(default_factory=dict)
    applied: dict[str, Any] = field(default_factory=dict)  # the properties with the stack's tags
    attributes: dict[str, Any] = field(default_factory=dict)
    depends_on: frozenset[str] = frozenset()
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    metadata: Any = None
    description: str | None = None
    changed: datetime = field(default_factory=now)

    @property
    def exists(self) -> bool:
        """Whether there is something in the service that this record stands for."""
        return self.physical_id is not None and self.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass
class Stack:
    """A stack: what it was asked to be, and how far it is."""

    stack_id: str
    name: str
    deployment: Deployment
    status: str = ""
    reason: str | None = None
    created: datetime = field(default_factory=now)
    updated: datetime | None = None
    deleted: datetime | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    imports: frozenset[str] = frozenset()
    events: list[Event] = field(default_factory=list)
    operation: Operation | None = None
    before: Before | None = None
    cancelled: bool = False
    disable_rollback: bool = False
    timeout_minutes: int | None = None
    protected: bool = False
    rollback_configuration: dict[str, Any] = field(default_factory=dict)
    change_set_id: str | None = None
    parent_id: str | None = None
    tokens: dict[str, str] = field(default_factory=dict)
    notified: int = 0  # how many of the events the notification topics know

    @property
    def live(self) -> bool:
        """Whether the stack can still be found by its name."""
        return self.status != "DELETE_COMPLETE"

    @property
    def busy(self) -> bool:
        """Whether an operation is under way."""
        return self.status.endswith(IN_PROGRESS) and self.status != "REVIEW_IN_PROGRESS"

    def record(self, status: str, reason: str | None = None) -> None:
        """Set the stack's own status and write it into the history."""
        self.status, self.reason = status, reason
        self._add(self.name, self.stack_id, STACK_TYPE, status, reason, None)

    def record_resource(
        self,
        resource: Resource,
        status: str,
        reason: str | None = None,
        validation_path: str | None = None,
    ) -> None:
        """Set a resource's status and write it into the history."""
        resource.status, resource.reason, resource.changed = status, reason, now()
        self._add(
            resource.logical_id,
            resource.physical_id or "",
            resource.type,
            status,
            reason,
            copy.deepcopy(resource.properties),
            validation_path,
        )

    def _add(
        self,
        logical_id: str,
        physical_id: str,
        kind: str,
        status: str,
        reason: str | None,
        properties: dict[str, Any] | None,
        validation_path: str | None = None,
    ) -> None:
        time = now()
        unique = uuid.uuid4()
        event_id = str(unique) if kind == STACK_TYPE else f"{logical_id}-{status}-{time.isoformat()[:23]}Z"
        operation = self.operation or Operation("CREATE_STACK", id="")
        self.events.append(
            Event(
                event_id,
                time,
                logical_id,
                physical_id,
                kind,
                status,
                reason,
                properties,
                operation.id,
                operation.token,
                validation_path,
            )
        )


@dataclass
class Before:
    """What a stack was before an update, to go back to, and what the update has done since."""

    deployment: Deployment
    resources: dict[str, Resource]
    outputs: list[Output]
    imports: frozenset[str]
    touched: dict[str, str] = field(default_factory=dict)  # logical id: create, modify or replace
    leftovers: list[Resource] = field(default_factory=list)  # to be deleted when the update succeeds
    made: list[Resource] = field(default_factory=list)  # to be deleted when it is rolled back

    @classmethod
    def of(cls, stack: Stack) -> Before:
        """A copy of the stack's present state. What a failed update left behind has to go in any case."""
        left = list(stack.before.leftovers) if stack.before else []
        resources = {name: replace(resource) for name, resource in stack.resources.items()}
        return cls(
            stack.deployment,
            resources,
            list(stack.outputs),
            stack.imports,
            leftovers=left,
            made=list(left),
        )


@dataclass
class ChangeSet:
    """A proposed change of a stack."""

    change_set_id: str
    name: str
    stack_id: str
    kind: str
    deployment: Deployment
    changes: list[dict[str, Any]] = field(default_factory=list)
    status: str = "CREATE_COMPLETE"
    reason: str | None = None
    execution_status: str = "AVAILABLE"
    description: str | None = None
    created: datetime = field(default_factory=now)
    include_nested: bool = False
    on_failure: str | None = None
    rollback_configuration: dict[str, Any] = field(default_factory=dict)
    token: str | None = None


class Store:
    """All stacks and change sets of a region."""

    def __init__(self) -> None:
        self.stacks: dict[str, Stack] = {}
        self.change_sets: dict[str, ChangeSet] = {}

    def live(self, name_or_id: str) -> Stack | None:
        """The stack that exists under this name or id."""
        stack = self.find(name_or_id)
        return stack if stack and stack.live else None

    def find(self, name_or_id: str) -> Stack | None:
        """A stack by id, deleted or not, or an existing one by name."""
        if name_or_id in self.stacks:
            return self.stacks[name_or_id]
        return next(
            (stack for stack in self.stacks.values() if stack.live and stack.name == name_or_id), None
        )

    def exports(self) -> dict[str, tuple[Stack, str]]:
        """Every export: its name, the stack it comes from and its value."""
        return {
            output.export_name: (stack, output.value)
            for stack in self.stacks.values()
            if stack.live
            for output in stack.outputs
            if output.export_name
        }

    def importers(self, export_name: str, besides: str | None = None) -> list[Stack]:
        """The stacks that use an export."""
        return [
            stack
            for stack in self.stacks.values()
            if stack.live and export_name in stack.imports and stack.stack_id != besides
        ]
