"""What parliament, a linter of policies, says: it knows every action, its resources and condition keys."""

from __future__ import annotations

import json
import warnings
from types import ModuleType
from typing import Any

import pytest

from .actors import ROLES, policy


def linter() -> ModuleType:
    """parliament, which takes long to import: every process of pytest collects this file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it finds its own data through pkg_resources
        import parliament
    return parliament


def findings(document: dict[str, Any]) -> list[str]:
    # parliament checks that ARNs have the form of ARNs: a region that exists, not the templates' placeholder
    text = json.dumps(document).replace("xx-region-9", "eu-central-1")
    return [f"{found.issue}: {found.detail}" for found in linter().analyze_policy_string(text).findings]


@pytest.mark.parametrize("provider", ["CodeCommit", "S3"])
@pytest.mark.parametrize("role", ROLES)
def test_a_policy_has_no_finding(role: str, provider: str) -> None:
    assert findings(policy(role, provider)) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"Action": "ecs:RunTsk"}, "UNKNOWN_ACTION"),
        ({"Resource": "arn:aws:ecs:eu-central-1:111122223333:cluster/flights"}, "RESOURCE_MISMATCH"),
        ({"Condition": {"StringEquals": {"ecs:colour": "red"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
    ],
)
def test_it_would_find_what_is_wrong(change: dict[str, Any], finding: str) -> None:
    """No finding would be worth nothing from a linter that finds nothing."""
    statement = next(s for s in policy("ScheduleRole")["Statement"] if s["Sid"] == "RunTask")
    (found, *_) = findings({"Version": "2012-10-17", "Statement": [{**statement, **change}]})
    assert found.startswith(finding)


@pytest.mark.parametrize("role", ROLES)
def test_a_star_stands_only_where_aws_defines_no_resource(role: str) -> None:
    for statement in policy(role)["Statement"]:
        if statement["Resource"] != "*":
            continue
        service, _, name = statement["Action"].partition(":")
        (privilege,) = [
            privilege
            for known in linter().iam_definition
            if known["prefix"] == service
            for privilege in known["privileges"]
            if privilege["privilege"] == name
        ]
        assert [kind["resource_type"] for kind in privilege["resource_types"]] == [""]
