"""Template lines as they stand in the file, and the same thing in YAML and JSON."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from . import show, stacks, templates
from .errors import NameUnknown, TemplateInvalid
from .session import ROOT, Session, verb


@dataclass(frozen=True)
class Snippet(show.Noun):
    """Lines of a template, or what cfn-flip made of them (`first` is None: these stand in no file)."""

    text: str
    source: str
    name: str
    first: int | None = None
    language: str = "yaml"

    @property
    def last(self) -> int | None:
        return None if self.first is None else self.first + len(self.text.splitlines()) - 1

    def _view(self) -> Iterator[show.Block]:
        yield show.Code(self.text, self.language, self.first, f"{self.source} · `{self.name}`")


@verb
def template(
    session: Session, stack: str | os.PathLike[str] | stacks.Stack, name: str | None = None
) -> Snippet:
    """The lines of a stack's template that `name` stands in, with their numbers in the file.

    `name` is a logical id, a parameter, an output, a section ("Parameters") or a property ("NetworkMode"; the
    first of several, or "Cluster.ClusterName" for one of them). None shows the whole file.
    Raises NameUnknown with the closest names.
    """
    found = stacks.target(session, stack).template
    file = file_name(found)
    if name is None:
        return Snippet(found.body.rstrip("\n"), file, "the whole template", 1, found.format)
    place = places_of(found, name)[0]
    return Snippet(found.lines(place), file, name, place.first, found.format)


def to_json(snippet: Snippet) -> Snippet:
    """The same template lines as JSON: the long form, which has no `!Ref`. Raises TemplateInvalid."""
    return _flipped(snippet, "json")


def to_yaml(snippet: Snippet, long_form: bool = False) -> Snippet:
    """The same lines as YAML, with short functions (`!Ref`) or long ones (`Ref:`). Raises TemplateInvalid."""
    return _flipped(snippet, "yaml", long_form)


def _flipped(snippet: Snippet, to: str, long_form: bool = False) -> Snippet:
    import cfn_flip  # here, because it is slow to import and few cells need it

    try:
        data, _ = cfn_flip.load(snippet.text)
        text = cfn_flip.dump_json(data) if to == "json" else cfn_flip.dump_yaml(data, long_form=long_form)
    except (ValueError, yaml.YAMLError) as error:
        raise TemplateInvalid(
            f"cfn-flip cannot read {snippet.name}: {error}", "Show whole lines of a template."
        ) from None
    return Snippet(text.rstrip("\n"), snippet.source, snippet.name, None, to)


def file_name(found: templates.Template) -> str:
    """The template's path as a learner would say it."""
    path = found.path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def places_of(found: templates.Template, name: str) -> list[templates.Place]:
    """Where `name` stands: the parameter, resource, output or section, else every property of that name.

    "Owner.Property" narrows it to one resource. Raises NameUnknown with the closest names.
    """
    keys = tuple(name.split("."))
    hits = [p for p in found.places if p.path[-1] == keys[-1] and (len(keys) == 1 or keys[0] == p.owner)]
    named = [p for p in hits if len(p.path) <= 2]
    hits = named[:1] or [p for p in hits if p.path[0] == "Resources"] or hits
    if hits:
        return hits
    known = {p.name for p in found.places if len(p.path) <= 2 or p.path[0] == "Resources"}
    close = difflib.get_close_matches(keys[-1], known, n=3, cutoff=0.5)
    close += [n for n in sorted(known) if keys[-1].lower() in n.lower() and n not in close][:3]
    if close:
        options = "Did you mean " + ", ".join(f"`{n}`" for n in close) + "?"
    else:
        top = [p.name for p in found.places if len(p.path) == 2 and p.path[0] in ("Parameters", "Resources")]
        options = "It has " + ", ".join(f"`{n}`" for n in top) + "."
    raise NameUnknown(f"`{name}` does not stand in {file_name(found)}.", options)
