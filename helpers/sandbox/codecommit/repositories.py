"""Repositories: create, describe, list, rename, delete, tag."""

from __future__ import annotations

import shutil
from typing import Any

from ..service import AwsError, Call
from ..world import World
from .git import Git, exclusive
from .paging import page
from .store import Repository, arn_of, branch_name, check_name, describe, find, folder, of_call, service

PAGE = 1000
MAX_TAGS = 50


@service.operation("CreateRepository")
def create_repository(call: Call) -> dict[str, Any]:
    name = check_name(call.params.get("repositoryName"))
    description = _description(call.params.get("repositoryDescription"))
    tags = _checked_tags(call.params.get("tags") or {})
    with call.world.lock:
        if name in call.store.repositories:
            raise AwsError("RepositoryNameExistsException", f"Repository named {name} already exists")
        repository = Repository(name, arn_of(call.world, call.region, name), description, tags=tags)
        repository.kms_key = call.params.get("kmsKeyId")
        path = folder(call.world, call.region, name)
        shutil.rmtree(path, ignore_errors=True)  # what a sandbox killed in between has left
        Git.create(path)
        call.store.repositories[name] = repository
        return {"repositoryMetadata": describe(call.world, call.region, repository)}


@service.operation("GetRepository")
def get_repository(call: Call) -> dict[str, Any]:
    repository, _ = of_call(call)
    return {"repositoryMetadata": describe(call.world, call.region, repository)}


@service.operation("BatchGetRepositories")
def batch_get_repositories(call: Call) -> dict[str, Any]:
    names = call.params.get("repositoryNames") or []
    if not names:
        raise AwsError(
            "RepositoryNamesRequiredException",
            "At least one repository name object is required, but was not specified.",
        )
    if len(names) > 100:
        raise AwsError(
            "MaximumRepositoryNamesExceededException",
            "The maximum number of allowed repository names was exceeded. Currently, this number is 100.",
        )
    known = call.store.repositories
    for name in names:
        check_name(name)
    return {
        "repositories": [describe(call.world, call.region, known[name]) for name in names if name in known],
        "repositoriesNotFound": [name for name in names if name not in known],
    }


@service.operation("ListRepositories")
def list_repositories(call: Call) -> dict[str, Any]:
    by_name = call.params.get("sortBy", "repositoryName") == "repositoryName"
    found = sorted(
        call.store.repositories.values(),
        key=lambda repository: repository.name if by_name else repository.modified.isoformat(),
        reverse=call.params.get("order") == "descending",
    )
    some, token = page(found, call.params.get("nextToken"), PAGE)
    pairs = [{"repositoryName": one.name, "repositoryId": one.id} for one in some]
    return {"repositories": pairs, **({"nextToken": token} if token else {})}


@service.operation("DeleteRepository")
def delete_repository(call: Call) -> dict[str, Any]:
    """Deleting what does not exist is no error: the answer has no id then."""
    name = check_name(call.params.get("repositoryName"))
    path = folder(call.world, call.region, name)
    with exclusive(path), call.world.lock:
        repository = call.store.repositories.pop(name, None)
        if repository is None:
            return {}
        shutil.rmtree(path, ignore_errors=True)
        return {"repositoryId": repository.id}


@service.operation("UpdateRepositoryName")
def update_repository_name(call: Call) -> dict[str, Any]:
    old, new = (check_name(call.params.get("oldName")), check_name(call.params.get("newName")))
    before, after = (folder(call.world, call.region, name) for name in (old, new))
    with exclusive(before), call.world.lock:
        repository = find(call.world, call.region, old)
        if new in call.store.repositories:
            raise AwsError("RepositoryNameExistsException", f"Repository named {new} already exists")
        before.rename(after)
        del call.store.repositories[old]
        repository.name, repository.arn = new, arn_of(call.world, call.region, new)
        call.store.repositories[new] = repository
        repository.changed()
    return {}


@service.operation("UpdateRepositoryDescription")
def update_repository_description(call: Call) -> dict[str, Any]:
    repository, _ = of_call(call)
    repository.description = _description(call.params.get("repositoryDescription")) or None
    repository.changed()
    return {}


@service.operation("UpdateDefaultBranch")
def update_default_branch(call: Call) -> dict[str, Any]:
    repository, git = of_call(call)
    branch = branch_name(call.params, "defaultBranchName")
    with git:
        if git.tip(branch) is None:
            raise AwsError("BranchDoesNotExistException", f"Branch {branch} does not exist")
        git.set_head(branch)
    repository.default_branch = branch
    repository.changed()
    return {}


@service.operation("TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    repository = _by_arn(call)
    tags = _checked_tags(repository.tags | (call.params.get("tags") or {}))
    repository.tags = tags
    return {}


@service.operation("UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    repository = _by_arn(call)
    gone = set(call.params.get("tagKeys") or [])
    repository.tags = {key: value for key, value in repository.tags.items() if key not in gone}
    return {}


@service.operation("ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    return {"tags": dict(_by_arn(call).tags)}


def _by_arn(call: Call) -> Repository:
    arn = call.params.get("resourceArn")
    if not arn:
        raise AwsError(
            "ResourceArnRequiredException",
            "A valid Amazon Resource Name (ARN) for an CodeCommit resource is required.",
        )
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "codecommit":
        raise AwsError("InvalidResourceArnException", f"The value for the resource ARN is not valid: {arn}")
    return find(call.world, call.region, parts[5])


def _description(text: str | None) -> str | None:
    if text and len(text) > 1000:
        raise AwsError(
            "InvalidRepositoryDescriptionException", "The specified repository description is not valid."
        )
    return text


def _checked_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > MAX_TAGS:
        raise AwsError(
            "TooManyTagsException", "The maximum number of tags for an CodeCommit resource has been exceeded."
        )
    if any(key.lower().startswith("aws:") for key in tags):
        raise AwsError(
            "InvalidSystemTagUsageException",
            "The specified tag is not valid. Key names cannot be prefixed with aws:.",
        )
    return dict(tags)


@service.on_start
def forget_lost_repositories(world: World) -> None:
    """After a kill the saved state can be a moment older than the folders: a repository needs both."""
    for region, store in world.stores("codecommit").items():
        for name in list(store.repositories):
            if not folder(world, region, name).is_dir():
                del store.repositories[name]
