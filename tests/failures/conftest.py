"""One project with the whole line in a sandbox of its own; each test breaks it, looks, and mends it again.

What is broken is broken as it happens in life: by a template that says something else (a changed copy of the
course's, deployed to the same stack), or by a call that somebody made by hand. To mend it is to deploy the
course's template again, or to call the other way round.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers import (
    Session,
    deploy,
    ensure_image,
    follow_logs,
    follow_pipeline,
    open_session,
    resources,
    run_task,
    upload_day,
    why,
)
from helpers.diagnosis import Diagnosis
from helpers.tasks import Task

from . import documented as table

ROOT = Path(__file__).resolve().parents[2]
DAY = "2013-01-01"


class Line:
    """The project, and the few things that all tests do with it."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.folder = session, folder

    def client(self, service: str):
        return self.session.client(service)

    def text(self, stack: str) -> str:
        """The course's template."""
        return (ROOT / "cfn" / f"{stack}.yaml").read_text()

    def changed(self, stack: str, *changes: tuple[str, str]) -> Path:
        """A copy of the course's template with other words in it; deployed, it changes that very stack."""
        text = self.text(stack)
        for old, new in changes:
            assert old in text, f"{old!r} does not stand in {stack}.yaml"
            text = text.replace(old, new)
        copy = self.folder / f"{stack}.yaml"
        copy.write_text(text)
        return copy

    @contextlib.contextmanager
    def broken(self, stack: str, *changes: tuple[str, str]) -> Iterator[None]:
        """The stack from a changed template for a while, then from the course's again."""
        deploy(self.session, self.changed(stack, *changes), poll_seconds=0.05)
        try:
            yield
        finally:
            deploy(self.session, stack, poll_seconds=0.05)

    def run(self, environment: dict[str, str] | None = None, command: list[str] | None = None) -> Task:
        """Run the job to its end."""
        started = run_task(self.session, environment or {"REPORT_DATE": DAY}, command)
        return follow_logs(self.session, started, poll_seconds=0.05)

    def shown(self, task: Task) -> tuple[str, str, str]:
        """What DescribeTasks shows of a stopped task: its reasons, its last status, its stop code."""
        cluster = task.arn.split("/")[1]
        raw = self.client("ecs").describe_tasks(cluster=cluster, tasks=[task.arn])["tasks"][0]
        reasons = [raw.get("stoppedReason", ""), *(c.get("reason", "") for c in raw["containers"])]
        return " ".join(reasons), raw["lastStatus"], raw["stopCode"]

    def until(self, condition: Callable[[], object], seconds: float = 120) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def works(self) -> None:
        """The job runs again, and nothing is wrong with it."""
        task = self.run()
        assert (task.exit_code, why(self.session, task).healthy) == (0, True), task.reason

    def runs(self, program: str) -> Any:
        """For a while the container runs this program of Python's instead of the job."""
        entry = f"          EntryPoint: [python, -c, {json.dumps(program)}]\n"
        return self.broken("task", ("          User: ", f"{entry}          User: "))

    def id(self, stack: str, logical_id: str) -> str:
        return resources(self.session, stack)[logical_id].physical_id


@pytest.fixture(scope="session")
def causes():
    return named


@pytest.fixture(scope="session")
def documented():
    """Compare a symptom with what AWS documents of the failure: `documented(failure, text, status, code)`."""
    return table.check


def named(found: Diagnosis, *wanted: str) -> Diagnosis:
    """Check that exactly these causes are named, in this order, and each with what to do about it."""
    assert not found.healthy, str(found)
    assert len(found.causes) == len(wanted), str(found)
    for cause, words in zip(found.causes, wanted, strict=True):
        assert words in cause, f"{words!r} is not in {cause!r}"
    assert found.evidence or found.where, str(found)
    return found


@pytest.fixture(scope="package")  # not longer: its environment is not that of other tests
def line(sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The project `breaks`, with all eight stacks, its image pushed, its schedule off."""
    folder = tmp_path_factory.mktemp("failures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_ENDPOINT", sandbox.endpoint)
        patch.setenv("SANDBOX_HOME", str(sandbox.home))
        patch.setenv("WORKSHOP_STATIC", "1")
        session = open_session(project="breaks")
        deploy(session, "schedule", {"ScheduleState": "DISABLED"})
        deploy(session, "pipeline")
        follow_pipeline(session, poll_seconds=0.1)
        ensure_image(session)
        upload_day(session, DAY)
        yield Line(session, folder)
