"""A project of its own for each file of tests here, in the sandbox that all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import Session, open_session


@pytest.fixture(scope="module")
def session(sandbox, request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[Session]:
    """A session for the file's own project; what was solved in it is nobody else's."""
    project = f"x{Path(request.path).stem.removeprefix('test_').replace('_', '-')}"[:20].rstrip("-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_ENDPOINT", sandbox.endpoint)
        patch.setenv("SANDBOX_HOME", str(tmp_path_factory.mktemp("home")))
        patch.chdir(tmp_path_factory.mktemp("learner"))
        yield open_session(project=project)
