"""Through which VPC endpoint a task's request goes, and what that endpoint's policy says of it.

A task in a VPC reaches S3 through the gateway endpoint that its route table leads to, and other services
through an interface endpoint with private DNS. Such an endpoint has a policy, which allows nothing by itself
but must allow each request beside the role's own policies. Requests that leave another way (NAT, a public
address) meet no endpoint policy. Source (checked 2026-11-30): AWS PrivateLink guide, "Control access to VPC
endpoints using endpoint policies", https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...policy import Decision, Request, evaluate, statements

if TYPE_CHECKING:
    from ..principals import Principal
    from ..world import World

KIND = "a VPC endpoint policy"
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability")


@dataclass(frozen=True)
class Door:
    """An endpoint: its id, its VPC, and the statements of its policy."""

    id: str
    vpc: str
    rules: list[Any]

    @property
    def context(self) -> dict[str, str]:
        """The condition keys that a request through it carries."""
        return {"aws:SourceVpce": self.id, "aws:SourceVpc": self.vpc}

    def decide(self, request: Request) -> Decision:
        """What the policy says of the request. Its principals are usually `*`."""
        return evaluate(self.rules, request, resource_based=True)


def door(world: World, principal: Principal, service: str, action: str) -> Door | None:
    """The endpoint through which a running task's request goes; None when it goes through none."""
    found = _subnet(world, principal.session_name)
    if found is None:
        return None
    region, subnet_id = found
    ec2 = world.moto("ec2", region)
    subnet = ec2.get_subnet(subnet_id)
    wanted = f"com.amazonaws.{region}.{_name(service, action)}"
    endpoints = [
        e for e in ec2.vpc_end_points.values() if (e.vpc_id, e.service_name) == (subnet.vpc_id, wanted)
    ]
    table = _route_table(ec2, subnet)
    for endpoint in endpoints:
        inside = endpoint.vpc_endpoint_type == "Interface"
        if endpoint.state != "available" or (inside and not _private_name(ec2, endpoint)):
            continue
        if inside or table in (endpoint.route_table_ids or ()):
            return Door(endpoint.id, subnet.vpc_id, statements(endpoint.policy_document))
    return None


def _name(service: str, action: str) -> str:
    """The last part of the endpoint's service name. ECR has two doors: images are pulled through ecr.dkr."""
    return {"ecr": "ecr.dkr" if action in PULL else "ecr.api"}.get(service, service)


def _subnet(world: World, session_name: str | None) -> tuple[str, str] | None:
    """Region and subnet of the task that this role session belongs to: ECS names it by the task's id."""
    for region, store in world.stores("ecs").items():
        for arn, task in list(store.tasks.items()):
            if arn.rpartition("/")[2] != session_name:
                continue
            for attachment in task.get("attachments") or []:
                for detail in attachment.get("details") or []:
                    if detail["name"] == "subnetId":
                        return region, detail["value"]
    return None


def _route_table(ec2: Any, subnet: Any) -> str:
    """The subnet's route table, or its VPC's main one."""
    tables = [table for table in ec2.route_tables.values() if table.vpc_id == subnet.vpc_id]
    links = {link.get("SubnetId"): table.id for table in tables for link in table.associations}
    main = next((table.id for table in tables if table.main_association_id), "")
    return links.get(subnet.id, main)


def _private_name(ec2: Any, endpoint: Any) -> bool:
    vpc = ec2.get_vpc(endpoint.vpc_id)
    on = (vpc.enable_dns_support, vpc.enable_dns_hostnames)
    return bool(endpoint.private_dns_enabled) and all(str(value).lower() == "true" for value in on)
