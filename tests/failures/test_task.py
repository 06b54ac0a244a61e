"""The task is refused what it needs, or its job fails.

What AWS shows for each of them, and where that was found, stands in documented.yaml.
"""

from __future__ import annotations

import pytest

from helpers import StillWorking, builds, deploy, describe, follow_logs, run_task, why
from helpers.diagnosis import pipeline
from helpers.stacks import exported_value


def test_the_tag_is_not_pushed_yet(line, causes, documented):
    deploy(line.session, "task", {"ImageTag": "tomorrow"})
    task = line.run()
    documented("image tag not pushed yet", *line.shown(task))
    found = causes(why(line.session, task), "no image under the tag `tomorrow`")
    assert found.where.startswith("cfn/task.yaml:") and "ensure_image" in found.next_step
    deploy(line.session, "task", {"ImageTag": None})
    line.works()


def test_the_log_group_is_missing(line, causes):
    logs, group = line.client("logs"), exported_value(line.session, "TaskLogGroupName")
    logs.delete_log_group(logGroupName=group)
    task = line.run()
    assert task.reason.startswith("ResourceInitializationError: failed to validate logger args")
    assert "The specified log group does not exist" in task.reason
    causes(why(line.session, task), f"the log group {group} is missing")
    logs.create_log_group(logGroupName=group)
    line.works()


def test_the_log_group_is_missing_and_may_not_be_made(line, causes, documented):
    logs, group = line.client("logs"), exported_value(line.session, "TaskLogGroupName")
    create = 'mode: blocking\n              awslogs-create-group: "true"'
    with line.broken("task", ("mode: blocking\n", f"{create}\n")):
        logs.delete_log_group(logGroupName=group)
        task = line.run()
        documented("log group missing without the right to create it", *line.shown(task))
        found = causes(why(line.session, task), "the role ExecutionRole may not logs:CreateLogGroup")
        assert found.where.startswith("cfn/roles.yaml:") and "ExecutionRole" in found.where
    logs.create_log_group(logGroupName=group)
    line.works()


def test_awslogs_is_left_out(line, causes, documented):
    text = line.text("task")
    block = text[text.index("          LogConfiguration:") : text.index("\nOutputs:")]
    with line.broken("task", (block, "")):
        task = line.run({"REPORT_DATE": "someday"})
        assert task.exit_code == 2
        documented("awslogs left out", *line.shown(task))
        found = causes(
            why(line.session, task), "the reason for exit code 2 is lost: the container has no log"
        )
        assert "LogConfiguration" in found.where
    line.works()


def test_the_wrong_processor(line, causes, documented):
    deploy(line.session, "task", {"Architecture": "ARM64"})
    task = line.run()
    assert task.exit_code == 255
    found = causes(why(line.session, task), "built for another processor than the task's (ARM64)")
    documented("wrong CPU architecture", "\n".join(found.evidence), *line.shown(task)[1:])
    deploy(line.session, "task", {"Architecture": None})
    line.works()


def test_out_of_memory(line, causes, documented):
    with line.runs("import time; data = bytearray(700 << 20); time.sleep(9)"):
        task = line.run()
        text, status, _ = line.shown(task)
        documented("out of memory", text, status, task.exit_code)
        found = causes(why(line.session, task), "needed more memory than the task's 512 MiB")
        assert "Memory:" in found.where
    line.works()


def test_the_task_role_may_not_write(line, causes, documented):
    with line.broken("roles", ("Action: s3:PutObject\n", "Action: s3:PutObjectTagging\n")):
        task = line.run()
        found = causes(why(line.session, task), "the role TaskRole may not s3:PutObject on arn:aws:s3:::")
        text = "\n".join(found.evidence)
        documented("task role without s3:PutObject", text, line.shown(task)[1], task.exit_code)
        assert "reports/2013-01-01.csv" in found.cause and "Sid: WriteReports" in found.where
    line.works()


def test_the_execution_role_may_not_pull(line, causes, documented):
    pull = "Action: [ecr:BatchGetImage, ecr:GetDownloadUrlForLayer]"
    with line.broken("roles", (pull, "Action: ecr:DescribeImages")):
        task = line.run()
        documented("execution role without the pull", *line.shown(task))
        found = causes(why(line.session, task), "the role ExecutionRole may not ecr:BatchGetImage on")
        assert "Sid: PullImage" in found.where
    line.works()


def test_the_job_has_a_bug(line, causes, documented):
    with line.runs("import app.report; app.report.summarise([])"):
        task = line.run()
        assert task.exit_code == 1
        documented("the job's own bug", *line.shown(task))
        found = causes(why(line.session, task), "AttributeError: module 'app.report' has no attribute")
        assert any("Traceback" in one for one in found.evidence)
    line.works()


def test_the_job_hangs(line, causes, documented):
    with line.runs("import time; print('asking the other side', flush=True); time.sleep(600)"):
        task = run_task(line.session)
        line.until(lambda: "asking the other side" in str(why(line.session, task)))
        with pytest.raises(StillWorking, match="still RUNNING"):
            follow_logs(line.session, task, poll_seconds=0.05, timeout_minutes=0.05)
        waiting = why(line.session, task)
        assert waiting.healthy and "has not ended" in waiting.what  # slow or hanging: nobody can know
        assert waiting.evidence == ("its last line: asking the other side",)
        cluster = exported_value(line.session, "ClusterName")
        line.client("ecs").stop_task(cluster=cluster, task=task.arn, reason="over its limit of one minute")
        stopped = follow_logs(line.session, task, poll_seconds=0.05)
        assert stopped.exit_code == 143
        documented("a job that hangs until its timeout", *line.shown(stopped))
        found = causes(why(line.session, stopped), "had not ended when it was stopped from outside")
        assert "its last line: asking the other side" in found.evidence
    line.works()


def test_a_limit_of_its_own(line, causes):
    with line.runs("import sys; print('asking the other side'); sys.exit(124)"):  # as timeout(1) ends
        task = line.run()
        causes(why(line.session, task), "the job ran into its time limit")
    line.works()


def test_nothing_is_wrong(line):
    """Of each kind of thing, by name and as what the verbs return; test_schedule.py has rule and schedule."""
    session = line.session
    every = ("storage", "network", "roles", "registry", "build", "pipeline", "task")
    ids = line.client("codebuild").list_builds_for_project(projectName="breaks")["ids"]
    things = [*every, None, describe(session, "network"), pipeline.newest(session), line.run()]
    for thing in [*things, builds.finished(session, ids[0])]:
        found = why(session, thing)
        assert (found.healthy, found.cause, found.findings) == (True, "none", ()), str(found)


def test_what_nobody_can_know_is_said(line):
    with line.runs("import sys; sys.exit(7)"):
        found = why(line.session, line.run())
        assert (found.known, found.healthy, found.findings) == (False, False, ())
        assert "exit code 7" in found.what


def test_a_fault_that_was_mended_since_is_no_fault_of_its_neighbour(line):
    """The task was cut off from ECR; mended since, while another fault has come: the other is not blamed."""
    dkr = "  EcrDkrEndpoint:\n    Type: AWS::EC2::VPCEndpoint\n    Condition: Has"
    with line.broken("network", (f"{dkr}Endpoints", f"{dkr}Nat")):
        task = line.run()
    with line.broken("roles", ("Action: s3:PutObject\n", "Action: s3:PutObjectTagging\n")):
        found = why(line.session, task)
        assert "at the step `way to ecr.dkr`" in found.cause and "no reason" in found.cause
        assert len(found.causes) == 2 and "s3:PutObject" in found.causes[1]


PUT = ("roles", ("Action: s3:PutObject\n", "Action: s3:PutObjectTagging\n"))
PULL = ("roles", ("ecr:BatchGetImage, ecr:GetDownloadUrlForLayer]", "ecr:DescribeImages]"))
API = ("network", ("EcrApiEndpoint:\n    Type: AWS::EC2::VPCEndpoint\n    Condition: HasEndpoints",) * 2)
DKR = ("network", ("EcrDkrEndpoint:\n    Type: AWS::EC2::VPCEndpoint\n    Condition: HasEndpoints",) * 2)
TAG = ("task", (":${ImageTag}", ":tomorrow"))


def gone(change):
    return change[0], (change[1][0], change[1][1].replace("HasEndpoints", "HasNat"))


@pytest.mark.parametrize(
    ("one", "other", "first", "second"),
    [
        (PUT, gone(DKR), "the endpoint for ecr.dkr is missing", "TaskRole may not s3:PutObject"),
        (PULL, gone(API), "the endpoint for ecr.api is missing", "may not ecr:BatchGetImage"),
        (PUT, TAG, "no image under the tag `tomorrow`", "TaskRole may not s3:PutObject"),
        (TAG, gone(API), "the endpoint for ecr.api is missing", "no image under the tag `tomorrow`"),
        (PULL, gone(DKR), "the endpoint for ecr.dkr is missing", "may not ecr:BatchGetImage"),
    ],
    ids=["write, ecr.dkr", "pull, ecr.api", "write, tag", "tag, ecr.api", "pull, ecr.dkr"],
)
def test_two_at_once_the_earlier_one_first(line, causes, one, other, first, second):
    with line.broken(*one), line.broken(*other):
        causes(why(line.session, line.run()), first, second)
    line.works()
