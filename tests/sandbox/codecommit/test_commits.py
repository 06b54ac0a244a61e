"""Commits through the API: what they do, and what CodeCommit refuses.

https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreateCommit.html
"""

from __future__ import annotations

import hashlib

import pytest


def git_blob_id(content: bytes) -> str:
    """A blob's id as Git defines it: the SHA-1 of a header and the content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def test_the_first_commit_makes_the_branch_and_the_default(codecommit, repository, commit):
    made = commit(
        {"app/main.py": "print(1)\n"}, authorName="Ann", email="ann@example.com", commitMessage="Start"
    )
    assert made["filesAdded"] == [
        {
            "absolutePath": "app/main.py",
            "blobId": git_blob_id(b"print(1)\n"),
            "fileMode": "NORMAL",
        }
    ]
    branch = codecommit.get_branch(repositoryName=repository, branchName="main")["branch"]
    assert branch["commitId"] == made["commitId"]
    found = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]
    assert found["defaultBranch"] == "main"
    described = codecommit.get_commit(repositoryName=repository, commitId=made["commitId"])["commit"]
    assert (described["message"], described["parents"], described["treeId"]) == ("Start", [], made["treeId"])
    author = described["author"]
    assert (author["name"], author["email"]) == ("Ann", "ann@example.com")
    # The id is Git's: the SHA-1 of the commit object, put together here by hand.
    person = f"Ann <ann@example.com> {author['date']}"
    body = f"tree {made['treeId']}\nauthor {person}\ncommitter {person}\nencoding UTF-8\n\nStart".encode()
    assert hashlib.sha1(b"commit %d\0" % len(body) + body).hexdigest() == made["commitId"]


def test_put_delete_move_and_modes_in_one_commit(codecommit, repository, commit):
    first = commit({"keep.txt": "k", "old/name.txt": "moved", "gone.txt": "g", "run.sh": "#!/bin/sh\n"})
    made = codecommit.create_commit(
        repositoryName=repository,
        branchName="main",
        parentCommitId=first["commitId"],
        putFiles=[
            {"filePath": "keep.txt", "fileContent": b"K"},
            {"filePath": "new/name.txt", "sourceFile": {"filePath": "old/name.txt", "isMove": True}},
        ],
        deleteFiles=[{"filePath": "gone.txt"}],
        setFileModes=[{"filePath": "run.sh", "fileMode": "EXECUTABLE"}],
    )
    assert [one["absolutePath"] for one in made["filesAdded"]] == ["new/name.txt"]
    assert [one["absolutePath"] for one in made["filesUpdated"]] == ["keep.txt", "run.sh"]
    assert [one["absolutePath"] for one in made["filesDeleted"]] == ["gone.txt", "old/name.txt"]
    root = codecommit.get_folder(repositoryName=repository, folderPath="")
    assert {one["absolutePath"]: one["fileMode"] for one in root["files"]} == {
        "keep.txt": "NORMAL",
        "run.sh": "EXECUTABLE",
    }
    assert [one["absolutePath"] for one in root["subFolders"]] == ["new"]  # `old` is empty, hence gone
    moved = codecommit.get_file(repositoryName=repository, filePath="new/name.txt")
    assert moved["blobId"] == git_blob_id(b"moved")


def test_keep_empty_folders(codecommit, repository, commit):
    first = commit({"a/b.txt": "b"})
    codecommit.delete_file(
        repositoryName=repository,
        branchName="main",
        filePath="a/b.txt",
        parentCommitId=first["commitId"],
        keepEmptyFolders=True,
    )
    found = codecommit.get_folder(repositoryName=repository, folderPath="a")
    assert [one["relativePath"] for one in found["files"]] == [".gitkeep"]


def test_put_file_and_delete_file(codecommit, repository, commit):
    first = commit({"a.txt": "1"})
    put = codecommit.put_file(
        repositoryName=repository,
        branchName="main",
        filePath="a.txt",
        fileContent=b"2",
        parentCommitId=first["commitId"],
        name="Bob",
        commitMessage="Two",
    )
    assert put["blobId"] == git_blob_id(b"2")
    gone = codecommit.delete_file(
        repositoryName=repository, branchName="main", filePath="a.txt", parentCommitId=put["commitId"]
    )
    assert (gone["filePath"], gone["blobId"]) == ("a.txt", git_blob_id(b"2"))
    assert codecommit.get_folder(repositoryName=repository, folderPath="/")["files"] == []


def test_the_parent_must_be_the_tip(codecommit, repository, commit, refused):
    first = commit({"a": "1"})
    second = commit({"a": "2"})
    put = {
        "repositoryName": repository,
        "branchName": "main",
        "putFiles": [{"filePath": "a", "fileContent": b"3"}],
    }
    refused("ParentCommitIdRequiredException", codecommit.create_commit, **put)
    refused(
        "ParentCommitIdOutdatedException", codecommit.create_commit, **put, parentCommitId=first["commitId"]
    )
    refused("ParentCommitDoesNotExistException", codecommit.create_commit, **put, parentCommitId="0" * 40)
    refused("InvalidParentCommitIdException", codecommit.create_commit, **put, parentCommitId="main")
    refused(
        "BranchDoesNotExistException",
        codecommit.create_commit,
        **(put | {"branchName": "other"}),
        parentCommitId=second["commitId"],
    )


@pytest.mark.parametrize(
    ("code", "request_"),
    [
        ("FileEntryRequiredException", {}),
        ("PathRequiredException", {"putFiles": [{"filePath": "/", "fileContent": b"x"}]}),
        ("InvalidPathException", {"putFiles": [{"filePath": "a/../b", "fileContent": b"x"}]}),
        ("InvalidPathException", {"putFiles": [{"filePath": ".git/config", "fileContent": b"x"}]}),
        ("InvalidPathException", {"putFiles": [{"filePath": "a//b", "fileContent": b"x"}]}),
        ("SourceFileOrContentRequiredException", {"putFiles": [{"filePath": "a"}]}),
        (
            "FileContentAndSourceFileSpecifiedException",
            {"putFiles": [{"filePath": "a", "fileContent": b"x", "sourceFile": {"filePath": "dir/f"}}]},
        ),
        (
            "SamePathRequestException",
            {
                "putFiles": [{"filePath": "dir/f", "fileContent": b"x"}],
                "deleteFiles": [{"filePath": "dir/f"}],
            },
        ),
        (
            "PutFileEntryConflictException",
            {"putFiles": [{"filePath": path, "fileContent": b"x"} for path in ("n", "n/m")]},
        ),
        ("FileDoesNotExistException", {"deleteFiles": [{"filePath": "nothing"}]}),
        (
            "FileNameConflictsWithDirectoryNameException",
            {"putFiles": [{"filePath": "dir", "fileContent": b"x"}]},
        ),
        (
            "DirectoryNameConflictsWithFileNameException",
            {"putFiles": [{"filePath": "dir/f/g", "fileContent": b"x"}]},
        ),
        ("NoChangeException", {"putFiles": [{"filePath": "dir/f", "fileContent": b"there"}]}),
        ("InvalidFileModeException", {"setFileModes": [{"filePath": "dir/f", "fileMode": "RWX"}]}),
        (
            "FileContentSizeLimitExceededException",
            {"putFiles": [{"filePath": "big", "fileContent": b"x" * (6 * 1024 * 1024 + 1)}]},
        ),
        (
            "MaximumFileEntriesExceededException",
            {"putFiles": [{"filePath": str(number), "fileContent": b"x"} for number in range(101)]},
        ),
        ("InvalidEmailException", {"email": "a<b>", "putFiles": [{"filePath": "a", "fileContent": b"x"}]}),
        ("NameLengthExceededException", {"authorName": "n" * 257, "deleteFiles": [{"filePath": "dir/f"}]}),
    ],
)
def test_what_create_commit_refuses(codecommit, repository, commit, refused, code, request_):
    tip = commit({"dir/f": "there"})["commitId"]
    refused(
        code,
        codecommit.create_commit,
        repositoryName=repository,
        branchName="main",
        parentCommitId=tip,
        **request_,
    )
    branch = codecommit.get_branch(repositoryName=repository, branchName="main")["branch"]
    assert branch["commitId"] == tip


def test_put_file_refuses_the_same_and_the_empty(codecommit, repository, commit, refused):
    tip = commit({"a": "same"})["commitId"]
    there = {"repositoryName": repository, "branchName": "main", "filePath": "a", "parentCommitId": tip}
    refused("SameFileContentException", codecommit.put_file, fileContent=b"same", **there)
    refused("FileContentRequiredException", codecommit.put_file, fileContent=b"", **there)


def test_branches(codecommit, repository, commit, refused):
    made = commit({"a": "1"})
    there = {"repositoryName": repository}
    codecommit.create_branch(**there, branchName="feature/x", commitId=made["commitId"])
    assert codecommit.list_branches(**there)["branches"] == ["feature/x", "main"]
    refused(
        "BranchNameExistsException",
        codecommit.create_branch,
        **there,
        branchName="main",
        commitId=made["commitId"],
    )
    refused(
        "CommitDoesNotExistException", codecommit.create_branch, **there, branchName="y", commitId="0" * 40
    )
    refused("InvalidBranchNameException", codecommit.get_branch, **there, branchName="a..b")
    assert refused("BranchDoesNotExistException", codecommit.get_branch, **there, branchName="y") == (
        "Branch y does not exist"
    )
    refused("DefaultBranchCannotBeDeletedException", codecommit.delete_branch, **there, branchName="main")
    gone = codecommit.delete_branch(**there, branchName="feature/x")["deletedBranch"]
    assert gone == {"branchName": "feature/x", "commitId": made["commitId"]}
    assert "deletedBranch" not in codecommit.delete_branch(**there, branchName="feature/x")
