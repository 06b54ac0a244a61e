"""Colours for code in a page that brings no stylesheet: every colour stands in the line itself."""

from __future__ import annotations

import html
import textwrap

from pygments import lex
from pygments.lexers import get_lexer_by_name

# Part of a Pygments token's name → style. JupyterLab's own editor colours, where a page has them, suit
# both themes; only its colour for comments is too weak in the dark, so these are dimmed instead.
STYLES = (
    ("Comment", "opacity:.75;font-style:italic"),
    ("Keyword", "color:var(--jp-mirror-editor-keyword-color, #7b3fa0)"),
    ("Name.Tag", "color:var(--jp-mirror-editor-variable-2-color, #0b62a8)"),
    ("Name.Type", "color:var(--jp-mirror-editor-keyword-color, #7b3fa0)"),
    ("Name.Label", "color:var(--jp-mirror-editor-keyword-color, #7b3fa0)"),
    ("Literal.String", "color:var(--jp-mirror-editor-string-color, #a8442a)"),
    ("Literal.Number", "color:var(--jp-mirror-editor-number-color, #0a7b55)"),
    ("Generic.Inserted", "color:var(--jp-success-color1, #2e7d32)"),
    ("Generic.Deleted", "color:var(--jp-error-color1, #c62828)"),
    ("Generic.Heading", "opacity:.75"),
    ("Generic.Subheading", "opacity:.75"),
)


def html_lines(text: str, language: str) -> list[str]:
    """`text`, without the indentation common to all its lines, as lines of HTML."""
    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    pieces = (_piece(str(kind), value) for kind, value in lex(textwrap.dedent(text), lexer))
    return "".join(pieces).split("\n")


def _piece(kind: str, value: str) -> str:
    style = next((style for part, style in STYLES if part in kind), None)
    if style is None or not value.strip():
        return html.escape(value)
    parts = (
        html.escape(part) for part in value.split("\n")
    )  # a span never crosses a line: lines are numbered
    return "\n".join(f'<span style="{style}">{part}</span>' if part else "" for part in parts)
