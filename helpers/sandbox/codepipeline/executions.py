"""Executions: start, stop, retry, approve, look up."""

from __future__ import annotations

from typing import Any

from .. import event_targets
from ..service import AwsError, Call
from . import notices
from .engine import Effects, Mover, settle, start
from .pipelines import checked
from .store import ActionRun, Execution, Pipeline, StageRun, find, find_execution, find_stage, service
from .structure import is_approval, is_source

MAX_AT_ONCE = 50
REVISION_TYPES = {"CodeCommit": ("COMMIT_ID",), "S3": ("S3_OBJECT_VERSION_ID", "S3_OBJECT_KEY")}


@service.operation("StartPipelineExecution")
def start_pipeline_execution(call: Call) -> dict[str, Any]:
    params = checked(call)
    pipeline = find(call, params["name"])
    token = params.get("clientRequestToken")
    overrides = {one["actionName"]: _override(pipeline, one) for one in params.get("sourceRevisions") or []}
    variables = _variables(pipeline, params.get("variables") or [])
    with call.world.lock:
        if token in pipeline.requests:
            return {"pipelineExecutionId": pipeline.requests[token]}
        if pipeline.mode != "SUPERSEDED" and sum(one.active for one in pipeline.executions) >= MAX_AT_ONCE:
            raise AwsError(
                "ConcurrentPipelineExecutionsLimitExceededException",
                f"The pipeline has reached the limit for concurrent pipeline executions ({MAX_AT_ONCE}).",
            )
    return {"pipelineExecutionId": start(call.world, pipeline, _trigger(call), overrides, variables, token)}


def _trigger(call: Call) -> tuple[str, str]:
    """What started the execution: the rule in whose name EventBridge calls, or the caller."""
    rules = call.world.moto("events", call.region).event_buses["default"].rules
    for rule in rules.values():
        if event_targets.rule_sender(rule.name, rule.arn, call.region).session == call.principal.session_name:
            return "CloudWatchEvent", rule.arn
    return "StartPipelineExecution", call.principal.arn


def _override(pipeline: Pipeline, given: dict[str, str]) -> dict[str, str]:
    for action in pipeline.declaration["stages"][0]["actions"]:
        if action["name"] == given["actionName"] and is_source(action):
            kinds = REVISION_TYPES[action["actionTypeId"]["provider"]]
            if given["revisionType"] not in kinds:
                break
            if (
                given["revisionType"] == "S3_OBJECT_KEY"
                and action["configuration"].get("AllowOverrideForS3ObjectKey") != "true"
            ):
                raise AwsError(
                    "ValidationException",
                    f"Source action '{action['name']}' does not allow to override the S3 object key: its "
                    "configuration AllowOverrideForS3ObjectKey is not true",
                )
            return given
    raise AwsError(
        "ValidationException",
        f"There is no source action '{given['actionName']}' that takes a revision of type "
        f"{given['revisionType']}",
    )


def _variables(pipeline: Pipeline, given: list[dict[str, str]]) -> dict[str, str]:
    values = {one["name"]: one["value"] for one in given}
    declared = pipeline.declaration.get("variables") or []
    unknown = values.keys() - {one["name"] for one in declared}
    if unknown:
        raise AwsError(
            "ValidationException",
            f"The pipeline '{pipeline.name}' has no variable with the name {', '.join(sorted(unknown))}",
        )
    missing = [one["name"] for one in declared if "defaultValue" not in one and one["name"] not in values]
    if missing:
        raise AwsError(
            "ValidationException",
            f"A value is required for the pipeline variable {', '.join(missing)}, which has no default value",
        )
    return values


@service.operation("StopPipelineExecution")
def stop_pipeline_execution(call: Call) -> dict[str, Any]:
    params = checked(call)
    pipeline = find(call, params["pipelineName"])
    effects = Effects()
    with call.world.lock:
        execution = pipeline.execution(params["pipelineExecutionId"])
        if execution is None or not execution.active:
            raise AwsError(
                "PipelineExecutionNotStoppableException",
                "Unable to stop the pipeline execution. The execution might already be in a Stopped state, "
                "or it might no longer be in progress.",
            )
        abandon = bool(params.get("abandon"))
        if execution.status == "Stopping" and (execution.stop_abandons or not abandon):
            raise AwsError(
                "DuplicatedStopRequestException",
                "The pipeline execution is already in a Stopping state. If you already chose to stop and "
                "wait, you cannot make that request again. You can choose to stop and abandon now, but be "
                "aware that this option can lead to failed tasks or out of sequence tasks. If you already "
                "chose to stop and abandon, you cannot make that request again.",
            )
        execution.stop_reason, execution.stop_abandons = params.get("reason"), abandon
        mover = Mover(call.world, pipeline, effects)
        mover.stop(execution)
    settle(call.world, pipeline, effects)
    return {"pipelineExecutionId": execution.id}


@service.operation("RetryStageExecution")
def retry_stage_execution(call: Call) -> dict[str, Any]:
    """Run the failed actions of a stage again, or with ALL_ACTIONS all of them, in the same execution."""
    params = checked(call)
    pipeline = find(call, params["pipelineName"])
    stage_name = find_stage(pipeline, params["stageName"])["name"]
    effects = Effects()
    with call.world.lock:
        execution = find_execution(pipeline, params["pipelineExecutionId"])
        stage = execution.stages.get(stage_name)
        if stage is None or stage.status != "Failed" or execution.version != pipeline.version:
            raise AwsError(
                "StageNotRetryableException",
                "Unable to retry. The pipeline structure or stage state might have changed while actions "
                "awaited retry, or the stage contains no failed actions.",
            )
        if pipeline.mode != "PARALLEL" and pipeline.latest.get(stage_name) != execution.id:
            raise AwsError(
                "NotLatestPipelineExecutionException",
                "The stage has failed in a later run of the pipeline and the pipelineExecutionId associated "
                "with the request is out of date.",
            )
        again = params["retryMode"] == "ALL_ACTIONS"
        stage.current = {
            name: run for name, run in stage.current.items() if run.status == "Succeeded" and not again
        }
        stage.status, stage.retries = "InProgress", stage.retries + 1
        execution.set("InProgress")
        execution.summary = None
        mover = Mover(call.world, pipeline, effects)
        mover.tell(notices.of_execution(pipeline, execution, "RESUMED"))
        mover.tell(notices.of_stage(pipeline, execution, "RESUMED"))
    settle(call.world, pipeline, effects)
    return {"pipelineExecutionId": execution.id}


@service.operation("PutApprovalResult")
def put_approval_result(call: Call) -> dict[str, Any]:
    params = checked(call)
    pipeline = find(call, params["pipelineName"])
    stage = find_stage(pipeline, params["stageName"])
    if not any(one["name"] == params["actionName"] and is_approval(one) for one in stage["actions"]):
        raise AwsError(
            "ActionNotFoundException",
            f"Stage '{stage['name']}' does not have an approval action with name '{params['actionName']}'",
        )
    effects = Effects()
    with call.world.lock:
        execution, run = _approval(pipeline, stage["name"], params["actionName"], params["token"])
        summary, approved = params["result"]["summary"], params["result"]["status"] == "Approved"
        run.summary, run.updated_by = summary or None, call.principal.arn
        if approved:
            run.end("Succeeded")
        else:
            run.end(
                "Failed",
                "JobFailed",
                f"Rejected by {call.principal.arn}" + (f": {summary}" if summary else ""),
            )
        mover = Mover(call.world, pipeline, effects)
        mover.tell(notices.of_action(pipeline, execution, run, "SUCCEEDED" if approved else "FAILED"))
    settle(call.world, pipeline, effects)
    return {"approvedAt": run.updated}


def _approval(pipeline: Pipeline, stage: str, action: str, token: str) -> tuple[Execution, ActionRun]:
    for execution in reversed(pipeline.executions):
        for run in execution.stages.get(stage, StageRun()).runs:
            if run.name == action and run.token == token:
                if run.status != "InProgress":
                    raise AwsError(
                        "ApprovalAlreadyCompletedException",
                        "The approval action has already been approved or rejected.",
                    )
                return execution, run
    raise AwsError(
        "InvalidApprovalTokenException", "The approval request already received a response or has expired."
    )
