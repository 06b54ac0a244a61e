"""Lengths, patterns and allowed values of parameters, as botocore's description of the API gives them.

botocore itself checks only types and required members before it sends a request; AWS checks the rest and
answers ValidationException, and so does this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from botocore.model import Shape

from ..service import AwsError


def check(shape: Shape, params: dict[str, Any]) -> None:
    """Raise ValidationException, worded as AWS words it, unless the parameters fit the shape."""
    found = list(_problems(shape, params, ""))
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise AwsError("ValidationException", f"{count}: {'; '.join(found)}")


def _problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _problems(member, value[name], f"{path}.{name}".lstrip("."))
    elif shape.type_name == "list":
        yield from _complaint(_lengths(shape, len(value)), value, path)
        for index, item in enumerate(value, 1):
            yield from _problems(shape.member, item, f"{path}.{index}.member")
    elif shape.type_name == "map":
        for part, kind in (("key", shape.key), ("value", shape.value)):
            items = value.keys() if part == "key" else value.values()
            if kind.type_name == "string" and any(_string_broken(kind, item) for item in items):
                rules = ", ".join(reversed(_string_rules(kind)))
                yield from _complaint(f"Map {part} must satisfy constraint: [{rules}]", value, path)
    elif shape.type_name == "string":
        yield from _complaint(_string_broken(shape, value), value, path)
    elif shape.type_name in ("integer", "long"):
        yield from _complaint(_range(shape, value), value, path)


def _complaint(rule: str | None, value: Any, path: str) -> Iterator[str]:
    if rule:
        yield f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: {rule}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={inner}" for key, inner in value.items()) + "}"
    return str(value)


def _lengths(shape: Shape, length: int) -> str | None:
    if length < shape.metadata.get("min", 0):
        return f"Member must have length greater than or equal to {shape.metadata['min']}"
    if length > shape.metadata.get("max", length):
        return f"Member must have length less than or equal to {shape.metadata['max']}"
    return None


def _range(shape: Shape, value: int) -> str | None:
    if value < shape.metadata.get("min", value):
        return f"Member must have value greater than or equal to {shape.metadata['min']}"
    if value > shape.metadata.get("max", value):
        return f"Member must have value less than or equal to {shape.metadata['max']}"
    return None


def _string_broken(shape: Shape, value: str) -> str | None:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        return f"Member must satisfy enum value set: [{', '.join(allowed)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value, re.DOTALL):
        return f"Member must satisfy regular expression pattern: {pattern}"
    return _lengths(shape, len(value))


def _string_rules(shape: Shape) -> list[str]:
    rules = []
    if "min" in shape.metadata:
        rules.append(f"Member must have length greater than or equal to {shape.metadata['min']}")
    if "max" in shape.metadata:
        rules.append(f"Member must have length less than or equal to {shape.metadata['max']}")
    if "pattern" in shape.metadata:
        rules.append(f"Member must satisfy regular expression pattern: {shape.metadata['pattern']}")
    return rules
