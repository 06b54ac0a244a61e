"""The exercises of 10: a fault that nobody tells, two at once, and an error message read to its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .. import network, stacks, tasks
from ..diagnosis.access import Roles
from ..policy import statements
from ..session import Session
from .nouns import Finding, Question, Task

REFUSED = "because no VPC endpoint policy allows"
NOT_MET = "none that the log knows: `plant` it, and run the job"
RUNS_READ = 20
ELSEWHERE = "arn:aws:s3:::a-bucket-of-somebody-else/any"


def _runs(session: Session) -> list[list[dict[str, Any]]]:
    """The log events of the newest runs, the oldest run first."""
    logs, group = session.client("logs"), stacks.exported_value(session, "TaskLogGroupName")
    streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)
    found = [
        logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        for stream in streams["logStreams"][:RUNS_READ]
    ]
    return sorted((events for events in found if events), key=lambda events: events[-1]["timestamp"])


def _wrote(events: list[dict[str, Any]]) -> bool:
    lines = [event["message"] for event in events]
    return any(json.loads(line).get("event") == "wrote" for line in lines if line.startswith("{"))


def _a_fault(session: Session) -> Iterator[Finding]:
    runs = _runs(session)
    met = [n for n, events in enumerate(runs) if any(REFUSED in event["message"] for event in events)]
    yield Finding(bool(met), "a run of the job has met the fault", NOT_MET)
    after = runs[met[-1] + 1 :] if met else []
    yield Finding(
        any(_wrote(events) for events in after), "a later run wrote its report", "no run after it did"
    )
    bucket = stacks.exported_value(session, "DataBucketArn")
    rules, context = _s3_door(session)
    for action in ("s3:GetObject", "s3:PutObject"):
        allowed = network.rules_allow(rules, f"{bucket}/any", context, action)
        yield Finding(allowed, f"the way to S3 lets {action} in the data bucket through", "it does not")
    open_ = [
        action
        for action in ("s3:GetObject", "s3:PutObject")
        if network.rules_allow(rules, ELSEWHERE, context, action)
    ]
    yield Finding(
        not open_, "and still leads to no bucket of somebody else", f"it lets {' and '.join(open_)} out"
    )
    roles, role = Roles(session), stacks.exported_value(session, "TaskRoleArn")
    more = [
        action
        for action, key in (("s3:PutObject", "departures/x"), ("s3:DeleteObject", "reports/x"))
        if roles.allows(role, action, f"{bucket}/{key}")
    ]
    yield Finding(not more, "the job may do no more than before", f"it may {' and '.join(more)} elsewhere")


def _s3_door(session: Session) -> tuple[list[Any], dict[str, str]]:
    """The statements of the S3 endpoint's policy, and what a request through it brings along."""
    vpc = stacks.exported_value(session, "VpcId")
    wanted = [
        {"Name": "vpc-id", "Values": [vpc]},
        {"Name": "service-name", "Values": [f"com.amazonaws.{session.region}.s3"]},
    ]
    (door,) = session.client("ec2").describe_vpc_endpoints(Filters=wanted)["VpcEndpoints"]
    context = {"aws:SourceVpc": vpc, "aws:SourceVpce": door["VpcEndpointId"]}
    return statements(door.get("PolicyDocument")), context


def _two_faults(session: Session) -> Iterator[Finding]:
    name = f"{session.project}-daily"
    senders = (f"events-rule/{name}", f"chronos-schedule/{name}")
    runs = sorted(
        (task for sender in senders for task in tasks.started_by(session, sender)), key=lambda t: t.created
    )
    met = [n for n, task in enumerate(runs) if "Amazon CloudWatch" in task.reason]
    yield Finding(
        bool(met),
        "the schedule has started a task again, which met the second fault",
        "ECS remembers none (it forgets after an hour): `plant` both, and mend the first one alone first",
    )
    after = runs[met[-1] + 1 :] if met else []
    yield Finding(
        any(task.succeeded for task in after),
        "a later task of the schedule ended with exit code 0",
        "no later one did" if met else "there is no later one",
    )
    yield from _as_before(session)


def _as_before(session: Session) -> Iterator[Finding]:
    family = stacks.exported_value(session, "TaskFamilyArn")
    definition = session.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
    options = (definition["containerDefinitions"][0].get("logConfiguration") or {}).get("options", {})
    group = stacks.exported_value(session, "TaskLogGroupName")
    yield Finding(options.get("awslogs-group") == group, "the job still has its log", "it has none")
    roles, role = Roles(session), stacks.exported_value(session, "ScheduleRoleArn")
    cluster = stacks.exported_value(session, "ClusterArn")
    starts, arn = "ecs:RunTask", definition["taskDefinitionArn"]
    ours = roles.allows(role, starts, arn, {"ecs:cluster": cluster})
    yield Finding(ours, "the schedule's role may start the task in the project's cluster", "it may not")
    other = cluster.rpartition("/")[0] + "/another"
    wide = roles.allows(role, starts, arn, {"ecs:cluster": other}) or roles.allows(role, starts, arn)
    yield Finding(not wide, "and in no other cluster", "it may start it anywhere")
    state = stacks.describe(session, "schedule").parameters["ScheduleState"]
    yield Finding(state == "DISABLED", "the schedule is switched off again", f"it is {state}")


EXERCISES = (
    Task(
        "10-a",
        "A fault that nobody tells you",
        _a_fault,
        hints=(
            "Run the job and read its end. How far did it come, and what was it doing when it ended?",
            "The message names who, what and on which resource. Compare them with the policy of that role: "
            "is the right missing there?",
            "Read the sentence to its last word. It says which *kind* of policy allows too little.",
            "`trace(session)` shows the same place. Then deploy the stack to which it belongs.",
        ),
        learned="A request needs a yes from everybody who is asked: the role, the bucket, and the door "
        "through which it goes. A wider role would not have helped.",
    ),
    Task(
        "10-b",
        "Two faults at once",
        _two_faults,
        hints=(
            "Switch the schedule on, once a minute. Does a task come, or a letter? `why(session, "
            '"schedule")` looks at both.',
            "Mend what comes first, and only that; then wait for a task with `next_task` and `follow_logs`. "
            "It will not start, and says how far it came.",
            "Each of the two faults lies in a stack of its own. One line of `deploy` mends each.",
        ),
        learned="The second fault was there all the time, and could not be seen behind the first. So a mend "
        "is not finished before the whole way has been walked once.",
    ),
    Question(
        "10-c",
        "Read an error to its end",
        options={
            "a": "The execution role may not log in to the registry",
            "b": "The endpoint for `ecr.api` is missing",
            "c": "Private DNS is switched off at the endpoint for `ecr.api`",
            "d": "The endpoints' security group does not let the task in",
        },
        right="d",
        because="`i/o timeout` means that nobody answered, so it is no matter of rights. The address lies "
        "inside the network, so the name was resolved to the endpoint, which stands there and has its "
        "private name. Between two addresses of one network there is only a security group.",
        wrong={
            "a": "A refusal is an answer. Did anybody answer here?",
            "b": "Without the endpoint, what address would the name mean: one of AWS's, or one of yours?",
            "c": "Then the name would lead past the endpoint. Does the address lie outside of the network?",
        },
        hints=(
            "Take the message from its end: the last words first, then the address before them.",
            "Section 2 had two addresses to compare. Which of them was like this one?",
        ),
    ),
)
