"""Deleting stacks."""

from __future__ import annotations

from .deploying import Cfn, refusal

TWO = """
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Topic: {Type: AWS::SNS::Topic, DependsOn: Bucket}
"""


def test_in_reverse(cfn: Cfn) -> None:
    stack = cfn.create(TWO)
    count = len(cfn.events(stack))
    gone = cfn.delete(stack)
    assert gone["StackStatus"] == "DELETE_COMPLETE" and "DeletionTime" in gone
    assert cfn.events(stack)[count:] == [
        ("stack", "DELETE_IN_PROGRESS", "User Initiated"),
        ("Topic", "DELETE_IN_PROGRESS", None),
        ("Topic", "DELETE_COMPLETE", None),
        ("Bucket", "DELETE_IN_PROGRESS", None),
        ("Bucket", "DELETE_COMPLETE", None),
        ("stack", "DELETE_COMPLETE", None),
    ]
    name = stack["StackName"]
    assert refusal(cfn.api.describe_stacks, StackName=name)[1] == f"Stack with id {name} does not exist"
    cfn.api.delete_stack(StackName=name)  # deleting what is not there succeeds
    listed = cfn.api.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert stack["StackId"] in [one["StackId"] for one in listed]


def test_a_bucket_that_is_not_empty(cfn: Cfn) -> None:
    stack = cfn.create(TWO)
    bucket, s3 = cfn.physical(stack, "Bucket"), cfn.client("s3")
    s3.put_object(Bucket=bucket, Key="x", Body=b"")
    stack = cfn.delete(stack)
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [Bucket]. "
    reasons = cfn.reasons(stack, "Bucket", "DELETE_FAILED")
    assert "The bucket you tried to delete is not empty (Service: S3, Status Code: 409, " in reasons[0]
    failed = cfn.api.describe_events(StackName=stack["StackId"], Filters={"FailedEvents": True})[
        "OperationEvents"
    ]
    assert [(one["LogicalResourceId"], one["EventType"]) for one in failed] == [
        ("Bucket", "PROVISIONING_ERROR")
    ]
    s3.delete_object(Bucket=bucket, Key="x")
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_what_cannot_go_can_be_left_behind(cfn: Cfn) -> None:
    stack = cfn.create(TWO)
    bucket = cfn.physical(stack, "Bucket")
    answer = refusal(cfn.api.delete_stack, StackName=stack["StackName"], RetainResources=["Bucket"])
    assert answer[0] == "ValidationError" and "only when the stack is in the DELETE_FAILED state" in answer[1]
    cfn.client("s3").put_object(Bucket=bucket, Key="x", Body=b"")
    cfn.delete(stack)
    stack = cfn.delete(stack, RetainResources=["Bucket"])
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    assert ("Bucket", "DELETE_SKIPPED", None) in cfn.events(stack)
    cfn.client("s3").head_bucket(Bucket=bucket)


def test_force(cfn: Cfn) -> None:
    stack = cfn.create(TWO)
    cfn.client("s3").put_object(Bucket=cfn.physical(stack, "Bucket"), Key="x", Body=b"")
    cfn.delete(stack)
    assert cfn.delete(stack, DeletionMode="FORCE_DELETE_STACK")["StackStatus"] == "DELETE_COMPLETE"


def test_retain(cfn: Cfn) -> None:
    stack = cfn.create("Resources: {T: {Type: AWS::SNS::Topic, DeletionPolicy: Retain}}")
    arn = cfn.physical(stack, "T")
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE"
    assert cfn.client("sns").get_topic_attributes(TopicArn=arn)


def test_termination_protection(cfn: Cfn) -> None:
    stack = cfn.create(TWO, EnableTerminationProtection=True)
    name = stack["StackName"]
    assert refusal(cfn.api.delete_stack, StackName=name) == (
        "ValidationError",
        f"Stack [{name}] cannot be deleted while TerminationProtection is enabled",
    )
    cfn.api.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_something_deleted_by_hand_counts_as_deleted(cfn: Cfn) -> None:
    stack = cfn.create(TWO)
    cfn.client("s3").delete_bucket(Bucket=cfn.physical(stack, "Bucket"))
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_the_waiter_of_boto3(cfn: Cfn) -> None:
    stack = cfn.create(TWO)
    cfn.api.delete_stack(StackName=stack["StackName"])
    cfn.api.get_waiter("stack_delete_complete").wait(
        StackName=stack["StackId"], WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
    )
