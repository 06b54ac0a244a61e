"""How the notebooks are written: what can be checked of it without running them.

The figures (words for each line of code, lines in a cell) are those of notebooks that people learn well from:
20 to 55 words, a median of two or three lines, and no cell over fifteen.
"""

from __future__ import annotations

import ast
import re
import statistics
import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
PICTURES = sorted((FOLDER / "images").glob("*.svg"))
PARAMETERS = {"mode": "sandbox", "project": "flights", "region": None}
SANDBOX_ACCOUNT = "123456789012"  # AWS's own example of an account number
DOCKER = r"(?!/var/run/docker\.sock)"  # the same everywhere: an error message of Docker's names it
MACHINE_PATH = re.compile(rf"(?<![\w.]){DOCKER}/(?:home|root|tmp|Users|var|work|opt|private)/\w|\b[A-Z]:\\\w")
REGION = re.compile(r"\b(?:us|eu|ap|sa|ca|me|af|il|mx)-(?:north|south|east|west|central)[a-z]*-\d\b")
INTERACTIVE = {"input", "getpass", "sleep"}

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == kind]


def prose(path: Path) -> str:
    return "\n\n".join(cell.source for cell in cells(path, "markdown"))


def headings(path: Path) -> list[str]:
    return re.findall(r"^## (.+)$", prose(path), re.M)


def lines_of_code(source: str) -> int:
    return sum(1 for line in source.splitlines() if line.strip() and not line.strip().startswith("#"))


def last_statement(source: str) -> ast.stmt | None:
    body = ast.parse(source).body
    return body[-1] if body else None


def shown(path: Path) -> str:
    """Everything that the code cells of a notebook show when it is opened."""
    texts = []
    for cell in cells(path, "code"):
        for output in cell.outputs:
            texts += [output.get("text", ""), *output.get("traceback", [])]
            texts += map(str, output.get("data", {}).values())
    return "\n".join(texts)


def test_there_are_notebooks_each_with_a_number_of_its_own() -> None:
    assert len(PATHS) >= 11
    assert all(re.fullmatch(r"\d\d_[a-z0-9_]+", path.stem) for path in PATHS)
    numbers = [path.name[:2] for path in PATHS]
    assert len(set(numbers)) == len(numbers)


@each_notebook
def test_the_file_is_a_plain_notebook_with_stable_cell_ids(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    ids = [cell.id for cell in notebook.cells]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(rf"{path.name[:2]}-\d\d\d?", name) for name in ids)


@each_notebook
def test_it_opens_with_what_a_learner_wants_to_know_first(path: Path) -> None:
    opening = read(path).cells[0]
    assert opening.cell_type == "markdown"
    assert re.match(r"# \S.+\n", opening.source)
    assert "](" in opening.source and re.search(r"^!\[", opening.source, re.M)
    table = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", opening.source, re.M))
    assert re.match(r"\d+", table["Minutes"])
    assert table["Before this one"].strip()
    assert re.search(r"[Nn]othing|USD \d|US cent", table["Cost in a real account"])


@each_notebook
def test_one_title_and_a_few_sections_which_match_the_objectives(path: Path) -> None:
    assert len(re.findall(r"^# ", prose(path), re.M)) == 1
    *found, exercises, summary = headings(path)
    assert 4 <= len(found) <= 7
    assert (exercises, summary) == ("Exercises", "Summary")
    objectives = re.findall(r"^(\d+)\. ", read(path).cells[0].source, re.M)
    assert [heading.partition(".")[0] for heading in found] == objectives
    assert objectives == [str(number) for number in range(1, len(objectives) + 1)]


@each_notebook
def test_a_heading_begins_its_cell(path: Path) -> None:
    """JupyterLab folds a section, and a screen reader jumps to it, only then."""
    late = [cell.id for cell in cells(path, "markdown") if re.search(r"\n##+ ", cell.source)]
    assert late == []


@each_notebook
def test_it_begins_with_the_parameters_and_a_session(path: Path) -> None:
    first, second, *others = cells(path, "code")
    assert "parameters" in first.metadata.get("tags", [])
    assert not any("parameters" in cell.metadata.get("tags", []) for cell in [second, *others])
    assigned = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(first.source).body}
    assert assigned == PARAMETERS
    assert "open_session(mode=mode, project=project, region=region)" in second.source


@each_notebook
def test_every_code_cell_is_announced_in_prose(path: Path) -> None:
    before = ""
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert before == "markdown", f"{cell.id} follows a code cell"
        before = cell.cell_type


@each_notebook
def test_more_is_explained_than_typed(path: Path) -> None:
    typed = [lines_of_code(cell.source) for cell in cells(path, "code")]
    sizes = [size for size in typed if size]  # without the empty cells of the exercises
    assert max(sizes) <= 15
    assert statistics.median(sizes) <= 3
    words = len(re.findall(r"\w+", prose(path)))
    assert 15 <= words / sum(sizes) <= 60


@each_notebook
def test_cells_are_plain_python_that_asks_nobody_and_waits_for_nothing(path: Path) -> None:
    for cell in cells(path, "code"):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom):
                assert all(name.name != "*" for name in node.names), cell.id
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                assert name not in INTERACTIVE, f"{cell.id} calls {name}"


@each_notebook
def test_no_cell_is_meant_to_end_in_an_error(path: Path) -> None:
    """A refusal is caught and shown: to papermill every error is a failure, whatever the cell's tags say."""
    tagged = [cell.id for cell in cells(path, "code") if "raises-exception" in cell.metadata.get("tags", [])]
    kinds = [output.output_type for cell in cells(path, "code") for output in cell.outputs]
    assert tagged == []
    assert "error" not in kinds


@each_notebook
def test_it_can_be_read_without_running_it(path: Path) -> None:
    """Outputs are stored for all code cells that show something: `python -m helpers outputs` stores them."""
    counts = [cell.execution_count for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1)), "nbval compares no cell that has never run"
    ends_on_a_value = [
        cell for cell in cells(path, "code") if isinstance(last_statement(cell.source), ast.Expr)
    ]
    shown = [cell for cell in ends_on_a_value if cell.outputs]
    assert len(shown) >= 0.8 * len(ends_on_a_value)


@each_notebook
def test_nothing_in_it_belongs_to_one_machine_account_or_region(path: Path) -> None:
    for cell in read(path).cells:
        assert not MACHINE_PATH.search(cell.source), cell.id
        assert not re.search(r"\b\d{12}\b", cell.source), cell.id
        if cell.cell_type == "code":
            assert not REGION.search(cell.source), cell.id
    assert not MACHINE_PATH.search(shown(path))
    # In an ARN or a registry's address. Alone, twelve digits may be the beginning of a commit's id.
    accounts = re.findall(r"(?<=:)\d{12}(?=:)|\b\d{12}(?=\.dkr\.)", shown(path))
    assert set(accounts) <= {SANDBOX_ACCOUNT}


@each_notebook
def test_template_lines_are_shown_from_the_file_and_never_pasted(path: Path) -> None:
    """A block in the prose is for what the templates do not have: the modern form, or another provider."""
    files = {line.strip() for file in (ROOT / "cfn").glob("*.yaml") for line in file.read_text().splitlines()}
    for block in re.findall(r"^```\w*\n(.*?)^```", prose(path), re.M | re.S):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        pasted = [line for line in lines if line in files]
        assert len(pasted) * 2 <= len(lines), pasted


@each_notebook
def test_no_text_turns_into_a_formula(path: Path) -> None:
    """Between two dollar signs Jupyter sets mathematics: write USD, or cents."""
    for cell in cells(path, "markdown"):
        text = re.sub(r"^```.*?^```|^ {4}.*?$|`[^`\n]*`", "", cell.source, flags=re.M | re.S)
        assert text.count("$") < 2, cell.id


@each_notebook
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    for alt, target in re.findall(r"(!?\[[^\]]*\])\(([^)\s]+)\)", prose(path)):
        if "://" not in target:
            assert (FOLDER / target.partition("#")[0]).exists(), target
        if alt.startswith("!"):
            assert target.startswith("images/"), f"a page made of the notebook cannot hold {target}"
            assert len(alt) >= 60, f"too little is said for who cannot see {target}"


@each_notebook
def test_it_closes_with_a_summary_what_to_keep_and_the_next_one(path: Path) -> None:
    *_, last = cells(path, "markdown")
    assert last is read(path).cells[-1] or last.source == read(path).cells[-1].source
    assert last.source.startswith("## Summary\n")
    assert "**Keep or tear down?**" in last.source
    place = PATHS.index(path)
    if place + 1 < len(PATHS):
        following = PATHS[place + 1]
        assert f"]({following.name})" in last.source.partition("**Next:**")[2]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_says_what_it_shows_and_is_used(picture: Path) -> None:
    svg = ET.parse(picture).getroot()
    title = svg.find("{http://www.w3.org/2000/svg}title")
    assert title is not None and title.text.strip()
    assert svg.get("role") == "img" and title.get("id") in svg.get("aria-labelledby", "").split()
    assert not re.search(r"<script|https?://(?!www\.w3\.org/)", picture.read_text())
    assert any(f"](images/{picture.name})" in prose(path) for path in PATHS)


def test_the_first_picture_is_the_one_of_the_readme() -> None:
    """A copy, because pages made of a notebook can hold only pictures from below its own folder."""
    own = FOLDER / "images" / "00-architecture.svg"
    assert own.read_bytes() == (ROOT / "docs" / "architecture.svg").read_bytes()
