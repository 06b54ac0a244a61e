"""Who is asking: the learner, a role that somebody assumed, or one of AWS's own services.

A request names its sender by the access key it was signed with. Signatures are not verified: whoever reaches
127.0.0.1 is on the learner's own machine.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from moto.backends import get_backend

SERVICE_KEY_PREFIX = "SANDBOXSERVICE"
_nonce = secrets.token_hex(8)  # made anew at each start, so that no job can pose as an AWS service


@dataclass(frozen=True)
class Principal:
    """A sender of requests.

    `kind` is "learner" (unrestricted), "role" (may do what its policies allow) or "service" (AWS itself);
    `service` is set for the last, as in `codebuild.amazonaws.com`.
    """

    kind: str
    arn: str
    role_arn: str | None = None
    session_name: str | None = None
    service: str | None = None


def service_access_key(service: str) -> str:
    """The access key with which the sandbox's own parts call as an AWS service."""
    return f"{SERVICE_KEY_PREFIX}.{_nonce}.{service}"


def resolve(access_key: str, account: str) -> Principal:
    """The principal behind an access key; a key that nobody issued is the learner's."""
    if access_key.startswith(f"{SERVICE_KEY_PREFIX}.{_nonce}."):
        service = access_key.split(".", 2)[2]
        return Principal("service", f"arn:aws:iam::{account}:root", service=service)
    assumed = get_backend("sts")[account]["aws"].get_assumed_role_from_access_key(access_key)
    if assumed is not None:
        return Principal("role", assumed.arn, assumed.role_arn, assumed.session_name)
    return Principal("learner", f"arn:aws:iam::{account}:user/learner")
