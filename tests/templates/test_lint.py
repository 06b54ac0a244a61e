"""cfn-lint checks every property against the resource schemas of a region; three regions stand for all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .resolve import CFN, ORDER

REGIONS = ["ap-southeast-2", "eu-central-1", "us-east-1"]


def findings(text: str) -> list[str]:
    from cfnlint.api import lint  # takes long to import, and every process of pytest collects this file
    from cfnlint.config import ManualArgs

    found = lint(text, config=ManualArgs(regions=REGIONS))
    return [f"{match.rule.id} line {match.linenumber}: {match.message}" for match in found]


@pytest.mark.parametrize("stack", ORDER)
def test_a_template_has_no_finding(stack: str) -> None:
    assert findings((CFN / f"{stack}.yaml").read_text()) == []


def test_a_wrong_property_is_found() -> None:
    """The check above would be worth nothing if lint() looked at nothing."""
    text = (CFN / "registry.yaml").read_text().replace("EmptyOnDelete: true", "EmptyOnDelete: perhaps")
    assert any("EmptyOnDelete" in finding or "boolean" in finding for finding in findings(text))


def test_there_is_a_template_for_each_stack_and_no_other() -> None:
    assert sorted(path.name for path in CFN.iterdir()) == sorted(f"{stack}.yaml" for stack in ORDER)


def test_cfn_lint_called_by_hand_checks_the_same() -> None:
    from cfnlint import decode

    settings = decode.cfn_yaml.load(str(Path(CFN).parent / ".cfnlintrc"))
    assert json.loads(json.dumps(settings)) == {"templates": ["cfn/*.yaml"], "regions": REGIONS}
