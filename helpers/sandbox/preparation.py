"""What Fargate does for a task before its containers start: secrets, registry login, log streams, images.

All of it with the execution role's own credentials, in the order in which Fargate 1.4 does it, and failing
with its words. On Fargate the same calls go through the task's network interface: whether they would arrive
there is asked by `preflight`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from . import failures
from .failures import Failure
from .logs import AwsLogs, LoggerFailed, open_stream
from .runtimes import CannotPull, Image, not_found
from .task_definitions import ECR_ADDRESS

if TYPE_CHECKING:
    from .world import World

ECS_TASKS = "ecs-tasks.amazonaws.com"

Check = Callable[["World", dict[str, Any]], "Failure | None"]
preflight_checks: list[Check] = []
"""Checks of what a task can reach, asked in turn: functions of the world and the task (see `preflight`)."""


def preflight(world: World, task: dict[str, Any]) -> Failure | None:
    """Why the task cannot reach what it needs to start, or None when nothing is known against it.

    `task` is as DescribeTasks shows it, with its `networkConfiguration` as in RunTask.
    """
    return next(filter(None, (check(world, task) for check in preflight_checks)), None)


@dataclass(frozen=True)
class Preparation:
    """What is done for one task before it runs, in its region, as its execution role."""

    world: World
    region: str
    task_id: str
    task_arn: str
    execution_role: str | None

    def client(self, service: str, region: str | None = None) -> Any:
        """A client with the execution role's credentials."""
        return self.world.client(
            service,
            region or self.region,
            self.execution_role,
            self.task_id,
            ECS_TASKS,
            source_arn=self.task_arn,
        )

    def log_in(self, images: list[str]) -> None:
        """Get a registry token, if an image comes from ECR. Raises TaskFailed."""
        if self.execution_role and any(ECR_ADDRESS.fullmatch(uri) for uri in images):
            try:
                self.client("ecr").get_authorization_token()
            except ClientError as error:
                raise failures.registry_auth(error) from error

    def secrets(self, container: dict[str, Any]) -> dict[str, str]:
        """The container's secrets as environment variables. Raises TaskFailed."""
        return {
            secret["name"]: self._secret(secret["valueFrom"]) for secret in container.get("secrets") or []
        }

    def _secret(self, source: str) -> str:
        if not source.startswith("arn:") or ":ssm:" in source:
            name = source.partition(":parameter")[2] or source
            try:
                return self.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
            except ClientError as error:
                raise failures.secret("ssm", "SSM", error) from error
        parts = source.split(
            ":"
        )  # arn:aws:secretsmanager:region:account:secret:name[:json-key:stage:version]
        try:
            value = self.client("secretsmanager").get_secret_value(SecretId=":".join(parts[:7]))[
                "SecretString"
            ]
        except ClientError as error:
            raise failures.secret("asm", "Secrets Manager", error) from error
        return str(json.loads(value)[parts[7]]) if len(parts) > 7 and parts[7] else value

    def open_log(self, container: dict[str, Any]) -> AwsLogs | None:
        """The container's log stream; None where no awslogs driver is named. Raises TaskFailed."""
        configuration = container.get("logConfiguration") or {}
        if configuration.get("logDriver") != "awslogs":
            return None
        options = configuration["options"]
        client = self.client("logs", options["awslogs-region"])
        try:
            return open_stream(client, options, container["name"], self.task_id)
        except LoggerFailed as error:
            raise failures.logger_args(str(error)) from error

    def pull(self, uri: str) -> Image:
        """The image at an address. From ECR only what the execution role may read. Raises TaskFailed."""
        address = ECR_ADDRESS.fullmatch(uri)
        if address and self.execution_role:
            self._ask_registry(uri, address.groupdict())
        try:
            return self.world.runtime.pull(uri)
        except CannotPull as error:
            raise failures.cannot_pull(str(error)) from error

    def _ask_registry(self, uri: str, address: dict[str, str | None]) -> None:
        """Read the manifest and ask for each layer, as a pull does: IAM and the registry may refuse."""
        ecr = self.client("ecr", address["region"])
        repository = {"registryId": address["account"], "repositoryName": address["repository"]}
        digest, tag = address["digest"], address["tag"] or "latest"
        wanted = {"imageDigest": digest} if digest else {"imageTag": tag}
        try:
            images = ecr.batch_get_image(**repository, imageIds=[wanted])["images"]
        except ClientError as error:
            if failures.is_denied(error):
                raise failures.manifest_forbidden(uri) from error
            raise failures.cannot_pull(not_found(uri)) from error
        if not images:
            raise failures.cannot_pull(not_found(uri))
        layers = layers_of(images[0].get("imageManifest") or "{}")
        if not layers:
            return
        try:
            for layer in layers:
                ecr.get_download_url_for_layer(**repository, layerDigest=layer)
        except ClientError as error:
            if failures.is_denied(error):
                raise failures.layer_forbidden(uri, layers[0]) from error


def layers_of(manifest: str) -> list[str]:
    """The digests of an image's layers, from its manifest."""
    try:
        found = json.loads(manifest)
    except ValueError:
        return []
    return [layer["digest"] for layer in found.get("layers", [])]
