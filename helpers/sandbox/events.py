"""EventBridge: rules are moto's, after our checks; that they fire and reach their targets is ours.

moto calls its own rules in several places (PutEvents, a replayed archive); all of them end in one method,
which is replaced here, and so is what S3 says of an object: every event takes the same way (event_bus.py).

Error messages are those that EventBridge was seen to answer (cdk-preflight's measurements of 2026-09-07 and
LocalStack's tests that are marked as validated against AWS; read 2026-11-23).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from functools import wraps
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from moto.events.models import EventsBackend, Rule
from moto.s3 import notifications as s3_notifications
from moto.scheduler.exceptions import ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend

from helpers import schedules

from . import event_inputs, event_patterns
from .event_bus import EventBus, new_event
from .schedule_loop import ScheduleLoop
from .service import MOTO, AwsError, Call, Service

if TYPE_CHECKING:
    from .world import World

TARGETS_OF_A_RULE = 5
RULE_STATES = ("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
NEED_A_ROLE = ("ecs", "codepipeline", "codebuild", "states", "firehose", "kinesis", "batch", "ssm")
EVENT_FIELDS = ("id", "account", "source", "time", "region", "resources", "detail-type")
S3_REASONS = {  # the last part of S3's own event names
    "Put": "PutObject",
    "Post": "POST Object",
    "Copy": "CopyObject",
    "Delete": "DeleteObject",
    "DeleteMarkerCreated": "DeleteObject",
}

service = Service("events")
_buses: WeakKeyDictionary[World, EventBus] = WeakKeyDictionary()


@service.on_start
def start(world: World) -> None:
    """Begin to deliver events and to fire schedules."""
    bus = _buses[world] = EventBus(world)
    loop = ScheduleLoop(world, bus)
    s3_notifications._send_event_bridge_message = lambda account, bucket, name, key: bus.put(
        bucket.region_name, _object_event(account, bucket, name, key)
    )
    Rule.send_to_targets = lambda rule, event, transform_input=True: bus.offer(rule, _from_moto(event))
    for name in ("put_rule", "enable_rule", "disable_rule", "delete_rule"):
        _after(EventsBackend, name, loop.wake)
    for name in ("create_schedule", "update_schedule"):
        _before(EventBridgeSchedulerBackend, name, _check_schedule)
    for name in ("create_schedule", "update_schedule", "delete_schedule", "delete_schedule_group"):
        _after(EventBridgeSchedulerBackend, name, loop.wake)
    world.spawn("schedules", loop.run)


def publish(world: World, region: str, entry: dict[str, Any]) -> None:
    """Put an event of an AWS service on the region's default bus; returns at once.

    `entry` has `source`, `detail-type`, `detail` (a dict) and `resources`.
    """
    bus = _buses.get(world)
    if bus:
        bus.put(
            region,
            new_event(
                world.account,
                region,
                entry["source"],
                entry["detail-type"],
                json.loads(json.dumps(entry["detail"])),
                list(entry["resources"]),
            ),
        )


# Where moto is listened to --------------------------------------------------------------------------------


def _after(backend: type, name: str, then: Callable[[], None]) -> None:
    """Call `then` whenever moto's backend has done something, whoever asked for it."""
    original = getattr(backend, name)

    @wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        then()
        return result

    setattr(backend, name, method)


def _before(backend: type, name: str, check: Callable[..., None]) -> None:
    """Call `check` with the arguments before moto's backend does something."""
    original = getattr(backend, name)

    @wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        check(**kwargs)
        return original(self, *args, **kwargs)

    setattr(backend, name, method)


def _from_moto(event: dict[str, Any]) -> dict[str, Any]:
    """An event as moto makes it, in the form in which EventBridge delivers it."""
    moment = event.get("time")
    if isinstance(moment, int | float):
        moment = datetime.fromtimestamp(moment, timezone.utc)
    made = new_event(
        event["account"],
        event["region"],
        event["source"],
        event["detail-type"],
        event["detail"],
        list(event.get("resources") or []),
        moment if isinstance(moment, datetime) else None,
    )
    return {**made, "id": event.get("id") or made["id"]}


def _object_event(account: str, bucket: Any, name: str, key: Any) -> dict[str, Any]:
    """What S3 says of an object that was written or deleted.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html (2026-11-23)
    """
    about = {"key": key.name, "size": key.size, "etag": key.etag.strip('"'), "version-id": key.version_id}
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": {field: value for field, value in about.items() if value not in (None, "null")},
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": account,
        "source-ip-address": "127.0.0.1",
        "reason": S3_REASONS.get(name.rpartition(":")[2], name.rpartition(":")[2]),
    }
    detail_type = s3_notifications._detail_type(name)
    return new_event(account, bucket.region_name, "aws.s3", detail_type, detail, [bucket.arn])


# Checks in front of moto ----------------------------------------------------------------------------------


def invalid(message: str) -> AwsError:
    """A ValidationException."""
    return AwsError("ValidationException", message)


def check_rule(params: dict[str, Any]) -> None:
    """Whether EventBridge takes these parameters of PutRule. Raises AwsError."""
    expression, pattern = params.get("ScheduleExpression"), params.get("EventPattern")
    if not re.fullmatch(r"[.\-_A-Za-z0-9]{1,64}", params.get("Name") or ""):
        raise invalid(
            f"1 validation error detected: Value '{params.get('Name')}' at 'name' failed to satisfy "
            r"constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+"
        )
    if params.get("State", "ENABLED") not in RULE_STATES:
        raise invalid(
            f"1 validation error detected: Value '{params['State']}' at 'state' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(RULE_STATES)}]"
        )
    if pattern:
        _check_pattern(pattern)
    if expression:
        bus = (params.get("EventBusName") or "default").rpartition("/")[2]
        if bus != "default":
            raise invalid("ScheduleExpression is supported only on the default event bus.")
        try:
            schedules.parse(expression)
        except schedules.ScheduleInvalid as error:
            raise invalid("Parameter ScheduleExpression is not valid.") from error


def _check_pattern(text: str) -> dict[str, Any]:
    try:
        return event_patterns.parse(text)
    except event_patterns.PatternInvalid as error:
        raise AwsError(
            "InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}"
        ) from error


def check_target(target: dict[str, Any]) -> None:
    """Whether EventBridge takes a target. Raises AwsError."""
    name, arn = target["Id"], target["Arn"]
    if not re.fullmatch(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", arn):
        raise invalid(f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.")
    kind = arn.split(":")[2]
    if kind in NEED_A_ROLE and not target.get("RoleArn"):
        raise invalid(f"RoleArn is required for target {arn}.")
    if kind == "ecs" and not target.get("EcsParameters"):
        raise invalid(f"Parameter(s) EcsParameters must be specified for target: {name}.")
    if kind != "ecs" and target.get("EcsParameters"):
        raise invalid(f"Parameter(s) EcsParameters not supported for target: {name}.")
    if kind == "ecs":
        definition = target["EcsParameters"].get("TaskDefinitionArn") or ""
        if definition.count(":") > 3 and definition.split(":")[3] != arn.split(":")[3]:
            raise invalid(f"Region of {arn} does not match region of {definition}")
    if sum(bool(target.get(way)) for way in ("Input", "InputPath", "InputTransformer")) > 1:
        raise invalid(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}."
        )
    if target.get("Input"):
        try:
            json.loads(target["Input"])
        except ValueError as error:
            raise invalid(f"JSON syntax error in input for target {name}.") from error
    paths = [
        target.get("InputPath"),
        *((target.get("InputTransformer") or {}).get("InputPathsMap") or {}).values(),
    ]
    for path in filter(None, paths):
        if not re.fullmatch(r"\$(\.[^.\[\]'\"]+|\[\d+\])*", path):
            raise invalid(f"InputPath for target {name} is invalid.")
    if target.get("InputTransformer"):
        _check_template(name, target["InputTransformer"])
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if queue and queue.split(":")[2] != "sqs":
        raise invalid(f"{queue.split(':')[2]} is not supported as a dead letter resource.")
    if queue and queue.endswith(".fifo"):
        raise invalid("SQS FIFO is not supported by Dead Letter Queues.")


def _check_template(target: str, transformer: dict[str, Any]) -> None:
    template = transformer.get("InputTemplate") or ""
    known = {*(transformer.get("InputPathsMap") or {}), *event_inputs.PREDEFINED}
    for placeholder in event_inputs.placeholders(template):
        if placeholder not in known:
            raise invalid(f"InputTemplate for target {target} contains invalid placeholder {placeholder}.")
        if placeholder == "aws.events.event.json" and not template.lstrip().startswith("{"):
            raise invalid(
                f"InputTemplate for target {target} contains placeholder {placeholder} valid only for JSON "
                "template."
            )


@service.operation("PutRule")
def put_rule(call: Call) -> object:
    check_rule(call.params)
    return MOTO


@service.operation("PutTargets")
def put_targets(call: Call) -> object:
    backend = call.world.moto("events", call.region)
    bus = backend.event_buses.get((call.params.get("EventBusName") or "default").rpartition("/")[2])
    rule = bus.rules.get(call.params["Rule"]) if bus else None
    for target in call.params["Targets"]:
        check_target(target)
    if rule:
        ids = {target["Id"] for target in [*rule.targets, *call.params["Targets"]]}
        if len(ids) > TARGETS_OF_A_RULE:
            raise AwsError(
                "LimitExceededException", "The requested resource exceeds the maximum number allowed."
            )
    return MOTO


@service.operation("TestEventPattern")
def test_event_pattern(call: Call) -> dict[str, bool]:
    pattern = _check_pattern(call.params["EventPattern"])
    try:
        event = json.loads(call.params["Event"])
    except ValueError as error:
        raise invalid("Parameter Event is not valid. Reason: Invalid JSON") from error
    missing = [name for name in EVENT_FIELDS if not isinstance(event, dict) or name not in event]
    if missing:
        raise invalid(
            f"Parameter Event is not valid. Reason: Missing required field(s): {', '.join(missing)}"
        )
    return {"Result": event_patterns.matches(pattern, event)}


def _check_schedule(**given: Any) -> None:
    """Whether Scheduler takes a schedule. Its API names no operation in a header: moto's own method asks."""
    expression, zone = given["schedule_expression"], given.get("schedule_expression_timezone") or "UTC"
    try:
        schedules.parse(expression, scheduler=True)
    except schedules.ScheduleInvalid as error:
        raise ValidationException(f"Invalid Schedule Expression {expression}.") from error
    try:
        schedules.time_zone(zone)
    except schedules.ScheduleInvalid as error:
        raise ValidationException(f"The provided time zone {zone} is not valid.") from error
