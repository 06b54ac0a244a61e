"""Three notebooks in JupyterLab, in a real browser, from `lab`: opened, run, and looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import sync_playwright

from . import jupyter

pytestmark = pytest.mark.browser
FOLDER = jupyter.ROOT / "notebooks"
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

    cells = nbformat.read(FOLDER / f"{notebook}.ipynb", 4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    asked = [re.search(r"\bcheck\(\"(.+?)\"", source) for source in sources]
    assert any(asked), "there is no exercise"
    for question, shown in zip(asked, seen.outputs, strict=True):
        if question:  # none is solved, and each says so in words
            assert f"Exercise {question[1]}" in shown

    assert lab.outside == [], "the page asked for something that is not on this computer"
