"""Templates with their lines: held against cfn-flip's reading, on the project's eight templates."""

from __future__ import annotations

from pathlib import Path

import cfn_flip
import pytest
import yaml

from helpers import TemplateInvalid, templates
from helpers.stacks import CATALOGUE, CFN

SMALL = """\
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Project: {Type: String}
Resources:
  # Why the role.
  # More of it.
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: []

  # Why the topic.
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: !Sub "${Project}-x"
      DisplayName:
        Fn::ImportValue: !Sub "${Project}-VpcId"
Outputs:
  Arn:
    Value: !GetAtt Role.Arn
    Export: {Name: !Sub "${Project}-Arn"}
"""


def template(tmp_path: Path, text: str = SMALL, name: str = "small.yaml") -> templates.Template:
    path = tmp_path / name
    path.write_text(text)
    return templates.load(path)


def place(found: templates.Template, *path: str) -> templates.Place:
    return next(p for p in found.places if p.path == path)


def test_a_key_reaches_from_the_comment_above_it_to_the_next_one(tmp_path):
    small = template(tmp_path)
    assert small.lines(place(small, "Resources", "Role")).splitlines() == SMALL.splitlines()[4:12]
    assert small.lines(place(small, "Resources", "Topic")).splitlines()[0] == "  # Why the topic."
    assert small.lines(place(small, "Outputs")).splitlines() == SMALL.splitlines()[20:]
    assert place(small, "Parameters", "Project").kind == "parameter"


def test_functions_are_found_with_their_lines(tmp_path):
    uses = [(use.function, use.argument, use.line) for use in template(tmp_path).uses]
    assert uses == [
        ("Fn::Sub", "${Project}-x", 18),
        ("Fn::ImportValue", {"Fn::Sub": "${Project}-VpcId"}, 20),
        ("Fn::Sub", "${Project}-VpcId", 20),
        ("Fn::GetAtt", ["Role", "Arn"], 23),
        ("Fn::Sub", "${Project}-Arn", 24),
    ]


def test_imports_exports_and_capabilities(tmp_path):
    small = template(tmp_path)
    assert small.imported("p") == {"p-VpcId"}
    assert small.exported("p") == {"p-Arn": "Arn"}
    assert small.capabilities == ("CAPABILITY_IAM",)
    named = SMALL.replace("    Properties:\n      Assume", "    Properties:\n      RoleName: r\n      Assume")
    assert template(tmp_path, named, "named.yaml").capabilities == ("CAPABILITY_NAMED_IAM",)
    assert template(tmp_path, "Resources: {T: {Type: AWS::SNS::Topic}}", "t.yaml").capabilities == ()


def test_a_date_stays_the_text_that_cloudformation_takes(tmp_path):
    policy = template(tmp_path).resources["Role"]["Properties"]["AssumeRolePolicyDocument"]
    assert policy["Version"] == "2012-10-17"


def test_json_is_read_as_well(tmp_path):
    text = '{"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"Name": {"Ref": "AWS::Region"}}}}}'
    found = template(tmp_path, text, "t.json")
    assert found.format == "json"
    assert [use.argument for use in found.uses] == ["AWS::Region"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_plain_data_is_what_cfn_flip_reads(name):
    """Two readers, one meaning; cfn-flip's loader makes a date of `Version`, CloudFormation does not."""
    found = templates.load(CFN / f"{name}.yaml")
    flipped, _ = cfn_flip.load(found.body)
    assert found.data == yaml.safe_load(yaml.safe_dump(_builtin(flipped)))


def _builtin(value):
    if isinstance(value, dict):
        return {str(k): _builtin(v) for k, v in value.items()}
    return [_builtin(v) for v in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_place_begins_with_its_own_key(name):
    found = templates.load(CFN / f"{name}.yaml")
    lines = found.body.splitlines()
    for here in found.places:
        own = [line for line in lines[here.first - 1 : here.last] if not line.lstrip().startswith("#")]
        assert here.name in own[0], here
    resources = [p for p in found.places if p.kind == "resource"]
    assert [p.name for p in resources] == list(found.resources)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Resources:\n\tT: 1", "line 2"),
        ("[1, 2]", "not a template"),
        ("a: [", "line"),
        ("just words", "not a template"),
    ],
)
def test_what_cannot_be_read_says_where(tmp_path, text, says):
    with pytest.raises(TemplateInvalid, match=says):
        _ = template(tmp_path, text).data


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TemplateInvalid, match=r"gone\.yaml"):
        templates.load(tmp_path / "gone.yaml")


def test_a_changed_file_is_read_again(tmp_path):
    import os

    found = template(tmp_path)
    changed = SMALL.replace("Topic:", "Subject:")
    (tmp_path / "small.yaml").write_text(changed)
    os.utime(tmp_path / "small.yaml", ns=(1, 1))
    assert "Subject" in templates.load(tmp_path / "small.yaml").resources
    assert "Subject" not in found.resources
