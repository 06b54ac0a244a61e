"""What CloudFormation refuses at once, by code and words.

The words are those of AWS: recorded answers in the public snapshot tests of LocalStack (which run against
AWS), and reports by its users. Where AWS has nothing to say because only the sandbox falls short, the message
must say that.
"""

from __future__ import annotations

import json

import pytest

from .deploying import Cfn, refusal, unique

TOPIC = "Resources: {T: {Type: AWS::SNS::Topic}}"
FORMAT = "Template format error: "

REFUSED = {
    "an unknown type": (
        "Resources: {A: {Type: AWS::Foo::Bar}, B: {Type: AWS::S3::Buckett}}",
        FORMAT + "Unrecognized resource types: [AWS::Foo::Bar, AWS::S3::Buckett]",
    ),
    "no resources": ("Description: x", FORMAT + "At least one Resources member must be defined."),
    "an unknown section": (TOPIC + "\nOutput: {}", "Invalid template property or properties [Output]"),
    "a wrong version": (
        "AWSTemplateFormatVersion: 2020-01-01\n" + TOPIC,
        FORMAT + "2020-01-01 is not a supported value for AWSTemplateFormatVersion.",
    ),
    "a resource without type": (
        "Resources: {A: {Properties: {}}}",
        FORMAT + "[/Resources/A] Every Resources object must contain a Type member.",
    ),
    "a resource that is text": ("Resources: {A: x}", FORMAT + "Any Resources member must be an object."),
    "an unknown resource field": (
        "Resources: {A: {Type: AWS::SNS::Topic, Invalid: x}}",
        "Invalid template resource property 'Invalid'",
    ),
    "a dash in a logical id": (
        "Resources: {my-topic: {Type: AWS::SNS::Topic}}",
        FORMAT + "Resource name my-topic is non alphanumeric.",
    ),
    "a reference to nothing": (
        "Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref X, DisplayName: !Sub '${Y}'}}}",
        FORMAT + "Unresolved resource dependencies [X, Y] in the Resources block of the template",
    ),
    "an attribute of nothing": (
        "Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: !GetAtt X.Arn}}}",
        "Template error: instance of Fn::GetAtt references undefined resource X",
    ),
    "an attribute of nothing in Sub": (
        "Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub '${X.Arn}'}}}",
        "Template error: instance of Fn::Sub references invalid resource attribute X.Arn",
    ),
    "depending on nothing": (
        "Resources: {A: {Type: AWS::SNS::Topic, DependsOn: X}}",
        FORMAT + "Unresolved resource dependencies [X] in the Resources block of the template",
    ),
    "an output of nothing": (
        TOPIC + "\nOutputs: {O: {Value: !Ref X}}",
        FORMAT + "Unresolved resource dependencies [X] in the Outputs block of the template",
    ),
    "an output without value": (
        TOPIC + "\nOutputs: {O: {Description: x}}",
        FORMAT + "Every Outputs member must contain a Value object",
    ),
    "an export named by a resource": (
        TOPIC + "\nOutputs: {O: {Value: x, Export: {Name: !Ref T}}}",
        FORMAT + "Output O is malformed.  The Name field of Export must not depend on any resources, "
        "imported values, or Fn::GetAZs.",
    ),
    "a circle": (
        "Resources: {A: {Type: AWS::SNS::Topic, DependsOn: B}, "
        "B: {Type: AWS::SNS::Topic, Properties: {TopicName: !GetAtt A.TopicName}}, "
        "C: {Type: AWS::SNS::Topic, DependsOn: A}}",
        "Circular dependency between resources: [A, B]",
    ),
    "a resource in a condition": (
        "Conditions: {C: !Equals [!Ref T, x]}\n" + TOPIC,
        FORMAT + "Unresolved dependencies [T]. Cannot reference resources in the Conditions block of the "
        "template",
    ),
    "a condition that is missing": (
        "Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicName: !If [C, a, b]}}}",
        "Template error: unresolved condition dependency C in Fn::If",
    ),
    "a left-out resource in use": (
        "Conditions: {C: !Equals [a, b]}\n"
        "Resources: {A: {Type: AWS::SNS::Topic, Condition: C}, "
        "B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref A}}}",
        FORMAT + "Unresolved resource dependencies [A] in the Resources block of the template",
    ),
    "a left-out resource in an output": (
        "Conditions: {C: !Equals [a, b]}\n"
        "Resources: {A: {Type: AWS::SNS::Topic, Condition: C}, B: {Type: AWS::SNS::Topic}}\n"
        "Outputs: {O: {Value: !Ref A}}",
        "Unresolved resource dependencies [A] in the Outputs block of the template",
    ),
    "an unknown key of a mapping": (
        "Mappings: {M: {a: {b: c}}}\nResources: {T: {Type: AWS::SNS::Topic, Properties: "
        "{TopicName: !FindInMap [M, C, b]}}}",
        "Template error: Unable to get mapping for M::C::b",
    ),
    "a mapping that is flat": (
        "Mappings: {M: {A: x}}\n" + TOPIC,
        FORMAT + "Every Mappings member A must be a map",
    ),
    "a mapping that is deep": (
        "Mappings: {M: {A: {b: {c: d}}}}\n" + TOPIC,
        FORMAT + "Every Mappings attribute must be a String or a List.",
    ),
    "text that is no YAML": ("Resources: x: y", FORMAT + "YAML not well-formed. (line 1, column 13)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_create_stack_refuses(cfn: Cfn, case: str) -> None:
    template, message = REFUSED[case]
    name = unique()
    assert refusal(cfn.api.create_stack, StackName=name, TemplateBody=template) == (
        "ValidationError",
        message,
    )
    assert refusal(cfn.api.describe_stacks, StackName=name)[1] == f"Stack with id {name} does not exist"


def test_an_unknown_function_is_refused_by_name(cfn: Cfn) -> None:
    template = "Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicName: !Concat [a, b]}}}"
    code, message = refusal(cfn.api.validate_template, TemplateBody=template)
    assert code == "ValidationError"
    assert message.startswith(
        "Template error: Encountered unsupported function: Fn::Concat Supported functions are: ["
    )


def test_a_type_that_only_the_sandbox_lacks_is_refused_by_name_and_honestly(cfn: Cfn) -> None:
    template = "Resources: {D: {Type: AWS::Route53::HostedZone, Properties: {Name: example.org}}}"
    code, message = refusal(cfn.api.create_stack, StackName=unique(), TemplateBody=template)
    assert code == "ValidationError"
    assert "The sandbox does not simulate" in message and "AWS::Route53::HostedZone" in message


def test_a_transform_is_refused_by_name(cfn: Cfn) -> None:
    template = "Transform: AWS::Serverless-2016-10-31\n" + TOPIC
    code, message = refusal(cfn.api.create_stack, StackName=unique(), TemplateBody=template)
    assert code == "ValidationError"
    assert "The sandbox does not run transforms" in message and "AWS::Serverless-2016-10-31" in message


@pytest.mark.parametrize(
    ("properties", "given", "needed"),
    [
        ({}, [], "CAPABILITY_IAM"),
        ({"RoleName": "x"}, [], "CAPABILITY_NAMED_IAM"),
        ({"RoleName": "x"}, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
    ],
)
def test_iam_needs_the_capability(cfn: Cfn, properties: dict, given: list[str], needed: str) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}, **properties}}
    answer = refusal(
        cfn.api.create_stack,
        StackName=unique(),
        TemplateBody=json.dumps({"Resources": {"R": role}}),
        Capabilities=given,
    )
    assert answer == ("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")


def test_sizes_and_names_have_limits(cfn: Cfn) -> None:
    long = TOPIC + "\nDescription: " + "x" * 51_200
    code, message = refusal(cfn.api.create_stack, StackName=unique(), TemplateBody=long)
    assert code == "ValidationError"
    assert message.endswith("Member must have length less than or equal to 51200")
    code, message = refusal(cfn.api.create_stack, StackName="1st_stack", TemplateBody=TOPIC)
    assert (code, message) == (
        "ValidationError",
        "1 validation error detected: Value '1st_stack' at 'stackName' failed to satisfy constraint: "
        "Member must "
        "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*",
    )
    many = {"Resources": {f"T{i}": {"Type": "AWS::SNS::Topic"} for i in range(501)}}
    answer = refusal(cfn.api.create_stack, StackName=unique(), TemplateBody=json.dumps(many))
    assert answer[1] == FORMAT + "Number of resources, 501, is greater than maximum allowed, 500"


def test_a_template_must_come_from_somewhere(cfn: Cfn) -> None:
    assert refusal(cfn.api.create_stack, StackName=unique()) == (
        "ValidationError",
        "Either Template URL or Template Body must be specified.",
    )
    answer = refusal(cfn.api.create_stack, StackName=unique(), TemplateURL="https://example.com/x.yaml")
    assert answer == ("ValidationError", "TemplateURL must be a supported URL.")


def test_an_operation_that_is_not_simulated_is_refused_rather_than_staged(cfn: Cfn) -> None:
    code, message = refusal(cfn.api.detect_stack_drift, StackName="x")
    assert code == "NotImplementedException"
    assert "DetectStackDrift" in message
