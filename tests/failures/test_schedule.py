"""The schedule starts nothing, and nobody is told.

What AWS shows for each of them, and where that was found, stands in documented.yaml.
"""

from __future__ import annotations

import time

import pytest

from helpers import NotReady, deploy, follow_logs, next_task, why
from helpers.stacks import exported_value

# Three seconds here. Each firing starts a job: once a second they would have the whole machine.
OFTEN = {"ScheduleState": "ENABLED", "ScheduleExpression": "rate(3 minutes)"}
LAUNCH = "            LaunchType: FARGATE # EC2 would mean machines of your own in the cluster\n"
SUBNETS = '                Subnets: !Split\n                  - ","\n                  - !ImportValue'
SUBNETS += ' { "Fn::Sub": "${Project}-SubnetIds" }\n          # For an ECS'


@pytest.fixture
def ticking(line):
    """The rule fires every three minutes of its clock; afterwards it is off again."""
    deploy(line.session, "schedule", OFTEN)
    yield line
    deploy(line.session, "schedule", {"ScheduleState": "DISABLED", "ScheduleExpression": None})


@pytest.fixture
def modern(line):
    """The same schedule in EventBridge Scheduler, as often; afterwards the rule, off."""
    deploy(line.session, "schedule", {**OFTEN, "ScheduleKind": "scheduler"})
    yield line
    rule = {"ScheduleKind": "rule", "ScheduleState": "DISABLED", "ScheduleExpression": None}
    deploy(line.session, "schedule", rule)


def letter(line, error_code: str, words: str, seconds: float = 120) -> str:
    """The text of the dead letter that says this; older ones, of other tests, are thrown away."""
    sqs, deadline = line.client("sqs"), time.monotonic() + seconds
    url = exported_value(line.session, "DeadLetterQueueUrl")
    while time.monotonic() < deadline:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        for one in found.get("Messages", ()):
            handle = {"QueueUrl": url, "ReceiptHandle": one["ReceiptHandle"]}
            told = {name: value["StringValue"] for name, value in one["MessageAttributes"].items()}
            if told["ERROR_CODE"] == error_code and words in told["ERROR_MESSAGE"]:
                sqs.change_message_visibility(**handle, VisibilityTimeout=0)
                return told["ERROR_MESSAGE"]
            sqs.delete_message(**handle)
        time.sleep(0.1)
    pytest.fail(f"no dead letter says {words!r}")


def fires_again(line) -> None:
    """The rule starts a task, which works, and nothing is wrong any more."""
    task = follow_logs(line.session, next_task(line.session, poll_seconds=0.1), poll_seconds=0.1)
    assert task.exit_code == 0
    found = why(line.session, "schedule")
    assert found.healthy, str(found)


def test_the_role_may_not_pass_the_roles_on(ticking, causes, documented):
    with ticking.broken("roles", ("Action: iam:PassRole", "Action: iam:GetRole")):
        text = letter(ticking, "NO_PERMISSIONS", "iam:PassRole on resource: arn:aws:iam:")
        documented("schedule role without iam:PassRole", text, code="NO_PERMISSIONS")
        found = causes(why(ticking.session, "schedule"), "the role ScheduleRole may not iam:PassRole on")
        assert "Sid: HandRolesToTask" in found.where
        assert any(one.startswith("dead-letter queue: NO_PERMISSIONS") for one in found.evidence)
        assert any("could not be delivered" in one for one in found.evidence)  # the metric FailedInvocations
    fires_again(ticking)


def test_the_target_tags_and_the_role_may_not(ticking, causes, documented):
    with ticking.broken("schedule", (LAUNCH, f"{LAUNCH}            PropagateTags: TASK_DEFINITION\n")):
        text = letter(ticking, "NO_PERMISSIONS", "ecs:TagResource")
        documented("schedule role that may tag nothing", text, code="NO_PERMISSIONS")
        words = "the target tags the task (PropagateTags), and the role ScheduleRole may not ecs:TagResource"
        found = causes(why(ticking.session, "schedule"), words)
        assert "cfn/schedule.yaml:" in found.next_step and found.where.startswith("cfn/roles.yaml:")
    fires_again(ticking)


def test_the_rule_is_disabled(ticking, causes, documented):
    deploy(ticking.session, "schedule", {"ScheduleState": "DISABLED"})
    with pytest.raises(NotReady, match="is disabled"):
        next_task(ticking.session)
    rule = ticking.client("events").describe_rule(Name="breaks-daily")
    documented("rule disabled", "", rule["State"])
    found = causes(why(ticking.session, "schedule"), "the rule is disabled, so it never fires")
    assert "State:" in found.where and '"ScheduleState": "ENABLED"' in found.next_step
    deploy(ticking.session, "schedule", {"ScheduleState": "ENABLED"})
    fires_again(ticking)


def test_the_target_names_the_wrong_subnets(ticking, causes, documented):
    """A subnet that was made later, by hand, has no route of the task's: there the way ends at S3."""
    ec2, vpc = ticking.client("ec2"), exported_value(ticking.session, "VpcId")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.192/26")["Subnet"]["SubnetId"]
    with ticking.broken(
        "schedule", (SUBNETS, f"                Subnets: [{subnet}]\n          # For an ECS")
    ):
        task = follow_logs(ticking.session, next_task(ticking.session, poll_seconds=0.1), poll_seconds=0.1)
        documented("wrong subnets in the target", *ticking.shown(task))
        for thing in ("schedule", task):
            found = causes(why(ticking.session, thing), subnet)
            assert "network stack" in found.cause and "Subnets:" in found.where
    fires_again(ticking)


def test_the_target_names_a_subnet_of_another_network(ticking, causes):
    ec2 = ticking.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.99.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.99.0.0/26")["Subnet"]["SubnetId"]
    with ticking.broken(
        "schedule", (SUBNETS, f"                Subnets: [{subnet}]\n          # For an ECS")
    ):
        letter(ticking, "INVALID_PARAMETER", "does not appear to belong to the same VPC")
        causes(
            why(ticking.session, "schedule"),
            f"the target's subnet {subnet} is not one of the network stack's",
        )
    fires_again(ticking)


def test_switched_off_and_not_allowed(ticking, causes):
    deploy(ticking.session, "schedule", {"ScheduleState": "DISABLED"})
    with ticking.broken("roles", ("Action: iam:PassRole", "Action: iam:GetRole")):
        causes(why(ticking.session, "schedule"), "the rule is disabled", "ScheduleRole may not iam:PassRole")
    deploy(ticking.session, "schedule", {"ScheduleState": "ENABLED"})
    fires_again(ticking)


# The modern form: EventBridge Scheduler -------------------------------------------------------------------

MODERN_SUBNETS = SUBNETS.replace("\n                  ", "\n                ").replace(
    "                Subnets", "              Subnets"
)[: -len("\n          # For an ECS")]


def test_scheduler_the_role_may_not_pass_the_roles_on(modern, causes):
    with modern.broken("roles", ("Action: iam:PassRole", "Action: iam:GetRole")):
        letter(
            modern, "NO_PERMISSIONS", "is not authorized to perform: iam:PassRole on resource: arn:aws:iam:"
        )
        found = causes(why(modern.session, "schedule"), "the role ScheduleRole may not iam:PassRole on")
        assert any("could not be delivered" in one for one in found.evidence)  # the metric TargetErrorCount
        deploy(modern.session, "schedule", {"ScheduleState": "DISABLED"})
        two = ("the schedule is disabled, so it never fires", "ScheduleRole may not iam:PassRole")
        causes(why(modern.session, "schedule"), *two)
    deploy(modern.session, "schedule", {"ScheduleState": "ENABLED"})
    fires_again(modern)


def test_scheduler_the_schedule_is_disabled(modern, causes):
    deploy(modern.session, "schedule", {"ScheduleState": "DISABLED"})
    found = causes(why(modern.session, "schedule"), "the schedule is disabled, so it never fires")
    assert "(Schedule, State:)" in found.where and "update_schedule" in found.next_step
    deploy(modern.session, "schedule", {"ScheduleState": "ENABLED"})
    fires_again(modern)


def test_scheduler_does_not_trust_itself(modern, causes):
    """The trust policy names another group: Scheduler may not take the role on."""
    with modern.broken("roles", (":schedule-group/${Project}", ":schedule-group/default")):
        found = causes(why(modern.session, "schedule"), "trust policy does not let scheduler.amazonaws.com")
        assert "schedule-group/breaks" in found.cause and "AssumeRolePolicyDocument" in found.where
    fires_again(modern)


def test_scheduler_the_target_names_the_wrong_subnets(modern, causes):
    ec2, vpc = modern.client("ec2"), exported_value(modern.session, "VpcId")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.128/26")["Subnet"]["SubnetId"]
    with modern.broken("schedule", (MODERN_SUBNETS, f"              Subnets: [{subnet}]")):
        task = follow_logs(modern.session, next_task(modern.session, poll_seconds=0.1), poll_seconds=0.1)
        assert task.started_by == "chronos-schedule/breaks-daily" and task.exit_code is None
        for thing in ("schedule", task):
            found = causes(why(modern.session, thing), subnet)
            assert "network stack" in found.cause and "(Schedule, Subnets:)" in found.where
    fires_again(modern)
