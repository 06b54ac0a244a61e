"""What CodePipeline tells the event bus: the states of executions, stages and actions.

The details are the documented ones:
https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .store import ActionRun, Execution, Pipeline

Event = tuple[str, dict[str, Any]]  # detail-type and detail


def of_execution(pipeline: Pipeline, execution: Execution, state: str) -> Event:
    """STARTED, SUCCEEDED, FAILED, RESUMED, STOPPING, STOPPED, SUPERSEDED or CANCELED."""
    trigger = execution.trigger
    detail = _common(pipeline, execution, execution.started) | {
        "execution-trigger": {
            "trigger-type": trigger["triggerType"],
            "trigger-detail": trigger["triggerDetail"],
        },
        "state": state,
    }
    return "CodePipeline Pipeline Execution State Change", detail


def of_stage(pipeline: Pipeline, execution: Execution, state: str) -> Event:
    """STARTED, SUCCEEDED, FAILED, RESUMED, STOPPING, STOPPED or CANCELED."""
    detail = _common(pipeline, execution, execution.started) | {"stage": execution.stage_name, "state": state}
    return "CodePipeline Stage Execution State Change", detail


def of_action(pipeline: Pipeline, execution: Execution, run: ActionRun, state: str) -> Event:
    """STARTED, SUCCEEDED, FAILED, ABANDONED or CANCELED."""
    kind = run.action["actionTypeId"]
    detail = _common(pipeline, execution, run.started) | {
        "action-execution-id": run.id,
        "action": run.name,
        "stage": run.stage,
        "region": pipeline.region,
        "state": state,
        "type": {key: kind[key] for key in ("owner", "provider", "category", "version")},
        "input-artifacts": run.inputs,
    }
    if state != "STARTED":
        result = {
            "external-execution-url": run.external_url,
            "external-execution-summary": run.summary,
            "external-execution-id": run.external_id,
            "error-code": run.error["code"] if run.error else None,
        }
        detail["execution-result"] = {key: value for key, value in result.items() if value}
        detail["output-artifacts"] = run.outputs if state == "SUCCEEDED" else []
    return "CodePipeline Action Execution State Change", detail


def _common(pipeline: Pipeline, execution: Execution, started: datetime) -> dict[str, Any]:
    return {
        "pipeline": pipeline.name,
        "execution-id": execution.id,
        "start-time": started.strftime("%Y-%m-%dT%H:%M:%S.") + f"{started.microsecond // 1000:03}Z",
        "version": float(execution.version),
        "pipeline-execution-attempt": 1.0 + sum(stage.retries for stage in execution.stages.values()),
    }
