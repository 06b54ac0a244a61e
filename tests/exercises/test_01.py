"""The exercises of 01, each with wrong answers that look right."""

from __future__ import annotations

from pathlib import Path

from helpers import Session, deploy, describe

from .trying import ask, try_out

INBOX = """
Resources:
  Inbox:
    Type: AWS::S3::Bucket
    Properties:
      PublicAccessBlockConfiguration: {locks}
Outputs:
  InboxName:
    Value: {value}
    Export: {{ Name: {name} }}
"""
ALL = (
    "{ BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true }"
)
THREE = "{ BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true }"


def test_a_keep_the_data_for_a_year(session: Session) -> None:
    deploy(session, "storage")

    def the_other_parameter(session: Session) -> None:
        deploy(session, "storage", {"ArtifactExpiryDays": 365})

    def both(session: Session) -> None:
        deploy(session, "storage", {"DataExpiryDays": 365, "ArtifactExpiryDays": 365})

    def the_bucket_behind_the_stacks_back(session: Session) -> None:
        s3, bucket = session.client("s3"), describe(session, "storage").outputs["DataBucketName"]
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        for rule in rules:
            if "Expiration" in rule:
                rule["Expiration"]["Days"] = 365
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})

    def back(session: Session) -> None:
        deploy(session, "storage", {"DataExpiryDays": None, "ArtifactExpiryDays": None})

    try_out(session, "01-a", [the_other_parameter, both, the_bucket_behind_the_stacks_back], back)


def test_b_write_a_template_of_your_own(session: Session) -> None:
    def deployed(locks: str, value: str, name: str = "{project}-InboxName") -> None:
        text = INBOX.format(locks=locks, value=value, name=name.format(project=session.project))
        Path("inbox.yaml").write_text(text)
        deploy(session, "inbox.yaml")

    def another_export(session: Session) -> None:
        deployed(ALL, "!Ref Inbox", "{project}-Inbox")

    def a_name_that_was_typed(session: Session) -> None:
        deployed(ALL, f"{session.project}-inbox")

    def the_arn_and_not_the_name(session: Session) -> None:
        deployed(ALL, "!GetAtt Inbox.Arn")

    def one_lock_open(session: Session) -> None:
        deployed(THREE, "!Ref Inbox")

    try_out(session, "01-b", [another_export, a_name_that_was_typed, the_arn_and_not_the_name, one_lock_open])


def test_c_what_is_in_a_logical_id(session: Session) -> None:
    ask(session, "01-c")
