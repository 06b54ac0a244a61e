"""The build or the pipeline fails.

What AWS shows for each of them, and where that was found, stands in documented.yaml.
"""

from __future__ import annotations

import pytest

from helpers import (
    BuildFailed,
    PipelineFailed,
    commit,
    follow_build,
    follow_pipeline,
    read_file,
    retry,
    start_build,
    start_pipeline,
    why,
)
from helpers.stacks import exported_value

KEEP = "- Sid: KeepArtifacts\n                Effect: Allow\n                Action: "
PIPELINE_MAY_NOT_WRITE = (
    f"{KEEP}[s3:GetObject, s3:GetObjectVersion, s3:PutObject]",
    f"{KEEP}[s3:GetObject, s3:GetObjectVersion]",
)
NOT_PRIVILEGED = ("PrivilegedMode: true", "PrivilegedMode: false")


def failed_build(session):
    build = start_build(session)
    with pytest.raises(BuildFailed) as caught:
        follow_build(session, build, poll_seconds=0.1)
    return build, caught.value


def context(session, build):
    """Status, code and message of the phase that failed, and the build's log."""
    raw = session.client("codebuild").batch_get_builds(ids=[build.id])["builds"][0]
    failed = next(phase for phase in raw["phases"] if phase.get("phaseStatus") == "FAILED")
    return raw["buildStatus"], failed["contexts"][0]["statusCode"], failed["contexts"][0]["message"]


def test_a_build_without_privileged_mode(line, causes, documented):
    with line.broken("build", NOT_PRIVILEGED):
        build, error = failed_build(line.session)
        status, code, _ = context(line.session, build)
        documented("build without privileged mode", "\n".join(error.log), status, code)
        found = causes(why(line.session, build), "the build runs without privileged mode")
        assert found.where.startswith("cfn/build.yaml:") and "PrivilegedMode" in found.where
    build = follow_build(line.session, start_build(line.session), poll_seconds=0.1)
    assert why(line.session, build).healthy


def test_the_buildspec_is_missing(line, causes, documented):
    session, codecommit = line.session, line.client("codecommit")
    name, text = exported_value(session, "CodeRepositoryName"), read_file(session, "buildspec.yml")
    tip = codecommit.get_branch(repositoryName=name, branchName="main")["branch"]["commitId"]
    gone = codecommit.delete_file(
        repositoryName=name, branchName="main", filePath="buildspec.yml", parentCommitId=tip
    )
    build, error = failed_build(session)
    assert error.phase == "DOWNLOAD_SOURCE"
    status, code, message = context(session, build)
    documented("buildspec missing", message, status, code)
    causes(why(session, build), "the buildspec is missing")
    assert gone["commitId"] != tip
    mended = commit(session, "buildspec.yml", text, "Put the buildspec back")
    assert follow_pipeline(session, mended, poll_seconds=0.1).status == "Succeeded"
    assert why(session, "pipeline").healthy


def test_the_project_names_another_buildspec(line, causes):
    """The file that is missing is the one that the project names, not buildspec.yml."""
    with line.broken(
        "build", ("GitCloneDepth: 1\n", "GitCloneDepth: 1\n          BuildSpec: ci/build.yml\n")
    ):
        build, error = failed_build(line.session)
        assert "/ci/build.yml: no such file or directory" in str(error)
        found = causes(why(line.session, build), "the project's BuildSpec names ci/build.yml")
        assert "buildspec.yml in its root" not in str(found) and found.where.startswith("cfn/build.yaml:")
    assert why(line.session, follow_build(line.session, start_build(line.session), poll_seconds=0.1)).healthy


def test_the_pipeline_cannot_write_artifacts(line, causes, documented):
    with line.broken("roles", PIPELINE_MAY_NOT_WRITE):
        with pytest.raises(PipelineFailed):
            follow_pipeline(line.session, start_pipeline(line.session), poll_seconds=0.1)
        name = exported_value(line.session, "PipelineName")
        stages = line.client("codepipeline").get_pipeline_state(name=name)["stageStates"]
        seen = stages[0]["actionStates"][0]["latestExecution"]
        documented("pipeline role cannot write artifacts", seen["errorDetails"]["message"], seen["status"])
        found = causes(why(line.session), "the role CodePipelineRole may not s3:PutObject on")
        assert found.where.startswith("cfn/roles.yaml:") and "Sid: KeepArtifacts" in found.where
    assert retry(line.session).status == "Succeeded"
    assert why(line.session).healthy


def test_two_at_once_the_earlier_one_first(line, causes):
    with line.broken("roles", PIPELINE_MAY_NOT_WRITE), line.broken("build", NOT_PRIVILEGED):
        with pytest.raises(PipelineFailed):
            follow_pipeline(line.session, start_pipeline(line.session), poll_seconds=0.1)
        causes(why(line.session), "CodePipelineRole may not s3:PutObject", "without privileged mode")
    assert retry(line.session).status == "Succeeded"
