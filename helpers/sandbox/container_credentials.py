"""What Fargate offers a running container over HTTP: its role's credentials, and what it can know of itself.

On Fargate both are at 169.254.170.2, which on a learner's machine is nobody. Here they are below the
sandbox's own endpoint; the container finds them by the same environment variables.

Sources (2026-11-23): "Container credential provider" (AWS SDKs and Tools reference guide); "Amazon ECS task
metadata endpoint version 4 for tasks on Fargate" (Amazon ECS developer guide).
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from .service import AwsError

if TYPE_CHECKING:
    from .world import World

CREDENTIALS = "/_sandbox/credentials/"
METADATA = "/_sandbox/metadata/v4/"
REFRESH_BEFORE = timedelta(minutes=10)  # SDKs ask again when less than that is left


@dataclass(frozen=True)
class Access:
    """What one task's containers may ask for. `describe` gives the task as DescribeTasks would."""

    task_id: str
    task_arn: str
    role_arn: str | None
    token: str
    describe: Callable[[], dict[str, Any]]


class ContainerEndpoints:
    """Answers the containers of all running tasks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._open: dict[str, Access] = {}
        self._credentials: dict[str, dict[str, Any]] = {}
        world.serve_path(CREDENTIALS, self._answer_credentials)
        world.serve_path(METADATA, self._answer_metadata)

    def open(
        self, task_id: str, task_arn: str, role_arn: str | None, describe: Callable[[], dict[str, Any]]
    ) -> None:
        """Begin to answer the containers of a task."""
        self._open[task_id] = Access(task_id, task_arn, role_arn, secrets.token_urlsafe(32), describe)

    def close(self, task_id: str) -> None:
        """The task has ended: its containers get no more answers."""
        self._open.pop(task_id, None)
        self._credentials.pop(task_id, None)

    def environment(self, task_id: str, container: str) -> dict[str, str]:
        """The variables by which a container finds its endpoints.

        Fargate gives a path at 169.254.170.2 (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI); SDKs take a full
        address with a token just as well. Without a task role there is none: the job has no credentials.
        """
        access = self._open[task_id]
        found = {"ECS_CONTAINER_METADATA_URI_V4": f"{self._world.endpoint}{METADATA}{task_id}/{container}"}
        if access.role_arn:
            found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{self._world.endpoint}{CREDENTIALS}{task_id}"
            found["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = access.token
        return found

    def _answer_credentials(self, environ: dict, start_response: Callable) -> Any:
        request = Request(environ)
        access = self._open.get(request.path.removeprefix(CREDENTIALS))
        if access is None or access.role_arn is None:
            return _json({"code": "InvalidIdInRequest", "message": "no role"}, 404)(environ, start_response)
        if not secrets.compare_digest(request.headers.get("Authorization", ""), access.token):
            return _json({"code": "InvalidToken", "message": "wrong token"}, 403)(environ, start_response)
        try:
            answer = _json(self._role_credentials(access))
        except AwsError as error:
            answer = _json({"code": error.code, "message": error.message}, error.status)
        return answer(environ, start_response)

    def _role_credentials(self, access: Access) -> dict[str, Any]:
        with self._lock:
            found = self._credentials.get(access.task_id)
            if found is None or found["Expiration"] - datetime.now(timezone.utc) < REFRESH_BEFORE:
                found = self._credentials[access.task_id] = self._world.credentials(
                    access.role_arn, access.task_id, "ecs-tasks.amazonaws.com", source_arn=access.task_arn
                )
        return {
            "RoleArn": access.role_arn,
            "AccessKeyId": found["AccessKeyId"],
            "SecretAccessKey": found["SecretAccessKey"],
            "Token": found["SessionToken"],
            "Expiration": found["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _answer_metadata(self, environ: dict, start_response: Callable) -> Any:
        task_id, _, rest = Request(environ).path.removeprefix(METADATA).partition("/")
        container, _, what = rest.partition("/")
        access = self._open.get(task_id)
        task = access.describe() if access else {"containers": []}
        names = [found["name"] for found in task["containers"]]
        if container not in names or what not in ("", "task", "taskWithTags"):
            return _json({"error": "404 page not found"}, 404)(environ, start_response)
        if what:
            answer = task_metadata(task, with_tags=what == "taskWithTags")
        else:
            answer = container_metadata(task, task["containers"][names.index(container)])
        return _json(answer)(environ, start_response)


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(content), status, mimetype="application/json")


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def _without_nothing(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if value is not None}


def container_metadata(task: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    """A container as its metadata endpoint shows it."""
    family, _, revision = task["taskDefinitionArn"].rpartition("/")[2].partition(":")
    return _without_nothing(
        {
            "DockerId": container["runtimeId"],
            "Name": container["name"],
            "DockerName": container["name"],
            "Image": container["image"],
            "ImageID": container.get("imageDigest", ""),
            "Labels": {
                "com.amazonaws.ecs.cluster": task["clusterArn"],
                "com.amazonaws.ecs.container-name": container["name"],
                "com.amazonaws.ecs.task-arn": task["taskArn"],
                "com.amazonaws.ecs.task-definition-family": family,
                "com.amazonaws.ecs.task-definition-version": revision,
            },
            "DesiredStatus": task["desiredStatus"],
            "KnownStatus": container["lastStatus"],
            "ExitCode": container.get("exitCode"),
            "Limits": {
                "CPU": int(container["cpu"]),
                "Memory": int(container.get("memory") or task["memory"]),
            },
            "CreatedAt": _time(task.get("pullStoppedAt")),
            "StartedAt": _time(task.get("startedAt")),
            "Type": "NORMAL",
            "ContainerARN": container["containerArn"],
            "Networks": [
                {"NetworkMode": "awsvpc", "IPv4Addresses": [interface["privateIpv4Address"]]}
                for interface in container["networkInterfaces"]
            ],
        }
    )


def task_metadata(task: dict[str, Any], with_tags: bool = False) -> dict[str, Any]:
    """A task as its metadata endpoint shows it."""
    family, _, revision = task["taskDefinitionArn"].rpartition("/")[2].partition(":")
    tags = {tag["key"]: tag["value"] for tag in task.get("tags", [])}
    return _without_nothing(
        {
            "Cluster": task["clusterArn"],
            "TaskARN": task["taskArn"],
            "Family": family,
            "Revision": revision,
            "DesiredStatus": task["desiredStatus"],
            "KnownStatus": task["lastStatus"],
            "Limits": {"CPU": int(task["cpu"]) / 1024, "Memory": int(task["memory"])},
            "PullStartedAt": _time(task.get("pullStartedAt")),
            "PullStoppedAt": _time(task.get("pullStoppedAt")),
            "AvailabilityZone": task.get("availabilityZone"),
            "LaunchType": task["launchType"],
            "Containers": [container_metadata(task, container) for container in task["containers"]],
            "TaskTags": tags if with_tags else None,
        }
    )
