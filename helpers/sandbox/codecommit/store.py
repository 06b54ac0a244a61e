"""What CodeCommit remembers of its repositories, beside the Git repositories themselves."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from moto.utilities.utils import get_partition

from ..service import AwsError, Call, Service
from ..world import World
from .git import FULL_ID, Git, is_branch_name

NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)


def now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class Repository:
    """A repository as the API describes it. Its commits lie in the folder that `folder` names."""

    name: str
    arn: str
    description: str | None = None
    default_branch: str | None = None
    kms_key: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)

    def changed(self) -> None:
        self.modified = now()


class CodeCommitStore:
    """The repositories of a region, by name."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}


service = Service("codecommit", store=CodeCommitStore, refuse_others=True)
"""What is not here (pull requests, approvals, comments, triggers, merges) is refused by name."""


def arn_of(world: World, region: str, name: str) -> str:
    """`arn:aws:codecommit:<region>:<account>:<name>`"""
    return f"arn:{get_partition(region)}:codecommit:{region}:{world.account}:{name}"


def folder(world: World, region: str, name: str) -> Path:
    """Where the bare Git repository lies."""
    return world.home / "codecommit" / region / f"{name}.git"


def check_name(name: str | None) -> str:
    """Raises AwsError unless it is a name that a repository may have."""
    if not name:
        raise AwsError(
            "RepositoryNameRequiredException", "A repository name is required, but was not specified."
        )
    if not NAME.fullmatch(name) or name.endswith(".git") or name in (".", ".."):
        raise AwsError(
            "InvalidRepositoryNameException",
            "Repository names must be 1-100 characters of letters, digits, periods, underscores and dashes, "
            f"and cannot end in .git: {name}",
        )
    return name


def find(world: World, region: str, name: str | None) -> Repository:
    """A repository by name. AwsError RepositoryDoesNotExistException when there is none."""
    repository = world.store("codecommit", region).repositories.get(check_name(name))
    if repository is None:
        raise AwsError("RepositoryDoesNotExistException", f"{name} does not exist")
    return repository


def of_call(call: Call) -> tuple[Repository, Git]:
    """The repository a request is about, and its Git (to be opened)."""
    repository = find(call.world, call.region, call.params.get("repositoryName"))
    return repository, Git(folder(call.world, call.region, repository.name))


def branch_name(params: dict[str, Any], key: str = "branchName") -> str:
    """The branch a request names. Raises AwsError when it is missing or no name for a branch."""
    name = params.get(key)
    if not name:
        raise AwsError("BranchNameRequiredException", "A branch name is required, but was not specified.")
    if len(name) > 256 or not is_branch_name(name):
        raise AwsError("InvalidBranchNameException", f"The specified reference name is not valid: {name}")
    if FULL_ID.fullmatch(name):
        raise AwsError("InvalidBranchNameException", f"A branch cannot be named like a commit id: {name}")
    return name


def describe(world: World, region: str, repository: Repository) -> dict[str, Any]:
    """`RepositoryMetadata` as the API returns it."""
    host = f"git-codecommit.{region}.amazonaws.com"
    found = {
        "accountId": world.account,
        "repositoryId": repository.id,
        "repositoryName": repository.name,
        "repositoryDescription": repository.description,
        "defaultBranch": repository.default_branch,
        "creationDate": repository.created,
        "lastModifiedDate": repository.modified,
        "Arn": repository.arn,
        "kmsKeyId": repository.kms_key,
        # AWS answers https://git-codecommit.<region>.amazonaws.com/v1/repos/<name>. Here stands an address
        # that works, with the same path.
        "cloneUrlHttp": f"{world.endpoint}/git/{region}/v1/repos/{repository.name}",
        "cloneUrlSsh": f"ssh://{host}/v1/repos/{repository.name}",  # as on AWS; the sandbox has no SSH server
    }
    return {key: value for key, value in found.items() if value is not None}
