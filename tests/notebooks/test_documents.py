"""The documents in `docs`: words that the notebooks use, links that lead somewhere."""

from __future__ import annotations

import itertools
import json
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = sorted(DOCS.glob("*.md"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TERMS = re.findall(
    r"^\*\*(.+?)\*\* · (.+?)\s\[(\w+)\]\(\.\./notebooks/\3\.ipynb\)$",
    (DOCS / "glossary.md").read_text(encoding="utf-8"),
    re.M | re.S,
)


@cache
def words(notebook: str) -> str:
    """What a reader of a notebook sees, on one line, in small letters."""
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    return " ".join(re.sub(r"[*`]", "", "\n".join("".join(cell["source"]) for cell in cells)).split()).lower()


def anchor(heading: str) -> str:
    """The name that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def test_the_glossary_is_in_order_and_says_every_word_once() -> None:
    assert len(TERMS) > 80
    entries = (DOCS / "glossary.md").read_text(encoding="utf-8").count("\n**")
    assert entries == len(TERMS), "an entry does not end in a link to a notebook"
    names = [re.sub(r"`|!|iam:", "", term).lower() for term, _, _ in TERMS]
    assert names == sorted(set(names))


@pytest.mark.parametrize(("term", "meaning", "notebook"), TERMS, ids=lambda value: str(value)[:20])
def test_a_word_of_the_glossary_is_used_in_its_notebook(term: str, meaning: str, notebook: str) -> None:
    word = term.strip("`").lower()
    assert re.search(rf"(?<!\w){re.escape(word)}(s|es)?(?!\w)", words(notebook)) or re.search(
        rf"(?<!\w){re.escape(word)}(s|es)?(?!\w)", words(notebook).replace("-", " ")
    )
    assert 1 <= len(re.findall(r"[.!?](?:\s|$|\))", meaning)) <= 5


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, fragment = target.partition("#")
        if "://" in target:
            continue
        place = (document.parent / path).resolve() if path else document
        assert place.exists(), target
        if fragment and place.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", place.read_text(encoding="utf-8"), re.M)
            assert fragment in {anchor(heading) for heading in headings}, target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_readme_leads_to_every_document(document: Path) -> None:
    assert f"](docs/{document.name})" in (ROOT / "README.md").read_text(encoding="utf-8")


def minutes(table: str) -> dict[str, int]:
    row = r"^\| \[(\w+)\]\(\.\./notebooks/\1\.ipynb\) \| (\d+) \|"
    return {name: int(number) for name, number in re.findall(row, table, re.M)}


def test_the_instructors_have_the_minutes_of_the_notebooks() -> None:
    guide = (DOCS / "instructors-guide.md").read_text(encoding="utf-8")
    there = {
        path.stem: int(re.search(r"\| Minutes \| (\d+)", path.read_text(encoding="utf-8"))[1])
        for path in NOTEBOOKS
    }
    assert minutes(guide) == there


@pytest.mark.parametrize("plan", ["Half a day", "A whole day"])
def test_a_plan_has_no_gap_and_leaves_out_no_notebook(plan: str) -> None:
    guide = (DOCS / "instructors-guide.md").read_text(encoding="utf-8")
    section = guide.partition(f"\n## {plan}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+:\d\d) \| (\d+:\d\d) \| (.+) \|$", section, re.M)
    assert all(after[0] == before[1] for before, after in itertools.pairwise(rows))
    named = {number for *_, what in rows for number in re.findall(r"\b(\d\d)\b", what)}
    every = {path.name[:2] for path in NOTEBOOKS}
    assert named <= every
    assert plan == "Half a day" or named == every
