"""The course's own eight stacks: created, updated and deleted in order, as learners do it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from .deploying import Cfn, outputs, parameters, refusal, unique

FOLDER = Path(__file__).resolve().parents[3] / "cfn"
ORDER = ("storage", "network", "roles", "registry", "build", "pipeline", "task", "schedule")
CHANGES = {
    "storage": {"DataExpiryDays": "30"},
    "roles": {"SourceProvider": "S3"},
    "registry": {"KeepImages": "5", "TagMutability": "IMMUTABLE"},
    "build": {"ComputeType": "BUILD_GENERAL1_MEDIUM", "LogRetentionDays": "30"},
    "pipeline": {"PipelineType": "V1"},
    "task": {"Memory": "1024"},
    "schedule": {"ScheduleState": "DISABLED"},
}


def text(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def seed(cfn: Cfn, bucket: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("buildspec.yml", "version: 0.2\n")
    cfn.client("s3").put_object(Bucket=bucket, Key="source.zip", Body=buffer.getvalue())


def empty(cfn: Cfn, bucket: str) -> None:
    s3 = cfn.client("s3")
    for entry in s3.list_object_versions(Bucket=bucket).get("Versions", []):
        s3.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_all_eight(sandbox: Any, region: str) -> None:
    cfn, project = Cfn(sandbox, region), unique("p")
    stacks: dict[str, dict[str, Any]] = {}
    tags = [{"Key": "Project", "Value": project}]
    for name in ORDER:
        stack = cfn.create(text(name), f"{project}-{name}", Parameters=parameters(Project=project), Tags=tags)
        assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
        stacks[name] = stack
        created = {one for one, status, _ in cfn.events(stack) if status == "CREATE_COMPLETE"}
        assert created == {*cfn.resources(stack), "stack"}
        if name == "storage":
            seed(cfn, outputs(stack)["ArtifactBucketName"])
    assert refusal(cfn.api.delete_stack, StackName=f"{project}-network")[0] == "ValidationError"
    for name, values in CHANGES.items():
        kept = [
            {"ParameterKey": one["ParameterKey"], "UsePreviousValue": True}
            for one in stacks[name]["Parameters"]
            if one["ParameterKey"] not in values
        ]
        stack = cfn.update(stacks[name], Parameters=[*kept, *parameters(**values)])
        assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
        assert stack["Tags"] == tags
    rule = outputs(stacks["schedule"])["ScheduleRuleName"]
    assert cfn.client("events").describe_rule(Name=rule)["State"] == "DISABLED"
    for name in reversed(ORDER):
        if name == "storage":
            empty(cfn, outputs(stacks[name])["ArtifactBucketName"])
        stack = cfn.delete(stacks[name])
        assert stack["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    listed = cfn.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "Project", "Values": [project]}]
    )
    left = [one["ResourceARN"] for one in listed["ResourceTagMappingList"]]
    remembered = (":task-definition/", ":cluster/")  # ECS keeps them for a while, as INACTIVE
    assert [arn for arn in left if not any(kind in arn for kind in remembered)] == []
    clusters = cfn.client("ecs").describe_clusters(clusters=[project])["clusters"]
    assert {cluster["status"] for cluster in clusters} <= {"INACTIVE"}


@pytest.mark.parametrize("layout", ["endpoints", "public", "nat"])
def test_each_layout_of_the_network_comes_and_goes(cfn: Cfn, layout: str) -> None:
    project = unique("p")
    storage = cfn.create(text("storage"), f"{project}-storage", Parameters=parameters(Project=project))
    given = parameters(Project=project, NetworkLayout=layout)
    stack = cfn.create(text("network"), f"{project}-network", Parameters=given)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    vpc = outputs(stack)["VpcId"]
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    ec2 = cfn.client("ec2")
    assert vpc not in [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]]
    assert vpc not in [one["VpcId"] for one in ec2.describe_subnets()["Subnets"]]
    assert cfn.delete(storage)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(storage)
