"""Templates are read as CloudFormation reads them: YAML 1.1 with the exceptions in its user guide."""

from __future__ import annotations

import pytest

from helpers.sandbox.cloudformation.loader import load
from helpers.sandbox.service import AwsError


def test_short_and_long_forms_are_the_same() -> None:
    short = "A: !Sub x\nB: !Ref y\nC: !GetAtt r.Arn.z\nD: !If [c, !Ref a, !GetAtt [r, Arn]]\nE: !Condition c"
    long = (
        '{"A": {"Fn::Sub": "x"}, "B": {"Ref": "y"}, "C": {"Fn::GetAtt": "r.Arn.z"}, '
        '"D": {"Fn::If": ["c", {"Ref": "a"}, {"Fn::GetAtt": ["r", "Arn"]}]}, "E": {"Condition": "c"}}'
    )
    assert load(short) == load(long)
    assert load(short)["C"] == {"Fn::GetAtt": ["r", "Arn.z"]}


def test_dates_stay_text() -> None:
    assert load("Version: 2012-10-17\nAWSTemplateFormatVersion: 2010-09-09") == {
        "Version": "2012-10-17",
        "AWSTemplateFormatVersion": "2010-09-09",
    }


def test_keys_are_text_and_the_last_of_two_counts() -> None:
    assert load("012345678901: a\n8080: b\nX: 1\nX: 2") == {"012345678901": "a", "8080": "b", "X": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"A": 1,}', "Template format error: JSON not well-formed. (line 1, column 9)"),
        ("A: [1\nB: 2", "Template format error: YAML not well-formed. (line 2, column 2)"),
        ("A: &x 1\nB: *x", "Template error: YAML aliases are not allowed in CloudFormation templates"),
        ("- A", "Template format error: unsupported structure."),
        ("", "Template format error: unsupported structure."),
        ("Outputs: {O: {Value: }}", "[/Outputs/O/Value] 'null' values are not allowed in templates"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        load(text)
    assert (caught.value.code, caught.value.message) == ("ValidationError", message)
