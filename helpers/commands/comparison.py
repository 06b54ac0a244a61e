"""Whether two outputs of a cell say the same: as nbval compares them, by the rules of what varies."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from nbval.plugin import coalesce_streams, get_sanitize_patterns

from .environment import ROOT

RULES = ROOT / "tests" / "notebooks" / "sanitize.cfg"


class Rules:
    """The rules of a file in nbval's form: pairs of an expression and what takes its place, in order."""

    def __init__(self, path: Path = RULES) -> None:
        self.pairs = dict(get_sanitize_patterns(path.read_text(encoding="utf-8")))

    def applied(self, text: str) -> str:
        """What is left of `text` to compare."""
        for expression, replacement in self.pairs.items():
            text = re.sub(expression, replacement, text)
        return text

    def same(self, stored: list[Any], new: list[Any]) -> bool:
        """Whether nbval would accept the new outputs for the stored ones."""
        return self._compared(stored) == self._compared(new)

    def _compared(self, outputs: list[Any]) -> dict[str, list[Any]]:
        """Each kind of output (a stream, a format of a display) with its contents, in order."""
        found: dict[str, list[Any]] = defaultdict(list)
        for output in coalesce_streams([type(output)(output) for output in outputs]):
            parts = dict(output.get("data", {}))
            if output["output_type"] == "stream":
                parts[output["name"]] = output["text"]
            parts |= {key: output[key] for key in ("ename", "evalue") if key in output}
            for kind, content in parts.items():
                found[kind].append(self.applied(content) if isinstance(content, str) else content)
        return found


def names_for(stored: str, new: str) -> dict[str, str]:
    """For two outputs that say the same: which name of the new one stands for which of the stored one.

    An id is as long as another id of its kind, so the pieces of the two texts are those of one another.
    """
    before, after = _NAMES.findall(stored), _NAMES.findall(new)
    if len(before) != len(after):
        return {}
    pairs = zip(before, after, strict=True)
    return {b: a for a, b in pairs if a != b and len(a) == len(b) and re.search(r"\d", a + b)}


_NAMES = re.compile(r"127\.0\.0\.1:\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-Za-z]{7,}")
