"""The exercises of 01: a parameter, a template of one's own, and what a logical id is."""

from __future__ import annotations

from collections.abc import Iterator

from .. import stacks
from ..session import Session
from .looking import locked_to_the_public, name_of_each
from .nouns import Finding, Question, Task


def _kept_for_a_year(session: Session) -> Iterator[Finding]:
    storage = stacks.describe(session, "storage")
    bucket = storage.outputs["DataBucketName"]
    rules = session.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    days = [rule["Expiration"].get("Days") for rule in rules if "Expiration" in rule]
    yield Finding(
        days == [365],
        "the data bucket deletes after 365 days",
        f"it deletes after {', '.join(map(str, days))} days",
    )
    known = storage.parameters["DataExpiryDays"]
    yield Finding(
        known == "365",
        "the stack knows it, so that its next update keeps it",
        f"the stack's parameter says {known}",
    )
    artifacts = storage.parameters["ArtifactExpiryDays"]
    yield Finding(
        artifacts == "30", "artifacts are still deleted after 30 days", f"they are kept {artifacts} days"
    )


def _an_inbox(session: Session) -> Iterator[Finding]:
    wanted = f"{session.project}-InboxName"
    export = next((row for row in stacks.exports(session).rows if row.name == wanted), None)
    yield Finding(export is not None, f"a stack exports `{wanted}`", "no stack exports it")
    if export is None:
        return
    buckets = name_of_each(session, export.stack, "AWS::S3::Bucket")
    yield Finding(
        export.value in buckets,
        "its value is the name of a bucket that the same stack made",
        f"its value is `{export.value}`, the stack's buckets are {', '.join(buckets) or 'none'}",
    )
    yield from locked_to_the_public(session, [export.value] if export.value in buckets else buckets)


EXERCISES = (
    Task(
        "01-a",
        "Keep the data for a year",
        _kept_for_a_year,
        hints=(
            "Which parameter of the stack `storage` decides it? Section 5 changed it once already.",
            "Changing the bucket with `s3` would work until the next deployment. The stack has to do it.",
            'Give `deploy` the stack and a dictionary: `deploy(session, "storage", {"…": …})`.',
        ),
        learned="The bucket and the stack say the same. Had you changed the bucket alone, the stack would "
        "not know; AWS calls that drift.",
    ),
    Task(
        "01-b",
        "Write a template of your own",
        _an_inbox,
        hints=(
            "Begin with the four lines of `notebooks/lessons/scratch.yaml`, and write them to a file.",
            "An output needs a `Value` and an `Export` with a `Name`. What does `!Ref` of a bucket give?",
            "The four locks stand in the template of `storage`, at `PublicAccessBlockConfiguration`.",
            'Deploy the file by its path: `deploy(session, "inbox.yaml")`. It names the stack too.',
        ),
        learned="A value that the template looks up can be trusted; a value that was typed is a guess.",
    ),
    Question(
        "01-c",
        "What is in a logical id?",
        options={
            "a": "It renames the bucket and keeps what is in it",
            "b": "It makes a new, empty bucket and deletes the old one, unless something is in that",
            "c": "Nothing: a logical id is only a word within the file",
            "d": "It refuses the template, since logical ids cannot change",
        },
        right="b",
        because="To CloudFormation the logical id is the resource. One that it knew is gone from the text, "
        "so it is to be deleted; one that it does not know has come, so it is to be made. Nothing in the "
        "text says that the two are meant to be the same bucket.",
        wrong={
            "a": "How should it know that the two are meant to be the same? And S3 cannot rename a bucket.",
            "c": "A word within the file, yes; but by this word CloudFormation remembers what it made.",
            "d": "Any valid template is accepted. Preview it, and see what it would do.",
        },
        hints=(
            "What does CloudFormation compare when you deploy a changed text?",
            "Try it: save the template with another logical id under `storage.yaml` in another folder, and "
            "`preview` it by its path.",
        ),
    ),
)
