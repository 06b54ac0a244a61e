"""AWS::EC2: networks. Security groups have a module of their own."""

from __future__ import annotations

from typing import Any

from ..errors import ResourceFailed
from .api import ApiType, Aspect, Op, Tags, path
from .request import ResourceRequest, handler_message

TAGS = Tags("CreateTags", "DeleteTags", lambda request: [request.physical_id])


def tagged(kind: str) -> dict[str, Any]:
    """The tags of a new resource, set in the very call that makes it: so it can be found after a crash."""

    def specify(request: ResourceRequest) -> list[dict[str, Any]] | None:
        tags = request.properties.get("Tags")
        return [{"ResourceType": kind, "Tags": tags}] if tags else None

    return {"TagSpecifications": specify}


def find_by_tag(request: ResourceRequest) -> str | None:
    """A resource that CloudFormation tagged as its own, if one was made."""
    filters = [
        {"Name": "tag:aws:cloudformation:stack-id", "Values": [request.stack_id]},
        {"Name": "tag:aws:cloudformation:logical-id", "Values": [request.logical_id]},
    ]
    tags = request.call("ec2", "DescribeTags", Filters=filters)["Tags"]
    known = set(_recorded(request))
    return next((tag["ResourceId"] for tag in tags if tag["ResourceId"] not in known), None)


def _recorded(request: ResourceRequest) -> list[str]:
    stack = request.world.store("cloudformation", request.region).stacks[request.stack_id]
    return [resource.physical_id for resource in stack.resources.values() if resource.physical_id]


def _first(operation: str, plural: str, parameter: str) -> Any:
    """A function that describes the resource."""

    def describe(request: ResourceRequest) -> dict[str, Any]:
        return request.call("ec2", operation, **{parameter: [request.physical_id]})[plural][0]

    return describe


_vpc = _first("DescribeVpcs", "Vpcs", "VpcIds")
_subnet = _first("DescribeSubnets", "Subnets", "SubnetIds")


def _of_vpc(operation: str, plural: str, identifier: str) -> Any:
    """A function that finds what EC2 made together with the VPC."""

    def default(request: ResourceRequest) -> str | None:
        filters = [{"Name": "vpc-id", "Values": [request.physical_id]}]
        found = request.call("ec2", operation, Filters=filters)[plural]
        return next((one[identifier] for one in found if one.get("GroupName", "default") == "default"), None)

    return default


def _vpc_attribute(name: str) -> Aspect:
    def put(request: ResourceRequest) -> None:
        value = {"Value": request.properties.get(name, name == "EnableDnsSupport")}
        request.call("ec2", "ModifyVpcAttribute", VpcId=request.physical_id, **{name: value})

    return Aspect.of(name, put, put)


VPC = ApiType(
    "AWS::EC2::VPC",
    "ec2",
    create=Op("CreateVpc", tagged("vpc")),
    delete=Op("DeleteVpc", {"VpcId": lambda request: request.physical_id}),
    id=path("Vpc", "VpcId"),
    attributes={
        "VpcId": "{id}",
        "CidrBlock": lambda request: _vpc(request)["CidrBlock"],
        "CidrBlockAssociations": lambda request: [
            entry["AssociationId"] for entry in _vpc(request).get("CidrBlockAssociationSet", [])
        ],
        "Ipv6CidrBlocks": lambda request: [
            entry["Ipv6CidrBlock"] for entry in _vpc(request).get("Ipv6CidrBlockAssociationSet", [])
        ],
        "DefaultSecurityGroup": _of_vpc("DescribeSecurityGroups", "SecurityGroups", "GroupId"),
        "DefaultNetworkAcl": _of_vpc("DescribeNetworkAcls", "NetworkAcls", "NetworkAclId"),
    },
    aspects=(_vpc_attribute("EnableDnsSupport"), _vpc_attribute("EnableDnsHostnames")),
    tags=TAGS,
    find=find_by_tag,
)


def _public_addresses(request: ResourceRequest) -> None:
    value = {"Value": request.properties.get("MapPublicIpOnLaunch", False)}
    request.call("ec2", "ModifySubnetAttribute", SubnetId=request.physical_id, MapPublicIpOnLaunch=value)


def _ipv6_addresses(request: ResourceRequest) -> None:
    value = {"Value": request.properties.get("AssignIpv6AddressOnCreation", False)}
    request.call(
        "ec2", "ModifySubnetAttribute", SubnetId=request.physical_id, AssignIpv6AddressOnCreation=value
    )


SUBNET = ApiType(
    "AWS::EC2::Subnet",
    "ec2",
    create=Op("CreateSubnet", tagged("subnet")),
    delete=Op("DeleteSubnet", {"SubnetId": lambda request: request.physical_id}),
    id=path("Subnet", "SubnetId"),
    attributes={
        "SubnetId": "{id}",
        "AvailabilityZone": lambda request: _subnet(request)["AvailabilityZone"],
        "AvailabilityZoneId": lambda request: _subnet(request)["AvailabilityZoneId"],
        "CidrBlock": lambda request: _subnet(request)["CidrBlock"],
        "VpcId": lambda request: _subnet(request)["VpcId"],
        "Ipv6CidrBlocks": lambda request: [],
    },
    aspects=(
        Aspect.of("MapPublicIpOnLaunch", _public_addresses, _public_addresses),
        Aspect.of("AssignIpv6AddressOnCreation", _ipv6_addresses, _ipv6_addresses),
    ),
    tags=TAGS,
    find=find_by_tag,
)

ROUTE_TABLE = ApiType(
    "AWS::EC2::RouteTable",
    "ec2",
    create=Op("CreateRouteTable", tagged("route-table")),
    delete=Op("DeleteRouteTable", {"RouteTableId": lambda request: request.physical_id}),
    id=path("RouteTable", "RouteTableId"),
    attributes={"RouteTableId": "{id}"},
    tags=TAGS,
    find=find_by_tag,
)

DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


def _destination(request: ResourceRequest) -> tuple[str, str]:
    for name in DESTINATIONS:
        if name in request.properties:
            return name, request.properties[name]
    message = "Route must have exactly one destination"
    raise ResourceFailed(handler_message(message, "InvalidRequest"))


def _create_route(request: ResourceRequest) -> None:
    parameters = Op("CreateRoute").parameters(request, ROUTE)
    request.call("ec2", "CreateRoute", **parameters)
    request.physical_id = f"{request.properties['RouteTableId']}|{_destination(request)[1]}"


def _replace_route(request: ResourceRequest) -> None:
    request.call("ec2", "ReplaceRoute", **Op("ReplaceRoute").parameters(request, ROUTE))


def _delete_route(request: ResourceRequest) -> None:
    table, _, destination = request.physical_id.partition("|")
    name = next(
        (name for name in DESTINATIONS if request.properties.get(name) == destination), DESTINATIONS[0]
    )
    if request.exists("ec2", "DescribeRouteTables", RouteTableIds=[table]):
        tables = request.call("ec2", "DescribeRouteTables", RouteTableIds=[table])["RouteTables"]
        if any(destination in route.values() for route in tables[0]["Routes"]):
            request.call("ec2", "DeleteRoute", RouteTableId=table, **{name: destination})


def _find_route(request: ResourceRequest) -> str:
    return f"{request.properties['RouteTableId']}|{_destination(request)[1]}"


ROUTE = ApiType(
    "AWS::EC2::Route",
    "ec2",
    create=_create_route,
    update=_replace_route,
    delete=_delete_route,
    attributes={"CidrBlock": lambda request: _destination(request)[1]},
    handled=frozenset(
        {
            "RouteTableId",
            "GatewayId",
            "NatGatewayId",
            "InstanceId",
            "NetworkInterfaceId",
            "TransitGatewayId",
            "VpcEndpointId",
            "VpcPeeringConnectionId",
            "EgressOnlyInternetGatewayId",
            *DESTINATIONS,
        }
    ),
    find=_find_route,
)

ROUTE_ASSOCIATION = ApiType(
    "AWS::EC2::SubnetRouteTableAssociation",
    "ec2",
    create=Op("AssociateRouteTable"),
    delete=Op("DisassociateRouteTable", {"AssociationId": lambda request: request.physical_id}),
    id=path("AssociationId"),
    attributes={"Id": "{id}"},
    find=lambda request: next(
        (
            association["RouteTableAssociationId"]
            for table in request.call("ec2", "DescribeRouteTables")["RouteTables"]
            for association in table["Associations"]
            if table["RouteTableId"] == request.properties["RouteTableId"]
            and association.get("SubnetId") == request.properties["SubnetId"]
        ),
        None,
    ),
)

INTERNET_GATEWAY = ApiType(
    "AWS::EC2::InternetGateway",
    "ec2",
    create=Op("CreateInternetGateway", tagged("internet-gateway")),
    delete=Op("DeleteInternetGateway", {"InternetGatewayId": lambda request: request.physical_id}),
    id=path("InternetGateway", "InternetGatewayId"),
    attributes={"InternetGatewayId": "{id}"},
    tags=TAGS,
    find=find_by_tag,
)


def _attach(request: ResourceRequest) -> None:
    given = request.properties
    if "InternetGatewayId" in given:
        parameters = {"InternetGatewayId": given["InternetGatewayId"], "VpcId": given["VpcId"]}
        request.call("ec2", "AttachInternetGateway", **parameters)
    else:
        parameters = {"VpnGatewayId": given.get("VpnGatewayId"), "VpcId": given["VpcId"]}
        request.call("ec2", "AttachVpnGateway", **parameters)
    request.physical_id = _attachment(request)


def _attachment(request: ResourceRequest) -> str:
    kind = "IGW" if "InternetGatewayId" in request.properties else "VGW"
    return f"{kind}|{request.properties['VpcId']}"


def _detach(request: ResourceRequest) -> None:
    given = request.properties
    if "InternetGatewayId" in given:
        gateways = {"InternetGatewayIds": [given["InternetGatewayId"]]}
        if not request.exists("ec2", "DescribeInternetGateways", **gateways):
            return
        found = request.call("ec2", "DescribeInternetGateways", **gateways)["InternetGateways"][0]
        if found.get("Attachments"):
            parameters = {"InternetGatewayId": given["InternetGatewayId"], "VpcId": given["VpcId"]}
            request.call("ec2", "DetachInternetGateway", **parameters)
    else:
        parameters = {"VpnGatewayId": given["VpnGatewayId"], "VpcId": given["VpcId"]}
        request.call("ec2", "DetachVpnGateway", **parameters)


GATEWAY_ATTACHMENT = ApiType(
    "AWS::EC2::VPCGatewayAttachment",
    "ec2",
    create=_attach,
    delete=_detach,
    handled=frozenset({"VpcId", "InternetGatewayId", "VpnGatewayId"}),
    attributes={"AttachmentType": lambda request: _attachment(request).partition("|")[0]},
    find=_attachment,
)

NAT_GATEWAY = ApiType(
    "AWS::EC2::NatGateway",
    "ec2",
    create=Op("CreateNatGateway", tagged("natgateway")),
    delete=Op("DeleteNatGateway", {"NatGatewayId": lambda request: request.physical_id}),
    id=path("NatGateway", "NatGatewayId"),
    attributes={"NatGatewayId": "{id}"},
    tags=TAGS,
    find=find_by_tag,
)


def _allocation(request: ResourceRequest) -> str | None:
    addresses = request.call("ec2", "DescribeAddresses")["Addresses"]
    return next((one["AllocationId"] for one in addresses if one["PublicIp"] == request.physical_id), None)


def _release(request: ResourceRequest) -> None:
    allocation = request.attributes.get("AllocationId") or _allocation(request)
    addresses = {one["AllocationId"] for one in request.call("ec2", "DescribeAddresses")["Addresses"]}
    if allocation in addresses:
        request.call("ec2", "ReleaseAddress", AllocationId=allocation)


def _associate(request: ResourceRequest) -> None:
    instance = request.properties.get("InstanceId")
    if instance:
        allocation = request.attributes["AllocationId"]
        request.call("ec2", "AssociateAddress", AllocationId=allocation, InstanceId=instance)


def _find_address(request: ResourceRequest) -> str | None:
    allocation = find_by_tag(request)
    addresses = request.call("ec2", "DescribeAddresses")["Addresses"]
    return next((one["PublicIp"] for one in addresses if one["AllocationId"] == allocation), None)


EIP = ApiType(
    "AWS::EC2::EIP",
    "ec2",
    create=Op("AllocateAddress", {"Domain": "vpc", **tagged("elastic-ip")}),
    delete=_release,
    id=path("PublicIp"),
    answer={"AllocationId": path("AllocationId")},
    attributes={"PublicIp": "{id}"},
    aspects=(Aspect.of("InstanceId", _associate),),
    tags=Tags("CreateTags", "DeleteTags", lambda request: [request.attributes["AllocationId"]]),
    find=_find_address,
)


TYPES = (
    VPC,
    SUBNET,
    ROUTE_TABLE,
    ROUTE,
    ROUTE_ASSOCIATION,
    INTERNET_GATEWAY,
    GATEWAY_ATTACHMENT,
    NAT_GATEWAY,
    EIP,
)
