"""The network does not connect: the task never starts, and Fargate's own words never name the rule.

What AWS shows for each of them, and where that was found, stands in documented.yaml.
"""

from __future__ import annotations

import json

import pytest

from helpers import trace, why

VPCE = "Type: AWS::EC2::VPCEndpoint\n    Condition: "


def without(endpoint: str) -> tuple[str, str]:
    """The endpoint under a condition that does not hold in this layout: it is not made."""
    return f"  {endpoint}:\n    {VPCE}HasEndpoints", f"  {endpoint}:\n    {VPCE}HasNat"


NO_S3 = (
    "  S3Endpoint:\n    Type: AWS::EC2::VPCEndpoint\n",
    "  S3Endpoint:\n    Type: AWS::EC2::VPCEndpoint\n    Condition: HasNat\n",
)


@pytest.mark.parametrize(
    ("change", "failure", "cause", "line_of", "cut_off"),
    [
        (
            without("EcrApiEndpoint"),
            "endpoint for ecr.api missing",
            "ecr.api is missing",
            "EcrApiEndpoint",
            ["ecr.api"],
        ),
        (
            without("EcrDkrEndpoint"),
            "endpoint for ecr.dkr missing",
            "endpoint for ecr.dkr is missing",
            "EcrDkrEndpoint",
            ["ecr.dkr"],
        ),
        (NO_S3, "S3 gateway missing", "the S3 gateway endpoint is missing", "S3Endpoint", ["s3"]),
        (
            (
                "          SourceSecurityGroupId: !Ref TaskSecurityGroup",
                "          CidrIp: 192.0.2.0/24",  # a documentation range (RFC 5737): nobody's
            ),
            "endpoint security group closed",
            "group is closed to the task: no rule lets HTTPS (443) in for ecr.api, logs and ecr.dkr",
            "EndpointSecurityGroup",
            ["ecr.api", "ecr.dkr", "logs"],
        ),
        (
            ("PrivateDnsEnabled: true", "PrivateDnsEnabled: false"),
            "private DNS off",
            "private DNS is off at the endpoint for ecr.api",
            "PrivateDnsEnabled",
            ["ecr.api", "ecr.dkr", "logs"],
        ),
        (
            ("EnableDnsHostnames: true", "EnableDnsHostnames: false"),
            "private DNS off",
            "the VPC's DNS settings are off",
            "Vpc",
            ["ecr.api", "ecr.dkr", "logs"],
        ),
    ],
    ids=["no ecr.api", "no ecr.dkr", "no s3", "closed group", "no private DNS", "no DNS names"],
)
def test_a_gap_in_the_network(line, causes, documented, change, failure, cause, line_of, cut_off):
    with line.broken("network", change):
        task = line.run()
        assert task.exit_code is None
        documented(failure, *line.shown(task))
        found = causes(why(line.session, task), cause)
        assert found.where.startswith("cfn/network.yaml:") and line_of in found.where
        assert sorted(trace(line.session, task).gaps) == cut_off
    assert trace(line.session).ok
    line.works()


def test_a_bucket_that_the_gateway_endpoint_does_not_allow(line, causes):
    """The Amazon ECR user guide names the bucket that the endpoint's policy has to allow."""
    with line.broken("network", ("starport-layer-bucket", "another-bucket")):
        task = line.run()
        assert task.reason.endswith("403 Forbidden") and "/blobs/sha256:" in task.reason
        found = causes(
            why(line.session, task), "the S3 gateway endpoint's policy does not allow s3:GetObject"
        )
        assert "(the layers of ECR images)" in found.cause and "S3Endpoint, PolicyDocument" in found.where
    line.works()


GATEWAY = ("Action: [s3:GetObject, s3:PutObject, s3:ListBucket]", "Action: [s3:GetObject, s3:ListBucket]")
ROLE = ("Action: s3:PutObject\n", "Action: s3:PutObjectTagging\n")


def test_the_gateway_endpoint_s_policy_refuses_the_job_while_it_runs(line, causes):
    """The image comes, the job starts, reads, and may not write: the role could, the way there not."""
    no = "because no VPC endpoint policy allows the s3:PutObject action"
    with line.broken("network", GATEWAY):
        task = line.run()
        assert task.exit_code == 5  # the job's own code for "storage refused"
        found = causes(
            why(line.session, task), "the S3 gateway endpoint's policy does not allow s3:PutObject"
        )
        assert any(no in one for one in found.evidence), found.evidence
        assert "reports/2013-01-01.csv" in found.cause and "S3Endpoint, PolicyDocument" in found.where
        assert "does not allow s3:PutObject in the bucket" in trace(line.session, task).gaps["s3"].finding
        with line.broken("roles", ROLE):  # AWS names one refusal; the other is there all the same
            first = "the role TaskRole may not s3:PutObject on"
            causes(why(line.session, line.run()), first, "the S3 gateway endpoint's policy does not allow")
    line.works()


def test_an_interface_endpoint_s_policy_refuses(line, causes):
    """The Amazon ECR user guide: the endpoints' policies must allow what the execution role asks for."""
    ec2, name = line.client("ec2"), line.id("network", "EcrApiEndpoint")
    shut = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", "Resource": "*"}
    ec2.modify_vpc_endpoint(VpcEndpointId=name, PolicyDocument=json.dumps({"Statement": [shut]}))
    task = line.run()
    assert "because no VPC endpoint policy allows the ecr:GetAuthorizationToken action" in task.reason
    found = causes(why(line.session, task), "the ecr.api endpoint's policy does not allow ecr:GetAuthor")
    assert "EcrApiEndpoint" in found.where
    open_ = {**shut, "Action": "*"}
    pull, other = line.id("network", "EcrDkrEndpoint"), {**shut, "Action": "ecr:DescribeImages"}
    ec2.modify_vpc_endpoint(VpcEndpointId=pull, PolicyDocument=json.dumps({"Statement": [other]}))
    later = "the ecr.dkr endpoint's policy does not allow ecr:BatchGetImage"
    causes(why(line.session, line.run()), "the ecr.api endpoint's policy does not allow ecr:GetAuthor", later)
    ec2.modify_vpc_endpoint(VpcEndpointId=name, PolicyDocument=json.dumps({"Statement": [open_]}))
    task = line.run()
    assert task.reason.endswith("403 Forbidden")  # the registry speaks HTTP: no word of a policy
    found = causes(why(line.session, task), later)
    assert "EcrDkrEndpoint" in found.where
    ec2.modify_vpc_endpoint(VpcEndpointId=pull, PolicyDocument=json.dumps({"Statement": [open_]}))
    line.works()
