"""The exercises of 09: a column from a commit to the report, an older release, and what a pin means later."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator

from botocore.exceptions import ClientError

from .. import registry, reports, stacks, tasks
from ..session import Session
from .nouns import Finding, Question, Task

DAY = "2013-01-01"
COLUMN = "early"
SHIPPED = {"carrier", "origin", "flights", "cancellations", "mean_departure_delay", "p90_departure_delay"}


def _a_column(session: Session) -> Iterator[Finding]:
    released = registry.tagged(session, "latest")
    tip = registry.version_tag(_newest_commit(session))
    yield Finding(
        released is not None and tip in released.tags,
        "`latest` is the image that the pipeline made of the newest commit",
        "it is the image of another commit" if released else "there is no such image",
    )
    run = _newest_run(session)
    yield Finding(
        run is not None and released is not None and run.image_digest == released.digest,
        "the newest run that the schedule started used that image",
        "it used another image" if run else "ECS remembers no run of the schedule that went well",
    )
    report = reports.report(session, DAY)
    wrote = _wrote(session, run) if run else {}
    yield Finding(
        wrote.get("columns") == list(report.columns) and wrote.get("bytes") == len(report.text.encode()),
        f"the report of {DAY} in S3 is what that run wrote",
        "by its log it wrote something else",
    )
    missing = sorted((SHIPPED | {COLUMN}) - set(report.columns))
    yield Finding(
        not missing,
        f"the report has a column `{COLUMN}`, and all that it had before",
        f"it has no column {', '.join(f'`{name}`' for name in missing)}",
    )
    if COLUMN in report.columns:
        expected = _left_early(session)
        wrong = [row for row in report.rows if row[COLUMN] != str(expected[row["carrier"], row["origin"]])]
        yield Finding(
            not wrong, "its figures are those of the day's flights", f"{len(wrong)} rows have another figure"
        )
    yield _switched_off(session)


def _newest_commit(session: Session) -> str:
    repository = stacks.exported_value(session, "CodeRepositoryName")
    branch = stacks.exported_value(session, "BranchName")
    answer = session.client("codecommit").get_branch(repositoryName=repository, branchName=branch)
    return answer["branch"]["commitId"]


def _newest_run(session: Session) -> tasks.Task | None:
    """The newest task of the rule, or of Scheduler's schedule, that ended well."""
    name = f"{session.project}-daily"
    found = [
        task
        for sender in (f"events-rule/{name}", f"chronos-schedule/{name}")
        for task in tasks.started_by(session, sender)
    ]
    return max((task for task in found if task.succeeded), key=lambda task: task.created, default=None)


def _wrote(session: Session, run: tasks.Task) -> dict:
    """What a run says in its log about the report that it wrote."""
    try:
        events = session.client("logs").get_log_events(
            logGroupName=run.log_group, logStreamName=run.log_stream, startFromHead=True
        )["events"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return {}
    lines = [json.loads(e["message"]) for e in events if e["message"].startswith("{")]
    return next((line for line in lines if line.get("event") == "wrote"), {})


def _left_early(session: Session) -> Counter[tuple[str, str]]:
    """Counted from the day's file in the data bucket, flight by flight."""
    bucket = stacks.exported_value(session, "DataBucketName")
    body = session.client("s3").get_object(Bucket=bucket, Key=f"departures/{DAY}.csv.gz")["Body"].read()
    flights = csv.DictReader(io.StringIO(gzip.decompress(body).decode("utf-8")))
    return Counter((f["carrier"], f["origin"]) for f in flights if f["dep_delay"].startswith("-"))


def _switched_off(session: Session) -> Finding:
    state = stacks.describe(session, "schedule").parameters["ScheduleState"]
    return Finding(state == "DISABLED", "the schedule is switched off again", f"it is {state}")


def _the_release_before(session: Session) -> Iterator[Finding]:
    released = [image for image in registry.read_images(session) if image.tags]
    newest = next((image for image in released if "latest" in image.tags), None)
    yield Finding(
        len(released) > 1 and newest == released[0],
        "the registry has two releases, and `latest` names the newest",
        "`latest` was moved" if len(released) > 1 else "there is one at most: release another",
    )
    family = stacks.exported_value(session, "TaskFamilyArn")
    definition = session.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
    tag = definition["containerDefinitions"][0]["image"].rpartition(":")[2]
    yield Finding(
        tag != "latest",
        "the newest revision of the task definition names a release, by a tag that does not move",
        "it asks for `latest`, which the next push moves",
    )
    pinned = registry.tagged(session, tag)
    if tag != "latest":
        yield Finding(
            len(released) > 1 and pinned == released[1],
            "it is the release before the newest",
            "no image has that tag" if pinned is None else "it is another one",
        )
    known = stacks.describe(session, "task").parameters["ImageTag"]
    yield Finding(
        known == tag,
        "the stack knows it, so that its next update keeps it",
        f"the stack's parameter says `{known}`",
    )


EXERCISES = (
    Task(
        "09-a",
        "A column of your own",
        _a_column,
        hints=(
            "Read `app/report.py` with `read_file`, as it is now, and look for `COUNTS`. A condition gets a "
            "flight, and says whether it counts.",
            "A flight that was cancelled has no delay: `flight.delay` is None, and None cannot be compared. "
            "The condition for `late` shows how to keep it out.",
            "After the commit and `follow_pipeline`, let the schedule run: `rate(1 minute)` and `ENABLED`, "
            "then `follow_logs(session, next_task(session))`, then back to `None` and `DISABLED`.",
        ),
        learned="Nobody has deployed the column. It went from a commit to the report through a name in the "
        "registry, and its figures are those of the day.",
    ),
    Task(
        "09-b",
        "Back to the release before",
        _the_release_before,
        hints=(
            "`images(session)` lists the releases, the newest first. Each has the first twelve characters of "
            "its commit as a tag.",
            "Which parameter of the stack `task` says which tag production runs? Section 6 had a look at it.",
            'The second of the list that has a tag: `deploy(session, "task", {"ImageTag": "…"})`.',
        ),
        learned="One new revision, no build, and `latest` has not moved: the developer's side is as it was.",
    ),
    Question(
        "09-c",
        "What about the next release?",
        options={
            "a": "The mended release: the schedule takes the newest revision of the definition",
            "b": "The pinned release, that night and every night, until somebody takes out the pin",
            "c": "The mended release, as soon as no task of the pinned one is running any more",
            "d": "Nothing: production asks for one tag while `latest` names another",
        },
        right="b",
        because="The newest revision is the one with the pin, and its tag does not move. So the developer's "
        "pushes no longer reach production, and nobody is told. A pin is put in within a minute and "
        "forgotten for months: whoever puts one in writes down when it comes out.",
        wrong={
            "a": "It does take the newest revision. Which tag stands in that?",
            "c": "A task looks for its image when it starts, whatever else is running. Under which name?",
            "d": "Tags are names. Any number of them may be in use, for one image or for many.",
        },
        hints=(
            "What does a task look up as it starts, and where does it find the name to look up?",
            "Which side of the registry has changed by the pin: what is pushed, or what is pulled?",
        ),
    ),
)
