"""The exercises of 99: what was forgotten in the account, a cheap weekend, and a neighbour of like name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from .. import leftovers, stacks
from ..errors import StackMissing
from ..session import Session, verb
from .nouns import Finding, Question, Task

DAY = "2013-01-01"
KEPT = ("storage", "roles", "registry", "task")
ENDPOINT = "AWS::EC2::VPCEndpoint"
_OURS_ALREADY = ("BucketAlreadyOwnedByYou", "ResourceAlreadyExistsException")


@verb
def leave_something(session: Session) -> None:
    """Leave a few things lying in the account, for exercise 99-a. It can be called again.

    None of them belongs to a stack. All cost nothing, but for the first of a bucket's bytes.
    """
    _leave_a_bucket(session)
    logs = session.client("logs")
    for name in (f"/aws/codebuild/{session.project}-trial", _neighbours(session)):
        _unless_there(logs.create_log_group, logGroupName=name)
    found = logs.describe_log_groups(logGroupNamePrefix=f"/aws/codebuild/{session.project}-trial")
    arn = found["logGroups"][0]["arn"].removesuffix(":*")
    events = session.client("events")
    events.put_rule(Name=f"{session.project}-reminder", ScheduleExpression="rate(30 days)", State="ENABLED")
    events.put_targets(Rule=f"{session.project}-reminder", Targets=[{"Id": "log", "Arn": arn}])


def _leave_a_bucket(session: Session) -> None:
    """A bucket that looks empty: its one object is deleted, and every version of it is still there."""
    s3, account = session.client("s3"), session.client("sts").get_caller_identity()["Account"]
    bucket = f"{session.project}-notes-{account}"
    place = {} if session.region == "us-east-1" else {"LocationConstraint": session.region}
    _unless_there(s3.create_bucket, Bucket=bucket, **({"CreateBucketConfiguration": place} if place else {}))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="notes.txt", Body=b"Ask who pays for this.\n")
    s3.delete_object(Bucket=bucket, Key="notes.txt")


def _unless_there(create: Callable[..., Any], **arguments: Any) -> None:
    try:
        create(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _OURS_ALREADY:
            raise


def _neighbours(session: Session) -> str:
    """A log group whose name begins like the project's, and is another's."""
    return f"/aws/codebuild/{session.project}2"


def _nothing_forgotten(session: Session) -> Iterator[Finding]:
    name = _neighbours(session)
    groups = session.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    yield Finding(
        name in [group["logGroupName"] for group in groups],
        f"the log group `{name}` is still there: it is a neighbour's",
        "it is not there. Have you called `leave_something(session)`? If so, too much was deleted",
    )
    left = [item.kind for item in leftovers.search(session)]
    kinds = ", ".join(dict.fromkeys(left))
    yield Finding(not left, "nothing is left that has the project's name or tag", f"still there: {kinds}")


def _cheap_weekend(session: Session) -> Iterator[Finding]:
    costly = [item for item in leftovers.search(session) if item.kind in ("NAT gateway", "elastic IP")]
    doors = _doors(session)
    yield Finding(
        not doors and not costly,
        "nothing is left that is paid by the hour",
        f"{len(doors)} interface endpoints stand" if doors else "there is a NAT gateway or its address",
    )
    gone = [name for name in KEPT if stacks.find(session, session.stack_name(name)) is None]
    yield Finding(
        not gone,
        f"the stacks {', '.join(KEPT)} still stand",
        f"not deployed: {', '.join(gone)}",
    )
    yield Finding(_day_is_there(session), f"the day {DAY} is still in the data bucket", "it is not there")
    stale = _stale(session)
    yield Finding(
        not stale,
        "CloudFormation knows: no stack lists an endpoint that does not exist",
        f"deleted behind the stack's back: {', '.join(stale)}",
    )


def _endpoints(session: Session) -> dict[str, dict[str, Any]]:
    """All endpoints of the account by their id. EC2 lists one that is gone for a while."""
    found = session.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    return {each["VpcEndpointId"]: each for each in found if each["State"] not in ("deleted", "deleting")}


def _doors(session: Session) -> list[str]:
    """The interface endpoints that are in the stack or have the tag. A gateway endpoint costs nothing."""
    listed, tag = _listed(session), {"Key": "Project", "Value": session.project}
    return [
        id
        for id, endpoint in _endpoints(session).items()
        if endpoint["VpcEndpointType"] == "Interface" and (id in listed or tag in endpoint.get("Tags", ()))
    ]


def _listed(session: Session) -> dict[str, str]:
    """The endpoints that the stack `network` lists: the id of each, and its logical id."""
    if stacks.find(session, session.stack_name("network")) is None:
        return {}
    rows = stacks.resources(session, "network").rows
    return {row.physical_id: row.logical_id for row in rows if row.type == ENDPOINT and row.physical_id}


def _day_is_there(session: Session) -> bool:
    try:
        bucket = stacks.exported_value(session, "DataBucketName")
        session.client("s3").head_object(Bucket=bucket, Key=f"departures/{DAY}.csv.gz")
    except StackMissing:
        return False
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return False
    return True


def _stale(session: Session) -> list[str]:
    """What the stack `network` lists as an endpoint and EC2 does not know."""
    alive = _endpoints(session)
    return [logical_id for id, logical_id in _listed(session).items() if id not in alive]


EXERCISES = (
    Task(
        "99-a",
        "Find what was forgotten",
        _nothing_forgotten,
        hints=(
            "`teardown(session)` may always be run again, and says what it has found and not deleted: "
            "`teardown(session).leftovers`.",
            "A bucket that lists no object may still hold versions of deleted ones: "
            "`list_object_versions`. Each is deleted with its `VersionId`.",
            "A rule refuses to go while it has targets: `list_targets_by_rule`, `remove_targets`, then "
            "`delete_rule`.",
            "Delete by the whole name. What begins with the project's name is not always the project's.",
        ),
        learned="Three kinds of things, and each wanted something else before it went. In a stack, "
        "CloudFormation would have known all that.",
    ),
    Task(
        "99-b",
        "A cheap weekend",
        _cheap_weekend,
        hints=(
            "Which stack holds what is paid by the hour? Section 1 has a table.",
            "Who imports from that stack? The last column of `exports(session)` says who has to go first.",
            '`session.client("cloudformation")` has `delete_stack`; wait until the first is gone before you '
            "delete the second.",
        ),
        learned="What costs by the hour holds no data, and what holds data costs next to nothing. On Monday "
        "one `deploy` brings the rest back.",
    ),
    Question(
        "99-c",
        "What happens to the neighbour?",
        options={
            "a": "Her stacks are deleted too, since their names begin like yours",
            "b": "Nothing of hers is deleted, and your teardown says that things of this name are left",
            "c": "Nothing of hers is deleted, and your teardown says that all is clean",
            "d": "Your stacks cannot be deleted, as long as stacks whose names begin like yours stand",
        },
        right="b",
        because="Her stacks have the name but not your tag, so nobody touches them. The search at the end "
        "goes by names as well, and what it finds it reports: rather one line too many than a bill that "
        "nobody expected. You decide, and here you leave it alone.",
        wrong={
            "a": "That would be so, if a name were enough. What else does a stack need, to be yours?",
            "c": "How could the search know that a bucket called `flights-anna-…` was not forgotten by you?",
            "d": "What keeps a stack from being deleted are imports. Names do not matter to CloudFormation.",
        },
        hints=(
            "Name *and* tag: the opening of the notebook says what is deleted.",
            "Exercise 99-a: what did teardown do with a bucket that had the name and was in no stack?",
        ),
    ),
)
