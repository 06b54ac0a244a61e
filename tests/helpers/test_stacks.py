"""Looking at stacks that are deployed, held against what the sandbox's own API says."""

from __future__ import annotations

import pytest

from helpers import (
    NameUnknown,
    StackMissing,
    deploy,
    describe,
    events,
    exports,
    outputs,
    overview,
    resolved,
    resources,
    stacks,
)
from tests.helpers.fakes import session_with

ORDER = ["storage", "network", "roles", "registry", "build", "pipeline", "task", "schedule"]


def test_the_catalogue_is_in_an_order_that_can_be_deployed():
    assert list(stacks.CATALOGUE) == ORDER
    for i, name in enumerate(ORDER):
        assert set(stacks.builds_on(name)) <= set(ORDER[:i])


def test_what_a_stack_builds_on_is_read_from_its_template():
    assert stacks.builds_on("storage") == ()
    assert "registry" in stacks.builds_on("task")
    assert {"network", "task", "roles"} <= set(stacks.builds_on("schedule"))


def test_a_path_is_a_stack_of_the_project_too(tmp_path):
    path = tmp_path / "My_queue 2.yaml"
    path.write_text("Resources: {Q: {Type: AWS::SQS::Queue}}")
    session = session_with()
    assert stacks.target(session, path).name == "flights-my-queue-2"
    assert stacks.full_name(session, str(path)) == "flights-my-queue-2"
    assert (
        stacks.target(session, "flights-task").name == stacks.target(session, "task").name == "flights-task"
    )


def test_all_eight_stand(line):
    assert [(row.stack, row.status) for row in overview(line)] == [(n, "CREATE_COMPLETE") for n in ORDER]
    assert all(name in str(overview(line)) for name in ORDER)


def test_resources_are_those_of_the_template_and_of_the_api(line):
    api = line.client("cloudformation").list_stack_resources(StackName="line-task")["StackResourceSummaries"]
    found = resources(line, "task")
    assert {r.logical_id: r.physical_id for r in found.rows} == {
        r["LogicalResourceId"]: r["PhysicalResourceId"] for r in api
    }
    assert found["Cluster"].type == "AWS::ECS::Cluster"
    with pytest.raises(KeyError, match="TaskDefinition"):
        found["Clustr"]


def test_events_are_told_oldest_first_for_every_resource(line):
    told = events(line, "storage")
    assert told[0].reason == "User Initiated" and told[-1].status == "CREATE_COMPLETE"
    assert [e.time for e in told] == sorted(e.time for e in told)
    assert {e.resource for e in told} == {"line-storage", *resources(line, "storage")}


def test_outputs_and_exports(line):
    network = describe(line, "network")
    assert dict(outputs(line, "network")) == dict(network.outputs)
    assert network.exports["line-VpcId"] == network.outputs["VpcId"]
    vpcs = line.client("ec2").describe_vpcs(VpcIds=[network.outputs["VpcId"]])["Vpcs"]
    assert vpcs[0]["CidrBlock"] == network.parameters["VpcCidr"]
    rows = {row.name: row for row in exports(line).rows}
    assert rows["line-VpcId"].value == network.outputs["VpcId"]
    assert rows["line-SubnetIds"].used_by == ("line-schedule",)
    assert exports(line)["line-ClusterName"] == "line"


def test_a_stack_prints_its_outputs_without_values_that_change(line):
    shown = str(describe(line, "network"))
    assert "line-VpcId" in shown and "vpc-" not in shown
    assert "vpc-" in str(outputs(line, "network"))


def test_a_stack_that_is_not_there(session_of):
    session = session_of("nothing")
    for look in (describe, resources, events, outputs, resolved):
        with pytest.raises(StackMissing, match="nothing-task is not deployed") as missing:
            look(session, "task")
        assert 'deploy(session, "task")' in missing.value.next_step
    assert len(exports(session)) == 0


def test_functions_resolve_to_what_cloudformation_made_of_them(line):
    """Held against the APIs of the services: what they have is what CloudFormation resolved."""
    value = {(row.text, row.where): row.value for row in resolved(line, "task")}
    cluster = line.client("ecs").describe_clusters(clusters=["line"])["clusters"][0]
    assert value["!GetAtt Cluster.Arn", "ClusterArn.Value"] == cluster["clusterArn"]
    definition = line.client("ecs").describe_task_definition(taskDefinition="line")["taskDefinition"]
    container = definition["containerDefinitions"][0]
    texts = {where: v for (_, where), v in value.items()}
    assert texts["TaskDefinition.Cpu"] == definition["cpu"]
    assert (
        value['!ImportValue { "Fn::Sub": "${Project}-TaskRoleArn" }', "TaskDefinition.TaskRoleArn"]
        == (definition["taskRoleArn"])
    )
    image = next(v for (text, _), v in value.items() if text.startswith("!Sub ${AWS::AccountId}.dkr.ecr"))
    assert image == container["image"]
    options = container["logConfiguration"]["options"]
    assert (
        texts["TaskDefinition.ContainerDefinitions.LogConfiguration.Options.awslogs-region"]
        == (options["awslogs-region"])
    )


def test_attributes_that_no_output_shows_are_worked_out_or_said_to_be_unknown(line):
    values = {row.text: row.value for row in resolved(line, "storage", "Sub")}
    bucket = describe(line, "storage").outputs["DataBucketName"]
    assert values["!Sub ${DataBucket.Arn}/*"] == f"arn:aws:s3:::{bucket}/*"
    network = {row.text: row.value for row in resolved(line, "network", "GetAtt")}
    assert "not created" in network["!GetAtt NatAddress.AllocationId"]
    vpc = describe(line, "network").outputs["VpcId"]
    found = line.client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
    assert network["!GetAtt Vpc.CidrBlock"] == found["CidrBlock"]


def test_a_short_name_that_is_not_one_of_the_eight():
    with pytest.raises(NameUnknown, match="no stack `stroage`; did you mean `storage`"):
        deploy(session_with(), "stroage")
