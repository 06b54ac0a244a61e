"""What refers to what in a template: which names a value mentions, and the order that follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .errors import validation_error

SUPPORTED_FUNCTIONS = (
    "Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, "
    "Ref, "
    "Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, "
    "Fn::EachMemberIn, Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr"
)
PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in (
        "AccountId",
        "NoValue",
        "NotificationARNs",
        "Partition",
        "Region",
        "StackId",
        "StackName",
        "URLSuffix",
    )
)
VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
GET_ATT_FORM = (
    "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
    "resource attribute"
)
SUB_FORM = (
    "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a "
    "string "
    "as first argument, and an optional second argument to specify a mapping of values to replace in the "
    "string"
)
SUB_NAMES = (
    "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, "
    "underscores, "
    "periods, and colons"
)


@dataclass(frozen=True)
class Reference:
    """A mention of a name: by `Ref` (no attribute), `Fn::GetAtt` or inside `Fn::Sub`."""

    name: str
    attribute: str | None
    function: str
    path: str


def function_of(value: Any) -> str | None:
    """The function that a value calls: `Ref`, `Condition` or `Fn::…`; None for plain data."""
    if isinstance(value, dict) and len(value) == 1:
        (key,) = value
        if key.startswith("Fn::") or key == "Ref" or (key == "Condition" and isinstance(value[key], str)):
            return key
    return None


def sub_parts(argument: Any) -> tuple[str, dict[str, Any]]:
    """The text of an `Fn::Sub` and its own variables."""
    text, variables = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
    if not isinstance(text, str) or not isinstance(variables, dict):
        raise validation_error(SUB_FORM)
    return text, variables


def references(value: Any, path: str = "") -> Iterator[Reference]:
    """Every mention of a parameter, pseudo parameter or resource in a value, `Fn::If` branches included."""
    function = function_of(value)
    if function == "Ref":
        if not isinstance(value["Ref"], str):
            raise validation_error("Template error: every Ref object must have a single String value.")
        yield Reference(value["Ref"], None, "Ref", path)
    elif function == "Fn::GetAtt":
        yield _get_att(value["Fn::GetAtt"], f"{path}/Fn::GetAtt")
    elif function == "Fn::Sub":
        text, variables = sub_parts(value["Fn::Sub"])
        for match in VARIABLE.finditer(text):
            yield from _variable(match.group(1), variables, f"{path}/Fn::Sub")
        yield from references(variables, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(item, f"{path}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, f"{path}/{index}")


def _get_att(argument: Any, path: str) -> Reference:
    if not (
        isinstance(argument, list) and len(argument) >= 2 and isinstance(argument[0], str) and argument[0]
    ):
        raise validation_error(GET_ATT_FORM)
    parts = argument[1:]
    attribute = ".".join(parts) if all(isinstance(part, str) and part for part in parts) else None
    if attribute is None and function_of(parts[0]) is None:
        raise validation_error(GET_ATT_FORM)
    return Reference(argument[0], attribute, "Fn::GetAtt", path)


def _variable(name: str, variables: dict[str, Any], path: str) -> Iterator[Reference]:
    if not re.fullmatch(r"[\w.:]+", name):
        raise validation_error(SUB_NAMES)
    if name not in variables:
        base, _, attribute = name.partition(".")
        yield Reference(base, attribute or None, "Fn::Sub", path)


def functions(value: Any) -> Iterator[tuple[str, Any]]:
    """Every function call in a value, outermost first, with its argument."""
    function = function_of(value)
    if function:
        yield function, value[function]
    if isinstance(value, dict):
        for item in value.values():
            yield from functions(item)
    elif isinstance(value, list):
        for item in value:
            yield from functions(item)


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The names that depend on one another in a circle, or an empty list."""
    left = {name: set(needs) & set(graph) for name, needs in graph.items()}
    while True:
        free = [name for name, needs in left.items() if not needs]
        if not free:
            break
        for name in free:
            del left[name]
        for needs in left.values():
            needs.difference_update(free)
    while True:  # what is left also holds those who merely wait for the circle: nobody in it waits for them
        unneeded = [name for name in left if not any(name in needs for needs in left.values())]
        if not unneeded:
            return list(left)
        for name in unneeded:
            del left[name]


def in_order(graph: dict[str, set[str]]) -> list[str]:
    """The names so that each comes after what it depends on; otherwise in the order of the template."""
    done: list[str] = []
    placed: set[str] = set()
    while len(done) < len(graph):
        ready = [
            name for name, needs in graph.items() if name not in placed and not (needs & set(graph)) - placed
        ]
        if not ready:
            raise ValueError("the dependencies are circular")
        done += ready
        placed.update(ready)
    return done
