"""S3's refusal of a bucket policy that would make a bucket public, where the bucket forbids that.

When a policy is public stands at (read on 2026-11-30):
https://docs.aws.amazon.com/sdkfornet/v3/apidocs/items/S3/TPublicAccessBlockConfiguration.html
Access lists are not looked at: the course's buckets have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from moto.backends import get_backend

from ..service import AwsError
from .policy import statements

if TYPE_CHECKING:
    from ..principals import Principal
    from ..world import World

FIXED = {  # a condition on one of these, with values that have no wildcard, makes a statement not public
    "aws:sourceip",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:userid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
}


def check_public_access(world: World, principal: Principal, bucket_name: str, policy: str) -> None:
    """Raise AwsError when the bucket blocks public policies and this one is public."""
    bucket = get_backend("s3")[world.account]["aws"].buckets.get(bucket_name)
    block = getattr(bucket, "public_access_block", None)
    if block is None or not block.block_public_policy:
        return
    try:
        found = statements(policy)
    except ValueError:
        return  # no policy at all: the operation itself says so
    if any(is_public(statement) for statement in found):
        raise AwsError(
            "AccessDenied",
            f"User: {principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
            f'"arn:aws:s3:::{bucket_name}" because public policies are blocked by the BlockPublicPolicy '
            "block public access setting.",
            403,
        )


def is_public(statement: Mapping[str, Any]) -> bool:
    """Whether a statement allows anybody, without a condition that pins down who or from where."""
    if statement.get("Effect") != "Allow" or not _anybody(statement):
        return False
    return not any(
        key.lower() in FIXED and all(_pinned(str(value)) for value in _listed(values))
        for operator, keys in (statement.get("Condition") or {}).items()
        if "Not" not in operator and not operator.endswith("IfExists")
        for key, values in keys.items()
    )


def _anybody(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        return "*" in _listed(principal.get("AWS"))
    return principal == "*" or "NotPrincipal" in statement


def _pinned(value: str) -> bool:
    return "*" not in value and "?" not in value and not value.endswith("/0")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
