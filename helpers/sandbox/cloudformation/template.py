"""A template: its sections as nouns, and the checks that CloudFormation makes before it accepts one.

Messages: recorded answers of AWS where public ones exist, otherwise as reported by its users. Limits:
CloudFormation user guide, "Understand CloudFormation quotas" (read 2026-11-23).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .errors import validation_error
from .loader import load
from .parameters import Parameter, declare
from .references import (
    PSEUDO_PARAMETERS,
    SUPPORTED_FUNCTIONS,
    functions,
    references,
)

SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
        "Transform",
    }
)
RESOURCE_FIELDS = frozenset(
    {
        "Condition",
        "CreationPolicy",
        "DeletionPolicy",
        "DependsOn",
        "Description",
        "Metadata",
        "Properties",
        "Type",
        "UpdatePolicy",
        "UpdateReplacePolicy",
    }
)
LIMITS = {"Parameters": 200, "Mappings": 200, "Resources": 500, "Outputs": 200}
POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
SUPPORTED = frozenset(name.strip() for name in SUPPORTED_FUNCTIONS.split(","))
IAM_NAMES = {
    "AWS::IAM::AccessKey": None,
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": None,
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": None,
}
"""Types that need CAPABILITY_IAM, and the property whose use needs CAPABILITY_NAMED_IAM."""


@dataclass(frozen=True)
class ResourceDeclaration:
    """One entry of `Resources`, not evaluated."""

    logical_id: str
    type: str
    properties: dict[str, Any]
    depends_on: tuple[str, ...]
    condition: str | None
    metadata: Any
    deletion_policy: Any
    update_replace_policy: Any
    description: str | None


@dataclass(frozen=True)
class OutputDeclaration:
    """One entry of `Outputs`, not evaluated."""

    name: str
    value: Any
    description: str | None
    condition: str | None
    export: Any


@dataclass(frozen=True)
class Template:
    """A template that has passed the checks that need no parameter values."""

    text: str
    description: str | None = None
    parameters: dict[str, Parameter] = field(default_factory=dict)
    mappings: dict[str, Any] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, ResourceDeclaration] = field(default_factory=dict)
    outputs: dict[str, OutputDeclaration] = field(default_factory=dict)
    metadata: Any = None
    version: str | None = None

    def needed_capability(self) -> str | None:
        """`CAPABILITY_NAMED_IAM`, `CAPABILITY_IAM`, or None when the template makes no IAM resource."""
        iam = [resource for resource in self.resources.values() if resource.type in IAM_NAMES]
        if any(IAM_NAMES[resource.type] in resource.properties for resource in iam):
            return "CAPABILITY_NAMED_IAM"
        return "CAPABILITY_IAM" if iam else None

    def dependencies(
        self, included: Callable[[str | None], bool], taken: Callable[[Any], Any]
    ) -> dict[str, set[str]]:
        """What each resource of the stack waits for.

        `included` says whether a condition holds; `taken` cuts the branches of `Fn::If` that are not taken.
        """
        present = {name for name, resource in self.resources.items() if included(resource.condition)}
        return {
            name: {
                needed
                for needed in (
                    *resource.depends_on,
                    *(reference.name for reference in references(taken(resource.properties))),
                )
                if needed in present
            }
            for name, resource in self.resources.items()
            if name in present
        }


@lru_cache(maxsize=64)
def parse(text: str) -> Template:
    """Read and check a template. Raises AwsError (ValidationError) as CloudFormation words it.

    The result is shared by all who ask for the same text: nobody may change it.
    """
    data = load(text)
    unknown = [section for section in data if section not in SECTIONS]
    if unknown:
        raise validation_error(f"Invalid template property or properties [{', '.join(unknown)}]")
    _check_head(data)
    sections = {name: _section(data, name) for name in (*LIMITS, "Conditions", "Rules")}
    if not sections["Resources"]:
        raise validation_error("Template format error: At least one Resources member must be defined.")
    parameters = {name: declare(name, entry) for name, entry in sections["Parameters"].items()}
    _check_mappings(sections["Mappings"])
    resources = {name: _resource(name, entry) for name, entry in sections["Resources"].items()}
    outputs = {name: _output(name, entry) for name, entry in sections["Outputs"].items()}
    template = Template(
        text,
        data.get("Description"),
        parameters,
        sections["Mappings"],
        sections["Conditions"],
        sections["Rules"],
        resources,
        outputs,
        data.get("Metadata"),
        data.get("AWSTemplateFormatVersion"),
    )
    _check_functions(template)
    _check_conditions(template)
    _check_references(template)
    return template


def _check_head(data: dict[str, Any]) -> None:
    version = data.get("AWSTemplateFormatVersion", "2010-09-09")
    if version != "2010-09-09":
        raise validation_error(
            f"Template format error: {version} is not a supported value for AWSTemplateFormatVersion."
        )
    description = data.get("Description", "")
    if not isinstance(description, str):
        raise validation_error("Template format error: Description must be a string.")
    if len(description.encode()) > 1024:
        raise validation_error("Template format error: 'Description' length is greater than 1024.")
    if "Transform" in data:
        names = data["Transform"] if isinstance(data["Transform"], list) else [data["Transform"]]
        listed = ", ".join(str(name.get("Name") if isinstance(name, dict) else name) for name in names)
        raise validation_error(
            f"The sandbox does not run transforms: [{listed}]. AWS CloudFormation would run them on this "
            "template."
        )


def _section(data: dict[str, Any], name: str) -> dict[str, Any]:
    section = data.get(name, {})
    if not isinstance(section, dict):
        raise validation_error(f"Template format error: {name} must be an object.")
    limit = LIMITS.get(name)
    if limit and len(section) > limit:
        raise validation_error(
            f"Template format error: Number of {name.lower()}, {len(section)}, is greater than maximum "
            f"allowed, {limit}"
        )
    return section


def _check_mappings(mappings: dict[str, Any]) -> None:
    for mapping in mappings.values():
        if not isinstance(mapping, dict):
            raise validation_error("Template format error: Every Mappings member must be an object.")
        for key, attributes in mapping.items():
            if not isinstance(attributes, dict):
                raise validation_error(f"Template format error: Every Mappings member {key} must be a map")
            if any(isinstance(value, dict) for value in attributes.values()):
                raise validation_error(
                    "Template format error: Every Mappings attribute must be a String or a List."
                )


def _resource(name: str, entry: Any) -> ResourceDeclaration:
    if not isinstance(entry, dict):
        raise validation_error("Template format error: Any Resources member must be an object.")
    if not re.fullmatch(r"[a-zA-Z0-9]+", name):
        raise validation_error(f"Template format error: Resource name {name} is non alphanumeric.")
    for key in entry:
        if key not in RESOURCE_FIELDS:
            raise validation_error(f"Invalid template resource property '{key}'")
    if not isinstance(entry.get("Type"), str):
        raise validation_error(
            f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        )
    properties = entry.get("Properties", {})
    if not isinstance(properties, dict):
        raise validation_error("Template format error: Every Properties member must be an object.")
    needs = entry.get("DependsOn", [])
    needs = [needs] if isinstance(needs, str) else needs
    if not (isinstance(needs, list) and all(isinstance(item, str) for item in needs)):
        raise validation_error("Template format error: DependsOn must be a string or list of strings.")
    for key in ("DeletionPolicy", "UpdateReplacePolicy"):
        policy = entry.get(key, "Delete")
        if isinstance(policy, str) and policy not in POLICIES:
            raise validation_error(f"Template format error: Unrecognized {key} {policy} for resource {name}")
    return ResourceDeclaration(
        name,
        entry["Type"],
        properties,
        tuple(needs),
        entry.get("Condition"),
        entry.get("Metadata"),
        entry.get("DeletionPolicy", "Delete"),
        entry.get("UpdateReplacePolicy", "Delete"),
        entry.get("Description"),
    )


def _output(name: str, entry: Any) -> OutputDeclaration:
    if not isinstance(entry, dict) or "Value" not in entry:
        raise validation_error("Template format error: Every Outputs member must contain a Value object")
    if not re.fullmatch(r"[a-zA-Z0-9]+", name):
        raise validation_error(f"Template format error: Output name {name} is non alphanumeric.")
    export = entry.get("Export")
    if export is not None and (not isinstance(export, dict) or set(export) != {"Name"}):
        raise validation_error(f"Template format error: Output {name} is malformed. Export must have a Name.")
    return OutputDeclaration(
        name,
        entry["Value"],
        entry.get("Description"),
        entry.get("Condition"),
        export["Name"] if export else None,
    )


def _check_functions(template: Template) -> None:
    parts = [
        *(resource.properties for resource in template.resources.values()),
        *((output.value, output.export) for output in template.outputs.values()),
        *template.conditions.values(),
    ]
    for part in parts:
        for name, _ in functions(list(part) if isinstance(part, tuple) else part):
            if name not in SUPPORTED:
                raise validation_error(
                    f"Template error: Encountered unsupported function: {name} "
                    f"Supported functions are: [{SUPPORTED_FUNCTIONS}]"
                )


def _check_conditions(template: Template) -> None:
    known = template.conditions
    for name, condition in known.items():
        wrong = sorted(
            {mention.name for mention in references(condition)} - set(template.parameters) - PSEUDO_PARAMETERS
        )
        if wrong:
            raise validation_error(
                f"Template format error: Unresolved dependencies [{', '.join(wrong)}]. "
                "Cannot reference resources in the Conditions block of the template"
            )
        for function, argument in functions(condition):
            if function == "Condition" and argument not in known:
                raise validation_error(
                    f"Template format error: Unresolved condition dependency {argument} in the Conditions "
                    "block "
                    "of the template"
                )
        if _leads_back(name, known, ()):
            raise validation_error("Template format error: Circular dependencies for the condition " + name)
    for block, entries in (("Resources", template.resources), ("Outputs", template.outputs)):
        for entry in entries.values():
            if entry.condition is not None and entry.condition not in known:
                raise validation_error(
                    f"Template format error: Unresolved condition dependency {entry.condition} in the "
                    f"{block} "
                    "block of the template"
                )


def _leads_back(name: str, conditions: dict[str, Any], path: tuple[str, ...]) -> bool:
    if name in path:
        return True
    needed = [argument for function, argument in functions(conditions[name]) if function == "Condition"]
    return any(_leads_back(item, conditions, (*path, name)) for item in needed if item in conditions)


def _check_references(template: Template) -> None:
    known = set(template.parameters) | PSEUDO_PARAMETERS | set(template.resources)
    in_resources = [
        (f"/Resources/{name}/Properties", resource.properties)
        for name, resource in template.resources.items()
    ]
    in_outputs = [(f"/Outputs/{name}/Value", output.value) for name, output in template.outputs.items()]
    missing = {needed for resource in template.resources.values() for needed in resource.depends_on} - set(
        template.resources
    )
    _check_names("Resources", in_resources, known, missing, set(template.resources))
    _check_names("Outputs", in_outputs, known, set(), set(template.resources))
    for name, output in template.outputs.items():
        outside = [mention for mention in references(output.export) if mention.name in template.resources]
        calls = {function for function, _ in functions(output.export)}
        if outside or calls & {"Fn::ImportValue", "Fn::GetAZs", "Fn::GetAtt"}:
            raise validation_error(
                f"Template format error: Output {name} is malformed.  The Name field of Export must not "
                "depend on "
                "any resources, imported values, or Fn::GetAZs."
            )


def _check_names(
    block: str, places: list[tuple[str, Any]], known: set[str], missing: set[str], resources: set[str]
) -> None:
    for path, value in places:
        for mention in references(value, path):
            if mention.attribute is not None and mention.name not in resources:
                if mention.function == "Fn::Sub":
                    raise validation_error(
                        "Template error: instance of Fn::Sub references invalid resource attribute "
                        f"{mention.name}.{mention.attribute}"
                    )
                raise validation_error(
                    f"Template error: instance of Fn::GetAtt references undefined resource {mention.name}"
                )
            if mention.name not in known:
                missing.add(mention.name)
    if missing:
        raise validation_error(
            f"Template format error: Unresolved resource dependencies [{', '.join(sorted(missing))}] in the "
            f"{block} block of the template"
        )
