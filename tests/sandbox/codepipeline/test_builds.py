"""Build actions: a real build on what the source fetched.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
"""

from __future__ import annotations

import io
import json
import textwrap
import zipfile

BUILDSPEC = textwrap.dedent(
    """
    version: 0.2
    env:
      exported-variables: [GREETING]
    phases:
      build:
        commands:
          - GREETING="hello $NAME of $DAY"
          - cat app.txt
          - echo "$CODEBUILD_RESOLVED_SOURCE_VERSION by $CODEBUILD_INITIATOR" > image.txt
    artifacts:
      files: [image.txt]
    """
)
FAILING = "version: 0.2\nphases:\n  build:\n    commands:\n      - echo before\n      - exit 3\n"


def stages(line, **configuration):
    output = {"outputArtifacts": [{"name": "BuildOutput"}]}
    return ("Source", [line.source()]), ("Build", [line.build(**configuration) | output])


def test_a_build_gets_the_source_and_gives_artifacts_and_variables(line):
    commit = line.commit({"buildspec.yml": BUILDSPEC, "app.txt": "the app\n"})
    line.make_project()
    variables = [
        {"name": "NAME", "value": "#{SourceVariables.BranchName}"},
        {"name": "DAY", "value": "Monday", "type": "PLAINTEXT"},
    ]
    execution = line.create(*stages(line, EnvironmentVariables=json.dumps(variables)))
    assert line.ended(execution, 60) == "Succeeded", line.action("Build")
    run = next(run for run in line.runs(execution) if run["actionName"] == "Build")
    assert run["output"]["outputVariables"]["GREETING"] == "hello main of Monday"
    place = run["output"]["outputArtifacts"][0]["s3location"]
    content = line.s3.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("image.txt").decode() == f"{commit} by codepipeline/{line.name}\n"
    build_id = run["output"]["executionResult"]["externalExecutionId"]
    [build] = line.client("codebuild").batch_get_builds(ids=[build_id])["builds"]
    assert (build["buildStatus"], build["initiator"]) == ("SUCCEEDED", f"codepipeline/{line.name}")
    assert build_id in run["output"]["executionResult"]["externalExecutionUrl"]


def test_a_build_can_have_two_sources(line):
    spec = "version: 0.2\nphases: {build: {commands: ['cat n \"$CODEBUILD_SRC_DIR_Extra/note.txt\"']}}\n"
    line.commit({"buildspec.yml": spec, "n": "1"})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("note.txt", "from S3")
    line.s3.put_object(Bucket=line.bucket, Key="source.zip", Body=packed.getvalue())
    line.make_project()
    extra = line.s3_source() | {"name": "Extra", "namespace": "ExtraVariables"}
    extra["outputArtifacts"] = [{"name": "Extra"}]
    build = line.build(PrimarySource="SourceOutput")
    build["inputArtifacts"] = [{"name": "Extra"}, {"name": "SourceOutput"}]
    execution = line.create(("Source", [line.source(), extra]), ("Build", [build]))
    assert line.ended(execution, 60) == "Succeeded", line.action("Build")


def test_a_failing_command_fails_the_stage_with_phase_and_command_and_a_fix_is_retried(line):
    line.commit({"buildspec.yml": FAILING})
    line.make_project()
    execution = line.create(("Source", [line.source()]), ("Build", [line.build()]))
    assert line.ended(execution, 60) == "Failed"
    # In the form quoted in public reports of failed pipelines
    assert line.action("Build")["errorDetails"] == {
        "code": "JobFailed",
        "message": "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, "
        "Message: Error while executing command: exit 3. Reason: exit status 3",
    }
    run = line.runs(execution)[0]
    assert run["output"]["executionResult"]["errorDetails"]["code"] == "JobFailed"
    # A retry builds what the execution had fetched, not the newest commit.
    line.commit({"buildspec.yml": BUILDSPEC, "app.txt": "x"})
    line.pipelines.retry_stage_execution(
        pipelineName=line.name,
        stageName="Build",
        pipelineExecutionId=execution,
        retryMode="FAILED_ACTIONS",
    )
    line.until(lambda: len(line.runs(execution)) == 3)
    assert line.ended(execution, 60) == "Failed"
    assert line.ended(line.start(), 60) == "Succeeded", line.action("Build")


def test_a_project_that_does_not_exist_fails_the_action_with_aws_s_words(line):
    line.commit({"buildspec.yml": BUILDSPEC})
    execution = line.create(("Source", [line.source()]), ("Build", [line.build()]))
    assert line.ended(execution) == "Failed"
    account = line.role.split(":")[4]
    # As quoted in https://ncona.com/2020/05/aws-code-pipeline
    assert line.action("Build")["errorDetails"]["message"].startswith(
        f"Error calling startBuild: Project cannot be found: arn:aws:codebuild:us-east-1:{account}:project/"
        f"{line.name} (Service: AWSCodeBuild; Status Code: 400; Error Code: ResourceNotFoundException"
    )


def test_a_role_that_may_not_start_the_build_fails_the_action(line):
    line.commit({"buildspec.yml": BUILDSPEC})
    line.make_project()
    line.allow(line.name, ["codecommit:*", "s3:*"])
    execution = line.create(("Source", [line.source()]), ("Build", [line.build()]))
    assert line.ended(execution) == "Failed"
    message = line.action("Build")["errorDetails"]["message"]
    assert message.startswith("Error calling startBuild: User: ")
    assert "is not authorized to perform: codebuild:StartBuild on resource" in message
    assert "Error Code: AccessDeniedException" in message


def test_an_abandoned_build_changes_nothing_any_more(line):
    line.commit({"buildspec.yml": "version: 0.2\nphases: {build: {commands: [sleep 2, exit 1]}}\n"})
    line.make_project()
    execution = line.create(("Source", [line.source()]), ("Build", [line.build()]))
    build_id = line.until(lambda: line.action("Build").get("externalExecutionId"))
    line.pipelines.stop_pipeline_execution(
        pipelineName=line.name, pipelineExecutionId=execution, abandon=True, reason="enough"
    )
    assert line.status(execution) == "Stopped"
    builds = line.client("codebuild")
    line.until(lambda: builds.batch_get_builds(ids=[build_id])["builds"][0]["buildComplete"], 60)
    assert line.status(execution) == "Stopped"
    assert line.action("Build")["status"] == "Abandoned"


def test_two_pushes_while_a_build_runs_end_with_the_newest_commit_built_last(line):
    slow = "version: 0.2\nphases: {build: {commands: [sleep 1]}}\n"
    line.commit({"buildspec.yml": slow, "n": "1"})
    line.make_project()
    executions = [line.create(("Source", [line.source()]), ("Build", [line.build()]))]
    line.until(lambda: line.action("Build").get("externalExecutionId"))
    for number in ("2", "3"):
        newest = line.commit({"n": number})
        executions.append(line.start())
        line.until(lambda number=number: _waits(line, executions[-1]))
    statuses = [line.ended(one, 60) for one in executions]
    assert statuses == ["Succeeded", "Superseded", "Succeeded"]
    assert line.execution(executions[-1])["artifactRevisions"][0]["revisionId"] == newest
    started = {run["pipelineExecutionId"]: run["startTime"] for run in _build_runs(line)}
    assert max(started, key=started.__getitem__) == executions[-1]


def _waits(line, execution):
    return line.stage("Build").get("inboundExecution", {}).get("pipelineExecutionId") == execution


def _build_runs(line):
    found = line.pipelines.list_action_executions(pipelineName=line.name)["actionExecutionDetails"]
    return [run for run in found if run["stageName"] == "Build"]
