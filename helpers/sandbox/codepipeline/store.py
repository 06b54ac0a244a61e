"""What CodePipeline remembers: pipelines, their executions, and every action that ran in them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from moto.utilities.utils import get_partition

from ..service import AwsError, Call, Service
from ..world import World

KEPT_EXECUTIONS = 500
Declaration = dict[str, Any]  # PipelineDeclaration, StageDeclaration or ActionDeclaration as the API has them


def now() -> datetime:
    return datetime.now(timezone.utc)


def new_id() -> str:
    return str(uuid.uuid4())


@dataclass
class ActionRun:
    """An action that runs or ran, once. `status`: InProgress, Succeeded, Failed or Abandoned."""

    stage: str
    action: Declaration
    configuration: dict[str, str]
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    id: str = field(default_factory=new_id)
    status: str = "InProgress"
    started: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    updated_by: str | None = None
    summary: str | None = None
    external_id: str | None = None
    external_url: str | None = None
    error: dict[str, str] | None = None
    token: str | None = None  # for an approval: what the answer must bring along
    variables: dict[str, str] = field(default_factory=dict)
    revision: dict[str, Any] | None = None  # for a source: what it fetched

    @property
    def name(self) -> str:
        return self.action["name"]

    @property
    def provider(self) -> tuple[str, str]:
        kind = self.action["actionTypeId"]
        return kind["category"], kind["provider"]

    def end(self, status: str, code: str | None = None, message: str | None = None) -> None:
        """Set the final status, with the reason of a failure."""
        self.status, self.updated = status, now()
        if code:
            self.error = {"code": code, "message": message or code}
            self.summary = self.summary or message


@dataclass
class StageRun:
    """A stage that an execution has entered. `runs`: all its actions; `current`: those that count."""

    status: str = "InProgress"
    runs: list[ActionRun] = field(default_factory=list)
    current: dict[str, ActionRun] = field(default_factory=dict)
    retries: int = 0


@dataclass
class Execution:
    """One change on its way. It is in the stage number `position`, or waits to enter it."""

    number: int
    version: int
    mode: str
    stage_names: list[str]
    trigger: dict[str, str]
    variables: dict[str, str]
    overrides: dict[str, dict[str, str]]  # by source action: the revision that shall run
    id: str = field(default_factory=new_id)
    status: str = "InProgress"
    summary: str | None = None
    started: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    position: int = 0
    entered: bool = False
    stages: dict[str, StageRun] = field(default_factory=dict)
    artifacts: dict[str, dict[str, str]] = field(default_factory=dict)
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    revisions: list[dict[str, Any]] = field(default_factory=list)
    stop_reason: str | None = None
    stop_abandons: bool = False

    @property
    def active(self) -> bool:
        return self.status in ("InProgress", "Stopping")

    @property
    def stage_name(self) -> str:
        """The stage that it is in or waits for."""
        return self.stage_names[self.position]

    def set(self, status: str) -> None:
        self.status, self.updated = status, now()


@dataclass
class Transition:
    """Whether executions may enter a stage."""

    enabled: bool = True
    reason: str | None = None
    changed_by: str | None = None
    changed_at: datetime | None = None


@dataclass
class Pipeline:
    """A pipeline: its versions, its executions (oldest first) and the doors between its stages."""

    arn: str
    region: str
    versions: dict[int, Declaration]
    tags: dict[str, str]
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    executions: list[Execution] = field(default_factory=list)
    started: int = 0  # executions ever
    transitions: dict[str, Transition] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)  # by stage: the execution that entered it last
    seen: dict[str, str] = field(default_factory=dict)  # by source action: the revision known last
    requests: dict[str, str] = field(default_factory=dict)  # by client token: the execution that it started

    @property
    def version(self) -> int:
        return max(self.versions)

    @property
    def declaration(self) -> Declaration:
        return self.versions[self.version]

    @property
    def name(self) -> str:
        return self.declaration["name"]

    @property
    def mode(self) -> str:
        return self.declaration["executionMode"]

    def transition(self, stage: str) -> Transition:
        return self.transitions.setdefault(stage, Transition())

    def execution(self, execution_id: str) -> Execution | None:
        return next((one for one in self.executions if one.id == execution_id), None)

    def stage_of(self, execution: Execution) -> Declaration:
        """The declaration of the stage that the execution is in or waits for."""
        return self.versions[execution.version]["stages"][execution.position]

    def add(self, execution: Execution) -> None:
        """Take up a new execution; the oldest of a long history are forgotten."""
        ended = [one for one in self.executions if not one.active]
        for one in ended[: max(0, len(self.executions) + 1 - KEPT_EXECUTIONS)]:
            self.executions.remove(one)
        self.executions.append(execution)


class CodePipelineStore:
    """The pipelines of a region, by name."""

    def __init__(self) -> None:
        self.pipelines: dict[str, Pipeline] = {}


service = Service("codepipeline", store=CodePipelineStore, refuse_others=True)
"""All of CodePipeline: moto's executions succeed the moment they start, so it is never asked."""


def arn_of(world: World, region: str, name: str) -> str:
    """`arn:aws:codepipeline:<region>:<account>:<name>`"""
    return f"arn:{get_partition(region)}:codepipeline:{region}:{world.account}:{name}"


def find(call: Call, name: str) -> Pipeline:
    """A pipeline by name. AwsError PipelineNotFoundException when there is none."""
    pipeline = call.store.pipelines.get(name)
    if pipeline is None:
        raise AwsError(
            "PipelineNotFoundException",
            f"The account with id '{call.account}' does not include a pipeline with the name '{name}'",
        )
    return pipeline


def find_execution(pipeline: Pipeline, execution_id: str) -> Execution:
    """One of the pipeline's executions. AwsError PipelineExecutionNotFoundException when there is none."""
    execution = pipeline.execution(execution_id)
    if execution is None:
        raise AwsError(
            "PipelineExecutionNotFoundException",
            f"No pipeline execution with id '{execution_id}' was found for pipeline '{pipeline.name}'",
        )
    return execution


def find_stage(pipeline: Pipeline, name: str) -> Declaration:
    """One of the pipeline's stages. AwsError StageNotFoundException when there is none."""
    for stage in pipeline.declaration["stages"]:
        if stage["name"] == name:
            return stage
    raise AwsError(
        "StageNotFoundException", f"Pipeline '{pipeline.name}' does not have a stage with name '{name}'"
    )
