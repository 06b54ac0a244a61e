"""The outer form: order of sections, documented parameters, nothing that ties a template to one place."""

from __future__ import annotations

import json
import re

import cfn_flip
import pytest

from .resolve import CFN, ORDER, read, walk

SECTIONS = ("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions")
SECTIONS += ("Resources", "Outputs")
ALL_PARAMETERS = [(stack, name) for stack in ORDER for name in read(stack)["Parameters"]]
# What a deleted stack must not leave behind, and what production must not lose.
KEEPS_DATA = {"AWS::S3::Bucket", "AWS::ECR::Repository", "AWS::CodeCommit::Repository", "AWS::Logs::LogGroup"}


def text(stack: str) -> str:
    return (CFN / f"{stack}.yaml").read_text()


@pytest.mark.parametrize("stack", ORDER)
def test_sections_stand_in_the_usual_order(stack: str) -> None:
    found = list(read(stack))
    assert found == [section for section in SECTIONS if section in found]
    assert {"Description", "Metadata", "Parameters", "Resources", "Outputs"} <= set(found)


@pytest.mark.parametrize(("stack", "name"), ALL_PARAMETERS)
def test_a_parameter_says_what_it_means_and_what_it_allows(stack: str, name: str) -> None:
    parameter = read(stack)["Parameters"][name]
    assert {"Type", "Description", "Default", "ConstraintDescription"} <= set(parameter)
    assert len(parameter["Description"].split()) >= 10 and parameter["Description"].endswith(".")
    assert len(parameter["Description"]) <= 4000  # quota of CloudFormation
    default = parameter["Default"]
    if "AllowedValues" in parameter:
        assert default in parameter["AllowedValues"]
    else:
        assert re.fullmatch(parameter["AllowedPattern"], default)


@pytest.mark.parametrize("stack", ORDER)
def test_a_form_made_of_the_template_shows_each_parameter_once_with_a_label(stack: str) -> None:
    interface = read(stack)["Metadata"]["AWS::CloudFormation::Interface"]
    names = list(read(stack)["Parameters"])
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(names) == sorted(interface["ParameterLabels"])
    assert all(label["default"].strip() for label in interface["ParameterLabels"].values())
    assert all(group["Label"]["default"].strip() for group in interface["ParameterGroups"])


def test_a_parameter_means_the_same_in_every_stack() -> None:
    """One --parameter for all stacks must not be allowed in one of them and refused in the next."""
    rules: dict[str, set[str]] = {}
    for stack, name in ALL_PARAMETERS:
        parameter = read(stack)["Parameters"][name]
        same = {key: value for key, value in parameter.items() if key != "Description"}
        rules.setdefault(name, set()).add(json.dumps(same, sort_keys=True))
    assert [name for name, found in rules.items() if len(found) > 1] == []


@pytest.mark.parametrize("name", ["flights", "ab", "a1-b2-c3", "x" * 20])
def test_project_names_that_every_service_accepts(name: str) -> None:
    rule = read("storage")["Parameters"]["Project"]
    assert re.fullmatch(rule["AllowedPattern"], name) and rule["MinLength"] <= len(name) <= rule["MaxLength"]


@pytest.mark.parametrize("name", ["Flights", "1st", "a_b", "a--b", "a-", "-a", "a.b", "", "a b"])
def test_project_names_that_a_bucket_or_a_registry_refuses(name: str) -> None:
    assert not re.fullmatch(read("storage")["Parameters"]["Project"]["AllowedPattern"], name)


@pytest.mark.parametrize("stack", ORDER)
def test_no_region_zone_or_account_is_written_in(stack: str) -> None:
    found = re.findall(
        r"\b(?:us|eu|ap|ca|sa|af|me|il|mx|cn)(?:-gov)?-[a-z]+-\d[a-z]?\b|\b\d{12}\b", text(stack)
    )
    assert found == []
    assert "arn:aws:" not in text(stack), "the partition is ${AWS::Partition}: aws, aws-cn, aws-us-gov"
    addresses = re.findall(r"\S*amazonaws\.com\S*", text(stack).replace("com.amazonaws.", ""))
    assert all(re.fullmatch(r"[a-z-]+\.amazonaws\.com", address) for address in addresses), (
        "only service principals end in .amazonaws.com everywhere; other addresses end in ${AWS::URLSuffix}"
    )


@pytest.mark.parametrize("stack", ORDER)
def test_each_resource_says_why_it_is_there(stack: str) -> None:
    lines = text(stack).splitlines()
    for name in read(stack)["Resources"]:
        above = lines.index(f"  {name}:") - 1
        assert lines[above].startswith("  # "), name
        while lines[above - 1].startswith("  # "):
            above -= 1
        assert lines[above].startswith("  # Why"), name


@pytest.mark.parametrize("stack", ORDER)
def test_each_output_is_described_and_exported_under_its_own_name(stack: str) -> None:
    for name, output in read(stack)["Outputs"].items():
        assert output["Export"] == {"Name": {"Fn::Sub": f"${{Project}}-{name}"}}
        assert output["Description"].endswith(".") and len(output["Description"]) <= 1024  # quota


@pytest.mark.parametrize("stack", ORDER)
def test_deletion_policies_come_in_pairs_and_let_a_lesson_go(stack: str) -> None:
    for name, resource in read(stack)["Resources"].items():
        policies = (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
        expected = ("Delete", "Delete") if resource["Type"] in KEEPS_DATA else (None, None)
        assert policies == expected, name


@pytest.mark.parametrize("stack", ORDER)
def test_yaml_and_json_are_the_same_thing(stack: str) -> None:
    """Short form, long form, YAML, JSON and back, as the lesson converts them in front of the learner."""
    as_json = cfn_flip.to_json(text(stack))
    assert json.loads(as_json) == json.loads(cfn_flip.to_json(cfn_flip.to_yaml(as_json, clean_up=False)))
    assert json.loads(as_json) == json.loads(cfn_flip.to_json(cfn_flip.to_yaml(as_json, long_form=True)))
    short = cfn_flip.to_yaml(as_json)
    assert "!Ref" in short or "!Sub" in short
    assert json.loads(cfn_flip.to_json(short)) == json.loads(as_json)


@pytest.mark.parametrize("stack", ORDER)
def test_policy_versions_are_text(stack: str) -> None:
    """Unquoted, 2012-10-17 is a date in YAML, and then not what IAM expects."""
    versions = [value for path, value in walk(read(stack)) if path and path[-1] == "Version"]
    assert all(isinstance(version, str) for version in versions)


@pytest.mark.parametrize("stack", ORDER)
def test_templates_fit_in_one_request(stack: str) -> None:
    """51,200 bytes is what CreateStack takes as a body; beyond that a template must first go to S3."""
    assert len(text(stack).encode()) < 51_200
    assert max(map(len, text(stack).splitlines())) <= 120
