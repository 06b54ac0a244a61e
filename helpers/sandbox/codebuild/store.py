"""What CodeBuild remembers: projects and builds, in the shape in which the API returns them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from moto.utilities.utils import get_partition

from ..service import AwsError, Service
from ..world import World


class CodeBuildStore:
    """The projects and builds of a region."""

    def __init__(self) -> None:
        self.projects: dict[str, dict[str, Any]] = {}
        self.builds: dict[str, dict[str, Any]] = {}  # oldest first
        self.requests: dict[str, dict[str, Any]] = {}  # what each build was started with, to start it again
        self.numbers: dict[str, int] = {}
        self.tokens: dict[str, str] = {}  # idempotency token: build id


service = Service("codebuild", store=CodeBuildStore, refuse_others=True)


def now() -> datetime:
    return datetime.now(timezone.utc)


def arn(world: World, region: str, kind: str, name: str) -> str:
    """`arn:aws:codebuild:<region>:<account>:<kind>/<name>`"""
    return f"arn:{get_partition(region)}:codebuild:{region}:{world.account}:{kind}/{name}"


def invalid(message: str) -> AwsError:
    return AwsError("InvalidInputException", message)


def project(world: World, region: str, name: str) -> dict[str, Any]:
    """A project by name or ARN. Raises AwsError ResourceNotFoundException."""
    name = name.rpartition(":project/")[2]
    found = world.store("codebuild", region).projects.get(name)
    if found is None:
        missing = arn(world, region, "project", name)
        raise AwsError("ResourceNotFoundException", f"Project cannot be found: {missing}")
    return found


def build(world: World, region: str, name: str) -> dict[str, Any]:
    """A build by id or ARN. Raises AwsError ResourceNotFoundException."""
    name = name.rpartition(":build/")[2]
    found = world.store("codebuild", region).builds.get(name)
    if found is None:
        missing = arn(world, region, "build", name)
        raise AwsError("ResourceNotFoundException", f"Build cannot be found: {missing}")
    return found
