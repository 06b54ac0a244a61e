"""The resource types that the sandbox can make, by name.

Most are a description of the API behind them (`api`). What moto's own CloudFormation knows beyond these is
reached through `borrowed`.
"""

from __future__ import annotations

from typing import Protocol

from . import code, containers, ec2, iam, messaging, operations, s3, security_groups
from .request import ResourceRequest


class ResourceType(Protocol):
    """What the engine asks of a resource type. Each may raise `ResourceFailed`."""

    type: str

    def make(self, request: ResourceRequest) -> None: ...
    def change(self, request: ResourceRequest) -> None: ...
    def remove(self, request: ResourceRequest) -> None: ...
    def look_for(self, request: ResourceRequest) -> None: ...


_MODULES = (s3, ec2, security_groups, iam, containers, code, messaging, operations)
_KNOWN: dict[str, ResourceType] = {kind.type: kind for module in _MODULES for kind in module.TYPES}


def kind_of(type_name: str) -> ResourceType | None:
    """The resource type of that name, or None when the sandbox does not simulate it."""
    return _KNOWN.get(type_name)
