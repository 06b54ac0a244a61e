"""Pipelines as such: made, changed, refused.

The refusals' words are AWS's where https://github.com/badmintoncryer/cdk-preflight records them.
"""

from __future__ import annotations

import copy

import pytest

from helpers.sandbox.codepipeline import constraints, service
from helpers.sandbox.service import AwsError

ARTIFACT = {"name": "SourceOutput"}


def build(**more):
    kind = {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"}
    return {
        "name": "Build",
        "actionTypeId": kind,
        "configuration": {"ProjectName": "p"},
        "inputArtifacts": [ARTIFACT],
        **more,
    }


def test_a_pipeline_describes_itself_with_defaults_and_metadata(line):
    made = line.pipelines.create_pipeline(
        pipeline=line.declaration(), tags=[{"key": "Project", "value": "flights"}]
    )
    assert made["pipeline"]["version"] == 1
    found = line.pipelines.get_pipeline(name=line.name)
    assert found["pipeline"]["pipelineType"] == "V1"
    assert found["pipeline"]["executionMode"] == "SUPERSEDED"
    assert found["metadata"]["pipelineArn"].endswith(f":{line.name}")
    tags = line.pipelines.list_tags_for_resource(resourceArn=found["metadata"]["pipelineArn"])["tags"]
    assert tags == [{"key": "Project", "value": "flights"}]
    names = [one["name"] for one in line.pipelines.list_pipelines()["pipelines"]]
    assert line.name in names


def test_names_taken_and_missing(line, refused):
    line.create()
    message = refused(
        "PipelineNameInUseException", line.pipelines.create_pipeline, pipeline=line.declaration()
    )
    assert line.name in message
    account = line.role.split(":")[4]
    assert refused("PipelineNotFoundException", line.pipelines.get_pipeline, name="none") == (
        f"Account '{account}' does not have a pipeline with name 'none'"
    )
    assert refused("PipelineNotFoundException", line.pipelines.start_pipeline_execution, name="none") == (
        f"The account with id '{account}' does not include a pipeline with the name 'none'"
    )


def test_an_update_makes_a_version_and_cancels_what_runs(line, refused):
    line.commit({"a": "1"})
    execution = line.create()
    line.holds(execution)
    changed = line.declaration(("Source", [line.source()]), ("Hold", [line.approval("Other")]))
    assert line.pipelines.update_pipeline(pipeline=changed)["pipeline"]["version"] == 2
    assert line.status(execution) == "Cancelled"
    first = line.pipelines.get_pipeline(name=line.name, version=1)["pipeline"]
    assert first["stages"][1]["actions"][0]["name"] == "Approve"
    assert len(line.executions()) == 1  # an update alone starts nothing
    refused("PipelineVersionNotFoundException", line.pipelines.get_pipeline, name=line.name, version=9)


def test_a_deleted_pipeline_is_gone_and_can_be_deleted_again(line, refused):
    line.create()
    line.pipelines.delete_pipeline(name=line.name)
    line.pipelines.delete_pipeline(name=line.name)
    refused("PipelineNotFoundException", line.pipelines.get_pipeline_state, name=line.name)


def test_a_role_that_codepipeline_may_not_assume_is_refused(line, refused):
    other = line.make_role(f"{line.name}-other", "codebuild.amazonaws.com", "*")
    for role in (other, f"{line.role}-missing"):
        message = refused(
            "InvalidStructureException",
            line.pipelines.create_pipeline,
            pipeline=line.declaration(roleArn=role),
        )
        assert message == f"CodePipeline is not authorized to perform AssumeRole on role {role}"


def _stages(line, *stages):
    return {"stages": [{"name": name, "actions": actions} for name, actions in stages]}


@pytest.mark.parametrize(
    ("code", "message", "change"),
    [
        (
            "InvalidStructureException",
            "Pipeline has only 1 stage(s). There should be a minimum of 2 stages in a pipeline",
            lambda line: _stages(line, ("Source", [line.source()])),
        ),
        (
            "InvalidStructureException",
            "Pipeline should start with a stage that only contains source actions",
            lambda line: _stages(line, ("Build", [build()]), ("Source", [line.source()])),
        ),
        (
            "InvalidStructureException",
            "Pipeline should contain at least 1 action whose category is not Source",
            lambda line: _stages(line, ("A", [line.source()]), ("B", [line.source()])),
        ),
        (
            "InvalidStructureException",
            "Source actions can only be included in the first stage of the pipeline",
            lambda line: _stages(
                line, ("A", [line.source()]), ("B", [build(), line.source() | {"name": "Again"}])
            ),
        ),
        (
            "InvalidStageDeclarationException",
            "Stage name 'A' is used more than once",
            lambda line: _stages(line, ("A", [line.source()]), ("A", [build()])),
        ),
        (
            "InvalidActionDeclarationException",
            "Input Artifact Bundle Nothing in action Build is not declared as Output Artifact Bundle in any "
            "of the preceding actions",
            lambda line: _stages(
                line, ("A", [line.source()]), ("B", [build(inputArtifacts=[{"name": "Nothing"}])])
            ),
        ),
        (
            "InvalidActionDeclarationException",
            "Output Artifact Bundle name must be unique within the pipeline. SourceOutput has been used more "
            "than once.",
            lambda line: _stages(line, ("A", [line.source()]), ("B", [build(outputArtifacts=[ARTIFACT])])),
        ),
        (
            "InvalidActionDeclarationException",
            "Action configuration for action 'Build' is missing required configuration 'ProjectName'",
            lambda line: _stages(line, ("A", [line.source()]), ("B", [build(configuration={})])),
        ),
        (
            "InvalidActionDeclarationException",
            "ActionType (Category: 'Build', Provider: 'CodeCommit', Owner: 'AWS', Version: '1') in action "
            "'Build' is not available in region us-east-1",
            lambda line: _stages(
                line,
                ("A", [line.source()]),
                ("B", [build(actionTypeId=build()["actionTypeId"] | {"provider": "CodeCommit"})]),
            ),
        ),
        (
            "InvalidStructureException",
            "QUEUED or PARALLEL mode can only be used with V2 pipelines",
            lambda line: {"executionMode": "QUEUED"},
        ),
        (
            "InvalidStructureException",
            "Pipeline variable can only be used with V2 pipelines",
            lambda line: {"variables": [{"name": "v"}]},
        ),
        (
            "InvalidStructureException",
            "Variable names must be unique. The following variable name is already in use: v",
            lambda line: {"pipelineType": "V2", "variables": [{"name": "v"}, {"name": "v"}]},
        ),
        (
            "ValidationException",
            "1 validation error detected: Value 'no spaces' at 'pipeline.name' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [A-Za-z0-9.@\\-_]+",
            lambda line: {"name": "no spaces"},
        ),
    ],
)
def test_what_create_pipeline_refuses(line, refused, code, message, change):
    declaration = line.declaration() | change(line)
    assert refused(code, line.pipelines.create_pipeline, pipeline=declaration) == message


def test_values_that_the_client_does_not_check_are_refused_with_aws_s_words():
    """As quoted in https://github.com/aws/aws-cdk/issues/2167."""
    shape = service.model.operation_model("CreatePipeline").input_shape
    action = {"name": "Fetch", "configuration": {"S3ObjectKey": ""}}
    with pytest.raises(AwsError) as caught:
        constraints.check(shape, {"pipeline": {"stages": [{"name": "Source", "actions": [action]}]}})
    assert caught.value.message == (
        "1 validation error detected: Value '{S3ObjectKey=}' at "
        "'pipeline.stages.1.member.actions.1.member.configuration' failed to satisfy constraint: Map value "
        "must satisfy constraint: [Member must have length less than or equal to 1000, Member must have "
        "length greater than or equal to 1]"
    )


def test_a_namespace_that_does_not_exist_is_refused(line, refused):
    declaration = line.declaration(
        ("Source", [line.source()]), ("Hold", [line.approval(configuration={"CustomData": "#{Nobody.Id}"})])
    )
    message = refused(
        "InvalidActionDeclarationException", line.pipelines.create_pipeline, pipeline=declaration
    )
    assert "VariableReferenceText=[Nobody.Id]" in message


def test_what_aws_has_and_the_sandbox_has_not_is_refused_by_name(line, refused):
    deploy = build(
        name="Deploy",
        actionTypeId={"category": "Deploy", "owner": "AWS", "provider": "ECS", "version": "1"},
    )
    declaration = line.declaration(("Source", [line.source()]), ("Deploy", [deploy]))
    message = refused(
        "InvalidActionDeclarationException", line.pipelines.create_pipeline, pipeline=declaration
    )
    assert "The sandbox does not simulate Deploy actions of the provider ECS" in message
    message = refused(
        "NotImplementedException",
        line.pipelines.list_webhooks,
    )
    assert "ListWebhooks" in message


def test_the_declaration_is_returned_as_it_was_given(line):
    """So that `aws codepipeline get-pipeline > p.json`, an edit and `update-pipeline` work."""
    given = line.declaration(pipelineType="V2")
    line.pipelines.create_pipeline(pipeline=copy.deepcopy(given))
    found = line.pipelines.get_pipeline(name=line.name)["pipeline"]
    line.pipelines.update_pipeline(pipeline=found)
    again = line.pipelines.get_pipeline(name=line.name)["pipeline"]
    assert again == found | {"version": 2}
    assert [stage["name"] for stage in found["stages"]] == [stage["name"] for stage in given["stages"]]
