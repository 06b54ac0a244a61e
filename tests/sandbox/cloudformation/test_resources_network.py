"""AWS::EC2: networks in the three forms that the course uses, and what changes in place."""

from __future__ import annotations

from .deploying import Cfn, outputs, parameters

NETWORK = """
Parameters: {Layout: {Type: String}, Dns: {Type: String, Default: "true"}}
Conditions: {HasNat: !Equals [!Ref Layout, nat], HasEndpoints: !Equals [!Ref Layout, endpoints]}
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.30.0.0/16, EnableDnsSupport: !Ref Dns, EnableDnsHostnames: !Ref Dns}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: !Select [0, !Cidr [!GetAtt Vpc.CidrBlock, 2, 8]]
      AvailabilityZone: !Select [1, !GetAZs ""]
      MapPublicIpOnLaunch: !If [HasNat, true, false]
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Association:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {SubnetId: !Ref Subnet, RouteTableId: !Ref Table}
  Gateway: {Type: AWS::EC2::InternetGateway, Condition: HasNat}
  Attachment:
    Type: AWS::EC2::VPCGatewayAttachment
    Condition: HasNat
    Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}
  Address: {Type: AWS::EC2::EIP, Condition: HasNat, DependsOn: Attachment, Properties: {Domain: vpc}}
  Nat:
    Type: AWS::EC2::NatGateway
    Condition: HasNat
    Properties: {SubnetId: !Ref Subnet, AllocationId: !GetAtt Address.AllocationId}
  Route:
    Type: AWS::EC2::Route
    Condition: HasNat
    Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref Nat}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: test
      VpcId: !Ref Vpc
      SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]
  FromGroup:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      GroupId: !Ref Group
      IpProtocol: tcp
      FromPort: 443
      ToPort: 443
      SourceSecurityGroupId: !Ref Group
  Ecr:
    Type: AWS::EC2::VPCEndpoint
    Condition: HasEndpoints
    Properties:
      VpcEndpointType: Interface
      ServiceName: !Sub com.amazonaws.${AWS::Region}.ecr.api
      VpcId: !Ref Vpc
      SubnetIds: [!Ref Subnet]
      SecurityGroupIds: [!Ref Group]
      PrivateDnsEnabled: !Ref Dns
  S3:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      ServiceName: !Sub com.amazonaws.${AWS::Region}.s3
      VpcId: !Ref Vpc
      RouteTableIds: [!Ref Table]
      PolicyDocument:
        {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: "*", Action: "s3:*", Resource: "*"}]}
Outputs:
  Default: {Value: !GetAtt Vpc.DefaultSecurityGroup}
  Zone: {Value: !GetAtt Subnet.AvailabilityZone}
  Cidr: {Value: !GetAtt Subnet.CidrBlock}
  Group: {Value: !GetAtt Group.GroupId}
"""


def test_layouts_follow_one_another(cfn: Cfn) -> None:
    ec2 = cfn.client("ec2")
    count = len(ec2.describe_vpcs()["Vpcs"])
    stack = cfn.create(NETWORK, Parameters=parameters(Layout="endpoints"))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    ids = {name: one["PhysicalResourceId"] for name, one in cfn.resources(stack).items()}
    vpc, group = ids["Vpc"], ids["Group"]
    assert outputs(stack)["Zone"] == "us-east-1b" and outputs(stack)["Cidr"] == "10.30.0.0/24"
    assert outputs(stack)["Group"] == group and outputs(stack)["Default"].startswith("sg-")
    for name in ("enableDnsSupport", "enableDnsHostnames"):
        answer = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)
        assert answer[name[0].upper() + name[1:]]["Value"] is True
    (endpoint,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[ids["Ecr"]])["VpcEndpoints"]
    assert endpoint["PrivateDnsEnabled"] is True and endpoint["SubnetIds"] == [ids["Subnet"]]
    assert [one["GroupId"] for one in endpoint["Groups"]] == [group]
    (rules,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert [rule["ToPort"] for rule in rules["IpPermissionsEgress"]] == [443]  # and not everything
    (ingress,) = rules["IpPermissions"]
    assert [pair["GroupId"] for pair in ingress["UserIdGroupPairs"]] == [group]
    assert ids["FromGroup"].startswith("sgr-")

    stack = cfn.update(stack, Parameters=parameters(Layout="nat"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    ids = {name: one["PhysicalResourceId"] for name, one in cfn.resources(stack).items()}
    assert ids["Vpc"] == vpc and "Ecr" not in ids
    assert ids["Route"] == f"{ids['Table']}|0.0.0.0/0" and ids["Attachment"] == f"IGW|{vpc}"
    (table,) = ec2.describe_route_tables(RouteTableIds=[ids["Table"]])["RouteTables"]
    assert ids["Nat"] in [route.get("NatGatewayId") for route in table["Routes"]]
    assert ec2.describe_addresses(PublicIps=[ids["Address"]])["Addresses"]
    (subnet,) = ec2.describe_subnets(SubnetIds=[ids["Subnet"]])["Subnets"]
    assert subnet["MapPublicIpOnLaunch"] is True

    stack = cfn.update(stack, Parameters=parameters(Layout="endpoints"))
    stack = cfn.update(stack, Parameters=parameters(Layout="endpoints", Dns="false"))
    (endpoint,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[cfn.physical(stack, "Ecr")])["VpcEndpoints"]
    assert endpoint["PrivateDnsEnabled"] is False
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    answer = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsSupport")
    assert answer["EnableDnsSupport"]["Value"] is False
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    assert len(ec2.describe_vpcs()["Vpcs"]) == count
    assert vpc not in [one["VpcId"] for one in ec2.describe_security_groups()["SecurityGroups"]]


def test_an_endpoint_moves_to_another_route_table(cfn: Cfn) -> None:
    template = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.33.0.0/16}}
  A: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  B: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  S3:
    Type: AWS::EC2::VPCEndpoint
    Properties: {VpcId: !Ref Vpc, ServiceName: com.amazonaws.us-east-1.s3, RouteTableIds: [!Ref %s]}
"""
    ec2, stack = cfn.client("ec2"), cfn.create(template % "A")
    endpoint = cfn.physical(stack, "S3")

    def routed(name: str) -> bool:
        (table,) = ec2.describe_route_tables(RouteTableIds=[cfn.physical(stack, name)])["RouteTables"]
        return endpoint in [route.get("GatewayId") for route in table["Routes"]]

    assert (routed("A"), routed("B")) == (True, False)
    cfn.update(stack, template % "B")
    assert (routed("A"), routed("B")) == (False, True)
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)


def test_rules_of_a_group_change_in_place(cfn: Cfn) -> None:
    template = """
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: test
      SecurityGroupIngress: %s
      SecurityGroupEgress: %s
"""
    web, ssh = (
        f"{{IpProtocol: tcp, FromPort: {port}, ToPort: {port}, CidrIp: 10.0.0.0/8}}" for port in (80, 22)
    )
    stack = cfn.create(template % (f"[{web}]", "[]"))
    ec2, group = cfn.client("ec2"), cfn.physical(stack, "Group")

    def ports(direction: str) -> list[int | None]:
        (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        return sorted(rule.get("ToPort", -1) for rule in found[f"IpPermissions{direction}"])

    assert (ports(""), ports("Egress")) == ([80], [-1])
    stack = cfn.update(stack, template % (f"[{ssh}]", f"[{web}]"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    assert (ports(""), ports("Egress")) == ([22], [80])
    cfn.update(stack, template % ("[]", "[]"))
    assert (ports(""), ports("Egress")) == ([], [-1])
    assert cfn.physical(stack, "Group") == group


def test_an_endpoint_of_a_service_that_does_not_exist(cfn: Cfn) -> None:
    template = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.31.0.0/16}}
  Endpoint:
    Type: AWS::EC2::VPCEndpoint
    Properties: {VpcId: !Ref Vpc, VpcEndpointType: Interface, ServiceName: com.amazonaws.us-east-1.ecr.apis}
"""
    stack = cfn.create(template)
    (reason,) = [reason for _, status, reason in cfn.events(stack) if status == "CREATE_FAILED"]
    assert "The Vpc Endpoint Service 'com.amazonaws.us-east-1.ecr.apis' does not exist" in reason


def test_subnets_that_overlap_are_refused_by_ec2(cfn: Cfn) -> None:
    template = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.32.0.0/16}}
  A: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.32.0.0/24}}
  B: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.32.0.0/25}}
"""
    stack = cfn.create(template)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    (reason,) = cfn.reasons(stack, "B", "CREATE_FAILED")
    assert "conflicts with another subnet (Service: Ec2, Status Code: 400, " in reason
