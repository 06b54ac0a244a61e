"""The sandbox's world: what its parts share. State, clock, runtime, clients, threads and the event bus."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from . import iam, principals
from .clock import Clock
from .inside import Inside
from .service import AwsError, Service
from .state import StateFile

logger = logging.getLogger(__name__)

MOST_CLIENTS = 200  # of each API and each session of a role one
WsgiApp = Callable[[dict, Callable], Any]


@cache
def boto_session() -> boto3.Session:
    """The session that clients for the sandbox itself come from; it keeps what it has read about each API."""
    return boto3.Session()


class World:
    """Everything that the services of one sandbox have in common."""

    account = DEFAULT_ACCOUNT_ID

    def __init__(self, home: Path, speed: float = 1.0, pace: float = 0.0) -> None:
        """`home` holds the state; `speed` is the schedule clock's; `pace` seconds go into each resource."""
        self.home = home
        self.pace = pace
        self.clock = Clock(speed)
        self.endpoint = ""
        self.runtime: Any = None
        self.stopping = threading.Event()
        self.lock = threading.RLock()
        self.paths: dict[str, WsgiApp] = {}
        self._stores: dict[tuple[str, str], Any] = {}
        self.inside: Inside | None = None
        self._clients: OrderedDict[tuple, Any] = OrderedDict()
        self._sessions: dict[tuple, dict] = {}
        self._boto = boto_session()
        self.state = StateFile(home / "state.pickle", lambda: self._stores, self._stores.update)

    # State ------------------------------------------------------------------------------------------------

    def store(self, service: str, region: str) -> Any:
        """The persistent state of one of our services in a region; made when first asked for."""
        with self.lock:
            if (service, region) not in self._stores:
                self._stores[service, region] = Service.registry[service].store_class()
            return self._stores[service, region]

    def stores(self, service: str) -> dict[str, Any]:
        """The service's state in every region where it has any."""
        with self.lock:
            return {region: store for (name, region), store in self._stores.items() if name == service}

    def changed(self) -> None:
        """Say that the state is different now, so that it is saved. API calls do this by themselves."""
        self.state.changed()

    def moto(self, service: str, region: str) -> Any:
        """moto's own memory of a service, for looking things up."""
        backends = get_backend(service)[self.account]
        return backends[region if region in backends.regions else "aws"]

    # Calls to the sandbox itself --------------------------------------------------------------------------

    def credentials(
        self,
        role_arn: str,
        session_name: str,
        as_service: str,
        duration: int = 3600,
        source_arn: str | None = None,
        **assume: Any,
    ) -> dict[str, Any]:
        """Temporary credentials of a role, assumed by an AWS service (`ecs-tasks.amazonaws.com`).

        `source_arn` is the resource on whose behalf the service asks (the trust policy's `aws:SourceArn`).
        A dict with AccessKeyId, SecretAccessKey, SessionToken and Expiration (an aware datetime).
        Raises AwsError when the role does not exist or does not trust the service.
        """
        iam.check_trust(self, role_arn, as_service, source_arn)
        sts = self.client("sts", "us-east-1", as_service=as_service)
        try:
            answer = sts.assume_role(
                RoleArn=role_arn,
                RoleSessionName=session_name[:64],
                DurationSeconds=duration,
                **assume,
            )
        except ClientError as error:
            raise AwsError(
                error.response["Error"]["Code"], error.response["Error"]["Message"], 403
            ) from error
        return answer["Credentials"]

    def client(
        self,
        service: str,
        region: str,
        role_arn: str | None = None,
        session_name: str = "sandbox",
        as_service: str = "sandbox.amazonaws.com",
        source_arn: str | None = None,
        **assume: Any,
    ) -> Any:
        """A boto3 client of this sandbox, with a role's credentials or as the AWS service `as_service`.

        With `role_arn` the credentials are those of `credentials`, whose other arguments are passed on.
        Clients are kept: asking again costs nothing until the role's credentials are about to expire. Their
        requests are answered in this process, not sent.
        """
        if role_arn is None:
            return self._client(
                service,
                region,
                principals.service_access_key(as_service),
                "sandbox",
                None,
            )
        key = (role_arn, session_name, as_service, source_arn, *sorted(assume.items()))
        found = self._sessions.get(key)
        soon = datetime.now(timezone.utc) + timedelta(minutes=5)
        if found is None or found["Expiration"] < soon:
            for old in [old for old, kept in list(self._sessions.items()) if kept["Expiration"] < soon]:
                self._sessions.pop(old, None)
            found = self._sessions[key] = self.credentials(
                role_arn, session_name, as_service, source_arn=source_arn, **assume
            )
        return self.client_with(found, service, region)

    def client_with(self, credentials: dict[str, Any], service: str, region: str) -> Any:
        """A boto3 client of this sandbox with credentials as AssumeRole gives them."""
        keys = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        return self._client(service, region, *(credentials[key] for key in keys))

    def _client(self, service: str, region: str, key: str, secret: str, token: str | None) -> Any:
        with self.lock:  # boto3 sessions are not safe for use by several threads; clients are
            name = (service, region, key)
            if name in self._clients:
                self._clients.move_to_end(name)
            else:
                self._clients[name] = made = self._boto.client(
                    service,
                    region_name=region,
                    endpoint_url=self.endpoint,
                    aws_access_key_id=key,
                    aws_secret_access_key=secret,
                    aws_session_token=token,
                    config=Config(
                        retries={"total_max_attempts": 1},
                        s3={"addressing_style": "path"},
                        max_pool_connections=32,
                        read_timeout=300,
                        proxies={},
                        user_agent="sandbox",  # botocore's own is put together anew for each request
                    ),
                )
                if self.inside:
                    self.inside.join(made)
                if len(self._clients) > MOST_CLIENTS:
                    self._clients.popitem(last=False)  # of a build or task that ended long ago
            return self._clients[name]

    # Work in the background -------------------------------------------------------------------------------

    def spawn(self, name: str, function: Callable[..., Any], *args: Any) -> threading.Thread:
        """Run a function in a thread of its own; what it raises is logged, not lost."""

        def run() -> None:
            try:
                function(*args)
            except Exception:
                if not self.stopping.is_set():
                    logger.exception("%s failed", name)

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def pause(self, seconds: float) -> None:
        """Let some real time pass, less if the sandbox stops."""
        if seconds > 0:
            self.stopping.wait(seconds)

    # Events and extra paths -------------------------------------------------------------------------------

    def publish(
        self,
        region: str,
        source: str,
        detail_type: str,
        detail: dict[str, Any],
        resources: list[str] | None = None,
    ) -> None:
        """Put an event on the region's default event bus, from where rules pass it to their targets."""
        from . import events

        entry = {
            "source": source,
            "detail-type": detail_type,
            "detail": detail,
            "resources": resources or [],
        }
        events.publish(self, region, entry)

    def serve_path(self, prefix: str, app: WsgiApp) -> None:
        """Answer every path under the endpoint that begins with `prefix` by another WSGI application."""
        self.paths[prefix] = app
