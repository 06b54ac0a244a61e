"""A bucket with its locks on refuses a policy that would open it to everybody, and takes any other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

ANYBODY: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
PUBLIC = {
    "anybody": ANYBODY,
    "anybody of AWS": {**ANYBODY, "Principal": {"AWS": ["*"]}},
    "from everywhere": {**ANYBODY, "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}},
    "a condition about something else": {
        **ANYBODY,
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    },
    "a pattern and no value": {**ANYBODY, "Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}},
}
NOT_PUBLIC = {
    "a refusal": {**ANYBODY, "Effect": "Deny"},
    "one account": {**ANYBODY, "Principal": {"AWS": "123456789012"}},
    "a service": {**ANYBODY, "Principal": {"Service": "cloudfront.amazonaws.com"}},
    "one VPC": {**ANYBODY, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}},
    "one network": {**ANYBODY, "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
}


@pytest.fixture(scope="module")
def s3(sandbox):
    client = sandbox.client("s3")
    client.create_bucket(Bucket="locked-and-not")
    return client


def put(s3: Any, statement: dict[str, Any]) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{**statement, "Resource": "arn:aws:s3:::locked-and-not/*"}],
    }
    s3.put_bucket_policy(Bucket="locked-and-not", Policy=json.dumps(policy))


def lock(s3: Any, on: bool) -> None:
    s3.put_public_access_block(
        Bucket="locked-and-not", PublicAccessBlockConfiguration={"BlockPublicPolicy": on}
    )


def test_a_public_policy_is_refused_and_changes_nothing(s3: Any) -> None:
    lock(s3, True)
    put(s3, NOT_PUBLIC["a refusal"])
    before = s3.get_bucket_policy(Bucket="locked-and-not")["Policy"]
    for name, statement in PUBLIC.items():
        with pytest.raises(ClientError) as refusal:
            put(s3, statement)
        error = refusal.value.response["Error"]
        assert error["Code"] == "AccessDenied", name
        assert "because public policies are blocked by the BlockPublicPolicy" in error["Message"]
    assert s3.get_bucket_policy(Bucket="locked-and-not")["Policy"] == before


def test_any_other_policy_is_taken_and_without_the_lock_a_public_one_too(s3: Any) -> None:
    lock(s3, True)
    for statement in NOT_PUBLIC.values():
        put(s3, statement)
        assert statement["Effect"] in s3.get_bucket_policy(Bucket="locked-and-not")["Policy"]
    lock(s3, False)
    put(s3, PUBLIC["anybody"])
    assert '"*"' in s3.get_bucket_policy(Bucket="locked-and-not")["Policy"]
