"""Repositories: https://docs.aws.amazon.com/codecommit/latest/APIReference/API_Operations.html"""

from __future__ import annotations

import re
import uuid


def test_a_new_repository_describes_itself(sandbox, codecommit):
    name = f"repo-{uuid.uuid4().hex[:8]}"
    made = codecommit.create_repository(repositoryName=name, repositoryDescription="Flights", tags={"a": "b"})
    found = codecommit.get_repository(repositoryName=name)["repositoryMetadata"]
    assert found == made["repositoryMetadata"]
    assert found["Arn"] == f"arn:aws:codecommit:us-east-1:{found['accountId']}:{name}"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found["repositoryId"])
    assert found["cloneUrlHttp"] == f"{sandbox.endpoint}/git/us-east-1/v1/repos/{name}"
    assert "defaultBranch" not in found  # until something is committed
    assert codecommit.list_tags_for_resource(resourceArn=found["Arn"])["tags"] == {"a": "b"}


def test_names_that_are_taken_missing_or_malformed(codecommit, repository, refused):
    assert refused(
        "RepositoryNameExistsException", codecommit.create_repository, repositoryName=repository
    ) == (f"Repository named {repository} already exists")
    assert refused(
        "RepositoryDoesNotExistException", codecommit.get_repository, repositoryName="no-such"
    ) == ("no-such does not exist")
    for name in ("with space", "a/b", "..", "ends.git", "x" * 101):
        refused("InvalidRepositoryNameException", codecommit.create_repository, repositoryName=name)


def test_regions_are_apart(sandbox, repository, refused):
    elsewhere = sandbox.client("codecommit", "eu-central-1")
    refused("RepositoryDoesNotExistException", elsewhere.get_repository, repositoryName=repository)


def test_list_and_batch_get(codecommit, repository):
    pairs = codecommit.list_repositories()["repositories"]
    assert repository in {pair["repositoryName"] for pair in pairs}
    assert [pair["repositoryName"] for pair in pairs] == sorted(pair["repositoryName"] for pair in pairs)
    found = codecommit.batch_get_repositories(repositoryNames=[repository, "no-such"])
    assert [one["repositoryName"] for one in found["repositories"]] == [repository]
    assert found["repositoriesNotFound"] == ["no-such"]


def test_a_deleted_repository_is_gone_and_its_name_is_free(codecommit, repository, commit, refused):
    commit({"a.txt": "a\n"})
    before = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]["repositoryId"]
    assert codecommit.delete_repository(repositoryName=repository)["repositoryId"] == before
    assert "repositoryId" not in codecommit.delete_repository(repositoryName=repository)
    refused("RepositoryDoesNotExistException", codecommit.list_branches, repositoryName=repository)
    codecommit.create_repository(repositoryName=repository)
    assert codecommit.list_branches(repositoryName=repository)["branches"] == []


def test_rename_keeps_the_commits(codecommit, repository, commit, refused):
    made = commit({"a.txt": "a\n"})
    codecommit.update_repository_name(oldName=repository, newName=f"{repository}-2")
    refused("RepositoryDoesNotExistException", codecommit.get_repository, repositoryName=repository)
    file = codecommit.get_file(repositoryName=f"{repository}-2", filePath="a.txt")
    assert file["commitId"] == made["commitId"]


def test_description_tags_and_default_branch_change(codecommit, repository, commit, refused):
    codecommit.update_repository_description(repositoryName=repository, repositoryDescription="New words")
    arn = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]["Arn"]
    codecommit.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    codecommit.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert codecommit.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    made = commit({"a.txt": "a\n"})
    codecommit.create_branch(repositoryName=repository, branchName="next", commitId=made["commitId"])
    codecommit.update_default_branch(repositoryName=repository, defaultBranchName="next")
    found = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]
    assert (found["repositoryDescription"], found["defaultBranch"]) == ("New words", "next")
    refused(
        "BranchDoesNotExistException",
        codecommit.update_default_branch,
        repositoryName=repository,
        defaultBranchName="none",
    )


def test_what_is_not_simulated_is_refused_by_name(codecommit, repository, refused):
    message = refused("NotImplementedException", codecommit.list_pull_requests, repositoryName=repository)
    assert "ListPullRequests" in message


def test_repositories_outlive_the_sandbox(fresh_sandbox):
    sandbox = fresh_sandbox()
    sandbox.client("codecommit").create_repository(repositoryName="kept")
    made = sandbox.client("codecommit").create_commit(
        repositoryName="kept", branchName="main", putFiles=[{"filePath": "a", "fileContent": b"1"}]
    )
    sandbox.stop()
    sandbox.start()
    found = sandbox.client("codecommit").get_file(repositoryName="kept", filePath="a")
    assert (found["commitId"], found["fileContent"]) == (made["commitId"], b"1")
