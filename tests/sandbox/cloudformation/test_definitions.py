"""Every resource type fits what AWS says of it: the type's schema, and botocore's model of the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto.core.utils import get_service_model

from helpers.sandbox.cloudformation import resources
from helpers.sandbox.cloudformation.resources.api import ApiType, Op
from helpers.sandbox.cloudformation.schemas import Schema, exists, schema

KINDS = {name: kind for name, kind in resources._KNOWN.items() if isinstance(kind, ApiType)}
BESIDE_THE_SCHEMA = {  # attributes that AWS documents and the schema does not list
    "AWS::IAM::AccessKey": {"SecretAccessKey"},
    "AWS::EC2::Instance": {"AvailabilityZone"},
    "AWS::IAM::ManagedPolicy": set(),
}


def operations(kind: ApiType) -> Iterator[tuple[str, Op]]:
    steps = [kind.create, kind.update, kind.delete, kind.exists]
    for aspect in kind.aspects:
        steps += [aspect.put, aspect.remove]
    for step in steps:
        if isinstance(step, Op):
            yield step.service or kind.service, step


def shape(service: str, operation: str) -> Any:
    return get_service_model(service).operation_model(operation).input_shape


@pytest.mark.parametrize("name", KINDS)
def test_the_type_and_its_properties_exist(name: str) -> None:
    assert exists(name, "us-east-1")
    kind, described = KINDS[name], schema(name, "us-east-1")
    mine = {*kind.handled, *kind.without_effect, *([kind.name] if kind.name else [])}
    for aspect in kind.aspects:
        mine |= set(aspect.properties)
    assert mine - set(described.properties) == set()
    if kind.tag_property and described.tag_property:
        assert kind.tag_property == described.tag_property
    attributes = {*kind.attributes, *kind.answer}
    beside = BESIDE_THE_SCHEMA.get(name, set())
    assert attributes - described.attributes - set(described.identifier) - beside == set()


@pytest.mark.parametrize("name", KINDS)
def test_the_operations_and_their_parameters_exist(name: str) -> None:
    kind = KINDS[name]
    for service, op in operations(kind):
        top = shape(service, op.name)
        inner = top.members[op.wrap] if op.wrap else top
        for parameter in op.also:
            assert parameter in inner.members or parameter in top.members, (op.name, parameter)
        required = {member.lower() for member in inner.required_members}
        given = {parameter.lower() for parameter in op.also}
        properties = {op.rename.get(one, one).lower() for one in schema(name, "us-east-1").properties}
        assert required - given - properties == set(), (
            f"{op.name} is not told {required - given - properties}"
        )
    if kind.tags:
        for operation in (kind.tags.put, kind.tags.remove):
            assert any("tag" in member.lower() for member in shape(kind.service, operation).members)


def properties_beyond(kind: ApiType, described: Schema) -> set[str]:
    """The settable properties of a type that the sandbox would refuse."""
    known = {*kind.handled, *kind.without_effect, *([kind.name] if kind.name else []), kind.tag_property}
    for aspect in kind.aspects:
        known |= set(aspect.properties)
    for step in (kind.create, kind.update):
        if isinstance(step, Op):
            top = shape(step.service or kind.service, step.name)
            inner = top.members[step.wrap] if step.wrap else top
            told = {member.lower() for member in inner.members}
            known |= {one for one in described.properties if step.rename.get(one, one).lower() in told}
    return set(described.properties) - known - set(described.read_only)


@pytest.mark.parametrize(
    "name",
    [
        "AWS::CodeCommit::Repository",
        "AWS::CodePipeline::Pipeline",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::ECR::Repository",
        "AWS::IAM::Role",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::SSM::Parameter",
        "AWS::Scheduler::Schedule",
    ],
)
def test_of_these_types_every_property_is_simulated(name: str) -> None:
    assert properties_beyond(KINDS[name], schema(name, "us-east-1")) == set()
