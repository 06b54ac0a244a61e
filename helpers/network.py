"""Can a task reach the services it needs? The way there, hop by hop, from `Describe*` calls alone.

A Fargate task needs four destinations before its first line of code runs: the ECR API (to log in), the
ECR registry (for the image's manifest), S3 (for the image's layers, and for this job its data) and
CloudWatch Logs. Each is a name that resolves to an address, a security group that lets the task out, a
route that leads there and, at an endpoint, a security group that lets it in. One gap is enough, and the
task does not start.

The rules are those of the VPC user guide and the AWS PrivateLink guide:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html and
https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html (both looked up on 2026-11-30, in their
text of May 2023).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .network_rules import acl_allows, allows
from .policy import Request, evaluate, statements

HTTPS = 443
EPHEMERAL_PORTS = (1024, 65535)
DESTINATIONS = ("ecr.api", "ecr.dkr", "s3", "logs")
PURPOSE = {
    "ecr.api": "log in to the registry",
    "ecr.dkr": "fetch the image's manifest",
    "s3": "fetch the image's layers, read and write data",
    "logs": "write log lines",
}
ENDPOINT_POLICY = "endpoint's policy"
LAYERS_REFUSED = "does not allow s3:GetObject from the bucket"


@dataclass(frozen=True)
class Hop:
    """One step of a way: what it is, whether it lets the task through, and why."""

    name: str
    ok: bool
    finding: str


@dataclass(frozen=True)
class Path:
    """The way from one subnet to one destination; the first hop that is not ok is where it ends."""

    subnet: str
    destination: str
    hops: tuple[Hop, ...]

    @property
    def ok(self) -> bool:
        return all(hop.ok for hop in self.hops)

    @property
    def gap(self) -> Hop | None:
        """The hop at which the way ends, or None when it leads through."""
        return next((hop for hop in self.hops if not hop.ok), None)


@dataclass(frozen=True)
class Network:
    """What `Describe*` says of one VPC: the raw answers, looked up by id."""

    region: str
    vpc: dict[str, Any]
    dns_support: bool
    dns_hostnames: bool
    subnets: dict[str, dict[str, Any]]
    route_tables: list[dict[str, Any]]
    groups: dict[str, dict[str, Any]]
    endpoints: list[dict[str, Any]]
    nat_gateways: dict[str, dict[str, Any]]
    internet_gateways: set[str]
    acls: list[dict[str, Any]]
    prefix_lists: dict[str, str]


def describe(ec2: Any, subnet_ids: Iterable[str]) -> Network:
    """Read the VPC in which the subnets lie. `ec2` is a boto3 client."""
    wanted = ec2.describe_subnets(SubnetIds=list(subnet_ids))["Subnets"]
    vpc_id = wanted[0]["VpcId"]
    here = [{"Name": "vpc-id", "Values": [vpc_id]}]

    def attribute(name: str) -> bool:
        answer = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name)
        return answer[name[0].upper() + name[1:]]["Value"]

    nat = ec2.describe_nat_gateways(Filters=here)["NatGateways"]
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc_id]}]
    gateways = ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]
    return Network(
        region=ec2.meta.region_name,
        vpc=ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0],
        dns_support=attribute("enableDnsSupport"),
        dns_hostnames=attribute("enableDnsHostnames"),
        subnets={item["SubnetId"]: item for item in ec2.describe_subnets(Filters=here)["Subnets"]},
        route_tables=ec2.describe_route_tables(Filters=here)["RouteTables"],
        groups={
            item["GroupId"]: item for item in ec2.describe_security_groups(Filters=here)["SecurityGroups"]
        },
        endpoints=[
            endpoint
            for endpoint in ec2.describe_vpc_endpoints(Filters=here)["VpcEndpoints"]
            if str(endpoint.get("State")).lower() not in ("deleted", "deleting")
        ],
        nat_gateways={item["NatGatewayId"]: item for item in nat},
        internet_gateways={item["InternetGatewayId"] for item in gateways},
        acls=ec2.describe_network_acls(Filters=here)["NetworkAcls"],
        prefix_lists={
            item["PrefixListId"]: item["PrefixListName"]
            for item in ec2.describe_prefix_lists()["PrefixLists"]
        },
    )


def paths(
    network: Network,
    subnet_ids: Iterable[str],
    group_ids: Iterable[str],
    public_ip: bool,
    destinations: Iterable[str] = DESTINATIONS,
    buckets: Iterable[str] = (),
) -> list[Path]:
    """The way from each subnet to each destination, for a task with these security groups.

    `buckets` are those in which the task reads and writes, beside ECR's own, where the layers are.
    """
    groups = [network.groups[name] for name in group_ids if name in network.groups]
    return [
        Path(
            subnet,
            destination,
            tuple(_hops(network, network.subnets[subnet], groups, public_ip, destination, tuple(buckets))),
        )
        for destination in destinations
        for subnet in subnet_ids
    ]


def _hops(
    network: Network,
    subnet: dict[str, Any],
    groups: list[dict[str, Any]],
    public_ip: bool,
    destination: str,
    buckets: tuple[str, ...],
) -> Iterable[Hop]:
    endpoint = _interface_endpoint(network, destination)
    if endpoint is not None and _private_name(network, endpoint):
        yield from _through_interface(network, subnet, groups, endpoint, destination)
    else:
        yield _name_hop(network, endpoint, destination)
        yield from _through_route(network, subnet, groups, public_ip, destination, buckets)
    yield from _acl_hops(network, subnet)


# Names ----------------------------------------------------------------------------------------------------


def _service_name(network: Network, destination: str) -> str:
    return f"com.amazonaws.{network.region}.{destination}"


def _interface_endpoint(network: Network, destination: str) -> dict[str, Any] | None:
    name = _service_name(network, destination)
    for endpoint in network.endpoints:
        if endpoint["ServiceName"] == name and endpoint.get("VpcEndpointType") == "Interface":
            return endpoint
    return None


def _private_name(network: Network, endpoint: dict[str, Any]) -> bool:
    return bool(endpoint.get("PrivateDnsEnabled")) and network.dns_support and network.dns_hostnames


def _name_hop(network: Network, endpoint: dict[str, Any] | None, destination: str) -> Hop:
    if endpoint is None:
        return Hop(
            "DNS", True, f"there is no interface endpoint for {destination}: its name means a public address"
        )
    missing = [
        text
        for text, on in (
            ("the endpoint's private DNS is off", endpoint.get("PrivateDnsEnabled")),
            ("the VPC's DNS support is off", network.dns_support),
            ("the VPC's DNS hostnames are off", network.dns_hostnames),
        )
        if not on
    ]
    return Hop(
        "DNS", True, f"an endpoint stands there, but {' and '.join(missing)}: the name means a public address"
    )


# Ways -----------------------------------------------------------------------------------------------------


def _through_interface(
    network: Network,
    subnet: dict[str, Any],
    groups: list[dict[str, Any]],
    endpoint: dict[str, Any],
    destination: str,
) -> Iterable[Hop]:
    state = str(endpoint.get("State", "")).lower()
    yield Hop("DNS", True, f"the endpoint's private DNS gives {destination} an address inside the VPC")
    doors = [network.groups[group["GroupId"]] for group in endpoint.get("Groups", [])]
    zones = [network.subnets[name] for name in endpoint.get("SubnetIds", []) if name in network.subnets]
    cidrs = [zone["CidrBlock"] for zone in zones]
    out = allows(groups, "IpPermissionsEgress", HTTPS, cidrs, {door["GroupId"] for door in doors})
    yield Hop(
        "task's security group",
        out,
        "lets HTTPS out to the endpoint" if out else "has no rule that lets HTTPS (443) out to the endpoint",
    )
    yield Hop("route", True, "the VPC's local route leads to the endpoint")
    inside = allows(
        doors, "IpPermissions", HTTPS, [subnet["CidrBlock"]], {group["GroupId"] for group in groups}
    )
    yield Hop(
        "endpoint's security group",
        inside,
        "lets HTTPS in from the task" if inside else "has no rule that lets HTTPS (443) in from the task",
    )
    up = state == "available" and bool(zones)
    yield Hop("endpoint", up, "is available" if up else f"is {state or 'unknown'}, in {len(zones)} subnets")


def _through_route(
    network: Network,
    subnet: dict[str, Any],
    groups: list[dict[str, Any]],
    public_ip: bool,
    destination: str,
    buckets: tuple[str, ...],
) -> Iterable[Hop]:
    table = _route_table(network, subnet["SubnetId"])
    gateway = _gateway_endpoint(network, table, destination)
    if gateway is not None:
        lists = {name for name, service in network.prefix_lists.items() if service == gateway["ServiceName"]}
        out = allows(groups, "IpPermissionsEgress", HTTPS, ["0.0.0.0/0"], set(), lists)
        yield Hop(
            "task's security group",
            out,
            f"lets HTTPS out to {destination}"
            if out
            else f"has no rule that lets HTTPS (443) out to {destination}",
        )
        yield Hop("route", True, f"the route table leads to the gateway endpoint for {destination}")
        yield from _policy_hops(network, gateway, buckets)
        return
    out = allows(groups, "IpPermissionsEgress", HTTPS, ["0.0.0.0/0"], set())
    yield Hop(
        "task's security group",
        out,
        "lets HTTPS out to the internet"
        if out
        else "has no rule that lets HTTPS (443) out to public addresses",
    )
    yield _internet_hop(network, table, public_ip)


def _route_table(network: Network, subnet_id: str) -> dict[str, Any]:
    main = {}
    for table in network.route_tables:
        for association in table.get("Associations", []):
            if association.get("SubnetId") == subnet_id:
                return table
            if association.get("Main"):
                main = table
    return main


def _gateway_endpoint(network: Network, table: dict[str, Any], destination: str) -> dict[str, Any] | None:
    for endpoint in network.endpoints:
        if (
            endpoint["ServiceName"] == _service_name(network, destination)
            and endpoint.get("VpcEndpointType", "Gateway") == "Gateway"
            and table.get("RouteTableId") in endpoint.get("RouteTableIds", [])
        ):
            return endpoint
    return None


def layer_bucket(region: str) -> str:
    """The bucket of AWS's in which ECR keeps the layers of a region's images.

    Source: Amazon ECR user guide, "Interface VPC endpoints", minimum S3 bucket permissions.
    """
    return f"prod-{region}-starport-layer-bucket"


def _policy_hops(network: Network, gateway: dict[str, Any], buckets: tuple[str, ...]) -> Iterable[Hop]:
    """Whether the gateway endpoint's policy lets the task read the layers, then its own buckets be used."""
    rules = statements(gateway.get("PolicyDocument"))
    context = {"aws:SourceVpc": network.vpc["VpcId"], "aws:SourceVpce": gateway["VpcEndpointId"]}
    partition = "aws-cn" if network.region.startswith("cn-") else "aws"

    def shut(bucket: str, *actions: str) -> list[str]:
        arn = f"arn:{partition}:s3:::{bucket}/any"
        return [action for action in actions if not rules_allow(rules, arn, context, action)]

    layers = layer_bucket(network.region)
    refused = shut(layers, "s3:GetObject")
    said = f"{LAYERS_REFUSED} {layers} (the layers of ECR images)" if refused else "allows ECR's layers"
    yield Hop(ENDPOINT_POLICY, not refused, said)
    for bucket in buckets:
        refused = shut(bucket, "s3:GetObject", "s3:PutObject")
        said = f"does not allow {' and '.join(refused)} in the bucket {bucket}" if refused else ""
        yield Hop(ENDPOINT_POLICY, not refused, said or "allows the data bucket")


def rules_allow(
    rules: list[Any], resource: str, context: dict[str, str], action: str = "s3:GetObject"
) -> bool:
    """Whether an endpoint's policy allows the action on the object. Without a policy it allows everything."""
    request = Request(action, resource, context, ("*",))
    return not rules or evaluate(rules, request, resource_based=True).allowed


def _default_route(table: dict[str, Any]) -> dict[str, Any] | None:
    for route in table.get("Routes", []):
        if route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State", "active") != "blackhole":
            return route
    return None


def _internet_hop(network: Network, table: dict[str, Any], public_ip: bool) -> Hop:
    route = _default_route(table)
    if route is None:
        return Hop("route", False, "no route leads out of the VPC to a public address")
    if route.get("GatewayId") in network.internet_gateways:
        if public_ip:
            return Hop("route", True, "an internet gateway, with the task's public address")
        return Hop("route", False, "leads to an internet gateway, but the task has no public address")
    nat = network.nat_gateways.get(route.get("NatGatewayId", ""))
    if nat is not None and nat.get("State") == "available":
        beyond = _default_route(_route_table(network, nat["SubnetId"])) or {}
        if beyond.get("GatewayId") in network.internet_gateways:
            return Hop("route", True, "a NAT gateway, and from its subnet an internet gateway")
        return Hop(
            "route", False, "leads to a NAT gateway whose own subnet has no route to an internet gateway"
        )
    return Hop("route", False, "the default route leads to a gateway that is not there")


def _acl_hops(network: Network, subnet: dict[str, Any]) -> Iterable[Hop]:
    acl = next(
        (
            item
            for item in network.acls
            if any(link.get("SubnetId") == subnet["SubnetId"] for link in item.get("Associations", []))
        ),
        None,
    )
    if acl is None or acl.get("IsDefault"):
        return
    for egress, ports, text in (
        (True, (HTTPS, HTTPS), "lets HTTPS out"),
        (False, EPHEMERAL_PORTS, "lets the answers in (ports 1024 to 65535)"),
    ):
        passed = acl_allows(acl, egress, ports)
        yield Hop("network ACL", passed, text if passed else f"does not: nothing {text}")
