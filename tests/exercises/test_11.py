"""The exercises of 11, each with wrong answers that look right."""

from __future__ import annotations

from helpers import (
    Session,
    StackFailed,
    deploy,
    describe,
    ensure_image,
    follow_logs,
    run_task,
    templates,
    upload_day,
)
from helpers.stacks import CFN

from .trying import ask, try_out

DAY = "2013-01-01"
OFF = {"ScheduleState": "DISABLED"}


def size(cpu: str, memory: str):
    def sized(session: Session) -> None:
        deploy(session, "task", {"Cpu": cpu, "Memory": memory})

    sized.__name__ = f"{cpu}_with_{memory}"
    return sized


def test_a_the_smallest_that_is_enough(session: Session) -> None:
    size("256", "512")(session)

    def behind_the_stacks_back(session: Session) -> None:
        size("256", "512")(session)
        ecs = session.client("ecs")
        known = ecs.describe_task_definition(taskDefinition=session.project)["taskDefinition"]
        keep = (
            "family",
            "networkMode",
            "requiresCompatibilities",
            "containerDefinitions",
            "executionRoleArn",
        )
        ecs.register_task_definition(**{k: known[k] for k in keep}, cpu="512", memory="3072")

    no_headroom = [size("256", "2048"), size("512", "2048")]
    too_much = [size("512", "4096"), size("1024", "3072")]
    try_out(session, "11-a", [*no_headroom, *too_much, behind_the_stacks_back])
    size("256", "512")(session)


def test_b_less_than_a_cent_an_hour(session: Session, tmp_path) -> None:
    deploy(session, "schedule", OFF)
    deploy(session, "pipeline")
    ensure_image(session)
    upload_day(session, DAY)
    ran = follow_logs(session, run_task(session, {"REPORT_DATE": DAY}))
    assert ran.succeeded  # before the change: it must not count

    def the_other_private_layout(session: Session) -> None:
        deploy(session, "network", {"NetworkLayout": "nat"})

    def doors_taken_off_by_hand(session: Session) -> None:
        deploy(session, "network", {"NetworkLayout": None})
        ec2 = session.client("ec2")
        vpc = describe(session, "network").outputs["VpcId"]
        found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["VpcEndpoints"]
        doors = [door["VpcEndpointId"] for door in found if door["VpcEndpointType"] == "Interface"]
        ec2.delete_vpc_endpoints(VpcEndpointIds=doors)

    def a_schedule_that_does_not_follow(session: Session) -> None:
        """The import is replaced by its value of today, so that nothing holds on to it any more."""
        body = templates.load(CFN / "schedule.yaml").body
        imported = '!ImportValue { "Fn::Sub": "${Project}-AssignPublicIp" }'
        assert imported in body
        path = tmp_path / "schedule.yaml"
        path.write_text(body.replace(imported, "DISABLED"), encoding="utf-8")
        deploy(session, path, OFF | {"ScheduleExpression": "rate(2 days)"})
        deploy(session, "network", {"NetworkLayout": "public"})
        assert follow_logs(session, run_task(session, {"REPORT_DATE": DAY})).succeeded

    def without_its_schedule(session: Session) -> None:
        session.client("cloudformation").delete_stack(StackName=session.stack_name("schedule"))

    wrong = [the_other_private_layout, doors_taken_off_by_hand, a_schedule_that_does_not_follow]
    try_out(session, "11-b", [*wrong, without_its_schedule], undo=None)


def test_the_refusal_on_the_way_is_the_one_that_the_text_means(session: Session) -> None:
    deploy(session, "schedule", OFF)
    layout = describe(session, "network").parameters["NetworkLayout"]
    try:
        deploy(session, "network", {"NetworkLayout": "endpoints" if layout == "public" else "public"})
    except StackFailed as refused:
        assert "AssignPublicIp" in str(refused)
    else:
        raise AssertionError("an export in use has changed")


def test_c_a_quiet_weekend(session: Session) -> None:
    ask(session, "11-c")
