"""What the course says about AWS has a source and a day, and no new claim slips in without them.

Facts that were looked up more than a year ago are listed as warnings, so that no push fails because a day has
passed. The weekly run of CI makes those warnings errors, and then somebody looks again:

    make test ARGS="tests/notebooks/test_claims.py -W error::pytest.PytestWarning"
"""

from __future__ import annotations

import datetime
import json
import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
BOOK = yaml.safe_load((ROOT / "helpers" / "claims.yaml").read_text(encoding="utf-8"))
CLAIMS: list[dict[str, Any]] = BOOK["claims"]
TODAY = datetime.date.today()
A_YEAR = datetime.timedelta(days=365)

NUMBER = r"(?:\d[\d,.]*|one|two|three|four|five|six|ten|twelve|hundred|million)"
UNIT = (
    r"(?:GB|GiB|MB|MiB|kB|vCPU|processors?|bytes|days?|hours?|minutes?|seconds?|months?|years?|per cent|%"
    r"|users?|zones?|targets?|alarms?|addresses|requests?|times|layers|fields|versions?|schedules|rules)"
)
BOUND = (
    r"(?:at least|at most|up to|more than|within|after|for|lasts?|every|first|keeps?|only|than|minimum"
    r"|maximum)(?: an?| about| some| the)?"
)
MONEY = r"\b(?:cents?|USD|dollars?|free|cheaper|costs? nothing|paid|pric(?:e|es|ed))\b"
CHANGE = (
    r"\b(?:(?:19|20)\d\d|no longer|legacy|withdraws?|withdrawn|removed with|recommends|by default|closed to"
    r"|[Tt]oday AWS|Today|once called|was called|old(?:er)? (?:templates|tutorials))\b"
)
LIMIT = rf"\b{BOUND} {NUMBER}[ -](?:more |\w+ )?{UNIT}\b|\b\d[\d,.]*[ -]{UNIT}\b|\b(?:fifth|tenth)\b"
# A sentence may bring its source and its day along.
SOURCED = re.compile(r"\]\((https://[^)\s]+)\)[^()]*?[,;(] ?read on (\d{1,2} [A-Z][a-z]+ \d{4})")
LOOKS_LIKE_A_FACT = re.compile("|".join((MONEY, CHANGE, LIMIT)))


class Stale(pytest.PytestWarning):
    """A claim that was looked up more than a year ago."""


def plain(markdown: str) -> str:
    """Words without marks for emphasis and code, on one line."""
    return " ".join(re.sub(r"[*`]", "", markdown).split())


@cache
def place(name: str) -> str:
    """The prose of a notebook, or a document by its path."""
    if name not in NOTEBOOKS:
        return (ROOT / name).read_text(encoding="utf-8")
    cells = json.loads(NOTEBOOKS[name].read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def sentences(markdown: str) -> Iterator[str]:
    """Sentences, headings and rows of tables; not code, not a picture's words, not exercises: they ask."""
    text = re.sub(r"^## Exercises\n.*?(?=^## )", "", markdown, flags=re.M | re.S)
    text = re.sub(r"^```.*?^```|!\[[^\]]*\]\([^)]*\)", "", text, flags=re.M | re.S)
    for block in re.split(r"\n\s*\n|\n(?=[|#-]|\d+\. )", text):
        if not re.fullmatch(r"[\s|:-]*", block):
            yield from re.split(r"(?<=[.!?:;])\s+(?=[A-Z\"\[(|])", plain(block))


def unclaimed(text: str, quotes: list[str]) -> list[str]:
    """The sentences that look like a fact about AWS, name no source and hold none of the quotations."""
    facts = [s for s in sentences(text) if LOOKS_LIKE_A_FACT.search(s) and not SOURCED.search(s)]
    return [sentence for sentence in facts if not any(plain(quote) in sentence for quote in quotes)]


def dated() -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that has a source and a day: claims, sentences that name theirs, explanations, prices."""
    yield from ((claim["claim"], claim) for claim in CLAIMS)
    for notebook in NOTEBOOKS:
        for sentence in sentences(place(notebook)):
            for source, day in SOURCED.findall(sentence):
                checked = datetime.datetime.strptime(day, "%d %B %Y").date()
                yield f"{notebook}: {sentence}", {"source": source, "checked": checked}
    for path in sorted((ROOT / "helpers").glob("*.yaml")):
        if path.name != "claims.yaml":
            yield from entries(path.name, yaml.safe_load(path.read_text(encoding="utf-8")))


def entries(name: str, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if "source" in value or "checked" in value:
            yield name, value
        else:
            for key, inner in value.items():
                yield from entries(f"{name}: {key}", inner)


def test_every_fact_has_a_source_and_a_day() -> None:
    found = dict(dated())
    assert len(found) > 100
    for name, fact in found.items():
        own = fact["source"] == "own" and fact.get("note")
        assert own or re.fullmatch(r"https://\S+", fact["source"]), name
        assert datetime.date(2026, 1, 1) <= fact["checked"] <= TODAY, name


def test_a_claim_says_whether_somebody_has_seen_the_page() -> None:
    for claim in CLAIMS:
        assert set(claim) <= {"claim", "stated", "source", "checked", "confirmed", "note"}, claim["claim"]
        assert isinstance(claim["confirmed"], bool)
        assert claim["confirmed"] or claim["note"], f"what is known instead? {claim['claim']}"
        assert claim["stated"], f"nobody says so: {claim['claim']}"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["claim"][:50])
def test_every_quotation_is_found_where_it_is_said_to_be(claim: dict[str, Any]) -> None:
    """Where one is gone the sentence was changed: see whether the claim still holds, and quote it anew."""
    for name, quotes in claim["stated"].items():
        text = plain(place(name))
        assert [quote for quote in quotes if plain(quote) not in text] == [], name


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_no_sentence_that_looks_like_a_fact_about_aws_is_without_a_claim(notebook: str) -> None:
    """A new one goes into helpers/claims.yaml with its source, or under `ours` when it is of the course."""
    claimed = [quote for claim in CLAIMS for quote in claim["stated"].get(notebook, [])]
    new = unclaimed(place(notebook), claimed + BOOK["ours"].get(notebook, []))
    assert not new, "\n".join(["In helpers/claims.yaml is nothing about", *new])


def test_what_is_listed_as_ours_is_there_and_would_be_asked_about() -> None:
    for notebook, quotes in BOOK["ours"].items():
        asked = unclaimed(place(notebook), [])
        for quote in quotes:
            assert any(plain(quote) in sentence for sentence in asked), f"{notebook}: {quote}"


@pytest.mark.parametrize(
    "sentence",
    [
        "Since 3 May 2027 a task costs 2 US cents an hour.",
        "The polling of a pipeline is switched off after 45 days.",
        "CodeDeploy is no longer open to new customers.",
        "| time limit | at most 15 minutes |",
        "ARM is cheaper by about a third.",
    ],
)
def test_a_new_fact_is_noticed(sentence: str) -> None:
    text = f"Deploy it, and look.\n\n{sentence}\n\nIt has *two* roles.\n"
    assert [plain(found) for found in unclaimed(text, [])] == [plain(sentence)]
    assert unclaimed(text, ["Deploy it"]) and not unclaimed(text, [sentence])
    sourced = f"{sentence[:-1]} ([AWS's page](https://docs.aws.amazon.com/x.html), read on 3 May 2027)."
    assert not unclaimed(text.replace(sentence, sourced), [])


def test_facts_older_than_a_year_are_listed() -> None:
    facts = sorted(dated(), key=lambda each: each[1]["checked"])
    old = [f"{f['checked']}  {n}  {f['source']}" for n, f in facts if f["checked"] < TODAY - A_YEAR]
    if old:
        warnings.warn(Stale("\n".join(["Look again whether this still holds:", *old])), stacklevel=1)
