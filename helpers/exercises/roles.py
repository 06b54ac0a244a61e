"""The exercises of 03: the smallest policy that will do, who may hand a role on, and which role is whose."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from .. import stacks
from ..policy import Request, evaluate, statements
from ..session import Session
from .looking import export_of, name_of_each
from .nouns import Finding, Question, Task

SOMEBODY_ELSE = "111122223333"  # an account number that AWS uses in its own examples
DAY = "2013-01-01.csv"

Statements = list[Mapping[str, Any]]


def _an_auditor(session: Session) -> Iterator[Finding]:
    export = export_of(session, "AuditorRoleArn")
    yield Finding(
        export is not None, f"a stack exports `{session.project}-AuditorRoleArn`", "no stack exports it"
    )
    if export is None:
        return
    names = name_of_each(session, export.stack, "AWS::IAM::Role")
    name = export.value.rpartition("/")[2]
    its_own = export.value.startswith("arn:") and name in names
    yield Finding(
        its_own,
        "its value is the ARN of a role that the same stack made",
        f"its value is `{export.value}`, the stack's roles are {', '.join(names) or 'none'}",
    )
    if not its_own:
        return
    trust, permissions = _policies(session, name)
    yield _who_may_put_it_on(session, trust, export.value)
    storage = stacks.describe(session, "storage").outputs
    data, artifacts = storage["DataBucketArn"], storage["ArtifactBucketArn"]
    keys = (f"reports/{DAY}", f"reports/2013/{DAY}")
    refused = [key for key in keys if not _may(permissions, Request("s3:GetObject", f"{data}/{key}"))]
    yield Finding(
        not refused, "it may read what lies below `reports/`", f"it may not read `{'`, `'.join(refused)}`"
    )
    excess = [words for words, request in _beyond(data, artifacts) if _may(permissions, request)]
    yield Finding(not excess, "it may do nothing else", f"it may also {'; '.join(excess[:3])}")


def _policies(session: Session, role: str) -> tuple[Statements, Statements]:
    """A role's trust policy, and all its permissions: inline ones and those of attached policies."""
    iam = session.client("iam")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    permissions: Statements = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        permissions += _parsed(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        permissions += _parsed(found["Document"])
    return _parsed(trust), permissions


def _parsed(document: Any) -> Statements:
    return statements(urllib.parse.unquote(document) if isinstance(document, str) else document)


def _who_may_put_it_on(session: Session, trust: Statements, role_arn: str) -> Finding:
    partition, account = role_arn.split(":")[1], role_arn.split(":")[4]

    def trusted(*principal: str) -> bool:
        context = {"aws:MultiFactorAuthPresent": "true", "aws:PrincipalAccount": principal[0]}
        request = Request("sts:AssumeRole", role_arn, context, principal)
        return evaluate(trust, request, resource_based=True).allowed

    me = session.client("sts").get_caller_identity()["Arn"]
    people = trusted(account, f"arn:{partition}:iam::{account}:root", me)
    strangers = trusted(SOMEBODY_ELSE, f"arn:{partition}:iam::{SOMEBODY_ELSE}:root")
    services = [name for name in ("ecs-tasks", "ec2", "lambda") if trusted(f"{name}.amazonaws.com")]
    found = "people of this account may not" if not people else "so may services"
    return Finding(
        people and not strangers and not services,
        "people of this account may put it on, and nobody else",
        "so may every other account" if strangers else found,
    )


def _beyond(data: str, artifacts: str) -> Iterator[tuple[str, Request]]:
    """What the auditors must not do, in words and as a request, given the ARNs of the two buckets."""
    report = f"{data}/reports/{DAY}"
    yield "read `departures/`", Request("s3:GetObject", f"{data}/departures/{DAY}.gz")
    yield (
        "read a prefix that only begins like it, `reports-old/`",
        Request("s3:GetObject", f"{data}/reports-old/{DAY}"),
    )
    yield "read `departures/reports/`", Request("s3:GetObject", f"{data}/departures/reports/{DAY}")
    yield (
        "read another bucket whose name begins like ours",
        Request("s3:GetObject", f"{data}-copy/reports/{DAY}"),
    )
    yield "read the artifact bucket", Request("s3:GetObject", f"{artifacts}/reports/{DAY}")
    yield "write reports", Request("s3:PutObject", report)
    yield "delete reports", Request("s3:DeleteObject", report)
    yield "see who else may read a report", Request("s3:GetObjectAcl", report)
    yield "list the bucket", Request("s3:ListBucket", data)
    yield "see all buckets", Request("s3:ListAllMyBuckets")
    yield "read secrets that have nothing to do with it", Request("secretsmanager:GetSecretValue")


def _may(permissions: Statements, request: Request) -> bool:
    return evaluate(permissions, request).allowed


EXERCISES = (
    Task(
        "03-a",
        "A role for the auditors",
        _an_auditor,
        hints=(
            "Two questions, two policies. Who may put it on? `notebooks/lessons/visitor.yaml` answers that "
            "as you need it. What may it then do? Of its three statements you need one, and not quite as it "
            "stands.",
            "A statement needs one action and one resource. The bucket's ARN is an export of `storage`, and "
            "the prefix belongs behind it. Does it matter whether there is a slash before the star?",
            "`iam:PassRole`, `s3:*`, a second statement: whatever you leave out is denied. If the check says "
            "*it may also*, something in your policy is wider than you think.",
            "`!GetAtt` of the role gives the ARN for the output. A template with a role needs a capability; "
            "`deploy` acknowledges it.",
        ),
        learned="Eight lines for one permission seem much. They are the whole of what anybody can ever do "
        "with this role, and they can be read in a minute.",
    ),
    Question(
        "03-b",
        "Who may hand the job's role on?",
        options={
            "a": "Nobody: asked about `iam:PassRole`, all six roles say no",
            "b": "`ScheduleRole`, to any service",
            "c": "`ScheduleRole`, to ECS tasks alone",
            "d": "`ScheduleRole` and `CodePipelineRole`, since both start something that needs a role",
        },
        right="c",
        because="The statement has a condition on `iam:PassedToService`, and IAM cannot say yes before it "
        "knows to which service the role would go. With `ecs-tasks.amazonaws.com` the answer is yes, with "
        "any other it is no.",
        wrong={
            "a": "That is what `who_may` says, because it asks without a context. What would AWS add to the "
            "request, when somebody starts a task?",
            "b": "Look below the statement's `Resource`. There is one thing more.",
            "d": "The pipeline starts a build by name; the build project brings its role along. Nothing is "
            "handed over.",
        },
        hints=(
            'Read the statement `HandRolesToTask` to its end: `template(session, "roles", '
            '"ScheduleRole.Policies")`.',
            'A `Request` has a third argument, the context: `{"iam:PassedToService": "…"}`. Ask '
            "`evaluate(permissions(role), …)` with the service that runs tasks, and with another one.",
        ),
    ),
    Question(
        "03-c",
        "Which role is missing something?",
        options={
            "a": "`TaskRole` for both",
            "b": "`ExecutionRole` for both",
            "c": "`TaskRole` for the mail, `ExecutionRole` for the image",
            "d": "`ExecutionRole` for the mail, `TaskRole` for the image",
        },
        right="c",
        because="Ask who acts, and when. The image is fetched by ECS, before there is a job: the execution "
        "role. The mail is sent by the job's own code, while it runs: the task role.",
        wrong={
            "a": "Who fetches the image? At that moment the job's code is not there yet.",
            "b": "Who sends the mail? The job's code never sees the credentials of this role.",
            "d": "The other way round. Who acts before the job begins, and who while it runs?",
        },
        hints=(
            "For each of the two: is it done before the job's first line runs, or by one of its lines?",
            "Section 5 says which role belongs to ECS, and which to the job.",
        ),
    ),
)
