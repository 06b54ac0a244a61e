"""The resource types that the sandbox can make, by name.

Nearly all are descriptions of the API behind them (`api`); a type is added by describing it in one of the
modules. moto has CloudFormation types of its own, but most of them cannot be deleted and all pass over what
they do not know, so none is used.
"""

from __future__ import annotations

from typing import Any, Protocol

from . import (
    code,
    containers,
    ec2,
    endpoints,
    further,
    iam,
    messaging,
    nested,
    operations,
    s3,
    security_groups,
)
from .request import ResourceRequest


class ResourceType(Protocol):
    """What the engine asks of a resource type. Each method may raise `ResourceFailed`."""

    type: str

    def make(self, request: ResourceRequest) -> None: ...
    def change(self, request: ResourceRequest) -> None: ...
    def remove(self, request: ResourceRequest) -> None: ...
    def look_for(self, request: ResourceRequest) -> None: ...
    def knows(self, attribute: str) -> bool: ...
    def attribute(self, request: ResourceRequest, name: str) -> Any: ...


_MODULES = (
    s3,
    ec2,
    endpoints,
    security_groups,
    iam,
    containers,
    code,
    messaging,
    operations,
    further,
    nested,
)
_KNOWN: dict[str, ResourceType] = {kind.type: kind for module in _MODULES for kind in module.TYPES}


def kind_of(type_name: str) -> ResourceType | None:
    """The resource type of that name, or None when the sandbox does not simulate it."""
    return _KNOWN.get(type_name)
