"""What CodeCommit tells the event bus when something is pushed, and to whom Git opens.

https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


@pytest.fixture
def heard(sandbox: Any, codecommit: Any, repository: str) -> Callable[[int], list[dict]]:
    """Wait for so many events of the test's repository; their details."""
    events, queues = sandbox.client("events"), sandbox.client("sqs")
    queue = queues.create_queue(QueueName=repository)["QueueUrl"]
    arn = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]["Arn"]
    target = arn.replace(":codecommit:", ":sqs:")
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": target,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    queues.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    pattern = {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": [arn],
    }
    events.put_rule(Name=repository, EventPattern=json.dumps(pattern), State="ENABLED")
    events.put_targets(Rule=repository, Targets=[{"Id": "queue", "Arn": target}])
    found: list[dict] = []

    def wait(count: int) -> list[dict]:
        deadline = time.monotonic() + 15
        while len(found) < count:
            assert time.monotonic() < deadline, f"only {found}"
            for message in queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                found.append(json.loads(message["Body"])["detail"])
                queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    return wait


def test_each_move_of_a_branch_is_told(codecommit, repository, commit, heard):
    first = commit({"a": "1"})["commitId"]
    [created] = heard(1)
    metadata = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]
    assert created == {
        "event": "referenceCreated",
        "repositoryName": repository,
        "repositoryId": metadata["repositoryId"],
        "referenceType": "branch",
        "referenceName": "main",
        "referenceFullName": "refs/heads/main",
        "commitId": first,
        "callerUserArn": f"arn:aws:iam::{metadata['accountId']}:user/learner",
    }
    second = commit({"a": "2"})["commitId"]
    updated = heard(2)[1]
    assert (updated["event"], updated["oldCommitId"], updated["commitId"]) == (
        "referenceUpdated",
        first,
        second,
    )
    codecommit.create_branch(repositoryName=repository, branchName="b", commitId=first)
    heard(3)
    codecommit.delete_branch(repositoryName=repository, branchName="b")
    deleted = heard(4)[3]
    assert (deleted["event"], deleted["oldCommitId"], "commitId" in deleted) == (
        "referenceDeleted",
        first,
        False,
    )


def git(folder: Path, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
    return subprocess.run(
        ["git", *identity, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        **more,
    )


def test_one_push_of_two_branches_and_a_tag_is_three_events(codecommit, repository, commit, heard, tmp_path):
    commit({"a": "1"})
    address = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]["cloneUrlHttp"]
    git(tmp_path, "clone", "-q", address, "clone", check=True)
    clone = tmp_path / "clone"
    git(clone, "commit", "-q", "--allow-empty", "-m", "More", check=True)
    git(clone, "tag", "v1", check=True)
    git(clone, "push", "-q", "origin", "main", "main:refs/heads/next", "v1", check=True)
    told = {(one["event"], one["referenceFullName"]) for one in heard(4)[1:]}
    assert told == {
        ("referenceUpdated", "refs/heads/main"),
        ("referenceCreated", "refs/heads/next"),
        ("referenceCreated", "refs/tags/v1"),
    }
    tag = next(one for one in heard(4) if one["referenceType"] == "tag")
    assert tag["referenceName"] == "v1"


def test_a_role_may_only_pull_or_push_with_git_if_its_policy_says_so(
    sandbox, codecommit, repository, commit, tmp_path
):
    commit({"a": "1"})
    metadata = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]
    iam, name = sandbox.client("iam"), f"git-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": metadata["accountId"]}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    keys = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="git")["Credentials"]
    address = metadata["cloneUrlHttp"]
    # Git itself sends a name only when it is asked for one.
    name_and_password = base64.b64encode(f"{keys['AccessKeyId']}%token:signature".encode()).decode()
    as_role = ("-c", f"http.extraHeader=Authorization: Basic {name_and_password}")
    refused = git(tmp_path, *as_role, "clone", address, "clone")
    assert refused.returncode != 0
    assert "403" in refused.stderr
    pull = {"Effect": "Allow", "Action": "codecommit:GitPull", "Resource": metadata["Arn"]}
    iam.put_role_policy(
        RoleName=name,
        PolicyName="pull",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [pull]}),
    )
    git(tmp_path, *as_role, "clone", "-q", address, "clone", check=True)
    git(tmp_path / "clone", "commit", "-q", "--allow-empty", "-m", "More", check=True)
    assert "403" in git(tmp_path / "clone", *as_role, "push").stderr


def test_many_commits_at_once_lose_none(codecommit, repository, commit):
    """Of two commits on the same parent one is refused; those that are accepted are all in the history."""
    from concurrent.futures import ThreadPoolExecutor

    from botocore.exceptions import ClientError

    tip = commit({"start": "0"})["commitId"]

    def put(number: int) -> str | None:
        while True:
            parent = codecommit.get_branch(repositoryName=repository, branchName="main")["branch"]["commitId"]
            try:
                return codecommit.put_file(
                    repositoryName=repository,
                    branchName="main",
                    filePath=f"file-{number}",
                    fileContent=b"x",
                    parentCommitId=parent,
                )["commitId"]
            except ClientError as error:
                assert error.response["Error"]["Code"] == "ParentCommitIdOutdatedException"

    with ThreadPoolExecutor(6) as pool:
        made = set(pool.map(put, range(12)))
    assert len(made) == 12
    head = codecommit.get_branch(repositoryName=repository, branchName="main")["branch"]["commitId"]
    chain = []
    while head != tip:
        chain.append(head)
        [head] = codecommit.get_commit(repositoryName=repository, commitId=head)["commit"]["parents"]
    assert set(chain) == made
    assert len(codecommit.get_folder(repositoryName=repository, folderPath="/")["files"]) == 13
