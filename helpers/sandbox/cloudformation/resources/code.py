"""AWS::CodeCommit, AWS::CodeBuild and AWS::CodePipeline: the development workflow."""

from __future__ import annotations

from botocore.exceptions import ClientError

from ..errors import ResourceFailed
from .api import ApiType, Aspect, Op, Step, Tags, path
from .request import ResourceRequest, handler_message


def _create_repository(request: ResourceRequest) -> None:
    """Make the repository and fill it from the ZIP that `Code` names; without one it stays empty."""
    told = Op("CreateRepository").parameters(request, REPOSITORY)
    made = request.call("codecommit", "CreateRepository", **told)["repositoryMetadata"]
    request.physical_id = made["repositoryId"]
    if "Code" in request.properties:
        try:
            _seed(request)
        except ResourceFailed:
            request.call("codecommit", "DeleteRepository", repositoryName=made["repositoryName"])
            request.physical_id = None
            raise


def _seed(request: ResourceRequest) -> None:
    from ...codecommit import seed_from_zip
    from ...service import AwsError

    code = request.properties["Code"]
    place = code["S3"]
    where = {"Bucket": place["Bucket"], "Key": place["Key"], "VersionId": place.get("ObjectVersion")}
    try:
        content = request.attempt("s3", "GetObject", **where)["Body"].read()
    except ClientError as error:
        raise ResourceFailed(request.worded("s3", error)) from error
    try:
        seed_from_zip(
            request.world,
            request.region,
            request.properties["RepositoryName"],
            content,
            code.get("BranchName", "main"),
        )
    except AwsError as error:
        raise ResourceFailed(handler_message(error.message, "InvalidRequest")) from error


def _metadata(key: str) -> Step:
    """An attribute that the repository itself knows."""

    def get(request: ResourceRequest) -> str:
        name = request.properties["RepositoryName"]
        return request.call("codecommit", "GetRepository", repositoryName=name)["repositoryMetadata"][key]

    return get


def _rename(request: ResourceRequest) -> None:
    old, new = request.previous["RepositoryName"], request.properties["RepositoryName"]
    request.call("codecommit", "UpdateRepositoryName", oldName=old, newName=new)


def _description(request: ResourceRequest) -> None:
    request.call(
        "codecommit",
        "UpdateRepositoryDescription",
        repositoryName=request.properties["RepositoryName"],
        repositoryDescription=request.properties.get("RepositoryDescription", ""),
    )


def _find_repository(request: ResourceRequest) -> str | None:
    me = {"repositoryName": request.properties["RepositoryName"]}
    if not request.exists("codecommit", "GetRepository", **me):
        return None
    return request.call("codecommit", "GetRepository", **me)["repositoryMetadata"]["repositoryId"]


REPOSITORY = ApiType(
    "AWS::CodeCommit::Repository",
    "codecommit",
    create=_create_repository,
    delete=Op("DeleteRepository", {"repositoryName": lambda request: request.properties["RepositoryName"]}),
    attributes={
        "Arn": _metadata("Arn"),
        "CloneUrlHttp": _metadata("cloneUrlHttp"),
        "CloneUrlSsh": _metadata("cloneUrlSsh"),
        "Name": lambda request: request.properties["RepositoryName"],
        "RepositoryId": "{id}",
    },
    aspects=(
        Aspect.of("RepositoryName", _rename),
        Aspect.of("RepositoryDescription", _description, _description),
        Aspect.of(
            "Triggers",
            Op("PutRepositoryTriggers"),
            Op("PutRepositoryTriggers", {"triggers": []}),
        ),
    ),
    handled=frozenset({"RepositoryName", "RepositoryDescription", "KmsKeyId", "Tags", "Code"}),
    without_effect=frozenset({"Code"}),  # counts once, when the repository is made
    tags=Tags("TagResource", "UntagResource", "Arn"),
    find=_find_repository,
)


def _project_there(request: ResourceRequest) -> bool:
    return bool(request.call("codebuild", "BatchGetProjects", names=[request.identifier])["projects"])


PROJECT = ApiType(
    "AWS::CodeBuild::Project",
    "codebuild",
    create=Op("CreateProject"),
    update=Op("UpdateProject"),
    delete=Op("DeleteProject"),
    name="Name",
    name_limit=255,
    exists=_project_there,
    answer={"Arn": path("project", "arn")},
    attributes={"Id": "{id}"},
)


def _transitions(request: ResourceRequest) -> None:
    old, new = (
        {entry["StageName"]: entry["Reason"] for entry in state.get("DisableInboundStageTransitions", [])}
        for state in (request.previous, request.properties)
    )
    me = {"pipelineName": request.physical_id, "transitionType": "Inbound"}
    for stage in old.keys() - new.keys():
        request.call("codepipeline", "EnableStageTransition", stageName=stage, **me)
    for stage, reason in new.items():
        request.call("codepipeline", "DisableStageTransition", stageName=stage, reason=reason, **me)


def _version(request: ResourceRequest) -> str:
    pipeline = request.call("codepipeline", "GetPipeline", name=request.physical_id)["pipeline"]
    return str(pipeline["version"])


def _restart(request: ResourceRequest) -> None:
    request.call(
        "codepipeline",
        "UpdatePipeline",
        **Op("UpdatePipeline", wrap="pipeline").parameters(request, PIPELINE),
    )
    if request.properties.get("RestartExecutionOnUpdate"):
        request.call("codepipeline", "StartPipelineExecution", name=request.physical_id)


PIPELINE = ApiType(
    "AWS::CodePipeline::Pipeline",
    "codepipeline",
    create=Op("CreatePipeline", wrap="pipeline"),
    update=_restart,
    delete=Op("DeletePipeline"),
    name="Name",
    name_limit=100,
    exists=Op("GetPipeline"),
    attributes={
        "Version": _version,
        "Arn": "arn:{partition}:codepipeline:{region}:{account}:{id}",
    },
    aspects=(Aspect.of("DisableInboundStageTransitions", _transitions, _transitions),),
    without_effect=frozenset({"RestartExecutionOnUpdate"}),
    tags=Tags("TagResource", "UntagResource", "Arn"),
)

TYPES = (REPOSITORY, PROJECT, PIPELINE)
