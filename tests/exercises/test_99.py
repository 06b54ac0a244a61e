"""The exercises of 99, each with wrong answers that look right."""

from __future__ import annotations

from helpers import Session, check, deploy, describe, upload_day
from helpers.exercises.teardown import DAY, leave_something

from .trying import ask, try_out


def delete_stacks(session: Session, *names: str) -> None:
    cloudformation = session.client("cloudformation")
    for name in names:
        stack = session.stack_name(name)
        cloudformation.delete_stack(StackName=stack)
        waiter = cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 1})


def test_a_find_what_was_forgotten(session: Session) -> None:
    logs, events, s3 = (session.client(name) for name in ("logs", "events", "s3"))
    rule = f"{session.project}-reminder"

    def delete_groups() -> None:
        prefix = f"/aws/codebuild/{session.project}"
        for group in logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])

    def nothing_done(session: Session) -> None:
        leave_something(session)

    def all_that_begins_alike(session: Session) -> None:
        leave_something(session)
        delete_groups()
        events.remove_targets(Rule=rule, Ids=["log"])
        events.delete_rule(Name=rule)
        (bucket,) = (b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].startswith(session.project))
        found = s3.list_object_versions(Bucket=bucket)
        for item in found["Versions"] + found["DeleteMarkers"]:
            s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
        s3.delete_bucket(Bucket=bucket)

    def a_rule_that_is_only_switched_off(session: Session) -> None:
        leave_something(session)
        events.disable_rule(Name=rule)
        logs.delete_log_group(logGroupName=f"/aws/codebuild/{session.project}-trial")

    try_out(session, "99-a", [nothing_done, all_that_begins_alike, a_rule_that_is_only_switched_off])


def test_b_a_cheap_weekend(session: Session) -> None:
    """Each wrong answer goes on from where the one before has left the project."""

    def nothing_done(session: Session) -> None:
        deploy(session, "schedule", {"ScheduleState": "DISABLED"})
        upload_day(session, DAY)

    def behind_the_stacks_back(session: Session) -> None:
        ec2 = session.client("ec2")
        tagged = [{"Name": "tag:Project", "Values": [session.project]}]
        found = ec2.describe_vpc_endpoints(Filters=tagged)["VpcEndpoints"]
        doors = [e for e in found if e["VpcEndpointType"] == "Interface" and e["State"] == "available"]
        ec2.delete_vpc_endpoints(VpcEndpointIds=[door["VpcEndpointId"] for door in doors])

    def a_nat_gateway_instead(session: Session) -> None:
        delete_stacks(session, "schedule", "network")
        deploy(session, "network", {"NetworkLayout": "nat"})

    def the_data_gone_with_it(session: Session) -> None:
        delete_stacks(session, "network")
        bucket = describe(session, "storage").outputs["DataBucketName"]
        session.client("s3").delete_object(Bucket=bucket, Key=f"departures/{DAY}.csv.gz")

    def more_than_necessary(session: Session) -> None:
        upload_day(session, DAY)
        delete_stacks(session, "task")

    wrong = [nothing_done, behind_the_stacks_back, a_nat_gateway_instead, the_data_gone_with_it]
    try_out(session, "99-b", [*wrong, more_than_necessary])
    deploy(session, "network", {"NetworkLayout": "public"})  # the other way to the same end
    assert check("99-b", session=session).solved


def test_c_what_happens_to_the_neighbour(session: Session) -> None:
    ask(session, "99-c")
