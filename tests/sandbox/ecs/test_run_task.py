"""RunTask as an API: what it refuses and answers; what DescribeTasks, ListTasks and StopTask say of tasks."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .ground import ACCOUNT, Ground, until


@pytest.fixture(scope="module")
def place(sandbox: Any) -> Ground:
    """One place for the tests that start nothing."""
    return Ground(sandbox)


@pytest.fixture(scope="module")
def job(place: Ground) -> str:
    return place.define(place.container(place.image("print('hello')")))


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def network(**changes: Any) -> dict[str, Any]:
    return {"networkConfiguration": {"awsvpcConfiguration": changes}}


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
        ({"taskDefinition": "nothing"}, "ClientException", "TaskDefinition not found."),
        ({"taskDefinition": "nothing:7"}, "ClientException", "TaskDefinition not found."),
        (
            {"networkConfiguration": None},
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (network(subnets=[]), "InvalidParameterException", "subnets can not be empty."),
        (
            network(subnets=["subnet-00000000000000000"]),
            "InvalidParameterException",
            "Error retrieving subnet information for [subnet-00000000000000000]: The subnet ID "
            "'subnet-00000000000000000' does not exist (ErrorCode: InvalidSubnetID.NotFound)",
        ),
        (
            {"overrides": {"containerOverrides": [{"name": "jbo", "command": ["ls"]}]}},
            "InvalidParameterException",
            "Override for container named jbo is not a container in the TaskDefinition.",
        ),
        (
            {"overrides": {"cpu": "256", "memory": "8192"}},
            "ClientException",
            "No Fargate configuration exists for given values: 256 CPU, 8192 memory. "
            "See the Amazon ECS documentation for the valid values.",
        ),
        (
            {"launchType": "EC2"},
            "InvalidParameterException",
            "No Container Instances were found in your cluster.",
        ),
        (
            {"launchType": None},
            "InvalidParameterException",
            "No Container Instances were found in your cluster.",
        ),
        (
            {"launchType": "FARGATE", "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy is not supported. "
            "Remove one and try again.",
        ),
        ({"platformVersion": "9.9.9"}, "PlatformUnknownException", "The specified platform does not exist."),
        ({"count": 11}, "InvalidParameterException", "count must be between 1 and 10."),
    ],
)
def test_refused(place: Ground, job: str, request_: dict[str, Any], code: str, message: str) -> None:
    whole = {
        "cluster": place.cluster,
        "taskDefinition": job,
        "launchType": "FARGATE",
        "networkConfiguration": place.network,
    }
    given = {name: value for name, value in (whole | request_).items() if value is not None}
    with pytest.raises(ClientError) as error:
        place.ecs.run_task(**given)
    assert refusal(error) == (code, message)


def test_a_security_group_must_exist_and_lie_in_the_vpc(place: Ground, job: str) -> None:
    with pytest.raises(ClientError) as error:
        place.run(job, **network(subnets=[place.subnet], securityGroups=["sg-00000000000000000"]))
    assert refusal(error)[1] == (
        "Error retrieving security group information for [sg-00000000000000000]: The security group "
        "'sg-00000000000000000' does not exist (ErrorCode: InvalidGroup.NotFound)"
    )
    other = place.ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    group = place.ec2.create_security_group(GroupName=f"{place.name}-x", Description="x", VpcId=other)[
        "GroupId"
    ]
    with pytest.raises(ClientError, match="does not appear to belong to the same VPC"):
        place.run(job, **network(subnets=[place.subnet], securityGroups=[group]))


def test_an_inactive_definition(place: Ground) -> None:
    definition = place.define(place.container("busybox"))
    place.ecs.deregister_task_definition(taskDefinition=definition)
    with pytest.raises(ClientError) as error:
        place.run(definition)
    assert refusal(error) == ("ClientException", "TaskDefinition is inactive")


def test_a_family_means_its_latest_active_revision(ground: Ground) -> None:
    image = ground.image("print('ran')")
    first, second = (ground.define(ground.container(image)) for _ in range(2))
    assert ground.run(ground.name)["taskDefinitionArn"] == second
    ground.ecs.deregister_task_definition(taskDefinition=second)
    assert ground.run(first.rpartition(":")[0])["taskDefinitionArn"] == first


def test_a_definition_for_ec2_only(place: Ground) -> None:
    container = {"name": "job", "image": "busybox", "memory": 64}
    definition = place.define(
        container, requiresCompatibilities=["EC2"], networkMode="bridge", cpu=None, memory=None
    )
    with pytest.raises(ClientError) as error:
        place.run(definition)
    assert refusal(error) == (
        "InvalidParameterException",
        "Task definition does not support launch_type FARGATE.",
    )


def test_a_role_that_does_not_exist(place: Ground) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/gone"
    definition = place.define(place.container("busybox"), taskRoleArn=role)
    with pytest.raises(ClientError) as error:
        place.run(definition)
    assert refusal(error)[0] == "ClientException"
    assert refusal(error)[1].startswith(
        f"ECS was unable to assume the role '{role}' that was provided for this task."
    )


def test_start_task_finds_no_container_instance(place: Ground, job: str) -> None:
    answer = place.ecs.start_task(cluster=place.cluster, taskDefinition=job, containerInstances=["a" * 32])
    assert (answer["tasks"], [failure["reason"] for failure in answer["failures"]]) == ([], ["MISSING"])


def test_what_is_not_simulated_says_so(place: Ground, job: str) -> None:
    with pytest.raises(ClientError, match="CreateService is not simulated"):
        place.ecs.create_service(cluster=place.cluster, serviceName="web", taskDefinition=job)


def test_tasks_that_do_not_exist(place: Ground) -> None:
    answer = place.ecs.describe_tasks(cluster=place.cluster, tasks=["f" * 32])
    assert answer["tasks"] == []
    assert answer["failures"] == [
        {"arn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:task/{place.name}/{'f' * 32}", "reason": "MISSING"}
    ]
    with pytest.raises(ClientError) as error:
        place.ecs.stop_task(cluster=place.cluster, task="f" * 32)
    assert refusal(error) == ("InvalidParameterException", "The referenced task was not found.")
    with pytest.raises(ClientError, match="Tasks cannot be empty"):
        place.ecs.describe_tasks(cluster=place.cluster, tasks=[])


def test_the_life_of_a_task(ground: Ground) -> None:
    definition = ground.define(ground.container(ground.image("print('hello')")))
    first = ground.run(definition, startedBy="a test", tags=[{"key": "team", "value": "data"}])
    assert (first["lastStatus"], first["desiredStatus"]) == ("PROVISIONING", "RUNNING")
    assert re.fullmatch(
        rf"arn:aws:ecs:us-east-1:{ACCOUNT}:task/{ground.name}/[0-9a-f]{{32}}", first["taskArn"]
    )
    last = ground.when(first)
    assert (last["desiredStatus"], last["stopCode"], last["stoppedReason"]) == (
        "STOPPED",
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    moments = ("createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "executionStoppedAt", "stoppedAt")
    assert [last[name] for name in moments] == sorted(last[name] for name in moments)
    (container,) = last["containers"]
    assert (container["lastStatus"], container["exitCode"]) == ("STOPPED", 0)
    image = ground.ecr.describe_images(repositoryName=ground.name)["imageDetails"][0]
    assert container["imageDigest"] == image["imageDigest"]
    (attachment,) = last["attachments"]
    details = {detail["name"]: detail["value"] for detail in attachment["details"]}
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "DELETED")
    assert details["privateIPv4Address"].startswith("10.7.1.")
    assert container["networkInterfaces"] == [
        {"attachmentId": attachment["id"], "privateIpv4Address": details["privateIPv4Address"]}
    ]
    assert (last["launchType"], last["cpu"], last["memory"], last["platformVersion"]) == (
        "FARGATE",
        "256",
        "512",
        "1.4.0",
    )
    assert (last["startedBy"], last["group"]) == ("a test", f"family:{ground.name}")
    assert last["tags"] == [{"key": "team", "value": "data"}]
    without = ground.ecs.describe_tasks(cluster=ground.cluster, tasks=[first["taskArn"]])["tasks"][0]
    assert without.get("tags", []) == []


def test_the_interface_exists_as_long_as_the_task(ground: Ground) -> None:
    definition = ground.define(ground.container(ground.image("import time; time.sleep(60)")))
    task = ground.when(ground.run(definition), "RUNNING")
    details = {detail["name"]: detail["value"] for detail in task["attachments"][0]["details"]}
    (interface,) = ground.ec2.describe_network_interfaces(
        NetworkInterfaceIds=[details["networkInterfaceId"]]
    )["NetworkInterfaces"]
    assert (interface["Status"], interface["SubnetId"]) == ("in-use", ground.subnet)
    cluster = ground.ecs.describe_clusters(clusters=[ground.cluster])["clusters"][0]
    assert (cluster["runningTasksCount"], cluster["pendingTasksCount"]) == (1, 0)
    with pytest.raises(ClientError) as error:
        ground.ecs.delete_cluster(cluster=ground.cluster)
    assert refusal(error)[0] == "ClusterContainsTasksException"
    answer = ground.ecs.stop_task(cluster=ground.cluster, task=task["taskArn"], reason="seen enough")["task"]
    assert (answer["desiredStatus"], answer["stopCode"]) == ("STOPPED", "UserInitiated")
    last = ground.when(task)
    assert (last["stopCode"], last["stoppedReason"]) == ("UserInitiated", "seen enough")
    assert last["containers"][0]["exitCode"] == 143  # 128 + SIGTERM, which the script does not catch
    left = ground.ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [ground.subnet]}])
    assert left["NetworkInterfaces"] == []
    ground.ecs.delete_cluster(cluster=ground.cluster)


def test_the_same_client_token_starts_no_second_task(ground: Ground) -> None:
    definition = ground.define(ground.container(ground.image("print('once')")))
    first = ground.run(definition, clientToken="once")
    again = ground.run(definition, clientToken="once")
    assert first["taskArn"] == again["taskArn"]
    with pytest.raises(ClientError) as error:
        ground.run(definition, clientToken="once", startedBy="another")
    assert refusal(error)[0] == "ConflictException"


def test_lists(ground: Ground) -> None:
    quick = ground.define(ground.container(ground.image("print('quick')")))
    arns = sorted(
        task["taskArn"]
        for task in ground.ecs.run_task(
            cluster=ground.cluster,
            taskDefinition=quick,
            count=3,
            launchType="FARGATE",
            networkConfiguration=ground.network,
            startedBy="three",
        )["tasks"]
    )

    def listed(**filters: Any) -> list[str]:
        return sorted(ground.ecs.list_tasks(cluster=ground.cluster, **filters)["taskArns"])

    until(lambda: listed(desiredStatus="STOPPED") == arns, what="the end of three tasks")
    assert listed() == []
    assert listed(desiredStatus="STOPPED", family=ground.name) == arns
    assert listed(desiredStatus="STOPPED", family="other") == []
    assert listed(desiredStatus="STOPPED", startedBy="three") == arns
    assert listed(desiredStatus="STOPPED", startedBy="four") == []
    pages = ground.ecs.get_paginator("list_tasks").paginate(
        cluster=ground.cluster, desiredStatus="STOPPED", PaginationConfig={"PageSize": 2}
    )
    assert [len(page["taskArns"]) for page in pages] == [2, 1]


def test_tags_come_from_the_definition_when_asked(ground: Ground) -> None:
    container = ground.container(ground.image("print('tagged')"))
    definition = ground.define(container, tags=[{"key": "Project", "value": "flights"}])
    task = ground.ran(definition, propagateTags="TASK_DEFINITION", tags=[{"key": "run", "value": "1"}])
    assert {tag["key"]: tag["value"] for tag in task["tags"]} == {"Project": "flights", "run": "1"}
    ground.ecs.tag_resource(resourceArn=task["taskArn"], tags=[{"key": "run", "value": "2"}])
    ground.ecs.untag_resource(resourceArn=task["taskArn"], tagKeys=["Project"])
    tags = ground.ecs.list_tags_for_resource(resourceArn=task["taskArn"])["tags"]
    assert tags == [{"key": "run", "value": "2"}]


def test_a_capacity_provider_of_the_cluster(ground: Ground) -> None:
    definition = ground.define(ground.container(ground.image("print('spot')")))
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    request = {
        "launchType": None,
        "capacityProviderStrategy": strategy,
        "networkConfiguration": ground.network,
    }
    given = {name: value for name, value in request.items() if value}
    with pytest.raises(ClientError, match="not associated with the cluster"):
        ground.ecs.run_task(cluster=ground.cluster, taskDefinition=definition, **given)
    ground.ecs.put_cluster_capacity_providers(
        cluster=ground.cluster, capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=strategy
    )
    answer = ground.ecs.run_task(cluster=ground.cluster, taskDefinition=definition, **given)
    assert answer["tasks"][0]["capacityProviderName"] == "FARGATE_SPOT"
