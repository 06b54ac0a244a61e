"""The exercises of 06: a commit that fails and is mended, commits that wait, and commits in a hurry."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from .. import builds, pipelines, stacks
from ..session import Session
from .nouns import Finding, Question, Task

MINE = "tests/test_mine.py"


def _broken_and_mended(session: Session) -> Iterator[Finding]:
    tip = _tip(session)
    now = _tests_in(session, tip)
    yield Finding(bool(now), f"the branch has a test in `{MINE}`", "there is no such file, or no test in it")
    runs = _executions(session)
    refused = [run for run in runs if run["status"] == "Failed" and _refused_by_its_tests(session, run)]
    yield Finding(
        bool(refused),
        "an execution with this file in it has failed in its build, at the tests",
        "none has: it is still to be committed, it passed, or something else failed",
    )
    if not refused:
        return
    last = max(refused, key=lambda run: run["startTime"])
    yield Finding(
        _tests_in(session, _revision(last)) <= now,
        "the test that failed is still there and still tests: mended, not deleted",
        "on the branch it has gone, has another name, is skipped, or asserts nothing",
    )
    good = [run for run in runs if run["status"] == "Succeeded" and run["startTime"] > last["startTime"]]
    yield Finding(
        any(_revision(run) == tip and _by_the_commit(run) for run in good),
        "a later commit has gone through, and it is the newest of the branch",
        "no execution that its commit started has succeeded with the branch's newest commit",
    )


def _commits_wait(session: Session) -> Iterator[Finding]:
    project = stacks.exported_value(session, "PipelineName")
    rows = stacks.resources(session, "pipeline").rows
    rule = next((row.physical_id for row in rows if row.type == "AWS::Events::Rule"), "")
    try:
        state = session.client("events").describe_rule(Name=rule.split("|")[-1])["State"] if rule else "gone"
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        state = "gone"
    yield Finding(
        state == "DISABLED", "the rule that starts the pipeline is there, and disabled", f"it is {state}"
    )
    told = _last_told(session, "ChangeRule").get("State")
    yield Finding(
        told == "DISABLED",
        "the stack has done it, so that it knows",
        f"what the stack last told the rule is {told}",
    )
    client = session.client("codepipeline")
    (source, *_) = client.get_pipeline(name=project)["pipeline"]["stages"][0]["actions"]
    polls = source["configuration"].get("PollForSourceChanges", "true")
    yield Finding(polls == "false", "nor does the pipeline ask by itself", f"PollForSourceChanges is {polls}")
    revisions = {_revision(run) for run in _executions(session)}
    yield Finding(
        _tip(session) not in revisions,
        "the branch has a commit that no execution has taken up",
        "the branch's newest commit has gone through the pipeline, or is in it",
    )


def _executions(session: Session) -> list[dict[str, Any]]:
    client, name = session.client("codepipeline"), stacks.exported_value(session, "PipelineName")
    pages = client.get_paginator("list_pipeline_executions").paginate(pipelineName=name)
    return [run for page in pages for run in page["pipelineExecutionSummaries"]]


def _revision(run: dict[str, Any]) -> str:
    return next((each.get("revisionId", "") for each in run.get("sourceRevisions", ())), "")


def _by_the_commit(run: dict[str, Any]) -> bool:
    """Whether a change started it, and nobody by hand."""
    return run.get("trigger", {}).get("triggerType") != "StartPipelineExecution"


def _tip(session: Session) -> str:
    branch = session.client("codecommit").get_branch(
        repositoryName=stacks.exported_value(session, "CodeRepositoryName"),
        branchName=stacks.exported_value(session, "BranchName"),
    )
    return branch["branch"]["commitId"]


def _tests_in(session: Session, commit: str) -> set[str]:
    """The names of the tests that the learner's file has in a commit, without those that test nothing."""
    if not commit:
        return set()
    try:
        content = session.client("codecommit").get_file(
            repositoryName=stacks.exported_value(session, "CodeRepositoryName"),
            commitSpecifier=commit,
            filePath=MINE,
        )["fileContent"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("FileDoesNotExistException", "PathDoesNotExistException"):
            raise
        return set()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return set()
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {node.name for node in functions if node.name.startswith("test") and _tests_something(node)}


def _tests_something(function: ast.FunctionDef) -> bool:
    if any("skip" in ast.unparse(decorator) for decorator in function.decorator_list):
        return False
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    names = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    return any(name.startswith(("assert", "fail")) for name in names) or any(
        isinstance(node, ast.Assert) for node in ast.walk(function)
    )


def _refused_by_its_tests(session: Session, run: dict[str, Any]) -> bool:
    """Whether the build of this execution failed at the tests, with a test of the learner's among them."""
    tests = _tests_in(session, _revision(run))
    if not tests:
        return False
    execution = pipelines.refreshed(session, run["pipelineExecutionId"])
    failed = [action for action in execution.actions if action.status == "Failed" and action.build_id]
    for action in failed:
        build = builds.finished(session, str(action.build_id))
        lines = builds.LogReader(session).read(build.log_group, build.log_stream)
        said = {line.split(" ")[1] for line in lines if line.startswith(("FAIL: ", "ERROR: "))}
        if said & tests:
            return True
    return False


def _last_told(session: Session, resource: str) -> dict[str, Any]:
    """The properties with which a stack last made or changed a resource, from its events."""
    client = session.client("cloudformation")
    pages = client.get_paginator("describe_stack_events").paginate(StackName=session.stack_name("pipeline"))
    for event in (event for page in pages for event in page["StackEvents"]):  # the newest first
        done = event["ResourceStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        if event["LogicalResourceId"] == resource and done and event.get("ResourceProperties"):
            return json.loads(event["ResourceProperties"])
    return {}


EXERCISES = (
    Task(
        "06-a",
        "Be stopped by a test",
        _broken_and_mended,
        hints=(
            "A test is a method whose name begins with `test`, in a class that inherits from "
            '`unittest.TestCase`. `read_file(session, "tests/test_report.py")` shows some.',
            f'`commit(session, "{MINE}", text, "…")` adds the file. `self.assertEqual(1, 2)` will do as a '
            "beginning; something that the job really promises is better.",
            "`follow_pipeline(session, change)` raises `PipelineFailed`: catch it, and print it.",
            "To mend it, correct what the test expects, keep its name, and commit again.",
        ),
        learned="The commit is in the repository, the image is not in the registry: between the two stands "
        "the build, and production never knew of it.",
    ),
    Task(
        "06-b",
        "Let commits wait",
        _commits_wait,
        hints=(
            "Which line of `ChangeRule` says whether it listens? Section 2 shows the block.",
            "No parameter leads there, so it takes a template of your own: the text of `template(session, "
            '"pipeline")`, with one word changed, in a file that is called `pipeline.yaml` too.',
            "`deploy` with the path of your file updates the stack of that name. Then commit something, and "
            "see that nothing begins.",
        ),
        learned="The repository still sends its event with each commit; nobody listens. And nothing catches "
        "up by itself: when the rule is on again, the next commit or `start_pipeline` brings what waited.",
    ),
    Question(
        "06-c",
        "Three commits in a minute",
        options={
            "a": "A, then B, then C: one after the other, each has its image in the end",
            "b": "A goes on to its end and B is superseded: C is built next",
            "c": "A is stopped at once, because it is out of date, and only C is built",
            "d": "All three are built at the same time, and `latest` is whichever ends last",
        },
        right="b",
        because="A stage holds one execution at a time, and what is in it is not thrown out. One place is at "
        "its door: B waits there until C comes and takes it. No image of B alone is ever made, but nothing "
        "is lost, since C contains what B has changed.",
        wrong={
            "a": "That is the mode QUEUED, which a V2 pipeline can have. What is said of ours?",
            "c": "An execution that is in a stage stays there. Who can be overtaken?",
            "d": "That is the mode PARALLEL of a V2 pipeline. How many executions are in a stage of ours?",
        },
        hints=(
            "Section 5 ends with two people who commit within a minute.",
            "How many can wait at the door of a stage?",
        ),
    ),
)
