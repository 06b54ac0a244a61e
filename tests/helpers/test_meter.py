"""cost(session): what is deployed now and what it costs, read from the services, in a sandbox.

What it says of a whole project is in test_tasks.py, which has one.

Expected figures are AWS's list prices, worked out by hand: an interface endpoint costs 0.01 an hour and zone,
a NAT gateway 0.045, a public address 0.005, an alarm 0.10 a month of 730 hours.
"""

from __future__ import annotations

import dataclasses

import pytest
from botocore.exceptions import ClientError

from helpers import cost, deploy, metering, teardown

READS = ("Describe", "List", "Get", "BatchGet")


def standing(meter) -> dict[str, float]:
    return {item.what: item.standing for item in meter if item.standing > 0.0001}


def network(session, layout: str) -> dict[str, float]:
    deploy(session, "network", {"NetworkLayout": layout})
    return standing(cost(session))


def test_nothing_deployed_costs_nothing(session_of):
    meter = cost(session_of("nothing"))
    assert len(meter) == 0 and meter.per_month == 0
    assert "Nothing that costs money is deployed" in str(meter)


def test_each_layout_costs_what_stands_in_it(session_of):
    session = session_of("meter")
    assert network(session, "endpoints") == {
        f"interface endpoint for {name}": pytest.approx(0.02) for name in ("ecr.api", "ecr.dkr", "logs")
    }
    meter = cost(session)
    assert meter.per_hour == pytest.approx(0.06)
    assert meter.per_day == pytest.approx(1.44)
    assert meter.per_month == pytest.approx(43.80)
    assert "43.80" in str(meter) and "gateway endpoint for s3" in str(meter)
    assert network(session, "nat") == {"NAT gateway": 0.045, "public address of its own": 0.005}
    assert network(session, "public") == {}


def test_what_belongs_to_others_is_neither_counted_nor_touched(session_of):
    """A neighbour's doors without a tag, and a whole project whose name begins with ours."""
    session, neighbour = session_of("mine"), session_of("mine-too")
    ec2 = session.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/26")["Subnet"]["SubnetId"]
    made = ec2.create_vpc_endpoint(
        VpcId=vpc,
        VpcEndpointType="Interface",
        ServiceName=f"com.amazonaws.{session.region}.logs",
        SubnetIds=[subnet],
    )["VpcEndpoint"]["VpcEndpointId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)
    deploy(neighbour, "network")
    deploy(neighbour, "build")
    alarm = {"Namespace": "AWS/SQS", "MetricName": "NumberOfMessagesSent", "Period": 60, "Statistic": "Sum"}
    compare = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    session.client("cloudwatch").put_metric_alarm(AlarmName="mine-too-quiet", **alarm, **compare)

    calls: list[str] = []
    session.clients.clear()  # new ones, to listen to
    session.aws.events.register("before-call", lambda model, **_: calls.append(model.name))
    meter = cost(session)
    assert len(meter) == 0
    assert calls and all(name.startswith(READS) for name in calls), calls

    seen = cost(neighbour)
    assert seen.per_hour == pytest.approx(0.06 + 0.10 / 730, abs=1e-6)
    assert {"2 buckets", "1 log group", "build project", "1 alarm"} <= {item.what for item in seen}
    session.client("cloudwatch").delete_alarms(AlarmNames=["mine-too-quiet"])
    assert ec2.describe_vpc_endpoints(VpcEndpointIds=[made])["VpcEndpoints"][0]["State"] == "available"
    ec2.release_address(AllocationId=address)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
    teardown(neighbour)
    assert cost(neighbour).per_hour == 0


class FakeEcs:
    """An ECS in which one task of the project runs, on ARM, and one of somebody else's."""

    def can_paginate(self, operation: str) -> bool:
        return False

    def list_task_definitions(self, **_):
        return {"taskDefinitionArns": ["arn:x/fake-other:9", "arn:x/fake:3"]}

    def describe_task_definition(self, taskDefinition: str):
        assert taskDefinition == "arn:x/fake:3"
        return {"taskDefinition": {"cpu": "512", "memory": "1024"}}

    def list_clusters(self):
        return {"clusterArns": ["arn:x/fake", "arn:x/fake-other"]}

    def list_tasks(self, cluster: str, desiredStatus: str):
        assert cluster == "arn:x/fake" and desiredStatus == "RUNNING"
        return {"taskArns": ["arn:task"]}

    def describe_tasks(self, cluster: str, tasks: list[str]):
        attributes = [{"name": "ecs.cpu-architecture", "value": "arm64"}]
        return {"tasks": [{"cpu": "256", "memory": "512", "attributes": attributes}]}


def test_a_task_costs_while_it_runs_and_so_does_its_address(session_of, monkeypatch):
    session = dataclasses.replace(session_of("fake"), clients={"ecs": FakeEcs()})
    monkeypatch.setattr(metering, "_has_address", lambda session: True)
    items = {item.what: item for item in metering._tasks(session)}
    # 0.25 vCPU x 0.03238 + 0.5 GB x 0.00356 = 0.009875, and 0.005 for the address
    assert items["a task that runs now"].standing == pytest.approx(0.014875)
    assert items["cluster and task definition"].standing == 0


def test_what_may_not_be_seen_is_said_and_the_rest_is_counted(session_of):
    refused = ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "ListTaskDefinitions"
    )

    class Refusing(FakeEcs):
        def list_task_definitions(self, **_):
            raise refused

    session = session_of("meter")
    deploy(session, "network", {"NetworkLayout": "endpoints"})
    blind = dataclasses.replace(session, clients={**session.clients, "ecs": Refusing()})
    meter = cost(blind)
    assert meter.per_hour == pytest.approx(0.06)
    assert "Not seen: AWS refused ListTaskDefinitions with AccessDeniedException" in str(meter)
