"""The way from networks that AWS publishes: nobody here drew them, and AWS says what reaches what.

Each is made by EC2's own calls as its page describes it, IPv4 alone, and traced from the subnet in which a
task would stand. All pages were looked up on 2026-11-30, in their last state as text (May 2023).
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from helpers import network

VPC = "https://docs.aws.amazon.com/vpc/latest/userguide/"
ECR = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html"
REGION = "eu-west-2"
EVERYWHERE = [{"CidrIp": "0.0.0.0/0"}]
HTTPS, HTTP = (443, EVERYWHERE), (80, EVERYWHERE)
LAYERS = f"arn:aws:s3:::prod-{REGION}-starport-layer-bucket/*"
_numbers = itertools.count()


@dataclass(frozen=True)
class Published:
    """A network, and the hop at which each way ends that does not lead through (`gaps`)."""

    name: str
    source: str
    gaps: dict[str, str]
    stands: str = "private"  # in which of the two subnets
    public_ip: bool = False
    internet: bool = True  # an internet gateway, to which the public subnet's route leads
    nat: bool = False  # a NAT gateway in the public subnet, to which the private subnet's route leads
    s3: bool = False  # the private subnet's route to the S3 gateway endpoint
    s3_policy: dict[str, Any] | None = None
    buckets: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    door: tuple[int, ...] = (443,)  # ports that the endpoints' group lets in from the private subnet
    out: tuple[tuple[int, Any], ...] = field(default=((0, EVERYWHERE),))  # port (0: all) and to whom


ALL = ("ecr.api", "ecr.dkr", "s3", "logs")
REFUSED = "task's security group"
NETWORKS = [
    Published(
        "test environment, with a public address",
        VPC + "vpc-example-dev-test.html",
        {},
        stands="public",
        public_ip=True,
    ),
    Published(
        "test environment, without a public address",
        VPC + "vpc-example-dev-test.html",
        dict.fromkeys(ALL, "route"),
        stands="public",
    ),
    Published(
        "web and database servers: the databases' subnet",
        VPC + "vpc-example-web-database-servers.html",
        dict.fromkeys(("ecr.api", "ecr.dkr", "logs"), "route"),
        s3=True,
        out=(HTTP, HTTPS),
    ),
    Published(
        "web and database servers: the web servers' group",
        VPC + "vpc-example-web-database-servers.html",
        dict.fromkeys(ALL, REFUSED),
        stands="public",
        public_ip=True,
        out=((1433, None), (3306, None)),  # to the databases' group alone
    ),
    Published(
        "servers in private subnets and NAT",
        VPC + "vpc-example-private-subnets-nat.html",
        {},
        nat=True,
        s3=True,
    ),
    Published(
        "ECS reference architecture: private subnets behind NAT",
        "https://github.com/aws-samples/ecs-refarch-cloudformation/blob/master/infrastructure/vpc.yaml",
        {},
        nat=True,
    ),
    Published(
        "ECR's endpoints for Fargate 1.4, tasks with awslogs",
        ECR,
        {},
        internet=False,
        s3=True,
        endpoints=("ecr.api", "ecr.dkr", "logs"),
    ),
    Published(
        "ECR's endpoints for Fargate 1.4, without the one for logs",
        ECR,
        {"logs": "route"},
        internet=False,
        s3=True,
        endpoints=("ecr.api", "ecr.dkr"),
    ),
    Published(
        "ECR's endpoints for Fargate 1.3, which are not enough for 1.4",
        ECR,
        {"ecr.api": "route", "logs": "route"},
        internet=False,
        s3=True,
        endpoints=("ecr.dkr",),
    ),
    Published(
        "ECR's endpoints, with a group that does not allow port 443",
        ECR,
        dict.fromkeys(("ecr.api", "ecr.dkr", "logs"), "endpoint's security group"),
        internet=False,
        s3=True,
        endpoints=("ecr.api", "ecr.dkr", "logs"),
        door=(80,),
    ),
    Published(
        "ECR's minimum bucket permissions: enough for the layers",
        ECR,
        {},
        internet=False,
        s3=True,
        s3_policy={"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": LAYERS},
        endpoints=("ecr.api", "ecr.dkr", "logs"),
    ),
    Published(
        "ECR's minimum bucket permissions: not for a bucket of one's own",
        ECR,
        {"s3": "endpoint's policy"},
        internet=False,
        s3=True,
        s3_policy={"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": LAYERS},
        buckets=("a-bucket-of-mine",),
        endpoints=("ecr.api", "ecr.dkr", "logs"),
    ),
]


@pytest.mark.parametrize("published", NETWORKS, ids=lambda published: published.name)
def test_a_published_network(sandbox, published: Published) -> None:
    ec2 = sandbox.client("ec2", REGION)
    subnet, group = built(ec2, published)
    seen = network.describe(ec2, [subnet])
    found = network.paths(
        seen, [subnet], [group], published.public_ip, network.DESTINATIONS, published.buckets
    )
    assert len(found) == 4
    assert {path.destination: path.gap.name for path in found if path.gap} == published.gaps, published.source


def built(ec2: Any, published: Published) -> tuple[str, str]:
    """The network; the subnet in which a task stands, and the task's security group."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    tables, subnets = {}, {}
    for kind, cidr in (("public", "10.0.0.0/24"), ("private", "10.0.1.0/24")):
        subnets[kind] = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
        tables[kind] = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(SubnetId=subnets[kind], RouteTableId=tables[kind])
    everything = {"DestinationCidrBlock": "0.0.0.0/0"}
    if published.internet:
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.create_route(RouteTableId=tables["public"], GatewayId=gateway, **everything)
    if published.nat:
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=subnets["public"], AllocationId=address)["NatGateway"]
        ec2.create_route(RouteTableId=tables["private"], NatGatewayId=nat["NatGatewayId"], **everything)
    if published.s3:
        policy = published.s3_policy and json.dumps({"Statement": [published.s3_policy]})
        ec2.create_vpc_endpoint(
            VpcId=vpc,
            VpcEndpointType="Gateway",
            ServiceName=f"com.amazonaws.{REGION}.s3",
            RouteTableIds=[tables["private"]],
            **({"PolicyDocument": policy} if policy else {}),
        )
    door = _group(ec2, vpc)
    ec2.authorize_security_group_ingress(
        GroupId=door, IpPermissions=[_tcp(port, [{"CidrIp": "10.0.1.0/24"}]) for port in published.door]
    )
    for name in published.endpoints:
        ec2.create_vpc_endpoint(
            VpcId=vpc,
            VpcEndpointType="Interface",
            ServiceName=f"com.amazonaws.{REGION}.{name}",
            SubnetIds=[subnets["private"]],
            SecurityGroupIds=[door],
            PrivateDnsEnabled=True,
        )
    return subnets[published.stands], _task_group(ec2, vpc, published)


def _task_group(ec2: Any, vpc: str, published: Published) -> str:
    group = _group(ec2, vpc)
    if published.out == ((0, EVERYWHERE),):
        return group  # a new group lets everything out
    other = _group(ec2, vpc)
    own = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=own)
    rules = [
        _tcp(port, whom) if whom else {**_tcp(port, []), "UserIdGroupPairs": [{"GroupId": other}]}
        for port, whom in published.out
    ]
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rules)
    return group


def _group(ec2: Any, vpc: str) -> str:
    name = f"published-{next(_numbers)}"
    return ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]


def _tcp(port: int, ranges: list[dict[str, str]]) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges}
