"""Template lines as they stand, and the round trip through cfn-flip."""

from __future__ import annotations

import cfn_flip
import pytest

from helpers import NameUnknown, TemplateInvalid, template, templates, to_json, to_yaml
from helpers.stacks import CATALOGUE, CFN
from tests.helpers.fakes import session_with

SESSION = session_with()


def test_a_snippet_is_the_files_own_lines():
    snippet = template(SESSION, "task", "Cluster")
    lines = (CFN / "task.yaml").read_text().splitlines()
    assert snippet.text.splitlines() == lines[snippet.first - 1 : snippet.last]
    assert "  Cluster:" in snippet.text.splitlines()
    assert snippet.source == "cfn/task.yaml"


def test_without_a_name_it_is_the_whole_file():
    assert template(SESSION, "storage").text == (CFN / "storage.yaml").read_text().rstrip("\n")


@pytest.mark.parametrize("name", ["Parameters", "Cpu", "TaskDefinition", "ClusterArn", "NetworkMode"])
def test_sections_parameters_resources_outputs_and_properties_are_found(name):
    assert name in template(SESSION, "task", name).text


def test_one_of_several_properties_is_chosen_by_its_owner():
    assert "InputArtifacts" in template(SESSION, "pipeline", "Pipeline.Stages").text
    assert template(SESSION, "network", "SubnetB.CidrBlock").text.strip().startswith("CidrBlock: !Select [1")


def test_an_unknown_name_lists_close_ones():
    with pytest.raises(NameUnknown, match="networkmode") as unknown:
        template(SESSION, "task", "networkmode")
    assert "`NetworkMode`" in unknown.value.next_step


def test_an_unknown_stack_lists_the_eight():
    with pytest.raises(NameUnknown, match="did you mean `network`") as unknown:
        template(SESSION, "netwrk")
    assert ", ".join(CATALOGUE) in unknown.value.next_step


@pytest.mark.parametrize("name", CATALOGUE)
def test_yaml_and_json_are_the_same_thing(name):
    """Short YAML → JSON → long YAML → JSON: read by this project's own parser, nothing is lost on the way."""
    whole = template(SESSION, name)
    there = to_json(whole)
    back = to_yaml(there, long_form=True)
    assert "!Sub" not in back.text and "!Ref" not in back.text
    assert to_json(back).text == there.text
    again = templates.Template(CFN / "x.yaml", to_yaml(there).text)
    assert again.data == templates.load(CFN / f"{name}.yaml").data


def test_json_shows_the_long_form():
    assert '"Fn::Sub"' in to_json(template(SESSION, "schedule", "ScheduleRule")).text
    assert (
        cfn_flip.load(to_json(template(SESSION, "task", "Cluster")).text)[0]["Cluster"]["Type"]
        == "AWS::ECS::Cluster"
    )


def test_half_a_line_is_refused():
    snippet = template(SESSION, "task", "Cluster")
    broken = type(snippet)("a: [", snippet.source, "a", 1)
    with pytest.raises(TemplateInvalid, match="cfn-flip"):
        to_json(broken)


def test_it_is_shown_with_line_numbers_and_escaped():
    snippet = template(SESSION, "build", "PrivilegedMode")
    assert f"{snippet.last}" in str(snippet)
    html = template(SESSION, "pipeline")._repr_html_()
    assert "<script" not in html and html.count("<span") == html.count("</span")
