"""The two commands of the AWS CLI that every build calls, without loading the AWS CLI, which takes a second.

`aws --version` says which CLI would run. `aws ecr get-login-password` makes one signed request. Both only in
their plain form and in the environment that a build has; whatever is unusual, or goes wrong here, is left to
the AWS CLI itself, which then says what it says on AWS. Only the standard library is used, to begin at once.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from datetime import datetime, timezone


def answer(arguments: list[str]) -> str | None:
    """What the command prints; None when the AWS CLI has to run."""
    try:
        if arguments == ["--version"]:
            return version()
        if arguments[:2] == ["ecr", "get-login-password"] and is_plain(os.environ):
            rest = arguments[2:]
            if not rest:
                return password(os.environ["AWS_DEFAULT_REGION"])
            if len(rest) == 2 and rest[0] == "--region":
                return password(rest[1])
    except (OSError, LookupError, ValueError):
        pass  # the AWS CLI tries again, and explains
    return None


def version() -> str:
    """As the AWS CLI puts it together."""
    import platform

    from awscli import __version__ as cli
    from awscli.botocore import __version__ as core

    python, system = platform.python_version(), f"{platform.system()}/{platform.release()}"
    return f"aws-cli/{cli} Python/{python} {system} botocore/{core}"


def is_plain(environment: Mapping[str, str]) -> bool:
    """Whether nothing but the build's own variables tells the AWS CLI what to do."""
    expected = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED"}
    expected |= {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"}
    found = {name for name in environment if name.startswith("AWS_")} - {
        "AWS_ACCOUNT_ID"
    }  # the project's own
    return found == expected and not os.path.exists(os.path.expanduser("~/.aws"))


def password(region: str) -> str:
    """The registry's password, by GetAuthorizationToken with the role's credentials."""
    import base64
    import json

    address = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    credentials = json.loads(_send("GET", address, {"Authorization": token}))
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    }
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    signed = sign(endpoint, region, "ecr", b"{}", headers, credentials, datetime.now(timezone.utc))
    found = json.loads(_send("POST", endpoint, signed, b"{}"))
    secret = base64.b64decode(found["authorizationData"][0]["authorizationToken"]).decode()
    return secret.split(":")[1]


def sign(
    endpoint: str,
    region: str,
    service: str,
    body: bytes,
    headers: dict[str, str],
    credentials: dict[str, str],
    now: datetime,
) -> dict[str, str]:
    """The headers of a POST to `/`, with its signature (Signature Version 4).

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    whole = {
        **headers,
        "Host": endpoint.partition("://")[2].rstrip("/"),
        "X-Amz-Date": moment,
        "X-Amz-Security-Token": credentials["Token"],
    }
    lower = {name.lower(): value for name, value in sorted(whole.items(), key=lambda item: item[0].lower())}
    names = ";".join(lower)
    lines = "".join(f"{name}:{value}\n" for name, value in lower.items())
    canonical = "\n".join(["POST", "/", "", lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + credentials["SecretAccessKey"]).encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    whole["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials['AccessKeyId']}/{scope}, "
        f"SignedHeaders={names}, Signature={key.hex()}"
    )
    return whole


def _send(method: str, address: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    if parts.scheme != "http" or parts.hostname != "127.0.0.1":
        raise ValueError("not the sandbox")
    connection = HTTPConnection("127.0.0.1", parts.port or 80, timeout=60)
    connection.request(method, parts.path or "/", body, headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise ValueError(f"status {answer.status}")
    return answer.read()
