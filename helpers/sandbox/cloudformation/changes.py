"""What a deployment would change: the `Changes` of a change set, in AWS's terms.

The same rules decide here and in `updates`; here a value that only the deployment brings to light is unknown.
"""

from __future__ import annotations

import json
from typing import Any

from ..world import World
from .evaluation import Forecast, resolver, with_stack_tags
from .functions import UNKNOWN, Resolver
from .model import Deployment, Resource, Stack
from .references import in_order, references
from .schemas import Schema, schema
from .template import ResourceDeclaration, Template, parse

ATTRIBUTES = {  # a resource's own settings beside its properties: where the record keeps them
    "Metadata": "metadata",
    "DeletionPolicy": "deletion_policy",
    "UpdateReplacePolicy": "update_replace_policy",
}


def changes(world: World, region: str, stack: Stack, deployment: Deployment) -> list[dict[str, Any]]:
    """Each resource that would be added, modified or removed, as DescribeChangeSet lists them."""
    comparison = _Comparison(world, region, stack, deployment)
    return [{"Type": "Resource", "ResourceChange": change} for change in comparison.run()]


def outputs_change(world: World, region: str, stack: Stack, deployment: Deployment) -> bool:
    """Whether the stack's outputs would be other ones, as far as that can be known beforehand."""
    comparison = _Comparison(world, region, stack, deployment)
    comparison.run()
    return comparison.outputs() != [
        (output.name, output.value, output.description, output.export_name) for output in stack.outputs
    ]


class _Comparison:
    def __init__(self, world: World, region: str, stack: Stack, deployment: Deployment) -> None:
        self.region, self.stack, self.deployment = region, stack, deployment
        self.lookups = Forecast(world, region, stack, strict=False)
        self.template: Template = parse(deployment.template)
        self.resolver: Resolver = resolver(world, region, stack, self.template, deployment, self.lookups)
        self.before: Template = parse(stack.deployment.template)
        self.there = {name: one for name, one in stack.resources.items() if one.exists}
        self.changed_parameters = {
            name
            for name, value in deployment.parameters.items()
            if stack.deployment.parameters.get(name) is None
            or stack.deployment.parameters[name].value != value.value
        }

    def run(self) -> list[dict[str, Any]]:
        graph = self.template.dependencies(self.resolver.included, self.resolver.taken)
        found: dict[str, dict[str, Any]] = {}
        for name in in_order(graph):
            change = self._of(self.template.resources[name])
            if change:
                found[name] = change
                if change["Action"] == "Add" or change["Replacement"] == "True":
                    self.lookups.unknown.add(name)
        for name in self.there.keys() - graph.keys():
            found[name] = self._removal(self.there[name])
        return [found[name] for name in sorted(found)]

    def outputs(self) -> list[tuple[str, Any, str | None, Any]]:
        return [
            (
                name,
                self._text(self.resolver.resolve(entry.value)),
                entry.description,
                None if entry.export is None else self._text(self.resolver.resolve(entry.export)),
            )
            for name, entry in self.template.outputs.items()
            if self.resolver.included(entry.condition)
        ]

    def _text(self, value: Any) -> Any:
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _of(self, entry: ResourceDeclaration) -> dict[str, Any] | None:
        kind = schema(entry.type, self.region)
        properties = kind.coerce(self.resolver.resolve(entry.properties))
        old = self.there.get(entry.logical_id)
        base = {"LogicalResourceId": entry.logical_id, "ResourceType": entry.type}
        if old is None:
            after = {"AfterContext": _context(properties)}
            return {"Action": "Add", **base, "Scope": [], "Details": [], **after}
        details = self._property_details(kind, entry, old, properties)
        details += self._tag_details(kind, entry, old, properties)
        details += self._attribute_details(entry, old)
        if not details:
            return None
        needs = {detail["Target"]["RequiresRecreation"] for detail in details}
        replacement = "True" if "Always" in needs else "Conditional" if "Conditionally" in needs else "False"
        change = {
            "Action": "Modify",
            **base,
            "PhysicalResourceId": old.physical_id,
            "Replacement": replacement,
            "Scope": sorted({detail["Target"]["Attribute"] for detail in details}),
            "Details": details,
            "BeforeContext": _context(old.properties),
            "AfterContext": _context(properties),
        }
        if replacement == "True":
            policy = self.resolver.resolve(entry.update_replace_policy)
            change["PolicyAction"] = f"ReplaceAnd{'Retain' if policy == 'Retain' else 'Delete'}"
        return change

    def _removal(self, old: Resource) -> dict[str, Any]:
        retained = old.deletion_policy in ("Retain", "RetainExceptOnCreate")
        return {
            "Action": "Remove",
            "LogicalResourceId": old.logical_id,
            "PhysicalResourceId": old.physical_id,
            "ResourceType": old.type,
            "PolicyAction": "Retain" if retained else "Delete",
            "Scope": [],
            "Details": [],
            "BeforeContext": _context(old.properties),
        }

    def _property_details(
        self, kind: Schema, entry: ResourceDeclaration, old: Resource, properties: dict[str, Any]
    ) -> list[dict[str, Any]]:
        details = []
        previous = self.before.resources.get(entry.logical_id)
        for name in sorted({*old.properties, *properties}):
            before, after = old.properties.get(name), properties.get(name)
            if before == after:
                continue
            target = {
                "Attribute": "Properties",
                "Name": name,
                "RequiresRecreation": kind.recreation(old.properties, properties, name),
                "Path": f"/Properties/{name}",
                "AttributeChangeType": _change_type(before, after),
                **({} if before is None else {"BeforeValue": _shown(before)}),
                **({} if after is None else {"AfterValue": _shown(after)}),
            }
            written = entry.properties.get(name)
            causes = self._causes(written)
            rewritten = previous is None or previous.properties.get(name) != written
            for source, entity in causes:
                details.append(
                    {
                        "Target": target,
                        "Evaluation": "Static",
                        "ChangeSource": source,
                        "CausingEntity": entity,
                    }
                )
            if rewritten or not causes:
                static = _known(after) and not causes
                details.append(
                    {
                        "Target": target,
                        "Evaluation": "Static" if static else "Dynamic",
                        "ChangeSource": "DirectModification",
                    }
                )
            elif any(source == "ParameterReference" for source, _ in causes):
                details.append(
                    {"Target": target, "Evaluation": "Dynamic", "ChangeSource": "DirectModification"}
                )
        return details

    def _causes(self, written: Any) -> list[tuple[str, str]]:
        """What made a property's value another one: a parameter, or another resource that is replaced."""
        found = []
        for mention in references(self.resolver.taken(written)):
            if mention.name in self.changed_parameters:
                found.append(("ParameterReference", mention.name))
            elif mention.name in self.lookups.unknown and mention.attribute is None:
                found.append(("ResourceReference", mention.name))
            elif mention.name in self.lookups.unknown:
                found.append(("ResourceAttribute", f"{mention.name}.{mention.attribute}"))
        return list(dict.fromkeys(found))

    def _tag_details(
        self, kind: Schema, entry: ResourceDeclaration, old: Resource, properties: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """The stack's tags have changed, and the type takes tags."""
        name = kind.tag_property
        if name is None:
            return []
        before = with_stack_tags(kind, self.stack, self.stack.deployment, entry.logical_id, {})
        after = with_stack_tags(kind, self.stack, self.deployment, entry.logical_id, {})
        if before == after:
            return []
        target = {"Attribute": "Tags", "RequiresRecreation": "Never"}
        return [{"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}]

    def _attribute_details(self, entry: ResourceDeclaration, old: Resource) -> list[dict[str, Any]]:
        details = []
        for attribute, field in ATTRIBUTES.items():
            value = getattr(entry, field)
            after = None if value is None else self.resolver.resolve(value)
            if after != getattr(old, field):
                target = {"Attribute": attribute, "RequiresRecreation": "Never"}
                details.append(
                    {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}
                )
        return details


def _known(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_known(item) for item in value.values())
    if isinstance(value, list):
        return all(_known(item) for item in value)
    return value is not UNKNOWN


def _change_type(before: Any, after: Any) -> str:
    if before is None:
        return "Add"
    return "Remove" if after is None else "Modify"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=repr)


def _context(properties: dict[str, Any]) -> str:
    return json.dumps({"Properties": properties}, default=repr)


def brief(change: dict[str, Any]) -> dict[str, Any]:
    """A change without property values, as DescribeChangeSet shows it unless asked for them."""
    inner = {
        key: value
        for key, value in change["ResourceChange"].items()
        if key not in ("BeforeContext", "AfterContext")
    }
    inner["Details"] = [
        {
            **detail,
            "Target": {
                k: detail["Target"][k]
                for k in ("Attribute", "Name", "RequiresRecreation")
                if k in detail["Target"]
            },
        }
        for detail in inner["Details"]
    ]
    return {**change, "ResourceChange": inner}
