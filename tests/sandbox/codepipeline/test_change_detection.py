"""A push starts the pipeline: CodeCommit or S3 tells EventBridge, and a rule tells the pipeline.

https://docs.aws.amazon.com/codepipeline/latest/userguide/triggering.html
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.com",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.com",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def follow(line: Any, pattern: dict[str, Any]) -> str:
    """A rule that starts the line's pipeline when an event fits the pattern; its ARN."""
    account = line.role.split(":")[4]
    pipeline = f"arn:aws:codepipeline:us-east-1:{account}:{line.name}"
    role = line.make_role(
        f"{line.name}-change", "events.amazonaws.com", "codepipeline:StartPipelineExecution", pipeline
    )
    events = line.client("events")
    rule = events.put_rule(Name=line.name, EventPattern=json.dumps(pattern), State="ENABLED")["RuleArn"]
    events.put_targets(Rule=line.name, Targets=[{"Id": "pipeline", "Arn": pipeline, "RoleArn": role}])
    return rule


def follow_branch(line: Any) -> str:
    """The rule for the branch that the line's pipeline fetches."""
    repository = line.codecommit.get_repository(repositoryName=line.name)["repositoryMetadata"]
    return follow(
        line,
        {
            "source": ["aws.codecommit"],
            "detail-type": ["CodeCommit Repository State Change"],
            "resources": [repository["Arn"]],
            "detail": {
                "event": ["referenceCreated", "referenceUpdated"],
                "referenceType": ["branch"],
                "referenceName": ["main"],
            },
        },
    )


def test_a_commit_to_the_branch_starts_the_pipeline_and_to_another_does_not(line):
    commit = line.commit({"a": "1"})
    first = line.create()
    line.answer(line.holds(first))
    rule = follow_branch(line)
    line.codecommit.create_branch(repositoryName=line.name, branchName="other", commitId=commit)
    newer = line.commit({"a": "2"})
    line.until(lambda: len(line.executions()) == 2)
    newest = line.executions()[0]
    assert newest["trigger"] == {"triggerType": "CloudWatchEvent", "triggerDetail": rule}
    line.holds(newest["pipelineExecutionId"])
    assert line.executions()[0]["sourceRevisions"][0]["revisionId"] == newer
    assert len(line.executions()) == 2


def test_two_quick_pushes_from_a_terminal_end_with_the_newer_one_last(line, tmp_path):
    line.commit({"a": "1"})
    first = line.create()
    line.answer(line.holds(first))
    follow_branch(line)
    address = line.codecommit.get_repository(repositoryName=line.name)["repositoryMetadata"]["cloneUrlHttp"]
    git(tmp_path, "clone", "-q", address, "clone")
    clone = tmp_path / "clone"
    for number in (2, 3):
        (clone / "a").write_text(str(number))
        git(clone, "commit", "-q", "-a", "-m", f"Number {number}")
        git(clone, "push", "-q")
    last = git(clone, "rev-parse", "HEAD")
    line.until(lambda: len(line.executions()) == 3)
    newest = line.executions()[0]["pipelineExecutionId"]

    def release() -> bool:
        """Approve whatever waits, until the newest execution has succeeded."""
        action = line.action("Hold")
        if action.get("token"):
            line.answer(action["token"])
        return line.status(newest) == "Succeeded"

    line.until(release)
    ended = line.executions()
    assert all(one["status"] in ("Succeeded", "Superseded") for one in ended)
    assert ended[0]["sourceRevisions"][0]["revisionId"] == last
    assert line.stage("Hold")["latestExecution"]["pipelineExecutionId"] == newest


def test_a_new_object_starts_the_pipeline(line):
    line.s3.put_bucket_notification_configuration(
        Bucket=line.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    line.s3.put_object(Bucket=line.bucket, Key="source.zip", Body=b"one")
    first = line.create(("Source", [line.s3_source()]), ("Hold", [line.approval()]))
    line.answer(line.holds(first))
    follow(
        line,
        {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [line.bucket]}, "object": {"key": ["source.zip"]}},
        },
    )
    put = line.s3.put_object(Bucket=line.bucket, Key="source.zip", Body=b"two")
    line.until(lambda: len(line.executions()) == 2)
    line.holds(line.executions()[0]["pipelineExecutionId"])
    [revision] = line.executions()[0]["sourceRevisions"]
    assert revision["revisionId"] == put["VersionId"]


def test_states_are_told_to_the_event_bus(line):
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html"""
    queue = line.client("sqs").create_queue(QueueName=f"{line.name}-events")["QueueUrl"]
    account = line.role.split(":")[4]
    events = line.client("events")
    pattern = {"source": ["aws.codepipeline"], "detail": {"pipeline": [line.name]}}
    events.put_rule(Name=f"{line.name}-states", EventPattern=json.dumps(pattern), State="ENABLED")
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:us-east-1:{account}:{line.name}-events"}
    events.put_targets(Rule=f"{line.name}-states", Targets=[target])
    policy = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": target["Arn"],
    }
    line.client("sqs").set_queue_attributes(
        QueueUrl=queue,
        Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [policy]})},
    )
    line.commit({"a": "1"})
    execution = line.create()
    line.answer(line.holds(execution))
    line.ended(execution)
    seen: list[tuple[str, str]] = []

    def all_seen() -> bool:
        got = line.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in got:
            event = json.loads(message["Body"])
            assert event["detail"]["execution-id"] == execution
            assert event["detail"]["version"] == 1.0
            seen.append((event["detail-type"].split()[1], event["detail"]["state"]))
            line.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return len(seen) >= 10

    line.until(all_seen)
    assert sorted(seen) == sorted(
        [("Pipeline", "STARTED"), ("Pipeline", "SUCCEEDED")]
        + [(kind, state) for kind in ("Stage", "Action") for state in ("STARTED", "SUCCEEDED")] * 2
    )
