"""The exercises of 06, each with wrong answers that look right."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from helpers import (
    PipelineFailed,
    Session,
    commit,
    deploy,
    follow_pipeline,
    read_file,
    start_pipeline,
    template,
)

from .trying import ask, try_out, verdict

MINE = "tests/test_mine.py"
TEST = """import unittest


class Mine(unittest.TestCase):
    def test_mine(self):
        self.assertEqual(1, {})
"""
# What the exercises look at is over when the tests have run; the image would only take its time.
ONLY_TESTS = "version: 0.2\nphases: { pre_build: { commands: [python3 -m unittest] } }\n"


@pytest.fixture(scope="module")
def line(session: Session) -> None:
    """The pipeline, with a build that runs the tests and nothing else."""
    deploy(session, "build")
    commit(session, "buildspec.yml", ONLY_TESTS, "Only the tests")
    deploy(session, "pipeline")
    follow_pipeline(session)


def pushed(session: Session, path: str, text: str) -> None:
    """Commit, and wait for what the pipeline makes of it."""
    change = commit(session, path, text, "A change")
    assert change.changed
    with contextlib.suppress(PipelineFailed):
        follow_pipeline(session, change)


def test_a_be_stopped_by_a_test(session: Session, line: None) -> None:
    def a_test_that_never_failed(session: Session) -> None:
        pushed(session, MINE, TEST.format(1))

    def something_else_that_failed(session: Session) -> None:
        broken = ONLY_TESTS.replace("unittest", "unittest && false")
        pushed(session, "buildspec.yml", broken)
        pushed(session, "buildspec.yml", ONLY_TESTS)

    def failed_and_not_mended(session: Session) -> None:
        pushed(session, MINE, TEST.format(2))

    def mended_by_skipping_it(session: Session) -> None:
        pushed(session, MINE, TEST.format(2).replace("    def", "    @unittest.skip('later')\n    def"))

    def mended_and_failing_again(session: Session) -> None:
        pushed(session, MINE, TEST.format(1))
        pushed(session, MINE, TEST.format(3))

    wrong = [a_test_that_never_failed, something_else_that_failed, failed_and_not_mended]
    try_out(session, "06-a", [*wrong, mended_by_skipping_it, mended_and_failing_again])


def test_b_let_commits_wait(session: Session, line: None) -> None:
    rule = {"Name": f"{session.project}-source-change"}

    def behind_the_stacks_back(session: Session) -> None:
        session.client("events").disable_rule(**rule)
        commit(session, "README.md", f"{read_file(session, 'README.md')}\n.\n", "Wait")

    def nothing_to_wait(session: Session) -> None:
        _deploy_with(session, "State: ENABLED", "State: DISABLED")
        follow_pipeline(session, start_pipeline(session))

    def deaf_to_everything(session: Session) -> None:
        """The rule listens, but for another event: a commit waits, and the rule is not disabled."""
        _deploy_with(session, "referenceUpdated", "referenceDeleted")
        commit(session, "README.md", f"{read_file(session, 'README.md')}\n.\n", "Wait")

    def asked_for_instead(session: Session) -> None:
        """The rule is off and the pipeline polls: the commit waits a little, and no longer."""
        text = template(session, "pipeline").text.replace('Changes: "false"', 'Changes: "true"')
        _deploy_with(session, "State: ENABLED", "State: DISABLED", text)
        change = commit(session, "README.md", f"{read_file(session, 'README.md')}\n.\n", "Wait")
        assert not verdict(session, "06-b").findings[2].met
        follow_pipeline(session, change)

    def back(session: Session) -> None:
        deploy(session, "pipeline")
        session.client("events").enable_rule(**rule)

    wrong = [behind_the_stacks_back, nothing_to_wait, deaf_to_everything, asked_for_instead]
    try_out(session, "06-b", wrong, back)
    deploy(session, "pipeline")


def _deploy_with(session: Session, old: str, new: str, text: str | None = None) -> None:
    text = text or template(session, "pipeline").text
    assert re.search(re.escape(old), text)
    Path("pipeline.yaml").write_text(text.replace(old, new))
    deploy(session, "pipeline.yaml")


def test_c_three_commits_in_a_minute(session: Session) -> None:
    ask(session, "06-c")
