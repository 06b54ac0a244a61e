"""How executions move: through the stages, one after the other, action by action.

Nothing runs while nothing happens. Whoever changes something (a start, the end of an action, an approval, a
transition that opens) calls `settle`, which moves every execution as far as it can go. Only actions at work
have threads of their own (`work.py`). The rules are those of
https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
"""

from __future__ import annotations

import logging
import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..world import World
from . import notices
from .store import ActionRun, Declaration, Execution, Pipeline, StageRun
from .structure import is_approval
from .variables import Unresolved, resolve

logger = logging.getLogger(__name__)


@dataclass
class Effects:
    """What a change of state entails: it is done, in order, after the lock has been released."""

    events: list[Callable[[], None]] = field(default_factory=list)

    def then(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.events.append(lambda: function(*arguments))


class Mover:
    """Moves the executions of one pipeline. Used under the world's lock, for one call of `settle`."""

    def __init__(self, world: World, pipeline: Pipeline, effects: Effects) -> None:
        self.world, self.pipeline, self.effects = world, pipeline, effects

    def tell(self, event: notices.Event) -> None:
        kind, detail = event
        arn, region = self.pipeline.arn, self.pipeline.region
        self.effects.then(self.world.publish, region, "aws.codepipeline", kind, detail, [arn])

    def move(self) -> None:
        """Take steps until nothing moves any more."""
        while any(self.progress(one) for one in self.active() if one.entered) or self.admit():
            pass

    def active(self) -> list[Execution]:
        return [one for one in self.pipeline.executions if one.active]

    # Into a stage -----------------------------------------------------------------------------------------

    def admit(self) -> bool:
        """Let a waiting execution into a stage that is free. True when one went in, or was overtaken."""
        for stage in [stage["name"] for stage in self.pipeline.declaration["stages"]]:
            waiting = [one for one in self.active() if not one.entered and one.stage_name == stage]
            if self.pipeline.mode == "SUPERSEDED" and len(waiting) > 1:
                for overtaken in waiting[:-1]:
                    self.end(overtaken, "Superseded", "SUPERSEDED")
                return True
            if not waiting or not self.pipeline.transition(stage).enabled:
                continue
            if self.pipeline.mode == "PARALLEL" or not self.occupied(stage):
                self.enter(waiting[0])
                return True
        return False

    def occupied(self, stage: str) -> bool:
        return any(one.entered and one.stage_name == stage for one in self.active())

    def enter(self, execution: Execution) -> None:
        execution.entered = True
        execution.stages[execution.stage_name] = StageRun()
        self.pipeline.latest[execution.stage_name] = execution.id
        self.tell(notices.of_stage(self.pipeline, execution, "STARTED"))

    # Through a stage --------------------------------------------------------------------------------------

    def progress(self, execution: Execution) -> bool:
        """Take the execution one step further in its stage. False when it has to wait."""
        stage = execution.stages[execution.stage_name]
        statuses = [run.status for run in stage.current.values()]
        if "InProgress" in statuses:
            return False
        if "Failed" in statuses:
            self.leave(execution, "Failed", "FAILED")
            return True
        due = self.due(execution, stage)
        if execution.status == "Stopping":
            self.leave(execution, "Stopped" if due or "Abandoned" in statuses else "Succeeded", "STOPPED")
        elif due:
            for action in due:
                self.begin(execution, stage, action)
        else:
            self.leave(execution, "Succeeded", "SUCCEEDED")
        return True

    def due(self, execution: Execution, stage: StageRun) -> list[Declaration]:
        """The actions that come next: those of the lowest run order that have not run."""
        left = [
            action
            for action in self.pipeline.stage_of(execution)["actions"]
            if action["name"] not in stage.current
        ]
        first = min((action["runOrder"] for action in left), default=0)
        return [action for action in left if action["runOrder"] == first]

    def leave(self, execution: Execution, status: str, state: str) -> None:
        """The stage is done. A stage that succeeded lets the execution go on to the next, if there is one."""
        execution.stages[execution.stage_name].status = status
        stage_state = {"Succeeded": "SUCCEEDED", "Stopped": "STOPPED", "Failed": "FAILED"}[status]
        self.tell(notices.of_stage(self.pipeline, execution, stage_state))
        if state == "STOPPED":
            self.end(execution, "Stopped", state)
        elif status == "Failed" or execution.position + 1 == len(execution.stage_names):
            self.end(execution, status, state)
        else:
            execution.position += 1
            execution.entered = False

    def end(self, execution: Execution, status: str, state: str) -> None:
        execution.set(status)
        self.tell(notices.of_execution(self.pipeline, execution, state))

    def cancel(self) -> None:
        """End all executions: the pipeline is about to change under them."""
        for execution in self.active():
            self.abandon(execution)
            if execution.entered:
                execution.stages[execution.stage_name].status = "Cancelled"
                self.tell(notices.of_stage(self.pipeline, execution, "CANCELED"))
            self.end(execution, "Cancelled", "CANCELED")

    def stop(self, execution: Execution) -> None:
        """Begin to stop: at work actions are waited for, or abandoned if the execution says so."""
        if execution.status != "Stopping":
            execution.set("Stopping")
            self.tell(notices.of_execution(self.pipeline, execution, "STOPPING"))
        if execution.stop_abandons:
            self.abandon(execution)
        if not execution.entered:
            self.end(execution, "Stopped", "STOPPED")

    def abandon(self, execution: Execution) -> None:
        """Wait no longer for the actions that are at work."""
        stage = execution.stages.get(execution.stage_name) if execution.entered else None
        for run in stage.current.values() if stage else ():
            if run.status == "InProgress":
                run.end("Abandoned")
                self.tell(notices.of_action(self.pipeline, execution, run, "ABANDONED"))

    # Actions ----------------------------------------------------------------------------------------------

    def begin(self, execution: Execution, stage: StageRun, action: Declaration) -> None:
        """Start an action: its inputs and outputs, its configuration with the variables filled in."""
        from .work import work

        run = ActionRun(
            stage=execution.stage_name,
            action=action,
            configuration=dict(action["configuration"]),
            inputs=[
                _artifact(one["name"], execution.artifacts[one["name"]]) for one in action["inputArtifacts"]
            ],
            outputs=[
                _artifact(one["name"], self.place(execution, one["name"]))
                for one in action["outputArtifacts"]
            ],
        )
        stage.runs.append(run)
        stage.current[run.name] = run
        self.tell(notices.of_action(self.pipeline, execution, run, "STARTED"))
        values = {
            "codepipeline": {"PipelineExecutionId": execution.id},
            "variables": execution.variables,
            **execution.namespaces,
        }
        try:
            run.configuration = {key: resolve(text, values) for key, text in action["configuration"].items()}
        except Unresolved as error:
            run.end("Failed", "ConfigurationError", str(error))
            self.tell(notices.of_action(self.pipeline, execution, run, "FAILED"))
            return
        if is_approval(action):
            run.token = run.id
        if not is_approval(action) or "NotificationArn" in run.configuration:
            self.effects.then(work, self.world, self.pipeline, execution.id, run)

    def place(self, execution: Execution, artifact: str) -> dict[str, str]:
        """Where an artifact goes: `<pipeline>/<artifact>/<random>` in the bucket, shortened as on AWS."""
        declaration = self.pipeline.versions[execution.version]
        store = declaration.get("artifactStore") or declaration["artifactStores"][self.pipeline.region]
        name = "".join(random.choices(string.ascii_letters + string.digits, k=7))
        return {"bucket": store["location"], "key": f"{self.pipeline.name[:20]}/{artifact[:10]}/{name}"}


def _artifact(name: str, place: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "s3location": dict(place)}


def settle(world: World, pipeline: Pipeline, effects: Effects | None = None) -> None:
    """Move the pipeline's executions as far as they can go now, then tell and start what follows from it.

    `effects` are those of the change that brought this about; they come first. Not to be called under the
    world's lock: what follows is done outside it.
    """
    effects = effects or Effects()
    with world.lock:
        if is_current(world, pipeline):
            Mover(world, pipeline, effects).move()
    world.changed()
    for effect in effects.events:
        try:
            effect()
        except Exception:  # an event that could not be told must not keep an action from starting
            logger.exception("pipeline %s", pipeline.name)


def is_current(world: World, pipeline: Pipeline) -> bool:
    """Whether the pipeline still exists: it may have been deleted, and made anew under the same name."""
    return world.store("codepipeline", pipeline.region).pipelines.get(pipeline.name) is pipeline


def start(
    world: World,
    pipeline: Pipeline,
    trigger: tuple[str, str],
    overrides: dict[str, dict[str, str]] | None = None,
    variables: dict[str, str] | None = None,
    token: str | None = None,
) -> str:
    """Start an execution (trigger: type and detail) and move it; returns its id."""
    effects = Effects()
    with world.lock:
        pipeline.started += 1
        declared = {
            one["name"]: one.get("defaultValue", "") for one in pipeline.declaration.get("variables", [])
        }
        execution = Execution(
            number=pipeline.started,
            version=pipeline.version,
            mode=pipeline.mode,
            stage_names=[stage["name"] for stage in pipeline.declaration["stages"]],
            trigger={"triggerType": trigger[0], "triggerDetail": trigger[1]},
            variables=declared | (variables or {}),
            overrides=overrides or {},
        )
        pipeline.add(execution)
        if token:
            pipeline.requests[token] = execution.id
        Mover(world, pipeline, effects).tell(notices.of_execution(pipeline, execution, "STARTED"))
    settle(world, pipeline, effects)
    return execution.id
