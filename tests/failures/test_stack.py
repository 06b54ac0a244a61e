"""CloudFormation refuses.

What AWS shows for each of them, and where that was found, stands in documented.yaml.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from helpers import StackFailed, deploy, describe, open_session, teardown, upload_code, why
from helpers.stacks import exported_value


@pytest.fixture
def other(line):
    """A session for another project, which the test deploys itself; it is cleared away afterwards."""
    session = open_session(project="stacks")
    yield session
    teardown(session)


def events(session, stack: str) -> tuple[str, str]:
    """The reasons in the stack's events, and its status: what the console shows."""
    name = session.stack_name(stack) if stack != "second" else f"{session.project}-second"
    cloudformation = session.client("cloudformation")
    found = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    return "\n".join(event.get("ResourceStatusReason", "") for event in found), status


def test_an_invalid_pair_of_processor_and_memory(line, causes, documented):
    with pytest.raises(StackFailed):
        deploy(line.session, "task", {"Cpu": 256, "Memory": 8192})
    documented("invalid CPU/memory pair", *events(line.session, "task"))
    found = why(line.session, "task")
    causes(found, "Fargate sells no such pair of processor and memory: 256 CPU, 8192 memory")
    assert found.where.startswith("cfn/task.yaml:") and "works as before" in found.what
    deploy(line.session, "task", {"LogRetentionDays": 7})
    assert why(line.session, "task").healthy
    line.works()


def test_an_export_that_is_in_use(line, causes, documented):
    with pytest.raises(StackFailed):
        deploy(line.session, "network", {"NetworkLayout": "public"})
    documented("export in use", *events(line.session, "network"))
    found = causes(
        why(line.session, "network"), "the export breaks-AssignPublicIp is in use by breaks-schedule"
    )
    assert "AssignPublicIp" in found.where
    line.works()  # nothing was changed
    with line.broken("network", ('"${Project}-tasks"', '"${Project}-routes"')):
        pass  # an update that succeeds, and with it the stack's status is as it was
    assert why(line.session, "network").healthy


def test_a_bucket_that_is_not_empty(other, causes, documented):
    deploy(other, "storage")
    bucket = exported_value(other, "DataBucketName")
    other.client("s3").put_object(Bucket=bucket, Key="departures/x", Body=b"x")
    cloudformation = other.client("cloudformation")
    cloudformation.delete_stack(StackName="stacks-storage")
    with pytest.raises(Exception, match="DELETE_FAILED"):
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName="stacks-storage", WaiterConfig={"Delay": 0.1}
        )
    documented("bucket not empty", *events(other, "storage"))
    found = causes(why(other, "storage"), "DataBucket: the bucket is not empty")
    assert "DELETE_FAILED" in found.what and "teardown" in found.next_step
    assert teardown(other).clean


def test_a_zip_that_cannot_be_read_and_the_stack_that_is_stuck(other, causes, documented):
    for stack in ("storage", "roles", "registry"):
        deploy(other, stack)
    bucket = exported_value(other, "ArtifactBucketName")
    other.client("s3").put_object(Bucket=bucket, Key="source.zip", Body=b"this is not a ZIP")
    with pytest.raises(StackFailed, match="ROLLBACK_COMPLETE"):
        deploy(other, "build")
    documented("initial ZIP unreadable", *events(other, "build"))
    found = causes(why(other, "build"), "CodeCommit could not read the ZIP that the repository starts from")
    assert found.where.startswith("cfn/build.yaml:") and "can only be deleted" in found.what
    with pytest.raises(ClientError) as stuck:
        other.client("cloudformation").update_stack(StackName="stacks-build", UsePreviousTemplate=True)
    error, (_, status) = stuck.value.response["Error"], events(other, "build")
    documented("stack stuck in ROLLBACK_COMPLETE", error["Message"], status, error["Code"])
    upload_code(other)
    assert deploy(other, "build").status == "CREATE_COMPLETE"  # deleted first, then created anew
    assert why(other, "build").healthy


def test_two_stacks_that_export_the_same_name(line, causes, documented, tmp_path):
    second = tmp_path / "second.yaml"
    second.write_text(line.text("registry").replace("RepositoryName: !Ref Project", "RepositoryName: second"))
    with pytest.raises(StackFailed):
        deploy(line.session, second)
    documented("two stacks exporting the same name", *events(line.session, "second"))
    causes(
        why(line.session, "second"),
        "another stack, breaks-registry, already exports the name breaks-Repository",
    )
    line.client("cloudformation").delete_stack(StackName="breaks-second")
    assert describe(line.session, "registry").status == "CREATE_COMPLETE"
