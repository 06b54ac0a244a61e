"""Looks at the deployed state that several exercises need."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from botocore.exceptions import ClientError

from .. import stacks, templates
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


def template_of(session: Session, stack: str) -> templates.Template:
    """The template with which a stack is deployed. Raises StackMissing."""
    found = stacks.describe(session, stack)
    body = session.client("cloudformation").get_template(StackName=found.id)["TemplateBody"]
    return templates.Template(Path(found.name), body if isinstance(body, str) else json.dumps(body))


def stack_that_made(session: Session, physical_id: str) -> str | None:
    """The name of the project's stack that a resource belongs to; None when no such stack made it."""
    cloudformation = session.client("cloudformation")
    try:
        found = cloudformation.describe_stack_resources(PhysicalResourceId=physical_id)["StackResources"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return None
    names = [row["StackName"] for row in found if row["StackName"].startswith(f"{session.project}-")]
    return names[0] if names else None


def export_of(session: Session, name: str) -> stacks.Export | None:
    """What the project exports under a name without the project's, or None."""
    wanted = f"{session.project}-{name}"
    return next((row for row in stacks.exports(session).rows if row.name == wanted), None)
