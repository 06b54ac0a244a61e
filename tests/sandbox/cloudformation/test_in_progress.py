"""What may be done to a stack while something is being done to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .deploying import Cfn, refusal, unique

TEMPLATE = """
Resources:
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: "%s"}}
  B: {Type: AWS::SNS::Topic, DependsOn: A, Properties: {DisplayName: "%s"}}
  C: {Type: AWS::SNS::Topic, DependsOn: B, Properties: {DisplayName: "%s"}}
"""
ONE, TWO = TEMPLATE % (1, 1, 1), TEMPLATE % (2, 2, 2)


@pytest.fixture
def slow(fresh_sandbox: Callable[..., Any]) -> Cfn:
    return Cfn(fresh_sandbox("--pace", "0.5"))


def test_refused_cancelled_and_deleted_in_the_middle(slow: Cfn) -> None:
    name = unique()
    stack = {"StackId": slow.api.create_stack(StackName=name, TemplateBody=ONE)["StackId"]}
    assert refusal(slow.api.update_stack, StackName=name, TemplateBody=TWO) == (
        "ValidationError",
        f"Stack:{stack['StackId']} is in CREATE_IN_PROGRESS state and can not be updated.",
    )
    assert refusal(slow.api.cancel_update_stack, StackName=name)[0] == "ValidationError"
    assert slow.delete(stack)["StackStatus"] == "DELETE_COMPLETE"
    assert slow.client("sns").list_topics()["Topics"] == []

    stack = slow.create(ONE, name)
    slow.api.update_stack(StackName=name, TemplateBody=TWO)
    assert refusal(slow.api.delete_stack, StackName=name) == (
        "ValidationError",
        f"Stack [{name}] cannot be deleted while in status UPDATE_IN_PROGRESS",
    )
    slow.api.cancel_update_stack(StackName=name)
    stack = slow.settled(stack["StackId"])
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert slow.reasons(stack, "stack", "UPDATE_ROLLBACK_IN_PROGRESS") == ["User Initiated"]
    topics = [slow.physical(stack, one) for one in "ABC"]
    titles = [
        slow.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] for arn in topics
    ]
    assert titles == ["1", "1", "1"]
