"""The service role of a build: what CodeBuild does itself with it, and how the build's commands get at it."""

from __future__ import annotations

import json
import secrets
import threading
from datetime import datetime, timedelta, timezone
from typing import Any

from werkzeug.wrappers import Request, Response

from .. import principals
from ..principals import Principal
from ..service import AwsError
from ..world import World
from .failures import PhaseFailed

SERVICE = "codebuild.amazonaws.com"
PATH = "/_sandbox/build-credentials/"
REFRESH_BEFORE = timedelta(minutes=10)  # SDKs ask again when less than that is left

_open: dict[str, BuildRole] = {}


class BuildRole:
    """The role of one build, assumed in the name of its project.

    The commands of the build find it through the container credentials endpoint, as in CodeBuild's own
    environment: no key stands in a variable. `secrets` are the texts that no log may show, longest first.
    """

    def __init__(self, world: World, region: str, role_arn: str, project_arn: str, build_uuid: str) -> None:
        self._world, self._region, self._project = world, region, project_arn
        self.role_arn, self._session = role_arn, f"AWSCodeBuild-{build_uuid}"
        self._id, self._token = build_uuid, secrets.token_urlsafe(32)
        self._lock = threading.Lock()
        self._found: dict[str, Any] | None = None
        self.secrets: tuple[str, ...] = ()
        self.hide(self._token)
        _open[build_uuid] = self

    def hide(self, *texts: str) -> None:
        """From now on, no log shows these."""
        found = {*self.secrets, *(text for text in texts if text.strip())}
        self.secrets = tuple(sorted(found, key=len, reverse=True))

    def credentials(self) -> dict[str, Any]:
        """Credentials with some life left in them. Raises AwsError."""
        with self._lock:
            found = self._found
            if found is None or found["Expiration"] - datetime.now(timezone.utc) < REFRESH_BEFORE:
                found = self._found = self._world.credentials(
                    self.role_arn, self._session, SERVICE, source_arn=self._project
                )
                self.hide(found["SecretAccessKey"], found["SessionToken"])
            return found

    def check(self) -> None:
        """Raises PhaseFailed when CodeBuild may not assume the role."""
        try:
            self.credentials()
        except AwsError as error:
            raise PhaseFailed(
                "ACCESS_DENIED", f"CodeBuild is not authorized to perform: sts:AssumeRole on {self.role_arn}"
            ) from error

    def client(self, service: str) -> Any:
        """A client with the role's credentials."""
        return self._world.client(
            service, self._region, self.role_arn, self._session, SERVICE, source_arn=self._project
        )

    def principal(self) -> Principal:
        """The role's session, as the sandbox's other services know it."""
        return principals.resolve(self.credentials()["AccessKeyId"], self._world.account)

    def environment(self) -> dict[str, str]:
        """The variables by which AWS's SDKs and CLI find the credentials."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self._world.endpoint}{PATH}{self._id}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token,
        }

    def close(self) -> None:
        """The build has ended: its commands get no more credentials."""
        _open.pop(self._id, None)

    def answer(self, request: Request) -> Response:
        given = request.headers.get("Authorization", "")
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            return _json({"code": "InvalidToken", "message": "wrong token"}, 403)
        try:
            found = self.credentials()
        except AwsError as error:
            return _json({"code": error.code, "message": error.message}, error.status)
        return _json(
            {
                "RoleArn": self.role_arn,
                "AccessKeyId": found["AccessKeyId"],
                "SecretAccessKey": found["SecretAccessKey"],
                "Token": found["SessionToken"],
                "Expiration": found["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )


def serve(environ: dict[str, Any], start_response: Any) -> Any:
    """The WSGI application below `PATH`."""
    request = Request(environ)
    role = _open.get(request.path.removeprefix(PATH))
    answer = (
        role.answer(request) if role else _json({"code": "InvalidIdInRequest", "message": "no build"}, 404)
    )
    return answer(environ, start_response)


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(content), status, mimetype="application/json")
