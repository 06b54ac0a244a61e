"""What security groups and network ACLs let through.

The rules are those of the VPC user guide, "Control traffic to your AWS resources using security groups" and
"Control traffic to subnets using network ACLs": groups allow and remember; ACLs have an order, and no memory.
"""

from __future__ import annotations

import ipaddress
from typing import Any


def allows(
    groups: list[dict[str, Any]],
    direction: str,
    port: int,
    cidrs: list[str],
    peers: set[str],
    prefix_lists: set[str] = frozenset(),  # type: ignore[assignment]
) -> bool:
    """Whether a rule of the groups covers the port, for one of the peers or all of one of the networks."""
    for group in groups:
        for rule in group.get(direction, []):
            if not _covers_port(rule, port):
                continue
            if peers & {pair["GroupId"] for pair in rule.get("UserIdGroupPairs", [])}:
                return True
            if prefix_lists & {item["PrefixListId"] for item in rule.get("PrefixListIds", [])}:
                return True
            ranges = [ipaddress.ip_network(item["CidrIp"]) for item in rule.get("IpRanges", [])]
            if any(ipaddress.ip_network(cidr).subnet_of(wide) for cidr in cidrs for wide in ranges):
                return True
    return False


def _covers_port(rule: dict[str, Any], port: int) -> bool:
    if rule.get("IpProtocol") in ("-1", -1):
        return True
    return str(rule.get("IpProtocol")) in ("tcp", "6") and rule.get("FromPort", 0) <= port <= rule.get(
        "ToPort", 65535
    )


def acl_allows(acl: dict[str, Any], egress: bool, ports: tuple[int, int]) -> bool:
    for entry in sorted(acl.get("Entries", []), key=lambda item: item["RuleNumber"]):
        if entry["Egress"] != egress or entry.get("CidrBlock") != "0.0.0.0/0":
            continue
        reach = entry.get("PortRange", {"From": 0, "To": 65535})
        if str(entry["Protocol"]) == "-1" or (
            str(entry["Protocol"]) == "6" and reach["From"] <= ports[0] and ports[1] <= reach["To"]
        ):
            return entry["RuleAction"] == "allow"
    return False
