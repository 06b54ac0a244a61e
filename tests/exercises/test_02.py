"""The exercises of 02, each with wrong answers that look right."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import Session, deploy, describe, template

from .trying import ask, try_out

DOOR = """
Parameters: {{ Project: {{ Type: String }} }}
Resources:
  Lock:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: a lock
      VpcId: !ImportValue {{ "Fn::Sub": "${{Project}}-VpcId" }}
      SecurityGroupIngress: [{{ IpProtocol: tcp, FromPort: 443, ToPort: {port}, {source} }}]
  Door:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcEndpointType: Interface
      ServiceName: !Sub com.amazonaws.${{AWS::Region}}.{service}
      VpcId: !ImportValue {{ "Fn::Sub": "${{Project}}-VpcId" }}
      SubnetIds: {subnets}
      {lock}
      PrivateDnsEnabled: {dns}
"""
BOTH = '!Split [",", !ImportValue { "Fn::Sub": "${Project}-SubnetIds" }]'
ONE = f"[!Select [0, {BOTH}]]"
TASKS = 'SourceSecurityGroupId: !ImportValue { "Fn::Sub": "${Project}-TaskSecurityGroupId" }'
LOCK = "SecurityGroupIds: [!Ref Lock]"

OUTPUT = """
  NatAddress:
    {condition}
    Value: {value}
    Export: {{ Name: !Sub "${{Project}}-{name}" }}
"""


@pytest.fixture(scope="module", autouse=True)
def network(session: Session) -> None:
    deploy(session, "network")


def test_a_a_door_of_your_own(session: Session) -> None:
    ec2 = session.client("ec2")
    by_hand: list[str] = []

    def door(
        service: str = "secretsmanager",
        source: str = TASKS,
        subnets: str = BOTH,
        dns: str = "true",
        port: int = 443,
        lock: str = LOCK,
    ) -> None:
        text = DOOR.format(service=service, source=source, subnets=subnets, dns=dns, port=port, lock=lock)
        Path("door.yaml").write_text(text)
        deploy(session, "door.yaml")

    def for_another_service(session: Session) -> None:
        door(service="ssm")

    def in_one_zone_only(session: Session) -> None:
        door(subnets=ONE)

    def under_another_name(session: Session) -> None:
        door(dns="false")

    def open_to_the_whole_vpc(session: Session) -> None:
        door(source="CidrIp: 10.20.0.0/24")

    def open_at_every_port(session: Session) -> None:
        door(port=65535)

    def with_the_vpcs_default_lock(session: Session) -> None:
        door(lock="")

    def by_hand_and_no_stack_knows_it(session: Session) -> None:
        stack = describe(session, "network")
        lock = stack.resources["EndpointSecurityGroup"].physical_id
        made = ec2.create_vpc_endpoint(
            VpcEndpointType="Interface",
            ServiceName=f"com.amazonaws.{session.region}.secretsmanager",
            VpcId=stack.outputs["VpcId"],
            SubnetIds=stack.outputs["SubnetIds"].split(","),
            SecurityGroupIds=[lock],
            PrivateDnsEnabled=True,
        )
        by_hand.append(made["VpcEndpoint"]["VpcEndpointId"])

    def back(session: Session) -> None:
        """Only what was made by hand is in the way; the stack is changed by each attempt."""
        if by_hand:
            ec2.delete_vpc_endpoints(VpcEndpointIds=[by_hand.pop()])

    wrong = [
        by_hand_and_no_stack_knows_it,
        for_another_service,
        in_one_zone_only,
        under_another_name,
        open_to_the_whole_vpc,
        open_at_every_port,
        with_the_vpcs_default_lock,
    ]
    try_out(session, "02-a", wrong, back)


def test_b_one_address_for_the_partner(session: Session) -> None:
    def network_with(value: str, name: str = "NatAddress", layout: str = "nat", condition: str = "") -> None:
        output = OUTPUT.format(value=value, name=name, condition=condition or "Condition: HasNat")
        Path("network.yaml").write_text(template(session, "network").text + output)
        deploy(session, "network.yaml", {"NetworkLayout": layout})

    def the_layout_alone(session: Session) -> None:
        deploy(session, "network", {"NetworkLayout": "nat"})

    def the_output_alone(session: Session) -> None:
        network_with("!Ref NatAddress", layout="endpoints")

    def the_name_of_the_address(session: Session) -> None:
        network_with("!GetAtt NatAddress.AllocationId")

    def without_its_condition(session: Session) -> None:
        network_with("!Ref NatAddress", condition="Description: where tasks come from")

    def typed(session: Session) -> None:
        (address,) = session.client("ec2").describe_addresses(
            Filters=[{"Name": "tag:Project", "Values": [session.project]}]
        )["Addresses"]
        network_with(address["PublicIp"])

    def under_another_name(session: Session) -> None:
        network_with("!Ref NatAddress", name="PartnerAddress")

    wrong = [
        the_output_alone,
        the_layout_alone,
        the_name_of_the_address,
        without_its_condition,
        typed,
        under_another_name,
    ]
    try_out(session, "02-b", wrong)


def test_c_without_the_gateway_to_s3(session: Session) -> None:
    ask(session, "02-c")
