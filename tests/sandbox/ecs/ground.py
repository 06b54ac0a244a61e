"""A place where tasks can run: network, roles, a cluster, a log group, and images made of a few files."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = "123456789012"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
_numbers = itertools.count(1)
_clients: dict[tuple[str, str, str], Any] = {}


def until(condition: Callable[[], Any], seconds: float = 120, what: str = "it") -> Any:
    """Ask until the answer is true; the answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} seconds")


@dataclass
class Ground:
    """Where one test's tasks run. Everything bears a name that no other test uses."""

    sandbox: Any
    region: str = "us-east-1"
    name: str = field(default_factory=lambda: f"test{next(_numbers)}-{time.monotonic_ns() % 10**8}")

    def __post_init__(self) -> None:
        self.ecs, self.ec2 = self.client("ecs"), self.client("ec2")
        self.logs, self.ecr, self.iam = self.client("logs"), self.client("ecr"), self.client("iam")
        vpc = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
        self.group = self.ec2.create_security_group(GroupName=self.name, Description="tasks", VpcId=vpc)[
            "GroupId"
        ]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        (table,) = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])[
            "RouteTables"
        ]
        self.ec2.create_route(
            RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
        )
        self.cluster = self.ecs.create_cluster(clusterName=self.name)["cluster"]["clusterArn"]
        self.log_group = f"/batch/{self.name}"
        self.logs.create_log_group(logGroupName=self.log_group)
        self.repository = f"{ACCOUNT}.dkr.ecr.{self.region}.amazonaws.com/{self.name}"
        self.ecr.create_repository(repositoryName=self.name)
        self.execution_role = self.role("execution")
        self.task_role = self.role("task")

    def client(self, service: str) -> Any:
        """A client of the test's sandbox. They are kept: to make one takes longer than to run a task."""
        key = (self.sandbox.endpoint, self.region, service)
        if key not in _clients:
            _clients[key] = self.sandbox.client(service, self.region)
        return _clients[key]

    def role(self, name: str, trust: dict = TRUST, policy: dict = EVERYTHING) -> str:
        made = self.iam.create_role(
            RoleName=f"{self.name}-{name}", AssumeRolePolicyDocument=json.dumps(trust)
        )
        self.iam.put_role_policy(
            RoleName=f"{self.name}-{name}", PolicyName="all", PolicyDocument=json.dumps(policy)
        )
        return made["Role"]["Arn"]

    # Images -----------------------------------------------------------------------------------------------

    def image(
        self,
        script: str = "",
        tag: str = "latest",
        architecture: str = "amd64",
        files: dict[str, str] | None = None,
        **config: Any,
    ) -> str:
        """Push an image that runs a Python script, through ECR's own API; its address."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            for name, text in {"app/main.py": script, **(files or {})}.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(text.encode()), 0o755
                archive.addfile(entry, io.BytesIO(text.encode()))
        layer = gzip.compress(content.getvalue())
        settings = {"Cmd": ["python", "-u", "main.py"], "WorkingDir": "/app", **config}
        description = json.dumps(
            {
                "architecture": architecture,
                "os": "linux",
                "config": settings,
                "rootfs": {"type": "layers", "diff_ids": [_digest(content.getvalue())]},
            }
        ).encode()
        for blob in (layer, description):
            self._upload(blob)
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": _digest(description),
                "size": len(description),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": _digest(layer),
                    "size": len(layer),
                }
            ],
        }
        self.ecr.put_image(repositoryName=self.name, imageManifest=json.dumps(manifest), imageTag=tag)
        return f"{self.repository}:{tag}"

    def _upload(self, blob: bytes) -> None:
        upload = self.ecr.initiate_layer_upload(repositoryName=self.name)["uploadId"]
        self.ecr.upload_layer_part(
            repositoryName=self.name,
            uploadId=upload,
            partFirstByte=0,
            partLastByte=len(blob) - 1,
            layerPartBlob=blob,
        )
        self.ecr.complete_layer_upload(
            repositoryName=self.name, uploadId=upload, layerDigests=[_digest(blob)]
        )

    # Task definitions and tasks ---------------------------------------------------------------------------

    def container(self, image: str, name: str = "job", log: bool = True, **more: Any) -> dict[str, Any]:
        """A container definition that logs to this test's group."""
        options = {
            "awslogs-group": self.log_group,
            "awslogs-region": self.region,
            "awslogs-stream-prefix": "test",
        }
        logged = {"logConfiguration": {"logDriver": "awslogs", "options": options}} if log else {}
        return {"name": name, "image": image, **logged, **more}

    def define(self, *containers: dict[str, Any], **more: Any) -> str:
        """Register a task definition of this test's family; its ARN."""
        definition = {
            "family": self.name,
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": self.execution_role,
            "taskRoleArn": self.task_role,
            "containerDefinitions": list(containers),
            **more,
        }
        given = {name: value for name, value in definition.items() if value is not None}
        return self.ecs.register_task_definition(**given)["taskDefinition"]["taskDefinitionArn"]

    @property
    def network(self) -> dict[str, Any]:
        return {
            "awsvpcConfiguration": {
                "subnets": [self.subnet],
                "securityGroups": [self.group],
                "assignPublicIp": "ENABLED",
            }
        }

    def run(self, definition: str, **more: Any) -> dict[str, Any]:
        """Run a task; the task as RunTask answers it."""
        request = {"launchType": "FARGATE", "networkConfiguration": self.network, **more}
        answer = self.ecs.run_task(cluster=self.cluster, taskDefinition=definition, **request)
        assert answer["failures"] == []
        return answer["tasks"][0]

    def describe(self, task: dict[str, Any]) -> dict[str, Any]:
        """The task as it is now."""
        return self.ecs.describe_tasks(cluster=self.cluster, tasks=[task["taskArn"]], include=["TAGS"])[
            "tasks"
        ][0]

    def when(self, task: dict[str, Any], status: str = "STOPPED", seconds: float = 30) -> dict[str, Any]:
        """The task once it has a status."""

        def there() -> dict[str, Any] | None:
            found = self.describe(task)
            return found if found["lastStatus"] == status else None

        return until(there, seconds, f"{status} of {task['taskArn']}")

    def ran(self, definition: str, **more: Any) -> dict[str, Any]:
        """Run a task; the task once it has stopped."""
        return self.when(self.run(definition, **more))

    def output(self, task: dict[str, Any], container: str = "job") -> list[str]:
        """What the task's container wrote into its log stream, line by line."""
        stream = f"test/{container}/{task['taskArn'].rpartition('/')[2]}"
        pages = {"logGroupName": self.log_group, "logStreamName": stream, "startFromHead": True}
        events, token = [], None
        while True:
            page = self.logs.get_log_events(**pages, **({"nextToken": token} if token else {}))
            events += page["events"]
            if page["nextForwardToken"] == token or not page["events"]:
                return [event["message"] for event in events]
            token = page["nextForwardToken"]


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
