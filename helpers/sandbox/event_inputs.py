"""What a target is given of an event: all of it, a part, a constant, or a text made from it.

After "Amazon EventBridge input transformation" in the EventBridge user guide (read 2026-11-23).
"""

from __future__ import annotations

import json
import re
from typing import Any

ABSENT = object()
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9._-]+)>")
PREDEFINED = (
    *("aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time"),
    *("aws.events.event", "aws.events.event.json"),
)


def for_target(target: dict[str, Any], event: dict[str, Any], rule_name: str, rule_arn: str) -> str:
    """The JSON text that a target receives."""
    if target.get("Input") is not None:
        return target["Input"]
    if target.get("InputPath"):
        found = at_path(event, target["InputPath"])
        return json.dumps(None if found is ABSENT else found)
    if target.get("InputTransformer"):
        return transform(target["InputTransformer"], event, rule_name, rule_arn)
    return json.dumps(event)


def at_path(event: Any, path: str) -> Any:
    """The value at a path such as `$.detail.items[0]`, or ABSENT."""
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name and isinstance(event, dict) and name in event:
            event = event[name]
        elif index and isinstance(event, list) and int(index) < len(event):
            event = event[int(index)]
        else:
            return ABSENT
    return event


def transform(transformer: dict[str, Any], event: dict[str, Any], rule_name: str, rule_arn: str) -> str:
    """The template with its variables filled in: as JSON where they stand alone, as text within a string.

    A variable whose path does not exist in the event is an empty text. Within a string, objects and arrays
    lose their quotation marks.
    """
    values = {name: at_path(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_name,
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event": {
            "detailType" if name == "detail-type" else name: value
            for name, value in event.items()
            if name != "detail"
        },
        "aws.events.event.json": event,
    }
    template = transformer["InputTemplate"]
    filled, position, in_string = [], 0, False
    for match in _PLACEHOLDER.finditer(template):
        before = template[position : match.start()]
        in_string ^= len(re.findall(r'(?<!\\)"', before)) % 2 == 1
        filled.append(before)
        known = match[1] in values
        filled.append(_filling(values[match[1]], in_string) if known else match[0])
        position = match.end()
    return "".join([*filled, template[position:]])


def _filling(value: Any, in_string: bool) -> str:
    if value is ABSENT:
        value = ""
    if not in_string:
        return json.dumps(value)
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":")).replace('"', "")


def placeholders(template: str) -> list[str]:
    """The names of the variables that a template uses."""
    return _PLACEHOLDER.findall(template)
