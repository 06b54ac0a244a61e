"""AWS::EC2::SecurityGroup and rules that stand on their own.

In a group that names its outgoing rules, EC2's default rule (everything out) is taken away; so it is when a
rule of its own is added (user guide, AWS::EC2::SecurityGroupEgress).
"""

from __future__ import annotations

from typing import Any

from .api import ApiType, Aspect, Op, path
from .ec2 import TAGS, find_by_tag, tagged
from .request import ResourceRequest

EVERYTHING_OUT = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
SOURCES = {  # property: where it stands in an IpPermission
    "CidrIp": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
    "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"),
    "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "SourceSecurityGroupName": ("UserIdGroupPairs", "GroupName"),
}
RULE = frozenset({"IpProtocol", "FromPort", "ToPort", "Description", "GroupId", "CidrIp", "CidrIpv6"})
ENDS = {  # the properties that say who is at the other end
    "Ingress": frozenset(
        {
            "GroupName",
            "SourcePrefixListId",
            "SourceSecurityGroupId",
            "SourceSecurityGroupName",
            "SourceSecurityGroupOwnerId",
        }
    ),
    "Egress": frozenset({"DestinationPrefixListId", "DestinationSecurityGroupId"}),
}


def permission(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as EC2's API wants it."""
    told: dict[str, Any] = {"IpProtocol": rule["IpProtocol"]}
    for name in ("FromPort", "ToPort"):
        if name in rule and rule["IpProtocol"] != "-1":
            told[name] = rule[name]
    for name, (group, key) in SOURCES.items():
        if name in rule:
            entry = {key: rule[name]}
            if "Description" in rule:
                entry["Description"] = rule["Description"]
            if "SourceSecurityGroupOwnerId" in rule and group == "UserIdGroupPairs":
                entry["UserId"] = rule["SourceSecurityGroupOwnerId"]
            told[group] = [entry]
    return told


def _rules(direction: str) -> Aspect:
    """The list of rules of one direction, kept in step with the template."""
    name = f"SecurityGroup{direction}"

    def put(request: ResourceRequest) -> None:
        old, new = request.previous.get(name, []), request.properties.get(name, [])
        group = request.physical_id
        gone = [permission(rule) for rule in old if rule not in new]
        added = [permission(rule) for rule in new if rule not in old]
        if gone:
            request.drop("ec2", f"RevokeSecurityGroup{direction}", GroupId=group, IpPermissions=gone)
        if direction == "Egress" and new and not old:
            _revoke_default(request, group)
        if added:
            request.ensure("ec2", f"AuthorizeSecurityGroup{direction}", GroupId=group, IpPermissions=added)
        if direction == "Egress" and old and not new:
            everything = [EVERYTHING_OUT]
            request.ensure("ec2", "AuthorizeSecurityGroupEgress", GroupId=group, IpPermissions=everything)

    return Aspect.of(name, put, put)


def _revoke_default(request: ResourceRequest, group: str) -> None:
    found = request.call("ec2", "DescribeSecurityGroups", GroupIds=[group])["SecurityGroups"][0]
    if any(rule["IpProtocol"] == "-1" and rule["IpRanges"] for rule in found["IpPermissionsEgress"]):
        request.call("ec2", "RevokeSecurityGroupEgress", GroupId=group, IpPermissions=[EVERYTHING_OUT])


def _create(request: ResourceRequest) -> dict[str, Any]:
    name = request.properties.get("GroupName") or request.generated_name(255)
    return request.call(
        "ec2",
        "CreateSecurityGroup",
        GroupName=name,
        Description=request.properties["GroupDescription"],
        VpcId=request.properties.get("VpcId"),
        TagSpecifications=tagged("security-group")["TagSpecifications"](request),
    )


def _group(request: ResourceRequest) -> dict[str, Any]:
    return request.call("ec2", "DescribeSecurityGroups", GroupIds=[request.physical_id])["SecurityGroups"][0]


GROUP = ApiType(
    "AWS::EC2::SecurityGroup",
    "ec2",
    create=_create,
    delete=Op("DeleteSecurityGroup", {"GroupId": lambda request: request.physical_id}),
    id=path("GroupId"),
    handled=frozenset({"GroupName", "GroupDescription", "VpcId", "Tags"}),
    attributes={
        "Id": "{id}",
        "GroupId": "{id}",
        "VpcId": lambda request: _group(request).get("VpcId", ""),
        "GroupName": lambda request: _group(request)["GroupName"],
    },
    aspects=(_rules("Ingress"), _rules("Egress")),
    tags=TAGS,
    find=find_by_tag,
)


def _rule_type(direction: str) -> ApiType:
    def create(request: ResourceRequest) -> dict[str, Any]:
        group = request.properties.get("GroupId")
        if direction == "Egress":
            _revoke_default(request, group)
        target = {"GroupId": group} if group else {"GroupName": request.properties.get("GroupName")}
        rule = permission(request.properties)
        return request.call("ec2", f"AuthorizeSecurityGroup{direction}", IpPermissions=[rule], **target)

    def delete(request: ResourceRequest) -> None:
        group = request.properties.get("GroupId")
        if group and request.exists("ec2", "DescribeSecurityGroups", GroupIds=[group]):
            held = request.call("ec2", "DescribeSecurityGroupRules")["SecurityGroupRules"]
            if request.physical_id in {rule["SecurityGroupRuleId"] for rule in held}:
                ids = [request.physical_id]
                request.call(
                    "ec2", f"RevokeSecurityGroup{direction}", GroupId=group, SecurityGroupRuleIds=ids
                )

    def describe(request: ResourceRequest) -> None:
        group, rule = request.properties["GroupId"], permission(request.properties)
        operation = f"UpdateSecurityGroupRuleDescriptions{direction}"
        request.call("ec2", operation, GroupId=group, IpPermissions=[rule])

    return ApiType(
        f"AWS::EC2::SecurityGroup{direction}",
        "ec2",
        create=create,
        update=describe,
        delete=delete,
        id=path("SecurityGroupRules", 0, "SecurityGroupRuleId"),
        handled=RULE | ENDS[direction],
        attributes={"Id": "{id}"},
    )


TYPES = (GROUP, _rule_type("Ingress"), _rule_type("Egress"))
