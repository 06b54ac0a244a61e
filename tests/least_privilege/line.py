"""A project that runs, the steps of its two workflows, and what each leaves behind when it fails."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from helpers import (
    Session,
    deploy,
    follow_logs,
    follow_pipeline,
    open_session,
    run_task,
    upload_code,
    upload_day,
)
from helpers.stacks import exported_value

DAY, MISSING_DAY = "2013-01-01", "2013-01-09"


def waited(what: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask until the answer is true, or the time is over; the last answer."""
    deadline = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Outcome:
    """How a step ended, and all that AWS would show of it."""

    well: bool
    evidence: str


@dataclass(frozen=True)
class Line:
    """One deployed project. Each step is a method that returns its Outcome."""

    session: Session

    @classmethod
    def built(cls, project: str, provider: str) -> Line:
        """Deploy all stacks, have the pipeline push an image, put a day of data there."""
        session = open_session(project=project)
        deploy(session, "schedule", {"ScheduleState": "DISABLED"})
        if provider == "S3":
            deploy(session, "roles", {"SourceProvider": "S3"})
            upload_code(session)
        deploy(session, "build", {"SourceProvider": provider})
        deploy(session, "pipeline", {"SourceProvider": provider})
        follow_pipeline(session)
        upload_day(session, DAY)
        return cls(session)

    def client(self, service: str) -> Any:
        return self.session.client(service)

    @contextlib.contextmanager
    def without(self, role: str, *sids: str) -> Iterator[None]:
        """For a while the role has its policy without these statements."""
        iam, name = self.client("iam"), exported_value(self.session, f"{role}Arn").rpartition("/")[2]
        (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
        whole = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        rest = [statement for statement in whole["Statement"] if statement["Sid"] not in sids]
        assert len(rest) == len(whole["Statement"]) - len(sids), "a statement of this name"

        def put(document: dict[str, Any]) -> None:
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))

        if rest:
            put({**whole, "Statement": rest})
        else:  # IAM takes no policy without a statement
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        try:
            yield
        finally:
            put(whole)

    # Development workflow ---------------------------------------------------------------------------------

    def build_alone(self) -> Outcome:
        """A build that is started by hand."""
        codebuild = self.client("codebuild")
        build_id = codebuild.start_build(projectName=self.session.project)["build"]["id"]

        def ended() -> dict[str, Any] | None:
            build = codebuild.batch_get_builds(ids=[build_id])["builds"][0]
            return build if build["buildStatus"] != "IN_PROGRESS" else None

        return self._of_build(waited(ended))

    def _of_build(self, build: dict[str, Any]) -> Outcome:
        contexts = [
            f"{phase['phaseType']}: {context.get('message')}"
            for phase in build["phases"]
            for context in phase.get("contexts", [])
            if phase.get("phaseStatus") == "FAILED"
        ]
        stream = {
            "logGroupName": build["logs"].get("groupName"),
            "logStreamName": build["logs"].get("streamName"),
        }
        logs = self.client("logs")
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            contexts += [event["message"] for event in logs.get_log_events(**stream)["events"]]
        return Outcome(build["buildStatus"] == "SUCCEEDED", "\n".join(contexts))

    def pipeline(self) -> Outcome:
        """An execution of the pipeline, from the source to the image."""
        codepipeline, name = self.client("codepipeline"), self.session.project
        execution = codepipeline.start_pipeline_execution(name=name)["pipelineExecutionId"]

        def ended() -> str | None:
            status = codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)
            found = status["pipelineExecution"]["status"]
            return found if found != "InProgress" else None

        status = waited(ended)
        actions = codepipeline.list_action_executions(
            pipelineName=name, filter={"pipelineExecutionId": execution}
        )["actionExecutionDetails"]
        told = [
            f"{action['actionName']}: {action['output']['executionResult']['errorDetails'].get('message')}"
            for action in actions
            if action["status"] == "Failed"
        ]
        return Outcome(status == "Succeeded", "\n".join(told))

    def change(self) -> Outcome:
        """A commit, which the pipeline should hear of."""
        codepipeline, codecommit = self.client("codepipeline"), self.client("codecommit")
        name = self.session.project

        def executions() -> int:
            found = codepipeline.list_pipeline_executions(pipelineName=name)
            return len(found["pipelineExecutionSummaries"])

        before, failed = executions(), self._failed_invocations(f"{name}-source-change")
        tip = codecommit.get_branch(repositoryName=name, branchName="main")["branch"]["commitId"]
        codecommit.put_file(
            repositoryName=name,
            branchName="main",
            filePath="notes.txt",
            fileContent=tip.encode(),
            parentCommitId=tip,
        )
        waited(lambda: executions() > before or self._failed_invocations(f"{name}-source-change") > failed)
        well = executions() > before
        if well:  # it ends before the next step begins
            follow_pipeline(self.session)
        return Outcome(well, "" if well else "FailedInvocations")

    def _failed_invocations(self, rule: str) -> float:
        backend = self.client("cloudwatch")
        now = time.time()
        points = backend.get_metric_statistics(
            Namespace="AWS/Events",
            MetricName="FailedInvocations",
            Dimensions=[{"Name": "RuleName", "Value": rule}],
            StartTime=now - 3600,
            EndTime=now + 3600,
            Period=7200,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    # Batch workflow ---------------------------------------------------------------------------------------

    def task(self, day: str = DAY) -> Outcome:
        """A task that is started by hand."""
        task = follow_logs(self.session, run_task(self.session, environment={"REPORT_DATE": day}))
        lines: list[str] = []
        logs = self.client("logs")
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            found = logs.get_log_events(logGroupName=task.log_group, logStreamName=task.log_stream)
            lines = [event["message"] for event in found["events"]]
        return Outcome(task.exit_code == 0, "\n".join([task.reason, f"exit code {task.exit_code}", *lines]))

    def late_day(self) -> Outcome:
        """A day whose data are not there yet: well means that the job says just that."""
        found = self.task(MISSING_DAY)
        return Outcome("InputMissing" in found.evidence, found.evidence)

    def schedule(self, kind: str = "rule") -> Outcome:
        """The schedule fires: a task starts, or there is a dead letter, or the letter is lost."""
        ecs, sqs, cloudwatch = self.client("ecs"), self.client("sqs"), self.client("cloudwatch")
        queue, cluster = exported_value(self.session, "DeadLetterQueueUrl"), self.session.project
        deploy(self.session, "schedule", {"ScheduleKind": kind, "ScheduleState": "DISABLED"})
        self._empty(queue)

        def tasks() -> set[str]:
            return {
                arn
                for status in ("RUNNING", "STOPPED")
                for arn in ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
            }

        before = tasks()
        fast = {"ScheduleExpression": "rate(3 minutes)", "ScheduleState": "ENABLED"}
        deploy(self.session, "schedule", fast)

        def happened() -> Outcome | None:
            letters = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages")
            if letters:
                return Outcome(False, json.dumps(letters[0]["MessageAttributes"]))
            lost = cloudwatch.list_metrics(
                Namespace="AWS/Scheduler",
                MetricName="InvocationsFailedToBeSentToDeadLetterCount",
                Dimensions=[{"Name": "ScheduleGroup", "Value": cluster}],
            )["Metrics"]
            if kind == "scheduler" and lost:
                return Outcome(False, "InvocationsFailedToBeSentToDeadLetterCount")
            return Outcome(True, "") if tasks() - before else None

        outcome = waited(happened)
        deploy(self.session, "schedule", {"ScheduleExpression": None, "ScheduleState": "DISABLED"})
        return outcome

    def modern_schedule(self) -> Outcome:
        """EventBridge Scheduler fires."""
        try:
            return self.schedule("scheduler")
        finally:
            deploy(self.session, "schedule", {"ScheduleKind": "rule"})

    def _empty(self, queue: str) -> None:
        sqs = self.client("sqs")
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
