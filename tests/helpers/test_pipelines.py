"""commit → pipeline → build → image, followed live; and what is said when it breaks."""

from __future__ import annotations

import pytest

from helpers import (
    BuildFailed,
    NameUnknown,
    NotReady,
    PipelineFailed,
    StackMissing,
    builds,
    commit,
    deploy,
    follow_build,
    follow_pipeline,
    images,
    read_file,
    registry,
    retry,
    start_build,
    start_pipeline,
    why,
)

BROKEN_TEST = """
import unittest

class Broken(unittest.TestCase):
    def test_that_fails(self):
        self.assertEqual(1, 2, "on purpose")
"""


@pytest.fixture(scope="module")
def session(session_of):
    session = session_of("pipes")
    deploy(session, "pipeline")
    follow_pipeline(session)
    return session


def test_a_commit_is_followed_to_its_image(session, capsys):
    text = read_file(session, "app/report.py")
    made = commit(session, "app/report.py", text + "# one\n", "One more line")
    done = follow_pipeline(session, made)
    assert (done.status, done.revision) == ("Succeeded", made.id)
    assert done.stages == {"Source": "Succeeded", "Build": "Succeeded"}
    newest = images(session)[0]
    assert done.image.digest == newest.digest
    assert {made.id[:12], "latest"} <= set(newest.tags)
    shown = capsys.readouterr().out
    for words in (
        "Source · FetchCode",
        "BuildImage · POST_BUILD",
        "Running command docker push",
        "SUCCEEDED",
    ):
        assert words in shown
    assert "2026/" not in shown  # no times in what is kept


def test_a_failing_test_of_the_job_stops_it_before_the_push(session):
    before = images(session)[0].digest
    made = commit(session, "tests/test_broken.py", BROKEN_TEST, "Break it")
    with pytest.raises(PipelineFailed) as failed:
        follow_pipeline(session, made)
    error = failed.value
    assert (error.phase, error.command) == ("PRE_BUILD", "python3 -m unittest")
    assert any("on purpose" in line for line in error.log)
    assert "nothing was pushed" in error.next_step
    assert images(session)[0].digest == before

    with pytest.raises(PipelineFailed):  # the same code fails again
        retry(session)
    newest = session.client("codepipeline").list_pipeline_executions(pipelineName="pipes")
    execution_id = newest["pipelineExecutionSummaries"][0]["pipelineExecutionId"]
    with pytest.raises(PipelineFailed):
        follow_pipeline(session, execution_id)
    from helpers.pipelines import refreshed

    diagnosis = why(session, refreshed(session, execution_id))
    assert diagnosis.known and "python3 -m unittest" in diagnosis.cause

    mended = commit(session, "tests/test_broken.py", "# mended\n", "Mend it")
    done = follow_pipeline(session, mended)
    assert done.status == "Succeeded"
    assert "nothing is wrong" in why(session, done).what
    with pytest.raises(NotReady, match="Nothing failed"):
        retry(session)


def test_a_build_alone_names_phase_command_and_log(session):
    buildspec = read_file(session, "buildspec.yml")
    commit(
        session,
        "buildspec.yml",
        "version: 0.2\nphases: {build: {commands: ['echo before', 'exit 3']}}\n",
        "x",
    )
    build = start_build(session)
    with pytest.raises(BuildFailed) as failed:
        follow_build(session, build)
    assert (failed.value.phase, failed.value.command) == ("BUILD", "exit 3")
    assert "before" in failed.value.log
    assert failed.value.log[-1].startswith("[Container] Command did not exit successfully exit 3")
    assert "`exit 3` failed" in why(session, build).cause
    made = commit(session, "buildspec.yml", buildspec, "Back")
    done = follow_build(session, start_build(session))
    assert done.status == "SUCCEEDED"
    assert done.source_version == made.id
    assert [p.name for p in done.phases][-1] == "FINALIZING"


def test_the_newest_revision_is_released_again(session):
    started = start_pipeline(session)
    assert follow_pipeline(session, started).id == started.id
    with pytest.raises(NameUnknown, match="no execution"):
        follow_pipeline(session, "00000000-0000-0000-0000-000000000000")


def test_images_are_those_of_the_api_newest_first(session):
    details = session.client("ecr").describe_images(repositoryName="pipes")["imageDetails"]
    found = images(session)
    assert {i.digest: i.bytes for i in found} == {d["imageDigest"]: d["imageSizeInBytes"] for d in details}
    assert [i.pushed for i in found] == sorted((i.pushed for i in found), reverse=True)
    assert found[0].uri.endswith(f"/pipes@{found[0].digest}")


def test_without_images_the_table_says_what_to_do(session_of):
    session = session_of("empty")
    with pytest.raises(StackMissing, match="empty-registry"):
        images(session)
    deploy(session, "registry")
    assert len(images(session)) == 0
    assert "ensure_image(session)" in str(images(session))


@pytest.mark.parametrize(
    ("revision", "tag"),
    [
        ("36bb2b9b64e2dd28e3f1a3f8e1e2b3c4d5e6f7a8", "36bb2b9b64e2"),
        ("113ded5d-f3c2-420e-a751-c14bf7a51680", "113ded5df3c2"),
        ("3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo", "3sL4kqtJlcpX"),
    ],
)
def test_a_revision_gives_the_tag_that_the_buildspec_makes(revision, tag):
    """As `tr -cd 'A-Za-z0-9' | cut -c 1-12` in buildspec.yml."""
    assert registry.version_tag(revision) == tag


def test_what_follows_the_failed_command_is_not_shown_as_its_cause():
    build = builds.Build("p:1", "FAILED", "", (), None, None)
    lines = [
        "a",
        "[Container] 2026/01/02 03:04:05.678901 Command did not exit successfully x exit status 1",
        "b",
    ]
    assert builds._with_log(build, lines).log == (
        "a",
        "[Container] Command did not exit successfully x exit status 1",
    )
