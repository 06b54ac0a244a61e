"""What CodeCommit tells the event bus when a branch or tag moves."""

from __future__ import annotations

from ..principals import Principal
from ..world import World
from .git import HEADS, TAGS
from .store import Repository

KINDS = {HEADS: "branch", TAGS: "tag"}


def announce(
    world: World,
    region: str,
    repository: Repository,
    reference: str,
    old: str | None,
    new: str | None,
    caller: Principal | None,
) -> None:
    """Publish the state change of a reference (full name) from one commit to another.

    The detail is the documented one: https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
    (referenceCreated, referenceUpdated, referenceDeleted).
    """
    prefix = next((prefix for prefix in KINDS if reference.startswith(prefix)), None)
    if prefix is None or old == new:
        return
    event = "referenceDeleted" if new is None else "referenceUpdated" if old else "referenceCreated"
    detail = {
        "callerUserArn": caller.arn if caller else f"arn:aws:iam::{world.account}:root",
        "commitId": new,
        "event": event,
        "oldCommitId": old,
        "referenceFullName": reference,
        "referenceName": reference[len(prefix) :],
        "referenceType": KINDS[prefix],
        "repositoryId": repository.id,
        "repositoryName": repository.name,
    }
    detail = {key: value for key, value in detail.items() if value is not None}
    world.publish(region, "aws.codecommit", "CodeCommit Repository State Change", detail, [repository.arn])
