"""The exercises of 09, each with wrong answers that look right."""

from __future__ import annotations

import json

from helpers import (
    Session,
    check,
    deploy,
    describe,
    follow_logs,
    follow_pipeline,
    images,
    run_task,
    upload_day,
)
from helpers.exercises.a_day_in_the_life import DAY

from .trying import ask, solution, try_out


def run(session: Session, cells: list[str], names: dict | None = None) -> dict:
    """Some cells of a solution, with the names that earlier ones made."""
    names = names or {"session": session, "project": session.project}
    for source in cells:
        exec(compile(source, "a solution of 09", "exec"), names)
    return names


def test_a_a_column_of_your_own(session: Session) -> None:
    deploy(session, "schedule", {"ScheduleState": "DISABLED"})
    deploy(session, "pipeline")
    follow_pipeline(session)
    upload_day(session, DAY)
    s3, bucket = session.client("s3"), describe(session, "storage").outputs["DataBucketName"]
    key = f"reports/{DAY}.csv"

    def unmet() -> list[str]:
        return [finding.wanted for finding in check("09-a", session=session).findings if not finding.met]

    assert unmet()

    # A report that somebody wrote, while the line is as it was.
    forged = "carrier,origin,flights,cancellations,mean_departure_delay,p90_departure_delay,early\n"
    s3.put_object(Bucket=bucket, Key=key, Body=f"{forged}AA,JFK,39,0,5.00,20,7\n".encode())
    assert len(unmet()) == 3  # no run of the schedule, no log of it, and other figures

    # The right commit, built; but the run was started by hand.
    cells = solution("09-a")
    (runs,) = (number for number, source in enumerate(cells) if "ENABLED" in source)
    names = run(session, cells[:runs])
    follow_logs(session, run_task(session, {"REPORT_DATE": DAY}))
    assert [words for words in unmet() if "schedule" not in words] == [
        f"the report of {DAY} in S3 is what that run wrote"
    ]

    # Flights on the minute counted as early: what `<= 0` would give for one carrier. (Nothing runs now
    # that could write the report again.)
    report = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    header, first, *others = report.splitlines()
    place = header.split(",").index("early")
    more = [str(int(cell) + 1) if at == place else cell for at, cell in enumerate(first.split(","))]
    s3.put_object(Bucket=bucket, Key=key, Body="\n".join([header, ",".join(more), *others, ""]).encode())
    assert "its figures are those of the day's flights" in unmet()
    s3.put_object(Bucket=bucket, Key=key, Body=report.encode())

    run(session, cells[runs:], names)
    assert check("09-a", session=session).solved
    deploy(session, "schedule", {"ScheduleState": "ENABLED"})
    assert unmet() == ["the schedule is switched off again"]
    deploy(session, "schedule", {"ScheduleState": "DISABLED"})


def test_b_back_to_the_release_before(session: Session) -> None:
    run(session, solution("09-b")[:1])  # it sees to it that there are two releases
    ecr, ecs = session.client("ecr"), session.client("ecs")
    newest, before = [image for image in images(session) if image.tags][:2]

    def pinned_to_the_newest(session: Session) -> None:
        deploy(session, "task", {"ImageTag": next(tag for tag in newest.tags if tag != "latest")})

    def a_tag_that_no_image_has(session: Session) -> None:
        deploy(session, "task", {"ImageTag": "v1"})

    def behind_the_stacks_back(session: Session) -> None:
        now = ecs.describe_task_definition(taskDefinition=session.project)["taskDefinition"]
        text = json.dumps(now["containerDefinitions"]).replace(":latest", f":{before.tags[0]}")
        kept = (
            *("family", "taskRoleArn", "executionRoleArn", "networkMode"),
            *("requiresCompatibilities", "cpu", "memory"),
        )
        ecs.register_task_definition(
            containerDefinitions=json.loads(text), **{name: now[name] for name in kept}
        )

    def latest_moved_back(session: Session) -> None:
        moved(before.digest)

    def moved(digest: str) -> None:
        found = ecr.batch_get_image(repositoryName=session.project, imageIds=[{"imageDigest": digest}])
        manifest = found["images"][0]["imageManifest"]
        ecr.put_image(repositoryName=session.project, imageManifest=manifest, imageTag="latest")

    def back(session: Session) -> None:
        if not any("latest" in image.tags for image in images(session)[:1]):
            moved(newest.digest)
        deploy(session, "task", {"ImageTag": None})

    wrong = [pinned_to_the_newest, a_tag_that_no_image_has, latest_moved_back, behind_the_stacks_back]
    try_out(session, "09-b", wrong, back)


def test_c_what_about_the_next_release(session: Session) -> None:
    ask(session, "09-c")
