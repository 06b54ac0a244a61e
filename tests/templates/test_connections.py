"""Exports and imports: they close, they go one way, and an update of one stack is not blocked by the next."""

from __future__ import annotations

import pytest

from .resolve import ORDER, deploy_all

EXPORTS = {
    "storage": {"DataBucketName", "DataBucketArn", "ArtifactBucketName", "ArtifactBucketArn"},
    "network": {"VpcId", "SubnetIds", "TaskSecurityGroupId", "AssignPublicIp"},
    "roles": {
        "CodeBuildRoleArn",
        "CodePipelineRoleArn",
        "ExecutionRoleArn",
        "TaskRoleArn",
        "ScheduleRoleArn",
        "ChangeDetectionRoleArn",
    },
    "registry": {"RepositoryName", "RepositoryArn"},
    "build": {"CodeRepositoryName", "CodeRepositoryArn", "BuildProjectName", "BuildProjectArn", "BranchName"},
    "pipeline": {"PipelineName", "PipelineArn"},
    "task": {"ClusterName", "ClusterArn", "TaskDefinitionArn", "TaskFamilyArn", "TaskLogGroupName"},
    "schedule": {"ScheduleRuleName", "ScheduleRuleArn", "DeadLetterQueueUrl", "NotificationTopicArn"},
}
CHOICES = [
    {"SourceProvider": provider, "NetworkLayout": layout}
    for provider in ("CodeCommit", "S3")
    for layout in ("endpoints", "public", "nat")
]


def test_what_each_stack_exports() -> None:
    stacks = deploy_all()
    assert {name: set(stack.outputs) for name, stack in stacks.items()} == EXPORTS


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: "-".join(c.values()))
def test_every_import_is_exported_by_an_earlier_stack(choice: dict[str, str]) -> None:
    exported: set[str] = set()
    for stack in deploy_all(Project="other", **choice).values():
        assert stack.imports - exported == set(), stack.stack
        exported |= {output["Export"]["Name"] for output in stack.outputs.values()}
    assert all(name.startswith("other-") for name in exported)


def test_the_registry_is_all_that_the_two_workflows_share() -> None:
    """Besides what every stack stands on, the batch side imports nothing from the development side."""
    stacks = deploy_all()
    development = {f"flights-{name}" for stack in ("build", "pipeline") for name in EXPORTS[stack]}
    batch = {f"flights-{name}" for stack in ("task", "schedule") for name in EXPORTS[stack]}
    assert (stacks["task"].imports | stacks["schedule"].imports) & development == set()
    assert (stacks["build"].imports | stacks["pipeline"].imports) & batch == set()
    registry = {"flights-RepositoryName"}
    assert registry <= stacks["build"].imports and registry <= stacks["task"].imports


def test_nobody_imports_what_changes_with_every_update() -> None:
    """CloudFormation refuses to change an export in use. A new revision would block the stack `task`."""
    stacks = deploy_all()
    assert all("flights-TaskDefinitionArn" not in stack.imports for stack in stacks.values())
    target = stacks["schedule"].properties("ScheduleRule")["Targets"][0]
    family = stacks["task"].outputs["TaskFamilyArn"]["Value"]
    assert target["EcsParameters"]["TaskDefinitionArn"] == family
    assert family == "arn:aws:ecs:xx-region-9:111122223333:task-definition/flights"


def test_another_size_changes_no_export_in_use() -> None:
    before, after = deploy_all(), deploy_all(Cpu="1024", Memory="2048", Architecture="ARM64", ImageTag="a1b2")
    for name in ORDER:
        assert before[name].outputs == after[name].outputs


def test_names_that_roles_foresee_are_the_names_that_later_stacks_give() -> None:
    stacks = deploy_all(Project="other")
    given = {
        "build": {
            "CodeRepository": "RepositoryName",
            "BuildProject": "Name",
            "BuildLogGroup": "LogGroupName",
        },
        "registry": {"Repository": "RepositoryName"},
        "pipeline": {"Pipeline": "Name", "ChangeRule": "Name"},
        "task": {"Cluster": "ClusterName", "TaskDefinition": "Family", "TaskLogGroup": "LogGroupName"},
        "schedule": {"ScheduleRule": "Name", "DeadLetterQueue": "QueueName"},
    }
    names = {r: stacks[s].properties(r)[p] for s, resources in given.items() for r, p in resources.items()}
    assert names == {
        "CodeRepository": "other",
        "BuildProject": "other",
        "BuildLogGroup": "/aws/codebuild/other",
        "Repository": "other",
        "Pipeline": "other",
        "ChangeRule": "other-source-change",
        "Cluster": "other",
        "TaskDefinition": "other",
        "TaskLogGroup": "/batch/other",
        "ScheduleRule": "other-daily",
        "DeadLetterQueue": "other-dead-letters",
    }


def test_of_rule_and_schedule_exactly_one_is_made() -> None:
    rule, scheduler = deploy_all()["schedule"], deploy_all(ScheduleKind="scheduler")["schedule"]
    assert set(rule.resources) - set(scheduler.resources) == {"ScheduleRule"}
    assert set(scheduler.resources) - set(rule.resources) == {"Schedule", "ScheduleGroup"}
    assert set(rule.outputs) - set(scheduler.outputs) == {"ScheduleRuleName", "ScheduleRuleArn"}
    assert set(scheduler.outputs) - set(rule.outputs) == {"ScheduleName", "ScheduleGroupName"}
    assert scheduler.properties("ScheduleGroup") == {"Name": "flights"}, "the role's trust policy names it"


def test_with_s3_as_source_there_is_no_repository() -> None:
    stacks = deploy_all(SourceProvider="S3", SourceKey="job.zip")
    assert "CodeRepository" not in stacks["build"].resources
    assert stacks["build"].properties("BuildProject")["Source"] == {
        "Type": "S3",
        "Location": "<ArtifactBucket>/job.zip",
    }
    assert "SourceVersion" not in stacks["build"].properties("BuildProject")
    source = stacks["pipeline"].properties("Pipeline")["Stages"][0]["Actions"]
    assert [action["Configuration"] for action in source] == [
        {"S3Bucket": "<ArtifactBucket>", "S3ObjectKey": "job.zip", "PollForSourceChanges": "false"}
    ]
    assert stacks["pipeline"].properties("ChangeRule")["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["<ArtifactBucket>"]}, "object": {"key": ["job.zip"]}},
    }


def test_the_pipeline_follows_the_branch_and_does_not_poll() -> None:
    stacks = deploy_all(BranchName="release/1")
    source, build = (stage["Actions"][0] for stage in stacks["pipeline"].properties("Pipeline")["Stages"])
    assert source["Configuration"] == {
        "RepositoryName": "<CodeRepository.Name>",
        "BranchName": "release/1",
        "PollForSourceChanges": "false",
    }
    assert build["InputArtifacts"] == source["OutputArtifacts"] == [{"Name": "SourceOutput"}]
    assert stacks["pipeline"].properties("ChangeRule")["EventPattern"] == {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": ["<CodeRepository.Arn>"],
        "detail": {
            "event": ["referenceCreated", "referenceUpdated"],
            "referenceType": ["branch"],
            "referenceName": ["release/1"],
        },
    }
    assert stacks["build"].properties("CodeRepository")["Code"]["BranchName"] == "release/1"
    assert stacks["build"].properties("BuildProject")["SourceVersion"] == "refs/heads/release/1"
