"""Why the schedule started no task: the rule, its target, its role, and what became of its firings.

Source of the dead letters' attributes: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
("Event retry policy and using dead-letter queues", looked up 2026-11-30); a letter is written for what is
never tried again, such as a missing permission. The metric is the one that the stack's alarm watches.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from .. import network, schedule_words, show, stacks, tasks, tracing
from ..errors import NameUnknown
from ..policy import Request, evaluate, statements
from ..session import Session
from .access import Roles, denial, denied, lacking
from .nouns import Check, Diagnosis, Finding, diagnosis, healthy
from .task import of_task
from .ways import gap_findings
from .where import where

HOURS_OF_METRICS = 24
LETTERS_READ = 50
SECONDS_UNSEEN = 10  # so that SQS does not hand the same letters out again and again


@dataclass
class Plan:
    """A rule or a schedule, its target, and what is asked about them, each once."""

    session: Session
    name: str
    arn: str
    state: str
    expression: str
    target: Mapping[str, Any]
    service: str
    resource: str
    zone: str = "UTC"

    @property
    def modern(self) -> bool:
        """Whether it is a schedule of EventBridge Scheduler, not a rule."""
        return self.service == "scheduler.amazonaws.com"

    @property
    def kind(self) -> str:
        return "schedule" if self.modern else "rule"

    @property
    def fires(self) -> str:
        """When it fires, in words."""
        return schedule_words.in_words(self.expression, self.zone, scheduler=self.modern)

    @property
    def ecs(self) -> Mapping[str, Any]:
        return self.target.get("EcsParameters") or {}

    @property
    def role(self) -> str:
        return self.target.get("RoleArn", "")

    @cached_property
    def roles(self) -> Roles:
        return Roles(self.session)

    @cached_property
    def definition(self) -> Mapping[str, Any]:
        """The task definition that a firing would run; empty when there is none."""
        try:
            answer = self.session.client("ecs").describe_task_definition(
                taskDefinition=self.ecs.get("TaskDefinitionArn", "")
            )
        except ClientError:
            return {}
        return answer["taskDefinition"]

    @cached_property
    def letters(self) -> list[dict[str, str]]:
        """The dead letters, the newest first: error code, message and time. They stay in the queue."""
        arn = (self.target.get("DeadLetterConfig") or {}).get("Arn")
        if not arn:
            return []
        sqs = self.session.client("sqs")
        url = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[-1])["QueueUrl"]
        found = []
        while len(found) < LETTERS_READ and (more := _some_letters(sqs, url)):
            found += more
        for one in found:  # whoever reads next is to see them too
            sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=one["ReceiptHandle"], VisibilityTimeout=0
            )
        letters = [
            {name: value.get("StringValue", "") for name, value in one.get("MessageAttributes", {}).items()}
            | {"sent": one.get("Attributes", {}).get("SentTimestamp", "0")}
            for one in found
        ]
        return sorted(letters, key=lambda letter: int(letter["sent"]), reverse=True)

    @cached_property
    def started(self) -> list[tasks.Task]:
        """The tasks that it has started and that ECS still lists, the newest first."""
        by = "chronos-schedule" if self.modern else "events-rule"
        found = tasks.started_by(self.session, f"{by}/{self.name}")
        return sorted(found, key=lambda task: task.created, reverse=True)

    @cached_property
    def failed_invocations(self) -> int:
        """How often a target could not be called in the last day, as CloudWatch counts it."""
        now = datetime.datetime.now(datetime.timezone.utc)
        namespace, metric, name = (
            ("AWS/Scheduler", "TargetErrorCount", "ScheduleGroup")
            if self.modern
            else ("AWS/Events", "FailedInvocations", "RuleName")
        )
        value = self.name if name == "RuleName" else self.session.project
        points = self.session.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value}],
            StartTime=now - datetime.timedelta(hours=HOURS_OF_METRICS),
            EndTime=now + datetime.timedelta(minutes=1),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return int(sum(point["Sum"] for point in points))

    @property
    def latest_letter(self) -> dict[str, str] | None:
        """The newest letter, unless a task has been started since: then whatever it tells of is over."""
        if not self.letters:
            return None
        sent = int(self.letters[0]["sent"]) / 1000
        over = self.started and self.started[0].created.timestamp() > sent
        return None if over else self.letters[0]


def read(session: Session) -> Plan | None:
    """The project's rule, or its schedule in EventBridge Scheduler; None when there is neither."""
    name = f"{session.project}-daily"
    events = session.client("events")
    try:
        rule = events.describe_rule(Name=name)
        targets = events.list_targets_by_rule(Rule=name)["Targets"]
        target = next((t for t in targets if "EcsParameters" in t), targets[0] if targets else {})
        expression, service = rule.get("ScheduleExpression", ""), "events.amazonaws.com"
        return Plan(session, name, rule["Arn"], rule["State"], expression, target, service, "ScheduleRule")
    except events.exceptions.ResourceNotFoundException:
        pass
    try:
        found = session.client("scheduler").get_schedule(GroupName=session.project, Name=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    group = found["Arn"].rpartition("/")[0].replace(":schedule/", ":schedule-group/")
    expression, service = found["ScheduleExpression"], "scheduler.amazonaws.com"
    zone = found.get("ScheduleExpressionTimezone", "UTC")
    return Plan(session, name, group, found["State"], expression, found["Target"], service, "Schedule", zone)


def of_schedule(session: Session) -> Diagnosis:
    """What the schedule does, and why it starts nothing when it starts nothing."""
    plan = read(session)
    if plan is None:
        return Diagnosis(
            "The schedule", "there is none", "the stack `schedule` is not deployed", next_step="deploy it."
        )
    name = f"The schedule {plan.name}"
    found = [finding for check in CHECKS for finding in check(plan)]
    letter = plan.latest_letter
    if letter and (not found or _explained_by_nothing(letter, found)):
        found = [*_told(plan, letter), *found]
    if found:
        what = "it is switched off" if plan.state != "ENABLED" else "it starts no task that could do its work"
        return diagnosis(name, what, found, _evidence(plan))
    if plan.started:
        last = of_task(session, plan.started[0])
        if not last.healthy:
            what = f"it fires and starts tasks; of the last one: {last.what}"
            return diagnosis(name, what, last.findings, last.evidence)
        fires = f"nothing is wrong, it fires ({plan.fires})"
        return healthy(name, f"{fires}; of the last task: {last.what}")
    when = f"nothing is wrong, it is switched on ({plan.fires})"
    return healthy(name, f"{when}; ECS lists no task of it, so it has not fired in the last hour")


def _some_letters(sqs: Any, url: str) -> list[dict[str, Any]]:
    """Up to ten letters that were not read just now."""
    return sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=SECONDS_UNSEEN,
        AttributeNames=["SentTimestamp"],
        MessageAttributeNames=["All"],
    ).get("Messages", [])


def _evidence(plan: Plan) -> Iterator[str]:
    if plan.failed_invocations:
        firings = show.counted(int(plan.failed_invocations), "firing")
        yield f"CloudWatch: {firings} of the last {HOURS_OF_METRICS} hours could not be delivered"
    if letter := plan.latest_letter:
        yield f"dead-letter queue: {letter.get('ERROR_CODE')}: {letter.get('ERROR_MESSAGE')}"


def _explained_by_nothing(letter: Mapping[str, str], found: list[Finding]) -> bool:
    """Whether no finding speaks of what the letter tells: then it tells of something else."""
    refused = denial(letter.get("ERROR_MESSAGE", ""))
    return bool(refused) and not any(refused.action in finding.cause for finding in found)


def _told(plan: Plan, letter: Mapping[str, str]) -> Iterator[Finding]:
    message = letter.get("ERROR_MESSAGE", "")
    if refused := denial(message):
        yield denied(plan.roles, refused)
    else:
        said = f"{letter.get('ERROR_CODE')}: {message}"
        yield Finding(
            f"the firing was refused: {message.rstrip('.')}", (said,), where("schedule", plan.resource)
        )


# The checks -----------------------------------------------------------------------------------------------


def switched_off(plan: Plan) -> Iterator[Finding]:
    """A disabled rule fires never; nor does a disabled schedule."""
    if plan.state != "ENABLED":
        by_hand = "scheduler.update_schedule(…)" if plan.modern else "events.enable_rule(Name=…)"
        yield Finding(
            f"the {plan.kind} is disabled, so it never fires",
            (f"{plan.name}: State {plan.state}",),
            where("schedule", plan.resource, "State:"),
            'deploy(session, "schedule", {"ScheduleState": "ENABLED"}) switches it on. If the parameter '
            f"says so already, somebody switched it off by hand: {by_hand}.",
        )


def no_target(plan: Plan) -> Iterator[Finding]:
    """A rule without a target fires and does nothing."""
    if not plan.target:
        yield Finding(
            "the rule has no target: it fires and starts nothing",
            (),
            where("schedule", plan.resource, "Targets:"),
            'deploy(session, "schedule").',
        )
    elif not plan.definition:
        yield Finding(
            f"the target names a task definition that is not there: {plan.ecs.get('TaskDefinitionArn')}",
            (),
            where("schedule", plan.resource, "TaskDefinitionArn"),
            'deploy(session, "task") makes it.',
        )


def trust(plan: Plan) -> Iterator[Finding]:
    """May the service take the role on, for this rule?"""
    if not plan.role:
        return
    name = plan.role.rsplit("/", 1)[-1]
    document = plan.roles.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    account = plan.role.split(":")[4]
    context = {"aws:SourceAccount": account, "aws:SourceArn": plan.arn}
    request = Request("sts:AssumeRole", plan.role, context, (plan.service,))
    if not evaluate(statements(document), request, resource_based=True).allowed:
        yield Finding(
            f"the role's trust policy does not let {plan.service} take it on for {plan.arn}",
            (),
            where("roles", "ScheduleRole", "AssumeRolePolicyDocument"),
            f'Name the service and the {plan.kind} there, and deploy(session, "roles").',
        )


def rights(plan: Plan) -> Iterator[Finding]:
    """May the role start the task, hand both roles over, and tag, if the target tags?"""
    if not plan.role or not plan.definition:
        return
    definition, cluster = plan.definition, plan.target["Arn"]
    passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    needs = [("ecs:RunTask", definition["taskDefinitionArn"], {"ecs:cluster": cluster})]
    if tags := [
        name for name in ("Tags", "TagList", "PropagateTags", "EnableECSManagedTags") if plan.ecs.get(name)
    ]:
        task = cluster.replace(":cluster/", ":task/") + "/any"
        needs.append(("ecs:TagResource", task, {"ecs:CreateAction": "RunTask", "ecs:cluster": cluster}))
    for role in (definition.get("executionRoleArn"), definition.get("taskRoleArn")):
        if role:
            needs.append(("iam:PassRole", role, passed))
    for action in dict.fromkeys(action for action, _, _ in needs):
        refused = [(r, c) for a, r, c in needs if a == action and not plan.roles.allows(plan.role, a, r, c)]
        if not refused:
            continue
        resource = " and ".join(r.removesuffix("/any") + "/*" * r.endswith("/any") for r, _ in refused)
        found = lacking("ScheduleRole", action, resource, tuple(_evidence(plan)))
        if action == "ecs:TagResource":
            line = where("schedule", plan.resource, "EcsParameters:")
            cause = f"the target tags the task ({', '.join(tags)}), and {found.cause}"
            found = Finding(cause, found.evidence, found.where, f"{found.next_step} Or tag nothing: {line}.")
        yield found


def place(plan: Plan) -> Iterator[Finding]:
    """Are the target's subnets those of the project, and does a way lead out of them?"""
    vpc = (plan.ecs.get("NetworkConfiguration") or {}).get("awsvpcConfiguration")
    if not vpc:
        return
    line = where("schedule", plan.resource, "Subnets:")
    ours = stacks.exported_value(plan.session, "SubnetIds").split(",")
    strange = [subnet for subnet in vpc["Subnets"] if subnet not in ours]
    where_to = tracing.Place(
        tuple(vpc["Subnets"]), tuple(vpc.get("SecurityGroups", ())), vpc.get("AssignPublicIp") == "ENABLED"
    )
    again = (
        'The network stack exports the right ones; deploy(session, "schedule") with the course\'s template.'
    )
    try:
        found = tracing.traced(plan.session, where_to)
    except NameUnknown as error:
        yield Finding(
            f"the target names a subnet that does not exist: {', '.join(strange)}", (error.what,), line, again
        )
        return
    if strange and not found.ok:
        told = tuple(f"{name}: {hop.name}: {hop.finding}" for name, hop in found.gaps.items())
        cause = f"the target's subnet {', '.join(strange)} is not one of the network stack's"
        yield Finding(f"{cause}: no way leads from it to {', '.join(found.gaps)}", told, line, again)
    elif not strange:
        yield from gap_findings(found, network.DESTINATIONS)


CHECKS: tuple[Check, ...] = (switched_off, no_target, trust, rights, place)
