"""The proof at the end of a run: what must be there before the teardown, and must be gone after it."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from helpers.commands import facts

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
TASK = {
    "id": "0123",
    "started_by": "events-rule/flights-daily",
    "status": "STOPPED",
    "exit_code": 0,
    "stopped_reason": "Essential container in task exited",
    "started": NOON,
    "stopped": NOON + timedelta(seconds=5.5),
}
PART = {"logical_id": "Vpc", "type": "AWS::EC2::VPC", "status": "CREATE_COMPLETE", "events": 2}
GOOD: dict[str, Any] = {
    "stacks": [
        {"name": f"flights-{name}", "status": "CREATE_COMPLETE", "resources": [PART]} for name in facts.STACKS
    ],
    "report": {"bucket": "b", "key": "reports/2013-01-01.csv", "bytes": 700, "written_by": ["0123"]},
    "tasks": [TASK],
    "log": {"group": "/batch/flights", "total": 9, "lines": {"0123": 4}},
    "schedule": {"name": "flights-daily", "expression": "rate(1 day)", "state": "ENABLED"},
}


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The good facts with one thing different."""
    made = copy.deepcopy(GOOD)
    place: Any = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return made


def test_good_facts_miss_nothing() -> None:
    assert facts.missing(GOOD) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            changed("stacks", 1, "status", to="ROLLBACK_COMPLETE"),
            "The stack flights-network is ROLLBACK_COMPLETE.",
        ),
        (
            changed("stacks", 1, "resources", 0, "events", to=0),
            "The stack flights-network has no event for Vpc.",
        ),
        (changed("report", to=None), "There is no report in the data bucket."),
        (changed("schedule", to=None), "The schedule's rule does not exist."),
        (
            changed("tasks", 0, "started_by", to="me"),
            "No task that the schedule started has ended with exit code 0.",
        ),
        (
            changed("tasks", 0, "exit_code", to=1),
            "No task that the schedule started has ended with exit code 0.",
        ),
        (
            changed("schedule", "name", to="other"),
            "No task that the schedule started has ended with exit code 0.",
        ),
        (changed("log", "lines", to={}), "The log group holds no line of a task that the schedule started."),
        (
            changed("report", "written_by", to=["another"]),
            "The report was not written while a task that the schedule started was running.",
        ),
    ],
)
def test_what_is_missing_is_said(found: dict[str, Any], said: str) -> None:
    assert said in facts.missing(found)


@pytest.mark.parametrize(
    ("seconds", "ran"), [(-1, False), (0, True), (5.4, True), (6, False), (3600, False)], ids=str
)
def test_who_wrote_the_report(seconds: float, ran: bool) -> None:
    """S3 keeps whole seconds only: what a task wrote just after it began can seem older than the task."""
    task = {**TASK, "started": NOON + timedelta(seconds=0.3)}
    assert facts._ran_at(NOON + timedelta(seconds=seconds), task) is ran
    assert not facts._ran_at(NOON, {**task, "started": None, "stopped": None})
    assert facts._ran_at(NOON + timedelta(hours=1), {**task, "stopped": None})  # it still runs


def test_leftovers_are_found_and_others_things_are_not(fresh_sandbox: Any) -> None:
    """Made by hand, beside the stacks: such things a teardown of stacks alone would leave."""
    aws = fresh_sandbox().client
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    for project in ("mine", "notmine"):
        aws("s3").create_bucket(Bucket=f"{project}-data-1")
        aws("ecr").create_repository(repositoryName=project)
        aws("logs").create_log_group(logGroupName=f"/batch/{project}")
        aws("iam").create_role(RoleName=f"{project}-task", AssumeRolePolicyDocument=trust)
        aws("events").put_rule(Name=f"{project}-daily", ScheduleExpression="rate(1 day)", State="DISABLED")
        aws("ecs").create_cluster(clusterName=project)
        vpc = aws("ec2").create_vpc(CidrBlock="10.9.0.0/24")["Vpc"]["VpcId"]
        aws("ec2").create_tags(Resources=[vpc], Tags=[{"Key": "Project", "Value": project}])

    found = facts.leftovers(aws, "mine")
    assert found.pop("networks") != [vpc]
    assert found == {
        "stacks": [],
        "buckets": ["mine-data-1"],
        "repositories": ["mine"],
        "images": [],
        "log groups": ["/batch/mine"],
        "roles": ["mine-task"],
        "rules": ["mine-daily"],
        "clusters": ["mine"],
    }
    assert not any(facts.leftovers(aws, "none-at-all").values())
    aws("ecs").delete_cluster(cluster="mine")
    assert facts.leftovers(aws, "mine")["clusters"] == []


def test_a_stack_is_read_with_its_events(fresh_sandbox: Any) -> None:
    aws = fresh_sandbox().client
    template = {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}},
        "Outputs": {"Name": {"Value": {"Ref": "Bucket"}, "Export": {"Name": "mine-DataBucketName"}}},
    }
    aws("cloudformation").create_stack(StackName="mine-storage", TemplateBody=json.dumps(template))
    aws("cloudformation").get_waiter("stack_create_complete").wait(
        StackName="mine-storage", WaiterConfig={"Delay": 1}
    )
    bucket = aws("cloudformation").list_exports()["Exports"][0]["Value"]
    aws("s3").put_object(Bucket=bucket, Key="reports/2013-01-01.csv", Body=b"a,b\n1,2\n")

    found = facts.read(aws, "mine", "2013-01-01")
    storage, *others = found["stacks"]
    assert storage["status"] == "CREATE_COMPLETE"
    assert [(each["logical_id"], each["status"]) for each in storage["resources"]] == [
        ("Bucket", "CREATE_COMPLETE")
    ]
    assert storage["resources"][0]["events"] >= 2  # in progress, complete
    assert {each["status"] for each in others} == {"missing"}
    assert (found["report"]["bucket"], found["report"]["bytes"]) == (bucket, 8)
    assert facts.fetch_report(aws, found) == b"a,b\n1,2\n"
    assert facts.leftovers(aws, "mine")["stacks"] == ["mine-storage"]
