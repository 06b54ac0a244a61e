"""What one sees of a pipeline: its state now, its executions, and everything that their actions did."""

from __future__ import annotations

from typing import Any

from ..service import Call
from .action_types import PERFORMED
from .paging import page
from .pipelines import checked
from .store import ActionRun, Declaration, Execution, Pipeline, find, find_execution, service

PAGE = 100


def _known(**items: Any) -> dict[str, Any]:
    """The items that have a value; AWS leaves the others out."""
    return {key: value for key, value in items.items() if value not in (None, [], {})}


@service.operation("GetPipelineState")
def get_pipeline_state(call: Call) -> dict[str, Any]:
    pipeline = find(call, checked(call)["name"])
    with call.world.lock:
        return {
            "pipelineName": pipeline.name,
            "pipelineVersion": pipeline.version,
            "stageStates": [_stage_state(pipeline, stage) for stage in pipeline.declaration["stages"]],
            "created": pipeline.created,
            "updated": pipeline.updated,
        }


def _stage_state(pipeline: Pipeline, stage: Declaration) -> dict[str, Any]:
    name = stage["name"]
    transition = pipeline.transition(name)
    waiting = [
        {"pipelineExecutionId": one.id, "status": "InProgress", "type": "STANDARD"}
        for one in pipeline.executions
        if one.active and not one.entered and one.stage_name == name
    ]
    latest = pipeline.execution(pipeline.latest.get(name, ""))
    run = latest.stages.get(name) if latest else None
    state = {
        "stageName": name,
        "inboundExecution": waiting[-1] if waiting else None,
        "inboundExecutions": waiting,
        "inboundTransitionState": _known(
            enabled=transition.enabled,
            lastChangedBy=transition.changed_by,
            lastChangedAt=transition.changed_at,
            disabledReason=transition.reason,
        ),
        "actionStates": [_action_state(pipeline, name, action) for action in stage["actions"]],
    }
    if latest and run:
        status = "Stopping" if latest.status == "Stopping" and run.status == "InProgress" else run.status
        state["latestExecution"] = {"pipelineExecutionId": latest.id, "status": status, "type": "STANDARD"}
        if run.retries:
            state["retryStageMetadata"] = {
                "manualStageRetryAttempt": run.retries,
                "latestRetryTrigger": "ManualStageRetry",
            }
    return _known(**state)


def _action_state(pipeline: Pipeline, stage: str, action: Declaration) -> dict[str, Any]:
    run = _last_run(pipeline, stage, action["name"])
    if run is None:
        return _known(actionName=action["name"], entityUrl=_entity_url(pipeline, action))
    revision = run.revision or {}
    return _known(
        actionName=action["name"],
        entityUrl=_entity_url(pipeline, action),
        revisionUrl=revision.get("revisionUrl"),
        currentRevision=_known(
            revisionId=revision.get("revisionId"),
            revisionChangeId=revision.get("revisionChangeIdentifier"),
            created=revision.get("created"),
        ),
        latestExecution=_known(
            actionExecutionId=run.id,
            status=run.status,
            summary=run.summary[:2048] if run.summary else None,
            lastStatusChange=run.updated,
            token=run.token if run.status == "InProgress" else None,
            lastUpdatedBy=run.updated_by,
            externalExecutionId=run.external_id,
            externalExecutionUrl=run.external_url,
            errorDetails=run.error,
        ),
    )


def _last_run(pipeline: Pipeline, stage: str, action: str) -> ActionRun | None:
    """The action's last run, in whichever execution that was."""
    for execution in reversed(pipeline.executions):
        entered = execution.stages.get(stage)
        for run in reversed(entered.runs if entered else []):
            if run.name == action:
                return run
    return None


def _entity_url(pipeline: Pipeline, action: Declaration) -> str | None:
    """What the action works on, in AWS's console."""
    console, configuration = f"https://{pipeline.region}.console.aws.amazon.com", action["configuration"]
    provider = action["actionTypeId"]["provider"]
    if provider == "CodeCommit":
        place = f"{configuration['RepositoryName']}/browse/refs/heads/{configuration['BranchName']}"
        return f"{console}/codesuite/codecommit/repositories/{place}/--/?region={pipeline.region}"
    if provider == "CodeBuild":
        place = f"projects/{configuration['ProjectName']}/view?region={pipeline.region}"
        return f"{console}/codesuite/codebuild/{place}"
    return "https://console.aws.amazon.com/s3/home?#" if provider == "S3" else None


@service.operation("GetPipelineExecution")
def get_pipeline_execution(call: Call) -> dict[str, Any]:
    params = checked(call)
    pipeline = find(call, params["pipelineName"])
    with call.world.lock:
        execution = find_execution(pipeline, params["pipelineExecutionId"])
        return {
            "pipelineExecution": _known(
                pipelineName=pipeline.name,
                pipelineVersion=execution.version,
                pipelineExecutionId=execution.id,
                status=execution.status,
                statusSummary=execution.summary,
                artifactRevisions=[
                    {key: value for key, value in revision.items() if key != "actionName"}
                    for revision in execution.revisions
                ],
                variables=[
                    {"name": name, "resolvedValue": value} for name, value in execution.variables.items()
                ],
                trigger=execution.trigger,
                executionMode=execution.mode,
                executionType="STANDARD",
            )
        }


@service.operation("ListPipelineExecutions")
def list_pipeline_executions(call: Call) -> dict[str, Any]:
    """Newest first."""
    params = checked(call)
    pipeline = find(call, params["pipelineName"])
    stage = ((params.get("filter") or {}).get("succeededInStage") or {}).get("stageName")
    with call.world.lock:
        found = [
            _summary(one)
            for one in reversed(pipeline.executions)
            if stage is None or (stage in one.stages and one.stages[stage].status == "Succeeded")
        ]
    some, token = page(found, params.get("nextToken"), params.get("maxResults", PAGE))
    return {"pipelineExecutionSummaries": some, **token}


def _summary(execution: Execution) -> dict[str, Any]:
    shown = ("actionName", "revisionId", "revisionSummary", "revisionUrl")
    stopped = execution.status in ("Stopped", "Stopping")
    return _known(
        pipelineExecutionId=execution.id,
        status=execution.status,
        statusSummary=execution.summary,
        startTime=execution.started,
        lastUpdateTime=execution.updated,
        sourceRevisions=[{key: revision[key] for key in shown} for revision in execution.revisions],
        trigger=execution.trigger,
        stopTrigger={"reason": execution.stop_reason} if stopped and execution.stop_reason else None,
        executionMode=execution.mode,
        executionType="STANDARD",
    )


@service.operation("ListActionExecutions")
def list_action_executions(call: Call) -> dict[str, Any]:
    """Newest first."""
    params = checked(call)
    pipeline = find(call, params["pipelineName"])
    chosen = params.get("filter") or {}
    latest = chosen.get("latestInPipelineExecution") or {}
    wanted = chosen.get("pipelineExecutionId") or latest.get("pipelineExecutionId")
    with call.world.lock:
        executions = [find_execution(pipeline, wanted)] if wanted else pipeline.executions
        runs = [
            (execution, run)
            for execution in executions
            for stage in execution.stages.values()
            for run in stage.runs
            if latest.get("startTimeRange") != "Latest" or stage.current.get(run.name) is run
        ]
        runs.sort(key=lambda pair: pair[1].started, reverse=True)
        found = [_detail(pipeline, execution, run) for execution, run in runs]
    some, token = page(found, params.get("nextToken"), params.get("maxResults", PAGE))
    return {"actionExecutionDetails": some, **token}


def _detail(pipeline: Pipeline, execution: Execution, run: ActionRun) -> dict[str, Any]:
    action = run.action
    result = _known(
        externalExecutionId=run.external_id,
        externalExecutionSummary=run.summary,
        externalExecutionUrl=run.external_url,
        errorDetails=run.error,
    )
    given = _known(
        actionTypeId=action["actionTypeId"],
        configuration=action["configuration"],
        resolvedConfiguration=run.configuration,
        roleArn=action.get("roleArn"),
        region=pipeline.region,
        namespace=action.get("namespace"),
    )
    return _known(
        pipelineExecutionId=execution.id,
        actionExecutionId=run.id,
        pipelineVersion=execution.version,
        stageName=run.stage,
        actionName=run.name,
        startTime=run.started,
        lastUpdateTime=run.updated,
        updatedBy=run.updated_by,
        status=run.status,
        input={**given, "inputArtifacts": run.inputs},
        output={
            "outputArtifacts": run.outputs if run.status == "Succeeded" else [],
            "executionResult": result,
            "outputVariables": run.variables,
        },
    )


@service.operation("ListActionTypes")
def list_action_types(call: Call) -> dict[str, Any]:
    """Those that the sandbox performs; AWS has more."""
    owner = checked(call).get("actionOwnerFilter", "AWS")
    kinds = PERFORMED.items() if owner == "AWS" else ()
    return {
        "actionTypes": [
            {
                "id": {"category": category, "owner": "AWS", "provider": provider, "version": "1"},
                "actionConfigurationProperties": [
                    {"name": key, "required": key in kind.required, "key": True, "secret": False}
                    for key in kind.required + kind.optional
                ],
                "inputArtifactDetails": dict(zip(("minimumCount", "maximumCount"), kind.inputs, strict=True)),
                "outputArtifactDetails": dict(
                    zip(("minimumCount", "maximumCount"), kind.outputs, strict=True)
                ),
            }
            for (category, provider), kind in kinds
        ]
    }
