"""Builds: started with a project's settings or others in their place, stopped, listed, described."""

from __future__ import annotations

import copy
import shutil
import uuid
from typing import Any

from moto.utilities.utils import get_partition

from ..principals import Principal
from ..service import Call
from ..world import World
from . import projects, role
from .record import Record
from .store import arn, build, invalid, now, project, service
from .worker import FOLDER, Worker

LOST = "The sandbox ended while this build ran. Start it again."
OVERRIDES = {  # what StartBuild may set in place of the project's: where it stands in a build
    "sourceTypeOverride": ("source", "type"),
    "sourceLocationOverride": ("source", "location"),
    "buildspecOverride": ("source", "buildspec"),
    "secondarySourcesOverride": ("secondarySources",),
    "secondarySourcesVersionOverride": ("secondarySourceVersions",),
    "gitCloneDepthOverride": ("source", "gitCloneDepth"),
    "gitSubmodulesConfigOverride": ("source", "gitSubmodulesConfig"),
    "environmentTypeOverride": ("environment", "type"),
    "imageOverride": ("environment", "image"),
    "computeTypeOverride": ("environment", "computeType"),
    "privilegedModeOverride": ("environment", "privilegedMode"),
    "imagePullCredentialsTypeOverride": ("environment", "imagePullCredentialsType"),
    "artifactsOverride": ("artifacts",),
    "secondaryArtifactsOverride": ("secondaryArtifacts",),
    "cacheOverride": ("cache",),
    "logsConfigOverride": ("logsConfig",),
    "serviceRoleOverride": ("serviceRole",),
    "encryptionKeyOverride": ("encryptionKey",),
    "timeoutInMinutesOverride": ("timeoutInMinutes",),
    "queuedTimeoutInMinutesOverride": ("queuedTimeoutInMinutes",),
}

_running: dict[str, Worker] = {}


@service.on_start
def start(world: World) -> None:
    """Serve credentials to builds, and fail what was in progress when the sandbox ended."""
    world.serve_path(role.PATH, role.serve)
    shutil.rmtree(world.home / FOLDER, ignore_errors=True)
    for region, store in world.stores("codebuild").items():
        for found in store.builds.values():
            if found["buildStatus"] == "IN_PROGRESS":
                _lose(world, region, found)


def _lose(world: World, region: str, found: dict[str, Any]) -> None:
    for entry in found["phases"]:
        if entry.get("phaseStatus") == "IN_PROGRESS":
            entry |= {"phaseStatus": "FAILED", "endTime": now(), "durationInSeconds": 0}
            entry["contexts"] = [{"statusCode": "INTERNAL_SERVICE_ERROR", "message": LOST}]
    Record(world, region, found).complete("FAILED")


@service.operation("StartBuild")
def start_build(call: Call) -> dict[str, Any]:
    return {"build": begin(call.world, call.region, call.params, call.principal)}


def begin(world: World, region: str, params: dict[str, Any], principal: Principal) -> dict[str, Any]:
    """Start a build as StartBuild does; the build as it was before its first phase. Raises AwsError."""
    store = world.store("codebuild", region)
    settings = copy.deepcopy(project(world, region, params["projectName"]))
    with world.lock:
        token = params.get("idempotencyToken")
        if token and store.tokens.get(token) in store.builds:
            known = store.tokens[token]
            if store.requests[known] != params:
                raise invalid(f"Request parameter mismatch for idempotency token {token}")
            return copy.deepcopy(store.builds[known])
        _override(settings, params)
        _check(settings, params)
        found = _build(world, region, store, settings, params, principal)
        store.builds[found["id"]] = found
        store.requests[found["id"]] = copy.deepcopy(params)
        if token:
            store.tokens[token] = found["id"]
        submitted = copy.deepcopy(found)
    worker = _running[found["id"]] = Worker(world, region, found, settings)
    world.spawn(f"build {found['id']}", _run, worker)
    return submitted


def _run(worker: Worker) -> None:
    try:
        worker.run()
    finally:
        _running.pop(worker.build["id"], None)


def _override(settings: dict[str, Any], params: dict[str, Any]) -> None:
    """Put what the request says in place of the project's settings."""
    for name, path in OVERRIDES.items():
        if name in params:
            *above, last = path
            (settings[above[0]] if above else settings)[last] = copy.deepcopy(params[name])
    if "sourceTypeOverride" in params and "sourceLocationOverride" not in params:
        settings["source"].pop("location", None)
    if "sourceVersion" in params or "sourceTypeOverride" in params:
        settings["sourceVersion"] = params.get("sourceVersion")
    variables = {variable["name"]: variable for variable in settings["environment"]["environmentVariables"]}
    for variable in params.get("environmentVariablesOverride", []):
        variables[variable["name"]] = dict(variable)
    settings["environment"]["environmentVariables"] = list(variables.values())


def _check(settings: dict[str, Any], params: dict[str, Any]) -> None:
    """Refuse overrides as the project's own settings would be refused. Raises AwsError."""
    if settings["source"]["type"] == "CODEPIPELINE":
        raise invalid(
            "Cannot start a build of a project with source type CODEPIPELINE: its pipeline starts it"
        )
    for (part, key), allowed in projects.ENUMS.items():
        projects.check_enum(f"{part}.{key}", settings[part].get(key), allowed)
    projects.check_source(settings["source"])
    projects.check_identifiers(settings)
    projects.check_variables(settings["environment"]["environmentVariables"])
    projects.check_timeout(settings["timeoutInMinutes"])


def _build(
    world: World,
    region: str,
    store: Any,
    settings: dict[str, Any],
    params: dict[str, Any],
    principal: Principal,
) -> dict[str, Any]:
    name = settings["name"]
    identity = f"{name}:{uuid.uuid4()}"
    store.numbers[name] = store.numbers.get(name, 0) + 1
    handed_over = _handed_over(settings)
    found = {
        "id": identity,
        "arn": arn(world, region, "build", identity),
        "buildNumber": store.numbers[name],
        "startTime": now(),
        "currentPhase": "SUBMITTED",
        "buildStatus": "IN_PROGRESS",
        "projectName": name,
        "phases": [],
        "source": settings["source"],
        "secondarySources": settings.get("secondarySources") or [],
        "artifacts": _artifacts(settings["artifacts"]),
        "secondaryArtifacts": [_artifacts(entry) for entry in settings.get("secondaryArtifacts") or []],
        "cache": settings.get("cache") or {"type": "NO_CACHE"},
        "environment": settings["environment"],
        "serviceRole": settings["serviceRole"],
        "logs": _logs(world, region, settings, identity),
        "timeoutInMinutes": settings["timeoutInMinutes"],
        "queuedTimeoutInMinutes": settings["queuedTimeoutInMinutes"],
        "buildComplete": False,
        "initiator": handed_over.get("CODEBUILD_INITIATOR") or _initiator(principal),
        "encryptionKey": settings["encryptionKey"],
        "exportedEnvironmentVariables": [],
    }
    if settings.get("sourceVersion"):
        found["sourceVersion"] = settings["sourceVersion"]
    if handed_over:
        location = settings["source"]["location"]
        settings["source"] = {"type": "CODEPIPELINE", "location": location}
        found["source"] = {key: value for key, value in found["source"].items() if key != "location"}
        found["source"]["type"] = "CODEPIPELINE"
        found["sourceVersion"] = f"arn:{get_partition(region)}:s3:::{location}"
        if revision := handed_over.get("CODEBUILD_RESOLVED_SOURCE_VERSION"):
            found["resolvedSourceVersion"] = revision
    return found


def _handed_over(settings: dict[str, Any]) -> dict[str, str]:
    """What a pipeline says of itself and of the commit in its ZIP; empty for other builds."""
    environment = settings["environment"]
    plain = {variable["name"]: variable["value"] for variable in environment["environmentVariables"]}
    if not plain.get("CODEBUILD_INITIATOR", "").startswith("codepipeline/"):
        return {}
    names = ("CODEBUILD_INITIATOR", "CODEBUILD_RESOLVED_SOURCE_VERSION")
    environment["environmentVariables"] = [
        variable for variable in environment["environmentVariables"] if variable["name"] not in names
    ]
    return {name: plain[name] for name in names if plain.get(name)}


def _initiator(principal: Principal) -> str:
    """Who started the build, as CodeBuild names it: a user, or a role's session."""
    if principal.kind == "role":
        return f"{(principal.role_arn or '').rpartition('/')[2]}/{principal.session_name}"
    return principal.service or principal.arn.rpartition("/")[2]


def _artifacts(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


def _logs(world: World, region: str, settings: dict[str, Any], identity: str) -> dict[str, Any]:
    config = settings["logsConfig"]
    cloudwatch = config.get("cloudWatchLogs") or {"status": "ENABLED"}
    found: dict[str, Any] = {
        "cloudWatchLogs": cloudwatch,
        "s3Logs": config.get("s3Logs") or {"status": "DISABLED"},
    }
    if cloudwatch["status"] == "ENABLED":
        group = cloudwatch.get("groupName") or f"/aws/codebuild/{settings['name']}"
        build_uuid = identity.rpartition(":")[2]
        stream = "/".join(filter(None, [cloudwatch.get("streamName"), build_uuid]))
        address = arn(world, region, "", "").replace(":codebuild:", ":logs:").removesuffix(":/")
        found |= {
            "groupName": group,
            "streamName": stream,
            "deepLink": f"https://console.aws.amazon.com/cloudwatch/home?region={region}#logsV2:log-groups/log-group/"
            f"{group.replace('/', '$252F')}/log-events/{stream.replace('/', '$252F')}",
            "cloudWatchLogsArn": f"{address}:log-group:{group}:log-stream:{stream}",
        }
    return found


@service.operation("StopBuild")
def stop_build(call: Call) -> dict[str, Any]:
    """A build that is over already is returned as it is."""
    found = build(call.world, call.region, call.params["id"])
    worker = _running.get(found["id"])
    if worker:
        worker.stop()
    return {"build": copy.deepcopy(found)}


@service.operation("RetryBuild")
def retry_build(call: Call) -> dict[str, Any]:
    found = build(call.world, call.region, call.params.get("id", ""))
    params = {**call.store.requests[found["id"]], "idempotencyToken": call.params.get("idempotencyToken")}
    return {"build": copy.deepcopy(begin(call.world, call.region, params, call.principal))}


@service.operation("BatchGetBuilds")
def batch_get_builds(call: Call) -> dict[str, Any]:
    ids = call.params["ids"]
    with call.world.lock:
        known = [copy.deepcopy(call.store.builds.get(name.rpartition(":build/")[2])) for name in ids]
    return {
        "builds": [found for found in known if found],
        "buildsNotFound": [name for name, found in zip(ids, known, strict=True) if not found],
    }


@service.operation("BatchDeleteBuilds")
def batch_delete_builds(call: Call) -> dict[str, Any]:
    deleted, kept = [], []
    for name in call.params["ids"]:
        identity = name.rpartition(":build/")[2]
        found = call.store.builds.get(identity)
        if found and found["buildComplete"]:
            del call.store.builds[identity], call.store.requests[identity]
            deleted.append(found["arn"])
        else:
            kept.append({"id": name, "statusCode": "BUILD_IN_PROGRESS" if found else "BUILD_NOT_FOUND"})
    return {"buildsDeleted": deleted, "buildsNotDeleted": kept}


@service.operation("ListBuilds")
def list_builds(call: Call) -> dict[str, Any]:
    return _page(call, list(call.store.builds))


@service.operation("ListBuildsForProject")
def list_builds_for_project(call: Call) -> dict[str, Any]:
    found = project(call.world, call.region, call.params["projectName"])
    return _page(
        call, [key for key, known in call.store.builds.items() if known["projectName"] == found["name"]]
    )


def _page(call: Call, ids: list[str]) -> dict[str, Any]:
    if call.params.get("sortOrder", "DESCENDING") == "DESCENDING":
        ids.reverse()
    token = str(call.params.get("nextToken", ""))
    begin_at = int(token) if token.isdigit() else 0
    end = begin_at + 100
    return {"ids": ids[begin_at:end], **({"nextToken": str(end)} if end < len(ids) else {})}
