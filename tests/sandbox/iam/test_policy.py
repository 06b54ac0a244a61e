"""IAM evaluation: policies that AWS publishes, and the rules that its guides state."""

from __future__ import annotations

import pytest

from helpers.sandbox.iam import Request, evaluate, statements
from helpers.sandbox.iam.policy import arn_matches

from .published import POLICIES, allow, asks

CASES = [(policy, *case) for policy in POLICIES for case in policy.cases]


@pytest.mark.parametrize(
    ("policy", "request_", "allowed"), CASES, ids=[f"{c[0].name} {i}" for i, c in enumerate(CASES)]
)
def test_published_policies(policy, request_, allowed):
    found = evaluate(statements(policy.document), request_, resource_based=policy.guards)
    assert found.allowed is allowed, policy.source


def test_every_published_policy_names_its_page_and_decides_both_ways():
    assert len(POLICIES) >= 12
    for policy in POLICIES:
        assert policy.source.startswith("https://docs.aws.amazon.com/") and policy.checked, policy.name
        assert {allowed for _, allowed in policy.cases} == {True, False}, policy.name


@pytest.mark.parametrize(
    ("statement", "action", "allowed"),
    [  # "Actions are not case-sensitive", "*" and "?": reference_policies_elements_action.html
        (allow("S3:getobject"), "s3:GetObject", True),
        (allow("iam:*AccessKey*"), "iam:CreateAccessKey", True),
        (allow("s3:?etObject"), "s3:GetObject", True),
        (allow("s3:Get"), "s3:GetObject", False),
    ],
)
def test_names_of_actions(statement, action, allowed):
    assert evaluate([statement], asks(action)).allowed is allowed


def test_an_explicit_deny_beats_every_allow():
    both = [allow("s3:*"), {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}]
    assert evaluate(both, Request("s3:DeleteObject", "arn:aws:s3:::a/b")).result == "explicitDeny"
    assert evaluate(both, Request("s3:GetObject", "arn:aws:s3:::a/b")).allowed
    assert evaluate(both, Request("ec2:RunInstances")).result == "implicitDeny"


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        ("arn:aws:ecs:us-west-2:111122223333:*", "arn:aws:ecs:us-west-2:111122223333:task/a/b", True),
        ("arn:aws:ecs:*:111122223333:*", "arn:aws:ecs:us-west-2:444455556666:task/a", False),
        ("arn:aws:events:*:*:rule/nightly", "arn:aws:events:eu-west-1:111122223333:rule/nightly", True),
        ("arn:aws:*:111122223333:rule/x", "arn:aws:events:eu-west-1:111122223333:rule/x", False),
    ],
)
def test_arn_like_matches_part_by_part(pattern, arn, matches):
    """IAM user guide: "Each of the six colon-delimited components of the ARN is checked separately"."""
    assert arn_matches(pattern, arn) is matches
