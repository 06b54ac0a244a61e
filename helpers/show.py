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
from functools import cached_property
from itertools import zip_longest
from typing import Any

_concealed: set[str] = set()

GREY = "var(--jp-border-color2, rgba(128,128,128,.35))"
SPACE = "margin:.4em 0"
CELL = f"vertical-align:top;padding:.25em .9em .25em 0;border-bottom:1px solid {GREY}"
FIXED = "font:var(--jp-code-font-size, 13px)/1.4 var(--jp-code-font-family, monospace);background:none"
QUIET = "opacity:.7"
# Where a long ARN or path may be broken, though never inside a tag.
LONG = re.compile(r"(?<=[^\s<&]{12}[:/.,])(?=[^\s<&:]{6})(?![^<>]*>)")
LONGEST_NAME = 34  # characters of code that stay on one line
SHORT = 24  # characters in a row's heading that stay on one line, as "~ modify" must
DAY = re.compile(r"\d{4}-\d\d-\d\d")
WIDEST = 76  # characters in a cell of a terminal's table, before it is wrapped

SIGNS = (  # the first pattern that matches decides
    (r"FAILED|ROLLBACK|FAULT|TIMED_OUT|Failed|Cancelled|error", "✗", "var(--jp-error-color1, #c62828)"),
    (r"IN_PROGRESS|InProgress|ING$|working|^not yet$", "…", "var(--jp-warn-color1, #b26a00)"),
    (
        r"COMPLETE|SUCCEEDED|Succeeded|exit code 0$|^(emptied|ended|switched off|solved|yes)$",
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
        return f'<span style="white-space:nowrap">{sign} {html.escape(self.word)}</span>'


@dataclass(frozen=True)
class Text:
    """A paragraph; `words` in backticks are set as code."""

    text: str
    title: bool = False

    def plain(self) -> str:
        return discreet(self.text).replace("`", "")

    def html(self) -> str:
        return _heading(self.text) if self.title else f'<p style="{SPACE}">{_inline(self.text)}</p>'


@dataclass(frozen=True)
class Table:
    """Rows under headings. The first cell of a row is its heading for a screen reader.

    Columns of numbers are set to the right; columns without names have no headings.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    empty: str = "none"

    def plain(self) -> str:
        title = [_cell_text(self.caption)] if self.caption else []
        if not self.rows:
            return "\n".join([*title, f"  {self.empty}"])
        heads = [[_cell_text(name)] for name in self.columns]
        rows = [[_wrapped(_cell_text(value)) for value in row] for row in self.rows]
        widths = [max(len(line) for row in [heads, *rows] for line in row[i]) for i in range(len(heads))]
        lines = [line for row in rows for line in self._lines(row, widths)]
        if any(self.columns):
            lines[:0] = [*self._lines(heads, widths), "  ".join("─" * width for width in widths)]
        return "\n".join([*title, *lines])

    def _lines(self, cells: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterable[str]:
        """A row of wrapped cells as lines of a terminal."""
        for parts in zip_longest(*cells, fillvalue=""):
            padded = (
                part.rjust(width) if i in self._numbers else part.ljust(width)
                for i, (part, width) in enumerate(zip(parts, widths, strict=True))
            )
            yield "  ".join(padded).rstrip()

    def html(self) -> str:
        if not self.rows:
            return f'<p style="{SPACE}">{_inline(self.caption)}: {_inline(self.empty)}</p>'
        caption = _inline(self.caption)
        if caption:
            caption = f'<caption style="text-align:left;padding:.3em 0"><strong>{caption}</strong></caption>'
        names = [(name, ("th", "col") if name else ("td", "")) for name in self.columns]
        head = "".join(self._cell(i, *tag, _inline(name)) for i, (name, tag) in enumerate(names))
        head = f"<thead><tr>{head}</tr></thead>" if any(self.columns) else ""
        body = "".join(f"<tr>{self._row(row)}</tr>" for row in self.rows)
        table = (
            f'<table style="border-collapse:collapse;{SPACE}">{caption}{head}<tbody>{body}</tbody></table>'
        )
        return f'<div style="overflow-x:auto">{table}</div>'

    def _row(self, row: Sequence[Any]) -> str:
        first, *rest = [_cell_html(value) for value in row]
        cells = [
            self._cell(0, "th", "row", first, len(_cell_text(row[0])) <= SHORT),
            *(self._cell(i, "td", "", c) for i, c in enumerate(rest, 1)),
        ]
        return "".join(cells)

    def _cell(self, column: int, tag: str, scope: str, inner: str, whole: bool = False) -> str:
        side = "right" if column in self._numbers else "left"
        weight = ";font-weight:normal" if scope == "row" else ""
        weight += ";white-space:nowrap" if whole else ""
        scope = f' scope="{scope}"' if scope else ""
        return f'<{tag}{scope} style="text-align:{side};{CELL}{weight}">{inner}</{tag}>'

    @cached_property
    def _numbers(self) -> set[int]:
        """The columns that hold numbers and nothing else."""
        columns = zip(*self.rows, strict=True)
        is_number = [
            all(re.fullmatch(r"(?:under )?-?[\d.,]*", _cell_text(cell)) for cell in column)
            for column in columns
        ]
        return {
            i for i, every in enumerate(is_number) if every and any(_cell_text(row[i]) for row in self.rows)
        }


@dataclass(frozen=True)
class Code:
    """Source lines, with their numbers in the file from `first` on, or without when it is None."""

    text: str
    language: str = "yaml"
    first: int | None = 1
    caption: str = ""

    def plain(self) -> str:
        title = [_cell_text(self.caption)] if self.caption else []
        return "\n".join([*title, *self._numbered(discreet(self.text).splitlines(), "{}", "  ")])

    def html(self) -> str:
        from .highlight import html_lines  # here, because Pygments is slow to import

        number = f'<span style="{QUIET};user-select:none">{{}}</span>'
        lines = self._numbered(html_lines(discreet(self.text), self.language), number, "")
        return _heading(self.caption) + _preformatted("\n".join(lines), "overflow-x:auto")

    def _numbered(self, lines: list[str], number: str, otherwise: str) -> Iterable[str]:
        """The lines, each behind its number in the form of `number`, or behind `otherwise`."""
        if self.first is None:
            return (otherwise + line for line in lines)
        width = len(str(self.first + len(lines))) + 1
        return (
            f"{number.format(f'{i:>{width}}  ')}{line}".rstrip() for i, line in enumerate(lines, self.first)
        )


@dataclass(frozen=True)
class Log:
    """Lines as they were written; the newest `limit` of them."""

    lines: Sequence[str]
    caption: str = ""
    limit: int = 200

    def plain(self) -> str:
        title = [_cell_text(self.caption)] if self.caption else []
        return "\n".join([*title, *(f"  {line}" for line in self._shown())])

    def html(self) -> str:
        """Scrolled to its end: a browser keeps the start of a reversed column in sight, its bottom.

        All lines are in one element, so a screen reader hears them in the order in which they were written.
        """
        style = f"border-left:3px solid {GREY};padding-left:.8em;max-height:24em;overflow:auto;{SPACE}"
        name = f'role="region" aria-label="{html.escape(_cell_text(self.caption) or "Log")}"'
        lines = html.escape("\n".join(self._shown()))
        return (
            f'{_heading(self.caption)}<div {name} tabindex="0" '
            f'style="display:flex;flex-direction:column-reverse;{style}">'
            f'<pre style="margin:0;flex:none;{FIXED};white-space:pre-wrap">{lines}</pre></div>'
        )

    def _shown(self) -> list[str]:
        hidden = len(self.lines) - self.limit
        kept = [f"({hidden} lines before)", *self.lines[-self.limit :]] if hidden > 0 else self.lines
        return [discreet(line) for line in kept]


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


def _heading(text: str) -> str:
    return f'<p style="{SPACE}"><strong>{_inline(text)}</strong></p>' if text else ""


def _preformatted(inner: str, style: str) -> str:
    """Lines in a fixed width, which a keyboard can scroll."""
    return f'<pre tabindex="0" style="{SPACE};{FIXED};{style}">{inner}</pre>'


def _inline(text: object) -> str:
    escaped = html.escape(discreet(text))
    # Not what stands in quotation marks: an error message's address leads a reader nowhere.
    linked = re.sub(r"(?<!&quot;)(https://[^\s<)]+[^\s<).,;])", r'<a href="\1">\1</a>', escaped)
    return re.sub(r"`([^`]+)`", _code, linked)


def _code(marked: re.Match[str]) -> str:
    """What stood in backticks; a name or a short use of a function stays on one line."""
    style = ' style="white-space:nowrap"' if len(marked[1]) <= LONGEST_NAME else ""
    return f"<code{style}>{marked[1]}</code>"


def _wrapped(text: str) -> list[str]:
    """The lines of a cell. A long name stays whole: it can be copied, and always breaks at the same place."""
    return textwrap.wrap(text, WIDEST, break_long_words=False, break_on_hyphens=False) or [""]


def _cell_text(value: Any) -> str:
    return " ".join(discreet("" if value is None else value).replace("`", "").split("\n"))


def _cell_html(value: Any) -> str:
    if isinstance(value, Status):
        return value.html()
    text = _inline("" if value is None else value).replace("\n", "<br>")
    if DAY.fullmatch(text):  # a browser would break it at its hyphens
        return f'<span style="white-space:nowrap">{text}</span>'
    return text if "<a " in text else LONG.sub("<wbr>", text)
