"""Build projects: made, changed, listed and deleted, and checked as CodeBuild checks them."""

from __future__ import annotations

import copy
import re
from typing import Any

from moto.utilities.utils import get_partition

from ..service import AwsError, Call
from ..world import World
from .store import arn, invalid, now, project, service

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,149}")
VARIABLE = re.compile(r"[^\s=]+")
ENUMS = {
    ("source", "type"): (
        "CODECOMMIT CODEPIPELINE GITHUB GITLAB GITLAB_SELF_MANAGED S3 BITBUCKET GITHUB_ENTERPRISE NO_SOURCE"
    ),
    ("artifacts", "type"): "CODEPIPELINE S3 NO_ARTIFACTS",
    ("artifacts", "packaging"): "NONE ZIP",
    ("artifacts", "namespaceType"): "NONE BUILD_ID",
    ("environment", "type"): (
        "WINDOWS_CONTAINER LINUX_CONTAINER LINUX_GPU_CONTAINER ARM_CONTAINER WINDOWS_SERVER_2019_CONTAINER "
        "WINDOWS_SERVER_2022_CONTAINER LINUX_LAMBDA_CONTAINER ARM_LAMBDA_CONTAINER LINUX_EC2 ARM_EC2 "
        "WINDOWS_EC2 MAC_ARM"
    ),
    ("environment", "computeType"): (
        "BUILD_GENERAL1_SMALL BUILD_GENERAL1_MEDIUM BUILD_GENERAL1_LARGE BUILD_GENERAL1_XLARGE "
        "BUILD_GENERAL1_2XLARGE BUILD_LAMBDA_1GB BUILD_LAMBDA_2GB BUILD_LAMBDA_4GB BUILD_LAMBDA_8GB "
        "BUILD_LAMBDA_10GB ATTRIBUTE_BASED_COMPUTE CUSTOM_INSTANCE_TYPE"
    ),
}
FIXED = ("name", "badgeEnabled")
"""What a request for a project holds beside the properties of the project."""


@service.operation("CreateProject")
def create_project(call: Call) -> dict[str, Any]:
    name = call.params["name"]
    if not NAME.fullmatch(name):
        raise invalid(
            "Invalid project name: it must be 2 to 150 letters, digits, dashes and underscores, and begin "
            f"with a letter or digit: {name}"
        )
    address = arn(call.world, call.region, "project", name)
    if name in call.store.projects:
        raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {address}")
    found = {
        "name": name,
        "arn": address,
        "timeoutInMinutes": 60,
        "queuedTimeoutInMinutes": 480,
        "encryptionKey": _default_key(call.world, call.region),
        "cache": {"type": "NO_CACHE"},
        "secondarySources": [],
        "secondaryArtifacts": [],
        "tags": [],
        "created": now(),
        "badge": {"badgeEnabled": bool(call.params.get("badgeEnabled"))},
        "projectVisibility": "PRIVATE",
        **_given(call.params),
    }
    call.store.projects[name] = _checked(call.world, call.region, found)
    return {"project": copy.deepcopy(found)}


@service.operation("UpdateProject")
def update_project(call: Call) -> dict[str, Any]:
    found = project(call.world, call.region, call.params["name"])
    changed = _checked(call.world, call.region, {**found, **_given(call.params)})
    call.store.projects[found["name"]] = changed
    return {"project": copy.deepcopy(changed)}


@service.operation("DeleteProject")
def delete_project(call: Call) -> dict[str, Any]:
    """Deleting what does not exist is no error. The builds of the project go with it."""
    name = call.params["name"].rpartition(":project/")[2]
    if call.store.projects.pop(name, None):
        for build_id in [key for key, build in call.store.builds.items() if build["projectName"] == name]:
            if call.store.builds[build_id]["buildStatus"] != "IN_PROGRESS":
                del call.store.builds[build_id], call.store.requests[build_id]
        call.store.numbers.pop(name, None)
    return {}


@service.operation("BatchGetProjects")
def batch_get_projects(call: Call) -> dict[str, Any]:
    names = call.params["names"]
    known = [call.store.projects.get(name.rpartition(":project/")[2]) for name in names]
    return {
        "projects": copy.deepcopy([found for found in known if found]),
        "projectsNotFound": [name for name, found in zip(names, known, strict=True) if not found],
    }


@service.operation("ListProjects")
def list_projects(call: Call) -> dict[str, Any]:
    key = {"CREATED_TIME": "created", "LAST_MODIFIED_TIME": "lastModified"}.get(
        call.params.get("sortBy"), "name"
    )
    found = sorted(call.store.projects.values(), key=lambda entry: entry[key])
    if call.params.get("sortOrder") == "DESCENDING":
        found.reverse()
    return {"projects": [entry["name"] for entry in found]}


def _given(params: dict[str, Any]) -> dict[str, Any]:
    return {key: copy.deepcopy(params[key]) for key in params if key not in FIXED}


def _default_key(world: World, region: str) -> str:
    return f"arn:{get_partition(region)}:kms:{region}:{world.account}:alias/aws/s3"


def _checked(world: World, region: str, found: dict[str, Any]) -> dict[str, Any]:
    """The project with CodeBuild's defaults filled in. Raises AwsError InvalidInputException."""
    found["lastModified"] = now()
    environment, logs = found["environment"], found.setdefault("logsConfig", {})
    environment.setdefault("privilegedMode", False)
    environment.setdefault("environmentVariables", [])
    environment.setdefault("imagePullCredentialsType", "CODEBUILD")
    logs.setdefault("cloudWatchLogs", {"status": "ENABLED"})
    logs.setdefault("s3Logs", {"status": "DISABLED", "encryptionDisabled": False})
    for (part, key), allowed in ENUMS.items():
        check_enum(f"{part}.{key}", found[part].get(key), allowed)
    check_source(found["source"])
    check_identifiers(found)
    check_artifacts(found["artifacts"], found["source"])
    check_variables(environment["environmentVariables"])
    check_timeout(found["timeoutInMinutes"])
    if not found.get("serviceRole"):
        raise invalid("Invalid service role: a project needs a service role")
    check_role(world, found["serviceRole"], found["arn"])
    return found


def check_enum(name: str, value: str | None, allowed: str) -> None:
    """Raises AwsError for a value that the API does not know."""
    if value is not None and value not in allowed.split():
        raise invalid(
            f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(allowed.split())}]"
        )


def check_source(source: dict[str, Any]) -> None:
    kind, location = source["type"], source.get("location") or ""
    if kind == "S3" and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{2,62}/.+", location):
        raise invalid("Invalid project source: location must be a valid S3 source")
    if kind == "CODECOMMIT" and not re.search(r"/v1/repos/[\w.-]+/?$", location):
        raise invalid("Invalid project source: location must be a valid CodeCommit repository URL")
    if kind in ("CODEPIPELINE", "NO_SOURCE") and location:
        raise invalid(f"Invalid project source: location must not be specified for source type {kind}")
    if kind == "NO_SOURCE" and not source.get("buildspec"):
        raise invalid("Invalid project source: a buildspec must be specified for source type NO_SOURCE")


def check_identifiers(found: dict[str, Any]) -> None:
    """The names of secondary sources and artifacts stand in variables and folders."""
    parts = [("secondarySources", "sourceIdentifier"), ("secondaryArtifacts", "artifactIdentifier")]
    for name in [entry.get(key) or "" for part, key in parts for entry in found.get(part) or []]:
        if not re.fullmatch(r"\w{1,127}", name, re.ASCII):
            raise invalid(
                "Invalid input: identifier must contain only alphanumeric characters and underscores and be "
                "less than 128 characters in length"
            )


def check_artifacts(artifacts: dict[str, Any], source: dict[str, Any]) -> None:
    if (artifacts["type"] == "CODEPIPELINE") != (source["type"] == "CODEPIPELINE"):
        raise invalid(
            "Invalid artifacts: artifacts type must be CODEPIPELINE if and only if the source type is "
            "CODEPIPELINE"
        )
    if artifacts["type"] == "S3" and not artifacts.get("location"):
        raise invalid("Invalid artifacts: location must be specified for artifacts type S3")


def check_variables(variables: list[dict[str, Any]]) -> None:
    names = [variable["name"] for variable in variables]
    for name in names:
        if not VARIABLE.fullmatch(name):
            raise invalid(f"Invalid environment variable name: {name}")
        if names.count(name) > 1:
            raise invalid(f"Invalid environment variables: duplicate name {name}")
    for variable in variables:
        check_enum("type", variable.get("type"), "PLAINTEXT PARAMETER_STORE SECRETS_MANAGER")


def check_timeout(minutes: int) -> None:
    if not 5 <= minutes <= 2160:
        raise invalid(f"Invalid timeout: {minutes} is not between 5 and 2160 minutes")


def check_role(world: World, role: str, project_arn: str) -> None:
    """CodeBuild tries whether it may assume the role when a project is made or changed."""
    try:
        world.credentials(role, "AWSCodeBuild", "codebuild.amazonaws.com", 900, source_arn=project_arn)
    except AwsError as error:
        raise invalid(f"CodeBuild is not authorized to perform: sts:AssumeRole on {role}") from error
