"""Policies that AWS publishes, shortened, and what AWS says of them: who may do what, and who may not.

Nobody here wrote them. Each has the page it is from and the day it was looked up; on 2026-11-30 that was the
last text that AWS published of its guides, of May 2023 (the repositories awsdocs/* on GitHub).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.policy import Request

IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
S3_GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@dataclass(frozen=True)
class Published:
    """A policy, its page, and requests with AWS's decision. `guards`: it stands at a resource."""

    name: str
    source: str
    checked: str
    statements: tuple[dict[str, Any], ...]
    cases: tuple[tuple[Request, bool], ...]
    guards: bool = False

    @property
    def document(self) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": list(self.statements)}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Resource": resource, **more}


def asks(
    action: str, resource: str = "*", /, *principal: str, **context: str | list[str]
) -> Request:  # aws__SourceIp stands for aws:SourceIp, aws__ResourceTag_Owner for aws:ResourceTag/Owner
    keys = {name.replace("__", ":").replace("Tag_", "Tag/"): value for name, value in context.items()}
    return Request(action, resource, keys, principal)


BUCKET, OBJECTS = "arn:aws:s3:::bucket-name", "arn:aws:s3:::bucket-name/*"
DAVID = "arn:aws:s3:::bucket-name/home/David/a/b"
VM = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/table-name"
ROLE = "arn:aws:iam::123456789012:role/EC2-roles-for-XYZ-1"
QUEUE = "arn:aws:sqs:us-west-2:123456789012:MyEventDLQ"
RULE = "arn:aws:events:us-west-2:123456789012:rule/"
BOB, ACCOUNT = "arn:aws:iam::444455556666:user/Bob", "arn:aws:iam::444455556666:root"
TASK = "arn:aws:ecs:us-west-2:111122223333:task/c/1"
TASKS, CLOUDWATCH, EC2 = "ecs-tasks.amazonaws.com", "cloudwatch.amazonaws.com", "ec2.amazonaws.com"
INCIDENT = "arn:aws:ssm-incidents:eu-west-1:111122223333:incident-record/"
THREE = ["s3:GetObject", "s3:PutObject", "s3:PutObjectAcl"]

POLICIES = (
    Published(
        "home folders by user name",
        IAM + "reference_policies_examples_s3_home-directory-console.html",
        "2026-11-30",
        (
            allow(
                ["s3:ListBucket"],
                BUCKET,
                Condition={"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/*"]}},
            ),
            allow("s3:*", ["arn:aws:s3:::bucket-name/home/${aws:username}/*"]),
        ),
        (
            (asks("s3:ListBucket", BUCKET, aws__username="David", s3__prefix="home/David/x"), True),
            (asks("s3:ListBucket", BUCKET, aws__username="David", s3__prefix="home/Mary/x"), False),
            (asks("s3:PutObject", DAVID, aws__username="David"), True),
            (asks("s3:PutObject", DAVID, aws__username="Mary"), False),
        ),
    ),
    Published(
        "only some Regions",
        IAM + "reference_policies_examples_aws_deny-requested-region.html",
        "2026-11-30",
        (
            deny(
                NotAction=["cloudfront:*", "iam:*", "route53:*", "support:*"],
                Condition={"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}},
            ),
            ALL,
        ),
        (
            (asks("ec2:RunInstances", VM, aws__RequestedRegion="eu-west-1"), True),
            (asks("ec2:RunInstances", VM, aws__RequestedRegion="us-east-1"), False),
            (asks("iam:CreateRole", ROLE, aws__RequestedRegion="us-east-1"), True),
        ),
    ),
    Published(
        "pass roles of one name",
        IAM + "id_roles_use_passrole.html",
        "2026-11-30",
        (
            allow(
                "iam:PassRole",
                "arn:aws:iam::123456789012:role/EC2-roles-for-XYZ-*",
                Condition={"StringEquals": {"iam:PassedToService": EC2}},
            ),
        ),
        (
            (asks("iam:PassRole", ROLE, iam__PassedToService=EC2), True),
            (asks("iam:PassRole", ROLE, iam__PassedToService=TASKS), False),
            (asks("iam:PassRole", "arn:aws:iam::123456789012:role/other", iam__PassedToService=EC2), False),
        ),
    ),
    Published(
        "pass roles to one service",
        IAM + "reference_policies_examples_iam-passrole-service.html",
        "2026-11-30",
        (allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": CLOUDWATCH}}),),
        (
            (asks("iam:PassRole", ROLE, iam__PassedToService=CLOUDWATCH), True),
            (asks("iam:PassRole", ROLE, iam__PassedToService=EC2), False),
            (asks("iam:PassRole", ROLE), False),
        ),
    ),
    Published(
        "nothing but IAM without MFA",
        IAM + "reference_policies_elements_notaction.html",
        "2026-11-30",
        (
            deny(
                NotAction="iam:*", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
            ),  # with IfExists the absent key matches too, so such requests are denied
            ALL,
        ),
        (
            (asks("s3:GetObject", DAVID, aws__MultiFactorAuthPresent="false"), False),
            (asks("s3:GetObject", DAVID, aws__MultiFactorAuthPresent="true"), True),
            (asks("s3:GetObject", DAVID), False),
            (asks("iam:GetRole", ROLE, aws__MultiFactorAuthPresent="false"), True),
        ),
    ),
    Published(
        "production only with MFA of the last half hour",
        IAM + "reference_policies_examples_s3_full-access-except-production.html",
        "2026-11-30",
        (
            allow(["s3:PutObject", "s3:GetObject", "s3:DeleteObject"], "arn:aws:s3:::*/*"),
            deny(
                ["arn:aws:s3:::Production/*", "arn:aws:s3:::Production"],
                Action="s3:*",
                Condition={"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "1800"}},
            ),
        ),
        (
            (asks("s3:GetObject", "arn:aws:s3:::Production/a", aws__MultiFactorAuthAge="600"), True),
            (asks("s3:GetObject", "arn:aws:s3:::Production/a", aws__MultiFactorAuthAge="3600"), False),
            (asks("s3:GetObject", "arn:aws:s3:::Production/a"), False),
            (asks("s3:GetObject", "arn:aws:s3:::Other/a"), True),
        ),
    ),
    Published(
        "these tag keys and no others",
        IAM + "reference_policies_condition-single-vs-multi-valued-context-keys.html",
        "2026-11-23",
        (
            allow(
                "ec2:CreateTags",
                Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["environment", "cost-center"]}},
            ),
        ),
        (
            (asks("ec2:CreateTags", VM, aws__TagKeys=["environment", "cost-center"]), True),
            (asks("ec2:CreateTags", VM, aws__TagKeys=["environment", "owner"]), False),
            (asks("ec2:CreateTags", VM), True),  # the guide warns of it: it holds when the key is absent
        ),
    ),
    Published(
        "not from outside these networks",
        IAM + "reference_policies_examples_aws_deny-ip.html",
        "2026-11-30",
        (
            deny(
                Action="*",
                Condition={
                    "NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]},
                    "Bool": {"aws:ViaAWSService": "false"},
                },
            ),
            ALL,
        ),
        (
            (asks("s3:GetObject", DAVID, aws__SourceIp="203.0.113.7", aws__ViaAWSService="false"), True),
            (asks("s3:GetObject", DAVID, aws__SourceIp="198.51.100.1", aws__ViaAWSService="false"), False),
            (asks("s3:GetObject", DAVID, aws__SourceIp="198.51.100.1", aws__ViaAWSService="true"), True),
        ),
    ),
    Published(
        "within dates",
        IAM + "reference_policies_examples_aws-dates.html",
        "2026-11-30",
        (
            allow(
                "s3:GetObject",
                Condition={
                    "DateGreaterThan": {"aws:CurrentTime": "2020-04-01T00:00:00Z"},
                    "DateLessThan": {"aws:CurrentTime": "2020-06-30T23:59:59Z"},
                },
            ),
        ),
        (
            (asks("s3:GetObject", DAVID, aws__CurrentTime="2020-05-01T00:00:00Z"), True),
            (asks("s3:GetObject", DAVID, aws__CurrentTime="2020-07-01T00:00:00Z"), False),
        ),
    ),
    Published(
        "instances that carry the user's name",
        IAM + "reference_policies_examples_ec2_tag-owner.html",
        "2026-11-30",
        (
            allow(
                ["ec2:StartInstances", "ec2:StopInstances"],
                "arn:aws:ec2:*:*:instance/*",
                Condition={"StringEquals": {"aws:ResourceTag/Owner": "${aws:username}"}},
            ),
            allow("ec2:DescribeInstances"),
        ),
        (
            (asks("ec2:StopInstances", VM, aws__username="mary", aws__ResourceTag_Owner="mary"), True),
            (asks("ec2:StopInstances", VM, aws__username="mary", aws__ResourceTag_Owner="bob"), False),
            (asks("ec2:StopInstances", VM, aws__username="mary"), False),
            (asks("ec2:DescribeInstances", "*", aws__username="mary"), True),
        ),
    ),
    Published(
        "these attributes of a table",
        IAM + "reference_policies_examples_dynamodb_attributes.html",
        "2026-11-30",
        (
            allow(
                ["dynamodb:GetItem", "dynamodb:Query"],
                ["arn:aws:dynamodb:*:*:table/table-name"],
                Condition={
                    "ForAllValues:StringEquals": {"dynamodb:Attributes": ["column-1", "column-2"]},
                    "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
                },
            ),
        ),
        (
            (asks("dynamodb:GetItem", TABLE, dynamodb__Attributes=["column-1"]), True),
            (asks("dynamodb:GetItem", TABLE, dynamodb__Attributes=["column-1", "secret"]), False),
            (
                asks(
                    "dynamodb:Query",
                    TABLE,
                    dynamodb__Attributes=["column-1"],
                    dynamodb__Select="ALL_ATTRIBUTES",
                ),
                False,
            ),
        ),
    ),
    Published(
        "one bucket and nothing else",
        IAM + "reference_policies_examples_s3_deny-except-bucket.html",
        "2026-11-30",
        (
            allow("s3:*", [BUCKET, OBJECTS]),
            {"Effect": "Deny", "NotAction": "s3:*", "NotResource": [BUCKET, OBJECTS]},
        ),
        (
            (asks("s3:PutObject", DAVID), True),
            (asks("s3:PutObject", "arn:aws:s3:::other/a"), False),
            (asks("ec2:StopInstances", VM), False),
        ),
    ),
    Published(
        "nothing outside the account but Data Exchange",
        IAM + "reference_policies_examples_resource_account_data_exch.html",
        "2026-11-30",
        (
            deny(NotAction=THREE, Condition={"StringNotEquals": {"aws:ResourceAccount": ["111122223333"]}}),
            deny(
                Action=THREE,
                Condition={
                    "StringNotEquals": {"aws:ResourceAccount": ["111122223333"]},
                    "ForAllValues:StringNotEquals": {"aws:CalledVia": ["dataexchange.amazonaws.com"]},
                },
            ),
            ALL,
        ),
        (
            (asks("s3:GetObject", DAVID, aws__ResourceAccount="111122223333"), True),
            (asks("s3:GetObject", DAVID, aws__ResourceAccount="444455556666"), False),
            (
                asks(
                    "s3:GetObject",
                    DAVID,
                    aws__ResourceAccount="444455556666",
                    aws__CalledVia=["dataexchange.amazonaws.com"],
                ),
                True,
            ),
            (asks("ec2:StopInstances", VM, aws__ResourceAccount="444455556666"), False),
        ),
    ),
    Published(
        "a bucket for TLS alone",
        S3_GUIDE + "example-bucket-policies.html",
        "2026-11-23",
        (
            deny(
                [BUCKET, OBJECTS],
                Principal="*",
                Action="s3:*",
                Condition={"Bool": {"aws:SecureTransport": "false"}},
            ),
            allow("s3:GetObject", OBJECTS, Principal={"AWS": ACCOUNT}),
        ),
        (
            (asks("s3:GetObject", DAVID, BOB, "444455556666", aws__SecureTransport="true"), True),
            (asks("s3:GetObject", DAVID, BOB, "444455556666", aws__SecureTransport="false"), False),
        ),
        guards=True,
    ),
    Published(
        "a bucket for Bob alone (NotPrincipal)",
        IAM + "reference_policies_elements_notprincipal.html",
        "2026-11-30",
        (
            {
                "Effect": "Deny",
                "NotPrincipal": {"AWS": [BOB, ACCOUNT]},
                "Action": "s3:*",
                "Resource": [BUCKET, OBJECTS],
            },
            allow("s3:GetObject", OBJECTS, Principal="*"),
        ),
        (
            (asks("s3:GetObject", DAVID, BOB, "444455556666"), True),
            (asks("s3:GetObject", DAVID, "arn:aws:iam::777788889999:user/Eve", "777788889999"), False),
        ),
        guards=True,
    ),
    Published(
        "a role for a third party with its external id",
        IAM + "confused-deputy.html",
        "2026-11-30",
        (
            {
                "Effect": "Allow",
                "Principal": {"AWS": "444455556666"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "12345"}},
            },
        ),
        (
            (asks("sts:AssumeRole", ROLE, BOB, "444455556666", sts__ExternalId="12345"), True),
            (asks("sts:AssumeRole", ROLE, BOB, "444455556666", sts__ExternalId="67890"), False),
            (asks("sts:AssumeRole", ROLE, BOB, "444455556666"), False),
        ),
        guards=True,
    ),
    Published(
        "a role for one service's records",
        IAM + "confused-deputy.html",
        "2026-11-30",
        (
            {
                "Effect": "Allow",
                "Principal": {"Service": "ssm-incidents.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "ArnLike": {"aws:SourceArn": INCIDENT.replace("eu-west-1", "*") + "myresponseplan/*"}
                },
            },
        ),
        (
            (
                asks(
                    "sts:AssumeRole",
                    ROLE,
                    "ssm-incidents.amazonaws.com",
                    aws__SourceArn=INCIDENT + "myresponseplan/1",
                ),
                True,
            ),
            (
                asks(
                    "sts:AssumeRole",
                    ROLE,
                    "ssm-incidents.amazonaws.com",
                    aws__SourceArn=INCIDENT + "another/1",
                ),
                False,
            ),
            (asks("sts:AssumeRole", ROLE, EC2, aws__SourceArn=INCIDENT + "myresponseplan/1"), False),
        ),
        guards=True,
    ),
    Published(
        "a task's role for ECS in one account and Region",
        "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html",
        "2026-11-30",
        (
            {
                "Effect": "Allow",
                "Principal": {"Service": [TASKS]},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-west-2:111122223333:*"},
                    "StringEquals": {"aws:SourceAccount": "111122223333"},
                },
            },
        ),
        (
            (
                asks("sts:AssumeRole", ROLE, TASKS, aws__SourceArn=TASK, aws__SourceAccount="111122223333"),
                True,
            ),
            (
                asks("sts:AssumeRole", ROLE, EC2, aws__SourceArn=TASK, aws__SourceAccount="111122223333"),
                False,
            ),
            (
                asks("sts:AssumeRole", ROLE, TASKS, aws__SourceArn=TASK, aws__SourceAccount="999999999999"),
                False,
            ),
            (
                asks(
                    "sts:AssumeRole",
                    ROLE,
                    TASKS,
                    aws__SourceArn=TASK.replace("us-west-2", "eu-west-1"),
                    aws__SourceAccount="111122223333",
                ),
                False,
            ),
        ),
        guards=True,
    ),
    Published(
        "a queue for one rule's dead letters",
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
        "2026-11-30",
        (
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": QUEUE,
                "Condition": {"ArnEquals": {"aws:SourceArn": RULE + "MyTestRule"}},
            },
        ),
        (
            (
                asks("sqs:SendMessage", QUEUE, "events.amazonaws.com", aws__SourceArn=RULE + "MyTestRule"),
                True,
            ),
            (asks("sqs:SendMessage", QUEUE, "events.amazonaws.com", aws__SourceArn=RULE + "Another"), False),
            (
                asks("sqs:ReceiveMessage", QUEUE, "events.amazonaws.com", aws__SourceArn=RULE + "MyTestRule"),
                False,
            ),
        ),
        guards=True,
    ),
)
