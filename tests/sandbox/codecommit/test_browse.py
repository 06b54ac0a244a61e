"""Reading what is committed."""

from __future__ import annotations


def test_files_at_a_branch_a_commit_and_the_default(codecommit, repository, commit, refused):
    first = commit({"a.txt": "one"})
    commit({"a.txt": "two"})

    def content(**at: str) -> bytes:
        return codecommit.get_file(repositoryName=repository, filePath="a.txt", **at)["fileContent"]

    assert (
        content() == content(commitSpecifier="main") == content(commitSpecifier="refs/heads/main") == b"two"
    )
    assert content(commitSpecifier=first["commitId"]) == b"one"
    there = {"repositoryName": repository}
    refused(
        "CommitDoesNotExistException", codecommit.get_file, **there, filePath="a.txt", commitSpecifier="x"
    )
    refused("FileDoesNotExistException", codecommit.get_file, **there, filePath="b.txt")
    refused("FolderDoesNotExistException", codecommit.get_folder, **there, folderPath="b")
    blob = codecommit.get_file(**there, filePath="a.txt")["blobId"]
    assert codecommit.get_blob(**there, blobId=blob)["content"] == b"two"
    refused("BlobIdDoesNotExistException", codecommit.get_blob, **there, blobId="0" * 40)
    refused("InvalidBlobIdException", codecommit.get_blob, **there, blobId="zz")


def test_an_empty_repository_has_no_commit(codecommit, repository, refused):
    refused("CommitDoesNotExistException", codecommit.get_folder, repositoryName=repository, folderPath="/")


def test_differences(codecommit, repository, commit):
    first = commit({"same": "s", "changed": "1", "dir/gone": "g"})
    second = commit({"changed": "2", "dir/new": "n"}, deleteFiles=[{"filePath": "dir/gone"}])

    def changes(**more) -> list[tuple[str, str]]:
        found = codecommit.get_differences(
            repositoryName=repository,
            beforeCommitSpecifier=first["commitId"],
            afterCommitSpecifier=second["commitId"],
            **more,
        )["differences"]
        return [(one["changeType"], one.get("afterBlob", one.get("beforeBlob"))["path"]) for one in found]

    assert changes() == [("M", "changed"), ("D", "dir/gone"), ("A", "dir/new")]
    assert changes(afterPath="dir") == [("D", "dir/gone"), ("A", "dir/new")]
    all_added = codecommit.get_differences(repositoryName=repository, afterCommitSpecifier=first["commitId"])
    assert {one["changeType"] for one in all_added["differences"]} == {"A"}
    modes = {one["afterBlob"]["mode"] for one in all_added["differences"]}
    assert modes == {"100644"}


def test_differences_come_in_pages(codecommit, repository, commit):
    made = commit({f"file-{number}": str(number) for number in range(5)})
    pages = codecommit.get_paginator("get_differences").paginate(
        repositoryName=repository,
        afterCommitSpecifier=made["commitId"],
        PaginationConfig={"PageSize": 2},
    )
    sizes = [len(page["differences"]) for page in pages]
    assert sizes == [2, 2, 1]


def test_history_of_a_file_and_batches_of_commits(codecommit, repository, commit):
    first = commit({"a": "1", "b": "1"})["commitId"]
    second = commit({"b": "2"})["commitId"]
    third = commit({"a": "3"})["commitId"]
    history = codecommit.list_file_commit_history(repositoryName=repository, filePath="a")["revisionDag"]
    assert [one["commit"]["commitId"] for one in history] == [third, first]
    assert [one["revisionChildren"] for one in history] == [[], [third]]
    found = codecommit.batch_get_commits(repositoryName=repository, commitIds=[second, "0" * 40])
    assert [one["commitId"] for one in found["commits"]] == [second]
    assert found["commits"][0]["parents"] == [first]
    assert [one["errorCode"] for one in found["errors"]] == ["CommitIdDoesNotExistException"]
