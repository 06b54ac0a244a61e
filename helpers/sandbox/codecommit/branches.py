"""Branches: create, look up, list, delete."""

from __future__ import annotations

from typing import Any

from ..service import AwsError, Call
from .git import FULL_ID, HEADS, exclusive
from .notices import announce
from .paging import page
from .store import branch_name, of_call, service

PAGE = 1000


@service.operation("CreateBranch")
def create_branch(call: Call) -> dict[str, Any]:
    repository, git = of_call(call)
    branch, commit = branch_name(call.params), call.params.get("commitId")
    if not commit:
        raise AwsError("CommitIdRequiredException", "A commit ID was not specified.")
    if not FULL_ID.fullmatch(commit):
        raise AwsError("InvalidCommitIdException", f"The specified commit ID is not valid: {commit}")
    with exclusive(git.path), git:
        if git.tip(branch):
            raise AwsError("BranchNameExistsException", f"Branch named {branch} already exists")
        if git.commit(commit) is None:
            raise AwsError("CommitDoesNotExistException", f"Commit {commit} does not exist")
        git.point(branch, commit)
    announce(call.world, call.region, repository, HEADS + branch, None, commit, call.principal)
    return {}


@service.operation("GetBranch")
def get_branch(call: Call) -> dict[str, Any]:
    _, git = of_call(call)
    branch = branch_name(call.params)
    with git:
        commit = git.tip(branch)
    if commit is None:
        raise AwsError("BranchDoesNotExistException", f"Branch {branch} does not exist")
    return {"branch": {"branchName": branch, "commitId": commit}}


@service.operation("ListBranches")
def list_branches(call: Call) -> dict[str, Any]:
    _, git = of_call(call)
    with git:
        names = list(git.branches())
    some, token = page(names, call.params.get("nextToken"), PAGE)
    return {"branches": some, **({"nextToken": token} if token else {})}


@service.operation("DeleteBranch")
def delete_branch(call: Call) -> dict[str, Any]:
    """Deleting what does not exist is no error: the answer names no branch then."""
    repository, git = of_call(call)
    branch = branch_name(call.params)
    if branch == repository.default_branch:
        raise AwsError(
            "DefaultBranchCannotBeDeletedException",
            "The specified branch is the default branch for the repository, and cannot be deleted. To delete "
            "this branch, you must first set another branch as the default branch.",
        )
    with exclusive(git.path), git:
        commit = git.tip(branch)
        if commit is None:
            return {}
        git.point(branch, None)
    announce(call.world, call.region, repository, HEADS + branch, commit, None, call.principal)
    return {"deletedBranch": {"branchName": branch, "commitId": commit}}
