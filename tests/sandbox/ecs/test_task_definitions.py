"""What ECS refuses to register, in its own words, and the sizes that Fargate has."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from helpers.sandbox.service import AwsError
from helpers.sandbox.task_definitions import check, check_size, cpu_units, memory_mib

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
# (2026-11-23), in its own form: vCPU, smallest and largest GB, step.
DOCUMENTED = [(0.25, 0.5, 2, None), (0.5, 1, 4, 1), (1, 2, 8, 1), (2, 4, 16, 1), (4, 8, 30, 1)]
DOCUMENTED += [(8, 16, 60, 4), (16, 32, 120, 8)]


def documented(vcpu: float, gb: float) -> bool:
    for size, low, high, step in DOCUMENTED:
        if size == vcpu:
            return gb in (0.5, 1, 2) if step is None else low <= gb <= high and (gb - low) % step == 0
    return False


def test_fargate_has_the_documented_sizes_and_no_others() -> None:
    for vcpu in (0.125, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 32):
        for half_gbs in range(1, 2 * 124):
            try:
                check_size(int(vcpu * 1024), half_gbs * 512)
                accepted = True
            except AwsError:
                accepted = False
            assert accepted == documented(vcpu, half_gbs / 2), (vcpu, half_gbs / 2)


@pytest.mark.parametrize(
    ("text", "units"), [("256", 256), (".25 vCPU", 256), ("0.5vcpu", 512), ("1 vCPU", 1024)]
)
def test_cpu_in_units_or_vcpus(text: str, units: int) -> None:
    assert cpu_units(text) == units


@pytest.mark.parametrize(("text", "mib"), [("512", 512), ("0.5 GB", 512), ("1GB", 1024), ("30 gb", 30720)])
def test_memory_in_mib_or_gb(text: str, mib: int) -> None:
    assert memory_mib(text) == mib


@pytest.mark.parametrize("text", ["", "much", "0", "-256", "0.1"])
def test_a_size_that_is_no_size(text: str) -> None:
    with pytest.raises(AwsError, match="Invalid 'cpu' setting for task"):
        cpu_units(text)


def definition(container: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    logged = {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"},
    }
    whole = {
        "family": "job",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": [
            {"name": "job", "image": "public.ecr.aws/docker/library/python:3.13", "logConfiguration": logged}
            | (container or {})
        ],
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def without_prefix() -> dict[str, Any]:
    options = {"awslogs-group": "g", "awslogs-region": "us-east-1"}
    return {"logConfiguration": {"logDriver": "awslogs", "options": options}}


AWSVPC_ONLY = "Fargate only supports network mode ‘awsvpc’."  # noqa: RUF001 - AWS's quotes
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/flights:latest"
HELPER = {"name": "helper", "image": "busybox", "essential": True}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (definition(networkMode="bridge"), AWSVPC_ONLY),
        (definition(networkMode=None), AWSVPC_ONLY),
        (definition(cpu=None), "Fargate requires that 'cpu' be defined at the task level."),
        (definition(memory=None), "Fargate requires that 'memory' be defined at the task level."),
        (
            definition(cpu="1024", memory="1024"),
            "No Fargate configuration exists for given values: 1024 CPU, 1024 memory. "
            "See the Amazon ECS documentation for the valid values.",
        ),
        (
            definition(executionRoleArn=None),
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ),
        (
            definition({"image": ECR, "logConfiguration": None}, executionRoleArn=None),
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ),
        (
            definition(without_prefix()),
            "Fargate requires log configuration options to include awslogs-stream-prefix to support log "
            "driver awslogs.",
        ),
        (
            definition({"cpu": 512}),
            "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value.",
        ),
        (
            definition({"portMappings": [{"containerPort": 80, "hostPort": 8080}]}),
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        (
            definition(
                containerDefinitions=[
                    HELPER,
                    HELPER
                    | {"name": "job", "dependsOn": [{"containerName": "helper", "condition": "SUCCESS"}]},
                ]
            ),
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container.",
        ),
        (definition(taskRoleArn="arn:aws:s3:::bucket"), "Role is not valid"),
        (definition(family="my job"), "Family contains invalid characters."),
    ],
)
def test_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError) as refusal:
        check(given)
    assert (refusal.value.code, refusal.value.message) == ("ClientException", message)


def test_accepted() -> None:
    check(definition())
    check(definition({"image": ECR, "cpu": 256, "stopTimeout": 120}))
    check({"family": "ec2", "containerDefinitions": [HELPER]})  # no Fargate: other rules


def test_the_api_refuses_too(ground: Any) -> None:
    with pytest.raises(
        ClientError, match="No Fargate configuration exists for given values: 256 CPU, 4096 memory"
    ):
        ground.define(ground.container("busybox"), memory="4096")
    assert ground.ecs.list_task_definitions(familyPrefix=ground.name)["taskDefinitionArns"] == []
