"""`trace`: the way from a task's subnets to the services it needs, as a table and as a picture.

`helpers.network` works the way out from `Describe*` calls alone; here it is asked for the right subnets and
drawn. Nothing is sent anywhere, so the same cell works in the sandbox and in an account.
"""

from __future__ import annotations

import contextlib
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import network, show, stacks, tasks
from .errors import NameUnknown
from .session import Session, verb
from .show import Table, Text

LANE, BOX, LEFT = 58, 118, 128  # heights and widths in the picture, in pixels


@dataclass(frozen=True)
class Place:
    """Where a task stands: its subnets, its security groups, and whether it has a public address."""

    subnets: tuple[str, ...]
    groups: tuple[str, ...]
    public_ip: bool


@dataclass(frozen=True)
class Lane:
    """One way, for all subnets from which it is the same."""

    destination: str
    subnets: tuple[str, ...]
    hops: tuple[network.Hop, ...]

    @property
    def gap(self) -> network.Hop | None:
        return next((hop for hop in self.hops if not hop.ok), None)


@dataclass(frozen=True)
class Picture:
    """The lanes as an inline SVG; a terminal gets one line for each."""

    lanes: Sequence[Lane]

    def plain(self) -> str:
        return "\n".join(f"  {_in_words(lane)}" for lane in self.lanes)

    def html(self) -> str:
        width = LEFT + BOX * (max((len(_reached(lane)) for lane in self.lanes), default=0) + 1)
        height = LANE * len(self.lanes)
        words = html.escape("; ".join(map(_in_words, self.lanes)))
        body = "".join(_drawn(lane, i * LANE) for i, lane in enumerate(self.lanes))
        return (
            f'<div style="overflow-x:auto"><svg role="img" aria-label="{words}" '
            f'viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" style="max-width:none;font:12px sans-serif" '
            f'fill="currentColor" stroke="none"><title>The way to each service, hop by hop</title>'
            f"<desc>{words}</desc>{body}</svg></div>"
        )


@dataclass(frozen=True)
class Trace(show.Noun):
    """The ways from a task's subnets; `ok` when all of them lead through, `gaps` say where others end."""

    place: Place
    paths: tuple[network.Path, ...]
    endpoints: Mapping[str, bool]
    """Service → whether an interface endpoint stands for it, with or without private DNS."""

    @property
    def ok(self) -> bool:
        return all(path.ok for path in self.paths)

    @property
    def gaps(self) -> dict[str, network.Hop]:
        """Destination → the hop at which the way ends, for those that are not reached."""
        return {path.destination: path.gap for path in self.paths if path.gap}

    @property
    def lanes(self) -> tuple[Lane, ...]:
        found: dict[tuple[str, tuple[network.Hop, ...]], list[str]] = {}
        for path in self.paths:
            found.setdefault((path.destination, path.hops), []).append(path.subnet)
        return tuple(Lane(to, tuple(subnets), hops) for (to, hops), subnets in found.items())

    def _view(self) -> Iterator[Any]:
        said = "every service is reached" if self.ok else f"no way to {', '.join(self.gaps)}"
        yield Text(f"From {', '.join(self.place.subnets)}: {said}", title=True)
        yield Picture(self.lanes)
        several = len(self.lanes) > len({lane.destination for lane in self.lanes})
        rows = [  # from which subnets stands there only where it makes a difference
            (lane.destination, *[", ".join(lane.subnets)] * several, hop.name, "✓✗"[not hop.ok], hop.finding)
            for lane in self.lanes
            for hop in _reached(lane)
        ]
        yield Table(("To", *["From"] * several, "Hop", "", "What was found"), rows)


@verb
def trace(session: Session, task_or_subnets: tasks.Task | Sequence[str] | str | None = None) -> Trace:
    """The way from a task to ECR (its API and its registry), S3 and CloudWatch Logs, hop by hop.

    A Task is traced from its own subnet; without anything, the subnets that the schedule uses (or, before it
    is deployed, those of the network stack); else the subnets given. Raises StackMissing, NameUnknown.
    """
    if isinstance(task_or_subnets, tasks.Task):
        where = place_of_task(session, task_or_subnets)
    elif task_or_subnets is None:
        where = place_of_schedule(session) or place_of_stack(session)
    else:
        subnets = [task_or_subnets] if isinstance(task_or_subnets, str) else task_or_subnets
        where = Place(tuple(subnets), *_group_and_address(session))
    return traced(session, where)


def traced(session: Session, where: Place) -> Trace:
    """The ways from one place. Raises NameUnknown when there are no such subnets."""
    ec2 = session.client("ec2")
    try:
        here = network.describe(ec2, where.subnets)
    except ec2.exceptions.ClientError as error:
        if "NotFound" not in error.response["Error"]["Code"]:
            raise
        raise NameUnknown(
            error.response["Error"]["Message"], 'outputs(session, "network") shows the project\'s subnets.'
        ) from None
    inside = [subnet for subnet in where.subnets if subnet in here.subnets]
    buckets = _data_bucket(session)
    found = network.paths(here, inside, where.groups, where.public_ip, network.DESTINATIONS, buckets)
    doors = {e["ServiceName"].split(f".{here.region}.")[-1]: True for e in here.endpoints}
    return Trace(where, tuple(found), {name: name in doors for name in network.DESTINATIONS})


def place_of_task(session: Session, task: tasks.Task) -> Place:
    """The task's own subnet and, while it has a network interface, that interface's groups and address.

    A stopped task's interface is gone; ECS keeps only the subnet, so the rest is read where it came from: the
    schedule's target when the schedule started it, the network stack otherwise.
    """
    found = session.client("ecs").describe_tasks(cluster=task.arn.split("/")[1], tasks=[task.arn])["tasks"]
    details = {
        detail["name"]: detail["value"]
        for attachment in (found[0].get("attachments", ()) if found else ())
        for detail in attachment.get("details", ())
    }
    scheduled = task.started_by.startswith(("events-rule/", "chronos-schedule/"))
    planned = (place_of_schedule(session) if scheduled else None) or place_of_stack(session)
    subnets = (details["subnetId"],) if "subnetId" in details else planned.subnets
    return Place(subnets, planned.groups, planned.public_ip)


def place_of_schedule(session: Session) -> Place | None:
    """Where the schedule's target starts the task; None when there is no such rule or schedule."""
    for target in _targets(session):
        settings = target.get("EcsParameters", {}).get("NetworkConfiguration", {})
        if vpc := settings.get("awsvpcConfiguration"):
            groups = tuple(vpc.get("SecurityGroups", ()))
            return Place(tuple(vpc["Subnets"]), groups, vpc.get("AssignPublicIp") == "ENABLED")
    return None


def _targets(session: Session) -> Sequence[Mapping[str, Any]]:
    """The targets of the project's rule, or of its schedule in EventBridge Scheduler."""
    name, events, scheduler = (
        f"{session.project}-daily",
        session.client("events"),
        session.client("scheduler"),
    )
    with contextlib.suppress(events.exceptions.ResourceNotFoundException):
        return events.list_targets_by_rule(Rule=name)["Targets"]
    with contextlib.suppress(scheduler.exceptions.ResourceNotFoundException):
        return [scheduler.get_schedule(GroupName=session.project, Name=name)["Target"]]
    return []


def place_of_stack(session: Session) -> Place:
    """Where the network stack means tasks to run. Raises StackMissing."""
    subnets = stacks.exported_value(session, "SubnetIds").split(",")
    return Place(tuple(subnets), *_group_and_address(session))


def _group_and_address(session: Session) -> tuple[tuple[str, ...], bool]:
    group = stacks.exported_value(session, "TaskSecurityGroupId")
    return (group,), stacks.exported_value(session, "AssignPublicIp") == "ENABLED"


def _data_bucket(session: Session) -> tuple[str, ...]:
    found = stacks.find(session, session.stack_name("storage"))
    outputs = {o["OutputKey"]: o["OutputValue"] for o in (found or {}).get("Outputs", ())}
    return (outputs["DataBucketName"],) if "DataBucketName" in outputs else ()


# The picture ----------------------------------------------------------------------------------------------


def _reached(lane: Lane) -> tuple[network.Hop, ...]:
    """The hops as far as one gets: what lies behind the gap does not matter."""
    end = lane.hops.index(lane.gap) + 1 if lane.gap else len(lane.hops)
    return lane.hops[:end]


def _in_words(lane: Lane) -> str:
    hops = " → ".join(f"{'✓' if hop.ok else '✗'} {hop.name}" for hop in _reached(lane))
    return f"{lane.destination}: task → {hops}" + ("" if lane.gap else f" → {lane.destination}")


def _drawn(lane: Lane, top: int) -> str:
    middle = top + LANE // 2 - 6
    parts = [
        f'<text x="4" y="{middle - 2}" font-weight="bold">{html.escape(lane.destination)}</text>',
        f'<text x="4" y="{middle + 14}" opacity=".7">{show.counted(len(lane.subnets), "subnet")}</text>',
    ]
    for i, hop in enumerate(_reached(lane)):
        parts.append(_station(LEFT + i * BOX, middle, hop))
    if lane.gap is None:
        x = LEFT + len(lane.hops) * BOX
        parts.append(_line(x - BOX + 11, x - 8, middle, True))
        parts.append(
            f'<text x="{x}" y="{middle + 5}" font-weight="bold">{html.escape(lane.destination)}</text>'
        )
    return "".join(parts)


def _station(x: int, y: int, hop: network.Hop) -> str:
    colour = "var(--jp-success-color1, #2e7d32)" if hop.ok else "var(--jp-error-color1, #c62828)"
    ring = f'<circle cx="{x}" cy="{y}" r="11" fill="none" stroke="{colour}" stroke-width="2"/>'
    sign = f'<text x="{x}" y="{y + 4}" text-anchor="middle">{"✓" if hop.ok else "✗"}</text>'
    words = hop.name.replace("endpoint's security group", "endpoint's group")
    words = html.escape(words.replace("task's security group", "task's group"))
    name = f'<text x="{x}" y="{y + 28}" text-anchor="middle" font-size="11">{words}</text>'
    return _line(x - BOX + 11 if x > LEFT else x - 48, x - 11, y, hop.ok) + ring + sign + name


def _line(start: int, end: int, y: int, ok: bool) -> str:
    dashed = "" if ok else ' stroke-dasharray="4 4"'
    return f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}" stroke="currentColor" opacity=".5"{dashed}/>'
