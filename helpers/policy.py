"""IAM's evaluation logic, without the rest of IAM: do these statements allow this request?

Written after the IAM user guide, "Policy evaluation logic" and "Condition operators"
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and
.../reference_policies_elements_condition_operators.html). Pure functions: nothing here knows the sandbox.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY = "allowed", "explicitDeny", "implicitDeny"


@dataclass(frozen=True)
class Request:
    """What somebody wants to do: an action on a resource, with the condition keys AWS would fill in.

    `context` maps condition keys (`aws:SourceAccount`) to a string or a list of strings. `principal` holds
    the identities that a `Principal` element may name: ARNs, account numbers, or a service
    (`ecs-tasks.amazonaws.com`).
    """

    action: str
    resource: str = "*"
    context: Mapping[str, str | list[str]] = field(default_factory=dict)
    principal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """The answer, and the statement that decided (None for an implicit deny)."""

    result: str
    statement: Mapping[str, Any] | None = None

    @property
    def allowed(self) -> bool:
        return self.result == ALLOWED


def statements(document: str | Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The statements of a policy document, given as JSON text or parsed."""
    if not document:
        return []
    parsed = json.loads(document) if isinstance(document, str) else document
    return _list(parsed.get("Statement"))


def evaluate(policy: Iterable[Mapping[str, Any]], request: Request, resource_based: bool = False) -> Decision:
    """An explicit deny wins; otherwise one allow is enough; otherwise the request is implicitly denied.

    With `resource_based` a statement must also name the principal.
    """
    allowing = None
    for statement in policy:
        if not _applies(statement, request, resource_based):
            continue
        if statement.get("Effect") == "Deny":
            return Decision(EXPLICIT_DENY, statement)
        allowing = allowing or statement
    return Decision(ALLOWED, allowing) if allowing else Decision(IMPLICIT_DENY)


def _applies(statement: Mapping[str, Any], request: Request, resource_based: bool) -> bool:
    if resource_based and not _principal_matches(statement, request):
        return False
    if "Action" in statement and not _any_glob(_list(statement["Action"]), request.action, ignore_case=True):
        return False
    if "NotAction" in statement and _any_glob(
        _list(statement["NotAction"]), request.action, ignore_case=True
    ):
        return False
    context = {key.lower(): value for key, value in request.context.items()}
    if "Resource" in statement and not _any_glob(_filled(statement["Resource"], context), request.resource):
        return False
    if "NotResource" in statement and _any_glob(_filled(statement["NotResource"], context), request.resource):
        return False
    return all(
        _condition_holds(operator, key, _filled(wanted, context), context.get(key.lower()))
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, wanted in keys.items()
    )


def _principal_matches(statement: Mapping[str, Any], request: Request) -> bool:
    if "NotPrincipal" in statement:
        return not _named(statement["NotPrincipal"], request)
    return _named(statement.get("Principal"), request)


def _named(principal: Any, request: Request) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    for kind, names in principal.items():
        for name in _list(names):
            if name == "*" and kind == "AWS":
                return True
            if name in request.principal:
                return True
            root = re.fullmatch(r"arn:[\w-]+:iam::(\d{12}):root", name)
            if root and root.group(1) in request.principal:
                return True
    return False


# Conditions -----------------------------------------------------------------------------------------------


def _condition_holds(operator: str, key: str, wanted: list[str], found: Any) -> bool:
    quantifier, _, rest = operator.rpartition(":")
    name, if_exists = (rest[: -len("IfExists")], True) if rest.endswith("IfExists") else (rest, False)
    if name == "Null":
        return (found is None) == (str(wanted[0]).lower() == "true")
    if found is None:
        # A missing key fails a positive test; a negated one holds ("not equal" to what is not there).
        return if_exists or quantifier == "ForAllValues" or _negated(name)
    values = [str(value) for value in _list(found)]
    if quantifier == "ForAllValues":
        return all(_value_passes(name, value, wanted) for value in values)
    return any(_value_passes(name, value, wanted) for value in values)


def _negated(name: str) -> bool:
    return "Not" in name


def _value_passes(name: str, value: str, wanted: list[str]) -> bool:
    if _negated(name):
        positive = name.replace("Not", "")
        return not any(_test(positive, value, want) for want in wanted)
    return any(_test(name, value, want) for want in wanted)


def _test(name: str, value: str, want: str) -> bool:
    want = str(want)
    if name == "StringEquals":
        return value == want
    if name == "StringEqualsIgnoreCase":
        return value.lower() == want.lower()
    if name == "StringLike":
        return _glob(want).fullmatch(value) is not None
    if name in ("ArnEquals", "ArnLike"):
        return arn_matches(want, value)
    if name == "Bool":
        return value.lower() == want.lower()
    if name == "IpAddress":
        return ipaddress.ip_address(value) in ipaddress.ip_network(want, strict=False)
    if name == "BinaryEquals":
        return base64.b64decode(value) == base64.b64decode(want)
    for kind, convert in (("Numeric", float), ("Date", _moment)):
        if name.startswith(kind):
            left, right = convert(value), convert(want)
            return {
                "Equals": left == right,
                "LessThan": left < right,
                "LessThanEquals": left <= right,
                "GreaterThan": left > right,
                "GreaterThanEquals": left >= right,
            }[name[len(kind) :]]
    raise ValueError(f"unknown condition operator {name}")


def _moment(text: str) -> datetime:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), timezone.utc)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


# Patterns -------------------------------------------------------------------------------------------------


def arn_matches(pattern: str, arn: str) -> bool:
    """ArnLike: each of the six colon-separated parts is matched on its own, so that `*` stays in its part."""
    wanted, found = pattern.split(":", 5), arn.split(":", 5)
    if len(wanted) != 6 or len(found) != 6:
        return _glob(pattern).fullmatch(arn) is not None if pattern == "*" else pattern == arn
    return all(_glob(want).fullmatch(part) for want, part in zip(wanted, found, strict=True))


@lru_cache(maxsize=4096)
def _glob(pattern: str, ignore_case: bool = False) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, (re.IGNORECASE if ignore_case else 0) | re.DOTALL)


def _any_glob(patterns: list[str], text: str, ignore_case: bool = False) -> bool:
    return any(_glob(pattern, ignore_case).fullmatch(text) for pattern in patterns)


def _filled(values: Any, context: Mapping[str, Any]) -> list[str]:
    """Policy variables such as `${aws:PrincipalTag/team}` replaced by the request's values."""

    def value(match: re.Match[str]) -> str:
        name, _, default = match.group(1).partition(",")
        if name in ("*", "?", "$"):
            return name
        found = context.get(name.strip().lower())
        return str(found) if isinstance(found, str) else default.strip(" '") or match.group(0)

    return [re.sub(r"\$\{([^}]+)\}", value, str(item)) for item in _list(values)]


def _list(value: Any) -> list:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
