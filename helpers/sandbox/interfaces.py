"""A task's network interface: on Fargate each task has one, in the first of its subnets."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from .world import World


def new_attachment(subnet: str) -> dict[str, Any]:
    """A task's network interface before it exists."""
    return {
        "id": str(uuid.uuid4()),
        "type": "ElasticNetworkInterface",
        "status": "PRECREATED",
        "details": [{"name": "subnetId", "value": subnet}],
    }


def make_interface(
    world: World, region: str, configuration: dict[str, Any], attachment_id: str
) -> tuple[list[dict[str, str]], str]:
    """Make a task's network interface; its details as ECS shows them, and its availability zone."""
    vpc = configuration["awsvpcConfiguration"]
    ec2 = world.client("ec2", region, as_service="ecs.amazonaws.com")
    groups = {"Groups": vpc["securityGroups"]} if vpc.get("securityGroups") else {}
    made = ec2.create_network_interface(
        SubnetId=vpc["subnets"][0],
        Description=f"arn:aws:ecs:{region}:{world.account}:attachment/{attachment_id}",
        **groups,
    )["NetworkInterface"]
    held = world.moto("ec2", region).get_network_interface(made["NetworkInterfaceId"])
    held.status = "in-use"  # no API can say it, but DescribeNetworkInterfaces shows it
    held.requester_managed = True
    details = [
        {"name": "subnetId", "value": made["SubnetId"]},
        {"name": "networkInterfaceId", "value": made["NetworkInterfaceId"]},
        {"name": "macAddress", "value": made["MacAddress"]},
        {"name": "privateDnsName", "value": made.get("PrivateDnsName") or ""},
        {"name": "privateIPv4Address", "value": made["PrivateIpAddress"]},
    ]
    return details, made["AvailabilityZone"]


def remove_interface(world: World, region: str, task: dict[str, Any]) -> None:
    """Delete a task's network interface, if it got one; the task keeps the record of it."""
    ec2 = world.client("ec2", region, as_service="ecs.amazonaws.com")
    for attachment in task["attachments"]:
        for detail in attachment["details"]:
            if detail["name"] == "networkInterfaceId":
                with suppress(ClientError):
                    ec2.delete_network_interface(NetworkInterfaceId=detail["value"])
        with world.lock:
            attachment["status"] = "DELETED"
