"""AWS::S3: what a template says is what S3 answers, after creation and after each change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .deploying import Cfn, outputs, unique

FULL = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}
            BucketKeyEnabled: true
      PublicAccessBlockConfiguration:
        BlockPublicAcls: true
        BlockPublicPolicy: "true"
        IgnorePublicAcls: true
        RestrictPublicBuckets: true
      OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}
      LifecycleConfiguration:
        Rules:
          - {Id: Expire, Status: Enabled, Prefix: logs/, ExpirationInDays: 30}
          - {Id: Old, Status: Enabled, NoncurrentVersionExpiration: {NoncurrentDays: 7}}
          - {Id: Parts, Status: Enabled, AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}}
          - Id: Cold
            Status: Disabled
            TagFilters: [{Key: a, Value: b}]
            Transitions: [{StorageClass: GLACIER, TransitionInDays: 90}]
      CorsConfiguration:
        CorsRules: [{AllowedMethods: [GET], AllowedOrigins: ["*"], MaxAge: 60, ExposedHeaders: [ETag]}]
      WebsiteConfiguration: {IndexDocument: index.html, ErrorDocument: error.html}
      Tags: [{Key: a, Value: b}]
Outputs:
  Arn: {Value: !GetAtt Bucket.Arn}
  DomainName: {Value: !GetAtt Bucket.DomainName}
  RegionalDomainName: {Value: !GetAtt Bucket.RegionalDomainName}
"""


def test_every_setting_of_a_bucket_comes_and_goes(cfn: Cfn) -> None:
    stack = cfn.create(FULL)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    s3, me = cfn.client("s3"), {"Bucket": cfn.physical(stack, "Bucket")}
    name = me["Bucket"]
    assert outputs(stack) == {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.us-east-1.amazonaws.com",
    }
    (rule,) = s3.get_bucket_encryption(**me)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule == {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": True,
    }
    assert all(s3.get_public_access_block(**me)["PublicAccessBlockConfiguration"].values())
    ownership = s3.get_bucket_ownership_controls(**me)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_versioning(**me)["Status"] == "Enabled"
    rules = {one["ID"]: one for one in s3.get_bucket_lifecycle_configuration(**me)["Rules"]}
    assert rules["Expire"]["Expiration"] == {"Days": 30}
    assert rules["Expire"]["Filter"] == {"Prefix": "logs/"}
    assert rules["Old"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 7
    assert rules["Parts"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert rules["Cold"]["Transitions"] == [{"Days": 90, "StorageClass": "GLACIER"}]
    assert rules["Cold"]["Status"] == "Disabled"
    (cors,) = s3.get_bucket_cors(**me)["CORSRules"]
    assert (cors["AllowedMethods"], cors["MaxAgeSeconds"], cors["ExposeHeaders"]) == (["GET"], 60, ["ETag"])
    assert s3.get_bucket_website(**me)["IndexDocument"] == {"Suffix": "index.html"}
    assert s3.get_bucket_tagging(**me)["TagSet"] == [{"Key": "a", "Value": "b"}]

    changed = FULL.replace("ExpirationInDays: 30", "ExpirationInDays: 60")
    assert cfn.update(stack, changed)["StackStatus"] == "UPDATE_COMPLETE"
    rules = {one["ID"]: one for one in s3.get_bucket_lifecycle_configuration(**me)["Rules"]}
    assert rules["Expire"]["Expiration"] == {"Days": 60}

    bare = "Resources: {Bucket: {Type: AWS::S3::Bucket}}"
    stack = cfn.update(stack, bare)
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    assert cfn.physical(stack, "Bucket") == name
    assert s3.get_bucket_versioning(**me).get("Status") == "Suspended"
    for gone in (
        s3.get_bucket_lifecycle_configuration,
        s3.get_bucket_cors,
        s3.get_bucket_website,
        s3.get_public_access_block,
        s3.get_bucket_ownership_controls,
        s3.get_bucket_tagging,
    ):
        with pytest.raises(ClientError):
            gone(**me)


def test_a_bucket_policy(cfn: Cfn) -> None:
    template = """
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Deny, Principal: "*", Action: "%s", Resource: !Sub "${Bucket.Arn}/*"}
"""
    stack = cfn.create(template % "s3:PutObjectAcl")
    s3, me = cfn.client("s3"), {"Bucket": cfn.physical(stack, "Bucket")}

    def action() -> Any:
        return json.loads(s3.get_bucket_policy(**me)["Policy"])["Statement"][0]["Action"]

    assert action() == "s3:PutObjectAcl"
    assert cfn.update(stack, template % "s3:GetObjectAcl")["StackStatus"] == "UPDATE_COMPLETE"
    assert action() == "s3:GetObjectAcl"
    cfn.update(stack, "Resources: {Bucket: {Type: AWS::S3::Bucket}}")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(**me)


def test_a_property_that_the_sandbox_does_not_simulate_is_refused_honestly(cfn: Cfn) -> None:
    template = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {AccelerateConfiguration: {AccelerationStatus: Enabled}}
"""
    stack = cfn.create(template, unique())
    (reason,) = [reason for name, status, reason in cfn.events(stack) if status == "CREATE_FAILED"]
    assert reason == (
        "The sandbox does not simulate these properties of AWS::S3::Bucket: [AccelerateConfiguration]. "
        "AWS CloudFormation has them."
    )
