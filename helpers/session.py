"""Which AWS a cell talks to: the local sandbox, or an account that the user has allowed by name."""

from __future__ import annotations

import functools
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore import exceptions as boto
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.utils import parse_timestamp, tzutc

from . import show
from .errors import (
    AccountNotAllowed,
    AwsRefused,
    CredentialsMissing,
    NameUnknown,
    NotReady,
    RegionMissing,
    SandboxUnavailable,
    WorkshopError,
)

ROOT = Path(__file__).resolve().parents[1]
SANDBOX_REGION = "us-east-1"  # when none is asked for; the sandbox has every region
SECONDS_TO_START = 120

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Session(show.Noun):
    """An AWS to talk to and a project in it. Everything the project makes begins with `project`."""

    mode: str
    project: str
    region: str
    endpoint: str | None
    runtime: str | None
    aws: boto3.Session = field(repr=False)
    clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def sandbox(self) -> bool:
        return self.mode == "sandbox"

    @property
    def poll_seconds(self) -> float:
        """The wait between two looks; AWS limits how often an account may ask, the sandbox does not."""
        return 0.2 if self.sandbox else 3.0

    def client(self, service: str) -> Any:
        """A boto3 client for `service`, made once."""
        if service not in self.clients:
            self.clients[service] = self.aws.client(
                service, endpoint_url=self.endpoint, config=_client_config(self.sandbox)
            )
        return self.clients[service]

    def stack_name(self, stack: str) -> str:
        """The full name of one of the project's stacks: `network` is `flights-network`."""
        return stack if stack.startswith(f"{self.project}-") else f"{self.project}-{stack}"

    def _view(self) -> Iterator[show.Block]:
        rows = [
            ("AWS", "sandbox (local, no account, no cost)" if self.sandbox else "account (real, costs money)")
        ]
        if self.sandbox:
            rows += [("Endpoint", self.endpoint), ("Runtime", self.runtime or "unknown")]
        yield show.Table(("Session", ""), [*rows, ("Region", self.region), ("Project", self.project)])


def open_session(mode: str = "sandbox", project: str = "flights", region: str | None = None) -> Session:
    """Open the AWS that the cells talk to.

    `mode` "sandbox" (the default) is the local AWS: the one at $SANDBOX_ENDPOINT, or the project's own, which
    is started if it does not run. Whatever AWS configuration the machine has is left alone, so a sandbox
    session can never reach a real account. `mode` "account" uses the credentials botocore finds, and only if
    they belong to the account that $WORKSHOP_ACCOUNT_ID names; this is checked again before every verb.
    `project` begins the name of everything made. `region` None means us-east-1 in the sandbox, and the
    configured region in an account.

    Raises SandboxUnavailable, AccountNotAllowed, CredentialsMissing, RegionMissing or NameUnknown.
    """
    if not re.fullmatch(r"(?=.{2,20}$)[a-z][a-z0-9]*(-[a-z0-9]+)*", project):
        raise NameUnknown(
            f"`{project}` cannot be a project's name.",
            "Choose 2 to 20 lower-case letters, digits and single hyphens, beginning with a letter.",
        )
    if mode == "sandbox":
        return _remember(_sandbox_session(project, region or SANDBOX_REGION))
    if mode == "account":
        return _remember(_account_session(project, region))
    raise NameUnknown(f"There is no mode `{mode}`.", 'Use mode="sandbox" or mode="account".')


_opened: list[Session] = []  # the session that was opened last, in a list of one


def _remember(session: Session) -> Session:
    _opened[:] = [session]
    return session


def current() -> Session:
    """The session that was opened last in this kernel. Raises NotReady before there is one."""
    if not _opened:
        raise NotReady("No session is open.", "Run the notebook's second cell: session = open_session(…).")
    return _opened[0]


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function a cell calls. Its first argument is the session.

    In account mode the account is checked before anything else; and what botocore raises leaves the verb as
    an error that says what to do next.
    """

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        session = args[0] if args else kwargs.get("session")
        if not isinstance(session, Session):
            raise NameUnknown(
                f"{function.__name__} needs the session first, not {type(session).__name__}.",
                f"Write {function.__name__}(session, …); open_session() gives a session.",
            )
        try:
            if not session.sandbox:
                _check_account(session)
            return function(*args, **kwargs)
        except (boto.BotoCoreError, boto.ClientError) as error:
            raise translated(error, session) from error

    return guarded


def translated(error: Exception, session: Session | None = None) -> WorkshopError:
    """The error of ours that says what a botocore error means here."""
    if isinstance(error, boto.ClientError):
        code = error.response.get("Error", {}).get("Code", "Unknown")
        message = error.response.get("Error", {}).get("Message", str(error))
        if code in _EXPIRED:
            return CredentialsMissing(
                f"AWS no longer accepts the credentials ({code}).", "Log in again, then run the cell."
            )
        if code in _INVALID:
            return CredentialsMissing(
                f"AWS does not know these credentials ({code}).", "Check AWS_PROFILE, or log in again."
            )
        return AwsRefused(code, error.operation_name, message, _next_step(code))
    if isinstance(
        error, (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError)
    ):
        return CredentialsMissing(
            f"No usable AWS credentials: {error}",
            "Log in (for example `aws sso login`) or set AWS_PROFILE, then run the cell.",
        )
    if isinstance(error, (boto.TokenRetrievalError, boto.SSOTokenLoadError, boto.UnauthorizedSSOTokenError)):
        return CredentialsMissing(
            f"The login has expired: {error}", "Run `aws sso login`, then the cell again."
        )
    if isinstance(error, boto.ProfileNotFound):
        return CredentialsMissing(
            str(error), "Set AWS_PROFILE to a profile that `aws configure list-profiles` shows."
        )
    if isinstance(error, boto.NoRegionError):
        return RegionMissing(
            "No region is set.", 'Give one: open_session(mode="account", region="eu-west-1").'
        )
    if isinstance(error, (boto.ConnectionError, boto.HTTPClientError)):
        if session is not None and session.sandbox:
            return SandboxUnavailable(
                f"The sandbox does not answer at {session.endpoint}.",
                "Run the open_session cell again: it starts the sandbox, which remembers what was deployed.",
            )
        return AwsRefused(
            type(error).__name__, "the connection", str(error), "Check the network, then run the cell again."
        )
    return AwsRefused(type(error).__name__, "the call", str(error), "Correct the argument named above.")


_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_INVALID = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure"}


def _next_step(code: str) -> str:
    if "AccessDenied" in code or code == "UnauthorizedOperation":
        return "The credentials lack this right: ask whoever owns the account for it."
    if "Throttl" in code or code == "TooManyRequestsException":
        return "AWS limits how often an account may ask; wait a minute and run the cell again."
    return ""


def _client_config(sandbox: bool) -> Config:
    retries = {"mode": "standard", "total_max_attempts": 3 if sandbox else 8}
    if not sandbox:
        return Config(retries=retries, connect_timeout=10, read_timeout=60)
    return Config(
        retries=retries,
        connect_timeout=5,
        read_timeout=60,
        proxies={},  # 127.0.0.1 is never behind a proxy
        s3={"addressing_style": "path"},
        use_fips_endpoint=False,
        use_dualstack_endpoint=False,
        user_agent="serverless-batch-workshop",  # botocore's own is put together anew for each request
    )


# botocore's variables as (name in a config file, environment variable, default, conversion): from nowhere.
_NO_CONFIGURATION = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def _sandbox_session(project: str, region: str) -> Session:
    endpoint = os.environ.get("SANDBOX_ENDPOINT")
    status = _ask_sandbox("status") if endpoint else _ask_sandbox("start")
    if endpoint:
        _must_answer(endpoint)
    runtime = status.get("runtime") if endpoint in (None, status.get("endpoint")) else None
    core = botocore.session.Session(session_vars=_NO_CONFIGURATION)
    core.set_credentials("sandbox", "sandbox")
    core.register_component("data_loader", _descriptions(core.get_config_variable("data_path")))
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read_time)
    aws = boto3.Session(botocore_session=core, region_name=region)
    return Session("sandbox", project, region, endpoint or status["endpoint"], runtime, aws)


@functools.cache
def _descriptions(data_path: str | None) -> Loader:
    """AWS's descriptions of its APIs, read once however many sessions are opened."""
    return create_loader(data_path)


_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z")


def read_time(value: Any) -> datetime:
    """A point in time as botocore reads it, but quickly where it stands in the form that AWS writes in XML.

    botocore asks dateutil, which tries many forms: while a stack is watched, that was an eighth of all work.
    """
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return parse_timestamp(value)
    *parts, fraction = found.groups(default="")
    return datetime(*map(int, parts), int(fraction.ljust(6, "0")), tzinfo=tzutc())


def _ask_sandbox(what: str) -> dict[str, Any]:
    """The sandbox is a program of its own: what it says about itself, after `start` or `status`."""
    command = [sys.executable, "-m", "helpers.sandbox", what, "--json"]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_START,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SandboxUnavailable(
            f"The sandbox did not start within {SECONDS_TO_START} seconds.",
            "Run `python -m helpers.sandbox stop` in the project's folder, then the cell again.",
        ) from None
    try:
        if done.returncode == 0:
            return json.loads(done.stdout)
    except ValueError:
        pass  # it ended well and said something else: shown below
    said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
    raise SandboxUnavailable(
        f"The sandbox could not be started: {said[-1]}",
        "Run `python -m helpers.sandbox start` in the project's folder to see everything it says.",
    )


def _must_answer(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=5).close()
    except OSError as error:
        raise SandboxUnavailable(
            f"Nothing answers at {endpoint}: {error.strerror or error}.",
            "SANDBOX_ENDPOINT names it: start that sandbox, or unset the variable to use the project's own.",
        ) from None


def _account_session(project: str, region: str | None) -> Session:
    try:
        aws = boto3.Session(region_name=region)
        if aws.region_name is None:
            raise boto.NoRegionError()
        if aws.region_name not in _all_regions(aws):
            raise RegionMissing(
                f"There is no region `{aws.region_name}`.", 'Give one such as region="eu-west-1".'
            )
        session = Session("account", project, aws.region_name, None, None, aws)
        _check_account(session)
    except (boto.BotoCoreError, boto.ClientError) as error:
        raise translated(error) from error
    return session


def _all_regions(aws: boto3.Session) -> set[str]:
    return {
        name for part in aws.get_available_partitions() for name in aws.get_available_regions("ecs", part)
    }


def _check_account(session: Session) -> None:
    """Raises AccountNotAllowed unless the credentials are of the account that WORKSHOP_ACCOUNT_ID names."""
    allowed = os.environ.get("WORKSHOP_ACCOUNT_ID", "").strip()
    if not re.fullmatch(r"\d{12}", allowed):
        raise AccountNotAllowed(
            "No account is allowed by name."
            if not allowed
            else "WORKSHOP_ACCOUNT_ID is not an account number.",
            "Set WORKSHOP_ACCOUNT_ID to the twelve digits of a sandbox account before starting Jupyter.",
        )
    actual = session.client("sts").get_caller_identity()["Account"]
    show.conceal(actual)
    if actual != allowed:
        raise AccountNotAllowed(
            "The credentials belong to another account than WORKSHOP_ACCOUNT_ID names. Nothing was done.",
            "Switch to the right profile (AWS_PROFILE), or correct WORKSHOP_ACCOUNT_ID.",
        )
