"""explain: every parameter, every row of the course's table, each fact with its source and day."""

from __future__ import annotations

import datetime
import re

import pytest

from helpers import NameUnknown, explain, templates
from helpers.explanations import facts
from helpers.stacks import CATALOGUE, CFN
from tests.helpers.fakes import FakeCloudFormation, session_with

SESSION = session_with(cloudformation=FakeCloudFormation())
PARAMETERS = [(s, p) for s in CATALOGUE for p in templates.load(CFN / f"{s}.yaml").parameters]

# What the course has to teach about each part: a property of a template, and a word of its explanation.
TAUGHT = [
    ("build", "Code", "ZIP"),
    ("build", "BuildProject.Type", "LINUX_CONTAINER"),
    ("build", "BuildProject.ComputeType", "BUILD_GENERAL1_SMALL"),
    ("build", "BuildProject.Image", "runtimes"),
    ("build", "PrivilegedMode", "Docker"),
    ("build", "EnvironmentVariables", "buildspec.yml"),
    ("pipeline", "Stages", "list of actions"),
    ("pipeline", "PollForSourceChanges", "EventBridge"),
    ("pipeline", "ActionTypeId", "CodeStarSourceConnection"),
    ("pipeline", "OutputArtifacts", "name"),
    ("pipeline", "EventPattern", "branch"),
    ("registry", "Repository", "A name is enough"),
    ("registry", "ImageTagMutability", "IMMUTABLE"),
    ("registry", "ImageScanningConfiguration", "vulnerabilities"),
    ("registry", "LifecyclePolicy", "old images"),
    ("task", "Cluster", "servers"),
    ("task", "TaskDefinition.Cpu", "16384"),
    ("task", "TaskDefinition.Memory", "137"),
    ("task", "NetworkMode", "awsvpc"),
    ("task", "RequiresCompatibilities", "FARGATE"),
    ("task", "TaskDefinition.Image", "!Sub"),
    ("task", "LogConfiguration", "awslogs"),
    ("task", "ExecutionRoleArn", "pulls"),
    ("task", "TaskRoleArn", "job"),
    ("schedule", "ScheduleRule.ScheduleExpression", "cron"),
    ("schedule", "State", "DISABLED"),
    ("schedule", "LaunchType", "EC2"),
    ("schedule", "NetworkConfiguration", "Subnets"),
    ("schedule", "AssignPublicIp", "NAT"),
    ("schedule", "ScheduleRule.RoleArn", "iam:PassRole"),
    ("schedule", "RetryPolicy", "185"),
    ("schedule", "ScheduleRule.DeadLetterConfig", "error code"),
    ("schedule", "Schedule", "time zone"),
    ("schedule", "FlexibleTimeWindow", "OFF"),
    ("schedule", "ScheduleGroup", "folder"),
    ("schedule", "DeadLetterQueue", "could not be delivered"),
    ("schedule", "InvocationAlarm", "INSUFFICIENT_DATA"),
    ("schedule", "TreatMissingData", "notBreaching"),
    ("schedule", "NotificationTopic", "subscribed"),
    ("schedule", "InputTransformer", "event"),
    ("storage", "LifecycleConfiguration", "age"),
    ("storage", "BucketEncryption", "AES256"),
    ("storage", "PublicAccessBlockConfiguration", "public"),
    ("network", "EcrApiEndpoint", "ecr.api"),
    ("network", "PrivateDnsEnabled", "private address"),
    ("network", "NatGateway", "costs"),
    ("network", "TaskSecurityGroup", "HTTPS"),
    ("roles", "AssumeRolePolicyDocument", "aws:SourceArn"),
    ("roles", "Policies", "denied"),
    ("storage", "!Ref", "physical id"),
    ("storage", "!Sub", "${Name}"),
    ("storage", "!GetAtt", "Arn"),
    ("task", "!ImportValue", "export"),
]


@pytest.mark.parametrize(("stack", "name"), PARAMETERS)
def test_a_parameter_shows_what_cloudformation_enforces(stack, name):
    raw = templates.load(CFN / f"{stack}.yaml").parameters[name]
    shown = " ".join(str(explain(SESSION, stack, name)).split())
    assert " ".join(raw["Description"].split()) in shown
    assert str(raw["Default"]) in shown
    assert raw["ConstraintDescription"] in shown
    assert "the stack is not deployed" in shown
    assert re.search(r"Used in\s+line \d+", shown), "a parameter that nothing uses"


@pytest.mark.parametrize(("stack", "name", "word"), TAUGHT)
def test_what_the_course_teaches_is_explained_with_its_source(stack, name, word):
    explanation = explain(SESSION, stack, name)
    assert explanation.fact is not None
    assert word in " ".join(str(explanation).split())
    assert explanation.fact.source in str(explanation)
    assert name.rpartition(".")[2].lstrip("!") in explanation.snippet.text


def test_the_value_in_the_deployed_stack_is_shown():
    cloudformation = FakeCloudFormation()
    cloudformation.add("flights-task", "CREATE_COMPLETE", parameters={"Cpu": "512"})
    explanation = explain(session_with(cloudformation=cloudformation), "task", "Cpu")
    assert explanation.value == "512"
    assert explanation.allowed == ("256", "512", "1024", "2048", "4096", "8192", "16384")


def test_fargate_sizes_are_those_of_the_documentation():
    """The pairs, worked out from the table, equal those that the developer guide lists (in GB there)."""
    guide = {
        256: [0.5, 1, 2],
        512: range(1, 5),
        1024: range(2, 9),
        2048: range(4, 17),
        4096: range(8, 31),
        8192: range(16, 61, 4),
        16384: range(32, 121, 8),
    }
    for cpu, vcpu, memory in facts()["AWS::ECS::TaskDefinition/Cpu"].table["rows"]:
        assert vcpu == cpu / 1024
        if span := re.fullmatch(r"(\d+) to (\d+) in steps of (\d+)", memory):
            low, high, step = map(int, span.groups())
            sizes = list(range(low, high + 1, step))
        else:
            sizes = [int(size) for size in memory.split(", ")]
        assert sizes == [gb * 1024 for gb in guide[cpu]]


def test_an_unknown_name_lists_close_ones():
    with pytest.raises(NameUnknown) as unknown:
        explain(SESSION, "build", "Privileged")
    assert "`PrivilegedMode`" in unknown.value.next_step


@pytest.mark.parametrize("key", facts())
def test_every_fact_is_about_something_in_the_templates_and_has_a_source_and_a_day(key):
    fact = facts()[key]
    assert re.fullmatch(r"https://(docs\.aws\.amazon\.com|aws\.amazon\.com|github\.com/aws)/\S+", fact.source)
    assert datetime.date(2026, 1, 1) <= fact.checked <= datetime.date.today()
    kind, _, name = key.partition("/")
    all_templates = [templates.load(CFN / f"{stack}.yaml") for stack in CATALOGUE]
    if kind.startswith("AWS::"):
        owners = [(t, r) for t in all_templates for r, raw in t.resources.items() if raw["Type"] == kind]
        assert owners, f"no template has a {kind}"
        if name:
            paths = [p.path for t, r in owners for p in t.places if p.owner == r]
            assert any(path[-1] == name for path in paths), f"no {kind} says {name}"
    elif key.startswith("Fn::") or key == "Ref":
        assert any(use.function == key for t in all_templates for use in t.uses)
    else:
        assert any(p.name == key for t in all_templates for p in t.places)


def test_it_reads_well_in_both_forms():
    explanation = explain(SESSION, "task", "NetworkMode")
    html = explanation._repr_html_()
    assert '<a href="https://docs.aws.amazon.com/' in html
    assert '<th scope="row"' in html
    assert max(map(len, str(explanation).splitlines())) <= 160
