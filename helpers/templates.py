"""A CloudFormation template as a file with lines: what stands in it, and where.

Read with PyYAML's own parser (JSON is YAML too), because a lesson needs what cfn-flip and a plain load both
throw away: the line each thing stands on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from .errors import TemplateInvalid

SECTIONS = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Resources",
    "Outputs",
)
_SINGULAR = {
    "Parameters": "parameter",
    "Mappings": "mapping",
    "Conditions": "condition",
    "Resources": "resource",
    "Outputs": "output",
}
# AWS::IAM types that carry a name of their own need CAPABILITY_NAMED_IAM instead of CAPABILITY_IAM.
# Source: CloudFormation API reference, CreateStack, Capabilities; checked 2026-11-23.
_IAM_NAMES = {"RoleName", "PolicyName", "ManagedPolicyName", "UserName", "GroupName", "InstanceProfileName"}


@dataclass(frozen=True)
class Place:
    """Where something stands: its path of keys, what it is, and its lines (counted from 1, both included)."""

    path: tuple[str, ...]
    kind: str
    first: int
    last: int

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def owner(self) -> str | None:
        """The logical id that it belongs to."""
        return self.path[1] if len(self.path) > 1 else None


@dataclass(frozen=True)
class Use:
    """One use of an intrinsic function: `Ref`, `Fn::Sub`, `Fn::GetAtt` or `Fn::ImportValue`."""

    function: str
    argument: Any
    path: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Template:
    """A template file. `body` is its text exactly as CloudFormation gets it."""

    path: Path
    body: str

    @cached_property
    def node(self) -> yaml.MappingNode:
        try:
            node = yaml.compose(self.body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
            raise TemplateInvalid(
                f"{self.path.name}{line}: {error.problem or 'not readable as YAML or JSON'}.",
                "Correct the line; indentation is two spaces a level, never a tab.",
            ) from None
        if not isinstance(node, yaml.MappingNode):
            raise TemplateInvalid(
                f"{self.path.name} is not a template.", "A template has at least `Resources:`."
            )
        return node

    @cached_property
    def data(self) -> dict[str, Any]:
        """The template as plain data, each short function (`!Ref x`) in its long form (`{"Ref": "x"}`)."""
        return _plain(self.node)

    def section(self, name: str) -> dict[str, Any]:
        return self.data.get(name) or {}

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        return self.section("Parameters")

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        return self.section("Resources")

    @property
    def format(self) -> str:
        return "json" if self.body.lstrip().startswith("{") else "yaml"

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every key of the template, in the order of the file."""
        return tuple(_places(self.node, (), self.body.splitlines(), None))

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        return tuple(_uses(self.node, ()))

    def lines(self, place: Place) -> str:
        return "\n".join(self.body.splitlines()[place.first - 1 : place.last])

    def exported(self, project: str) -> dict[str, str]:
        """Export name → output that gives it, with the project's name filled in."""
        named = (
            (name, output.get("Export", {}).get("Name")) for name, output in self.section("Outputs").items()
        )
        return {_filled(export, project): name for name, export in named if export is not None}

    def imported(self, project: str) -> set[str]:
        """The export names that the template imports, with the project's name filled in."""
        return {_filled(use.argument, project) for use in self.uses if use.function == "Fn::ImportValue"}

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What CloudFormation wants acknowledged before it creates this template."""
        iam = [r for r in self.resources.values() if str(r.get("Type", "")).startswith("AWS::IAM::")]
        named = any(_IAM_NAMES & set(r.get("Properties") or {}) for r in iam)
        macro = ("CAPABILITY_AUTO_EXPAND",) if "Transform" in self.data else ()
        return (*(("CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM",) if iam else ()), *macro)


def load(path: Path) -> Template:
    """Read a template file. Raises TemplateInvalid when there is none or it cannot be read."""
    try:
        return _load(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise TemplateInvalid(
            f"No template can be read at {path}: {error.strerror}.", "Check the path."
        ) from None
    except UnicodeDecodeError:
        raise TemplateInvalid(f"{path} is not text.", "A template is a YAML or JSON file in UTF-8.") from None


def dotted(path: tuple[str, ...]) -> str:
    """A place as one says it: `Cluster.ClusterName` for (Resources, Cluster, Properties, ClusterName)."""
    return ".".join(key for key in path[1:] or path if key != "Properties")


@lru_cache(maxsize=64)
def _load(path: Path, changed: int) -> Template:
    return Template(
        path, path.read_text(encoding="utf-8")
    )  # parsed once, and again when the file has changed


def _filled(name: Any, project: str) -> str:
    """An export name as CloudFormation sees it: a string, or a Sub of the project's name."""
    if isinstance(name, dict) and "Fn::Sub" in name:
        argument = name["Fn::Sub"]
        name = argument[0] if isinstance(argument, list) else argument
    return (
        str(name).replace("${Project}", project)
        if isinstance(name, str)
        else json.dumps(name, sort_keys=True)
    )


def _function(tag: str) -> str | None:
    """The long name of a short function's tag: `!GetAtt` is `Fn::GetAtt`, `!Ref` stays `Ref`."""
    if not tag.startswith("!") or tag == "!":
        return None
    return tag[1:] if tag in ("!Ref", "!Condition") else f"Fn::{tag[1:]}"


def _plain(node: yaml.Node) -> Any:
    function = _function(node.tag)
    value = _plain_value(node)
    if function == "Fn::GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {function: value} if function else value


def _plain_value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {_plain_value(key): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    kind = node.tag.rsplit(":", 1)[-1]
    if kind == "bool":
        return node.value.lower() in ("true", "yes", "on")
    if kind == "null":
        return None
    if kind in ("int", "float"):  # an account number with a leading zero stays text
        return yaml.safe_load(node.value) if not re.match(r"0\d", node.value) else node.value
    return node.value  # a date stays the text it is: `Version: 2012-10-17`


def _places(node: yaml.Node, path: tuple[str, ...], lines: list[str], end: int | None) -> Iterator[Place]:
    """Each key below `node`; it reaches to the line before the next key, less the comments on that one."""
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            following = node.value[i + 1].start_mark.line if i + 1 < len(node.value) else end
            yield from _places(item, path, lines, following)
    if not isinstance(node, yaml.MappingNode):
        return
    for i, (key, value) in enumerate(node.value):
        following = node.value[i + 1][0].start_mark.line if i + 1 < len(node.value) else end
        here = (*path, str(key.value))
        first = key.start_mark.line
        last = _last_line(lines, first, key.start_mark.column, len(lines) if following is None else following)
        yield Place(here, _kind(here), _first_comment(lines, first, key.start_mark.column) + 1, last)
        yield from _places(value, here, lines, last)


def _kind(path: tuple[str, ...]) -> str:
    if len(path) == 1:
        return "section"
    return _SINGULAR.get(path[0], "entry") if len(path) == 2 else "property"


def _first_comment(lines: list[str], first: int, column: int) -> int:
    """The line where the comment directly above a key begins, or the key's own line."""
    while first > 0 and re.match(rf" {{{column}}}#", lines[first - 1]):
        first -= 1
    return first


def _last_line(lines: list[str], first: int, column: int, following: int) -> int:
    last = max(following, first + 1)
    while last > first + 1 and re.match(rf"\s*$| {{0,{column}}}[#}}\]]", lines[last - 1]):
        last -= 1
    return last


SHOWN = ("Ref", "Fn::Sub", "Fn::GetAtt", "Fn::ImportValue")


def _uses(node: yaml.Node, path: tuple[str, ...]) -> Iterator[Use]:
    """The functions in `node`, an outer one before those inside it: `!ImportValue {"Fn::Sub": …}` is two."""
    line = node.start_mark.line + 1
    short = _function(node.tag)
    if short in SHOWN:
        yield Use(short, _plain(node)[short], path, line)
    if isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            if len(node.value) == 1 and key.value in SHOWN:
                yield Use(key.value, _plain(item), path, line)
                yield from _uses(item, path)
            else:
                yield from _uses(item, (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _uses(item, path)
