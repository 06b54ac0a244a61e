"""The initial code of a repository.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-codecommit-repository-code.html
"""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from helpers.sandbox import codecommit
from helpers.sandbox.codecommit import store
from helpers.sandbox.codecommit.git import Git
from helpers.sandbox.service import AwsError
from helpers.sandbox.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world without a server, with an empty repository `code`; it keeps what it publishes."""
    world = World(tmp_path)
    world.published = []
    monkeypatch.setattr(world, "publish", lambda *event: world.published.append(event))
    repository = store.Repository("code", store.arn_of(world, "us-east-1", "code"))
    world.store("codecommit", "us-east-1").repositories["code"] = repository
    Git.create(store.folder(world, "us-east-1", "code"))
    return world


def packed(files: dict[str, bytes], executable: tuple[str, ...] = ()) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (stat.S_IFREG | (0o755 if path in executable else 0o644)) << 16
            archive.writestr(entry, content)
    return output.getvalue()


def seed(world: World, content: bytes, branch: str | None = None) -> str:
    return codecommit.seed_from_zip(world, "us-east-1", "code", content, branch)


def test_the_files_become_one_commit_on_the_branch(world):
    commit = seed(world, packed({"app/main.py": b"1\n", "run.sh": b"2\n"}, executable=("run.sh",)), "master")
    repository = store.find(world, "us-east-1", "code")
    assert repository.default_branch == "master"
    with Git(store.folder(world, "us-east-1", "code")) as git:
        assert git.branches() == {"master": commit}
        files = git.files(git.tree_of(commit))
        assert {path: oct(file.mode) for path, file in files.items()} == {
            "app/main.py": "0o100644",
            "run.sh": "0o100755",
        }
        assert git.commit(commit).parents == []
    [(region, source, kind, detail, resources)] = world.published
    assert (region, source, kind) == ("us-east-1", "aws.codecommit", "CodeCommit Repository State Change")
    assert (detail["event"], detail["referenceName"]) == ("referenceCreated", "master")
    assert resources == [repository.arn]


def test_the_branch_is_main_when_none_is_named(world):
    seed(world, packed({"a": b"1"}))
    assert store.find(world, "us-east-1", "code").default_branch == "main"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not a zip", "not a zip file"),
        (packed({"a": b"1"})[:-30], ""),
        (packed({}), "no file"),
        (packed({"../evil": b"1"}), "../evil"),
        (packed({"/etc/passwd": b"1"}), "absolute"),
        (packed({"C:/x": b"1"}), "absolute"),
        (packed({"a/.git/hooks/post-checkout": b"1"}), ".git"),
        (packed({"a": b"1", "a/b": b"2"}), "also a file"),
        # https://github.com/aws/aws-cdk/issues/19012: refused with the same words
        (packed({"app/__init__.py": b"", "a": b"1"}), "app/__init__.py is empty"),
    ],
)
def test_a_zip_that_cannot_be_read_is_refused_and_changes_nothing(world, content, reason):
    with pytest.raises(AwsError) as caught:
        seed(world, content)
    assert caught.value.message.startswith("Code supplied is not a valid .zip archive")
    assert reason in caught.value.message
    with Git(store.folder(world, "us-east-1", "code")) as git:
        assert git.branches() == {}


def test_a_zip_above_20_mb_is_refused(world):
    import os

    with pytest.raises(AwsError, match="Code archive supplied cannot be more than 20 MB compressed"):
        seed(world, packed({"noise": os.urandom(20 * 1024 * 1024)}))


def test_the_archive_of_a_commit_is_the_same_each_time_and_keeps_modes(world):
    from helpers.sandbox.principals import Principal

    commit = seed(world, packed({"run.sh": b"#!/bin/sh\n", "a/b": b"1"}, executable=("run.sh",)))
    learner = Principal("learner", "arn:aws:iam::123456789012:user/learner")
    first = codecommit.archive(world, "us-east-1", "code", commit, learner)
    assert first == codecommit.archive(world, "us-east-1", "code", commit, learner)
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert sorted(archive.namelist()) == ["a/b", "run.sh"]
        assert archive.getinfo("run.sh").external_attr >> 16 == 0o100755
