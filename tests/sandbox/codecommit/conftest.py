"""A repository of its own for each test, in the session's sandbox."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="session")
def codecommit(sandbox: Any) -> Any:
    return sandbox.client("codecommit")


@pytest.fixture
def repository(codecommit: Any) -> str:
    """The name of a new, empty repository."""
    name = f"repo-{uuid.uuid4().hex[:10]}"
    codecommit.create_repository(repositoryName=name)
    return name


@pytest.fixture
def commit(codecommit: Any, repository: str) -> Callable[..., dict]:
    """Commit files (text by path) onto `main` of the test's repository, on top of what is there."""

    def make(files: dict[str, str], branch: str = "main", **more: Any) -> dict:
        try:
            tip = codecommit.get_branch(repositoryName=repository, branchName=branch)["branch"]["commitId"]
            more.setdefault("parentCommitId", tip)
        except codecommit.exceptions.BranchDoesNotExistException:
            pass
        puts = [{"filePath": path, "fileContent": text.encode()} for path, text in files.items()]
        return codecommit.create_commit(
            repositoryName=repository, branchName=branch, **({"putFiles": puts} if puts else {}), **more
        )

    return make


@pytest.fixture
def refused() -> Callable[..., str]:
    """Make a call that must be refused with an error code; the message."""

    def call(code: str, function: Callable, **params: Any) -> str:
        with pytest.raises(ClientError) as caught:
            function(**params)
        assert caught.value.response["Error"]["Code"] == code
        return caught.value.response["Error"]["Message"]

    return call
