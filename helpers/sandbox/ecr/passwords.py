"""Registry passwords: what `aws ecr get-login-password` prints."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime, timedelta, timezone
from typing import Any

from ..principals import Principal
from ..service import Call
from ..world import World
from .store import Token, service

TOKEN_LIFE = timedelta(hours=12)
PASSWORD_PREFIX = "ecr-"


@service.operation("GetAuthorizationToken")
def get_authorization_token(call: Call) -> dict[str, Any]:
    password, expires = issue(call.world, call.region, call.principal)
    return {
        "authorizationData": [
            {
                "authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(),
                "expiresAt": expires,
                "proxyEndpoint": f"https://{registry}.dkr.ecr.{call.region}.amazonaws.com",
            }
            for registry in call.params.get("registryIds") or [call.world.account]
        ]
    }


def issue(world: World, region: str, principal: Principal) -> tuple[str, datetime]:
    """A registry password for somebody, and when it expires."""
    password = PASSWORD_PREFIX + secrets.token_urlsafe(48)
    now = datetime.now(timezone.utc)
    with world.lock:
        tokens = world.store("ecr", region).tokens
        for name in [name for name, token in tokens.items() if token.expires < now - TOKEN_LIFE]:
            del tokens[name]
        tokens[_hash(password)] = Token(principal, now + TOKEN_LIFE)
    world.changed()
    return password, now + TOKEN_LIFE


def token(world: World, password: str) -> tuple[str, Token] | None:
    """The region and the token of a password; None for one that was never given out."""
    for region, store in world.stores("ecr").items():
        if found := store.tokens.get(_hash(password)):
            return region, found
    return None


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
