"""Executions on their way through the stages.

https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
"""

from __future__ import annotations

import io
import re
import zipfile


def test_a_new_pipeline_runs_at_once_and_goes_through_its_stages(line):
    commit = line.commit({"buildspec.yml": "version: 0.2\n", "app/main.py": "x\n"}, "Count cancelled flights")
    execution = line.create()
    token = line.holds(execution)
    [summary] = line.executions()
    assert summary["status"] == "InProgress"
    assert summary["trigger"]["triggerType"] == "CreatePipeline"
    [revision] = summary["sourceRevisions"]
    assert (revision["actionName"], revision["revisionId"]) == ("Fetch", commit)
    assert revision["revisionSummary"] == "Count cancelled flights"
    assert line.stage("Source")["latestExecution"]["status"] == "Succeeded"
    line.answer(token, summary="Looks right")
    assert line.ended(execution) == "Succeeded"
    assert line.action("Hold")["summary"] == "Looks right"
    assert line.stage("Hold")["latestExecution"] == {
        "pipelineExecutionId": execution,
        "status": "Succeeded",
        "type": "STANDARD",
    }


def test_the_source_artifact_is_the_commit_as_a_zip(line):
    commit = line.commit({"app/main.py": "print(1)\n", "Dockerfile": "FROM scratch\n"})
    execution = line.create()
    line.holds(execution)
    run = next(run for run in line.runs(execution) if run["actionName"] == "Fetch")
    [artifact] = run["output"]["outputArtifacts"]
    place = artifact["s3location"]
    assert artifact["name"] == "SourceOutput"
    assert place["bucket"] == line.bucket
    # <pipeline, 20 characters>/<artifact, 10 characters>/<7 random characters>
    assert re.fullmatch(rf"{re.escape(line.name[:20])}/SourceOutp/[A-Za-z0-9]{{7}}", place["key"])
    content = line.s3.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "app/main.py": b"print(1)\n",
            "Dockerfile": b"FROM scratch\n",
        }
    assert run["output"]["executionResult"]["externalExecutionId"] == commit
    variables = run["output"]["outputVariables"]
    assert variables["CommitId"] == commit
    assert (variables["BranchName"], variables["RepositoryName"]) == ("main", line.name)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", variables["AuthorDate"])


def test_a_missing_branch_fails_the_source_with_aws_s_words_and_a_retry_works(line):
    execution = line.create()
    assert line.ended(execution) == "Failed"
    assert line.action("Source")["errorDetails"] == {
        "code": "ConfigurationError",
        "message": f"The action failed because no branch named main was found in the selected AWS CodeCommit "
        f"repository {line.name}. Make sure you are using the correct branch name, and then try again. "
        "Error: null",
    }
    line.commit({"a": "1"})
    retried = line.pipelines.retry_stage_execution(
        pipelineName=line.name,
        stageName="Source",
        pipelineExecutionId=execution,
        retryMode="FAILED_ACTIONS",
    )
    assert retried["pipelineExecutionId"] == execution
    line.answer(line.holds(execution))
    assert line.ended(execution) == "Succeeded"
    assert line.stage("Source")["retryStageMetadata"]["manualStageRetryAttempt"] == 1
    assert [run["status"] for run in line.runs(execution) if run["stageName"] == "Source"] == [
        "Succeeded",
        "Failed",
    ]


def test_a_rejected_approval_fails_the_execution(line):
    line.commit({"a": "1"})
    execution = line.create()
    line.answer(line.holds(execution), "Rejected", "Not today")
    assert line.ended(execution) == "Failed"
    assert line.stage("Hold")["latestExecution"]["status"] == "Failed"
    assert "Not today" in line.action("Hold")["errorDetails"]["message"]


def test_an_approval_is_answered_once_and_with_its_token(line, refused):
    line.commit({"a": "1"})
    execution = line.create()
    token = line.holds(execution)
    other = "12345678-1234-1234-1234-123456789012"
    answer = {
        "pipelineName": line.name,
        "stageName": "Hold",
        "actionName": "Approve",
        "result": {"status": "Approved", "summary": ""},
    }
    refused("InvalidApprovalTokenException", line.pipelines.put_approval_result, **answer, token=other)
    line.pipelines.put_approval_result(**answer, token=token)
    refused("ApprovalAlreadyCompletedException", line.pipelines.put_approval_result, **answer, token=token)


def test_a_newer_execution_overtakes_the_one_that_waits(line):
    line.commit({"a": "1"})
    first = line.create()
    token = line.holds(first)
    line.commit({"a": "2"})
    second = line.start()
    line.until(lambda: line.stage("Hold").get("inboundExecution", {}).get("pipelineExecutionId") == second)
    newest = line.commit({"a": "3"})
    third = line.start()
    assert line.ended(second) == "Superseded"
    assert line.status(first) == "InProgress"
    assert line.stage("Hold")["inboundExecution"]["pipelineExecutionId"] == third
    line.answer(token)
    line.answer(line.holds(third))
    assert (line.ended(first), line.ended(third)) == ("Succeeded", "Succeeded")
    assert line.executions()[0]["sourceRevisions"][0]["revisionId"] == newest


def test_queued_executions_wait_for_each_other_and_none_is_overtaken(line):
    line.commit({"a": "1"})
    first = line.create(pipelineType="V2", executionMode="QUEUED")
    token = line.holds(first)
    second, third = line.start(), line.start()
    line.until(lambda: len(line.stage("Hold").get("inboundExecutions", [])) == 2)
    line.answer(token)
    for execution in (second, third):
        line.answer(line.holds(execution))
    assert [line.ended(one) for one in (first, second, third)] == ["Succeeded"] * 3


def test_parallel_executions_do_not_wait(line):
    line.commit({"a": "1"})
    first = line.create(pipelineType="V2", executionMode="PARALLEL")
    line.holds(first)
    second = line.start()
    line.holds(second)
    assert line.status(first) == line.status(second) == "InProgress"


def test_stop_and_wait_and_stop_and_abandon(line, refused):
    line.commit({"a": "1"})
    execution = line.create()
    token = line.holds(execution)
    stop = {"pipelineName": line.name, "pipelineExecutionId": execution}
    line.pipelines.stop_pipeline_execution(**stop, reason="Wrong branch")
    assert line.status(execution) == "Stopping"
    assert line.stage("Hold")["latestExecution"]["status"] == "Stopping"
    refused("DuplicatedStopRequestException", line.pipelines.stop_pipeline_execution, **stop)
    line.pipelines.stop_pipeline_execution(**stop, abandon=True, reason="Now")
    assert line.status(execution) == "Stopped"
    assert line.executions()[0]["stopTrigger"] == {"reason": "Now"}
    assert line.action("Hold")["status"] == "Abandoned"
    refused("PipelineExecutionNotStoppableException", line.pipelines.stop_pipeline_execution, **stop)
    refused(
        "ApprovalAlreadyCompletedException",
        line.pipelines.put_approval_result,
        pipelineName=line.name,
        stageName="Hold",
        actionName="Approve",
        token=token,
        result={"status": "Approved", "summary": ""},
    )


def test_a_stopping_execution_ends_when_its_action_has_ended(line):
    line.commit({"a": "1"})
    execution = line.create(
        ("Source", [line.source()]), ("Hold", [line.approval()]), ("After", [line.approval("Again")])
    )
    token = line.holds(execution)
    line.pipelines.stop_pipeline_execution(pipelineName=line.name, pipelineExecutionId=execution)
    line.answer(token)
    assert line.ended(execution) == "Stopped"
    assert "latestExecution" not in line.stage("After")


def test_a_closed_transition_holds_executions_back(line):
    line.commit({"a": "1"})
    execution = line.create()
    line.holds(execution)
    door = {"pipelineName": line.name, "stageName": "Hold", "transitionType": "Inbound"}
    line.pipelines.disable_stage_transition(**door, reason="Freeze until Monday")
    line.answer(line.holds(execution))
    assert line.ended(execution) == "Succeeded"
    second = line.start()
    line.until(lambda: line.stage("Hold").get("inboundExecution", {}).get("pipelineExecutionId") == second)
    state = line.stage("Hold")["inboundTransitionState"]
    assert (state["enabled"], state["disabledReason"]) == (False, "Freeze until Monday")
    line.pipelines.enable_stage_transition(**door)
    line.holds(second)
    assert line.stage("Hold")["inboundTransitionState"]["enabled"] is True


def test_actions_run_in_run_order_and_those_of_the_same_order_together(line):
    line.commit({"a": "1"})
    hold = [
        line.approval("One", runOrder=1),
        line.approval("Two", runOrder=1),
        line.approval("Last", runOrder=2),
    ]
    execution = line.create(("Source", [line.source()]), ("Hold", hold))
    line.until(lambda: line.action("Hold", "Two").get("token") and line.action("Hold", "One").get("token"))
    assert line.action("Hold", "Last") == {}
    for name in ("One", "Two", "Last"):
        token = line.until(lambda name=name: line.action("Hold", name).get("token"))
        line.pipelines.put_approval_result(
            pipelineName=line.name,
            stageName="Hold",
            actionName=name,
            token=token,
            result={"status": "Approved", "summary": ""},
        )
    assert line.ended(execution) == "Succeeded"


def test_a_given_commit_runs_instead_of_the_tip(line, refused):
    old = line.commit({"a": "1"})
    line.commit({"a": "2"})
    first = line.create()
    line.answer(line.holds(first))
    again = line.start(
        sourceRevisions=[{"actionName": "Fetch", "revisionType": "COMMIT_ID", "revisionValue": old}]
    )
    line.holds(again)
    assert line.execution(again)["artifactRevisions"][0]["revisionId"] == old
    refused(
        "ValidationException",
        line.start,
        sourceRevisions=[{"actionName": "Fetch", "revisionType": "IMAGE_DIGEST", "revisionValue": "x"}],
    )


def test_the_same_client_token_starts_one_execution(line):
    line.commit({"a": "1"})
    line.create()
    assert line.start(clientRequestToken="once") == line.start(clientRequestToken="once")
    assert len(line.executions()) == 2


def test_retry_is_refused_where_nothing_failed_or_a_newer_execution_came(line, refused):
    first = line.create()
    assert line.ended(first) == "Failed"
    retry = {"pipelineName": line.name, "stageName": "Source", "retryMode": "FAILED_ACTIONS"}
    second = line.start()
    line.ended(second)
    refused(
        "NotLatestPipelineExecutionException",
        line.pipelines.retry_stage_execution,
        **retry,
        pipelineExecutionId=first,
    )
    line.commit({"a": "1"})
    line.pipelines.retry_stage_execution(**retry, pipelineExecutionId=second)
    line.holds(second)
    refused(
        "StageNotRetryableException",
        line.pipelines.retry_stage_execution,
        **retry,
        pipelineExecutionId=second,
    )


def test_history_comes_in_pages_newest_first(line):
    line.commit({"a": "1"})
    started = [line.create(), *(line.start() for _ in range(4))]
    pages = line.pipelines.get_paginator("list_pipeline_executions").paginate(
        pipelineName=line.name, PaginationConfig={"PageSize": 2}
    )
    ids = [[one["pipelineExecutionId"] for one in page["pipelineExecutionSummaries"]] for page in pages]
    assert [len(page) for page in ids] == [2, 2, 1]
    assert [one for page in ids for one in page] == started[::-1]
