"""From an API request to a deployment that can be carried out, or a refusal."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from ..service import AwsError, Call
from ..world import World
from . import resources
from .errors import OperationFailed, validation_error
from .evaluation import Forecast, check_references, resolver
from .functions import Resolver
from .model import Deployment, Stack
from .parameters import ParameterValue, text, values
from .references import circle, function_of
from .resources.request import SERVICE
from .schemas import exists
from .template import Template, parse

MAX_BODY = 51_200
MAX_URL_BODY = 1_048_576
MAX_TAGS = 50
S3_HOST = re.compile(r"^(?:(?P<bucket>.+)\.)?s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$")


def template_text(call: Call, previous: str | None = None) -> str:
    """The template that a request gives: in its body, by URL, or the one that the stack has already."""
    params = call.params
    if "TemplateBody" in params and "TemplateURL" in params:
        raise validation_error("Specify either TemplateBody or TemplateURL, but not both.")
    if params.get("UsePreviousTemplate") and previous is not None:
        return previous
    if "TemplateURL" in params:
        return _download(call, params["TemplateURL"])
    if not params.get("TemplateBody"):
        raise validation_error("Either Template URL or Template Body must be specified.")
    body = params["TemplateBody"]
    if len(body.encode()) > MAX_BODY:
        raise validation_error(
            f"1 validation error detected: Value '{body}' at 'templateBody' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_BODY}"
        )
    return body


def _download(call: Call, url: str) -> str:
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path.lstrip("/"))
    if parts.scheme not in ("http", "https"):
        raise validation_error(f"S3 error: Domain name specified in {host} is not a valid S3 domain")
    match = S3_HOST.match(host)
    if match and match.group("bucket"):
        bucket, key = match.group("bucket"), path
    elif match or urlsplit(call.world.endpoint).netloc == parts.netloc or host == "localhost":
        bucket, _, key = path.partition("/")
    else:
        raise validation_error("TemplateURL must be a supported URL.")
    try:
        s3 = call.world.client("s3", call.region, as_service=SERVICE)
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise validation_error(
            f"S3 error: {error.response['Error']['Message']}\nFor more information check "
            "http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
        ) from error
    if len(content) > MAX_URL_BODY:
        raise validation_error(f"Template may not exceed {MAX_URL_BODY} bytes in size.")
    return content.decode("utf-8")


def check_types(template: Template, region: str) -> None:
    """Refuse types that AWS does not have, and by another message those that only the sandbox lacks."""
    types = sorted({entry.type for entry in template.resources.values()})
    unknown = [name for name in types if not exists(name, region)]
    if unknown:
        raise validation_error(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
    absent = [name for name in types if resources.kind_of(name) is None]
    if absent:
        raise validation_error(
            f"The sandbox does not simulate these resource types: [{', '.join(absent)}]. "
            "AWS CloudFormation has them: deploy this template in an account."
        )


def check_capabilities(template: Template, given: list[str]) -> None:
    """Refuse IAM resources that the request does not acknowledge."""
    needed = template.needed_capability()
    enough = {"CAPABILITY_IAM": {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"}}.get(needed or "", {needed})
    if needed and not enough & set(given):
        raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")


def tags_of(call: Call, previous: dict[str, str] | None = None) -> dict[str, str]:
    """The stack's tags: those of the request, or when it gives none, those from before."""
    if "Tags" not in call.params:
        return dict(previous or {})
    tags = {tag["Key"]: tag["Value"] for tag in call.params["Tags"]}
    if len(tags) > MAX_TAGS:
        raise validation_error(f"Tag count must not exceed {MAX_TAGS}.")
    if any(key.lower().startswith("aws:") for key in tags):
        raise validation_error("aws: prefixed tag key names are not allowed for external use.")
    return tags


def deployment_of(call: Call, stack: Stack | None) -> Deployment:
    """The deployment that a request asks for; `stack` is the one to be updated, or None for a new one.

    Raises AwsError for everything that CloudFormation refuses before it starts.
    """
    _refuse_unsimulated(call)
    before = stack.deployment if stack else None
    body = template_text(call, before.template if before else None)
    template = parse(body)
    given = values(
        template.parameters,
        call.params.get("Parameters", []),
        before.parameters if before else None,
        lambda names: _parameter_store(call.world, call.region, names),
    )
    check_types(template, call.region)
    capabilities = call.params.get("Capabilities", [])
    check_capabilities(template, capabilities)
    _check_allowed(template, call.params.get("ResourceTypes"))
    _check_role(call)
    arns = call.params.get("NotificationARNs", list(before.notification_arns) if before else [])
    return Deployment(
        body,
        given,
        tags_of(call, before.tags if before else None),
        tuple(capabilities),
        tuple(arns),
        call.params.get("RoleARN", before.role_arn if before else None),
        template.description,
    )


def check_values(world: World, region: str, stack: Stack, deployment: Deployment) -> None:
    """Evaluate the whole template once, so that errors in it are refused before anything is made."""
    template = parse(deployment.template)
    forecast(world, region, stack, template, deployment, strict=False)


def forecast(
    world: World, region: str, stack: Stack, template: Template, deployment: Deployment, strict: bool = True
) -> Forecast:
    """Evaluate everything without making anything; returns what was looked up on the way."""
    lookups = Forecast(world, region, stack, strict)
    lookups.unknown = set(template.resources)
    evaluator = resolver(world, region, stack, template, deployment, lookups)
    check_references(template, evaluator)
    loop = circle(template.dependencies(evaluator.included, evaluator.taken))
    if loop:
        raise validation_error(f"Circular dependency between resources: [{', '.join(sorted(loop))}]")
    _check_rules(template, evaluator)
    for entry in template.resources.values():
        if evaluator.included(entry.condition):
            evaluator.resolve(entry.properties)
            policies = evaluator.resolve([entry.deletion_policy, entry.update_replace_policy])
            if "Snapshot" in policies:  # of the types that the sandbox has, none can be kept as a snapshot
                raise validation_error(
                    f"Template error: resource type {entry.type} does not support deletion policy Snapshot"
                )
    for output in template.outputs.values():
        if evaluator.included(output.condition):
            evaluator.resolve([output.value, output.export])
    return lookups


def _check_rules(template: Template, evaluator: Resolver) -> None:
    for name, rule in template.rules.items():
        if "RuleCondition" in rule and not _holds(rule["RuleCondition"], evaluator):
            continue
        for assertion in rule.get("Assertions", []):
            if not _holds(assertion["Assert"], evaluator):
                described = assertion.get("AssertDescription", "Assertion failed")
                raise validation_error(f"Template validation error: Rule {name} failed: {described}")


def _holds(value: Any, evaluator: Resolver) -> bool:
    """A rule's condition: the functions of conditions, and `Fn::Contains` and its like."""
    function = function_of(value)
    argument = value[function] if function else None
    if function == "Fn::Contains":
        items, wanted = (evaluator.resolve(part) for part in argument)
        return text(wanted) in map(text, items)
    if function == "Fn::EachMemberEquals":
        items, wanted = (evaluator.resolve(part) for part in argument)
        return all(text(item) == text(wanted) for item in items)
    if function == "Fn::EachMemberIn":
        items, allowed = (evaluator.resolve(part) for part in argument)
        return all(text(item) in map(text, allowed) for item in items)
    if function == "Fn::And":
        return all(_holds(item, evaluator) for item in argument)
    if function == "Fn::Or":
        return any(_holds(item, evaluator) for item in argument)
    if function == "Fn::Not":
        return not _holds(argument[0], evaluator)
    result = evaluator.resolve(value)
    return result if isinstance(result, bool) else text(result).lower() == "true"


def _refuse_unsimulated(call: Call) -> None:
    """Settings that a sandbox which ignored them would only pretend to take."""
    wanted = [name for name in call.params if name.startswith("StackPolicy")]
    if call.params.get("RollbackConfiguration", {}).get("RollbackTriggers"):
        wanted.append("RollbackTriggers")
    if wanted:
        raise AwsError(
            "NotImplementedException",
            f"The sandbox does not simulate {', '.join(sorted(wanted))}. It works in a real account.",
            501,
        )


def _check_role(call: Call) -> None:
    """The role that CloudFormation shall use must exist and trust it."""
    role = call.params.get("RoleARN")
    if role:
        try:
            call.world.credentials(role, "AWSCloudFormation", SERVICE)
        except AwsError as error:
            raise validation_error(f"Role {role} is invalid or cannot be assumed") from error


def _check_allowed(template: Template, allowed: list[str] | None) -> None:
    for entry in template.resources.values() if allowed else ():
        if not any(re.fullmatch(re.escape(name).replace(r"\*", ".*"), entry.type) for name in allowed):
            raise validation_error(
                f"Resource type {entry.type} is not allowed by parameter ResourceTypes [{', '.join(allowed)}]"
            )


def _parameter_store(world: World, region: str, names: list[str]) -> dict[str, str]:
    client = world.client("ssm", region, as_service=SERVICE)
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = client.get_parameter(Name=name)["Parameter"]["Value"]
        except ClientError:
            continue  # left out: the caller says which are missing
    return found


_DESCRIBED = {  # parameter type: how EC2 is asked, and where its answer holds the values that exist
    "AWS::EC2::VPC::Id": ("describe_vpcs", "Vpcs", "VpcId"),
    "AWS::EC2::Subnet::Id": ("describe_subnets", "Subnets", "SubnetId"),
    "AWS::EC2::SecurityGroup::Id": ("describe_security_groups", "SecurityGroups", "GroupId"),
    "AWS::EC2::SecurityGroup::GroupName": ("describe_security_groups", "SecurityGroups", "GroupName"),
    "AWS::EC2::KeyPair::KeyName": ("describe_key_pairs", "KeyPairs", "KeyName"),
    "AWS::EC2::AvailabilityZone::Name": ("describe_availability_zones", "AvailabilityZones", "ZoneName"),
}


def check_parameters_exist(world: World, region: str, template: Template, deployment: Deployment) -> None:
    """Parameters of AWS's own types must name something that exists. Raises OperationFailed."""
    for name, parameter in template.parameters.items():
        kind = parameter.type.removeprefix("List<").removesuffix(">")
        if kind not in _DESCRIBED:
            continue
        operation, plural, key = _DESCRIBED[kind]
        client = world.client("ec2", region, as_service=SERVICE)
        known = {one[key] for one in getattr(client, operation)()[plural]}
        value = deployment.parameters[name].value
        for one in value if isinstance(value, list) else [value]:
            if one not in known:
                raise OperationFailed(
                    f"Parameter validation failed: parameter value {one} for parameter name {name} does "
                    "not exist"
                )


def same(before: Deployment, after: Deployment) -> bool:
    """Whether two deployments ask for the same: template, parameter values, tags, notifications and role."""
    return (
        _data(before.template) == _data(after.template)
        and _plain(before.parameters) == _plain(after.parameters)
        and before.tags == after.tags
        and before.notification_arns == after.notification_arns
    )


def _data(body: str) -> str:
    from .loader import load

    data = load(body)
    return json.dumps([data.get("Resources"), data.get("Outputs"), data.get("Conditions")], default=str)


def _plain(parameters: dict[str, ParameterValue]) -> dict[str, Any]:
    return {name: value.value for name, value in parameters.items()}
