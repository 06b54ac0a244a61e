"""Intrinsic functions: from a template's values to plain ones.

A value that depends on a resource which does not exist yet is `UNKNOWN`; a function of an unknown value is
unknown. So one and the same evaluation serves the check of a template, a change set, and the deployment.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable
from typing import Any, Protocol

from .errors import validation_error
from .parameters import ParameterValue, text
from .references import GET_ATT_FORM, SUPPORTED_FUNCTIONS, VARIABLE, function_of, sub_parts
from .template import Template

JOIN_FORM = (
    "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
    "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
)
SPLIT_FORM = (
    "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a "
    "string to "
    "be split or a function that returns a string to be split."
)
SELECT_FORM = (
    "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
)
EQUALS_FORM = "Template error: every Fn::Equals object requires a list of 2 string parameters."
IF_FORM = "Template error: Fn::If requires a list argument with three parameters"
FIND_FORM = (
    "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
    "attribute for return value"
)
CIDR_FORM = (
    "Template error: Fn::Cidr requires an IP block, a count from 1 to 256, and optionally the subnet bits"
)


class _Unknown:
    """The value that is known only once the resource exists."""

    def __repr__(self) -> str:
        return "{{changeSet:KNOWN_AFTER_APPLY}}"

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
_NO_VALUE = object()


class Lookups(Protocol):
    """What evaluation asks of its surroundings. Any of them may answer `UNKNOWN`."""

    def ref(self, logical_id: str) -> Any: ...
    def get_att(self, logical_id: str, attribute: str) -> Any: ...
    def import_value(self, name: str) -> Any: ...
    def zones(self, region: str) -> list[str]: ...
    def dynamic(self, reference: str) -> Any: ...


class Resolver:
    """Evaluates one template with given parameters; what lies outside the template comes from `lookups`."""

    def __init__(
        self,
        template: Template,
        parameters: dict[str, ParameterValue],
        pseudo: dict[str, Any],
        lookups: Lookups,
    ) -> None:
        self.template = template
        self.lookups = lookups
        self.names: dict[str, Any] = {name: parameter.value for name, parameter in parameters.items()}
        self.names.update(pseudo)
        self._conditions: dict[str, bool] = {}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::If": self._if,
            "Fn::FindInMap": self._find_in_map,
            "Fn::ImportValue": self._import_value,
            "Fn::Base64": self._base64,
            "Fn::Cidr": self._cidr,
            "Fn::GetAZs": self._get_azs,
            "Fn::Equals": self._equals,
            "Fn::And": lambda items: all(self._truth(item) for item in items),
            "Fn::Or": lambda items: any(self._truth(item) for item in items),
            "Fn::Not": lambda items: not self._truth(items[0]),
            "Condition": self.condition,
        }

    def resolve(self, value: Any) -> Any:
        """The plain value. Raises AwsError (ValidationError) for a function that is used wrongly."""
        result = self._resolve(value)
        return None if result is _NO_VALUE else result

    def condition(self, name: str) -> bool:
        """Whether a named condition of the template holds."""
        if name not in self._conditions:
            self._conditions[name] = self._truth(self.template.conditions[name])
        return self._conditions[name]

    def included(self, condition: str | None) -> bool:
        """Whether a resource or output with this `Condition` (or none) is part of the stack."""
        return condition is None or self.condition(condition)

    def taken(self, value: Any) -> Any:
        """The value with each `Fn::If` replaced by the branch that is taken; nothing else is evaluated."""
        if function_of(value) == "Fn::If":
            condition, yes, no = self._if_parts(value["Fn::If"])
            return self.taken(yes if self.condition(condition) else no)
        if isinstance(value, dict):
            return {key: self.taken(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.taken(item) for item in value]
        return value

    def _resolve(self, value: Any) -> Any:
        function = function_of(value)
        if function and function != "Condition":
            if function not in self._functions:
                raise validation_error(
                    f"Template error: Encountered unsupported function: {function} "
                    f"Supported functions are: [{SUPPORTED_FUNCTIONS}]"
                )
            return self._functions[function](value[function])
        if isinstance(value, dict):
            pairs = ((key, self._resolve(item)) for key, item in value.items())
            return {key: item for key, item in pairs if item is not _NO_VALUE}
        if isinstance(value, list):
            return [item for item in map(self._resolve, value) if item is not _NO_VALUE]
        if isinstance(value, str) and "{{resolve:" in value:
            return self._dynamic(value)
        return value

    def _dynamic(self, value: str) -> Any:
        parts = re.split(r"(\{\{resolve:[^}]+\}\})", value)
        found = [
            self.lookups.dynamic(part[2:-2]) if part.startswith("{{resolve:") else part for part in parts
        ]
        return UNKNOWN if UNKNOWN in found else "".join(found)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        return self.names[name] if name in self.names else self.lookups.ref(name)

    def _get_att(self, argument: list[Any]) -> Any:
        attribute = [self._resolve(part) for part in argument[1:]]
        if not all(isinstance(part, str) for part in attribute):
            raise validation_error(GET_ATT_FORM)
        return self.lookups.get_att(argument[0], ".".join(attribute))

    def _sub(self, argument: Any) -> Any:
        template, variables = sub_parts(argument)
        unknown = False

        def replaced(match: re.Match[str]) -> str:
            nonlocal unknown
            name = match.group(1)
            if name in variables:
                value = self._resolve(variables[name])
            elif "." in name:
                value = self.lookups.get_att(*name.split(".", 1))
            else:
                value = self._ref(name)
            unknown = unknown or value is UNKNOWN
            if isinstance(value, list):
                value = ",".join(map(text, value))
            return text(value)

        result = VARIABLE.sub(replaced, template)
        return UNKNOWN if unknown else re.sub(r"\$\{!([^}]*)\}", r"${\1}", result)

    def _join(self, argument: Any) -> Any:
        if not (isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str)):
            raise validation_error(JOIN_FORM)
        items = self._resolve(argument[1])
        if items is UNKNOWN or (isinstance(items, list) and UNKNOWN in items):
            return UNKNOWN
        if not isinstance(items, list) or any(isinstance(item, (list, dict)) for item in items):
            raise validation_error(JOIN_FORM)
        return argument[0].join(map(text, items))

    def _select(self, argument: Any) -> Any:
        if not (isinstance(argument, list) and len(argument) == 2):
            raise validation_error(SELECT_FORM)
        index, items = self._resolve(argument[0]), self._resolve(argument[1])
        if UNKNOWN in (index, items):
            return UNKNOWN
        if not isinstance(items, list) or not re.fullmatch(r"\d+", text(index)):
            raise validation_error(SELECT_FORM)
        if int(index) >= len(items):
            raise validation_error(
                f"Template error: Fn::Select cannot select nonexistent value at index {index}"
            )
        return items[int(index)]

    def _split(self, argument: Any) -> Any:
        if not (isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str)):
            raise validation_error(SPLIT_FORM)
        source = self._resolve(argument[1])
        if source is UNKNOWN:
            return UNKNOWN
        if not isinstance(source, str) or not argument[0]:
            raise validation_error(SPLIT_FORM)
        return source.split(argument[0])

    def _if(self, argument: Any) -> Any:
        condition, yes, no = self._if_parts(argument)
        return self._resolve(yes if self.condition(condition) else no)

    def _if_parts(self, argument: Any) -> list[Any]:
        if not (isinstance(argument, list) and len(argument) == 3 and isinstance(argument[0], str)):
            raise validation_error(IF_FORM)
        if argument[0] not in self.template.conditions:
            raise validation_error(f"Template error: unresolved condition dependency {argument[0]} in Fn::If")
        return argument

    def _find_in_map(self, argument: Any) -> Any:
        if not (isinstance(argument, list) and len(argument) == 3):
            raise validation_error(FIND_FORM)
        name, key, attribute = (text(self._resolve(part)) for part in argument)
        try:
            return self.template.mappings[name][key][attribute]
        except KeyError:
            raise validation_error(
                f"Template error: Unable to get mapping for {name}::{key}::{attribute}"
            ) from None

    def _import_value(self, argument: Any) -> Any:
        name = self._resolve(argument)
        return UNKNOWN if name is UNKNOWN else self.lookups.import_value(text(name))

    def _base64(self, argument: Any) -> Any:
        value = self._resolve(argument)
        return UNKNOWN if value is UNKNOWN else base64.b64encode(text(value).encode()).decode()

    def _cidr(self, argument: Any) -> Any:
        if not (isinstance(argument, list) and 2 <= len(argument) <= 3):
            raise validation_error(CIDR_FORM)
        block, count, *bits = (self._resolve(part) for part in argument)
        if UNKNOWN in (block, count, *bits):
            return UNKNOWN
        try:
            network = ipaddress.ip_network(text(block), strict=False)
            prefix = network.max_prefixlen - int(bits[0] if bits else 8)
            blocks = network.subnets(new_prefix=prefix)
            return [str(next(blocks)) for _ in range(int(count))]
        except (ValueError, StopIteration, RuntimeError) as error:
            raise validation_error(CIDR_FORM) from error

    def _get_azs(self, argument: Any) -> Any:
        region = self._resolve(argument)
        if region is UNKNOWN:
            return UNKNOWN
        return self.lookups.zones(text(region) or self.names["AWS::Region"])

    def _equals(self, argument: Any) -> bool:
        if not (isinstance(argument, list) and len(argument) == 2):
            raise validation_error(EQUALS_FORM)
        left, right = (self._resolve(item) for item in argument)
        return _comparable(left) == _comparable(right)

    def _truth(self, value: Any) -> bool:
        function = function_of(value)
        result = self._functions[function](value[function]) if function in self._functions else value
        return result if isinstance(result, bool) else text(result).lower() == "true"


def _comparable(value: Any) -> Any:
    return value if isinstance(value, (list, dict)) else text(value)
