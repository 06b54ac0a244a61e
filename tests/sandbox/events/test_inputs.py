"""What a target is given. Expected values: LocalStack's recordings of what AWS delivered
(tests/aws/services/events/test_events_inputs.snapshot.json) and the EventBridge user guide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers.sandbox.event_inputs import for_target

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "1",
    "detail-type": "Order",
    "source": "shop",
    "account": "123456789012",
    "time": "2026-11-23T10:00:00Z",
    "region": "us-east-1",
    "resources": ["first", "second"],
    "detail": {
        "command": "update",
        "payload": {"acc_id": "0a78", "sf_id": "baz"},
        "tags": ["HIGH"],
        "valid": True,
    },
}
ARN = "arn:aws:events:us-east-1:123456789012:rule/orders"
PATHS = {
    "command": "$.detail.command",
    "payload": "$.detail.payload",
    "user": "$.detail.payload.acc_id",
    "tags": "$.detail.tags",
    "second": "$.resources[1]",
    "valid": "$.detail.valid",
    "missing": "$.detail.nowhere",
}


def given(**target: Any) -> str:
    return for_target(target, EVENT, "orders", ARN)


def transformed(template: str) -> str:
    return given(InputTransformer={"InputPathsMap": PATHS, "InputTemplate": template})


def test_the_event_itself() -> None:
    assert json.loads(given()) == EVENT


def test_a_constant() -> None:
    assert given(Input='{"a": 1}') == '{"a": 1}'


@pytest.mark.parametrize(
    ("path", "expected"),
    [("$.detail.payload", {"acc_id": "0a78", "sf_id": "baz"}), ("$.detail.command", "update"), ("$", EVENT)],
)
def test_a_part(path: str, expected: Any) -> None:
    assert json.loads(given(InputPath=path)) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"method": "PUT", "path": "users/<user>", "body": <payload>}', None),
        ('"Payload of <payload> with path users/<user> and <user>"', None),
        ('"<tags> single list item"', '"[HIGH] single list item"'),
        ('{"tags": <tags>, "second": <second>}', '{"tags": ["HIGH"], "second": "second"}'),
        ('"Command is <valid>!"', '"Command is true!"'),
        ('"nothing: <missing>."', '"nothing: ."'),
        ('{"missing": <missing>}', '{"missing": ""}'),
        ('"<aws.events.rule-name> of <aws.events.rule-arn>"', f'"orders of {ARN}"'),
    ],
)
def test_a_new_text(template: str, expected: str | None) -> None:
    if template.startswith('{"method"'):
        expected = '{"method": "PUT", "path": "users/0a78", "body": {"acc_id": "0a78", "sf_id": "baz"}}'
    if template.startswith('"Payload'):
        expected = '"Payload of {acc_id:0a78,sf_id:baz} with path users/0a78 and 0a78"'
    assert transformed(template) == expected


def test_the_whole_event_within_a_new_text() -> None:
    found = json.loads(transformed('{"event": <aws.events.event>, "json": <aws.events.event.json>}'))
    assert found["json"] == EVENT
    assert found["event"]["detailType"] == "Order"
    assert "detail" not in found["event"]
