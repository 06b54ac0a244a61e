"""Looks at the deployed state that several exercises need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from botocore.exceptions import ClientError

from .. import stacks
from ..session import Session
from .nouns import Finding

LOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def name_of_each(session: Session, stack: str, type: str) -> list[str]:
    """The physical ids of a stack's resources of one type."""
    return [row.physical_id for row in stacks.resources(session, stack).rows if row.type == type]


def locked_to_the_public(session: Session, buckets: Iterable[str]) -> Iterator[Finding]:
    """Whether each bucket has all four locks against becoming public."""
    for bucket in buckets:
        try:
            answer = session.client("s3").get_public_access_block(Bucket=bucket)
            closed = answer["PublicAccessBlockConfiguration"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
                raise
            closed = {}
        open_ones = [lock for lock in LOCKS if not closed.get(lock)]
        yield Finding(
            not open_ones,
            "nobody can make it public: all four locks are on",
            f"{', '.join(open_ones)} is off" if len(open_ones) == 1 else f"off: {', '.join(open_ones)}",
        )
