"""The template line that a cause stands on."""

from __future__ import annotations

from .. import snippets, stacks
from ..errors import NameUnknown


def where(stack: str, name: str, text: str = "") -> str:
    """`cfn/network.yaml:166 (EcrDkrEndpoint)`: the line of `name`, or the first one in it that has `text`."""
    if stack not in stacks.CATALOGUE:
        return ""
    found = stacks.catalogued(stack)
    try:
        place = snippets.places_of(found, name)[0]
    except NameUnknown:
        return ""
    lines = found.body.splitlines()
    wanted = text or f"{place.name}:"
    span = [n for n in range(place.first, place.last + 1) if not lines[n - 1].lstrip().startswith("#")]
    line = next((n for n in span if wanted in lines[n - 1]), span[0] if span else place.first)
    return f"{snippets.file_name(found)}:{line} ({name}{f', {text}' if text else ''})"
