"""Reading what is committed: files, folders, commits, differences, history."""

from __future__ import annotations

import stat
from typing import Any

from dulwich.objects import S_ISGITLINK, Blob, Commit

from ..service import AwsError, Call
from .git import EXECUTABLE, FULL_ID, SYMLINK, File, Git, text
from .paging import page
from .store import Repository, of_call, service

MAX_FILE = 6 * 1024 * 1024
MAX_RESULTS = 100


def mode_name(mode: int) -> str:
    """The API's name for a file mode of Git."""
    return {EXECUTABLE: "EXECUTABLE", SYMLINK: "SYMLINK"}.get(mode, "NORMAL")


def commit_of(repository: Repository, git: Git, specifier: str | None) -> str:
    """The commit that a specifier means; without one the tip of the default branch. AwsError when none."""
    wanted = repository.default_branch if specifier in (None, "", "HEAD") else specifier
    found = git.resolve(wanted) if wanted else None
    if found is None:
        raise AwsError(
            "CommitDoesNotExistException",
            f"The specified commit does not exist: {wanted}"
            if wanted
            else "No commit was specified, and the specified repository has no default branch.",
        )
    return found


@service.operation("GetFile")
def get_file(call: Call) -> dict[str, Any]:
    repository, git = of_call(call)
    path = _required_path(call.params.get("filePath"))
    with git:
        commit = commit_of(repository, git, call.params.get("commitSpecifier"))
        file = git.entry(git.tree_of(commit), path)
        blob = git.get(file.blob) if file and not stat.S_ISDIR(file.mode) else None
        if not isinstance(blob, Blob):
            raise AwsError("FileDoesNotExistException", f"Could not find path {path}")
        content = _content(blob)
    return {
        "commitId": commit,
        "blobId": file.blob,
        "filePath": path,
        "fileMode": mode_name(file.mode),
        "fileSize": len(content),
        "fileContent": content,
    }


@service.operation("GetFolder")
def get_folder(call: Call) -> dict[str, Any]:
    repository, git = of_call(call)
    if call.params.get("folderPath") is None:
        raise AwsError("PathRequiredException", "The folderPath for a location cannot be null.")
    path = call.params["folderPath"].strip("/")
    with git:
        commit = commit_of(repository, git, call.params.get("commitSpecifier"))
        folder = git.entry(git.tree_of(commit), path)
        if folder is None or not stat.S_ISDIR(folder.mode):
            raise AwsError("FolderDoesNotExistException", f"Could not find path {path}")
        entries = list(git.get(folder.blob).iteritems())
    found: dict[str, list] = {"subFolders": [], "files": [], "symbolicLinks": [], "subModules": []}
    for entry in entries:
        name, sha = text(entry.path), entry.sha.decode()
        place = {"absolutePath": f"{path}/{name}".lstrip("/"), "relativePath": name}
        if stat.S_ISDIR(entry.mode):
            found["subFolders"].append({"treeId": sha, **place})
        elif S_ISGITLINK(entry.mode):
            found["subModules"].append({"commitId": sha, **place})
        else:
            kind = "symbolicLinks" if entry.mode == SYMLINK else "files"
            found[kind].append({"blobId": sha, "fileMode": mode_name(entry.mode), **place})
    return {"commitId": commit, "folderPath": path, "treeId": folder.blob, **found}


@service.operation("GetBlob")
def get_blob(call: Call) -> dict[str, Any]:
    _, git = of_call(call)
    blob_id = call.params.get("blobId")
    if not blob_id:
        raise AwsError("BlobIdRequiredException", "A blob ID is required, but was not specified.")
    if not FULL_ID.fullmatch(blob_id):
        raise AwsError("InvalidBlobIdException", f"The specified blob is not valid: {blob_id}")
    with git:
        blob = git.get(blob_id)
        if not isinstance(blob, Blob):
            raise AwsError("BlobIdDoesNotExistException", f"The specified blob does not exist: {blob_id}")
        return {"content": _content(blob)}


@service.operation("GetCommit")
def get_commit(call: Call) -> dict[str, Any]:
    _, git = of_call(call)
    commit_id = call.params.get("commitId")
    if not commit_id:
        raise AwsError("CommitIdRequiredException", "A commit ID was not specified.")
    if not FULL_ID.fullmatch(commit_id):
        raise AwsError("InvalidCommitIdException", f"The specified commit ID is not valid: {commit_id}")
    with git:
        commit = git.commit(commit_id)
    if commit is None:
        raise AwsError(
            "CommitIdDoesNotExistException", f"The specified commit ID does not exist: {commit_id}"
        )
    return {"commit": describe_commit(commit)}


@service.operation("BatchGetCommits")
def batch_get_commits(call: Call) -> dict[str, Any]:
    _, git = of_call(call)
    ids = call.params.get("commitIds") or []
    if not ids:
        raise AwsError(
            "CommitIdsListRequiredException",
            "A list of commit IDs is required, but was either not specified or the list was empty.",
        )
    if len(ids) > 100:
        raise AwsError(
            "CommitIdsLimitExceededException",
            "The maximum number of allowed commit IDs in a batch request is 100. Verify that your batch "
            "requests contains no more than 100 commit IDs, and then try again.",
        )
    with git:
        found = {one: git.commit(one) for one in ids}
    return {
        "commits": [describe_commit(commit) for commit in found.values() if commit],
        "errors": [
            {
                "commitId": one,
                "errorCode": "CommitIdDoesNotExistException",
                "errorMessage": f"The specified commit ID does not exist: {one}",
            }
            for one, commit in found.items()
            if commit is None
        ],
    }


def describe_commit(commit: Commit) -> dict[str, Any]:
    """`Commit` as the API returns it; dates are seconds since 1970 and the offset from UTC."""

    def person(line: bytes, seconds: int, offset: int) -> dict[str, str]:
        name, _, email = text(line).rpartition(" <")
        hours, minutes = divmod(abs(offset) // 60, 60)
        sign = "-" if offset < 0 else "+"
        return {"name": name, "email": email.rstrip(">"), "date": f"{seconds} {sign}{hours:02}{minutes:02}"}

    return {
        "commitId": commit.id.decode(),
        "treeId": commit.tree.decode(),
        "parents": [parent.decode() for parent in commit.parents],
        "message": text(commit.message),
        "author": person(commit.author, commit.author_time, commit.author_timezone),
        "committer": person(commit.committer, commit.commit_time, commit.commit_timezone),
        "additionalData": "",
    }


@service.operation("GetDifferences")
def get_differences(call: Call) -> dict[str, Any]:
    repository, git = of_call(call)
    params = call.params
    if not params.get("afterCommitSpecifier"):
        raise AwsError("CommitRequiredException", "A commit was not specified.")
    with git:
        after = git.files(git.tree_of(commit_of(repository, git, params["afterCommitSpecifier"])))
        before = {}
        if params.get("beforeCommitSpecifier"):
            before = git.files(git.tree_of(commit_of(repository, git, params["beforeCommitSpecifier"])))
    before = _under(before, params.get("beforePath") or params.get("afterPath"))
    after = _under(after, params.get("afterPath") or params.get("beforePath"))
    changes = [
        _difference(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]
    some, token = page(changes, params.get("NextToken"), _size(params.get("MaxResults")))
    return {"differences": some, **({"NextToken": token} if token else {})}


@service.operation("ListFileCommitHistory")
def list_file_commit_history(call: Call) -> dict[str, Any]:
    repository, git = of_call(call)
    path = _required_path(call.params.get("filePath"))
    with git:
        commits = git.history(commit_of(repository, git, call.params.get("commitSpecifier")), path)
        versions, newer = [], []
        for commit in commits:
            file = git.entry(commit.tree.decode(), path)
            version = {"commit": describe_commit(commit), "path": path, "revisionChildren": newer}
            versions.append(version | ({"blobId": file.blob} if file else {}))
            newer = [commit.id.decode()]
    some, token = page(versions, call.params.get("nextToken"), _size(call.params.get("maxResults")))
    return {"revisionDag": some, **({"nextToken": token} if token else {})}


def _required_path(path: str | None) -> str:
    if not path or not path.strip("/"):
        raise AwsError("PathRequiredException", "The filePath for a location cannot be null.")
    return path.strip("/")


def _content(blob: Blob) -> bytes:
    if blob.raw_length() > MAX_FILE:
        raise AwsError(
            "FileTooLargeException",
            "The specified file exceeds the file size limit for CodeCommit. For more information about "
            "limits in CodeCommit, see Quotas in the CodeCommit User Guide.",
        )
    return blob.data


def _size(wanted: int | None) -> int:
    if wanted is not None and wanted < 1:
        raise AwsError("InvalidMaxResultsException", "The specified number of maximum results is not valid.")
    return min(wanted or MAX_RESULTS, MAX_RESULTS)


def _under(files: dict[str, File], path: str | None) -> dict[str, File]:
    wanted = (path or "").strip("/")
    return {
        name: file
        for name, file in files.items()
        if not wanted or name == wanted or name.startswith(wanted + "/")
    }


def _difference(path: str, before: File | None, after: File | None) -> dict[str, Any]:
    found: dict[str, Any] = {"changeType": "A" if before is None else "D" if after is None else "M"}
    for side, file in (("beforeBlob", before), ("afterBlob", after)):
        if file:
            found[side] = {"blobId": file.blob, "path": path, "mode": f"{file.mode:06o}"}
    return found
