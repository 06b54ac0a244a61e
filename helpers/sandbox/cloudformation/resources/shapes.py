"""From CloudFormation's properties to an API's parameters, led by botocore's description of the API.

Both mostly use the same words in another case (`RetentionInDays`, `retentionInDays`) and other forms: a
policy is an object in a template and text in an API, tags are a list of pairs here and a map there. What the
API has no place for is refused rather than dropped.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from ..errors import ResourceFailed
from ..parameters import text


@cache
def members(shape: StructureShape) -> dict[str, str]:
    """The names that an API's structure has, by their lower-case form."""
    return {name.lower(): name for name in shape.members}


def convert(shape: Shape, value: Any, path: str, rename: dict[str, str] | None = None) -> Any:
    """The value in the form of the API's shape. Raises ResourceFailed for what has no place there."""
    if isinstance(shape, StructureShape):
        return _structure(shape, value, path, rename or {})
    if isinstance(shape, ListShape):
        if isinstance(value, dict):
            value = _pairs(shape.member, value)
        items = value if isinstance(value, list) else [value]
        return [convert(shape.member, item, path, rename) for item in items]
    if isinstance(shape, MapShape):
        if isinstance(value, list):
            value = {item["Key"]: item["Value"] for item in value}
        return {str(key): convert(shape.value, item, f"{path}.{key}", rename) for key, item in value.items()}
    return _scalar(shape.type_name, value)


def _structure(shape: StructureShape, value: Any, path: str, rename: dict[str, str]) -> Any:
    if not isinstance(value, dict):
        raise ResourceFailed(f"Value of property {path} must be an object")
    known = members(shape)
    result = {}
    for key, item in value.items():
        name = known.get(rename.get(key, key).lower())
        if name is None:
            raise ResourceFailed(f"The sandbox does not simulate the property {path}.{key}.")
        result[name] = convert(shape.members[name], item, f"{path}.{key}", rename)
    return result


def _pairs(member: Shape, value: dict[str, Any]) -> list[dict[str, Any]]:
    """A map such as tags, as the list of pairs that the API wants; `_structure` finds its spelling."""
    names = members(member) if isinstance(member, StructureShape) else {}
    key = "Key" if "key" in names else "TagKey"
    return [{key: name, key.replace("Key", "Value"): item} for name, item in value.items()]


def _scalar(kind: str, value: Any) -> Any:
    if kind == "string":
        return json.dumps(value) if isinstance(value, (dict, list)) else text(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else text(value).lower() == "true"
    if kind in ("integer", "long"):
        return int(value)
    if kind in ("float", "double"):
        return float(value)
    if kind == "blob" and isinstance(value, str):
        return value.encode()
    return value
