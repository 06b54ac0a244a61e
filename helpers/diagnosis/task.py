"""Why a task did not start, or failed: checks in the order in which Fargate takes the steps.

Every check from the step on at which the task ended (see `case`) looks at what is deployed now, so that a
second fault, which the task had no chance to meet yet, is named as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from .. import network, stacks, tasks
from ..session import Session
from .access import denial, denied, lacking
from .case import ORDER, Case
from .nouns import Check, Diagnosis, Finding, diagnosis, healthy
from .ways import door_shut, endpoint_refuses, gap_findings, listed, policy_findings
from .where import where

PULL = "ecr:BatchGetImage"
ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([\w-]+)\.[\w.]+/([^:@]+)(?::([^@]+))?")


def of_task(session: Session, task: tasks.Task) -> Diagnosis:
    """What happened to a task, and why."""
    name, task = "The task", tasks.read_task(session, task.arn)
    case = Case(session, task)
    if task.status != "STOPPED":
        last = case.lines[-1:]
        return healthy(
            name,
            f"nothing is known to be wrong: it is {task.status} and has not ended",
            [f"its last line: {line}" for line in last],
            "Fargate sets a task no time limit. If it hangs, ECS's StopTask ends it." if last else "",
        )
    if task.succeeded:
        return healthy(name, "nothing is wrong, it ended with exit code 0")
    what = "it never started" if task.exit_code is None else f"it ended with exit code {task.exit_code}"
    told = ((f"stoppedReason: {task.reason}",) if task.reason else ()) + case.lines
    return diagnosis(name, what, _found(case), told)


def _found(case: Case) -> list[Finding]:
    """What is wrong at the step where the task ended, and at later ones."""
    here = ORDER.index(case.step)
    found = [f for check in CHECKS for f in check(case) if ORDER.index(f.stage) >= here]
    found.sort(key=lambda finding: ORDER.index(finding.stage))
    if found and case.task.exit_code is None and found[0].stage != case.step:
        found.insert(0, _no_longer(case))
    return found


def _no_longer(case: Case) -> Finding:
    """The task's own fault is not to be seen any more: a later one must not be taken for it."""
    return Finding(
        f"at the step `{case.step}` it was refused or cut off; what is deployed now shows no reason",
        next_step="It may have been mended since: run the task again.",
        stage=case.step,
    )


# The way there --------------------------------------------------------------------------------------------


def ways(case: Case) -> Iterator[Finding]:
    """The network: one finding for each fault, with all the services that it cuts off."""
    if case.trace is None or case.task.exit_code is not None:
        return
    ours = set(stacks.exported_value(case.session, "SubnetIds").split(","))
    strange = [subnet for subnet in case.trace.place.subnets if subnet not in ours]
    gaps = {path.destination: path for path in case.trace.paths if path.gap}
    if strange and gaps:
        modern = case.task.started_by.startswith("chronos-schedule/")
        cut = f"no way leads from there to {listed(_needed(case, gaps))}"
        yield Finding(
            f"the task runs in subnet {listed(strange)}, which the network stack did not make for it: {cut}",
            tuple(f"{name}: {path.gap.name}: {path.gap.finding}" for name, path in gaps.items()),
            where("schedule", "Schedule" if modern else "ScheduleRule", "Subnets:"),
            'Name the subnets that the network stack exports: outputs(session, "network")["SubnetIds"].',
            f"way to {_needed(case, gaps)[0]}",
        )
        return
    yield from gap_findings(case.trace, _needed(case, gaps))


def _needed(case: Case, gaps: Mapping[str, Any]) -> list[str]:
    """The services that are cut off, in the order in which Fargate calls them."""
    logs = ("logs",) if case.options.get("awslogs-group") else ()
    return [name for name in ("ecr.api", *logs, "ecr.dkr", "s3") if name in gaps]


# What the execution role does -----------------------------------------------------------------------------


def pull_rights(case: Case) -> Iterator[Finding]:
    """May the execution role log in to the registry, and read the image?"""
    image, role = ECR.match(case.container["image"]), case.definition.get("executionRoleArn")
    if not image or not role or case.task.exit_code is not None:
        return
    account, region, repository, _ = image.groups()
    arn = f"arn:{role.split(':')[1]}:ecr:{region}:{account}:repository/{repository}"
    if not case.roles.allows(role, "ecr:GetAuthorizationToken", "*"):
        yield lacking("ExecutionRole", "ecr:GetAuthorizationToken", "*", (_reason(case),), "login")
    for action, stage in ((PULL, "manifest"), ("ecr:GetDownloadUrlForLayer", "layers")):
        if not case.roles.allows(role, action, arn):
            yield lacking("ExecutionRole", action, arn, (_reason(case),), stage)
            return  # both stand in one statement: one fault, met first at the manifest
    if endpoint_refuses(case.session, "ecr.dkr", PULL, arn):
        said = f"does not allow {PULL} on {arn}"
        yield replace(door_shut("ecr.dkr", said, (_reason(case),)), stage="manifest")


def refusal(case: Case) -> Iterator[Finding]:
    """A refusal in ECS's own words that no policy of the role explains: a deny, or an endpoint's policy."""
    refused = denial(case.task.reason) if case.task.exit_code is None else None
    if refused and (refused.door or refused.explicit):
        yield denied(case.roles, refused, case.step)


def log_group(case: Case) -> Iterator[Finding]:
    """Is the log group there, and may the execution role write to it?"""
    group, role = case.options.get("awslogs-group"), case.definition.get("executionRoleArn")
    if not group or case.task.exit_code is not None:
        return
    found = case.session.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    there = [one for one in found if one["logGroupName"] == group]
    if not there and case.options.get("awslogs-create-group") != "true":
        yield Finding(
            f"the log group {group} is missing, and the log driver does not make one by itself",
            (_reason(case),),
            where("task", "TaskLogGroup"),
            "The group belongs to the stack: logs.create_log_group makes it anew.",
            "log",
        )
        return
    _, _, _, region, account, _ = case.definition["taskDefinitionArn"].split(":", 5)
    arn = f"arn:{role.split(':')[1]}:logs:{region}:{account}:log-group:{group}:log-stream:run"
    wanted = ("logs:CreateLogStream",) if there else ("logs:CreateLogGroup", "logs:CreateLogStream")
    for action in wanted:
        if not case.roles.allows(role, action, arn):
            missing = "" if there else f"the log group {group} is missing, and "
            told = lacking("ExecutionRole", action, arn.rpartition(":log-stream")[0], (_reason(case),), "log")
            yield Finding(missing + told.cause, told.evidence, told.where, told.next_step, "log")
            return


def image_tag(case: Case) -> Iterator[Finding]:
    """Is there an image under the tag that the task definition asks for?"""
    image = ECR.match(case.container["image"])
    if not image or case.task.exit_code is not None or "@" in case.container["image"]:
        return
    account, _, repository, tag = image.groups()
    ecr, tag = case.session.client("ecr"), tag or "latest"
    try:
        ecr.describe_images(registryId=account, repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in ("ImageNotFoundException", "RepositoryNotFoundException"):
            raise
        yield Finding(
            f"the registry has no image under the tag `{tag}` that the task definition asks for",
            (_reason(case), f"{code}: {error.response['Error']['Message']}"),
            where("task", "TaskDefinition", "${ImageTag}"),
            "ensure_image(session) builds and pushes it; images(session) shows the tags that are there.",
            "tag",
        )


# What the job does ----------------------------------------------------------------------------------------


def architecture(case: Case) -> Iterator[Finding]:
    """An image for one processor, a task for another."""
    if any("exec format error" in line for line in case.lines) or "exec format error" in case.task.reason:
        wanted = case.definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")
        yield Finding(
            f"the image was built for another processor than the task's ({wanted})",
            tuple(line for line in case.lines if "exec format error" in line),
            where("task", "TaskDefinition", "CpuArchitecture"),
            'Give the stacks "task" and "build" the same Architecture, and build the image again.',
            "start",
        )


def memory(case: Case) -> Iterator[Finding]:
    """More memory than the task has. Exit code 137 alone (SIGKILL) may have another reason."""
    if "OutOfMemory" in case.task.reason:
        limit = case.definition.get("memory", "?")
        yield Finding(
            f"the job needed more memory than the task's {limit} MiB, and was killed",
            (_reason(case),),
            where("task", "TaskDefinition", "Memory:"),
            'Give it more: deploy(session, "task", {"Memory": …}); explain(session, "task", "Memory").',
            "memory",
        )


def stopped(case: Case) -> Iterator[Finding]:
    """Somebody called StopTask: the task did not end by itself."""
    if case.raw.get("stopCode") == "UserInitiated":
        last = case.lines[-1:] or ("it had written nothing",)
        yield Finding(
            f"it had not ended when it was stopped from outside: {case.raw.get('stoppedReason')}",
            tuple(f"its last line: {line}" for line in last),
            next_step="Fargate sets no time limit. If the job hung, its last line says after what.",
            stage="stopped",
        )


def no_log(case: Case) -> Iterator[Finding]:
    """Without a log driver nobody can say why the job failed."""
    if case.step == "job" and "logConfiguration" not in case.container:
        yield Finding(
            f"the reason for exit code {case.task.exit_code} is lost: the container has no log driver, so "
            "whatever the job said went nowhere",
            ("the task definition's container has no logConfiguration",),
            where("task", "TaskDefinition", "LogConfiguration:"),
            "Give the container LogDriver: awslogs, deploy the stack `task`, and run the job again.",
            "job",
        )


def own_words(case: Case) -> Iterator[Finding]:
    """What the job says about itself: a refusal by AWS, an error it explains, or a traceback."""
    if case.step != "job":
        return
    if case.task.exit_code == 124:
        yield Finding(
            "the job ran into its time limit: `timeout` ends with exit code 124",
            case.lines[-1:],
            next_step="Give it longer, or look at the last line for what it waited for.",
            stage="job",
        )
        return
    refused = next((d for d in map(denial, reversed(case.lines)) if d), None)
    if refused:
        yield denied(case.roles, refused, "job")
        return
    said, advice = last_words(case.lines)
    if said:
        yield Finding(f"the job itself says {said.rstrip('.')}", (), "", advice, "job")


def data_door(case: Case) -> Iterator[Finding]:
    """A job that was refused by its role: would the S3 endpoint's policy have let it through?"""
    refused = next((d for d in map(denial, reversed(case.lines)) if d), None)
    if case.step != "job" or case.trace is None or not refused or refused.door:
        return
    for path in case.trace.paths:
        if path.destination == "s3" and path.gap and path.gap.name == network.ENDPOINT_POLICY:
            yield from (found for found in policy_findings(path) if found.stage == "job")
            return


def job_rights(case: Case) -> Iterator[Finding]:
    """For a task that did not get that far: may the job read its day and write its report?"""
    role, bucket = case.definition.get("taskRoleArn"), case.environment.get("DATA_BUCKET")
    if case.task.exit_code is not None or not role or not bucket:
        return
    day = case.environment.get("REPORT_DATE", "any")
    for action, key in (("s3:GetObject", f"departures/{day}.csv.gz"), ("s3:PutObject", f"reports/{day}.csv")):
        arn = f"arn:{role.split(':')[1]}:s3:::{bucket}/{key}"
        if not case.roles.allows(role, action, arn):
            yield lacking("TaskRole", action, arn, (), "job")


def last_words(lines: Sequence[str]) -> tuple[str, str]:
    """What the job, or Python, says about the error in its last words, and what it advises."""
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if isinstance(entry, dict):
            error = entry.get("error") or entry.get("exception")
            if error or str(entry.get("level", "")).lower() in ("error", "critical"):
                reason = entry.get("reason") or entry.get("message")
                parts = [error, reason, entry.get("file"), entry.get("line") and f"line {entry['line']}"]
                return ", ".join(str(part) for part in parts if part), str(entry.get("advice", ""))
        elif re.match(r"\w+(\.\w+)*(Error|Exception|Exit|Interrupt)\b", line.strip()):
            return line.strip(), "Mend it, and run the day again."
    return "", ""


def _reason(case: Case) -> str:
    return f"stoppedReason: {case.task.reason}"


CHECKS: tuple[Check, ...] = (
    *(ways, pull_rights, refusal, log_group, image_tag),
    *(architecture, memory, stopped, no_log, own_words, data_door, job_rights),
)
