"""The exercises of 07: a size, a release that stays, a day that was run, and whose permission it is."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from .. import registry, reports, source, stacks
from ..session import Session
from .nouns import Finding, Question, Task

CPU, MEMORY = "1024", "5120"  # the least that Fargate sells with 5 GB
DAY = "2013-02-08"


def _five_gigabytes(session: Session) -> Iterator[Finding]:
    task, definition = stacks.describe(session, "task"), _newest(session)
    memory, cpu = int(definition["memory"]), int(definition["cpu"])
    yield Finding(memory >= int(MEMORY), "the job gets 5 GB of memory", f"it gets {memory} MiB")
    yield Finding(
        memory >= int(MEMORY) and (cpu, memory) == (int(CPU), int(MEMORY)),
        "with the smallest processor that is sold with them, and nothing that is not needed",
        f"it has {cpu} units with {memory} MiB",
    )
    yield _from_the_stack(task, definition)


def _pinned(session: Session) -> Iterator[Finding]:
    task, definition = stacks.describe(session, "task"), _newest(session)
    tag = definition["containerDefinitions"][0]["image"].rpartition(":")[2]
    yield Finding(
        bool(re.fullmatch("[0-9a-f]{12}", tag)),
        "the image is named by the twelve letters of a commit",
        f"it is named `{tag}`",
    )
    there = registry.tagged(session, tag)
    yield Finding(there is not None, "the registry has an image of this name", "it has none")
    latest = registry.tagged(session, "latest")
    yield Finding(
        there is not None and latest is not None and there.digest == latest.digest,
        "it is the image that `latest` means now, so that nothing changes tonight",
        "it is another one",
    )
    known = task.parameters["ImageTag"]
    yield Finding(known == tag, "the stack's parameter says the same", f"the parameter says {known}")
    yield _from_the_stack(task, definition)


def _a_day_of_snow(session: Session) -> Iterator[Finding]:
    bucket, s3 = stacks.exported_value(session, "DataBucketName"), session.client("s3")
    shipped = (source.SAMPLE_JOB / "data" / "departures" / f"{DAY}.csv.gz").read_bytes()
    try:
        given = s3.get_object(Bucket=bucket, Key=f"departures/{DAY}.csv.gz")["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        given = b""
    yield Finding(
        given == shipped,
        f"the departures of {DAY} are in the bucket, as they ship with the course",
        "there is another file" if given else "there is no such file",
    )
    report = reports.report(session, DAY)
    wanted = _figures(shipped)
    found = {(row.get("carrier", ""), row.get("origin", "")): row for row in report.rows}
    wrong = [key for key, figures in wanted.items() if not figures.items() <= found.get(key, {}).items()]
    yield Finding(
        not wrong and found.keys() == wanted.keys(),
        "the report has a row for each carrier and origin, with the figures of that day",
        f"{len(wrong)} rows are missing or have other figures, {len(found.keys() - wanted.keys())} too many",
    )
    yield Finding(
        len(report.text.encode()) in _written_by_the_job(session, bucket),
        "the job itself wrote it: its log says so",
        "in the job's log is no line about this report",
    )


def _newest(session: Session) -> dict[str, Any]:
    """What ECS would run now: the family's newest revision."""
    family = session.client("ecs").describe_task_definition(taskDefinition=session.project)
    return family["taskDefinition"]


def _from_the_stack(task: stacks.Stack, definition: dict[str, Any]) -> Finding:
    known = task.outputs["TaskDefinitionArn"]
    return Finding(
        known == definition["taskDefinitionArn"],
        "the stack made this revision, and knows it",
        f"the stack's own is revision {known.rpartition(':')[2]}",
    )


def _figures(departures: bytes) -> dict[tuple[str, str], dict[str, str]]:
    """The report's figures for each carrier and origin, worked out here and not by the job."""
    flights: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(gzip.decompress(departures).decode())):
        flights[row["carrier"], row["origin"]].append(row["dep_delay"])
    return {key: _of_one(delays) for key, delays in flights.items()}


def _of_one(delays: list[str]) -> dict[str, str]:
    left = sorted(int(delay) for delay in delays if delay not in ("", "NA"))
    figures = {"flights": str(len(delays)), "cancellations": str(len(delays) - len(left))}
    if not left:
        return {**figures, "mean_departure_delay": "", "p90_departure_delay": ""}
    ninety = left[-(-len(left) * 9 // 10) - 1]  # by nearest rank
    mean = f"{round(sum(left) / len(left), 2) + 0.0:.2f}"
    return {**figures, "mean_departure_delay": mean, "p90_departure_delay": str(ninety)}


def _written_by_the_job(session: Session, bucket: str) -> set[int]:
    """How many bytes the job's log says it has written to the day's report, run by run."""
    logs, group = session.client("logs"), stacks.exported_value(session, "TaskLogGroupName")
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=f'"reports/{DAY}.csv"'
    )
    sizes = set()
    for event in (event for page in pages for event in page["events"]):
        try:
            line = json.loads(event["message"])
        except ValueError:
            continue
        if line.get("event") == "wrote" and line.get("file") == f"s3://{bucket}/reports/{DAY}.csv":
            sizes.add(line.get("bytes"))
    return sizes


EXERCISES = (
    Task(
        "07-a",
        "Five gigabytes",
        _five_gigabytes,
        hints=(
            "`sizes()` shows every pair. Look along the row that has 5 GB for the first column with a ✓.",
            "Memory counts in MiB, and one GB is 1024 of them.",
            'Two parameters of the stack `task`: `deploy(session, "task", {"Cpu": "…", "Memory": "…"})`.',
        ),
        learned="The pair decides the price, by the second. Notebook 11 works it out, and asks the job how "
        "much it really used.",
    ),
    Task(
        "07-b",
        "A release that stays",
        _pinned,
        hints=(
            "`images(session)` shows the tags. One image is called `latest` today; what else is it called?",
            "The parameter is the one that section 4 explains: `ImageTag`.",
            "Take the tag from the image: the one of `image.tags` that is twelve letters and digits of a "
            "commit.",
        ),
        learned="From now on the developer may push what she likes: production runs this release until an "
        "engineer names another.",
    ),
    Task(
        "07-c",
        "A day of snow",
        _a_day_of_snow,
        hints=(
            f'The day ships with the course: `upload_day(session, "{DAY}")` brings it to the bucket.',
            "Section 6 has the rest: `run_task` with the day in its environment, `follow_logs`, `report`.",
            "The report must come from the job. When that ends with another code than 0, ask "
            "`why(session, task)`.",
        ),
        learned="A snowstorm: of 930 departures 472 were cancelled. The job did not mind; a day is a day.",
    ),
    Question(
        "07-d",
        "Whose permission?",
        options={
            "a": "On Monday the task role, on Tuesday the execution role",
            "b": "On Monday the execution role, on Tuesday the task role",
            "c": "On both days the task role",
            "d": "On both days the execution role",
        },
        right="b",
        because="On Monday not a line of the job had run: pulling the image is ECS's work, and ECS works "
        "with the execution role. On Tuesday the job itself asked S3, with the task role, and lived long "
        "enough to say so in its log.",
        wrong={
            "a": "Ask for each day: had the job's code begun to run?",
            "c": "The task role belongs to the job's code. Did that run on Monday?",
            "d": "The execution role is ECS's. Who asked S3 on Tuesday, and is there a log?",
        },
        hints=(
            "Section 5 has a table: who uses the role, and when?",
            "An exit code and a line in the log are signs that the job's own code ran.",
        ),
    ),
)
