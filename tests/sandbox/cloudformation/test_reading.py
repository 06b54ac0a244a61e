"""What describes stacks: pages, templates, summaries, resources."""

from __future__ import annotations

import json

from .deploying import CAPABILITIES, Cfn, refusal, unique

ROLE = """
AWSTemplateFormatVersion: 2010-09-09
Description: A role
Metadata: {Note: x}
Parameters:
  Name: {Type: String, Description: its name, Default: a, AllowedValues: [a, b]}
  Secret: {Type: String, NoEcho: true}
Resources:
  Role:
    Type: AWS::IAM::Role
    Metadata: {Why: "!"}
    Properties: {RoleName: !Ref Name, AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: []}}
"""


def test_validate_template(cfn: Cfn) -> None:
    answer = cfn.api.validate_template(TemplateBody=ROLE)
    assert answer["Description"] == "A role"
    assert answer["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert answer["CapabilitiesReason"] == "The following resource(s) require capabilities: [AWS::IAM::Role]"
    assert answer["Parameters"] == [
        {"ParameterKey": "Name", "DefaultValue": "a", "NoEcho": False, "Description": "its name"},
        {"ParameterKey": "Secret", "NoEcho": True},
    ]


def test_get_template_summary(cfn: Cfn) -> None:
    answer = cfn.api.get_template_summary(TemplateBody=ROLE)
    assert answer["ResourceTypes"] == ["AWS::IAM::Role"] and answer["Version"] == "2010-09-09"
    assert answer["Parameters"][0]["ParameterConstraints"] == {"AllowedValues": ["a", "b"]}
    assert json.loads(answer["Metadata"]) == {"Note": "x"}
    assert answer["ResourceIdentifierSummaries"] == [
        {
            "ResourceType": "AWS::IAM::Role",
            "LogicalResourceIds": ["Role"],
            "ResourceIdentifiers": ["RoleName"],
        }
    ]


def test_get_template_gives_back_the_very_text(cfn: Cfn) -> None:
    text = "# a comment\nResources: {T: {Type: AWS::SNS::Topic}}\n"
    stack = cfn.create(text)
    answer = cfn.api.get_template(StackName=stack["StackName"])
    assert (answer["TemplateBody"], answer["StagesAvailable"]) == (text, ["Original", "Processed"])
    assert refusal(cfn.api.get_template) == (
        "ValidationError",
        "StackName is required if ChangeSetName is not specified.",
    )


def test_resources_of_a_stack(cfn: Cfn) -> None:
    template = 'Resources: {T: {Type: AWS::SNS::Topic, Metadata: {Why: "!"}}, Q: {Type: AWS::SQS::Queue}}'
    stack = cfn.create(template)
    name, arn = stack["StackName"], cfn.physical(stack, "T")
    both = cfn.api.describe_stack_resources(StackName=name)["StackResources"]
    assert [one["LogicalResourceId"] for one in both] == ["Q", "T"]
    (one,) = cfn.api.describe_stack_resources(StackName=name, LogicalResourceId="T")["StackResources"]
    assert (one["PhysicalResourceId"], one["ResourceStatus"]) == (arn, "CREATE_COMPLETE")
    found = cfn.api.describe_stack_resources(PhysicalResourceId=arn)["StackResources"]
    assert {one["StackName"] for one in found} == {name}
    detail = cfn.api.describe_stack_resource(StackName=name, LogicalResourceId="T")["StackResourceDetail"]
    assert json.loads(detail["Metadata"]) == {"Why": "!"}
    assert refusal(cfn.api.describe_stack_resource, StackName=name, LogicalResourceId="X") == (
        "ValidationError",
        f"Resource X does not exist for stack {name}",
    )


def test_many_events_come_in_pages(cfn: Cfn) -> None:
    topics = {f"T{number}": {"Type": "AWS::SNS::Topic"} for number in range(40)}
    stack = cfn.create(json.dumps({"Resources": topics}))
    first = cfn.api.describe_stack_events(StackName=stack["StackId"])
    assert len(first["StackEvents"]) == 100 and "NextToken" in first
    assert len(cfn.events(stack)) == 2 + 3 * 40


def test_what_is_not_there(cfn: Cfn) -> None:
    assert refusal(cfn.api.describe_stacks, StackName="nobody") == (
        "ValidationError",
        "Stack with id nobody does not exist",
    )
    assert refusal(cfn.api.describe_stack_events, StackName="nobody") == (
        "ValidationError",
        "Stack [nobody] does not exist",
    )


def test_a_template_from_s3(cfn: Cfn) -> None:
    bucket, s3 = unique("templates"), cfn.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/t.yaml", Body=b"Resources: {T: {Type: AWS::SNS::Topic}}")
    for url in (
        f"https://{bucket}.s3.amazonaws.com/a/t.yaml",
        f"https://{bucket}.s3.us-east-1.amazonaws.com/a/t.yaml",
        f"https://s3.amazonaws.com/{bucket}/a/t.yaml",
        f"https://s3.us-east-1.amazonaws.com/{bucket}/a/t.yaml",
        f"{cfn.sandbox.endpoint}/{bucket}/a/t.yaml",
    ):
        assert cfn.api.get_template_summary(TemplateURL=url)["ResourceTypes"] == ["AWS::SNS::Topic"]
    made = cfn.api.create_stack(StackName=unique(), TemplateURL=url, Capabilities=CAPABILITIES)
    assert cfn.settled(made["StackId"])["StackStatus"] == "CREATE_COMPLETE"
    code, message = refusal(cfn.api.validate_template, TemplateURL=f"https://{bucket}.s3.amazonaws.com/none")
    assert code == "ValidationError" and message.startswith("S3 error: The specified key does not exist.")
    answer = refusal(cfn.api.validate_template, TemplateURL=f"s3://{bucket}/a/t.yaml")
    assert answer == (
        "ValidationError",
        f"S3 error: Domain name specified in {bucket} is not a valid S3 domain",
    )
