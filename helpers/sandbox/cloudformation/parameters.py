"""The `Parameters` section: what a template declares, and the values that a request gives.

Messages: those of AWS, as seen in reports of `ValidationError` and in the CloudFormation user guide,
"Parameters section" (constraint descriptions).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import validation_error

AWS_TYPES = (
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::Volume::Id",
    "AWS::Route53::HostedZone::Id",
)
PLAIN_TYPES = (
    "String",
    "Number",
    "CommaDelimitedList",
    "List<Number>",
    "List<String>",
    "AWS::SSM::Parameter::Name",
)
SSM_VALUE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
FIELDS = frozenset(
    {
        "AllowedPattern",
        "AllowedValues",
        "ConstraintDescription",
        "Default",
        "Description",
        "MaxLength",
        "MaxValue",
        "MinLength",
        "MinValue",
        "NoEcho",
        "Type",
    }
)


def text(value: Any) -> str:
    """A scalar as CloudFormation writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@dataclass(frozen=True)
class Parameter:
    """A declared parameter. `rules` holds the constraints as the template gives them."""

    name: str
    type: str
    default: str | None
    no_echo: bool
    description: str | None
    rules: dict[str, Any]

    @property
    def ssm_type(self) -> str | None:
        """The type of what Parameter Store holds, when the parameter's value is a name there."""
        match = SSM_VALUE.fullmatch(self.type)
        return match.group(1) if match else None

    @property
    def is_list(self) -> bool:
        """Whether `Ref` gives a list."""
        kind = self.ssm_type or self.type
        return kind == "CommaDelimitedList" or kind.startswith("List<")

    def split(self, value: str) -> str | list[str]:
        """The value that `Ref` gives: text, or for a list type its comma-separated parts."""
        if not self.is_list:
            return value
        return [part.strip() for part in value.split(",")] if value else []

    def check(self, value: str) -> None:
        """Raise AwsError (ValidationError) for a value that the declaration does not allow."""
        parts = self.split(value) if self.ssm_type is None else value
        for part in parts if isinstance(parts, list) else [parts]:
            problem = self._problem(part)
            if problem and "ConstraintDescription" in self.rules:
                description = self.rules["ConstraintDescription"]
                raise validation_error(f"Parameter {self.name} failed to satisfy constraint: {description}")
            if problem:
                raise validation_error(f"Parameter '{self.name}' {problem}")

    def _problem(self, value: str) -> str | None:
        rules = self.rules
        if self.type in ("Number", "List<Number>"):
            try:
                number = float(value)
            except ValueError:
                return "must be a number."
            if "MinValue" in rules and number < float(rules["MinValue"]):
                return f"must be a number not less than {text(rules['MinValue'])}"
            if "MaxValue" in rules and number > float(rules["MaxValue"]):
                return f"must be a number not greater than {text(rules['MaxValue'])}"
        if "AllowedValues" in rules and value not in [text(allowed) for allowed in rules["AllowedValues"]]:
            return "must be one of AllowedValues"
        if "AllowedPattern" in rules and not re.fullmatch(rules["AllowedPattern"], value):
            return f"must match pattern {rules['AllowedPattern']}"
        if "MinLength" in rules and len(value) < int(rules["MinLength"]):
            return f"must contain at least {text(rules['MinLength'])} characters"
        if "MaxLength" in rules and len(value) > int(rules["MaxLength"]):
            return f"must contain at most {text(rules['MaxLength'])} characters"
        return None


@dataclass(frozen=True)
class ParameterValue:
    """A parameter's value as the request gave it, and what `Ref` gives for it."""

    given: str
    value: str | list[str]
    no_echo: bool = False
    resolved: str | None = None  # what Parameter Store held under the given name

    @property
    def shown(self) -> str:
        """The value as `DescribeStacks` may show it."""
        return "****" if self.no_echo else self.given


def declare(name: str, declaration: Any) -> Parameter:
    """Read one declaration. Raises AwsError (ValidationError) when it is malformed."""
    if not re.fullmatch(r"[a-zA-Z0-9]+", name):
        raise validation_error(f"Template format error: Parameter name {name} is non alphanumeric.")
    if not isinstance(declaration, dict):
        raise validation_error("Template format error: Any Parameters member must be an object.")
    for field in declaration:
        if field not in FIELDS:
            raise validation_error(f"Invalid template parameter property '{field}'")
    if "Type" not in declaration:
        raise validation_error("Template format error: Every Parameters object must contain a Type member.")
    kind = str(declaration["Type"])
    _check_type(kind)
    for field in ("Default", "Description", "AllowedPattern", "ConstraintDescription"):
        if isinstance(declaration.get(field), (dict, list)):
            raise validation_error(f"Template format error: Every {field} member must be a string.")
    if not isinstance(declaration.get("AllowedValues", []), list):
        raise validation_error("Template format error: Every AllowedValues member must be a list.")
    default = declaration.get("Default")
    rules = {
        key: declaration[key]
        for key in FIELDS - {"Type", "Default", "NoEcho", "Description"}
        if key in declaration
    }
    parameter = Parameter(
        name,
        kind,
        None if default is None else text(default),
        text(declaration.get("NoEcho", False)).lower() == "true",
        declaration.get("Description"),
        rules,
    )
    if parameter.default is not None:
        parameter.check(parameter.default)
    return parameter


def _check_type(kind: str) -> None:
    inner = SSM_VALUE.fullmatch(kind)
    base = inner.group(1) if inner else kind
    element = base[5:-1] if base.startswith("List<") and base.endswith(">") else base
    if base not in PLAIN_TYPES and element not in AWS_TYPES:
        raise validation_error(f"Template format error: Unrecognized parameter type: {kind}")


def values(
    declared: dict[str, Parameter],
    given: list[dict[str, Any]],
    previous: dict[str, ParameterValue] | None,
    parameter_store: Callable[[list[str]], dict[str, str]],
) -> dict[str, ParameterValue]:
    """The value of each declared parameter: given, kept from before, or the default.

    `previous` is None for a new stack. `parameter_store` looks names up in SSM and leaves out unknown ones.
    Raises AwsError (ValidationError) for missing, unknown or forbidden values.
    """
    chosen = _chosen(declared, given, previous)
    for name, value in chosen.items():
        declared[name].check(value)
    names = [chosen[name] for name, parameter in declared.items() if parameter.ssm_type]
    stored = parameter_store(names) if names else {}
    absent = [name for name in names if name not in stored]
    if absent:
        listed = ", ".join(absent)
        raise validation_error(
            f"Unable to fetch parameters [{listed}] from parameter store for this account."
        )
    result = {}
    for name, parameter in declared.items():
        resolved = stored[chosen[name]] if parameter.ssm_type else None
        final = chosen[name] if resolved is None else resolved
        result[name] = ParameterValue(chosen[name], parameter.split(final), parameter.no_echo, resolved)
    return result


def _chosen(
    declared: dict[str, Parameter], given: list[dict[str, Any]], previous: dict[str, ParameterValue] | None
) -> dict[str, str]:
    keys = [entry.get("ParameterKey", "") for entry in given]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise validation_error(f"Duplicate entries for parameter key(s): [{', '.join(twice)}]")
    unknown = [key for key in keys if key not in declared]
    if unknown:
        raise validation_error(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    chosen: dict[str, str] = {}
    for entry in given:
        key, value = entry["ParameterKey"], entry.get("ParameterValue")
        if entry.get("UsePreviousValue"):
            if value:
                raise validation_error(
                    f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true and "
                    "non empty "
                    "value for a parameter"
                )
            if previous is not None and key in previous:
                chosen[key] = previous[key].given
        elif value is None:
            raise validation_error(
                f"Invalid input for parameter key {key}. Need to specify either usePreviousValue as true "
                "or a "
                "value for the parameter"
            )
        else:
            chosen[key] = value
    for name, parameter in declared.items():
        if name not in chosen and parameter.default is not None:
            chosen[name] = parameter.default
    missing = [name for name in declared if name not in chosen]
    if missing:
        raise validation_error(f"Parameters: [{', '.join(missing)}] must have values")
    return {name: chosen[name] for name in declared}
