"""IAM evaluation against examples that AWS publishes, each with the page it is from."""

from __future__ import annotations

import pytest

from helpers.sandbox.iam import Request, evaluate, statements
from helpers.sandbox.iam.policy import arn_matches

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"


def policy(*parts: dict) -> dict:
    return {"Version": "2012-10-17", "Statement": list(parts)}


HOME_FOLDERS = policy(  # GUIDE + reference_policies_examples_s3_home-directory-console.html, shortened
    {
        "Effect": "Allow",
        "Action": ["s3:ListBucket"],
        "Resource": "arn:aws:s3:::bucket-name",
        "Condition": {"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/*"]}},
    },
    {
        "Effect": "Allow",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::bucket-name/home/${aws:username}/*"],
    },
)
REGION = policy(  # GUIDE + reference_policies_examples_aws_deny-requested-region.html
    {
        "Effect": "Deny",
        "NotAction": ["cloudfront:*", "iam:*", "route53:*", "support:*"],
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}},
    },
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
)
PASS_ROLE = (
    policy(  # GUIDE + id_roles_use_passrole.html; its condition: reference_policies_iam-condition-keys.html
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::123456789012:role/EC2-roles-for-XYZ-*",
            "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        }
    )
)
TLS_ONLY = policy(  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
    {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [
            "arn:aws:s3:::amzn-s3-demo-bucket",
            "arn:aws:s3:::amzn-s3-demo-bucket/*",
        ],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
)
MFA = policy(  # GUIDE + reference_policies_elements_condition_operators.html, "...IfExists"
    {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    },
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
)
TAG_KEYS = policy(  # GUIDE + reference_policies_condition-single-vs-multi-valued-context-keys.html
    {
        "Effect": "Allow",
        "Action": "ec2:CreateTags",
        "Resource": "*",
        "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["environment", "cost-center"]}},
    }
)
IP = policy(  # GUIDE + reference_policies_examples_aws_deny-ip.html
    {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]}},
    },
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
)
DATES = policy(  # GUIDE + reference_policies_examples_aws-dates.html
    {
        "Effect": "Allow",
        "Action": "service-prefix:action-name",
        "Resource": "*",
        "Condition": {
            "DateGreaterThan": {"aws:CurrentTime": "2020-04-01T00:00:00Z"},
            "DateLessThan": {"aws:CurrentTime": "2020-06-30T23:59:59Z"},
        },
    }
)
DAVID = {"aws:username": "David"}

CASES = [
    (
        HOME_FOLDERS,
        Request(
            "s3:ListBucket",
            "arn:aws:s3:::bucket-name",
            DAVID | {"s3:prefix": "home/David/x"},
        ),
        True,
    ),
    (
        HOME_FOLDERS,
        Request(
            "s3:ListBucket",
            "arn:aws:s3:::bucket-name",
            DAVID | {"s3:prefix": "home/Mary/x"},
        ),
        False,
    ),
    (
        HOME_FOLDERS,
        Request("s3:PutObject", "arn:aws:s3:::bucket-name/home/David/a/b", DAVID),
        True,
    ),
    (
        HOME_FOLDERS,
        Request("s3:PutObject", "arn:aws:s3:::bucket-name/home/Mary/a", DAVID),
        False,
    ),
    (
        REGION,
        Request("ec2:RunInstances", "*", {"aws:RequestedRegion": "eu-west-1"}),
        True,
    ),
    (
        REGION,
        Request("ec2:RunInstances", "*", {"aws:RequestedRegion": "us-east-1"}),
        False,
    ),
    (
        REGION,
        Request("iam:CreateRole", "*", {"aws:RequestedRegion": "us-east-1"}),
        True,
    ),
    (
        PASS_ROLE,
        Request(
            "iam:PassRole",
            "arn:aws:iam::123456789012:role/EC2-roles-for-XYZ-1",
            {"iam:PassedToService": "ec2.amazonaws.com"},
        ),
        True,
    ),
    (
        PASS_ROLE,
        Request(
            "iam:PassRole",
            "arn:aws:iam::123456789012:role/EC2-roles-for-XYZ-1",
            {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
        ),
        False,
    ),
    (
        PASS_ROLE,
        Request(
            "iam:PassRole",
            "arn:aws:iam::123456789012:role/other",
            {"iam:PassedToService": "ec2.amazonaws.com"},
        ),
        False,
    ),
    (MFA, Request("s3:GetObject", "*", {"aws:MultiFactorAuthPresent": "false"}), False),
    (MFA, Request("s3:GetObject", "*", {"aws:MultiFactorAuthPresent": "true"}), True),
    (
        MFA,
        Request("s3:GetObject", "*"),
        False,
    ),  # the guide: with IfExists the absent key matches too, so denied
    (
        TAG_KEYS,
        Request("ec2:CreateTags", "*", {"aws:TagKeys": ["environment", "cost-center"]}),
        True,
    ),
    (
        TAG_KEYS,
        Request("ec2:CreateTags", "*", {"aws:TagKeys": ["environment", "owner"]}),
        False,
    ),
    (
        TAG_KEYS,
        Request("ec2:CreateTags", "*"),
        True,
    ),  # the guide warns: ForAllValues holds when the key is absent
    (IP, Request("s3:GetObject", "*", {"aws:SourceIp": "203.0.113.7"}), True),
    (IP, Request("s3:GetObject", "*", {"aws:SourceIp": "198.51.100.1"}), False),
    (
        DATES,
        Request(
            "service-prefix:action-name",
            "*",
            {"aws:CurrentTime": "2020-05-01T00:00:00Z"},
        ),
        True,
    ),
    (
        DATES,
        Request(
            "service-prefix:action-name",
            "*",
            {"aws:CurrentTime": "2020-07-01T00:00:00Z"},
        ),
        False,
    ),
    (
        policy({"Effect": "Allow", "Action": "S3:getobject", "Resource": "*"}),
        Request("s3:GetObject", "*"),
        True,
    ),
    (
        policy({"Effect": "Allow", "Action": "iam:*AccessKey*", "Resource": "*"}),
        Request("iam:CreateAccessKey"),
        True,
    ),
    (
        policy(
            {
                "Effect": "Allow",
                "Action": "s3:*",
                "NotResource": "arn:aws:s3:::secret/*",
            }
        ),
        Request("s3:GetObject", "arn:aws:s3:::secret/a"),
        False,
    ),
]


@pytest.mark.parametrize(("document", "request_", "allowed"), CASES, ids=[str(i) for i in range(len(CASES))])
def test_published_policies(document, request_, allowed):
    assert evaluate(statements(document), request_).allowed is allowed


def test_an_explicit_deny_beats_every_allow():
    both = policy(
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
    )
    assert evaluate(statements(both), Request("s3:DeleteObject", "arn:aws:s3:::a/b")).result == "explicitDeny"
    assert evaluate(statements(both), Request("s3:GetObject", "arn:aws:s3:::a/b")).allowed


@pytest.mark.parametrize(("secure", "result"), [("false", "explicitDeny"), ("true", "implicitDeny")])
def test_tls_only_bucket(secure, result):
    asked = Request(
        "s3:GetObject",
        "arn:aws:s3:::amzn-s3-demo-bucket/k",
        {"aws:SecureTransport": secure},
        ("x",),
    )
    assert evaluate(statements(TLS_ONLY), asked, resource_based=True).result == result


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        (
            "arn:aws:ecs:us-west-2:111122223333:*",
            "arn:aws:ecs:us-west-2:111122223333:task/a/b",
            True,
        ),
        (
            "arn:aws:ecs:*:111122223333:*",
            "arn:aws:ecs:us-west-2:444455556666:task/a",
            False,
        ),
        (
            "arn:aws:events:*:*:rule/nightly",
            "arn:aws:events:eu-west-1:111122223333:rule/nightly",
            True,
        ),
        (
            "arn:aws:*:111122223333:rule/x",
            "arn:aws:events:eu-west-1:111122223333:rule/x",
            False,
        ),
    ],
)
def test_arn_like_matches_part_by_part(pattern, arn, matches):
    """GUIDE: "Each of the six colon-delimited components of the ARN is checked separately"."""
    assert arn_matches(pattern, arn) is matches


def test_trust_with_source_conditions():
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html, confused deputy."""
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": ["ecs-tasks.amazonaws.com"]},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-west-2:111122223333:*"},
                "StringEquals": {"aws:SourceAccount": "111122223333"},
            },
        }
    )

    def asked(service, arn, account="111122223333"):
        context = {"aws:SourceArn": arn, "aws:SourceAccount": account}
        return evaluate(
            statements(trust),
            Request("sts:AssumeRole", "r", context, (service,)),
            resource_based=True,
        )

    task = "arn:aws:ecs:us-west-2:111122223333:task/c/1"
    assert asked("ecs-tasks.amazonaws.com", task).allowed
    assert not asked("codebuild.amazonaws.com", task).allowed
    assert not asked("ecs-tasks.amazonaws.com", "arn:aws:ecs:eu-west-1:111122223333:task/c/1").allowed
    assert not asked("ecs-tasks.amazonaws.com", task, "999999999999").allowed
