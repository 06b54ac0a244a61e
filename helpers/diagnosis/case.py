"""A task that is looked into: the step at which it ended, and what is asked about it, each once.

The step is read from its `stoppedReason`. Source of the words: Amazon ECS developer guide, "Stopped tasks
error codes", and messages that users of Fargate published (looked up on 2026-11-30).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .. import builds, tasks, tracing
from ..errors import NameUnknown
from ..session import Session
from .access import Roles

# The steps of a task's life in their order, and what `stoppedReason` says when it ends there.
STEPS = (
    ("place", r"Create Network Interface|InvalidSubnet|unable to assume the role"),
    ("way to ecr.api", r"secrets or registry auth.*(connection issue|timeout|send request failed)"),
    ("login", r"unable to pull secrets or registry auth"),
    ("way to logs", r"failed to validate logger args.*(connection issue|i/o timeout)|awslogs.*timeout"),
    ("log", r"failed to validate logger args|ResourceInitializationError.*(log group|awslogs)"),
    (
        "way to ecr.dkr",
        r"CannotPullContainerError.*(resolve ref|pull image manifest).*(i/o timeout|deadline)",
    ),
    ("tag", r"CannotPullContainerError.*(not found|does not exist|manifest unknown)"),
    ("manifest", r"CannotPullContainerError.*(pulling from host|image manifest|resolve ref).*403"),
    ("way to s3", r"CannotPullContainerError.*httpReadSeeker.*(i/o timeout|deadline)"),
    ("layers", r"CannotPullContainerError.*(403|httpReadSeeker)"),
    ("image", r"CannotPullContainerError"),
    ("start", r"CannotStartContainerError|exec format error"),
    ("memory", r"OutOfMemory"),
    ("stopped", r"^$"),
    ("job", r""),
)
ORDER = [name for name, _ in STEPS]


@dataclass
class Case:
    """A task and everything that is asked about it, each once."""

    session: Session
    task: tasks.Task

    @cached_property
    def raw(self) -> Mapping[str, Any]:
        cluster = self.task.arn.split("/")[1]
        found = self.session.client("ecs").describe_tasks(cluster=cluster, tasks=[self.task.arn])["tasks"]
        return found[0] if found else {}

    @cached_property
    def definition(self) -> Mapping[str, Any]:
        ecs = self.session.client("ecs")
        return ecs.describe_task_definition(taskDefinition=self.raw["taskDefinitionArn"])["taskDefinition"]

    @property
    def container(self) -> Mapping[str, Any]:
        every = self.definition["containerDefinitions"]
        return next((c for c in every if c["name"] == tasks.CONTAINER), every[0])

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The last lines of the log; none when the container has no log."""
        if not self.options.get("awslogs-group"):
            return ()
        reader = builds.LogReader(self.session)
        read = reader.read(
            self.task.log_group, self.task.log_stream, to_the_end=self.task.exit_code is not None
        )
        return tuple(read)[-builds.LAST_LINES :]

    @property
    def options(self) -> Mapping[str, str]:
        return self.container.get("logConfiguration", {}).get("options", {})

    @cached_property
    def step(self) -> str:
        """The step at which the task ended."""
        if self.task.exit_code is None:
            return next(name for name, sign in STEPS if re.search(sign, self.task.reason, re.S))
        if self.raw.get("stopCode") == "UserInitiated":
            return "stopped"
        if "OutOfMemory" in self.task.reason or self.task.exit_code == 137:
            return "memory"
        return "start" if any("exec format error" in line for line in self.lines) else "job"

    @cached_property
    def roles(self) -> Roles:
        return Roles(self.session)

    @cached_property
    def trace(self) -> tracing.Trace | None:
        try:
            return tracing.trace(self.session, self.task)
        except NameUnknown:
            return None

    @cached_property
    def environment(self) -> dict[str, str]:
        given = {e["name"]: e["value"] for e in self.container.get("environment", ())}
        return given | dict(self.task.environment)
