"""The whole line in both runtimes: a commit, seen through pipeline and registry to the next scheduled run."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from helpers import (
    PipelineFailed,
    commit,
    deploy,
    follow_logs,
    follow_pipeline,
    images,
    next_task,
    open_session,
    read_file,
    report,
    teardown,
    upload_code,
    upload_day,
)

from .base_image import JOB, name_in

RUNTIMES = ["process", pytest.param("container", marks=pytest.mark.container)]
DAY = "2013-01-01"
OFTEN = {"ScheduleExpression": "rate(3 minutes)", "ScheduleState": "ENABLED"}
CANCELLATIONS = '    "cancellations": lambda flight: flight.cancelled,\n'
LATE = '    "late": lambda flight: not flight.cancelled and flight.delay > 15,\n'
_numbers = itertools.count()


@pytest.fixture(params=RUNTIMES)
def session(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A session with a project of its own; torn down at the end."""
    wanted = request.param
    box = request.getfixturevalue("sandbox" if wanted == "process" else "container_sandbox")
    assert box.runtime == wanted
    monkeypatch.setenv("SANDBOX_ENDPOINT", box.endpoint)
    opened = open_session(project=f"line{next(_numbers)}")
    yield opened
    assert teardown(opened).clean


def scheduled_run(session: Any, previous: Any = None) -> Any:
    """The next task that the schedule starts, once it has ended."""
    task = follow_logs(session, next_task(session, previous))
    assert task.started_by.startswith("events-rule/")
    return task


def test_a_commit_that_adds_a_column(session: Any) -> None:
    deploy(session, "pipeline")
    first = follow_pipeline(session)
    upload_day(session, DAY)
    deploy(session, "schedule", OFTEN)
    before = scheduled_run(session)
    assert before.exit_code == 0
    assert "late" not in report(session, DAY).columns
    deployed = session.client("ecs").describe_task_definition(taskDefinition=session.project)

    source = read_file(session, "app/report.py")
    change = commit(
        session, "app/report.py", source.replace(CANCELLATIONS, CANCELLATIONS + LATE), "Count late ones"
    )
    second = follow_pipeline(session, change)
    assert (first.status, second.status) == ("Succeeded", "Succeeded")
    latest = images(session)[0]
    assert change.id[:12] in latest.tags
    assert latest.digest != before.image_digest

    after = scheduled_run(session)
    assert (after.exit_code, after.image_digest) == (0, latest.digest)
    assert "late" in report(session, DAY).columns
    now = session.client("ecs").describe_task_definition(taskDefinition=session.project)
    assert now["taskDefinition"] == deployed["taskDefinition"]  # nothing else was touched

    tests = "tests/test_broken.py"
    failing = (
        "import unittest\n\n\nclass Broken(unittest.TestCase):\n    def test_it(self):\n        self.fail()\n"
    )
    broken = commit(session, tests, failing, "Break the build")
    with pytest.raises(PipelineFailed) as failed:
        follow_pipeline(session, broken)
    assert failed.value.phase == "PRE_BUILD"
    assert "unittest" in failed.value.command
    assert images(session)[0].digest == latest.digest  # nothing was pushed
    assert scheduled_run(session).image_digest == latest.digest


def another_job(folder: Path, log_in: str) -> Path:
    """A job that nobody here wrote, with a Dockerfile and a buildspec in other words."""
    folder.mkdir()
    (folder / "hello.py").write_text('print("guten Tag")\n')
    (folder / "Dockerfile").write_text(
        f'FROM {name_in(JOB / "Dockerfile")}\nCOPY hello.py /srv/hello.py\nCMD ["python", "/srv/hello.py"]\n'
    )
    (folder / "buildspec.yml").write_text(
        "version: 0.2\n"
        "phases:\n"
        "  pre_build:\n"
        "    commands:\n"
        f"      - {log_in}\n"
        "  build:\n"
        "    commands:\n"
        "      - docker build -t $REPOSITORY_URI .\n"
        "      - docker push $REPOSITORY_URI:latest\n"
    )
    return folder


NOW = (
    "aws ecr get-login-password --region $AWS_DEFAULT_REGION"
    " | docker login --username AWS --password-stdin ${REPOSITORY_URI%%/*}"
)
THEN = "$(aws ecr get-login --no-include-email --region $AWS_DEFAULT_REGION)"


def test_another_job_on_a_branch_named_master(session: Any, tmp_path: Path) -> None:
    deploy(session, "storage")
    upload_code(session, another_job(tmp_path / "job", NOW))
    deploy(session, "build", {"BranchName": "master"})
    deploy(session, "pipeline")
    assert follow_pipeline(session).status == "Succeeded"
    deploy(session, "schedule", OFTEN)
    task = scheduled_run(session)
    assert task.exit_code == 0
    groups = session.client("logs").filter_log_events(logGroupName=f"/batch/{session.project}")
    assert "guten Tag" in {event["message"] for event in groups["events"]}


def test_the_old_way_of_logging_in_fails_and_the_log_says_why(session: Any, tmp_path: Path) -> None:
    """`get-login` went with version 2 of the CLI: https://docs.aws.amazon.com/cli/latest/userguide/cliv2-migration-changes.html"""
    deploy(session, "storage")
    upload_code(session, another_job(tmp_path / "job", THEN))
    deploy(session, "pipeline")
    with pytest.raises(PipelineFailed) as failed:
        follow_pipeline(session)
    assert failed.value.phase == "PRE_BUILD"
    assert "get-login-password" in "\n".join(failed.value.log)
    assert list(images(session)) == []
