"""Parameters: values given, kept, defaulted and refused."""

from __future__ import annotations

import pytest

from .deploying import Cfn, outputs, parameters, refusal, unique

TEMPLATE = """
Parameters:
  Name: {Type: String, Default: flights, AllowedPattern: "[a-z]+", MinLength: 3, MaxLength: 8}
  Size: {Type: String, Default: S, AllowedValues: [S, M]}
  Count: {Type: Number, Default: 2, MinValue: 1, MaxValue: 5}
  Days: {Type: Number, Default: 7, AllowedValues: [7, 30], ConstraintDescription: 7 or 30 days.}
  List: {Type: CommaDelimitedList, Default: "a, b"}
  Secret: {Type: String, Default: "", NoEcho: true}
  Needed: {Type: String}
Resources: {T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}}
Outputs:
  Name: {Value: !Ref Name}
  Joined: {Value: !Join ["+", !Ref List]}
  Count: {Value: !Ref Count}
  Needed: {Value: !Ref Needed}
"""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Size": "L"}, "Parameter 'Size' must be one of AllowedValues"),
        ({"Name": "Flights"}, "Parameter 'Name' must match pattern [a-z]+"),
        ({"Name": "ab"}, "Parameter 'Name' must contain at least 3 characters"),
        ({"Name": "abcdefghi"}, "Parameter 'Name' must contain at most 8 characters"),
        ({"Count": "many"}, "Parameter 'Count' must be a number."),
        ({"Count": "0"}, "Parameter 'Count' must be a number not less than 1"),
        ({"Count": "6"}, "Parameter 'Count' must be a number not greater than 5"),
        ({"Days": "8"}, "Parameter Days failed to satisfy constraint: 7 or 30 days."),
        ({"Nmae": "x"}, "Parameters: [Nmae] do not exist in the template"),
    ],
)
def test_refused(cfn: Cfn, given: dict[str, str], message: str) -> None:
    given = {"Needed": "x", **given}
    answer = refusal(
        cfn.api.create_stack, StackName=unique(), TemplateBody=TEMPLATE, Parameters=parameters(**given)
    )
    assert answer == ("ValidationError", message)


def test_missing(cfn: Cfn) -> None:
    answer = refusal(cfn.api.create_stack, StackName=unique(), TemplateBody=TEMPLATE)
    assert answer == ("ValidationError", "Parameters: [Needed] must have values")


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ("{Type: Text}", "Template format error: Unrecognized parameter type: Text"),
        ("{Default: x}", "Template format error: Every Parameters object must contain a Type member."),
        ("{Type: String, Default: a, MinLength: 2}", "Parameter 'P' must contain at least 2 characters"),
        ("{Type: String, Allowed: [a]}", "Invalid template parameter property 'Allowed'"),
    ],
)
def test_declarations_refused(cfn: Cfn, declaration: str, message: str) -> None:
    template = f"Parameters: {{P: {declaration}}}\nResources: {{T: {{Type: AWS::SNS::Topic}}}}"
    assert refusal(cfn.api.validate_template, TemplateBody=template) == ("ValidationError", message)


def test_values_are_used_kept_and_hidden(cfn: Cfn) -> None:
    stack = cfn.create(TEMPLATE, Parameters=parameters(Needed="n", Secret="s3cret", List="x,y", Count="3"))
    assert outputs(stack) == {"Name": "flights", "Joined": "x+y", "Count": "3", "Needed": "n"}
    shown = {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack["Parameters"]}
    assert shown["Secret"] == "****" and shown["List"] == "x,y"
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in ("Needed", "List", "Secret")]
    stack = cfn.update(stack, Parameters=[*kept, *parameters(Name="again")])
    # what the update does not name goes back to its default
    assert outputs(stack) == {"Name": "again", "Joined": "x+y", "Count": "2", "Needed": "n"}


def test_a_value_from_parameter_store(cfn: Cfn) -> None:
    name = f"/{unique()}/zone"
    template = f"""
Parameters: {{P: {{Type: "AWS::SSM::Parameter::Value<String>", Default: {name}}}}}
Resources: {{T: {{Type: AWS::SNS::Topic}}}}
Outputs: {{O: {{Value: !Ref P}}}}
"""
    answer = refusal(cfn.api.create_stack, StackName=unique(), TemplateBody=template)
    assert answer == (
        "ValidationError",
        f"Unable to fetch parameters [{name}] from parameter store for this account.",
    )
    cfn.client("ssm").put_parameter(Name=name, Value="stored", Type="String")
    stack = cfn.create(template)
    assert outputs(stack) == {"O": "stored"}
    assert stack["Parameters"] == [{"ParameterKey": "P", "ParameterValue": name, "ResolvedValue": "stored"}]


def test_a_parameter_of_an_ec2_type_must_name_something_that_exists(cfn: Cfn) -> None:
    template = """
Parameters: {Vpc: {Type: AWS::EC2::VPC::Id}, Subnets: {Type: "List<AWS::EC2::Subnet::Id>"}}
Resources: {T: {Type: AWS::SNS::Topic}}
Outputs: {O: {Value: !Join [" ", !Ref Subnets]}}
"""
    ec2 = cfn.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]][:2]
    stack = cfn.create(template, Parameters=parameters(Vpc=vpc, Subnets=",".join(subnets)))
    assert outputs(stack) == {"O": " ".join(subnets)}
    stack = cfn.create(template, Parameters=parameters(Vpc="vpc-0", Subnets=",".join(subnets)))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert cfn.events(stack) == [
        ("stack", "CREATE_IN_PROGRESS", "User Initiated"),
        (
            "stack",
            "ROLLBACK_IN_PROGRESS",
            "Parameter validation failed: parameter value vpc-0 for parameter name Vpc does not exist. "
            "Rollback requested by user.",
        ),
        ("stack", "ROLLBACK_COMPLETE", None),
    ]


def test_rules(cfn: Cfn) -> None:
    template = """
Parameters: {Stage: {Type: String}, Size: {Type: String}}
Rules:
  ProductionIsLarge:
    RuleCondition: !Equals [!Ref Stage, prod]
    Assertions:
      - Assert: {"Fn::Contains": [[L, XL], !Ref Size]}
        AssertDescription: production needs a large size
Resources: {T: {Type: AWS::SNS::Topic}}
"""
    answer = refusal(
        cfn.api.create_stack,
        StackName=unique(),
        TemplateBody=template,
        Parameters=parameters(Stage="prod", Size="S"),
    )
    assert answer[0] == "ValidationError" and "production needs a large size" in answer[1]
    assert (
        cfn.create(template, Parameters=parameters(Stage="dev", Size="S"))["StackStatus"] == "CREATE_COMPLETE"
    )
