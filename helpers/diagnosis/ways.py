"""What is wrong with a network: the gaps of a trace, each fault once, with the line of the template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .. import network, stacks, tracing
from ..policy import statements
from ..session import Session
from .nouns import Finding
from .where import where

ENDPOINTS = {
    "ecr.api": "EcrApiEndpoint",
    "ecr.dkr": "EcrDkrEndpoint",
    "logs": "LogsEndpoint",
    "s3": "S3Endpoint",
}
AGAIN = 'deploy(session, "network") puts the template\'s own back.'


def gap_findings(found: tracing.Trace, wanted: Sequence[str]) -> Iterator[Finding]:
    """The faults of a network, each with the services among `wanted` that it cuts off."""
    gaps = {path.destination: path for path in found.paths if path.gap}
    faults: dict[str, tuple[list[str], str, str]] = {}
    for name in wanted:
        if name in gaps and gaps[name].gap.name != network.ENDPOINT_POLICY:
            cause, place, next_step = _fault(found, gaps[name])
            faults.setdefault(cause, ([], place, next_step))[0].append(name)
    for cause, (names, place, next_step) in faults.items():
        evidence = tuple(
            f"{n}: {hop.name}: {hop.finding}" for n in names for hop in gaps[n].hops if not hop.ok
        )
        dns = tuple(f"{n}: DNS: {gaps[n].hops[0].finding}" for n in names if gaps[n].hops[0].name == "DNS")
        yield Finding(
            cause.format(names=listed(names)), dns + evidence, place, next_step, f"way to {names[0]}"
        )
    for name in wanted:
        if name in gaps and gaps[name].gap.name == network.ENDPOINT_POLICY:
            yield from policy_findings(gaps[name])


def policy_findings(path: network.Path) -> Iterator[Finding]:
    """What a gateway endpoint's policy refuses: the image's layers, or the job's own data."""
    for hop in path.hops:
        if hop.name == network.ENDPOINT_POLICY and not hop.ok:
            layers = hop.finding.startswith(network.LAYERS_REFUSED)
            yield door_shut("s3", hop.finding, (f"{path.destination}: {hop.name}: {hop.finding}",), layers)


def door_shut(name: str, said: str, evidence: tuple[str, ...], layers: bool = False) -> Finding:
    """The policy of an endpoint refuses something, whatever the role may do."""
    which = "the S3 gateway endpoint's" if name == "s3" else f"the {name} endpoint's"
    place = where("network", ENDPOINTS.get(name, ""), "PolicyDocument:") if name in ENDPOINTS else ""
    return Finding(f"{which} policy {said}", evidence, place, AGAIN, "layers" if layers else "job")


def endpoint_refuses(session: Session, name: str, action: str, resource: str) -> bool:
    """Whether the policy of the network's interface endpoint for a service does not allow the action."""
    vpc = {"Name": "vpc-id", "Values": [stacks.exported_value(session, "VpcId")]}
    service = {"Name": "service-name", "Values": [f"com.amazonaws.{session.region}.{name}"]}
    doors = session.client("ec2").describe_vpc_endpoints(Filters=[vpc, service])["VpcEndpoints"]
    return any(
        not network.rules_allow(
            statements(door.get("PolicyDocument")),
            resource,
            {"aws:SourceVpc": vpc["Values"][0], "aws:SourceVpce": door["VpcEndpointId"]},
            action,
        )
        for door in doors
    )


def _fault(found: tracing.Trace, path: network.Path) -> tuple[str, str, str]:
    """The cause of a gap (`{names}`: the services it cuts off), the template line, and what to do."""
    gap, name = path.gap, path.destination
    endpoint, again = ENDPOINTS[name], AGAIN
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
