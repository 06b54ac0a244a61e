"""How nouns look: the same as HTML and as text, nothing injected, no account number, no colour alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest

from helpers import show
from helpers.show import Code, Log, Status, Table, Text, size_in_words

ACCOUNT = "998877665544"


class Reader(HTMLParser):
    """Reads HTML as a screen reader does: its text and its tags, and whether each tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.text, self.tags = [], "", []
        self.feed(html)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@dataclass(frozen=True)
class Thing(show.Noun):
    value: str

    def _view(self):
        yield Text(f"Thing `{self.value}`", title=True)
        yield Table(("Name", "Status"), [(self.value, Status("CREATE_FAILED"))], "Things")
        yield Code(f"A: !Ref {self.value}  # why\n", "yaml", 7)
        yield Log([self.value])


def test_both_forms_say_the_same():
    thing = Thing("DataBucket")
    read = Reader(thing._repr_html_())
    for words in ("Thing", "DataBucket", "Name", "Things", "✗", "CREATE_FAILED", "7", "!Ref", "# why"):
        assert words in read.text and words in str(thing)


def test_what_is_shown_cannot_become_html():
    read = Reader(Thing("<script>alert(1)</script>&")._repr_html_())
    assert "script" not in {tag for tag, _ in read.tags}
    assert "<script>alert(1)</script>&" in read.text


def test_tables_have_headings_for_screen_readers():
    tags = Reader(Table(("A", "B"), [("1", "2")], "Caption").html()).tags
    assert [a["scope"] for tag, a in tags if tag == "th"] == ["col", "col", "row"]
    assert any(tag == "caption" for tag, _ in tags)


def test_no_colour_stands_alone():
    """Every coloured sign has its word beside it, and is hidden from screen readers, which have the word."""
    for word in ("CREATE_COMPLETE", "CREATE_FAILED", "CREATE_IN_PROGRESS", "waiting"):
        assert word in Reader(Status(word).html()).text
        assert 'aria-hidden="true"' in Status(word).html()


@pytest.mark.parametrize(
    ("word", "sign"),
    [
        ("CREATE_COMPLETE", "✓"),
        ("SUCCEEDED", "✓"),
        ("Succeeded", "✓"),
        ("exit code 0", "✓"),
        ("exit code 10", "✗"),
        ("exit code 137", "✗"),
        ("CREATE_FAILED", "✗"),
        ("ROLLBACK_COMPLETE", "✗"),
        ("UPDATE_ROLLBACK_COMPLETE", "✗"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "…"),
        ("DELETE_IN_PROGRESS", "…"),
        ("InProgress", "…"),
        ("PENDING", "…"),
        ("FAULT", "✗"),
        ("Superseded", "✗"),
        ("waiting", "·"),
        ("not deployed", "·"),
    ],
)
def test_a_status_has_the_sign_that_its_word_means(word, sign):
    assert Status(word).sign == sign


def test_an_account_number_is_shown_nowhere(monkeypatch):
    monkeypatch.setattr(show, "_concealed", set())
    show.conceal(ACCOUNT)
    from helpers.errors import StackFailed

    thing = Thing(f"arn:aws:iam::{ACCOUNT}:role/x")
    error = StackFailed("s", "FAILED", "R", f"role {ACCOUNT} is bad", f"ask {ACCOUNT}")
    for text in (
        str(thing),
        thing._repr_html_(),
        str(error),
        "".join(error._render_traceback_()),
        repr(error),
    ):
        assert ACCOUNT not in text
    assert "<account>" in str(thing)


def test_code_keeps_its_lines_and_numbers():
    text = "A: |\n  first\n\n  second\nB: 1"
    shown = Code(text, "yaml", 9).plain().splitlines()
    assert [line.split()[0] for line in shown] == ["9", "10", "11", "12", "13"]
    assert Reader(Code(text, "yaml", 9).html()).text.count("\n") == 4


def test_code_that_is_cut_out_of_a_file_keeps_its_shape():
    assert Code("    A: 1\n      B: 2", "yaml", None).plain() == "      A: 1\n        B: 2"
    assert "  B: 2" in Reader(Code("    A: 1\n      B: 2", "yaml", None).html()).text


def test_a_long_cell_is_wrapped_and_stays_in_its_column():
    lines = Table(("K", "V"), [("k", "word " * 40)]).plain().splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line.startswith("   ") for line in lines[3:])


def test_an_empty_table_says_so():
    assert "no image yet" in Table(("A",), [], "Images", "no image yet").plain()
    assert "no image yet" in Reader(Table(("A",), [], "Images", "no image yet").html()).text


def test_a_long_log_shows_its_end():
    lines = [f"line {i}" for i in range(300)]
    shown = Log(lines, limit=10).plain()
    assert (
        "line 299" in shown
        and "line 289" not in shown.replace("line 290", "")
        and "(290 lines before)" in shown
    )


def test_a_log_opens_at_its_end_and_can_be_scrolled_and_heard():
    drawn = Log(["first", "<last>"], 'The "last" lines').html()
    box = re.search(r"<div ([^>]*)>(<pre [^>]*>(.*)</pre>)</div>$", drawn, re.S)
    assert "flex-direction:column-reverse" in box[1] and "overflow:auto" in box[1]
    assert 'tabindex="0"' in box[1] and 'role="region"' in box[1]
    assert 'aria-label="The &quot;last&quot; lines"' in box[1]
    assert box[3] == "first\n&lt;last&gt;"  # one element, in the order of writing
    assert 'aria-label="Log"' in Log(["x"]).html()


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (4200, "4.2 kB"), (5.1e7, "51 MB"), (2e9, "2.0 GB")],
)
def test_sizes_in_words(count, words):
    assert size_in_words(count) == words


def test_a_day_stays_on_one_line():
    html = Table(("Price", "Looked up"), [("a", "2026-11-30"), ("b", "from 2026-11-30 on")]).html()
    assert '<span style="white-space:nowrap">2026-11-30</span></td>' in html
    assert ">from 2026-11-30 on</td>" in html


def test_a_noun_is_shown_whole_by_ipython_and_short_by_repr():
    from IPython.lib.pretty import pretty

    assert pretty(Thing("x")) == str(Thing("x"))
    assert repr(Thing("x")) == "<Thing: Thing x>"


def test_what_is_short_stays_on_one_line_and_what_is_long_may_be_broken():
    long = "arn:aws:s3:::flights-storage-databucket/departures/2013-01-01.csv.gz"
    rows = [("~ modify", "`!Ref ArtifactExpiryDays`", long), ("a heading that takes more room", "`x`", "")]
    html = show.Table(("Action", "Written", "Resolves to"), rows).html()
    first, second = re.findall(r'<th scope="row" style="([^"]*)"', html)
    assert "white-space:nowrap" in first
    assert "white-space:nowrap" not in second
    assert '<code style="white-space:nowrap">!Ref ArtifactExpiryDays</code>' in html
    assert "databucket/<wbr>departures" in html


def test_a_source_is_a_link_and_an_address_in_an_error_is_not():
    said = 'failed to do request: Head "https://host/v2/flights/manifests/latest": i/o timeout'
    assert "<a " not in Text(said).html()
    assert (
        '<a href="https://docs.aws.amazon.com/x.html">'
        in Text("Source: https://docs.aws.amazon.com/x.html (checked today)").html()
    )


def test_a_column_without_a_name_has_no_heading_that_says_nothing():
    html = Table(("", "Status"), [("task", "RUNNING")]).html()
    assert html.count("<th") == html.count("<thead") + 2  # Status, and the row's own heading
    assert re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', html) == ["Status"]


def test_an_amount_that_is_too_small_to_write_stands_among_the_numbers():
    html = Table(("What", "a month"), [("doors", "43.80"), ("lines", "under 0.01")]).html()
    assert re.findall(r'<td style="text-align:(\w+)', html) == ["right", "right"]
