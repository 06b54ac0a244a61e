"""What stands in a template and why: parameters, properties, resources and functions, beside their lines."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from . import show, snippets, stacks, templates
from .session import Session, verb

FACTS = Path(__file__).with_name("explanations.yaml")
_FUNCTIONS = {"Ref": "Ref", "Sub": "Fn::Sub", "GetAtt": "Fn::GetAtt", "ImportValue": "Fn::ImportValue"}


@dataclass(frozen=True)
class Fact:
    """What is known about a word of a template, from which page, checked on which day."""

    key: str
    means: str
    source: str
    checked: datetime.date
    takes: str = ""
    why: str = ""
    table: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Explanation(show.Noun):
    """What `name` means in a stack's template. `value` is a parameter's value in the deployed stack."""

    name: str
    kind: str
    snippet: snippets.Snippet
    fact: Fact | None
    parameter: Mapping[str, Any] | None
    used_in: tuple[str, ...]
    value: str | None

    @property
    def description(self) -> str:
        """The parameter's own description, or what the fact says."""
        return str((self.parameter or {}).get("Description") or (self.fact.means if self.fact else ""))

    @property
    def allowed(self) -> tuple[str, ...]:
        """The values that CloudFormation accepts for a parameter; empty when it does not list them."""
        return tuple(map(str, (self.parameter or {}).get("AllowedValues", ())))

    def _view(self) -> Iterator[show.Block]:
        yield show.Text(f"`{self.name}` · {self.kind}", title=True)
        if self.parameter is not None:
            yield show.Table(("", ""), list(self._rows(self.parameter)))
        if self.fact is not None:
            rows = [("Means", self.fact.means), ("Takes", self.fact.takes), ("Why so", self.fact.why)]
            title = f"`{self.fact.key}`" if self.parameter is not None else ""
            yield show.Table(("", ""), [row for row in rows if row[1]], title)
        if self.fact is not None and self.fact.table:
            yield show.Table(self.fact.table["columns"], self.fact.table["rows"])
        yield from self.snippet._view()
        if self.fact is not None:
            yield show.Text(f"Source: {self.fact.source} (checked {self.fact.checked})")

    def _rows(self, parameter: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield "Description", " ".join(str(parameter.get("Description", "")).split())
        yield "Type", str(parameter.get("Type", ""))
        if "Default" in parameter:
            yield "Default", str(parameter["Default"])
        if self.allowed:
            yield "Allowed values", ", ".join(self.allowed)
        if "AllowedPattern" in parameter:
            yield "Allowed pattern", f"`{parameter['AllowedPattern']}`"
        if "ConstraintDescription" in parameter:
            yield "In words", str(parameter["ConstraintDescription"])
        yield "Value now", "the stack is not deployed" if self.value is None else self.value
        yield "Used in", "; ".join(self.used_in) or "nothing"


@verb
def explain(session: Session, stack: str | os.PathLike[str] | stacks.Stack, name: str) -> Explanation:
    """What `name` in a stack's template means, what it may be, why it stands so, where that is documented.

    `name` is a parameter, a property ("NetworkMode"; "BuildProject.Image" where several resources have one),
    a resource's logical id, or one of the four functions ("!Sub").
    Raises NameUnknown with the closest names.
    """
    wanted = stacks.target(session, stack)
    template, file = wanted.template, snippets.file_name(wanted.template)
    function = _FUNCTIONS.get(name.removeprefix("!").removeprefix("Fn::"))
    if function and any(use.function == function for use in template.uses):
        return _function(template, file, function)
    places = snippets.places_of(template, name)
    place = max(places, key=lambda p: _closeness(template, p))
    snippet = snippets.Snippet(
        template.lines(place), file, templates.dotted(place.path), place.first, template.format
    )
    if place.kind != "parameter":
        also = len(places) - 1
        kind = place.kind if not also else f"{place.kind}, the first of {also + 1} in this template"
        return Explanation(name, kind, snippet, _fact_for(template, place), None, (), None)
    uses = tuple(use for use in template.uses if _names(use, name))
    fact = next(filter(None, (_fact_at(template, use.path) for use in uses)), None)
    used_in = tuple(dict.fromkeys(f"line {use.line}: {templates.dotted(use.path)}" for use in uses))
    deployed = stacks.find(session, wanted.name)
    values = {p["ParameterKey"]: p.get("ParameterValue", "") for p in (deployed or {}).get("Parameters", ())}
    return Explanation(name, place.kind, snippet, fact, template.parameters[name], used_in, values.get(name))


@cache
def facts() -> dict[str, Fact]:
    """Every entry of explanations.yaml by its key."""
    entries = yaml.safe_load(FACTS.read_text(encoding="utf-8"))
    return {key: Fact(key, **entry) for key, entry in entries.items()}


def _function(template: templates.Template, file: str, function: str) -> Explanation:
    uses = [use for use in template.uses if use.function == function]
    line = template.body.splitlines()[uses[0].line - 1]
    snippet = snippets.Snippet(line, file, templates.dotted(uses[0].path), uses[0].line, template.format)
    used_in = tuple(dict.fromkeys(f"line {use.line}" for use in uses))
    kind = f"function, used {len(uses)} times in this template"
    return Explanation(function, kind, snippet, facts()[function], None, used_in, None)


def _closeness(template: templates.Template, place: templates.Place) -> int:
    """How well a place is explained: by a fact about this very property, by any fact, or not."""
    fact = _fact_for(template, place)
    return 0 if fact is None else 2 if fact.key.endswith(f"/{place.name}") else 1


def _fact_for(template: templates.Template, place: templates.Place) -> Fact | None:
    return _fact_at(template, place.path)


def _fact_at(template: templates.Template, path: tuple[str, ...]) -> Fact | None:
    """The fact about a place: about this property of this type, the word anywhere, or the type."""
    inside = path[0] == "Resources" and len(path) > 1
    kind = str(template.resources.get(path[1], {}).get("Type", "")) if inside else ""
    if len(path) == 2 or (len(path) == 3 and path[-1] == "Type"):
        return facts().get(kind)
    return facts().get(f"{kind}/{path[-1]}") or facts().get(path[-1])


def _names(use: templates.Use, parameter: str) -> bool:
    """Whether a use refers to the parameter: `!Ref Cpu`, or a text with `${Cpu}`."""
    if use.function == "Ref":
        return use.argument == parameter
    text = use.argument[0] if isinstance(use.argument, list) else use.argument
    return use.function == "Fn::Sub" and f"${{{parameter}}}" in str(text)
