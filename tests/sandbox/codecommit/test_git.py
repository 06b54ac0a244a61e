"""`git` itself against the sandbox: https://docs.aws.amazon.com/codecommit/latest/userguide/how-to-connect.html"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ann"), ("EMAIL", "ann@example.com"))
    },
}


def git(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        check=check,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def address(codecommit: Any, repository: str) -> str:
    return codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]["cloneUrlHttp"]


@pytest.fixture
def clone(tmp_path: Path, commit: Any, address: str) -> Path:
    """A clone with one commit."""
    commit({"a.txt": "a\n", "dir/b.sh": "#!/bin/sh\n"})
    git(tmp_path, "clone", "-q", address, "clone")
    return tmp_path / "clone"


def save(clone: Path, name: str, content: bytes) -> str:
    (clone / name).write_bytes(content)
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", f"Save {name}")
    return git(clone, "rev-parse", "HEAD").stdout.strip()


def test_a_clone_holds_what_the_api_committed(clone, codecommit, repository):
    assert (clone / "dir/b.sh").read_text() == "#!/bin/sh\n"
    tip = codecommit.get_branch(repositoryName=repository, branchName="main")["branch"]["commitId"]
    assert git(clone, "rev-parse", "HEAD").stdout.strip() == tip
    assert git(clone, "fsck", "--strict").returncode == 0


def test_a_push_arrives_in_the_api(clone, codecommit, repository):
    pushed = save(clone, "c.txt", b"c\n")
    git(clone, "push", "-q")
    found = codecommit.get_file(repositoryName=repository, filePath="c.txt")
    assert (found["commitId"], found["fileContent"]) == (pushed, b"c\n")


def test_a_push_larger_than_one_request_buffer(clone, codecommit, repository):
    """Beyond http.postBuffer (1 MiB) Git sends the pack in chunks."""
    content = os.urandom(3 * 1024 * 1024)
    save(clone, "big.bin", content)
    git(clone, "push", "-q")
    assert codecommit.get_file(repositoryName=repository, filePath="big.bin")["fileContent"] == content


def test_branches_and_tags_come_and_go(clone, codecommit, repository):
    git(clone, "push", "-q", "origin", "HEAD:refs/heads/feature/one")
    assert codecommit.list_branches(repositoryName=repository)["branches"] == ["feature/one", "main"]
    git(clone, "tag", "-a", "v1", "-m", "First")
    git(clone, "push", "-q", "origin", "v1")
    by_tag = codecommit.get_file(repositoryName=repository, filePath="a.txt", commitSpecifier="v1")
    assert by_tag["commitId"] == git(clone, "rev-parse", "HEAD").stdout.strip()
    git(clone, "push", "-q", "origin", ":feature/one")
    assert codecommit.list_branches(repositoryName=repository)["branches"] == ["main"]


def test_the_first_push_to_an_empty_repository_sets_the_default(tmp_path, codecommit, repository, address):
    git(tmp_path, "clone", "-q", address, "empty")
    git(tmp_path / "empty", "checkout", "-q", "-b", "master")
    save(tmp_path / "empty", "a", b"1")
    git(tmp_path / "empty", "push", "-q", "origin", "master")
    found = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]
    assert found["defaultBranch"] == "master"
    git(tmp_path, "clone", "-q", address, "again")
    assert (tmp_path / "again/a").read_bytes() == b"1"


def test_a_push_that_is_behind_is_rejected(clone, commit, codecommit, repository):
    newer = commit({"a.txt": "from elsewhere\n"})["commitId"]
    save(clone, "c.txt", b"c\n")
    pushed = git(clone, "push", check=False)
    assert pushed.returncode != 0
    assert "rejected" in pushed.stderr
    branch = codecommit.get_branch(repositoryName=repository, branchName="main")["branch"]
    assert branch["commitId"] == newer


def test_any_password_is_taken_and_a_missing_repository_is_said(tmp_path, sandbox, clone, address):
    with_password = address.replace("://", "://me:secret@")
    git(tmp_path, "clone", "-q", "--depth", "1", with_password, "shallow")
    assert (tmp_path / "shallow/a.txt").exists()
    missing = git(tmp_path, "clone", f"{sandbox.endpoint}/git/us-east-1/v1/repos/no-such", check=False)
    assert missing.returncode != 0
    assert "no-such does not exist" in missing.stderr
