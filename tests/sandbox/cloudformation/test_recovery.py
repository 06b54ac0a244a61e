"""`kill -9` in the middle of an operation: the next start brings the stack to where one can go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from .deploying import CAPABILITIES, Cfn, unique

PACE = ("--pace", "0.7")
TEMPLATE = """
Resources:
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.7.0.0/16}}}}
  Bucket: {{Type: AWS::S3::Bucket, DependsOn: Vpc}}
  Log: {{Type: AWS::Logs::LogGroup, DependsOn: Bucket, Properties: {{RetentionInDays: {days}}}}}
"""


def kill_when(cfn: Cfn, reached: Callable[[], bool]) -> None:
    """Kill the sandbox without warning once something is the case, and start it again."""
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.4)  # the state on disk follows within 0.25 seconds
    os.kill(cfn.sandbox.pid, signal.SIGKILL)
    cfn.sandbox.start()


def status(cfn: Cfn, stack_id: str, name: str) -> str:
    assert cfn.stack(stack_id)["StackStatus"].endswith("_IN_PROGRESS")
    return cfn.resources({"StackId": stack_id}).get(name, {}).get("ResourceStatus", "")


def leftovers(cfn: Cfn, name: str) -> list[Any]:
    """What exists in the services with a stack's name in it."""
    vpcs = cfn.client("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.7.0.0/16"]}])["Vpcs"]
    return [
        *(vpc["VpcId"] for vpc in vpcs),
        *(one["Name"] for one in cfn.client("s3").list_buckets()["Buckets"] if name in one["Name"]),
        *(one["logGroupName"] for one in cfn.client("logs").describe_log_groups()["logGroups"]),
    ]


def test_at_any_point(fresh_sandbox: Callable[..., Any]) -> None:
    cfn = Cfn(fresh_sandbox(*PACE))
    name = unique("kill")

    # while it is created: rolled back, nothing left, and the name can be used again
    made = cfn.api.create_stack(
        StackName=name, TemplateBody=TEMPLATE.format(days=7), Capabilities=CAPABILITIES
    )
    stack_id = made["StackId"]
    kill_when(cfn, lambda: status(cfn, stack_id, "Bucket") == "CREATE_IN_PROGRESS")
    stack = cfn.settled(stack_id)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [
        reason for _, event, reason in cfn.events(stack) if event in ("CREATE_FAILED", "ROLLBACK_IN_PROGRESS")
    ]
    assert all("The sandbox stopped while this was in progress." in reason for reason in reasons) and reasons
    assert leftovers(cfn, name) == []
    cfn.delete(stack)

    # while it is updated: what it was before
    stack = cfn.create(TEMPLATE.format(days=7), name)
    cfn.api.update_stack(StackName=name, TemplateBody=TEMPLATE.format(days=30), Capabilities=CAPABILITIES)
    kill_when(cfn, lambda: status(cfn, stack["StackId"], "Log") == "UPDATE_IN_PROGRESS")
    stack = cfn.settled(stack["StackId"])
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    groups = cfn.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [7]

    # while it is deleted: failed, and can be deleted again
    cfn.api.delete_stack(StackName=name)
    kill_when(cfn, lambda: status(cfn, stack["StackId"], "Bucket") == "DELETE_IN_PROGRESS")
    stack = cfn.settled(stack["StackId"])
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"] == "The sandbox stopped while this was in progress."
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE"
    assert leftovers(cfn, name) == []


def test_a_stop_in_the_middle_is_no_failure_of_a_resource(fresh_sandbox: Callable[..., Any]) -> None:
    cfn = Cfn(fresh_sandbox(*PACE))
    name = unique("stop")
    made = cfn.api.create_stack(
        StackName=name, TemplateBody=TEMPLATE.format(days=7), Capabilities=CAPABILITIES
    )
    while status(cfn, made["StackId"], "Vpc") != "CREATE_IN_PROGRESS":
        time.sleep(0.01)
    cfn.sandbox.stop()
    cfn.sandbox.start()
    stack = cfn.settled(made["StackId"])
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    failed = [reason for _, event, reason in cfn.events(stack) if event == "CREATE_FAILED"]
    assert failed == ["The sandbox stopped while this was in progress."]
    assert leftovers(cfn, name) == []
