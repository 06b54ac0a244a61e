"""The exercises of 00, each with wrong answers that look right."""

from __future__ import annotations

from pathlib import Path

from botocore.exceptions import ClientError, WaiterError

from helpers import Session

from .trying import ask, try_out

SCRATCH = (Path(__file__).resolve().parents[2] / "notebooks" / "lessons" / "scratch.yaml").read_text()
BROKEN = "Resources: { Bucket: { Type: AWS::S3::Bucket, Properties: { BucketName: Not_A_Name } } }"


def test_a_make_something_that_is_yours(session: Session) -> None:
    cloudformation = session.client("cloudformation")

    def create(name: str, tags: dict[str, str], text: str = SCRATCH) -> None:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        cloudformation.create_stack(StackName=name, TemplateBody=text, Tags=listed)
        try:
            cloudformation.get_waiter("stack_create_complete").wait(
                StackName=name, WaiterConfig={"Delay": 0.1}
            )
        except WaiterError:
            assert text == BROKEN

    def without_the_tag(session: Session) -> None:
        create(f"{session.project}-hello", {})

    def the_key_in_small_letters(session: Session) -> None:
        create(f"{session.project}-hello", {"project": session.project})

    def the_neighbours_project(session: Session) -> None:
        create(f"{session.project}-hello", {"Project": f"{session.project}-2"})

    def another_name(session: Session) -> None:
        create(f"hello-{session.project}", {"Project": session.project})

    def one_that_was_rolled_back(session: Session) -> None:
        create(f"{session.project}-hello", {"Project": session.project}, BROKEN)

    def back(session: Session) -> None:
        for name in (f"{session.project}-hello", f"hello-{session.project}"):
            try:
                cloudformation.delete_stack(StackName=name)
                cloudformation.get_waiter("stack_delete_complete").wait(
                    StackName=name, WaiterConfig={"Delay": 0.1}
                )
            except ClientError as error:
                assert "does not exist" in str(error)

    wrong = [
        without_the_tag,
        the_key_in_small_letters,
        the_neighbours_project,
        another_name,
        one_that_was_rolled_back,
    ]
    try_out(session, "00-a", wrong, back)
    back(session)


def test_b_where_does_the_course_end(session: Session) -> None:
    ask(session, "00-b")


def test_c_a_push_while_the_job_is_running(session: Session) -> None:
    ask(session, "00-c")
