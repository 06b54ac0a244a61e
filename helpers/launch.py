"""Deploying a stack: create, update or replace it, as its status asks for, and follow it to its end."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from . import live, stacks, templates
from .endings import endings
from .errors import AwsRefused, Interrupted, NameUnknown, StackFailed, StillWorking
from .live import Note, Step
from .session import Session, translated, verb
from .stacks import Stack, StackEvent, Target

COLUMNS = ("Resource", "Type", "Status", "Note")
DEPLOYED = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
STANDING = DEPLOYED | {"UPDATE_ROLLBACK_COMPLETE"}  # usable, although the last update failed
# States from which CloudFormation neither creates nor updates: the stack has to go first.
STUCK = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}


@verb
def deploy(
    session: Session,
    stack_or_path: str | os.PathLike[str],
    parameters: Mapping[str, Any] | None = None,
    *,
    capabilities: Sequence[str] | None = None,
    poll_seconds: float | None = None,
    timeout_minutes: float = 30,
) -> Stack:
    """Deploy one of the eight stacks, or any template file, and follow it live.

    Stacks it builds on are deployed first when they are missing. A stack that exists is updated: a parameter
    that is not given keeps its value, None takes the template's default again. Nothing to do is a result:
    `changed` is False. A stack left over from a failed creation is deleted and created anew. When somebody
    else is at work on the stack, their work is awaited first.
    `capabilities` None acknowledges what the template needs, and says so.

    Raises NameUnknown, TemplateInvalid, AwsRefused, StackFailed (the first resource that failed, and why),
    StillWorking after `timeout_minutes`, Interrupted on Ctrl-C (the stack goes on working).
    """
    wanted = stacks.target(session, stack_or_path)
    given = dict(parameters or {})
    check_parameters(session, wanted, given)
    poll = session.poll_seconds if poll_seconds is None else poll_seconds
    deadline = time.monotonic() + timeout_minutes * 60
    for missing in _missing(session, wanted.template):
        shared = {k: v for k, v in given.items() if k in missing.template.parameters}
        reason = f"{wanted.name} builds on {missing.name}, which is not deployed yet"
        _launch_and_draw(session, missing, shared, None, poll, deadline, reason)
    return _launch_and_draw(session, wanted, given, capabilities, poll, deadline)


def deploy_if_missing(session: Session, stack: str) -> None:
    """Deploy one of the eight stacks unless it stands; one that stands is left as it is."""
    found = stacks.find(session, session.stack_name(stack))
    if found is None or found["StackStatus"] not in STANDING:
        deploy(session, stack)


def deploy_unseen(session: Session, path: str | os.PathLike[str], timeout_minutes: float = 30) -> None:
    """Deploy a template without showing what it changes: for the faults that an exercise plants."""
    wanted, deadline = stacks.target(session, path), time.monotonic() + timeout_minutes * 60
    for _ in _launch(session, wanted, {}, None, session.poll_seconds, deadline):
        pass


def _launch_and_draw(
    session: Session,
    wanted: Target,
    given: Mapping[str, Any],
    capabilities: Sequence[str] | None,
    poll: float,
    deadline: float,
    reason: str = "",
) -> Stack:
    title = f"Deploying {wanted.name}" + (f" ({reason})" if reason else "")
    try:
        return live.draw(_launch(session, wanted, given, capabilities, poll, deadline), title, COLUMNS)
    except KeyboardInterrupt:
        again = f'deploy(session, "{named(wanted)}")'
        raise Interrupted(
            f"Stopped watching. What CloudFormation had begun on {wanted.name} goes on.",
            f"{again} follows it to its end; events(session, {wanted.name!r}) shows where it is.",
        ) from None


def _launch(
    session: Session,
    wanted: Target,
    given: Mapping[str, Any],
    capabilities: Sequence[str] | None,
    poll: float,
    deadline: float,
) -> live.Events:
    """Bring the stack to what the template and the parameters say; returns the Stack."""
    yield from (
        Step(name, live.WAITING, str(r.get("Type", ""))) for name, r in wanted.template.resources.items()
    )
    while time.monotonic() < deadline:
        found = stacks.find(session, wanted.name)
        status = found["StackStatus"] if found else None
        if status in STUCK:
            yield Note(
                f"{wanted.name} is in {status}, which can only be deleted: deleting it, then creating it."
            )
            yield from delete(session, found["StackId"], poll, deadline)
            continue
        if status and status.endswith("_IN_PROGRESS"):
            yield Note(f"{wanted.name} is in {status}: work on it is under way. Waiting for its end.")
            yield from follow(session, found["StackId"], None, poll, deadline)
            continue
        if status and status not in STANDING:
            raise StackFailed(
                wanted.name,
                status,
                None,
                found.get("StackStatusReason"),
                "CloudFormation can only roll it back further: session.client('cloudformation')"
                f".continue_update_rollback(StackName='{wanted.name}'), then deploy again.",
            )
        if found is None and wanted.catalogued == "build":
            yield from _initial_code(session, given)
        seen = _events_so_far(session, found["StackId"]) if found else set()
        try:
            stack_id = _begin(session, wanted, given, capabilities, found)
        except ClientError as error:
            if _somebody_was_faster(error):
                continue
            raise refused(error, wanted) from error
        if stack_id is None:
            yield Note("No changes: the stack is already as the template and the parameters say.")
            return stacks.read_stack(session, wanted.name, changed=False)
        if capabilities is None and wanted.catalogued is None and wanted.template.capabilities:
            yield Note(
                f"The template creates IAM resources or uses a macro: acknowledged {_capabilities(wanted)}."
            )
        status, reason, happened = yield from follow(session, stack_id, seen, poll, deadline)
        yield from endings(wanted.name, status, happened, plain_reason)
        yield Step(wanted.name, status, "stack")
        if status in DEPLOYED:
            return (yield from _at_rest(session, stack_id, poll, deadline))
        raise failure(session, wanted.name, status, reason, happened, named(wanted))
    raise StillWorking(
        f"{wanted.name} was never free to be deployed.", "See who else works on it: events(session, …)."
    )


def _begin(
    session: Session,
    wanted: Target,
    given: Mapping[str, Any],
    capabilities: Sequence[str] | None,
    found: dict[str, Any] | None,
) -> str | None:
    """Ask CloudFormation to create or update; the stack's id, or None when there is nothing to update."""
    cloudformation = session.client("cloudformation")
    request = request_for(session, wanted, given, capabilities, found)
    if found is None:
        return cloudformation.create_stack(**request)["StackId"]
    try:
        return cloudformation.update_stack(**request)["StackId"]
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return None
        raise


def request_for(
    session: Session,
    wanted: Target,
    given: Mapping[str, Any],
    capabilities: Sequence[str] | None,
    found: dict[str, Any] | None,
) -> dict[str, Any]:
    """What CreateStack, UpdateStack and CreateChangeSet have in common."""
    previous = {p["ParameterKey"] for p in (found or {}).get("Parameters", ())}
    chosen = []
    for name in wanted.template.parameters:
        if name == "Project":
            chosen.append({"ParameterKey": name, "ParameterValue": session.project})
        elif given.get(name) is not None:
            chosen.append({"ParameterKey": name, "ParameterValue": as_text(given[name])})
        elif name in previous and name not in given:
            chosen.append({"ParameterKey": name, "UsePreviousValue": True})
    return {
        "StackName": wanted.name,
        "TemplateBody": wanted.template.body,
        "Parameters": chosen,
        "Capabilities": list(wanted.template.capabilities if capabilities is None else capabilities),
        "Tags": [{"Key": "Project", "Value": session.project}],
    }


def check_parameters(session: Session, wanted: Target, given: Mapping[str, Any]) -> None:
    """Raises NameUnknown for a parameter that the template does not have, before AWS is asked anything."""
    known = [name for name in wanted.template.parameters if name != "Project"]
    unknown = [name for name in given if name not in known and name != "Project"]
    if unknown:
        raise NameUnknown(
            f"{wanted.name} has no parameter {', '.join(f'`{name}`' for name in unknown)}.",
            f"Its parameters are {', '.join(known) or 'none'}.",
        )
    if str(given.get("Project", session.project)) != session.project:
        raise NameUnknown(
            f"The project is `{session.project}`: it comes from the session, not from a parameter.",
            f'Open another session for another project: open_session(project="{given["Project"]}").',
        )


def as_text(value: Any) -> str:
    """A parameter's value as CloudFormation takes it: everything is text, a list is joined by commas."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _missing(session: Session, template: templates.Template) -> list[Target]:
    """The stacks the template imports from that are not deployed, in the order in which they have to be."""
    names: list[str] = []

    def visit(wanted: set[str]) -> None:
        for name in stacks.CATALOGUE:
            exporting = stacks.catalogued(name)
            if name not in names and wanted & set(exporting.exported(session.project)):
                found = stacks.find(session, session.stack_name(name))
                if found is None or found["StackStatus"] not in STANDING:
                    visit(exporting.imported(session.project))
                    names.append(name)

    visit(template.imported(session.project))
    return [stacks.target(session, name) for name in names]


def _initial_code(session: Session, given: Mapping[str, Any]) -> Generator[live.Event, None, None]:
    """The ZIP that CodeCommit starts from has to be in the artifact bucket before the stack is created."""
    from . import source  # here, because it needs deployed stacks, and only this one needs it

    key = as_text(given.get("SourceKey") or source.SOURCE_KEY)
    if not source.has_code(session, key):
        stored = source.put_code(session, source.SAMPLE_JOB, key)
        yield Note(
            f"The repository starts from a ZIP in the artifact bucket: uploaded sample_job/ as {stored.key}."
        )


def delete(
    session: Session, stack_id: str, poll: float, deadline: float
) -> Generator[live.Event, None, tuple[str, str, list[StackEvent]]]:
    """Delete a stack and follow it until it is gone. Raises StackFailed when it will not go."""
    seen = _events_so_far(session, stack_id)
    name = stack_id.split("/")[1]
    try:
        session.client("cloudformation").delete_stack(StackName=stack_id)
    except (
        ClientError
    ) as error:  # an export in use, or termination protection: refused before anything happens
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        told = error.response["Error"]["Message"]
        raise StackFailed(name, "the state it was in", None, told, advice(session, name, told)) from None
    status, reason, happened = yield from follow(session, stack_id, seen, poll, deadline)
    if status != "DELETE_COMPLETE":
        raise failure(session, name, status, reason, happened)
    return status, reason, happened


def _at_rest(
    session: Session, stack_id: str, poll: float, deadline: float
) -> Generator[live.Event, None, Stack]:
    """The deployed stack. Another notebook may have begun to change it at once: that is waited for too."""
    while (stack := stacks.read_stack(session, stack_id, changed=True)).status.endswith("_IN_PROGRESS"):
        yield Note(f"{stack.name} is in {stack.status}: somebody changes it already. Waiting for its end.")
        yield from follow(session, stack_id, None, poll, deadline)
    return stack


def follow(
    session: Session, stack_id: str, seen: set[str] | None, poll: float, deadline: float
) -> Generator[live.Event, None, tuple[str, str, list[StackEvent]]]:
    """Yield the stack's events until it comes to rest; returns its status, the reason and the events.

    `seen` are the ids of past events; None means all so far. By stack id: a deleted stack has no name.
    """
    if seen is None:
        seen = _events_so_far(session, stack_id)
    happened: list[StackEvent] = []
    while True:
        found = session.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"][0]
        for raw in fresh_events(session, stack_id, seen):
            seen.add(raw["EventId"])
            event = stacks.event_of(raw)
            happened.append(event)
            if raw.get("PhysicalResourceId") != stack_id:
                yield Step(event.resource, event.status, event.type, _worth_saying(event))
        status = found["StackStatus"]
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            return status, found.get("StackStatusReason", ""), happened
        if time.monotonic() > deadline:
            raise StillWorking(
                f"{found['StackName']} is still in {status}; the time to wait is over.",
                "Deploy it again to go on watching, or give a longer timeout_minutes.",
            )
        yield from live.pause(poll)


def _events_so_far(session: Session, stack_id: str) -> set[str]:
    return {event["EventId"] for event in fresh_events(session, stack_id, set())}


def fresh_events(session: Session, stack_id: str, seen: set[str]) -> list[dict[str, Any]]:
    """The events that are not in `seen`, oldest first."""
    fresh: list[dict[str, Any]] = []
    for page in (
        session.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack_id)
    ):
        for event in page["StackEvents"]:
            if event["EventId"] in seen:
                return fresh[::-1]
            fresh.append(event)
    return fresh[::-1]


def _worth_saying(event: StackEvent) -> str:
    telling = (
        event.status.endswith("FAILED") or "requires the creation of a new physical resource" in event.reason
    )
    return plain_reason(event.reason) if telling else ""


def plain_reason(reason: str) -> str:
    """A reason without its wrapping: the handler's prefix, and request numbers that only AWS can look up."""
    inner = re.search(
        r'^Resource handler returned message: "(.*)" \(RequestToken: [^)]*\)', reason, re.DOTALL
    )
    return re.sub(r"\s*\(Service: [^()]*Request ID: [^()]*\)", "", inner[1] if inner else reason).strip()


def first_failure(events: Sequence[StackEvent], stack: str) -> StackEvent | None:
    """The event that began the failure: the resources cancelled after it are its consequences."""
    failed = [e for e in events if e.status.endswith("_FAILED")]
    causes = [e for e in failed if not re.search(r"^Resource \w+ cancelled", e.reason)]
    return next((e for e in causes if e.resource != stack), causes[0] if causes else None)


def failure(
    session: Session,
    stack: str,
    status: str,
    reason: str,
    happened: Sequence[StackEvent],
    call: str | None = None,
) -> StackFailed:
    """The first failure among `happened`, and what to do next; `call` is what a verb takes for the stack."""
    first = first_failure(happened, stack)
    if first is None:  # refused before any resource was begun, such as an import that does not exist
        told = next((e.reason for e in happened if "ROLLBACK_IN_PROGRESS" in e.status and e.reason), reason)
        return StackFailed(stack, status, None, told, advice(session, stack, told, call))
    told = plain_reason(first.reason)
    return StackFailed(stack, status, first.resource, told, advice(session, stack, told, call))


def named(wanted: Target) -> str:
    """What a verb takes for it: one of the eight, or a template's path (in the project: from its folder)."""
    path = wanted.template.path
    inside = path.is_relative_to(stacks.ROOT)
    return wanted.catalogued or (path.relative_to(stacks.ROOT) if inside else path).as_posix()


def advice(session: Session, stack: str, reason: str, call: str | None = None) -> str:
    """What to do about a reason that CloudFormation gives; `call` is what a verb takes for the stack."""
    stack = call or stack.removeprefix(f"{session.project}-")
    again = f'then deploy(session, "{stack}") again'
    if export := re.search(r"No export named (\S+) found", reason):
        for name in stacks.CATALOGUE:
            if export[1] in stacks.catalogued(name).exported(session.project):
                return f'deploy(session, "{name}") gives that export; {again}.'
        return f"No stack exports {export[1]}: deploy the one that does, {again}."
    if re.search(r"already exists", reason):
        return f"Something outside this stack has that name: delete it, or take another project, {again}."
    if re.search(r"not authorized|AccessDenied|is not allowed to", reason):
        return f"The credentials lack that right: ask whoever owns the account, {again}."
    if "in use by" in reason or "as it is in use" in reason:
        return "Delete the stacks that import it first, the last one first."
    if "No Fargate configuration" in reason:
        return f'explain(session, "{stack}", "Cpu") shows the pairs that Fargate sells; {again}.'
    if "not empty" in reason:
        return "teardown(session) empties the buckets before it deletes the stacks."
    return (
        f'Correct the template or the parameter, {again}; events(session, "{stack}") shows all that happened.'
    )


def refused(error: ClientError, wanted: Target) -> Exception:
    """CloudFormation's refusal of a call, with what to do about it."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    stack = named(wanted)
    if code == "InsufficientCapabilitiesException":
        advice = f"Leave `capabilities` out, or give {_capabilities(wanted)}."
    elif parameter := re.search(r"[Pp]arameters?:? '?\[?(\w+)", message):
        advice = f'explain(session, "{stack}", "{parameter[1]}") shows what the parameter takes.'
    elif code == "ValidationError":
        advice = "Correct the template or the parameters; AWS made nothing."
    else:
        return translated(error)
    return AwsRefused(code, error.operation_name, message, advice)


def _capabilities(wanted: Target) -> str:
    return ", ".join(wanted.template.capabilities) or "none"


def _somebody_was_faster(error: ClientError) -> bool:
    """Between our look and our call another notebook began: look again."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code in ("AlreadyExistsException", "OperationInProgressException") or bool(
        code == "ValidationError"
        and re.search(r"is in \w+_IN_PROGRESS state|^Stack\W.*does not exist", message)
    )
