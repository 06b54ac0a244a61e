"""AWS::EC2::VPCEndpoint: the private doors to AWS's services."""

from __future__ import annotations

import json
from typing import Any

from ..errors import ResourceFailed
from .api import ApiType, Op, path
from .ec2 import TAGS, find_by_tag, tagged
from .request import ResourceRequest, handler_message

USUAL_ENDPOINTS = (
    "dynamodb",
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "events",
    "logs",
    "s3",
    "sns",
    "sqs",
    "ssm",
    "sts",
)
"""Known without asking: moto takes seconds to list all endpoint services."""


OPEN_POLICY = json.dumps(
    {
        "Version": "2008-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    }
)


def _create_endpoint(request: ResourceRequest) -> dict[str, Any]:
    name = request.properties.get("ServiceName", "")
    prefix = f"com.amazonaws.{request.region}."
    usual = name.removeprefix(prefix) in USUAL_ENDPOINTS
    if not usual and name not in request.call("ec2", "DescribeVpcEndpointServices")["ServiceNames"]:
        # moto would make an endpoint of any name
        said = f"The Vpc Endpoint Service '{name}' does not exist (Service: Ec2, Status Code: 400)"
        raise ResourceFailed(handler_message(said, "InvalidRequest"))
    told = Op("CreateVpcEndpoint", tagged("vpc-endpoint")).parameters(request, ENDPOINT)
    told.setdefault("VpcEndpointType", "Gateway")  # the default; moto cannot delete one without a type
    told.setdefault("PrivateDnsEnabled", False)  # CloudFormation's default, not the API's
    return request.call("ec2", "CreateVpcEndpoint", **told)


def _modify_endpoint(request: ResourceRequest) -> None:
    told = Op("ModifyVpcEndpoint").parameters(request, ENDPOINT)
    for name in ("SubnetIds", "RouteTableIds", "SecurityGroupIds"):
        old, new = (set(state.get(name, [])) for state in (request.previous, request.properties))
        told[f"Add{name}"] = sorted(new - old) or None
        told[f"Remove{name}"] = sorted(old - new) or None
    request.call("ec2", "ModifyVpcEndpoint", VpcEndpointId=request.physical_id, **told)
    _what_moto_leaves_alone(request, told)


def _what_moto_leaves_alone(request: ResourceRequest, told: dict[str, Any]) -> None:
    """Private DNS, the default policy and the routes: moto 5.2.5 does not modify these."""
    backend = request.world.moto("ec2", request.region)
    endpoint = backend.vpc_end_points[request.physical_id]
    if "PrivateDnsEnabled" in request.changed:
        endpoint.private_dns_enabled = request.properties.get("PrivateDnsEnabled", False)
    if "PolicyDocument" in request.previous and "PolicyDocument" not in request.properties:
        endpoint.policy_document = OPEN_POLICY
    prefix_list = endpoint.destination_prefix_list_id
    for table in told["AddRouteTableIds"] or []:
        backend.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list)
    for table in told["RemoveRouteTableIds"] or []:
        backend.delete_route(table, prefix_list)


def _described(request: ResourceRequest) -> dict[str, Any]:
    ids = [request.physical_id]
    return request.call("ec2", "DescribeVpcEndpoints", VpcEndpointIds=ids)["VpcEndpoints"][0]


ENDPOINT = ApiType(
    "AWS::EC2::VPCEndpoint",
    "ec2",
    create=_create_endpoint,
    update=_modify_endpoint,
    delete=Op("DeleteVpcEndpoints", {"VpcEndpointIds": lambda request: [request.physical_id]}),
    id=path("VpcEndpoint", "VpcEndpointId"),
    handled=frozenset(
        {
            "VpcId",
            "ServiceName",
            "VpcEndpointType",
            "PolicyDocument",
            "SubnetIds",
            "SecurityGroupIds",
            "RouteTableIds",
            "PrivateDnsEnabled",
            "Tags",
        }
    ),
    attributes={
        "Id": "{id}",
        "CreationTimestamp": lambda request: str(_described(request).get("CreationTimestamp", "")),
        "NetworkInterfaceIds": lambda request: _described(request).get("NetworkInterfaceIds", []),
        "DnsEntries": lambda request: [
            f"{entry['HostedZoneId']}:{entry['DnsName']}"
            for entry in _described(request).get("DnsEntries", [])
        ],
    },
    tags=TAGS,
    find=find_by_tag,
)


TYPES = (ENDPOINT,)
