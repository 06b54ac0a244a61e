"""A template's values in the surroundings of its stack: other resources, exports, zones, parameters."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from ..world import World
from . import resources
from .errors import OperationFailed, validation_error
from .functions import UNKNOWN, Resolver
from .model import Deployment, Resource, Stack, Store
from .references import references
from .resources.request import SERVICE, ResourceRequest, partition_of
from .schemas import Schema, schema
from .template import Template

URL_SUFFIXES = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}
WITHOUT_SYSTEM_TAGS = frozenset(
    {"AWS::CodeCommit::Repository", "AWS::CodePipeline::Pipeline", "AWS::S3::Bucket"}
)
"""Types whose API in the sandbox takes tags that begin with `aws:` from nobody."""


class Surroundings:
    """Answers what a template asks about the world. Implements `functions.Lookups`."""

    def __init__(self, world: World, region: str, stack: Stack) -> None:
        self.world, self.region, self.stack = world, region, stack
        self.imports: set[str] = set()
        self._zones: dict[str, list[str]] = {}

    def ref(self, logical_id: str) -> Any:
        return self._existing(logical_id).physical_id

    def get_att(self, logical_id: str, attribute: str) -> Any:
        resource = self._existing(logical_id)
        kind = resources.kind_of(resource.type)
        return kind.attribute(request_for(self.world, self.region, self.stack, resource), attribute)

    def import_value(self, name: str) -> Any:
        store: Store = self.world.store("cloudformation", self.region)
        found = store.exports().get(name)
        if found is None:
            raise OperationFailed(f"No export named {name} found")
        self.imports.add(name)
        return found[1]

    def zones(self, region: str) -> list[str]:
        if region not in self._zones:
            ec2 = self.world.client("ec2", region, as_service=SERVICE)
            found = ec2.describe_availability_zones()["AvailabilityZones"]
            self._zones[region] = sorted(zone["ZoneName"] for zone in found)
        return self._zones[region]

    def dynamic(self, reference: str) -> Any:
        """`resolve:ssm:name[:version]` and `resolve:secretsmanager:id:SecretString[:key]`."""
        _, service, rest = reference.split(":", 2)
        try:
            if service in ("ssm", "ssm-secure"):
                client = self.world.client("ssm", self.region, as_service=SERVICE)
                return client.get_parameter(Name=rest, WithDecryption=True)["Parameter"]["Value"]
            if service == "secretsmanager":
                return self._secret(rest)
        except ClientError as error:
            raise OperationFailed(
                f"Could not resolve {{{{{reference}}}}}: {error.response['Error']['Message']}"
            ) from error
        raise OperationFailed(f"The sandbox does not resolve dynamic references to {service}")

    def _secret(self, rest: str) -> Any:
        import json

        name, _, key = rest.partition(":SecretString")
        client = self.world.client("secretsmanager", self.region, as_service=SERVICE)
        value = client.get_secret_value(SecretId=name)["SecretString"]
        key = key.strip(":").split(":")[0]
        return json.loads(value)[key] if key else value

    def _existing(self, logical_id: str) -> Resource:
        resource = self.stack.resources.get(logical_id)
        if resource is None or not resource.exists:
            raise OperationFailed(f"Unresolved resource dependencies [{logical_id}]")
        return resource


class Forecast(Surroundings):
    """The same before anything is done: what does not exist yet, or will be replaced, is unknown.

    With `strict` a missing export is an error already; otherwise it is unknown, as in AWS's change sets.
    """

    def __init__(self, world: World, region: str, stack: Stack, strict: bool = True) -> None:
        super().__init__(world, region, stack)
        self.strict = strict
        self.unknown: set[str] = set()  # logical ids whose id and attributes will be other ones

    def ref(self, logical_id: str) -> Any:
        return UNKNOWN if self._open(logical_id) else super().ref(logical_id)

    def get_att(self, logical_id: str, attribute: str) -> Any:
        if self._open(logical_id):
            return UNKNOWN
        if not resources.kind_of(self.stack.resources[logical_id].type).knows(attribute):
            return UNKNOWN  # refused when the deployment begins
        return super().get_att(logical_id, attribute)

    def import_value(self, name: str) -> Any:
        try:
            return super().import_value(name)
        except OperationFailed:
            if self.strict:
                raise
            return UNKNOWN

    def dynamic(self, reference: str) -> Any:
        return UNKNOWN

    def _open(self, logical_id: str) -> bool:
        resource = self.stack.resources.get(logical_id)
        return logical_id in self.unknown or resource is None or not resource.exists


def resolver(
    world: World, region: str, stack: Stack, template: Template, deployment: Deployment, lookups: Surroundings
) -> Resolver:
    """The evaluator of a template for a stack."""
    partition = partition_of(region)
    pseudo = {
        "AWS::AccountId": world.account,
        "AWS::NotificationARNs": list(deployment.notification_arns),
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::StackId": stack.stack_id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": URL_SUFFIXES.get(partition, "amazonaws.com"),
    }
    return Resolver(template, deployment.parameters, pseudo, lookups)


def with_stack_tags(
    kind: Schema, stack: Stack, deployment: Deployment, logical_id: str, properties: dict[str, Any]
) -> dict[str, Any]:
    """The properties with the stack's tags and CloudFormation's own, on types that take tags."""
    tags = dict(deployment.tags)
    if kind.system_tags and kind.raw["typeName"] not in WITHOUT_SYSTEM_TAGS:
        tags["aws:cloudformation:stack-name"] = stack.name
        tags["aws:cloudformation:stack-id"] = stack.stack_id
        tags["aws:cloudformation:logical-id"] = logical_id
    return kind.with_tags(properties, tags)


def request_for(
    world: World,
    region: str,
    stack: Stack,
    resource: Resource,
    previous: dict[str, Any] | None = None,
    role_arn: str | None = None,
) -> ResourceRequest:
    """A request to the resource's type about this resource."""
    return ResourceRequest(
        world,
        region,
        stack.name,
        stack.stack_id,
        resource,
        resource.applied,
        previous or {},
        role_arn or stack.deployment.role_arn,
        schema(resource.type, region).legacy,
    )


def check_attributes(template: Template, region: str) -> None:
    """Raise OperationFailed for a `Fn::GetAtt` that its resource type does not have."""
    places = [
        *((f"/Resources/{name}/Properties", entry.properties) for name, entry in template.resources.items()),
        *((f"/Outputs/{name}/Value", entry.value) for name, entry in template.outputs.items()),
    ]
    for place, value in places:
        for mention in references(value, place):
            if mention.attribute is None or mention.name not in template.resources:
                continue
            type_name = template.resources[mention.name].type
            kind = resources.kind_of(type_name)
            if kind is None or kind.knows(mention.attribute):
                continue
            if mention.attribute in schema(type_name, region).attributes:
                raise OperationFailed(
                    f"The sandbox does not simulate the attribute {mention.attribute} of {type_name}"
                )
            raise OperationFailed(
                f"[Error] {mention.path}: Resource type {type_name} does not support attribute "
                f"{{{mention.attribute}}}"
            )


def check_references(template: Template, evaluator: Resolver) -> None:
    """Refuse a reference to a resource that is left out because its condition does not hold."""
    left_out = {name for name, entry in template.resources.items() if not evaluator.included(entry.condition)}
    if not left_out:
        return
    present = [entry for name, entry in template.resources.items() if name not in left_out]
    for prefix, block, values in (
        ("Template format error: ", "Resources", [entry.properties for entry in present]),
        (
            "",
            "Outputs",
            [entry.value for entry in template.outputs.values() if evaluator.included(entry.condition)],
        ),
    ):
        missing = {
            mention.name for value in values for mention in references(evaluator.taken(value))
        } & left_out
        if missing:
            raise validation_error(
                f"{prefix}Unresolved resource dependencies [{', '.join(sorted(missing))}] in the {block} "
                "block "
                "of the template"
            )
