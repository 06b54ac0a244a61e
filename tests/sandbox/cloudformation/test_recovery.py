"""`kill -9` in the middle of an operation: the next start brings the stack to where one can go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from .deploying import CAPABILITIES, Cfn, unique

TEMPLATE = """
Resources:
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.7.0.0/16}}}}
  Bucket: {{Type: AWS::S3::Bucket}}
  Log: {{Type: AWS::Logs::LogGroup, Properties: {{RetentionInDays: {days}}}}}
"""
WEEK, MONTH = TEMPLATE.format(days=7), TEMPLATE.format(days=30)
STOPPED = "The sandbox stopped while this was in progress."


def restart(cfn: Cfn, pace: str) -> None:
    """Start the sandbox (again), to spend `pace` seconds on each resource."""
    cfn.sandbox.arguments = (*cfn.sandbox.arguments, "--pace", pace)
    cfn.sandbox.start()


def slowly(cfn: Cfn) -> None:
    """From now on a resource takes so long that the sandbox can be stopped in the middle of it."""
    cfn.sandbox.stop()
    restart(cfn, "600")


def stop(cfn: Cfn, signal_number: int, stack_id: str, name: str, status: str) -> dict[str, Any]:
    """Stop the sandbox while a resource has a status; start it again; the stack when it has come to rest."""
    resources = {"StackId": stack_id}
    _until(lambda: cfn.resources(resources).get(name, {}).get("ResourceStatus") == status)
    cfn.sandbox.saved()
    if signal_number == signal.SIGKILL:
        os.kill(cfn.sandbox.pid, signal.SIGKILL)
    else:
        cfn.sandbox.stop()
    restart(cfn, "0")
    return cfn.settled(stack_id)


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)


def leftovers(cfn: Cfn) -> list[str]:
    vpcs = cfn.client("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.7.0.0/16"]}])["Vpcs"]
    return [
        *(vpc["VpcId"] for vpc in vpcs),
        *(one["Name"] for one in cfn.client("s3").list_buckets()["Buckets"]),
        *(one["logGroupName"] for one in cfn.client("logs").describe_log_groups()["logGroups"]),
    ]


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "stop"])
def test_while_it_is_created(fresh_sandbox: Callable[..., Any], signal_number: int) -> None:
    cfn, name = Cfn(fresh_sandbox("--pace", "600")), unique("c")
    made = cfn.api.create_stack(StackName=name, TemplateBody=WEEK, Capabilities=CAPABILITIES)
    stack = stop(cfn, signal_number, made["StackId"], "Log", "CREATE_IN_PROGRESS")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert cfn.reasons(stack, "Vpc", "CREATE_FAILED") == [STOPPED]
    assert cfn.reasons(stack, "stack", "ROLLBACK_IN_PROGRESS") == [f"{STOPPED} Rollback requested by user."]
    assert leftovers(cfn) == []
    cfn.delete(stack)
    assert cfn.create(WEEK, name)["StackStatus"] == "CREATE_COMPLETE"


def test_while_it_is_updated_and_deleted(fresh_sandbox: Callable[..., Any]) -> None:
    cfn = Cfn(fresh_sandbox())
    stack = cfn.create(WEEK)
    before = cfn.resources(stack)
    slowly(cfn)
    cfn.api.update_stack(StackName=stack["StackName"], TemplateBody=MONTH)
    stack = stop(cfn, signal.SIGKILL, stack["StackId"], "Log", "UPDATE_IN_PROGRESS")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    (group,) = cfn.client("logs").describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 7
    ids = {name: one["PhysicalResourceId"] for name, one in cfn.resources(stack).items()}
    assert ids == {name: one["PhysicalResourceId"] for name, one in before.items()}

    slowly(cfn)
    cfn.api.delete_stack(StackName=stack["StackName"])
    stack = stop(cfn, signal.SIGKILL, stack["StackId"], "Log", "DELETE_IN_PROGRESS")
    assert (stack["StackStatus"], stack["StackStatusReason"]) == ("DELETE_FAILED", STOPPED)
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE"
    assert leftovers(cfn) == []
