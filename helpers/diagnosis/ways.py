"""What is wrong with a network: the gaps of a trace, each fault once, with the line of the template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .. import network, tracing
from .nouns import Finding
from .where import where

ENDPOINTS = {
    "ecr.api": "EcrApiEndpoint",
    "ecr.dkr": "EcrDkrEndpoint",
    "logs": "LogsEndpoint",
    "s3": "S3Endpoint",
}


def gap_findings(found: tracing.Trace, wanted: Sequence[str]) -> Iterator[Finding]:
    """The faults of a network, each with the services among `wanted` that it cuts off."""
    gaps = {path.destination: path for path in found.paths if path.gap}
    faults: dict[str, tuple[list[str], str, str]] = {}
    for name in wanted:
        if name in gaps:
            cause, place, next_step = _fault(found, gaps[name])
            faults.setdefault(cause, ([], place, next_step))[0].append(name)
    for cause, (names, place, next_step) in faults.items():
        evidence = tuple(
            f"{n}: {hop.name}: {hop.finding}" for n in names for hop in gaps[n].hops if not hop.ok
        )
        dns = tuple(f"{n}: DNS: {gaps[n].hops[0].finding}" for n in names if gaps[n].hops[0].name == "DNS")
        policy = gaps[names[0]].gap.name == network.ENDPOINT_POLICY
        stage = "layers" if policy else f"way to {names[0]}"
        yield Finding(cause.format(names=listed(names)), dns + evidence, place, next_step, stage)


def _fault(found: tracing.Trace, path: network.Path) -> tuple[str, str, str]:
    """The cause of a gap (`{names}`: the services it cuts off), the template line, and what to do."""
    gap, name = path.gap, path.destination
    endpoint, again = ENDPOINTS[name], 'deploy(session, "network") puts the template\'s own back.'
    if gap.name == network.ENDPOINT_POLICY:
        return (
            f"the S3 gateway endpoint's policy {gap.finding}",
            where("network", "S3Endpoint", "PolicyDocument:"),
            again,
        )
    if gap.name == "endpoint's security group":
        return (
            "the endpoints' security group is closed to the task: no rule lets HTTPS (443) in for {names}",
            where("network", "EndpointSecurityGroup", "SecurityGroupIngress:"),
            again,
        )
    if gap.name == "task's security group":
        line = where("network", "TaskSecurityGroup", "SecurityGroupEgress:")
        return "the task's security group lets no HTTPS (443) out to {names}", line, again
    if gap.name == "route" and "no route" in gap.finding:
        if name == "s3":
            return (
                "the S3 gateway endpoint is missing, or the subnet's route table does not lead to it",
                where("network", endpoint),
                again,
            )
        if not found.endpoints[name]:
            return (f"the endpoint for {name} is missing", where("network", endpoint), again)
        if "private DNS is off" in path.hops[0].finding:
            return (
                "private DNS is off at the endpoint for {names}, so the name leads out of the VPC, where no "
                "route goes",
                where("network", endpoint, "PrivateDnsEnabled"),
                again,
            )
        return (
            "the VPC's DNS settings are off, so the names of {names} lead past their endpoints",
            where("network", "Vpc", "EnableDns"),
            again,
        )
    return f"{{names}}: the {gap.name} {gap.finding}", where("network", "TaskRouteTable"), again


def listed(names: Sequence[str]) -> str:
    """Names as one says them: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
