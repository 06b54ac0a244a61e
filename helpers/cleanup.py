"""Taking everything down again, and proving that it is gone.

What belongs to the project is a stack named `<project>-…` *and* tagged Project=<project>. Nothing else is
deleted: what the search afterwards finds is reported, because a name alone does not prove whose it is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from . import launch, leftovers, live, show, stacks
from .errors import Interrupted, StackFailed, TeardownIncomplete
from .live import Note, Step
from .session import Session, verb
from .show import Status, Table, Text, counted


@dataclass(frozen=True)
class Cleared(show.Noun):
    """What teardown deleted, and what it still found afterwards. `clean` is True when nothing is left."""

    project: str
    deleted: tuple[str, ...]
    leftovers: tuple[leftovers.Leftover, ...]

    @property
    def clean(self) -> bool:
        return not self.leftovers

    def _view(self) -> Iterator[show.Block]:
        said = f"{counted(len(self.deleted), 'stack')} deleted" if self.deleted else "no stack to delete"
        left = "nothing of the project is left" if self.clean else f"left over: {len(self.leftovers)}"
        yield Text(f"{self.project} · {said} · {left}", title=True)
        if self.leftovers:
            rows = [(item.kind, item.name, item.note) for item in self.leftovers]
            yield Table(("Kind", "Name", "Note"), rows, "Still there, and not deleted")


@verb
def teardown(session: Session, *, poll_seconds: float | None = None, timeout_minutes: float = 60) -> Cleared:
    """Delete everything the project made, then look for anything that is left.

    The schedule is switched off and running work is stopped first; buckets (every version) and registries are
    emptied; the stacks go in the reverse order of their imports. A deletion that fails is tried once more.
    It asks nothing, and it can be run again. Raises TeardownIncomplete, Interrupted, StillWorking.
    """
    poll = session.poll_seconds if poll_seconds is None else poll_seconds
    deadline = time.monotonic() + timeout_minutes * 60
    title = f"Taking down {session.project}"
    try:
        return live.draw(_teardown(session, poll, deadline), title, ("What", "Type", "Status", "Note"))
    except KeyboardInterrupt:
        raise Interrupted("Stopped; what is deleted stays deleted.", "teardown(session) goes on.") from None


def _teardown(session: Session, poll: float, deadline: float) -> live.Events:
    mine, notes = _project_stacks(session)
    yield from map(Note, notes)
    for stack in mine.values():
        yield Step(stack.name, live.WAITING, "stack")
    found = [resource for stack in mine.values() for resource in stack.resources.rows]
    yield from _stop_work(session, found, poll, deadline)
    yield from _empty(session, found)
    deleted = []
    while mine:
        name = _next_to_delete(session, mine)
        yield from _delete(session, mine.pop(name), poll, deadline)
        deleted.append(name)
    yield Note("Looking for anything that is left.")
    left = []
    for item in leftovers.search(session):
        left.append(item)
        yield Step(item.name, "left over", item.kind, item.note)
    return Cleared(session.project, tuple(deleted), tuple(left))


def _project_stacks(session: Session) -> tuple[dict[str, stacks.Stack], list[str]]:
    """The project's stacks by name; and a sentence for each that has the name but not the tag."""
    mine, notes = {}, []
    for page in session.client("cloudformation").get_paginator("describe_stacks").paginate():
        for raw in page["Stacks"]:
            name, tags = raw["StackName"], {t["Key"]: t["Value"] for t in raw.get("Tags", ())}
            if (
                not name.startswith(f"{session.project}-")
                or raw["StackStatus"] == "DELETE_COMPLETE"
                or "ParentId" in raw
            ):
                continue
            if tags.get("Project") == session.project:
                mine[name] = stacks.read_stack(session, raw["StackId"])
            else:
                notes.append(f"{name} has no tag Project={session.project}: it is somebody else's and stays.")
    return mine, notes


def _next_to_delete(session: Session, mine: dict[str, stacks.Stack]) -> str:
    """A stack that no other imports from. CloudFormation knows the imports; a list here could be stale."""
    for name, stack in reversed(mine.items()):
        users = {user for export in stack.exports for user in stacks.importers(session, export)}
        if not users & (set(mine) - {name}):
            return name
    return next(reversed(mine))


def _stop_work(
    session: Session, found: list[stacks.Resource], poll: float, deadline: float
) -> Generator[live.Event, None, None]:
    """Switch the rules off first, or one starts a task while its cluster goes; then stop what runs."""
    for resource in _of(found, "AWS::Events::Rule"):
        yield from _if_there(_switch_off(session, resource.physical_id.rpartition("|")[2]))
    groups = [resource.physical_id for resource in _of(found, "AWS::Scheduler::ScheduleGroup")]
    for resource in _of(found, "AWS::Scheduler::Schedule"):
        yield from _if_there(_pause(session, (groups or ["default"])[0], resource.physical_id))
    for resource in _of(found, "AWS::CodePipeline::Pipeline"):
        yield from _if_there(_stop_pipeline(session, resource.physical_id))
    for resource in _of(found, "AWS::CodeBuild::Project"):
        yield from _if_there(_stop_builds(session, resource.physical_id))
    for resource in _of(found, "AWS::ECS::Cluster"):
        yield from _if_there(_stop_tasks(session, resource.physical_id, poll, deadline))


def _switch_off(session: Session, rule: str) -> Iterator[live.Event]:
    session.client("events").disable_rule(Name=rule)
    yield Step(rule, "switched off", "rule")


def _pause(session: Session, group: str, name: str) -> Iterator[live.Event]:
    """Switch a schedule off. Its API has no verb for that: everything is said again, with another state."""
    scheduler = session.client("scheduler")
    found = scheduler.get_schedule(GroupName=group, Name=name)
    read_only = {"Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"}
    given = {key: value for key, value in found.items() if key not in read_only}
    scheduler.update_schedule(**{**given, "State": "DISABLED"})
    yield Step(name, "switched off", "schedule")


def _stop_pipeline(session: Session, name: str) -> Iterator[live.Event]:
    client = session.client("codepipeline")
    for execution in client.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]:
        if execution["status"] == "InProgress":
            client.stop_pipeline_execution(
                pipelineName=name,
                pipelineExecutionId=execution["pipelineExecutionId"],
                abandon=True,
                reason="teardown",
            )
            yield Step(f"pipeline {name}", "ended", "execution")


def _stop_builds(session: Session, project: str) -> Iterator[live.Event]:
    client = session.client("codebuild")
    ids = client.list_builds_for_project(projectName=project)["ids"][:100]
    for build in client.batch_get_builds(ids=ids)["builds"] if ids else ():
        if build["buildStatus"] == "IN_PROGRESS":
            client.stop_build(id=build["id"])
            yield Step(f"build {project}", "ended", "build")


def _stop_tasks(
    session: Session, cluster: str, poll: float, deadline: float
) -> Generator[live.Event, None, None]:
    ecs = session.client("ecs")
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus="RUNNING")
    running = [arn for page in pages for arn in page["taskArns"]]
    for arn in running:
        ecs.stop_task(cluster=cluster, task=arn, reason="teardown")
        yield Step(f"task {arn.rsplit('/', 1)[-1]}", "STOPPING", "task")
    while running and time.monotonic() < deadline:
        for task in ecs.describe_tasks(cluster=cluster, tasks=running[:100])["tasks"]:
            if task["lastStatus"] == "STOPPED":
                running.remove(task["taskArn"])
                yield Step(f"task {task['taskArn'].rsplit('/', 1)[-1]}", "ended", "task")
        if running:
            yield from live.pause(poll)


def _empty(session: Session, found: list[stacks.Resource]) -> Iterator[live.Event]:
    for resource in _of(found, "AWS::S3::Bucket"):
        yield from _if_there(_empty_bucket(session, resource))
    for resource in _of(found, "AWS::ECR::Repository"):
        yield from _if_there(_empty_repository(session, resource))


def _empty_bucket(session: Session, resource: stacks.Resource) -> Iterator[live.Event]:
    """Delete every version, every delete marker and every unfinished upload."""
    s3, bucket, count = session.client("s3"), resource.physical_id, 0
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        objects = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions]
        answer = (
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True}) if objects else {}
        )
        if refused := answer.get("Errors"):
            what = f"{counted(len(refused), 'object')} in {bucket} cannot be deleted: {refused[0]['Message']}"
            raise TeardownIncomplete(
                what, "Ask the account's owner for the right, then teardown(session) again."
            )
        count += len(objects)
    yield Step(resource.logical_id, "emptied", "bucket", counted(count, "object version"))


def _empty_repository(session: Session, resource: stacks.Resource) -> Iterator[live.Event]:
    ecr, repository = session.client("ecr"), resource.physical_id
    pages = ecr.get_paginator("list_images").paginate(repositoryName=repository)
    digests = sorted({image["imageDigest"] for page in pages for image in page["imageIds"]})
    for begin in range(0, len(digests), 100):
        ids = [{"imageDigest": digest} for digest in digests[begin : begin + 100]]
        ecr.batch_delete_image(repositoryName=repository, imageIds=ids)
    yield Step(resource.logical_id, "emptied", "registry", counted(len(digests), "image"))


def _if_there(events: Iterator[live.Event]) -> Iterator[live.Event]:
    """What somebody has deleted by hand already needs no stopping and no emptying."""
    try:
        yield from events
    except ClientError as error:
        if not re.search("NotFound|NoSuch|DoesNotExist", error.response["Error"]["Code"]):
            raise


def _delete(
    session: Session, stack: stacks.Stack, poll: float, deadline: float
) -> Generator[live.Event, None, None]:
    """Delete one stack; when it will not go, say why and try once more."""
    yield Step(stack.name, "DELETE_IN_PROGRESS", "stack")
    for attempt in ("first", "last"):
        try:
            if stack.status.endswith("_IN_PROGRESS"):
                yield from _quietly(launch.follow(session, stack.id, None, poll, deadline))
            yield from _quietly(launch.delete(session, stack.id, poll, deadline))
            break
        except StackFailed as failed:
            if attempt == "last":
                raise TeardownIncomplete(
                    failed.what, failed.next_step or "teardown(session) tries again."
                ) from None
            yield Note(
                f"{stack.name} did not go: {failed.reason}. Emptying what it holds, and trying once more."
            )
            yield from _empty(session, list(stack.resources.rows))
    yield Step(stack.name, "DELETE_COMPLETE", "stack", counted(len(stack.resources), "resource"))


def _quietly(events: live.Events) -> Generator[live.Event, None, Any]:
    """A stack's own steps would crowd the table of stacks out: let the failures and the seconds through."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value
        if not isinstance(event, Step) or Status(event.state).sign == "✗":
            yield event


def _of(found: list[stacks.Resource], kind: str) -> Iterator[stacks.Resource]:
    return (r for r in found if r.type == kind and r.physical_id)
