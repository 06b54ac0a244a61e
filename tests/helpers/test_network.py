"""The way from a task's subnets to the services: the project's own template, and a network made by hand."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from helpers import network

CFN = Path(__file__).resolve().parents[2] / "cfn"
_numbers = itertools.count()


def deploy(box, region, name, body, **parameters):
    cloudformation = box.client("cloudformation", region)
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=body,
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])
    return {item["OutputKey"]: item["OutputValue"] for item in outputs}


class Deployed:
    """The stack `network` in one layout, and what a task in it can reach."""

    def __init__(self, box, layout, region="eu-west-1"):
        project = f"net{next(_numbers)}"
        deploy(box, region, f"{project}-storage", (CFN / "storage.yaml").read_text(), Project=project)
        body = (CFN / "network.yaml").read_text()
        name = f"{project}-network"
        self.outputs = deploy(box, region, name, body, Project=project, NetworkLayout=layout)
        self.ec2 = box.client("ec2", region)
        stack = box.client("cloudformation", region).list_stack_resources(StackName=name)
        self.ids = {
            item["LogicalResourceId"]: item["PhysicalResourceId"] for item in stack["StackResourceSummaries"]
        }
        self.subnets = self.outputs["SubnetIds"].split(",")

    def gaps(self):
        """{destination: the hop where its way ends} over both subnets."""
        seen = network.describe(self.ec2, self.subnets)
        public = self.outputs["AssignPublicIp"] == "ENABLED"
        found = network.paths(seen, self.subnets, [self.outputs["TaskSecurityGroupId"]], public)
        assert len(found) == 8  # four destinations from two subnets
        return {path.destination: path.gap.name for path in found if not path.ok}


@pytest.mark.parametrize("layout", ["endpoints", "public", "nat"])
def test_every_layout_leads_to_every_service(sandbox, layout):
    assert Deployed(sandbox, layout).gaps() == {}


@pytest.mark.parametrize(
    ("endpoint", "destination"),
    [
        ("EcrApiEndpoint", "ecr.api"),
        ("EcrDkrEndpoint", "ecr.dkr"),
        ("LogsEndpoint", "logs"),
        ("S3Endpoint", "s3"),
    ],
)
def test_a_missing_endpoint_cuts_off_its_service_alone(sandbox, endpoint, destination):
    made = Deployed(sandbox, "endpoints")
    made.ec2.delete_vpc_endpoints(VpcEndpointIds=[made.ids[endpoint]])
    assert made.gaps() == {destination: "route"}


def test_private_dns_off_means_a_public_address(sandbox):
    made = Deployed(sandbox, "endpoints")
    made.ec2.modify_vpc_attribute(VpcId=made.outputs["VpcId"], EnableDnsHostnames={"Value": False})
    assert made.gaps() == {"ecr.api": "route", "ecr.dkr": "route", "logs": "route"}


def test_a_closed_endpoint_security_group(sandbox):
    made = Deployed(sandbox, "endpoints")
    group = made.ids["EndpointSecurityGroup"]
    rules = made.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    made.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rules)
    door = "endpoint's security group"
    assert made.gaps() == {"ecr.api": door, "ecr.dkr": door, "logs": door}


def test_a_task_that_may_not_speak(sandbox):
    made = Deployed(sandbox, "endpoints")
    group = made.outputs["TaskSecurityGroupId"]
    rules = made.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    made.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rules)
    assert set(made.gaps().values()) == {"task's security group"}
    assert set(made.gaps()) == set(network.DESTINATIONS)


def test_an_internet_gateway_is_no_use_without_a_public_address(sandbox):
    made = Deployed(sandbox, "public")
    made.outputs["AssignPublicIp"] = "DISABLED"
    assert made.gaps() == {
        "ecr.api": "route",
        "ecr.dkr": "route",
        "logs": "route",
    }  # S3 has its gateway endpoint


def test_a_network_acl_that_forgets_the_answers(sandbox):
    """https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html: ACLs are stateless."""
    made = Deployed(sandbox, "public")
    vpc = made.outputs["VpcId"]
    acl = made.ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    rule = {"NetworkAclId": acl, "Protocol": "6", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
    made.ec2.create_network_acl_entry(RuleNumber=100, Egress=True, PortRange={"From": 443, "To": 443}, **rule)
    acls = made.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    for link in [link for item in acls for link in item["Associations"] if link["SubnetId"] in made.subnets]:
        made.ec2.replace_network_acl_association(
            AssociationId=link["NetworkAclAssociationId"], NetworkAclId=acl
        )
    assert set(made.gaps().values()) == {"network ACL"}
    made.ec2.create_network_acl_entry(
        RuleNumber=110, Egress=False, PortRange={"From": 1024, "To": 65535}, **rule
    )
    assert made.gaps() == {}


def test_a_nat_gateway_in_a_private_subnet_leads_nowhere(sandbox):
    """https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html"""
    made = Deployed(sandbox, "nat")
    made.ec2.delete_route(RouteTableId=made.ids["NatRouteTable"], DestinationCidrBlock="0.0.0.0/0")
    assert made.gaps() == {"ecr.api": "route", "ecr.dkr": "route", "logs": "route"}


BY_HAND = {  # the "VPC with a public subnet" of the VPC user guide, with a group that lets everything out
    "Resources": {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"},
        },
        "Group": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": "all out", "VpcId": {"Ref": "Vpc"}},
        },
    },
    "Outputs": {name: {"Value": {"Ref": name}} for name in ("Subnet",)}
    | {"Group": {"Value": {"Fn::GetAtt": ["Group", "GroupId"]}}},
}


def test_a_subnet_without_a_way_out_reaches_nothing(sandbox):
    made = deploy(sandbox, "eu-west-2", f"byhand{next(_numbers)}", json.dumps(BY_HAND))
    seen = network.describe(sandbox.client("ec2", "eu-west-2"), [made["Subnet"]])
    found = network.paths(seen, [made["Subnet"]], [made["Group"]], public_ip=True)
    assert {path.gap.name for path in found} == {"route"}
