"""deploy and preview against the sandbox: real stacks of small templates, and the eight."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from helpers import (
    AwsRefused,
    NotReady,
    SandboxUnavailable,
    StackFailed,
    deploy,
    describe,
    events,
    explain,
    open_session,
    overview,
    preview,
)

QUEUE = """
Parameters:
  Name: {Type: String, Default: one, AllowedValues: [one, two, three]}
  Seconds: {Type: Number, Default: 30}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "q-${AWS::StackName}-${Name}", VisibilityTimeout: !Ref Seconds}
  Topic:
    Type: AWS::SNS::Topic
Outputs:
  Url: {Value: !Ref Queue}
"""


@pytest.fixture
def session(session_of):
    return session_of("small")


@pytest.fixture
def write(tmp_path):
    def write(name: str, text: str) -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(text)
        return path

    return write


def test_create_update_and_nothing_to_do(session, write):
    path = write("cycle", QUEUE)
    created = deploy(session, path, {"Name": "two"})
    assert (created.status, created.changed) == ("CREATE_COMPLETE", True)
    assert created.resources["Queue"].physical_id.endswith("q-small-cycle-two")
    assert deploy(session, path).changed is False
    updated = deploy(session, path, {"Seconds": 60})
    assert (updated.status, updated.parameters) == ("UPDATE_COMPLETE", {"Name": "two", "Seconds": "60"})
    assert deploy(session, path, {"Name": None}).parameters["Name"] == "one"
    tags = session.client("cloudformation").describe_stacks(StackName="small-cycle")["Stacks"][0]["Tags"]
    assert tags == [{"Key": "Project", "Value": "small"}]


def test_a_failure_rolls_back_is_explained_and_replaced(session, write, capsys):
    session.client("sqs").create_queue(QueueName="q-small-taken-one", Attributes={"DelaySeconds": "9"})
    path = write("taken", QUEUE)
    with pytest.raises(StackFailed) as failed:
        deploy(session, path)
    assert failed.value.resource == "Queue"
    assert failed.value.status == "ROLLBACK_COMPLETE"
    assert describe(session, path).status == "ROLLBACK_COMPLETE"
    with pytest.raises(NotReady, match="ROLLBACK_COMPLETE"):
        preview(session, path)
    assert deploy(session, path, {"Name": "two"}).status == "CREATE_COMPLETE"
    assert "deleting it, then creating it" in capsys.readouterr().out


def rows(shown: str) -> dict[str, str]:
    """The last thing a terminal was told of each resource."""
    return {name: line for line in shown.splitlines() for name in ("Queue", "Topic") if f" {name} " in line}


def test_a_row_ends_on_what_became_of_the_resource(session, write, capsys):
    """Not on the deletion of what a replacement left over, nor on the way back after a failure."""
    session.client("sqs").create_queue(QueueName="q-small-rows-three", Attributes={"DelaySeconds": "9"})
    path = write("rows", QUEUE)
    deploy(session, path)
    capsys.readouterr()
    deploy(session, path, {"Name": "two"})
    replaced = capsys.readouterr().out
    assert "DELETE_COMPLETE" in replaced
    assert rows(replaced)["Queue"].startswith("✓ UPDATE_COMPLETE")
    with pytest.raises(StackFailed):
        deploy(session, path, {"Name": "three"})
    failed = rows(capsys.readouterr().out)["Queue"]
    assert failed.startswith("✗ UPDATE_FAILED") and failed.endswith("(rolled back)")


def test_a_failed_update_is_rolled_back_and_the_next_one_works(session, write):
    session.client("sqs").create_queue(QueueName="q-small-back-three", Attributes={"DelaySeconds": "9"})
    path = write("back", QUEUE)
    deploy(session, path)
    with pytest.raises(StackFailed) as failed:
        deploy(session, path, {"Name": "three"})
    assert (failed.value.status, failed.value.resource) == ("UPDATE_ROLLBACK_COMPLETE", "Queue")
    assert describe(session, path).parameters["Name"] == "one"
    assert deploy(session, path, {"Name": "two"}).status == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    ("text", "parameters", "code"),
    [
        (QUEUE, {"Name": "four"}, "ValidationError"),
        (QUEUE, {"Seconds": "many"}, "ValidationError"),
        (
            "Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Gone}}}",
            {},
            "ValidationError",
        ),
        ("Resources: {A: {Type: AWS::No::Such}}", {}, "ValidationError"),
        ("Outputs: {A: {Value: a}}", {}, "ValidationError"),
    ],
)
def test_what_cloudformation_refuses_keeps_its_code_and_makes_nothing(session, write, text, parameters, code):
    with pytest.raises(AwsRefused) as refused:
        deploy(session, write("refused", text), parameters)
    assert (refused.value.code, refused.value.operation) == (code, "CreateStack")
    assert refused.value.next_step


def test_capabilities_are_acknowledged_and_said_unless_they_are_given(session, write, capsys):
    role = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: ecs-tasks.amazonaws.com}, Action: sts:AssumeRole}]
"""
    path = write("role", role)
    with pytest.raises(AwsRefused, match="CAPABILITY_IAM") as refused:
        deploy(session, path, capabilities=())
    assert refused.value.code == "InsufficientCapabilitiesException"
    assert deploy(session, path).status == "CREATE_COMPLETE"
    assert "acknowledged CAPABILITY_IAM" in capsys.readouterr().out


def test_a_missing_import_names_the_stack_that_exports_it(session, write):
    text = """
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue nobody-exports-this}}
"""
    with pytest.raises(StackFailed, match="nobody-exports-this"):
        deploy(session, write("imports", text))


def test_a_template_of_ones_own_brings_up_the_stacks_it_builds_on(session_of, write, capsys):
    session = session_of("builder")
    text = """
Parameters: {Project: {Type: String}}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !ImportValue {"Fn::Sub": "${Project}-DataBucketName"}}
"""
    stack = deploy(session, write("topic", text))
    assert stack.parameters == {"Project": "builder"}
    assert describe(session, "storage").status == "CREATE_COMPLETE"
    assert "builder-topic builds on builder-storage, which is not deployed yet" in capsys.readouterr().out
    assert [row.stack for row in overview(session) if row.status == "CREATE_COMPLETE"] == ["storage"]


def test_two_notebooks_at_once_end_with_one_stack(session, session_of, write):
    """Both deploy the same new stack with other values: one waits for the other, and both end well.

    When the second one updates at once, the first finds the stack at work still, and waits for that too.
    """
    path = write("race", QUEUE)
    ended: list[object] = []

    def run(name: str) -> None:
        try:
            ended.append(deploy(session_of("small"), path, {"Name": name}).status)
        except Exception as error:
            ended.append(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(map(str, ended)) <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"} and len(ended) == 2
    assert describe(session, path).status == "UPDATE_COMPLETE"
    told = [e.status for e in events(session, path) if e.reason == "User Initiated"]
    assert told == ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"]


def test_a_preview_says_what_would_change_and_leaves_nothing(session, write):
    path = write("previewed", QUEUE)
    cloudformation = session.client("cloudformation")
    new = preview(session, path)
    assert (new.kind, [(c.action, c.resource) for c in new]) == (
        "CREATE",
        [("Add", "Queue"), ("Add", "Topic")],
    )
    names = {
        s["StackName"]
        for page in cloudformation.get_paginator("describe_stacks").paginate()
        for s in page["Stacks"]
    }
    assert "small-previewed" not in names

    deploy(session, path)
    before = len(events(session, path))
    assert preview(session, path).kind == "NONE"
    update = preview(session, path, {"Seconds": 60})
    assert [(c.action, c.resource, c.replacement) for c in update] == [("Modify", "Queue", "False")]
    assert "parameter Seconds" in update[0].why
    assert preview(session, path, {"Name": "two"})[0].replaced
    assert cloudformation.list_change_sets(StackName="small-previewed")["Summaries"] == []
    assert len(events(session, path)) == before
    assert describe(session, path).parameters == {"Name": "one", "Seconds": "30"}


def test_explain_shows_the_value_that_is_deployed(line):
    assert explain(line, "task", "Cpu").value == "256"


def test_a_sandbox_killed_in_the_middle_is_said_and_the_next_deployment_goes_on(
    fresh_sandbox, write, monkeypatch
):
    sandbox = fresh_sandbox("--pace", "1")
    monkeypatch.setenv("SANDBOX_ENDPOINT", sandbox.endpoint)
    monkeypatch.setenv("SANDBOX_HOME", str(sandbox.home))
    session = open_session(project="killed")
    path = write("half", QUEUE)
    killer = threading.Timer(1.0, os.kill, (sandbox.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(SandboxUnavailable, match="does not answer") as unavailable:
        deploy(session, path)
    assert "open_session" in unavailable.value.next_step
    sandbox.start()
    assert deploy(open_session(project="killed"), path).status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
