"""Intrinsic functions against the examples and rules of the CloudFormation user guide."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.sandbox.cloudformation.functions import UNKNOWN, Resolver
from helpers.sandbox.cloudformation.loader import load
from helpers.sandbox.cloudformation.parameters import values
from helpers.sandbox.cloudformation.template import parse
from helpers.sandbox.service import AwsError

TEMPLATE = """
Parameters:
  Name: {Type: String, Default: flights}
  Zones: {Type: CommaDelimitedList, Default: "a, b,c"}
  Count: {Type: Number, Default: 3}
Mappings:
  Sizes: {us-east-1: {Small: s1, List: [x, y]}}
Conditions:
  IsFlights: !Equals [!Ref Name, flights]
  IsMany: !Not [!Equals [!Ref Count, 1]]
  Both: !And [!Condition IsFlights, !Condition IsMany]
  Either: !Or [!Equals [a, b], !Equals [a, c]]
Resources:
  R: {Type: AWS::SNS::Topic}
"""


class Lookups:
    def ref(self, logical_id: str) -> Any:
        return f"{logical_id}-id"

    def get_att(self, logical_id: str, attribute: str) -> Any:
        return f"{logical_id}.{attribute}"

    def import_value(self, name: str) -> Any:
        return {"flights-VpcId": "vpc-1"}[name]

    def zones(self, region: str) -> list[str]:
        return [f"{region}a", f"{region}b"]

    def dynamic(self, reference: str) -> Any:
        return {"resolve:ssm:/x": "stored"}[reference]


class NothingYet(Lookups):
    def ref(self, logical_id: str) -> Any:
        return UNKNOWN

    get_att = None  # type: ignore[assignment]


def resolver(lookups: Any = None) -> Resolver:
    template = parse(TEMPLATE)
    pseudo = {"AWS::Region": "us-east-1", "AWS::AccountId": "123456789012", "AWS::StackName": "s"}
    return Resolver(
        template, values(template.parameters, [], None, lambda _: {}), pseudo, lookups or Lookups()
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!Ref Name", "flights"),
        ("!Ref Zones", ["a", "b", "c"]),
        ("!Ref R", "R-id"),
        ("!GetAtt R.Arn", "R.Arn"),
        ('!Sub "${Name}-${R}-${R.Arn}-${AWS::Region}"', "flights-R-id-R.Arn-us-east-1"),
        ('!Sub ["${a}/${Name}", {a: !Ref R}]', "R-id/flights"),
        ('!Sub "${!Literal} $ {x} ${Count}"', "${Literal} $ {x} 3"),
        ('!Join [":", [a, !Ref Name, 1, true]]', "a:flights:1:true"),
        ('!Join ["", !Ref Zones]', "abc"),
        ("!Select [1, !Ref Zones]", "b"),
        ('!Select ["0", [x, y]]', "x"),
        ('!Split ["|", "a||c|"]', ["a", "", "c", ""]),
        ("!FindInMap [Sizes, !Ref AWS::Region, Small]", "s1"),
        ("!FindInMap [Sizes, us-east-1, List]", ["x", "y"]),
        ("!If [Both, yes please, no]", "yes please"),
        ("!If [Either, 1, 2]", 2),
        ("{a: !If [Either, 1, !Ref AWS::NoValue], b: 2}", {"b": 2}),
        ("[1, !If [Either, x, !Ref AWS::NoValue], 2]", [1, 2]),
        ("Fn::ImportValue: !Sub ${Name}-VpcId", "vpc-1"),
        ("!Base64 AWS CloudFormation", "QVdTIENsb3VkRm9ybWF0aW9u"),  # the guide's example
        # the guide's example: six /27 of a /24
        (
            "!Cidr [192.168.0.0/24, 6, 5]",
            [f"192.168.0.{start}/27" for start in (0, 32, 64, 96, 128, 160)],
        ),
        ('!Select [0, !Cidr ["fd00::/56", 1, 64]]', "fd00::/64"),
        ('!GetAZs ""', ["us-east-1a", "us-east-1b"]),
        ("!Select [0, !GetAZs eu-west-1]", "eu-west-1a"),
        ('"{{resolve:ssm:/x}}!"', "stored!"),
        # in an IAM policy `Condition` is plain data
        (
            "{Effect: Allow, Condition: {Bool: {x: y}}}",
            {"Effect": "Allow", "Condition": {"Bool": {"x": "y"}}},
        ),
    ],
)
def test_value(text: str, expected: Any) -> None:
    assert (
        resolver().resolve(load(f"value:\n  {text}" if text.startswith("Fn:") else f"value: {text}")["value"])
        == expected
    )


@pytest.mark.parametrize(
    "text", ["!Ref R", '!Sub "x${R}"', '!Join ["-", [a, !Ref R]]', "!Select [0, !Split [a, !Ref R]]"]
)
def test_a_function_of_something_unknown_is_unknown(text: str) -> None:
    assert resolver(NothingYet()).resolve(load(f"value: {text}")["value"]) is UNKNOWN


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "!FindInMap [Sizes, us-east-1, Large]",
            "Template error: Unable to get mapping for Sizes::us-east-1::Large",
        ),
        ("!Select [3, !Ref Zones]", "Template error: Fn::Select cannot select nonexistent value at index 3"),
        (
            "!Select [x, !Ref Zones]",
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a "
            "list",
        ),
        (
            "!Split [a]",
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and "
            "(2) a "
            "string to be split or a function that returns a string to be split.",
        ),
        (
            '!Join ["-", x]',
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) "
            "a list "
            "of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be "
            "joined.",
        ),
        ("!If [Missing, 1, 2]", "Template error: unresolved condition dependency Missing in Fn::If"),
    ],
)
def test_used_wrongly(text: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        resolver().resolve(load(f"value: {text}")["value"])
    assert (caught.value.code, caught.value.message) == ("ValidationError", message)


def test_equals_takes_two() -> None:
    template = TEMPLATE.replace("!Equals [a, c]", "!Equals [a]")
    parsed = parse(template)
    evaluator = Resolver(parsed, {}, {}, Lookups())
    with pytest.raises(AwsError, match="every Fn::Equals object requires a list of 2 string parameters"):
        evaluator.condition("Either")
