"""The running meter: what is deployed now, and what it costs an hour, a day and a month.

It asks the services themselves (Describe and List only), for the bill is about what is there, whatever a
template wanted. Counted is what carries the project's tag or, where there are no tags to look for, its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from botocore.exceptions import ClientError

from . import fargate, leftovers, pricing, show, stacks
from .errors import StackMissing
from .pricing import price, usd
from .session import Session, verb
from .show import counted

GB = 1e9
_STANDING = ("available", "pending", "Available", "Pending")
RUNNING = "a task that runs now"
Names = Callable[[str], list[str]]


@dataclass(frozen=True)
class Item:
    """Something deployed: what it costs an hour by standing there, and what its use costs on top."""

    what: str
    standing: float
    use: str = ""
    note: str = ""


@dataclass(frozen=True)
class Meter(show.Rows):
    """What is deployed now, dearest first, in US dollars."""

    project: str
    region: str
    sandbox: bool
    rows: tuple[Item, ...]
    unseen: tuple[str, ...] = ()

    @property
    def per_hour(self) -> float:
        """What all of it costs an hour, used or not."""
        return sum(item.standing for item in self.rows)

    @property
    def per_day(self) -> float:
        return self.per_hour * 24

    @property
    def per_month(self) -> float:
        return self.per_hour * pricing.hours_per_month()

    def _view(self) -> Iterator[show.Block]:
        yield show.Text(f"{self.project} · US dollars for standing there, and for use on top", title=True)
        rows = [(item.what, *self._amounts(item.standing), item.use, item.note) for item in self.rows]
        if rows:
            rows.append(("Everything", *self._amounts(self.per_hour), "", ""))
        heads = ("What", "an hour", "a day", "a month", "use, on top", "note")
        yield show.Table(heads, rows, empty="Nothing that costs money is deployed.")
        for what in self.unseen:
            yield show.Text(f"Not seen: {what}")
        where = f"only {self.region} is seen"
        if self.sandbox:
            where = "in the sandbox nobody pays, in an account you would"
        yield show.Text(f"{pricing.basis()}; a month is {pricing.hours_per_month()} hours; {where}.")

    def _amounts(self, per_hour: float) -> tuple[str, str, str]:
        month = per_hour * pricing.hours_per_month()
        return usd(per_hour, 4), usd(per_hour * 24), usd(month)


@verb
def cost(session: Session) -> Meter:
    """What the project has deployed now, and what that costs an hour, a day and a month; it changes nothing.

    Counted is what has the project's tag or name, in the session's region. What belongs to others is not.
    In an account, AWS's own Cost Explorer and the bill have the last word; they are a day behind.
    """
    found: list[Item] = []
    unseen: list[str] = []
    names = _by_name(session)
    looks = [partial(look, session) for look in _BY_TAG]
    looks += [partial(look, session, names) for look in _BY_NAME]
    for look in looks:
        try:
            found.extend(look())
        except ClientError as error:
            answer = error.response["Error"]["Code"]
            unseen.append(f"AWS refused {error.operation_name} with {answer}")
    # Rounded, so that bytes more or less in a bucket do not change the order of the table.
    rows = sorted(found, key=lambda item: (-round(item.standing, 4), item.what))
    return Meter(session.project, session.region, session.sandbox, tuple(rows), tuple(dict.fromkeys(unseen)))


def _by_name(session: Session) -> Names:
    """A function that gives the project's things of a kind, found by their names, without its neighbours'."""

    @cache
    def others() -> frozenset[str]:
        return leftovers.neighbours(session)

    return lambda kind: leftovers.names(session, kind, others())


def _tagged(session: Session, operation: str, key: str) -> Iterator[dict[str, Any]]:
    """What EC2 lists under the project's tag, as far as it stands and is paid for."""
    for item in leftovers.tagged(session, operation, key):
        if item.get("State", "available") in _STANDING:
            yield item


def _endpoints(session: Session) -> Iterator[Item]:
    """An interface endpoint costs for each zone that it stands in; a gateway endpoint costs nothing."""
    for endpoint in _tagged(session, "describe_vpc_endpoints", "VpcEndpoints"):
        service = endpoint["ServiceName"].split(f"{session.region}.")[-1]
        if endpoint["VpcEndpointType"] != "Interface":
            yield Item(f"gateway endpoint for {service}", 0, "nothing", "a route, free of charge")
            continue
        zones = len(endpoint["SubnetIds"])
        per_gb = f"{usd(price('endpoint_gb'))} per GB"
        yield Item(
            f"interface endpoint for {service}",
            zones * price("endpoint_hour"),
            per_gb,
            counted(zones, "zone"),
        )


def _nat(session: Session) -> Iterator[Item]:
    for _ in _tagged(session, "describe_nat_gateways", "NatGateways"):
        yield Item("NAT gateway", price("nat_hour"), f"{usd(price('nat_gb'), 3)} per GB")
    for _ in _tagged(session, "describe_addresses", "Addresses"):
        yield Item("public address of its own", price("ipv4_hour"), "", "also when nothing uses it")


def _tasks(session: Session) -> Iterator[Item]:
    """A running task costs by its size; the definition, by itself, nothing."""
    ecs = session.client("ecs")
    family = leftovers.everything(
        session,
        "ecs",
        "list_task_definitions",
        "taskDefinitionArns",
        familyPrefix=session.project,
        sort="DESC",
    )
    newest = next((arn for arn in family if arn.split("/")[-1].rpartition(":")[0] == session.project), None)
    if newest is None:
        return
    definition = ecs.describe_task_definition(taskDefinition=newest)["taskDefinition"]
    size = fargate.Size(int(definition["cpu"]), int(definition["memory"]))
    architecture = definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")
    hour = fargate.hour(size, architecture)
    use = f"{usd(hour, 4)} per hour of a run" + (f", and {_address()}" if _has_address(session) else "")
    yield Item("cluster and task definition", 0, use, f"{size.cpu} units, {size.memory} MiB")
    for cluster in leftovers.everything(session, "ecs", "list_clusters", "clusterArns"):
        if cluster.split("/")[-1] == session.project:
            yield from _running(session, cluster)


def _running(session: Session, cluster: str) -> Iterator[Item]:
    ecs = session.client("ecs")
    listed = leftovers.everything(
        session, "ecs", "list_tasks", "taskArns", cluster=cluster, desiredStatus="RUNNING"
    )
    for arn in sorted(listed):
        for task in ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]:
            size = fargate.Size(int(task["cpu"]), int(task["memory"]))
            architecture = next(
                (a["value"] for a in task.get("attributes", ()) if a["name"] == "ecs.cpu-architecture"),
                "X86_64",
            )
            hour = fargate.hour(size, architecture.upper())
            hour += price("ipv4_hour") * _has_address(session)
            yield Item(RUNNING, hour, "", "until it ends")


def _has_address(session: Session) -> bool:
    """Whether tasks get a public address, which the network's layout decides."""
    try:
        return stacks.exported_value(session, "AssignPublicIp") == "ENABLED"
    except StackMissing:
        return False


def _address() -> str:
    return f"{usd(price('ipv4_hour'), 3)} for its address"


def _alarms(session: Session, names: Names) -> Iterator[Item]:
    alarms = names("alarm")
    if alarms:
        hour = len(alarms) * price("alarm_month") / pricing.hours_per_month()
        yield Item(counted(len(alarms), "alarm"), hour, "", f"{usd(price('alarm_month'))} each a month")


def _buckets(session: Session, names: Names) -> Iterator[Item]:
    """What lies in the buckets, with old versions: a bucket that looks empty may be full of them."""
    buckets = names("bucket")
    if buckets:
        pages = session.client("s3").get_paginator("list_object_versions")
        found = [page for bucket in buckets for page in pages.paginate(Bucket=bucket)]
        size = sum(version["Size"] for page in found for version in page.get("Versions", ()))
        yield _kept(counted(len(buckets), "bucket"), size, "s3_gb_month")


def _images(session: Session, names: Names) -> Iterator[Item]:
    for repository in names("image repository"):
        pages = session.client("ecr").get_paginator("describe_images").paginate(repositoryName=repository)
        size = sum(image.get("imageSizeInBytes", 0) for page in pages for image in page["imageDetails"])
        yield _kept("image repository", size, "ecr_gb_month")


def _logs(session: Session, names: Names) -> Iterator[Item]:
    mine = set(names("log group"))
    if mine:
        pages = session.client("logs").get_paginator("describe_log_groups").paginate()
        groups = [group for page in pages for group in page["logGroups"] if group["logGroupName"] in mine]
        size = sum(group.get("storedBytes", 0) for group in groups)
        yield _kept(
            counted(len(mine), "log group"), size, "logs_gb_month", f"{usd(price('logs_gb'))} per GB written"
        )


def _kept(what: str, size: float, name: str, use: str = "") -> Item:
    hour = size / GB * price(name) / pricing.hours_per_month()
    return Item(what, hour, use, f"{usd(price(name), 3)} a month for each GB kept")


def _development(session: Session, names: Names) -> Iterator[Item]:
    """The developer's half costs while it works."""
    for _ in names("code repository"):
        user = usd(price("codecommit_user_month"))
        yield Item("code repository", 0, f"{user} a month for each user after the fifth")
    for _ in names("build project"):
        yield Item("build project", 0, f"{usd(price('codebuild_minute'), 3)} per minute of a build")
    for name in names("pipeline"):
        kind = session.client("codepipeline").get_pipeline(name=name)["pipeline"].get("pipelineType", "V1")
        if kind == "V2":
            yield Item(
                "pipeline", 0, f"{usd(price('codepipeline_v2_minute'), 3)} per minute of an action", kind
            )
        else:
            month = usd(price("codepipeline_v1_month"))
            yield Item("pipeline", 0, f"{month} in a month with a change, after its first", kind)


_BY_TAG = (_endpoints, _nat, _tasks)
_BY_NAME = (_alarms, _buckets, _images, _logs, _development)
