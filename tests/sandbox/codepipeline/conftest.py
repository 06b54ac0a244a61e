"""A pipeline of its own for each test: role, bucket, repository, and ways to wait for what shall happen."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

CLIENTS: dict[tuple[str, str, str], Any] = {}
ENDED = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


def kind(category: str, provider: str) -> dict[str, str]:
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}


@dataclass
class Line:
    """What a pipeline needs, and the pipeline. `wait` and `until` poll, and give up with what they saw."""

    sandbox: Any
    region: str = "us-east-1"
    name: str = field(default_factory=lambda: f"line-{uuid.uuid4().hex[:10]}")

    def __post_init__(self) -> None:
        self.pipelines, self.codecommit = self.client("codepipeline"), self.client("codecommit")
        self.s3, self.iam = self.client("s3"), self.client("iam")
        self.bucket = f"{self.name}-artifacts"

    def client(self, service: str) -> Any:
        """Clients are slow to make, so they are kept."""
        key = (self.sandbox.endpoint, service, self.region)
        if key not in CLIENTS:
            CLIENTS[key] = self.sandbox.client(service, self.region)
        return CLIENTS[key]

    def prepare(self) -> None:
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.codecommit.create_repository(repositoryName=self.name)
        self.role = self.make_role(self.name, "codepipeline.amazonaws.com", "*")

    def make_role(self, name: str, service: str, actions: str | list[str], resource: str = "*") -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        made = self.iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        self.allow(name, actions, resource)
        return made["Role"]["Arn"]

    def allow(self, role: str, actions: str | list[str], resource: str = "*") -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
        self.iam.put_role_policy(
            RoleName=role,
            PolicyName="policy",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    # The pipeline -----------------------------------------------------------------------------------------

    def source(self, **configuration: str) -> dict[str, Any]:
        return {
            "name": "Fetch",
            "namespace": "SourceVariables",
            "actionTypeId": kind("Source", "CodeCommit"),
            "configuration": {
                "RepositoryName": self.name,
                "BranchName": "main",
                "PollForSourceChanges": "false",
                **configuration,
            },
            "outputArtifacts": [{"name": "SourceOutput"}],
        }

    def s3_source(self, **configuration: str) -> dict[str, Any]:
        place = {"S3Bucket": self.bucket, "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"}
        return self.source() | {
            "actionTypeId": kind("Source", "S3"),
            "configuration": place | configuration,
        }

    def approval(self, name: str = "Approve", **more: Any) -> dict[str, Any]:
        return {"name": name, "actionTypeId": kind("Approval", "Manual"), **more}

    def build(self, **configuration: str) -> dict[str, Any]:
        """A build of the project that `make_project` makes."""
        return {
            "name": "Build",
            "actionTypeId": kind("Build", "CodeBuild"),
            "configuration": {"ProjectName": self.name, **configuration},
            "inputArtifacts": [{"name": "SourceOutput"}],
        }

    def make_project(self) -> None:
        role = self.make_role(f"{self.name}-build", "codebuild.amazonaws.com", "*")
        self.client("codebuild").create_project(
            name=self.name,
            source={"type": "CODEPIPELINE"},
            artifacts={"type": "CODEPIPELINE"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            serviceRole=role,
        )

    def declaration(self, *stages: tuple[str, list[dict[str, Any]]], **more: Any) -> dict[str, Any]:
        """Two stages unless others are given: Source, and Hold with an approval."""
        stages = stages or (("Source", [self.source()]), ("Hold", [self.approval()]))
        return {
            "name": self.name,
            "roleArn": self.role,
            "artifactStore": {"type": "S3", "location": self.bucket},
            "stages": [{"name": name, "actions": actions} for name, actions in stages],
            **more,
        }

    def create(self, *stages: tuple[str, list[dict[str, Any]]], **more: Any) -> str:
        """Make the pipeline; the id of the execution that this starts."""
        self.pipelines.create_pipeline(pipeline=self.declaration(*stages, **more))
        return self.executions()[-1]["pipelineExecutionId"]

    def commit(self, files: dict[str, str], message: str = "A change") -> str:
        there = {"repositoryName": self.name, "branchName": "main"}
        with contextlib.suppress(self.codecommit.exceptions.BranchDoesNotExistException):
            there["parentCommitId"] = self.codecommit.get_branch(**there)["branch"]["commitId"]
        puts = [{"filePath": path, "fileContent": text.encode()} for path, text in files.items()]
        return self.codecommit.create_commit(**there, putFiles=puts, commitMessage=message)["commitId"]

    def start(self, **more: Any) -> str:
        return self.pipelines.start_pipeline_execution(name=self.name, **more)["pipelineExecutionId"]

    # What it shows ----------------------------------------------------------------------------------------

    def executions(self) -> list[dict[str, Any]]:
        """Newest first."""
        return self.pipelines.list_pipeline_executions(pipelineName=self.name)["pipelineExecutionSummaries"]

    def status(self, execution: str) -> str:
        return self.execution(execution)["status"]

    def execution(self, execution: str) -> dict[str, Any]:
        found = self.pipelines.get_pipeline_execution(pipelineName=self.name, pipelineExecutionId=execution)
        return found["pipelineExecution"]

    def stage(self, name: str) -> dict[str, Any]:
        states = self.pipelines.get_pipeline_state(name=self.name)["stageStates"]
        return next(state for state in states if state["stageName"] == name)

    def action(self, stage: str, name: str | None = None) -> dict[str, Any]:
        """The last run of a stage's action, as GetPipelineState shows it; {} when there is none."""
        states = self.stage(stage)["actionStates"]
        state = next(state for state in states if name in (None, state["actionName"]))
        return state.get("latestExecution", {})

    def runs(self, execution: str) -> list[dict[str, Any]]:
        found = self.pipelines.list_action_executions(
            pipelineName=self.name, filter={"pipelineExecutionId": execution}
        )
        return found["actionExecutionDetails"]

    def until(self, condition: Callable[[], Any], seconds: float = 120) -> Any:
        """What `condition` returns, as soon as it is something."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"it did not happen: {json.dumps(self.executions(), default=str, indent=1)}"
                )
            time.sleep(0.05)
        return found

    def ended(self, execution: str, seconds: float = 120) -> str:
        """The final status of an execution."""
        self.until(lambda: self.status(execution) in ENDED, seconds)
        return self.status(execution)

    def holds(self, execution: str, stage: str = "Hold") -> str:
        """Wait until the execution waits for an approval; the token that answers it."""

        def token() -> str | None:
            entered = self.stage(stage).get("latestExecution", {}).get("pipelineExecutionId") == execution
            return self.action(stage).get("token") if entered else None

        return self.until(token)

    def answer(self, token: str, status: str = "Approved", summary: str = "", stage: str = "Hold") -> None:
        self.pipelines.put_approval_result(
            pipelineName=self.name,
            stageName=stage,
            actionName="Approve",
            token=token,
            result={"status": status, "summary": summary},
        )


@pytest.fixture
def make_line() -> Callable[[Any], Line]:
    """Prepare a line in any sandbox."""

    def make(sandbox: Any) -> Line:
        made = Line(sandbox)
        made.prepare()
        return made

    return make


@pytest.fixture
def line(sandbox: Any, make_line: Callable[[Any], Line]) -> Line:
    """A line in the session's sandbox."""
    return make_line(sandbox)


@pytest.fixture
def refused() -> Callable[..., str]:
    """Make a call that must be refused with an error code; the message."""

    def call(code: str, function: Callable, **params: Any) -> str:
        with pytest.raises(ClientError) as caught:
            function(**params)
        assert caught.value.response["Error"]["Code"] == code
        return caught.value.response["Error"]["Message"]

    return call
