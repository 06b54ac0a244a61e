"""teardown: everything of the project goes, nothing else does, and what is left is found."""

from __future__ import annotations

import pytest

from helpers import (
    TeardownIncomplete,
    deploy,
    describe,
    follow_pipeline,
    leftovers,
    overview,
    run_task,
    stacks,
    teardown,
    upload_day,
)


def names(session):
    pages = session.client("cloudformation").get_paginator("describe_stacks").paginate()
    return {stack["StackName"] for page in pages for stack in page["Stacks"]}


def test_the_whole_line_goes_while_it_works(session_of, capsys):
    """A rule that fires, a task that runs, a pipeline at work, versions in a bucket, images in a registry."""
    session = session_of("gone")
    deploy(session, "pipeline")
    follow_pipeline(session)
    deploy(session, "schedule", {"ScheduleExpression": "rate(1 minute)"})
    upload_day(session, "2013-01-01")
    bucket = stacks.exported_value(session, "ArtifactBucketName")
    s3 = session.client("s3")
    s3.put_object(Bucket=bucket, Key="twice", Body=b"1")
    s3.put_object(Bucket=bucket, Key="twice", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="twice")
    s3.create_multipart_upload(Bucket=bucket, Key="never-finished")
    run_task(session, {"REPORT_DATE": "2013-01-01"})
    session.client("codepipeline").start_pipeline_execution(name="gone")
    capsys.readouterr()

    cleared = teardown(session)
    assert cleared.clean, str(cleared)
    assert set(cleared.deleted) == {f"gone-{name}" for name in stacks.CATALOGUE}
    order = list(cleared.deleted)
    for name in stacks.CATALOGUE:
        for other in stacks.builds_on(name):
            assert order.index(f"gone-{name}") < order.index(f"gone-{other}")
    assert {row.status for row in overview(session)} == {"not deployed"}
    shown = capsys.readouterr().out
    assert shown.index("gone-daily  rule") < shown.index("gone-schedule")
    assert bucket not in {b["Name"] for b in s3.list_buckets()["Buckets"]}

    again = teardown(session)
    assert again.clean and again.deleted == ()
    assert "no stack to delete" in str(again)


def test_only_what_has_the_name_and_the_tag_is_touched(session_of, capsys):
    session = session_of("mine")
    cloudformation = session.client("cloudformation")
    template = "Resources: {T: {Type: AWS::SNS::Topic}}"
    for name, tags in {
        "mine-untagged": [],
        "mine-of-others": [{"Key": "Project", "Value": "others"}],
        "mine2-storage": [{"Key": "Project", "Value": "mine2"}],
        "not-mine": [{"Key": "Project", "Value": "mine"}],
    }.items():
        cloudformation.create_stack(StackName=name, TemplateBody=template, Tags=tags)
    deploy(session, "registry")
    cleared = teardown(session)
    assert cleared.deleted == ("mine-registry",)
    assert {"mine-untagged", "mine-of-others", "mine2-storage", "not-mine"} <= names(session)
    assert "mine-untagged has no tag Project=mine" in capsys.readouterr().out


def test_a_neighbour_with_a_longer_name_is_left_alone_and_not_called_a_leftover(session_of):
    team, anna = session_of("team"), session_of("team-anna")
    deploy(anna, "task")
    deploy(team, "registry")
    cleared = teardown(team)
    assert cleared.deleted == ("team-registry",)
    assert cleared.clean, str(cleared)
    assert [row.stack for row in overview(anna) if row.status == "CREATE_COMPLETE"] == [
        "storage",
        "roles",
        "registry",
        "task",
    ]


def test_what_is_left_is_found_reported_and_not_deleted(session_of):
    session = session_of("left")
    session.client("logs").create_log_group(logGroupName="/aws/codebuild/left")
    session.client("logs").create_log_group(logGroupName="/aws/codebuild/left2")
    session.client("s3").create_bucket(Bucket="left-over-bucket")
    vpc = session.client("ec2").create_vpc(
        CidrBlock="10.9.0.0/24",
        TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "Project", "Value": "left"}]}],
    )["Vpc"]["VpcId"]
    cleared = teardown(session)
    assert {(item.kind, item.name) for item in cleared.leftovers} == {
        ("log group", "/aws/codebuild/left"),
        ("bucket", "left-over-bucket"),
        ("VPC", vpc),
    }
    assert "left over: 3" in str(cleared) and vpc in str(cleared)
    assert "left-over-bucket" in {b["Name"] for b in session.client("s3").list_buckets()["Buckets"]}


def test_an_importer_from_outside_stops_it_and_is_named(session_of):
    session = session_of("held")
    deploy(session, "registry")
    topic = "{Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue held-RepositoryName}}"
    session.client("cloudformation").create_stack(
        StackName="somebody-else", TemplateBody=f"Resources: {{T: {topic}}}"
    )
    session.client("cloudformation").get_waiter("stack_create_complete").wait(
        StackName="somebody-else", WaiterConfig={"Delay": 0.1}
    )
    with pytest.raises(TeardownIncomplete, match="somebody-else"):
        teardown(session)
    session.client("cloudformation").delete_stack(StackName="somebody-else")
    session.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName="somebody-else", WaiterConfig={"Delay": 0.1}
    )
    assert teardown(session).clean


def test_a_stack_of_ones_own_goes_too(session_of, tmp_path):
    session = session_of("own")
    path = tmp_path / "extra.yaml"
    path.write_text(
        "Parameters: {Project: {Type: String}}\n"
        "Resources: {T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue "
        '{"Fn::Sub": "${Project}-DataBucketName"}}}}\n'
    )
    deploy(session, path)
    assert describe(session, path).status == "CREATE_COMPLETE"
    assert teardown(session).deleted == ("own-extra", "own-storage")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("flights", True),
        ("flights-storage", True),
        ("/aws/codebuild/flights", True),
        ("arn:aws:ecs:r:1:cluster/flights", True),
        ("flights2", False),
        ("my-flights", False),
        ("flights/other", False),
    ],
)
def test_whose_a_name_is(name, ours):
    from tests.helpers.fakes import session_with

    assert leftovers._is_ours(session_with(), name) is ours


def test_a_look_that_is_not_allowed_is_said_and_the_others_go_on():
    from tests.helpers.fakes import refusal, session_with

    class Refusing:
        def __getattr__(self, operation):
            def refuse(**arguments):
                raise refusal("AccessDenied", "no", operation)

            return refuse

        def can_paginate(self, operation):
            return False

    services = [
        "cloudformation",
        "s3",
        "logs",
        "ecr",
        "codecommit",
        "codepipeline",
        "codebuild",
        "iam",
        "events",
        "scheduler",
        "ecs",
        "sqs",
        "sns",
        "cloudwatch",
        "ec2",
    ]
    found = list(leftovers.search(session_with(**{service: Refusing() for service in services})))
    assert {item.kind for item in found} == set(leftovers._LOOKS)
    assert all("AccessDenied" in item.note for item in found)


def test_what_was_deleted_by_hand_already_is_no_obstacle(session_of):
    session = session_of("drift")
    deploy(session, "task")
    deploy(session, "network")
    bucket = stacks.exported_value(session, "DataBucketName")
    session.client("s3").delete_bucket(Bucket=bucket)
    session.client("ecr").delete_repository(repositoryName="drift", force=True)
    session.client("ecs").delete_cluster(cluster="drift")
    assert teardown(session).clean
