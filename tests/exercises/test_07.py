"""The exercises of 07, each with wrong answers that look right."""

from __future__ import annotations

import gzip

from helpers import Session, deploy, describe, ensure_image, follow_logs, images, run_task, upload_day

from .trying import ask, try_out, verdict

DAY = "2013-02-08"


def test_a_five_gigabytes(session: Session) -> None:
    deploy(session, "task")

    def more_than_is_needed(session: Session) -> None:
        deploy(session, "task", {"Cpu": "1024", "Memory": "6144"})

    def a_larger_processor(session: Session) -> None:
        deploy(session, "task", {"Cpu": "2048", "Memory": "5120"})

    def less_than_is_needed(session: Session) -> None:
        deploy(session, "task", {"Cpu": "512", "Memory": "4096"})

    def a_revision_that_the_stack_does_not_know(session: Session) -> None:
        _revision(session, cpu="1024", memory="5120")

    wrong = [more_than_is_needed, a_larger_processor, less_than_is_needed]
    try_out(session, "07-a", [*wrong, a_revision_that_the_stack_does_not_know])
    deploy(session, "task", {"Cpu": None, "Memory": None})


def test_b_a_release_that_stays(session: Session) -> None:
    deploy(session, "task")
    image = ensure_image(session)
    tag = next(tag for tag in image.tags if tag != "latest")

    def by_its_digest_and_not_by_the_stack(session: Session) -> None:
        _revision(session, image=image.uri)

    def the_right_tag_and_not_by_the_stack(session: Session) -> None:
        _revision(session, image=f"{image.repository_uri}:{tag}")

    def another_name_for_it(session: Session) -> None:
        ecr = session.client("ecr")
        name = {"repositoryName": session.project}
        found = ecr.batch_get_image(**name, imageIds=[{"imageDigest": image.digest}])["images"][0]
        ecr.put_image(**name, imageManifest=found["imageManifest"], imageTag="stable")
        deploy(session, "task", {"ImageTag": "stable"})

    def a_commit_that_has_no_image(session: Session) -> None:
        deploy(session, "task", {"ImageTag": "0123456789ab"})

    behind = [by_its_digest_and_not_by_the_stack, the_right_tag_and_not_by_the_stack]
    try_out(session, "07-b", [a_commit_that_has_no_image, another_name_for_it, *behind])
    assert tag in next(i for i in images(session) if "latest" in i.tags).tags
    deploy(session, "task", {"ImageTag": None})


def test_c_a_day_of_snow(session: Session) -> None:
    """The report is the one that the solution's run has written: good copies and bad ones are made of it."""
    deploy(session, "task")
    ensure_image(session)
    deploy(session, "network")
    s3, bucket = session.client("s3"), describe(session, "storage").outputs["DataBucketName"]
    report = {"Bucket": bucket, "Key": f"reports/{DAY}.csv"}

    def a_quarter_of_the_day(session: Session) -> None:
        """The job ends well, for all it was given were good lines; but much of the day was left out."""
        day = {"Bucket": bucket, "Key": upload_day(session, DAY).key}
        lines = gzip.decompress(s3.get_object(**day)["Body"].read()).splitlines(keepends=True)
        s3.put_object(**day, Body=gzip.compress(b"".join(lines[: len(lines) // 4])))
        assert follow_logs(session, run_task(session, {"REPORT_DATE": DAY})).exit_code == 0

    def that_report_beside_the_whole_day(session: Session) -> None:
        upload_day(session, DAY)

    try_out(session, "07-c", [a_quarter_of_the_day, that_report_beside_the_whole_day])

    written = s3.get_object(**report)["Body"].read()
    s3.put_object(**report, Body=written.replace(b"\n9E,EWR,", b"\n9E,EWR,1", 1))
    assert not verdict(session, "07-c").solved
    s3.put_object(**report, Body=written.replace(b"\n", b"\r\n"))  # the right figures, and not the job's file
    seen = verdict(session, "07-c")
    assert [finding.met for finding in seen.findings] == [True, True, False]
    s3.put_object(**report, Body=written)
    assert verdict(session, "07-c").solved


def test_d_whose_permission(session: Session) -> None:
    ask(session, "07-d")


def _revision(session: Session, image: str = "", **changes: str) -> None:
    """Register a revision by hand: ECS knows it, the stack does not."""
    ecs = session.client("ecs")
    found = ecs.describe_task_definition(taskDefinition=session.project)["taskDefinition"]
    takes = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
    wanted = {name: value for name, value in found.items() if name in takes} | changes
    if image:
        wanted["containerDefinitions"][0]["image"] = image
    ecs.register_task_definition(**wanted)
