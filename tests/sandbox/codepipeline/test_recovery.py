"""A sandbox that is killed while a pipeline runs."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest


@pytest.fixture
def killed(fresh_sandbox: Any, make_line: Any) -> Any:
    """A line in a sandbox of its own. `killed(line)` kills that sandbox and starts it again."""
    sandbox = fresh_sandbox()

    def kill() -> None:
        sandbox.saved()
        os.kill(sandbox.pid, signal.SIGKILL)
        sandbox.start()

    return make_line(sandbox), kill


def test_what_was_at_work_has_failed_with_a_reason_and_a_new_commit_works(killed):
    line, kill = killed
    line.commit({"buildspec.yml": "version: 0.2\nphases: {build: {commands: [sleep 60]}}\n"})
    line.make_project()
    execution = line.create(("Source", [line.source()]), ("Build", [line.build()]))
    line.until(lambda: line.action("Build").get("externalExecutionId"))
    kill()
    assert line.ended(execution) == "Failed"
    error = line.action("Build")["errorDetails"]
    assert "The sandbox was stopped while this action was at work" in error["message"]
    assert line.executions()[0]["statusSummary"] == error["message"]
    line.commit({"buildspec.yml": "version: 0.2\nphases: {build: {commands: ['true']}}\n"})
    assert line.ended(line.start(), 60) == "Succeeded"


def test_an_approval_that_waited_can_still_be_given(killed):
    line, kill = killed
    line.commit({"a": "1"})
    execution = line.create()
    token = line.holds(execution)
    waiting = line.start()
    line.until(lambda: line.stage("Hold").get("inboundExecution", {}).get("pipelineExecutionId") == waiting)
    kill()
    line.answer(token)
    assert line.ended(execution) == "Succeeded"
    line.answer(line.holds(waiting))
    assert line.ended(waiting) == "Succeeded"
