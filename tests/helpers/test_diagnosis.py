"""What `why` answers with, how it reads AWS's refusals, and which line of a template it points at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers import NameUnknown, why
from helpers.diagnosis.access import denial, lacking
from helpers.diagnosis.case import STEPS
from helpers.diagnosis.nouns import UNKNOWN, Finding, diagnosis, healthy
from helpers.diagnosis.task import last_words
from helpers.diagnosis.where import where

ROOT = Path(__file__).resolve().parents[2]
ROLE = "arn:aws:sts::123456789012:assumed-role/flights-roles-TaskRole-X/1b1e"


# In the form of the IAM user guide, "Troubleshooting access denied error messages" (2026-11-30).
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"User: {ROLE} is not authorized to perform: s3:PutObject on resource: "
            '"arn:aws:s3:::bucket/reports/x.csv" because no identity-based policy allows the '
            "s3:PutObject action",
            ("flights-roles-TaskRole-X", "s3:PutObject", "arn:aws:s3:::bucket/reports/x.csv", False),
        ),
        (  # the same inside a log line in JSON
            rf"User: {ROLE} is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::b/k\" "
            "because",
            ("flights-roles-TaskRole-X", "s3:GetObject", "arn:aws:s3:::b/k", False),
        ),
        (
            "User: arn:aws:iam::123456789012:user/John is not authorized to perform: "
            "codecommit:ListDeployments "
            "on resource: arn:aws:codecommit:us-east-1:123456789012:* with an explicit deny in a service "
            "control "
            "policy",
            ("John", "codecommit:ListDeployments", "arn:aws:codecommit:us-east-1:123456789012:*", True),
        ),
        (
            "User: arn:aws:iam::123456789012:user/mary is not authorized to perform: iam:PassRole",
            ("mary", "iam:PassRole", "*", False),
        ),
    ],
)
def test_a_refusal_is_read(text, expected):
    found = denial(f"An error occurred (AccessDenied): {text}")
    assert (found.role, found.action, found.resource, found.explicit) == expected


def test_other_words_are_no_refusal():
    assert denial("The specified bucket does not exist") is None


def test_the_line_is_the_line_of_the_file():
    found = where("network", "EcrDkrEndpoint")
    file, number = found.split(" ")[0].split(":")
    assert (ROOT / file).read_text().splitlines()[int(number) - 1] == "  EcrDkrEndpoint:"
    found = where("roles", "TaskRole", "Sid: WriteReports")
    file, number = found.split(" ")[0].split(":")
    assert (ROOT / file).read_text().splitlines()[int(number) - 1].strip() == "- Sid: WriteReports"


def test_a_line_that_is_not_there_is_not_made_up():
    assert where("network", "NoSuchThing") == where("no-such-stack", "Vpc") == ""


def test_a_right_that_no_statement_gives_points_at_the_role_s_policies():
    found = lacking("ScheduleRole", "ecs:TagResource", "*", ())
    assert "Policies:" in found.where and "Add the action" in found.next_step
    found = lacking("ScheduleRole", "iam:PassRole", "*", ())
    assert "Sid: HandRolesToTask" in found.where and "puts it back" in found.next_step


def test_without_a_finding_the_cause_is_not_known():
    found = diagnosis("The task", "it ended with exit code 7", (), ["its last line"])
    assert (found.known, found.cause, found.healthy) == (False, UNKNOWN, False)
    assert "not known" in str(found) and "its last line" in str(found)


def test_all_findings_are_shown_the_first_one_is_the_cause():
    first = Finding("the door is shut", ("a",), "cfn/network.yaml:1 (Vpc)", "open it")
    found = diagnosis("The task", "it never started", (first, Finding("the key is lost", ("b",))))
    assert (found.cause, found.where, found.next_step) == (first.cause, first.where, "open it")
    assert (found.causes, found.evidence) == (("the door is shut", "the key is lost"), ("a", "b"))
    text = str(found)
    assert text.index("Cause 1: the door is shut") < text.index("Cause 2: the key is lost")


def test_healthy_names_no_cause():
    assert "Cause" not in str(healthy("The task", "nothing is wrong"))


# Stopped reasons as Fargate words them: the ECS developer guide's "Stopped task error messages".
@pytest.mark.parametrize(
    ("reason", "step"),
    [
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull "
            "registry "
            "auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check "
            "your task "
            "network configuration.",
            "way to ecr.api",
        ),
        (
            "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon "
            "CloudWatch log group defined in the task definition. There is a connection issue between "
            "the task "
            "and Amazon CloudWatch. Check your network configuration.",
            "way to logs",
        ),
        (
            "ResourceInitializationError: failed to validate logger args: create stream has been retried "
            "1 times: "
            "failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group "
            "does not "
            "exist. : exit status 1",
            "log",
        ),
        (
            "CannotPullContainerError: ref pull has been retried 1 time(s): failed to resolve ref: not found",
            "tag",
        ),
        (
            "CannotPullContainerError: Error response from daemon: pull access denied for image, "
            "repository does "
            "not exist or may require docker login",
            "tag",
        ),
        ("OutOfMemoryError: Container killed due to memory usage", "memory"),
        ("Timeout waiting for network interface provisioning to complete.", "job"),
    ],
)
def test_the_step_at_which_a_task_ended(reason, step):

    assert next(name for name, sign in STEPS if re.search(sign, reason, re.S)) == step


def test_the_last_words_of_python_and_of_the_job():
    lines = ("Traceback (most recent call last):", '  File "app.py", line 3', "KeyError: 'carrier'")
    assert last_words(lines)[0] == "KeyError: 'carrier'"
    entry = '{"event": "failed", "error": "BadInput", "reason": "no header", "line": 1, "advice": "Ask."}'
    assert last_words((entry,)) == ("BadInput, no header, line 1", "Ask.")
    assert last_words(("all is well",)) == ("", "")


def test_a_stack_that_is_not_there(line):
    found = why(line, "no-such-stack")
    assert not found.healthy and found.what == "it is not deployed"


def test_other_things_are_refused(line):
    with pytest.raises(NameUnknown, match="why cannot look into int"):
        why(line, 7)
