"""The exercises of 11: the smallest size that is enough, a network free of charge, and a quiet weekend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import fargate, metering, stacks, tasks
from ..session import Session
from ..show import counted
from .nouns import Finding, Question, Task

PEAK_MIB, CPU_SECONDS, HEADROOM, MINUTES = 1400, 480, 1.5, 20
CENT = 0.01


def _minutes(size: fargate.Size) -> float:
    return CPU_SECONDS / min(size.vcpu, 1) / 60


def _is_enough(size: fargate.Size) -> bool:
    return size.memory >= PEAK_MIB * HEADROOM and _minutes(size) <= MINUTES


def _smallest_that_is_enough(session: Session) -> Iterator[Finding]:
    stack = stacks.describe(session, "task")
    ecs = session.client("ecs")
    arn = stack.outputs["TaskDefinitionArn"]
    newest = ecs.describe_task_definition(taskDefinition=session.project)["taskDefinition"]
    own = newest["taskDefinitionArn"] == arn
    yield Finding(
        own,
        "the newest task definition is the stack's",
        "somebody has registered one behind the stack's back",
    )
    definition = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    size = fargate.Size(int(definition["cpu"]), int(definition["memory"]))
    yield Finding(
        size.memory >= PEAK_MIB * HEADROOM,
        "the peak has 50 % headroom",
        f"with {size.memory} MiB the headroom is {size.memory / PEAK_MIB - 1:.0%}",
    )
    yield Finding(
        _minutes(size) <= MINUTES,
        f"the job is done within {MINUTES} minutes",
        f"with {size.cpu} units it takes {_minutes(size):.0f}",
    )
    smaller = [other for other in fargate.all_sizes() if other < size and _is_enough(other)]
    yield Finding(
        not smaller, "no smaller pair is enough", f"{counted(len(smaller), 'smaller pair')} would do"
    )


def _less_than_a_cent(session: Session) -> Iterator[Finding]:
    meter = metering.cost(session)
    always = [item for item in meter if item.what != metering.RUNNING]
    standing = sum(item.standing for item in always)
    dearest = max(always, key=lambda item: item.standing).what if always else "nothing"
    yield Finding(
        standing < CENT,
        "the project stands for less than one US cent an hour",
        f"it is {standing * 100:.1f} cents, and the dearest part is: {dearest}",
    )
    missing = [row.stack for row in stacks.overview(session) if not row.status.endswith("_COMPLETE")]
    yield Finding(not missing, "all eight stacks are deployed", f"missing: {', '.join(missing)}")
    network = stacks.describe(session, "network")
    doors = sum(item.what.startswith("interface endpoint") for item in meter)
    known = network.parameters["NetworkLayout"] != "endpoints" or doors == 3
    yield Finding(
        known,
        "the stack `network` knows what became of its doors",
        f"it still says `endpoints`, and {counted(doors, 'endpoint')} can be found",
    )
    target = _target_of_the_schedule(session)
    exported = network.outputs["AssignPublicIp"]
    yield Finding(
        target.get("AssignPublicIp") == exported,
        "the schedule starts its tasks as this network needs it",
        f"its target says AssignPublicIp {target.get('AssignPublicIp')}, the network exports {exported}",
    )
    changed = session.client("cloudformation").describe_stacks(StackName=network.id)["Stacks"][0]
    since = changed.get("LastUpdatedTime", changed["CreationTime"])
    good = [task for task in _stopped(session) if task.created > since and task.exit_code == 0]
    yield Finding(
        bool(good), "a task has run to its end since the network changed", "none has ended with exit code 0"
    )
    state = stacks.describe(session, "schedule").parameters["ScheduleState"]
    yield Finding(state == "DISABLED", "the schedule is off", f"it is {state}")


def _target_of_the_schedule(session: Session) -> dict[str, Any]:
    """How the schedule connects its tasks, of the rule or of Scheduler, whichever is deployed."""
    outputs = stacks.describe(session, "schedule").outputs
    if "ScheduleRuleName" in outputs:
        (target, *_) = session.client("events").list_targets_by_rule(Rule=outputs["ScheduleRuleName"])[
            "Targets"
        ]
    else:
        names = {"GroupName": outputs["ScheduleGroupName"], "Name": outputs["ScheduleName"]}
        target = session.client("scheduler").get_schedule(**names)["Target"]
    connected = target["EcsParameters"]["NetworkConfiguration"]
    return connected.get("awsvpcConfiguration") or connected.get("AwsvpcConfiguration") or {}


def _stopped(session: Session) -> Iterator[tasks.Task]:
    ecs, cluster = session.client("ecs"), stacks.exported_value(session, "ClusterName")
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus="STOPPED")
    for arn in [arn for page in pages for arn in page["taskArns"]]:
        yield tasks.read_task(session, arn)


EXERCISES = (
    Task(
        "11-a",
        "The smallest that is enough",
        _smallest_that_is_enough,
        hints=(
            "Memory first: how much is 1,400 MiB and half as much again? Which pairs have that?",
            "Then time: on half a virtual processor, 480 seconds of processor take 960.",
            "`sizes()` shows the pairs. With 256 units no memory is large enough; with 512 units, which is?",
            'It is a matter of two parameters: `deploy(session, "task", {"Cpu": "…", "Memory": "…"})`.',
        ),
        learned="Memory chose the pair, and brought its processor along: that is common, since Fargate sells "
        "them together. Without the headroom it would have been the next smaller processor.",
    ),
    Task(
        "11-b",
        "Less than a cent an hour",
        _less_than_a_cent,
        hints=(
            "What does the meter show at the top? In which layout of the network is nothing of it needed?",
            "`AssignPublicIp` has another value there, and the stack `schedule` imports it. A stack that "
            "imports a value holds on to it; what if it were not there for a moment?",
            "CloudFormation deletes a stack with `delete_stack`. Nothing is lost: its template is there.",
            "Delete `schedule`, deploy `network` with `NetworkLayout` `public`, deploy `schedule` disabled, "
            "and run a task to its end.",
        ),
        learned="The whole line for a fifth of a US dollar a month. What it costs instead is that the task "
        "can call the whole internet: a decision about the data, with a known amount of money on the scales.",
    ),
    Question(
        "11-c",
        "A quiet weekend",
        options={
            "a": "Nothing: on this architecture one pays only for what runs",
            "b": "Three interface endpoints, in each of two zones",
            "c": "The cluster and the task definition, which are kept ready",
            "d": "The VPC, its subnets and the gateway endpoint of S3",
        },
        right="b",
        because="Six hours of an endpoint are billed in each hour that passes, whether a byte goes through "
        "or not: 3 endpoints in 2 zones, 6 US cents. The two alarms and what is stored come to less than "
        "half a dollar in a whole month.",
        wrong={
            "a": "True of the task, the build and the pipeline. But an endpoint is paid by the hour, as a "
            "NAT gateway is, and it does not know that it is Saturday.",
            "c": "A cluster without machines is a name, a definition is a text. Nothing is held ready.",
            "d": "A network is free of charge as long as nothing in it is: a gateway endpoint is a route.",
        },
        hints=(
            "Read the meter: `cost(session)`. Which lines have something under *an hour*?",
            "Which kinds of endpoint are there, and which of them is a thing that stands in a subnet?",
        ),
    ),
)
