"""A place where builds can run: a role, a bucket with the source, a project; and how a build is read."""

from __future__ import annotations

import io
import itertools
import json
import re
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = "123456789012"
EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
_numbers = itertools.count(1)
_clients: dict[tuple[str, str, str], Any] = {}


def until(condition: Callable[[], Any], seconds: float = 120, what: str = "it") -> Any:
    """Ask until the answer is true; the answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} seconds")


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A ZIP of some files; those whose name ends in .sh are executable."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
            archive.writestr(entry, text)
    return content.getvalue()


@dataclass(frozen=True)
class Built:
    """A build that has ended: what BatchGetBuilds says of it, and its log."""

    build: dict[str, Any]
    log: list[str]

    @property
    def status(self) -> str:
        return self.build["buildStatus"]

    @property
    def phases(self) -> dict[str, str]:
        """The phases that the buildspec decides about, and how they ended."""
        return {
            phase["phaseType"]: phase["phaseStatus"]
            for phase in self.build["phases"]
            if phase["phaseType"] in ("INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD", "UPLOAD_ARTIFACTS")
        }

    def context(self, phase: str) -> tuple[str, str]:
        """Code and message of a phase's context."""
        found = next(entry for entry in self.build["phases"] if entry["phaseType"] == phase)
        return found["contexts"][0]["statusCode"], found["contexts"][0]["message"]

    @property
    def output(self) -> list[str]:
        """What the commands printed: the log without CodeBuild's own lines."""
        return [line for line in self.log if line.strip() and not line.startswith("[Container]")]

    @property
    def said(self) -> list[str]:
        """CodeBuild's own lines, without their time."""
        return [
            re.sub(r"^\[Container\] \S+ \S+ ", "", line)
            for line in self.log
            if line.startswith("[Container]")
        ]


@dataclass
class Ground:
    """Where one test's builds run. Everything bears a name that no other test uses."""

    sandbox: Any
    region: str = "us-east-1"
    name: str = field(default_factory=lambda: f"builds{next(_numbers)}-{time.monotonic_ns() % 10**8}")

    def __post_init__(self) -> None:
        self.codebuild, self.logs = self.client("codebuild"), self.client("logs")
        self.s3, self.iam, self.ecr = self.client("s3"), self.client("iam"), self.client("ecr")
        self.s3.create_bucket(Bucket=self.name)
        self.role = f"arn:aws:iam::{ACCOUNT}:role/{self.name}"
        self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust("codebuild.amazonaws.com"))
        self.allow(EVERYTHING)
        self.codebuild.create_project(**self.project())

    def client(self, service: str) -> Any:
        """A client of the test's sandbox. They are kept: to make one takes longer than to run a build."""
        key = (self.sandbox.endpoint, self.region, service)
        if key not in _clients:
            _clients[key] = self.sandbox.client(service, self.region)
        return _clients[key]

    def allow(self, statements: list[dict[str, Any]]) -> None:
        """Replace what the service role may do."""
        self.iam.put_role_policy(RoleName=self.name, PolicyName="build", PolicyDocument=policy(statements))

    def project(self, **changes: Any) -> dict[str, Any]:
        """The parameters of this ground's project."""
        return {
            "name": self.name,
            "source": {"type": "S3", "location": f"{self.name}/source.zip"},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {
                "type": "LINUX_CONTAINER",
                "computeType": "BUILD_GENERAL1_SMALL",
                "image": "aws/codebuild/standard:7.0",
                "privilegedMode": True,
            },
            "serviceRole": self.role,
            **changes,
        }

    def put_source(self, buildspec: str | None, files: dict[str, str | bytes] | None = None) -> None:
        """Put a ZIP with the buildspec and other files where the project takes its source."""
        named = {**(files or {}), **({"buildspec.yml": buildspec} if buildspec is not None else {})}
        self.s3.put_object(Bucket=self.name, Key="source.zip", Body=zipped(named))

    def start(
        self, buildspec: str | None = None, *, files: dict[str, str | bytes] | None = None, **request: Any
    ) -> str:
        """Start a build of this buildspec and these files; its id."""
        self.put_source(buildspec, files)
        return self.codebuild.start_build(projectName=self.name, **request)["build"]["id"]

    def build(self, buildspec: str | None = None, **request: Any) -> Built:
        """Run a build to its end."""
        return self.ended(self.start(buildspec, **request))

    def ended(self, build_id: str) -> Built:
        """The build, once it has ended."""

        def over() -> dict[str, Any] | None:
            found = self.get(build_id)
            return found if found["buildComplete"] else None

        found = until(over, 180, f"the end of {build_id}")
        return Built(found, self.log(found))

    def get(self, build_id: str) -> dict[str, Any]:
        return self.codebuild.batch_get_builds(ids=[build_id])["builds"][0]

    def log(self, build: dict[str, Any]) -> list[str]:
        """The lines of the build's log."""
        if "groupName" not in build["logs"]:
            return []
        where = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
        try:
            events = self.logs.get_log_events(**where, startFromHead=True)["events"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    def commands(self, *commands: str, phase: str = "build", **request: Any) -> Built:
        """Run a build whose one phase has these commands."""
        return self.build(spec({phase: list(commands)}), **request)


def policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def trust(service: str) -> str:
    """A trust policy for an AWS service."""
    who = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return policy([who])


def spec(phases: dict[str, Any], **rest: Any) -> str:
    """A buildspec; a phase given as a list has these commands."""
    full = {name: {"commands": phase} if isinstance(phase, list) else phase for name, phase in phases.items()}
    return json.dumps({"version": "0.2", "phases": full, **rest})  # JSON is YAML
