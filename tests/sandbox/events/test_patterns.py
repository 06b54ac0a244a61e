"""Which events a pattern fits: the EventBridge user guide's statements, one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers.sandbox.event_patterns import PatternInvalid, matches, parse

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "111122223333",
    "time": "2017-12-22T18:43:48Z",
    "region": "us-west-1",
    "resources": [
        "arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0",
        "arn:aws:autoscaling:us-west-1:123456789012:autoScalingGroup:ASGTerminate",
    ],
    "detail": {
        "instance-id": "i-1234567890abcdef0",
        "state": "terminated",
        "c-count": 5,
        "d-count": 0,
        "x-limit": 301.8,
        "empty": "",
        "nothing": None,
        "FileName": "picture.png",
        "sourceIPAddress": "10.0.0.123",
        "ok": True,
        "none": [],
        "items": [{"kind": "a", "size": 1}, {"kind": "b", "size": 2}],
    },
}


def fits(detail: dict[str, Any] | None = None, **top: Any) -> bool:
    pattern = {**top, **({"detail": detail} if detail is not None else {})}
    return matches(parse(json.dumps(pattern)), EVENT)


# Each line: what is asked of the event's detail, and the answer.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html (2026-11-23)
@pytest.mark.parametrize(
    ("detail", "answer"),
    [
        ({"state": ["terminated"]}, True),
        ({"state": ["running", "terminated"]}, True),
        ({"state": ["running"]}, False),
        ({"state": ["Terminated"]}, False),
        ({"state": ["terminated"], "c-count": [5]}, True),
        ({"state": ["terminated"], "c-count": [6]}, False),
        # null and the empty string are different things
        ({"empty": [""]}, True),
        ({"nothing": [None]}, True),
        ({"nothing": [""]}, False),
        ({"empty": [None]}, False),
        # numbers, truths and texts are of different kinds
        ({"c-count": ["5"]}, False),
        ({"c-count": [5.0]}, True),
        ({"ok": [True]}, True),
        ({"ok": [1]}, False),
        ({"ok": ["true"]}, False),
        # prefix and suffix
        ({"FileName": [{"prefix": "pic"}]}, True),
        ({"FileName": [{"prefix": "Pic"}]}, False),
        ({"FileName": [{"prefix": {"equals-ignore-case": "PIC"}}]}, True),
        ({"FileName": [{"suffix": ".png"}]}, True),
        ({"FileName": [{"suffix": {"equals-ignore-case": ".PNG"}}]}, True),
        ({"c-count": [{"prefix": "5"}]}, False),
        # anything-but
        ({"state": [{"anything-but": "running"}]}, True),
        ({"state": [{"anything-but": "terminated"}]}, False),
        ({"state": [{"anything-but": ["running", "terminated"]}]}, False),
        ({"c-count": [{"anything-but": [1, 2]}]}, True),
        ({"c-count": [{"anything-but": 5}]}, False),
        ({"state": [{"anything-but": {"prefix": "term"}}]}, False),
        ({"state": [{"anything-but": {"prefix": ["x", "y"]}}]}, True),
        ({"FileName": [{"anything-but": {"suffix": ".png"}}]}, False),
        ({"FileName": [{"anything-but": {"wildcard": "*.jpg"}}]}, True),
        ({"state": [{"anything-but": {"equals-ignore-case": ["TERMINATED"]}}]}, False),
        ({"missing": [{"anything-but": "x"}]}, False),
        ({"nothing": [{"anything-but": "x"}]}, True),
        # numeric
        ({"c-count": [{"numeric": [">", 0, "<=", 5]}]}, True),
        ({"c-count": [{"numeric": [">", 0, "<", 5]}]}, False),
        ({"x-limit": [{"numeric": ["=", 3.018e2]}]}, True),
        ({"state": [{"numeric": [">", 0]}]}, False),
        # exists works on leaves
        ({"state": [{"exists": True}]}, True),
        ({"missing": [{"exists": False}]}, True),
        ({"missing": [{"exists": True}]}, False),
        ({"nothing": [{"exists": True}]}, True),
        ({"none": [{"exists": True}]}, False),
        # the rest
        ({"state": [{"equals-ignore-case": "TERMinated"}]}, True),
        ({"FileName": [{"wildcard": "pic*.p*"}]}, True),
        ({"FileName": [{"wildcard": "*.jpg"}]}, False),
        ({"FileName": [{"wildcard": "pic\\*"}]}, False),
        ({"sourceIPAddress": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"sourceIPAddress": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"state": [{"cidr": "10.0.1.0/24"}]}, False),
        # $or, beside and within
        ({"$or": [{"c-count": [1]}, {"d-count": [{"numeric": ["<", 10]}]}]}, True),
        ({"$or": [{"c-count": [1]}, {"d-count": [1]}]}, False),
        ({"state": ["running"], "$or": [{"c-count": [5]}, {"d-count": [0]}]}, False),
        # an element of an array must fit the nested pattern as a whole
        ({"items": {"kind": ["a"], "size": [1]}}, True),
        ({"items": {"kind": ["a"], "size": [2]}}, False),
    ],
)
def test_operators(detail: dict[str, Any], answer: bool) -> None:
    assert fits(detail) is answer


def test_an_array_fits_when_it_shares_a_value() -> None:
    assert fits(resources=["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0", "other"])
    assert fits(resources=[{"prefix": "arn:aws:autoscaling"}])
    assert not fits(resources=["other"])


def test_names_with_dots_are_fields_within_fields() -> None:
    assert fits(**{"detail.state": ["terminated"]})
    assert matches(parse('{"detail": {"state": {"status": ["on"]}}}'), {"detail": {"state.status": "on"}})


def test_source_and_detail_type() -> None:
    assert fits(source=["aws.ec2"], **{"detail-type": ["EC2 Instance State-change Notification"]})
    assert not fits(source=["aws.s3"])
    assert not fits(source=["aws.ec2"], **{"detail-type": ["Scheduled Event"]})


# The reasons are EventBridge's own: LocalStack's recordings of what AWS answered
# (tests/aws/services/events/test_events_patterns.snapshot.json), and cdk-preflight's measurements.
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "Filter is not an object"),
        ("{", "Invalid JSON"),
        ('{"source": "aws.s3"}', '"source" must be an object or an array'),
        ('{"source": []}', "Empty arrays are not allowed"),
        ('{"source": [["aws.s3"]]}', "Match value must be String, number, true, false, or null"),
        ('{"a": [{"EXISTS": true}]}', "Unrecognized match type EXISTS"),
        ('{"a": [{"exists": "yes"}]}', "exists match pattern must be either true or false."),
        ('{"a": [{"prefix": 1}]}', "prefix match pattern must be a string"),
        ('{"a": [{"suffix": [".png"]}]}', "suffix match pattern must be a string"),
        ('{"a": [{"equals-ignore-case": ["x"]}]}', "equals-ignore-case match pattern must be a string"),
        ('{"a": [{"wildcard": 1}]}', "wildcard match pattern must be a string"),
        ('{"a": [{"wildcard": "x**"}]}', "Consecutive wildcard characters at pos 2"),
        ('{"a": [{"numeric": 10}]}', "Value of numeric must be an array."),
        ('{"a": [{"numeric": [">", 0, "<"]}]}', "Value of < must be numeric"),
        ('{"a": [{"numeric": [">", 0, ">", 0]}]}', "Bad numeric range operator: >"),
        ('{"a": [{"numeric": ["!", 0]}]}', "Unrecognized numeric range operator: !"),
        ('{"a": [{"cidr": "10.0.0.0"}]}', "Malformed CIDR, one '/' required"),
        ('{"a": [{"cidr": "10.0.0.0/x"}]}', "Malformed CIDR, mask bits must be an integer"),
        ('{"a": [{"cidr": "xx.11.xx/8"}]}', "Nonstandard IP address: xx.11.xx"),
        ('{"a": [{"anything-but": {"numeric": 1}}]}', "Unsupported anything-but pattern: numeric"),
        ('{"a": [{"anything-but": {"prefix": ""}}]}', "Null prefix/suffix not allowed"),
        (
            '{"a": [{"anything-but": null}]}',
            "Value of anything-but must be an array or single string/number value.",
        ),
        (
            '{"a": [{"anything-but": ["x", null]}]}',
            "Inside anything but list, start|null|boolean is not supported.",
        ),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(PatternInvalid) as refusal:
        parse(text)
    assert str(refusal.value) == reason


def test_too_many_combinations() -> None:
    tenfold = [{"n": [number]} for number in range(10)]
    nested = {f"field{depth}": {"$or": tenfold} for depth in range(3)}
    assert parse(json.dumps(nested))
    with pytest.raises(PatternInvalid, match="Rule is too complex"):
        parse(json.dumps(nested | {"$or": [{"x": [1]}, {"y": [2]}]}))
