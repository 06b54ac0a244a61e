"""Writing commits through the API: CreateCommit, PutFile, DeleteFile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..service import AwsError, Call
from .browse import mode_name
from .changes import KEEP_BLOB, MAX_FILE, Changes, Put, apply, clean_path, mode_of, of_create_commit
from .git import FULL_ID, HEADS, File, Git, Person, exclusive
from .notices import announce
from .store import Repository, branch_name, of_call, service

MAX_MESSAGE = 256 * 1024


@dataclass(frozen=True)
class Committed:
    """A commit that was made, and the files before and after it."""

    commit: str
    tree: str
    before: dict[str, File]
    after: dict[str, File]


@service.operation("CreateCommit")
def create_commit(call: Call) -> dict[str, Any]:
    changes = of_create_commit(call.params)
    done = write(call, changes, call.params.get("authorName"), "NoChangeException")
    touched = {put.path for put in changes.puts} | set(changes.modes)
    added = [path for path in touched if path not in done.before]
    return {
        "commitId": done.commit,
        "treeId": done.tree,
        "filesAdded": _metadata(done.after, added),
        "filesUpdated": _metadata(done.after, [path for path in touched if path in done.before]),
        "filesDeleted": _metadata(done.before, [path for path in done.before if path not in done.after]),
    }


@service.operation("PutFile")
def put_file(call: Call) -> dict[str, Any]:
    path, content = (clean_path(call.params.get("filePath")), call.params.get("fileContent") or b"")
    if not content:
        raise AwsError(
            "FileContentRequiredException",
            "The file cannot be added because it is empty. Empty files cannot be added to the repository "
            "with this API.",
        )
    if len(content) > MAX_FILE:
        raise AwsError(
            "FileContentSizeLimitExceededException",
            "The file cannot be added because it is too large. The maximum file size is 6 MB, and the "
            "combined file content change size is 7 MB. Consider making these changes using a Git client.",
        )
    changes = Changes((Put(path, content, mode=mode_of(call.params.get("fileMode"))),))
    done = write(call, changes, call.params.get("name"), "SameFileContentException")
    return {"commitId": done.commit, "blobId": done.after[path].blob, "treeId": done.tree}


@service.operation("DeleteFile")
def delete_file(call: Call) -> dict[str, Any]:
    path = clean_path(call.params.get("filePath"))
    changes = Changes(deletes=(path,), keep_empty_folders=bool(call.params.get("keepEmptyFolders")))
    done = write(call, changes, call.params.get("name"), "NoChangeException")
    return {"commitId": done.commit, "blobId": done.before[path].blob, "treeId": done.tree, "filePath": path}


def write(call: Call, changes: Changes, author: str | None, unchanged: str) -> Committed:
    """Commit changes onto the branch of the request, move the branch and announce it.

    `unchanged` is the error code for changes that change nothing. Raises AwsError as the API does.
    """
    repository, git = of_call(call)
    branch, person = branch_name(call.params), _person(call, author)
    message = _message(call.params.get("commitMessage"), changes)
    with exclusive(git.path), git:
        parent = _parent(call.params.get("parentCommitId"), git, branch)
        before = git.files(git.tree_of(parent)) if parent else {}
        contents = {put.path: put.content for put in changes.puts if put.content is not None}
        if changes.keep_empty_folders:
            contents[KEEP_BLOB] = b""
        blobs = dict(zip(contents, git.add_blobs(contents.values()), strict=True))
        after = apply(before, changes, blobs)
        if after == before:
            raise AwsError(unchanged, UNCHANGED[unchanged])
        tree = git.add_tree(after)
        commit = git.add_commit(tree, [parent] if parent else [], person, message)
        git.point(branch, commit)
        arrived(repository, git, branch)
    announce(call.world, call.region, repository, HEADS + branch, parent, commit, call.principal)
    return Committed(commit, tree, before, after)


def arrived(repository: Repository, git: Git, branch: str) -> None:
    """A branch has moved; the first of a repository becomes its default."""
    repository.changed()
    if repository.default_branch is None:
        repository.default_branch = branch
        git.set_head(branch)


UNCHANGED = {
    "NoChangeException": (
        "The commit cannot be created because no changes will be made to the repository as a result of this "
        "commit. A commit must contain at least one change."
    ),
    "SameFileContentException": (
        "The file was not added or updated because the content of the file is exactly the same as the "
        "content of that file in the repository and branch that you specified."
    ),
}


def _parent(given: str | None, git: Git, branch: str) -> str | None:
    """The commit that the new one follows; None in an empty repository."""
    tip = git.tip(branch)
    if given and not FULL_ID.fullmatch(given):
        raise AwsError(
            "InvalidParentCommitIdException",
            "The parent commit ID is not valid. The commit ID cannot be empty, and must match the head "
            "commit ID for the branch of the repository where you want to add or update a file.",
        )
    if tip is None and git.branches():
        raise AwsError("BranchDoesNotExistException", f"Branch {branch} does not exist")
    if given and git.commit(given) is None:
        raise AwsError(
            "ParentCommitDoesNotExistException",
            "The parent commit ID is not valid because it does not exist. The specified parent commit ID "
            "does not exist in the specified branch of the repository.",
        )
    if tip is not None and not given:
        raise AwsError(
            "ParentCommitIdRequiredException",
            "A parent commit ID is required. To view the full commit ID of a branch in a repository, use "
            "GetBranch or a Git command (for example, git pull or git log).",
        )
    if given != tip:
        raise AwsError(
            "ParentCommitIdOutdatedException",
            "The file could not be added because the provided parent commit ID is not the current tip of the "
            "specified branch. To view the full commit ID of the current head of the branch, use GetBranch.",
        )
    return tip


def _person(call: Call, name: str | None) -> Person:
    """The author a request names; without one the caller, as AWS takes the IAM user's name."""
    email = call.params.get("email") or ""
    if len(email) > 256 or any(sign in email for sign in "<>\n"):
        raise AwsError(
            "InvalidEmailException",
            "The specified email address either contains one or more characters that are not allowed, or it "
            "exceeds the maximum number of characters allowed for an email address.",
        )
    if name and len(name) > 256:
        raise AwsError(
            "NameLengthExceededException",
            "The user name is not valid because it has exceeded the character limit for author names.",
        )
    return Person(name or call.principal.arn.rpartition("/")[2], email)


def _message(message: str | None, changes: Changes) -> str:
    if message is not None and len(message.encode()) > MAX_MESSAGE:
        raise AwsError(
            "CommitMessageLengthExceededException",
            "The commit message is too long. Provide a shorter string.",
        )
    if message:
        return message
    names = [put.path for put in changes.puts] + list(changes.deletes) + list(changes.modes)
    verb = "Deleted" if names == list(changes.deletes) else "Changed"
    return f"{verb} {', '.join(names[:3])}{' …' if len(names) > 3 else ''}"


def _metadata(files: dict[str, File], paths: list[str]) -> list[dict[str, str]]:
    return [
        {"absolutePath": path, "blobId": files[path].blob, "fileMode": mode_name(files[path].mode)}
        for path in sorted(paths)
    ]
