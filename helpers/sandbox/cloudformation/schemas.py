"""What AWS says about each resource type: the resource schemas that cfn-lint brings along, read as JSON.

They tell which properties exist and are required, which cannot change without a new resource
(`createOnlyProperties`), which attributes `Fn::GetAtt` gives (`readOnlyProperties`), how a type takes tags.
"""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from .functions import UNKNOWN
from .parameters import text

PROPERTIES_AS_ATTRIBUTES = frozenset(
    {
        "AWS::EC2::Instance",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
        "AWS::Events::EventBus",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SSM::Parameter",
        "AWS::StepFunctions::Activity",
    }
)
"""Types whose `Fn::GetAtt` also gives what the template itself sets (the list is cfn-lint's)."""

FOUND = {
    dict: "JSONObject",
    list: "JSONArray",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "Double",
}


@lru_cache
def _folder() -> Path:
    spec = importlib.util.find_spec("cfnlint")  # found, not imported: importing it takes seconds
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("cfn-lint is not installed: its resource schemas are needed")
    return Path(spec.submodule_search_locations[0]) / "data" / "schemas"


@lru_cache
def _index(region: str) -> dict[str, str]:
    path = _folder() / "providers" / f"{region}.json"
    if not path.exists():
        path = path.with_name("us-east-1.json")
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def _read(digest: str) -> Schema:
    return Schema(json.loads((_folder() / "resources" / f"{digest}.json").read_text(encoding="utf-8")))


def exists(type_name: str, region: str) -> bool:
    """Whether CloudFormation in the region has the resource type."""
    if type_name.startswith("Custom::"):
        return True
    return type_name in _index(region)


def schema(type_name: str, region: str) -> Schema:
    """The schema of a type that exists."""
    return _read(_index(region)[type_name])


@dataclass(frozen=True)
class Schema:
    """One resource type as AWS describes it."""

    raw: dict[str, Any]

    @cached_property
    def properties(self) -> dict[str, Any]:
        """Every property, by name."""
        return self.raw.get("properties", {})

    @cached_property
    def legacy(self) -> bool:
        """Whether the type predates resource handlers; its messages are worded differently."""
        return "handlers" not in self.raw

    @cached_property
    def read_only(self) -> frozenset[str]:
        """Attributes that only AWS sets, nested ones with dots."""
        return frozenset(_names(self.raw.get("readOnlyProperties", [])))

    @cached_property
    def attributes(self) -> frozenset[str]:
        """What `Fn::GetAtt` may ask for."""
        if self.raw["typeName"] in PROPERTIES_AS_ATTRIBUTES:
            return self.read_only | set(self.properties)
        return self.read_only

    @cached_property
    def create_only(self) -> tuple[str, ...]:
        """Properties (nested ones with dots) whose change needs a new resource."""
        return tuple(_names(self.raw.get("createOnlyProperties", [])))

    @cached_property
    def perhaps_create_only(self) -> tuple[str, ...]:
        """Properties whose change needs a new resource under some conditions."""
        return tuple(_names(self.raw.get("conditionalCreateOnlyProperties", [])))

    @cached_property
    def identifier(self) -> tuple[str, ...]:
        """The properties that together identify a resource of the type."""
        return tuple(_names(self.raw.get("primaryIdentifier", [])))

    @property
    def delete_first(self) -> bool:
        """Whether a replacement is made only after the old resource is gone."""
        return self.raw.get("replacementStrategy") == "delete_then_create"

    @cached_property
    def tag_property(self) -> str | None:
        """The property that holds the tags, if the type takes any."""
        tagging = self.raw.get("tagging", {})
        if tagging.get("taggable", "Tags" in self.properties and "tagging" not in self.raw):
            return tagging.get("tagProperty", "/properties/Tags").rpartition("/")[2]
        return None

    @cached_property
    def system_tags(self) -> bool:
        """Whether CloudFormation adds its own `aws:cloudformation:` tags."""
        return bool(self.raw.get("tagging", {}).get("cloudFormationSystemTags"))

    def recreation(self, old: dict[str, Any], new: dict[str, Any], name: str) -> str:
        """Whether changing a property needs a new resource: Always, Conditionally or Never."""
        for answer, paths in (("Always", self.create_only), ("Conditionally", self.perhaps_create_only)):
            for path in paths:
                if path.split(".")[0] == name and _at(old, path) != _at(new, path):
                    return answer
        return "Never"

    def with_tags(self, properties: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
        """The properties with the stack's tags added; a tag that the template sets itself wins."""
        if not self.tag_property or not tags:
            return properties
        own = properties.get(self.tag_property)
        if self._resolve(self.properties.get(self.tag_property, {})).get("type") == "object":
            return {**properties, self.tag_property: {**tags, **(own or {})}}
        own = own or []
        keys = {tag.get("Key") for tag in own if isinstance(tag, dict)}
        added = [{"Key": key, "Value": value} for key, value in tags.items() if key not in keys]
        return {**properties, self.tag_property: [*own, *added]}

    def coerce(self, properties: dict[str, Any]) -> dict[str, Any]:
        """The properties with texts, numbers and booleans turned into what the schema asks for."""
        return _coerced(self, properties, {"type": "object", "properties": self.properties})

    def problems(self, properties: dict[str, Any]) -> list[tuple[str, str]]:
        """What is wrong with the properties: pairs of path and message, worded as CloudFormation does."""
        found: list[tuple[str, str]] = []
        settable = {name: spec for name, spec in self.properties.items() if name not in self.read_only}
        top = {
            "type": "object",
            "properties": settable,
            "required": self.raw.get("required", []),
            "additionalProperties": False,
        }
        _check(self, properties, top, "#", found)
        return found

    def _resolve(self, spec: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in spec:
            target: Any = self.raw
            for part in spec["$ref"].lstrip("#/").split("/"):
                target = target[part]
            spec = target
        return spec


def _names(pointers: list[str]) -> list[str]:
    return [pointer.removeprefix("/properties/").replace("/", ".") for pointer in pointers]


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _coerced(schema: Schema, value: Any, spec: dict[str, Any]) -> Any:
    spec = schema._resolve(spec)
    kind = spec.get("type")
    if isinstance(value, dict) and "properties" in spec:
        return {key: _coerced(schema, item, spec["properties"].get(key, {})) for key, item in value.items()}
    if isinstance(value, dict) and kind == "object" and spec.get("patternProperties"):
        inner = next(iter(spec["patternProperties"].values()))
        return {key: _coerced(schema, item, inner) for key, item in value.items()}
    if isinstance(value, list) and "items" in spec:
        return [_coerced(schema, item, spec["items"]) for item in value]
    if kind == "array" and isinstance(value, (str, int, float)) and "items" in spec:
        return [_coerced(schema, value, spec["items"])]  # CloudFormation takes one value for a list of one
    if kind == "string" and isinstance(value, (bool, int, float)):
        return text(value)
    if isinstance(value, str):
        if kind == "boolean" and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if kind in ("integer", "number") and re.fullmatch(r"[+-]?\d+", value.strip()):
            return int(value)
        if kind == "number" and re.fullmatch(r"[+-]?\d*\.\d+", value.strip()):
            return float(value)
    return value


def _check(schema: Schema, value: Any, spec: dict[str, Any], path: str, found: list[tuple[str, str]]) -> None:
    spec = schema._resolve(spec)
    if value is UNKNOWN:
        return
    kind = spec.get("type")
    kinds = kind if isinstance(kind, list) else [kind] if kind else []
    if kinds and not any(_is(value, name) for name in kinds):
        wanted = kinds[0].capitalize().replace("Object", "JSONObject").replace("Array", "JSONArray")
        message = f"{path}: expected type: {wanted}, found: {FOUND.get(type(value), 'Null')}"
        name = path.rpartition("/")[2]
        found.append(
            (path, f"Value of property {name} must be of type {wanted}" if schema.legacy else message)
        )
        return
    if isinstance(value, dict):
        _check_object(schema, value, spec, path, found)
    elif isinstance(value, list):
        if len(value) < spec.get("minItems", 0):
            found.append(
                (path, f"{path}: expected minimum item count: {spec['minItems']}, found: {len(value)}")
            )
        if len(value) > spec.get("maxItems", len(value)):
            found.append(
                (path, f"{path}: expected maximum item count: {spec['maxItems']}, found: {len(value)}")
            )
        for index, item in enumerate(value):
            _check(schema, item, spec.get("items", {}), f"{path}/{index}", found)
    else:
        _check_scalar(value, spec, path, found)


def _check_object(
    schema: Schema, value: dict[str, Any], spec: dict[str, Any], path: str, found: list[tuple[str, str]]
) -> None:
    properties = spec.get("properties", {})
    for key in spec.get("required", []):
        if key not in value:
            message = (
                f"Property {key} cannot be empty."
                if schema.legacy
                else f"{path}: required key [{key}] not found"
            )
            found.append((path, message))
    for key, item in value.items():
        if key in properties:
            _check(schema, item, properties[key], f"{path}/{key}", found)
        elif spec.get("additionalProperties") is False and not spec.get("patternProperties"):
            message = f"{path}: extraneous key [{key}] is not permitted"
            found.append((path, f"Encountered unsupported property {key}" if schema.legacy else message))


def _check_scalar(value: Any, spec: dict[str, Any], path: str, found: list[tuple[str, str]]) -> None:
    if "enum" in spec and value not in spec["enum"]:
        found.append((path, f"{path}: {text(value)} is not a valid enum value"))
    if isinstance(value, str):
        if len(value) < spec.get("minLength", 0):
            found.append((path, f"{path}: expected minLength: {spec['minLength']}, actual: {len(value)}"))
        if len(value) > spec.get("maxLength", len(value)):
            found.append((path, f"{path}: expected maxLength: {spec['maxLength']}, actual: {len(value)}"))
        if "pattern" in spec and not _matches(spec["pattern"], value):
            found.append((path, f"{path}: failed validation constraint for keyword [pattern]"))
    elif not isinstance(value, bool) and isinstance(value, (int, float)):
        if value < spec.get("minimum", value):
            found.append((path, f"{path}: {value} is not greater or equal to {spec['minimum']}"))
        if value > spec.get("maximum", value):
            found.append((path, f"{path}: {value} is not less or equal to {spec['maximum']}"))


def _is(value: Any, kind: str) -> bool:
    if kind == "object":
        return isinstance(value, dict)
    if kind == "array":
        return isinstance(value, list)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "number"):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, str)


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None  # written for another engine, as with \p{L}: not checked


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(value) is not None
