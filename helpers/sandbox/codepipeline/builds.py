"""Build and test actions: a CodeBuild build on the artifact of an earlier action."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from .work import ActionFailed, Job, Outcome

FIRST_LOOK, LONGEST_LOOK = 0.1, 1.0  # seconds between two questions how the build is going


def build(job: Job) -> Outcome:
    """Start the build and wait for it. The pipeline decides about source and artifacts, not the project."""
    codebuild = job.role.client("codebuild")
    try:
        started = codebuild.start_build(**request(job))["build"]
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        raise ActionFailed(
            "JobFailed",
            f"Error calling startBuild: {message} (Service: AWSCodeBuild; Status Code: 400; Error Code: "
            f"{code})",
        ) from error
    region = job.role.region
    url = f"https://console.aws.amazon.com/codebuild/home?region={region}#/builds/{started['id']}/view/new"
    job.progress(started["id"], url)
    ended = _wait(job, codebuild, started["id"])
    if ended["buildStatus"] != "SUCCEEDED":
        raise ActionFailed("JobFailed", explain(ended))
    exported = ended.get("exportedEnvironmentVariables", [])
    return Outcome(variables={one["name"]: one["value"] for one in exported})


def _wait(job: Job, codebuild: Any, build_id: str) -> dict[str, Any]:
    pause = FIRST_LOOK
    while job.wanted and not job.world.stopping.wait(pause):
        found = codebuild.batch_get_builds(ids=[build_id])["builds"]
        if not found:
            raise ActionFailed("JobFailed", f"The build {build_id} does not exist any more")
        if found[0]["buildComplete"]:
            return found[0]
        pause = min(pause * 1.5, LONGEST_LOOK)
    raise ActionFailed("JobFailed", "Nobody waits for this build any more")


def explain(ended: dict[str, Any]) -> str:
    """Why a build failed, as CodePipeline says it: the first phase that failed, its code and message."""
    text = f"Build terminated with state: {ended['buildStatus']}"
    for phase in ended.get("phases", []):
        if phase.get("phaseStatus", "SUCCEEDED") not in ("SUCCEEDED", "QUEUED"):
            for context in phase.get("contexts", [])[:1]:
                code, message = context.get("statusCode", ""), context.get("message", "")
                return f"{text}. Phase: {phase['phaseType']}, Code: {code}, Message: {message}"[:5000]
    return text


def request(job: Job) -> dict[str, Any]:
    """The parameters of StartBuild.

    On AWS the source and the artifacts of such a build are of the type CODEPIPELINE, and how they reach
    CodeBuild is not public; here they are named as what they are, objects in S3. By CODEBUILD_INITIATOR
    CodeBuild knows that a pipeline asks, by CODEBUILD_RESOLVED_SOURCE_VERSION which commit it hands over.
    """
    inputs = {one["name"]: one["s3location"] for one in job.run.inputs}
    primary = job.configuration.get("PrimarySource", next(iter(inputs)))
    told = {
        "CODEBUILD_INITIATOR": f"codepipeline/{job.pipeline.name}",
        "CODEBUILD_RESOLVED_SOURCE_VERSION": _revision(job, primary),
    }
    variables = [{"name": name, "value": value} for name, value in told.items() if value]
    variables += json.loads(job.configuration.get("EnvironmentVariables", "[]"))
    optional = {
        "buildspecOverride": job.configuration.get("BuildspecOverride"),
        "secondarySourcesOverride": [
            {"type": "S3", "location": _address(place), "sourceIdentifier": name}
            for name, place in inputs.items()
            if name != primary
        ],
    }
    return {
        "projectName": job.configuration["ProjectName"],
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": _address(inputs[primary]),
        "environmentVariablesOverride": [{"type": "PLAINTEXT", "value": "", **one} for one in variables],
        "idempotencyToken": job.run.id,
        **{key: value for key, value in optional.items() if value},
        **_artifacts(job),
    }


def _address(place: dict[str, str]) -> str:
    return f"{place['bucket']}/{place['key']}"


def _artifacts(job: Job) -> dict[str, Any]:
    outputs = [(one["name"], _artifact(one["s3location"])) for one in job.run.outputs]
    if not outputs:
        return {"artifactsOverride": {"type": "NO_ARTIFACTS"}}
    if len(outputs) == 1:
        return {"artifactsOverride": outputs[0][1]}
    named = [{**artifact, "artifactIdentifier": name} for name, artifact in outputs]
    return {"artifactsOverride": {"type": "NO_ARTIFACTS"}, "secondaryArtifactsOverride": named}


def _artifact(place: dict[str, str]) -> dict[str, Any]:
    path, _, name = place["key"].rpartition("/")
    return {
        "type": "S3",
        "location": place["bucket"],
        "path": path,
        "name": name,
        "namespaceType": "NONE",
        "packaging": "ZIP",
        "overrideArtifactName": False,
    }


def _revision(job: Job, artifact: str) -> str | None:
    """The commit or version that an artifact was fetched from, if a source fetched it."""
    for revision in job.execution.revisions:
        if revision["name"] == artifact:
            return revision["revisionId"]
    return None
