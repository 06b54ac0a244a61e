"""An action at work: in a thread of its own, with the pipeline's role, until it ends one way or the other."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..principals import Principal
from ..service import AwsError
from ..world import World
from . import notices
from .engine import Effects, Mover, is_current, settle
from .store import ActionRun, Declaration, Execution, Pipeline, now

logger = logging.getLogger(__name__)

SERVICE = "codepipeline.amazonaws.com"


class ActionFailed(Exception):
    """An action failed: CodePipeline's code for the kind of failure, and the message that it shows."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Outcome:
    """What a successful action leaves: variables for later ones, and, for a source, what it fetched."""

    summary: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    revision: dict[str, Any] | None = None


@dataclass(frozen=True)
class Role:
    """The role an action works with: the pipeline's, or its own, assumed `through` the pipeline's."""

    world: World
    region: str
    arn: str
    pipeline_arn: str
    through: Role | None = None

    @property
    def session(self) -> str:
        return self.pipeline_arn.rpartition(":")[2][:64]

    @property
    def principal(self) -> Principal:
        """Who it is to the services it calls."""
        name = self.arn.rpartition("/")[2]
        arn = f"arn:aws:sts::{self.world.account}:assumed-role/{name}/{self.session}"
        return Principal("role", arn, self.arn, self.session)

    def client(self, service: str) -> Any:
        """A boto3 client with the role's credentials. Raises ActionFailed when the role cannot be assumed."""
        if self.through:
            return self._client_through(self.through, service)
        try:
            return self.world.client(
                service, self.region, self.arn, self.session, SERVICE, source_arn=self.pipeline_arn
            )
        except AwsError as error:
            raise ActionFailed(
                "PermissionError", f"CodePipeline is not authorized to perform AssumeRole on role {self.arn}"
            ) from error

    def _client_through(self, first: Role, service: str) -> Any:
        try:
            answer = first.client("sts").assume_role(RoleArn=self.arn, RoleSessionName=self.session)
        except ClientError as error:
            message = f"{first.arn} is not authorized to perform AssumeRole on role {self.arn}"
            raise ActionFailed("PermissionError", message) from error
        return self.world.client_with(answer["Credentials"], service, self.region)


@dataclass(frozen=True)
class Job:
    """One action's work."""

    world: World
    pipeline: Pipeline
    execution: Execution
    run: ActionRun
    role: Role

    @property
    def action(self) -> Declaration:
        return self.run.action

    @property
    def configuration(self) -> dict[str, str]:
        return self.run.configuration

    @property
    def wanted(self) -> bool:
        """Whether it is waited for: it may have been abandoned, or the pipeline deleted."""
        return self.run.status == "InProgress" and is_current(self.world, self.pipeline)

    def progress(self, external_id: str, external_url: str) -> None:
        """Show the work in another service that this action waits for."""
        with self.world.lock:
            self.run.external_id, self.run.external_url, self.run.updated = external_id, external_url, now()
        self.world.changed()


Provider = Callable[[Job], Outcome]


def role_of(world: World, pipeline: Pipeline, version: int) -> Role:
    """The role that a version of a pipeline works with."""
    return Role(world, pipeline.region, pipeline.versions[version]["roleArn"], pipeline.arn)


def work(world: World, pipeline: Pipeline, execution_id: str, run: ActionRun) -> None:
    """Begin an action's work in the background."""
    execution = pipeline.execution(execution_id)
    if execution is None:
        return
    role = role_of(world, pipeline, execution.version)
    if run.action.get("roleArn"):
        role = Role(world, pipeline.region, run.action["roleArn"], pipeline.arn, through=role)
    job = Job(world, pipeline, execution, run, role)
    world.spawn(f"{pipeline.name}: {run.name}", _perform, job)


def _perform(job: Job) -> None:
    from . import builds, sources

    providers: dict[tuple[str, str], Provider] = {
        ("Source", "CodeCommit"): sources.fetch_commit,
        ("Source", "S3"): sources.fetch_object,
        ("Build", "CodeBuild"): builds.build,
        ("Test", "CodeBuild"): builds.build,
        ("Approval", "Manual"): ask,
    }
    try:
        outcome = providers[job.run.provider](job)
    except ActionFailed as error:
        finish(job, error)
    except (ClientError, BotoCoreError) as error:
        finish(job, ActionFailed("JobFailed", str(error)))
    except Exception:
        logger.exception("action %s of pipeline %s", job.run.name, job.pipeline.name)
        finish(
            job, ActionFailed("SystemUnavailable", "The sandbox failed in this action; its log says where.")
        )
    else:
        if outcome is not WAITING:
            finish(job, outcome)


WAITING = Outcome("waiting")
"""The action goes on without a thread: an approval waits for somebody's answer."""


def ask(job: Job) -> Outcome:
    """Tell whoever subscribed to the topic that an approval is wanted.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-json-format.html
    """
    approval = {
        "pipelineName": job.pipeline.name,
        "stageName": job.run.stage,
        "actionName": job.run.name,
        "token": job.run.token,
        "customData": job.configuration.get("CustomData"),
        "externalEntityLink": job.configuration.get("ExternalEntityLink"),
    }
    message = {
        "region": job.role.region,
        "approval": {key: value for key, value in approval.items() if value},
    }
    job.role.client("sns").publish(
        TopicArn=job.configuration["NotificationArn"],
        Subject=f"APPROVAL NEEDED: AWS CodePipeline {job.pipeline.name} for action {job.run.name}"[:100],
        Message=json.dumps(message),
    )
    return WAITING


def finish(job: Job, result: Outcome | ActionFailed) -> None:
    """Record how an action ended, and let the execution go on.

    An abandoned action's end changes nothing, nor does an end that only the sandbox's own end brought about:
    what was at work then is dealt with when the sandbox starts again.
    """
    effects = Effects()
    with job.world.lock:
        if not job.wanted or job.world.stopping.is_set():
            return
        run, execution = job.run, job.execution
        if isinstance(result, ActionFailed):
            run.end("Failed", result.code, result.message)
        else:
            run.summary = result.summary or run.summary
            run.variables, run.revision = result.variables, result.revision
            run.end("Succeeded")
            _hand_over(job.pipeline, execution, run)
        execution.updated = run.updated
        state = "SUCCEEDED" if run.status == "Succeeded" else "FAILED"
        Mover(job.world, job.pipeline, effects).tell(notices.of_action(job.pipeline, execution, run, state))
    settle(job.world, job.pipeline, effects)


def _hand_over(pipeline: Pipeline, execution: Execution, run: ActionRun) -> None:
    """Give later actions what this one made: artifacts, variables, the revision."""
    execution.artifacts.update({artifact["name"]: artifact["s3location"] for artifact in run.outputs})
    if run.action.get("namespace"):
        execution.namespaces[run.action["namespace"]] = run.variables
    if run.revision:
        run.external_id, run.external_url = run.revision["revisionId"], run.revision["revisionUrl"]
        pipeline.seen[run.name] = run.revision["revisionId"]
        known = [one for one in execution.revisions if one["actionName"] != run.name]
        made = {"actionName": run.name, "name": run.outputs[0]["name"], **run.revision}
        execution.revisions = [*known, made]
