"""From a template's text to plain dicts and lists, functions in their long form.

YAML is read as CloudFormation reads it: version 1.1, but dates stay text (`2012-10-17`), keys are always
text, aliases are refused, and of a key given twice the last counts. A text that begins with `{` is JSON.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from .errors import validation_error

_Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
BARE_FUNCTIONS = ("Ref", "Condition")


class _Loader(_Base):
    """PyYAML's safe loader with CloudFormation's tags and without dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
        result[key.value] = loader.construct_object(value, deep=True)
    return result


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """`!Sub x` is `Fn::Sub: x`; `!GetAtt a.b` is `Fn::GetAtt: [a, b]`."""
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = _mapping(loader, node)
    return {suffix if suffix in BARE_FUNCTIONS else f"Fn::{suffix}": value}


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_multi_constructor("!", _function)


def load(text: str) -> dict[str, Any]:
    """The template as plain data. Raises AwsError (ValidationError) for text that is no such object."""
    data = _load_json(text) if text.lstrip().startswith("{") else _load_yaml(text)
    if not isinstance(data, dict):
        raise validation_error("Template format error: unsupported structure.")
    return _normalised(data, "")


def _load_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"(line {error.lineno}, column {error.colno})"
        raise validation_error(f"Template format error: JSON not well-formed. {place}") from error


def _load_yaml(text: str) -> Any:
    try:
        if "*" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, _Base)):
            raise validation_error("Template error: YAML aliases are not allowed in CloudFormation templates")
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise validation_error(f"Template format error: YAML not well-formed.{place}") from error


def _normalised(value: Any, path: str) -> Any:
    """`Fn::GetAtt: a.b` as a pair, and no null anywhere: AWS refuses it."""
    if value is None:
        raise validation_error(f"[{path or '/'}] 'null' values are not allowed in templates")
    if isinstance(value, list):
        return [_normalised(item, f"{path}/{index}") for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    result = {key: _normalised(item, f"{path}/{key}") for key, item in value.items()}
    if set(result) == {"Fn::GetAtt"} and isinstance(result["Fn::GetAtt"], str):
        result["Fn::GetAtt"] = result["Fn::GetAtt"].split(".", 1)
    return result
