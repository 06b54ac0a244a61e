"""Variables in an action's configuration: `#{SourceVariables.CommitId}`."""

from __future__ import annotations

import re
from collections.abc import Iterable

REFERENCE = re.compile(r"#\{([^}]*)\}")
BUILT_IN = ("codepipeline", "variables")  # the execution's id; the pipeline's own variables

Values = dict[str, dict[str, str]]  # by namespace, then by name


class Unresolved(Exception):
    """A variable has no value in this execution; the message names it."""


def references(text: str) -> Iterable[tuple[str, str]]:
    """Namespace and name of each variable in a text; the namespace is empty where there is no period."""
    for inner in REFERENCE.findall(text):
        namespace, _, name = inner.rpartition(".")
        yield namespace, name


def resolve(text: str, values: Values) -> str:
    """The text with each variable's value in its place. Raises Unresolved."""

    def value(match: re.Match[str]) -> str:
        namespace, _, name = match.group(1).rpartition(".")
        try:
            return values[namespace][name]
        except KeyError:
            raise Unresolved(
                f"The action failed because the variable {match.group(0)} has no value in this execution"
            ) from None

    return REFERENCE.sub(value, text)
