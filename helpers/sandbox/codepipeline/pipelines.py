"""Pipelines: create, describe, update, delete, list, tag; and the transitions between their stages."""

from __future__ import annotations

import copy
from typing import Any

from ..service import AwsError, Call
from . import structure
from .constraints import check
from .engine import Effects, Mover, settle, start
from .paging import page
from .store import Declaration, Pipeline, arn_of, find, find_stage, now, service
from .work import SERVICE

MAX_TAGS = 50
PAGE = 1000


def checked(call: Call) -> dict[str, Any]:
    """The request's parameters, once they fit the API's description of them."""
    check(service.model.operation_model(call.operation).input_shape, call.params)
    return call.params


def _accept(call: Call, given: Declaration) -> Declaration:
    """The declaration with its defaults. AwsError unless it is valid and its role can be assumed."""
    pipeline = structure.complete(copy.deepcopy(given))
    structure.check(pipeline, call.region)
    arn = arn_of(call.world, call.region, pipeline["name"])
    try:
        call.world.credentials(pipeline["roleArn"], pipeline["name"], SERVICE, source_arn=arn)
    except AwsError as error:
        raise AwsError(
            "InvalidStructureException",
            f"CodePipeline is not authorized to perform AssumeRole on role {pipeline['roleArn']}",
        ) from error
    return pipeline


@service.operation("CreatePipeline")
def create_pipeline(call: Call) -> dict[str, Any]:
    params = checked(call)
    name, tags = params["pipeline"]["name"], params.get("tags") or []
    declaration = _accept(call, params["pipeline"]) | {"version": 1}
    with call.world.lock:
        if name in call.store.pipelines:
            raise AwsError(
                "PipelineNameInUseException",
                f"A pipeline with the name '{name}' already exists in account '{call.account}'",
            )
        arn = arn_of(call.world, call.region, name)
        pipeline = Pipeline(arn, call.region, {1: declaration}, _merged({}, tags))
        call.store.pipelines[name] = pipeline
    start(call.world, pipeline, ("CreatePipeline", call.principal.arn))
    return {"pipeline": declaration, **({"tags": tags} if tags else {})}


@service.operation("GetPipeline")
def get_pipeline(call: Call) -> dict[str, Any]:
    params = checked(call)
    pipeline = call.store.pipelines.get(params["name"])
    if pipeline is None:
        raise AwsError(
            "PipelineNotFoundException",
            f"Account '{call.account}' does not have a pipeline with name '{params['name']}'",
        )
    version = params.get("version", pipeline.version)
    if version not in pipeline.versions:
        raise AwsError(
            "PipelineVersionNotFoundException",
            f"Pipeline '{pipeline.name}' does not have a version '{version}'",
        )
    metadata = {"pipelineArn": pipeline.arn, "created": pipeline.created, "updated": pipeline.updated}
    return {"pipeline": pipeline.versions[version], "metadata": metadata}


@service.operation("UpdatePipeline")
def update_pipeline(call: Call) -> dict[str, Any]:
    """Make a new version. Executions that are under way when the stages change are cancelled, as on AWS."""
    params = checked(call)
    pipeline = find(call, params["pipeline"]["name"])
    given = _accept(call, params["pipeline"])
    effects = Effects()
    with call.world.lock:
        mover = Mover(call.world, pipeline, effects)
        if given["stages"] != pipeline.declaration["stages"]:
            mover.cancel()
        version = pipeline.version + 1
        pipeline.versions[version] = given | {"version": version}
        pipeline.updated = now()
    settle(call.world, pipeline, effects)
    return {"pipeline": pipeline.declaration}


@service.operation("DeletePipeline")
def delete_pipeline(call: Call) -> dict[str, Any]:
    """Deleting what does not exist is no error. Actions at work end unheard."""
    params = checked(call)
    with call.world.lock:
        call.store.pipelines.pop(params["name"], None)
    return {}


@service.operation("ListPipelines")
def list_pipelines(call: Call) -> dict[str, Any]:
    params = checked(call)
    found = [
        {
            "name": one.name,
            "version": one.version,
            "pipelineType": one.declaration["pipelineType"],
            "executionMode": one.mode,
            "created": one.created,
            "updated": one.updated,
        }
        for one in sorted(call.store.pipelines.values(), key=lambda one: one.name)
    ]
    some, token = page(found, params.get("nextToken"), params.get("maxResults", PAGE))
    return {"pipelines": some, **token}


# Transitions --------------------------------------------------------------------------------------------


@service.operation("DisableStageTransition")
def disable_stage_transition(call: Call) -> dict[str, Any]:
    _set_transition(call, enabled=False)
    return {}


@service.operation("EnableStageTransition")
def enable_stage_transition(call: Call) -> dict[str, Any]:
    settle(call.world, _set_transition(call, enabled=True))
    return {}


def _set_transition(call: Call, enabled: bool) -> Pipeline:
    params = checked(call)
    pipeline = find(call, params["pipelineName"])
    names = [stage["name"] for stage in pipeline.declaration["stages"]]
    place = names.index(find_stage(pipeline, params["stageName"])["name"])
    if params["transitionType"] == "Outbound":
        place += 1
        if place == len(names):
            raise AwsError("ValidationException", f"Stage '{names[-1]}' has no outbound transition")
    with call.world.lock:
        transition = pipeline.transition(names[place])
        transition.enabled = enabled
        transition.reason = None if enabled else params["reason"]
        transition.changed_by, transition.changed_at = call.principal.arn, now()
    return pipeline


# Tags ---------------------------------------------------------------------------------------------------


@service.operation("TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    params = checked(call)
    pipeline = _by_arn(call)
    pipeline.tags = _merged(pipeline.tags, params["tags"])
    return {}


@service.operation("UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    params = checked(call)
    pipeline = _by_arn(call)
    gone = set(params["tagKeys"])
    pipeline.tags = {key: value for key, value in pipeline.tags.items() if key not in gone}
    return {}


@service.operation("ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    params = checked(call)
    tags = [{"key": key, "value": value} for key, value in sorted(_by_arn(call).tags.items())]
    some, token = page(tags, params.get("nextToken"), params.get("maxResults", 100))
    return {"tags": some, **token}


def _by_arn(call: Call) -> Pipeline:
    arn = call.params["resourceArn"]
    for pipeline in call.store.pipelines.values():
        if pipeline.arn == arn:
            return pipeline
    raise AwsError("ResourceNotFoundException", f"The resource {arn} does not exist")


def _merged(tags: dict[str, str], more: list[dict[str, str]]) -> dict[str, str]:
    merged = tags | {tag["key"]: tag["value"] for tag in more}
    if any(tag["key"].lower().startswith("aws:") for tag in more):
        raise AwsError("InvalidTagsException", "Tag keys beginning with aws: are reserved")
    if len(merged) > MAX_TAGS:
        raise AwsError("TooManyTagsException", f"A resource can have {MAX_TAGS} tags at most")
    return merged
