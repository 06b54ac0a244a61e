"""Whose bucket is it? CodeBuild looks before it uses a bucket, where the service role lets it look.

A role that never had s3:GetBucketAcl and s3:GetBucketLocation is no obstacle: the bucket is used unseen. Once
CodeBuild could look, it insists: a later build fails when the bucket has another owner, or when the role has
lost the right. The words are those of the AWS CodeBuild user guide, "Troubleshooting AWS CodeBuild", Error:
"Error calling GetBucketAcl: ...", and "Secure access to S3 buckets" in "Overview of managing access
permissions to your AWS CodeBuild resources" (both read 2026-11-30, in their state of May 2023). Neither names
the phase; here it is the one in which the bucket is first used.
"""

from __future__ import annotations

from botocore.exceptions import ClientError

from ..world import World
from .failures import PhaseFailed
from .role import BuildRole


def check(world: World, region: str, role: BuildRole, bucket: str) -> None:
    """Look at the bucket's owner, and remember it. Raises PhaseFailed when it changed or is hidden now."""
    known = world.store("codebuild", region).__dict__.setdefault("owners", {})  # older states have none
    seen, key = _owner(role, bucket), (role.role_arn, bucket)
    if key in known and seen != known[key]:
        raise PhaseFailed(
            "CLIENT_ERROR",
            "Error calling GetBucketAcl: Either the bucket owner has changed or the service role no longer "
            "has permission to called s3:GetBucketAcl",
        )
    if seen is not None:
        known[key] = seen


def _owner(role: BuildRole, bucket: str) -> str | None:
    """The canonical id of the bucket's owner; None when the role may not look, or there is no bucket."""
    s3 = role.client("s3")
    try:
        owner = s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"]
        s3.get_bucket_location(Bucket=bucket)
    except ClientError:
        return None
    return owner
