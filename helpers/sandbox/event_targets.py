"""What EventBridge calls when a rule or a schedule fires: its targets, each through its own API and role."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from . import iam
from .service import AwsError

if TYPE_CHECKING:
    from .world import World

STARTED_BY_LENGTH = 36  # as seen in accounts: events-rule/ and as much of the name as fits
OVERRIDES = (
    *("containerOverrides", "cpu", "memory", "taskRoleArn", "executionRoleArn"),
    *("ephemeralStorage", "inferenceAcceleratorOverrides"),
)


class TargetFailed(Exception):
    """A target could not be invoked. `code` is EventBridge's word; `again`: trying again may help."""

    def __init__(self, code: str, message: str, again: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.again = code, message, again


@dataclass(frozen=True)
class Sender:
    """On whose behalf a target is called: a rule or a schedule."""

    name: str
    arn: str
    region: str
    principal: str  # events.amazonaws.com or scheduler.amazonaws.com
    started_by: str  # what ECS shows of it
    source_arn: str  # what a role's trust policy sees as aws:SourceArn

    @property
    def session(self) -> str:
        """The name of its role sessions: one for each rule, so that credentials are fetched once an hour."""
        return uuid.uuid5(uuid.NAMESPACE_URL, self.arn).hex


def rule_sender(name: str, arn: str, region: str) -> Sender:
    """A rule of EventBridge."""
    return Sender(name, arn, region, "events.amazonaws.com", f"events-rule/{name}"[:STARTED_BY_LENGTH], arn)


def schedule_sender(name: str, arn: str, region: str) -> Sender:
    """A schedule of EventBridge Scheduler, which acts for the schedule's group, not for the schedule.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    started_by = f"chronos-schedule/{name}"[:STARTED_BY_LENGTH]
    group = arn.rpartition("/")[0].replace(":schedule/", ":schedule-group/")
    return Sender(name, arn, region, "scheduler.amazonaws.com", started_by, group)


@dataclass(frozen=True)
class Invocation:
    """One call of one target: `target` as in PutTargets, `content` the JSON text that it is given."""

    world: World
    sender: Sender
    target: dict[str, Any]
    content: str

    @property
    def arn(self) -> str:
        return self.target["Arn"]

    @property
    def resource(self) -> str:
        """The ARN's part after the account."""
        return self.arn.split(":", 5)[5]

    def client(self, service: str) -> Any:
        """A client with the target's role, or as EventBridge itself where the target has none."""
        return self.world.client(
            service,
            self.arn.split(":")[3] or self.sender.region,
            self.target.get("RoleArn"),
            self.sender.session,
            self.sender.principal,
            source_arn=self.sender.source_arn,
        )

    def check(self, action: str) -> None:
        """Whether a queue or a topic lets EventBridge in as itself; where there is a role, it decides."""
        if not self.target.get("RoleArn"):
            iam.check_service(self.world, self.sender.principal, action, self.arn, self.sender.source_arn)


def invoke(invocation: Invocation) -> None:
    """Call the target. Raises TargetFailed."""
    service = invocation.arn.split(":")[2]
    call = _universal if service == "scheduler" else TARGETS.get(service)
    if call is None:
        raise TargetFailed("INVALID_PARAMETER", f"The sandbox cannot invoke targets of {service}.")
    try:
        call(invocation)
    except ClientError as error:
        raise _failure(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error
    except AwsError as error:  # the role could not be assumed
        raise _failure(error.code, error.message) from error
    except (ParamValidationError, ValueError, KeyError) as error:
        raise TargetFailed("INVALID_PARAMETER", str(error)) from error
    except BotoCoreError as error:
        raise TargetFailed("INTERNAL_ERROR", str(error), again=True) from error


def _failure(code: str, message: str) -> TargetFailed:
    """An API's refusal in EventBridge's words. Missing permissions and targets are not tried again.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html (2026-11-23)
    """
    if (
        code.startswith(("AccessDenied", "UnauthorizedOperation"))
        or "was unable to assume the role" in message
    ):
        return TargetFailed("NO_PERMISSIONS", message)
    if "NotFound" in code or "NonExistent" in code or "DoesNotExist" in code or "not found" in message:
        return TargetFailed("NO_RESOURCE", message)
    if "Throttl" in code or code == "TooManyRequestsException":
        return TargetFailed("THROTTLING", message, again=True)
    if code in ("InternalFailure", "InternalServerError", "ServerException", "ServiceUnavailable"):
        return TargetFailed("INTERNAL_ERROR", message, again=True)
    return TargetFailed("INVALID_PARAMETER", message)


def _run_task(invocation: Invocation) -> None:
    settings = _ecs_style(invocation.target.get("EcsParameters") or {})
    request = {
        "cluster": invocation.arn,
        "taskDefinition": settings.pop("taskDefinitionArn"),
        "count": settings.pop("taskCount", None) or 1,
        "startedBy": invocation.sender.started_by,
        "overrides": _overrides(invocation.content),
        **{name: value for name, value in settings.items() if value not in (None, [], "")},
    }
    answer = invocation.client("ecs").run_task(**request)
    if answer["failures"]:
        reasons = ", ".join(failure.get("reason", "") for failure in answer["failures"])
        raise TargetFailed("INTERNAL_ERROR", f"RunTask could not place the task: {reasons}", again=True)


def _ecs_style(value: Any) -> Any:
    """EventBridge's and CloudFormation's `LaunchType` is RunTask's `launchType`, at every depth."""
    if isinstance(value, list):
        return [_ecs_style(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, inner in value.items():
        key = name[:1].lower() + name[1:]
        found["awsvpcConfiguration" if key.lower() == "awsvpcconfiguration" else key] = _ecs_style(inner)
    return found


def _overrides(content: str) -> dict[str, Any]:
    """The task overrides that a target's input names; an event as such holds none."""
    found = json.loads(content)
    return {name: found[name] for name in OVERRIDES if name in found} if isinstance(found, dict) else {}


def _start_pipeline(invocation: Invocation) -> None:
    invocation.client("codepipeline").start_pipeline_execution(name=invocation.resource)


def _start_build(invocation: Invocation) -> None:
    given = json.loads(invocation.content)
    overrides = given if isinstance(given, dict) and "detail-type" not in given else {}
    invocation.client("codebuild").start_build(projectName=invocation.resource.partition("/")[2], **overrides)


def queue_url(world: World, arn: str) -> str:
    """A queue's address. It is made from the ARN: to send needs no right to look queues up."""
    _, _, _, _, account, name = arn.split(":")
    return f"{world.endpoint}/{account}/{name}"


def _send_message(invocation: Invocation) -> None:
    group = (invocation.target.get("SqsParameters") or {}).get("MessageGroupId")
    in_group = {"MessageGroupId": group, "MessageDeduplicationId": str(uuid.uuid4())} if group else {}
    invocation.check("sqs:SendMessage")
    url = queue_url(invocation.world, invocation.arn)
    invocation.client("sqs").send_message(QueueUrl=url, MessageBody=invocation.content, **in_group)


def _publish(invocation: Invocation) -> None:
    invocation.check("sns:Publish")
    invocation.client("sns").publish(TopicArn=invocation.arn, Message=invocation.content)


def _put_log_event(invocation: Invocation) -> None:
    group = invocation.resource.removeprefix("log-group:").removesuffix(":*")
    stream = str(uuid.uuid4())
    logs = invocation.client("logs")
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    event = {"timestamp": int(time.time() * 1000), "message": invocation.content}
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


def _put_event(invocation: Invocation) -> None:
    event = json.loads(invocation.content)
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
        "Resources": event.get("resources", []),
        "EventBusName": invocation.arn,
    }
    invocation.client("events").put_events(Entries=[entry])


def _start_execution(invocation: Invocation) -> None:
    invocation.client("stepfunctions").start_execution(
        stateMachineArn=invocation.arn, input=invocation.content
    )


def _universal(invocation: Invocation) -> None:
    """Scheduler's universal target: `arn:aws:scheduler:::aws-sdk:ecs:runTask`, with parameters as input."""
    _, service, action = invocation.resource.split(":")
    operation = action[:1].upper() + action[1:]
    client = invocation.client(service)
    members = client.meta.service_model.operation_model(operation).input_shape.members
    right = {name.lower(): name for name in members}
    given = json.loads(invocation.content or "{}")
    getattr(client, xform_name(operation))(
        **{right.get(name.lower(), name): value for name, value in given.items()}
    )


TARGETS: dict[str, Callable[[Invocation], None]] = {
    "ecs": _run_task,
    "codepipeline": _start_pipeline,
    "codebuild": _start_build,
    "sqs": _send_message,
    "sns": _publish,
    "logs": _put_log_event,
    "events": _put_event,
    "states": _start_execution,
}
