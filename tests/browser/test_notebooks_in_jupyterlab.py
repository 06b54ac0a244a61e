"""Three notebooks in JupyterLab, in a real browser, from `lab`: opened, run, and looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright

from . import jupyter

pytestmark = pytest.mark.browser
NOTEBOOKS = ("00_start_here", "01_storage", "04_registry")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[jupyter.Lab]:
    """One JupyterLab with one sandbox for all of them, as a learner has."""
    home = tmp_path_factory.mktemp("home")
    course = jupyter.copy_of_the_course(tmp_path_factory.mktemp("course") / "workshop")
    with (
        jupyter.serving(course, home) as address,
        sync_playwright() as playwright,
        jupyter.browsing(playwright, address) as lab,
    ):
        yield lab


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_learner_opens_it_and_runs_it_from_top_to_bottom(lab: jupyter.Lab, notebook: str) -> None:
    lab.open(f"{notebook}.ipynb")
    lab.run_all()
    seen = lab.look()
    assert seen.complaints == []
    assert seen.prompts == [f"[{n}]:" for n in range(1, len(seen.prompts) + 1)], "a cell was not run"
    assert len(seen.prompts) >= 5

    assert seen.pictures
    for picture in seen.pictures:
        assert picture["seen"], f"{picture['src']} is not shown"
        assert picture["alt"]

    checks = [cell for cell in seen.cells if re.search(r"\bcheck\(", cell["source"])]
    assert checks, "no exercise was seen"
    for cell in checks:  # none is solved, and each says so in words
        assert re.search(r"Exercise \d\d-\w", cell["output"]), f"nothing is shown by {cell['source']}"
    assert lab.outside == [], "the page asked for something that is not on this computer"
