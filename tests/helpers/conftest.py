"""Sessions for the test's own sandbox, and one project that stands for all tests that only look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from helpers import Session, deploy, ensure_image, follow_pipeline, open_session, upload_day

DAY = "2013-01-01"


@pytest.fixture(scope="session")
def session_of(sandbox) -> Iterator[Callable[..., Session]]:
    """`session_of("kites")` is a session for the project of that name, in the sandbox of all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_ENDPOINT", sandbox.endpoint)
        patch.setenv("SANDBOX_HOME", str(sandbox.home))
        yield cache(lambda project, region=None: open_session(project=project, region=region))


@pytest.fixture(scope="session")
def line(session_of) -> Session:
    """A project with all eight stacks, its image pushed by its pipeline, its schedule off. Only look."""
    session = session_of("line")
    deploy(session, "schedule", {"ScheduleState": "DISABLED"})
    deploy(session, "pipeline")
    follow_pipeline(session)
    ensure_image(session)
    upload_day(session, DAY)
    return session
