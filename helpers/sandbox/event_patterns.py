"""EventBridge event patterns: which events a rule is for.

Written after "Amazon EventBridge event patterns" and "Comparison operators for use in event patterns" in the
EventBridge user guide, and what EventBridge was seen to answer where the guide is silent (LocalStack's tests
that are marked as validated against AWS; cdk-preflight's measurements of 2026-09-07). Read 2026-11-23.
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable
from typing import Any

MAX_COMBINATIONS = 1000
ABSENT = object()
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


class PatternInvalid(ValueError):
    """A pattern that EventBridge refuses; the message is its reason."""


def parse(text: str) -> dict[str, Any]:
    """A pattern from its JSON text. Raises PatternInvalid."""
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise PatternInvalid("Invalid JSON") from error
    if not isinstance(pattern, dict):
        raise PatternInvalid("Filter is not an object")
    if _check_object(pattern) > MAX_COMBINATIONS:
        raise PatternInvalid("Rule is too complex - try using fewer $or conditions")
    return pattern


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether a pattern, as `parse` gives it, fits an event."""
    return all(
        any(matches(choice, event) for choice in wanted)
        if _is_or(name, wanted)
        else _fits(wanted, _find(event, name))
        for name, wanted in pattern.items()
    )


def _is_or(name: str, value: Any) -> bool:
    return name == "$or" and isinstance(value, list) and all(isinstance(choice, dict) for choice in value)


def _find(event: Any, name: str) -> Any:
    """The value at a name. Fields within fields and names with dots are the same to EventBridge."""
    if not isinstance(event, dict):
        return ABSENT
    if name in event:
        return event[name]
    for position in (found.start() for found in re.finditer(r"\.", name)):
        inner = _find(event.get(name[:position]), name[position + 1 :])
        if inner is not ABSENT:
            return inner
    below = {key[len(name) + 1 :]: value for key, value in event.items() if key.startswith(f"{name}.")}
    return below or ABSENT


def _fits(wanted: dict | list, value: Any) -> bool:
    if isinstance(wanted, dict):
        if isinstance(value, list):  # one element must fit the whole of the nested pattern
            return any(_fits(wanted, element) for element in value)
        return matches(wanted, value)
    leaves = _leaves(value)
    return any(_fits_one(choice, leaves) for choice in wanted)


def _leaves(value: Any) -> list[Any]:
    """The values that a field has: an array has those of its elements; an object is no value, nor is []."""
    if value is ABSENT or isinstance(value, dict):
        return []
    if isinstance(value, list):
        return [leaf for element in value for leaf in _leaves(element)]
    return [value]


def _fits_one(choice: Any, leaves: list[Any]) -> bool:
    if not isinstance(choice, dict):
        return any(_same(choice, leaf) for leaf in leaves)
    (name, wanted), *_ = choice.items()
    if name == "exists":
        return bool(leaves) == wanted
    return any(_MATCHERS[name](wanted, leaf) for leaf in leaves)


def _same(wanted: Any, value: Any) -> bool:
    """Equal as JSON values: 300 is 300.0, but 1 is not true, nor "1"."""
    return (type(wanted) is type(value) or (_is_number(wanted) and _is_number(value))) and wanted == value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """A comparison of texts that also takes {"equals-ignore-case": text}."""

    def compare(wanted: Any, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(wanted, dict):
            return test(value.lower(), wanted["equals-ignore-case"].lower())
        return test(value, wanted)

    return compare


def _wildcard(wanted: str, value: Any) -> bool:
    parts = re.split(r"(\\[\\*]|\*)", wanted)
    expression = "".join(
        ".*" if part == "*" else re.escape(part[1:] if part[:1] == "\\" else part) for part in parts
    )
    return isinstance(value, str) and re.fullmatch(expression, value, re.DOTALL) is not None


def _numeric(wanted: list[Any], value: Any) -> bool:
    pairs = zip(wanted[::2], wanted[1::2], strict=True)
    return _is_number(value) and all(_COMPARE[sign](value, bound) for sign, bound in pairs)


def _cidr(wanted: str, value: Any) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _anything_but(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, dict):
        ((name, inner),) = wanted.items()
        return not any(_MATCHERS[name](one, value) for one in _each(inner))
    return not any(_same(one, value) for one in _each(wanted))


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_MATCHERS: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": _text(str.startswith),
    "suffix": _text(str.endswith),
    "equals-ignore-case": lambda wanted, value: isinstance(value, str) and value.lower() == wanted.lower(),
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}


# What EventBridge accepts ---------------------------------------------------------------------------------


def _check_object(pattern: dict[str, Any]) -> int:
    """Check a pattern; the number of combinations that its $or make of it."""
    if not pattern:
        raise PatternInvalid("Empty objects are not allowed")
    combinations = 1
    for name, wanted in pattern.items():
        if _is_or(name, wanted) and len(wanted) > 1:
            combinations *= sum(_check_object(choice) for choice in wanted)
        elif isinstance(wanted, dict):
            combinations *= _check_object(wanted)
        elif isinstance(wanted, list):
            _check_choices(wanted)
        else:
            raise PatternInvalid(f'"{name}" must be an object or an array')
    return combinations


def _check_choices(choices: list[Any]) -> None:
    if not choices:
        raise PatternInvalid("Empty arrays are not allowed")
    for choice in choices:
        if isinstance(choice, list):
            raise PatternInvalid("Match value must be String, number, true, false, or null")
        if isinstance(choice, dict):
            if len(choice) != 1:
                raise PatternInvalid("Only one key allowed in match expression")
            ((name, wanted),) = choice.items()
            if name not in (*_MATCHERS, "exists"):
                raise PatternInvalid(f"Unrecognized match type {name}")
            _check_matcher(name, wanted)


def _check_matcher(name: str, wanted: Any) -> None:
    if name == "exists":
        if not isinstance(wanted, bool):
            raise PatternInvalid("exists match pattern must be either true or false.")
    elif name == "numeric":
        _check_numeric(wanted)
    elif name == "cidr":
        _check_cidr(wanted)
    elif name == "anything-but":
        _check_anything_but(wanted)
    elif isinstance(wanted, dict) and name in ("prefix", "suffix"):
        if list(wanted) != ["equals-ignore-case"] or not isinstance(wanted["equals-ignore-case"], str):
            raise PatternInvalid(f"Unsupported {name} pattern: {next(iter(wanted), '')}")
    elif not isinstance(wanted, str):
        raise PatternInvalid(f"{name} match pattern must be a string")
    elif name == "wildcard":
        _check_wildcard(wanted)


def _check_wildcard(wanted: str) -> None:
    """EventBridge also refuses wildcards that would take it too long; which those are is not known here."""
    twice = re.search(r"(?<!\\)(?:\\\\)*(\*\*)", wanted)
    if twice:
        raise PatternInvalid(f"Consecutive wildcard characters at pos {twice.start(1) + 1}")


def _check_numeric(wanted: Any) -> None:
    if not isinstance(wanted, list) or not wanted:
        raise PatternInvalid("Value of numeric must be an array.")
    for sign, *bound in (wanted[place : place + 2] for place in range(0, len(wanted), 2)):
        if sign not in _COMPARE:
            raise PatternInvalid(f"Unrecognized numeric range operator: {sign}")
        if not bound or not _is_number(bound[0]):
            raise PatternInvalid(f"Value of {sign} must be numeric")
    signs = wanted[::2]
    if len(signs) > 1 and (signs[0] not in (">", ">=") or signs[1] not in ("<", "<=")):
        raise PatternInvalid(f"Bad numeric range operator: {signs[1]}")
    if len(signs) > 2:
        raise PatternInvalid("Too many elements in numeric expression")


def _check_cidr(wanted: Any) -> None:
    if not isinstance(wanted, str):
        raise PatternInvalid("prefix match pattern must be a string")
    address, _, bits = wanted.partition("/")
    if wanted.count("/") != 1:
        raise PatternInvalid("Malformed CIDR, one '/' required")
    if not bits.isdecimal():
        raise PatternInvalid("Malformed CIDR, mask bits must be an integer")
    try:
        ipaddress.ip_network(wanted, strict=False)
    except ValueError as error:
        raise PatternInvalid(f"Nonstandard IP address: {address}") from error


def _check_anything_but(wanted: Any) -> None:
    if isinstance(wanted, dict):
        if len(wanted) != 1:
            raise PatternInvalid("Only one key allowed in match expression")
        _check_anything_but_matcher(*wanted.items())
        return
    values = _each(wanted)
    if not isinstance(wanted, list) and not (isinstance(wanted, str) or _is_number(wanted)):
        raise PatternInvalid("Value of anything-but must be an array or single string/number value.")
    if not values or not all(isinstance(one, str) or _is_number(one) for one in values):
        raise PatternInvalid("Inside anything but list, start|null|boolean is not supported.")
    if len({isinstance(one, str) for one in values}) > 1:
        raise PatternInvalid(
            "Inside anything but list, either all values are number or string, mixed type is not supported"
        )


_NOT_ALL_TEXT = {
    "wildcard": "wildcard match pattern must be a string",
    "equals-ignore-case": (
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
    ),
}


def _check_anything_but_matcher(item: tuple[str, Any]) -> None:
    name, inner = item
    if name not in ("prefix", "suffix", "wildcard", "equals-ignore-case"):
        raise PatternInvalid(f"Unsupported anything-but pattern: {name}")
    if isinstance(inner, dict) or inner == []:
        raise PatternInvalid("Value of anything-but must be an array or single string/number value.")
    if not all(isinstance(one, str) for one in _each(inner)):
        raise PatternInvalid(_NOT_ALL_TEXT.get(name, "prefix/suffix match pattern must be a string"))
    if name in ("prefix", "suffix") and "" in _each(inner):
        raise PatternInvalid("Null prefix/suffix not allowed")
    if name == "wildcard":
        for one in _each(inner):
            _check_wildcard(one)
