"""How things look: blocks of text, tables and code, drawn as HTML for a notebook and as text for a terminal.

The HTML inherits the page's colours and uses JupyterLab's own variables for the rest, so it suits a light
and a dark theme. Status is always a sign and a word; colour only repeats it.
"""

from __future__ import annotations

import html
import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

_concealed: set[str] = set()

LINE = "1px solid var(--jp-border-color2, rgba(128,128,128,.35))"
CELL = f"text-align:left;vertical-align:top;padding:.25em .9em .25em 0;border-bottom:{LINE}"
QUIET = "opacity:.7"
WIDEST = 76  # characters in a cell of a terminal's table, before it is wrapped

SIGNS = (  # the first pattern that matches decides
    (r"FAILED|ROLLBACK|FAULT|TIMED_OUT|Failed|Cancelled|error", "✗", "var(--jp-error-color1, #c62828)"),
    (r"IN_PROGRESS|InProgress|ING$|working", "…", "var(--jp-warn-color1, #b26a00)"),
    (
        r"COMPLETE|SUCCEEDED|Succeeded|exit code 0$|^(emptied|ended|switched off)$",
        "✓",
        "var(--jp-success-color1, #2e7d32)",
    ),
    (r"exit code|STOPPED|Stopped|Superseded|left over", "✗", "var(--jp-error-color1, #c62828)"),
    (r"", "·", "inherit"),
)


def conceal(text: str) -> None:
    """From now on show `text` (an account number) nowhere: notebooks are shared with their outputs."""
    _concealed.add(text)


def discreet(text: object) -> str:
    """`text` without what `conceal` was told to keep out of sight."""
    shown = str(text)
    for secret in _concealed:
        shown = shown.replace(secret, "<account>")
    return shown


@dataclass(frozen=True)
class Status:
    """A status word, drawn with its sign: ✓ done, … at work, ✗ failed, · not begun."""

    word: str

    @property
    def sign(self) -> str:
        return next(sign for pattern, sign, _ in SIGNS if re.search(pattern, self.word))

    def __str__(self) -> str:
        return f"{self.sign} {self.word}"

    def html(self) -> str:
        colour = next(colour for pattern, _, colour in SIGNS if re.search(pattern, self.word))
        sign = f'<span aria-hidden="true" style="color:{colour};font-weight:bold">{self.sign}</span>'
        return f"{sign} {html.escape(self.word)}"


@dataclass(frozen=True)
class Text:
    """A paragraph; `words` in backticks are set as code."""

    text: str
    title: bool = False

    def plain(self) -> str:
        return discreet(self.text).replace("`", "") if self.title else discreet(self.text)

    def html(self) -> str:
        inner = _inline(self.text)
        return f'<p style="margin:.4em 0">{f"<strong>{inner}</strong>" if self.title else inner}</p>'


@dataclass(frozen=True)
class Table:
    """Rows under headings. The first cell of a row is its heading for a screen reader."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    empty: str = "none"

    def plain(self) -> str:
        title = [_cell_text(self.caption)] if self.caption else []
        if not self.rows:
            return "\n".join([*title, f"  {self.empty}"])
        heads = [[_cell_text(name)] for name in self.columns]
        rows = [[textwrap.wrap(_cell_text(value), WIDEST) or [""] for value in row] for row in self.rows]
        widths = [max(len(line) for row in [heads, *rows] for line in row[i]) for i in range(len(heads))]
        head = (
            [*_lines(heads, widths), "  ".join("─" * width for width in widths)] if any(self.columns) else []
        )
        return "\n".join([*title, *head, *(line for row in rows for line in _lines(row, widths))])

    def html(self) -> str:
        style = "text-align:left;padding:.3em 0"
        caption = (
            f'<caption style="{style}"><strong>{_inline(self.caption)}</strong></caption>'
            if self.caption
            else ""
        )
        if not self.rows:
            return f'<p style="margin:.4em 0">{_inline(self.caption)}: {_inline(self.empty)}</p>'
        names = "".join(f'<th scope="col" style="{CELL}">{_inline(name)}</th>' for name in self.columns)
        head = f"<thead><tr>{names}</tr></thead>" if any(self.columns) else ""
        body = "".join(f"<tr>{_row_html(row)}</tr>" for row in self.rows)
        style = "border-collapse:collapse;margin:.4em 0"
        return f'<table style="{style}">{caption}{head}<tbody>{body}</tbody></table>'


@dataclass(frozen=True)
class Code:
    """Source lines with their numbers; `first` is None for text without numbers, `mark` lines stand out."""

    text: str
    language: str = "yaml"
    first: int | None = 1
    caption: str = ""
    mark: frozenset[int] = frozenset()

    def plain(self) -> str:
        title = [discreet(self.caption)] if self.caption else []
        lines = discreet(self.text).splitlines()
        if self.first is None:
            return "\n".join([*title, *(f"  {line}" for line in lines)])
        width = len(str(self.first + len(lines)))
        numbered = (
            f"{'>' if number in self.mark else ' '}{number:>{width}}  {line}".rstrip()
            for number, line in enumerate(lines, self.first)
        )
        return "\n".join([*title, *numbered])

    def html(self) -> str:
        lines = _highlight(discreet(self.text), self.language)
        if self.first is not None:
            width = len(str(self.first + len(lines)))
            lines = [self._numbered(number, width, line) for number, line in enumerate(lines, self.first)]
        title = (
            f'<p style="margin:.4em 0"><strong>{_inline(self.caption)}</strong></p>' if self.caption else ""
        )
        style = "margin:.4em 0;padding:.4em 0;line-height:1.35;overflow-x:auto;background:none"
        return f'{title}<pre tabindex="0" style="{style}">{chr(10).join(lines)}</pre>'

    def _numbered(self, number: int, width: int, line: str) -> str:
        sign = "▸" if number in self.mark else " "
        gutter = f'<span style="{QUIET};user-select:none">{sign}{number:>{width}}  </span>'
        return gutter + (f"<strong>{line}</strong>" if number in self.mark else line)


@dataclass(frozen=True)
class Log:
    """Lines as they were written; the newest `limit` of them."""

    lines: Sequence[str]
    caption: str = ""
    limit: int = 200

    def plain(self) -> str:
        title = [discreet(self.caption)] if self.caption else []
        return "\n".join([*title, *(f"  {line}" for line in map(discreet, self._shown()))])

    def html(self) -> str:
        title = (
            f'<p style="margin:.4em 0"><strong>{_inline(self.caption)}</strong></p>' if self.caption else ""
        )
        text = html.escape("\n".join(map(discreet, self._shown())))
        style = (
            f"margin:.4em 0;padding:.4em .8em;border-left:3px solid {LINE.split(' ', 2)[2]};background:none"
        )
        style += ";max-height:24em;overflow:auto;white-space:pre-wrap"
        return f'{title}<pre tabindex="0" style="{style}">{text}</pre>'

    def _shown(self) -> list[str]:
        hidden = len(self.lines) - self.limit
        return [f"({hidden} lines before)", *self.lines[-self.limit :]] if hidden > 0 else list(self.lines)


Block = Text | Table | Code | Log


class Noun(ABC):
    """What a verb returns. A subclass says in `_view` which blocks show it, the same everywhere."""

    def __init_subclass__(cls, **options: Any) -> None:
        """A dataclass makes its own `__repr__`, which IPython would prefer to what it inherits."""
        super().__init_subclass__(**options)
        cls.__repr__, cls._repr_pretty_ = Noun.__repr__, Noun._repr_pretty_

    @abstractmethod
    def _view(self) -> Iterable[Block]: ...

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {str(self).splitlines()[0]}>"

    def __str__(self) -> str:
        return "\n".join(block.plain() for block in self._view())

    def _repr_html_(self) -> str:
        return f"<div>{''.join(block.html() for block in self._view())}</div>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(type(self).__name__ if cycle else str(self))


class Rows(Noun, Sequence):
    """A noun that is a list of nouns, `rows`, in order."""

    rows: tuple

    def __getitem__(self, index):
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)


class Named(Noun, Mapping):
    """A noun that is a table of nouns, `rows`, each found by its name: `_key(row)` gives `_value(row)`."""

    rows: tuple

    def _key(self, row: Any) -> str:
        return row.name

    def _value(self, row: Any) -> Any:
        return row.value

    def __getitem__(self, name: str):
        for row in self.rows:
            if self._key(row) == name:
                return self._value(row)
        raise KeyError(f"{name}; there are {', '.join(self) or 'none'}")

    def __iter__(self):
        return (self._key(row) for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def size_in_words(count: int) -> str:
    """Bytes in the unit that reads best: 812 bytes, 4.2 kB, 51 MB."""
    if count < 1000:
        return f"{count} bytes"
    value, unit = next((count / 1000**n, u) for n, u in ((3, "GB"), (2, "MB"), (1, "kB")) if count >= 1000**n)
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def counted(count: int, noun: str) -> str:
    """A number of things: 1 stack, 2 stacks."""
    return f"{count} {noun}{'s' * (count != 1)}"


def _inline(text: object) -> str:
    escaped = html.escape(discreet(text))
    linked = re.sub(r"(https?://[^\s<)]+[^\s<).,;])", r'<a href="\1">\1</a>', escaped)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", linked)


def _lines(cells: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterable[str]:
    """A row of wrapped cells as lines of a terminal."""
    for parts in zip_longest(*cells, fillvalue=""):
        yield "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()


def _cell_text(value: Any) -> str:
    return " ".join(discreet("" if value is None else value).replace("`", "").split("\n"))


def _cell_html(value: Any) -> str:
    if isinstance(value, Status):
        return value.html()
    return _inline("" if value is None else value).replace("\n", "<br>")


def _row_html(row: Sequence[Any]) -> str:
    first, *rest = [_cell_html(value) for value in row]
    heading = f'<th scope="row" style="{CELL};font-weight:normal">{first}</th>'
    return heading + "".join(f'<td style="{CELL}">{text}</td>' for text in rest)


# JupyterLab's own editor colours where its page defines them, so that both themes read well.
_COLOURS = (
    ("Comment", "comment", "#6a737d"),
    ("Keyword", "keyword", "#7b3fa0"),
    ("Name.Tag", "variable-2", "#0b62a8"),
    ("Name.Type", "keyword", "#7b3fa0"),
    ("Name.Label", "keyword", "#7b3fa0"),
    ("Literal.String", "string", "#a8442a"),
    ("Literal.Number", "number", "#0a7b55"),
    ("Generic.Inserted", "string", "#2e7d32"),
    ("Generic.Deleted", "error", "#c62828"),
    ("Generic.Heading", "comment", "#6a737d"),
    ("Generic.Subheading", "comment", "#6a737d"),
)


def _highlight(text: str, language: str) -> list[str]:
    """`text` as lines of HTML with inline colours: a saved notebook has no stylesheet to rely on."""
    from pygments import lex
    from pygments.lexers import get_lexer_by_name

    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    pieces = (_piece(str(kind)[6:], value) for kind, value in lex(textwrap.dedent(text), lexer))
    return "".join(pieces).split("\n")


def _piece(kind: str, value: str) -> str:
    colour = next(
        (f"var(--jp-mirror-editor-{name}-color, {c})" for k, name, c in _COLOURS if k in kind), None
    )
    if colour is None or not value.strip():
        return html.escape(value)
    span = f'<span style="color:{colour}">'  # one span a line: a span that crosses lines breaks the numbering
    return "\n".join(f"{span}{html.escape(part)}</span>" if part else "" for part in value.split("\n"))
