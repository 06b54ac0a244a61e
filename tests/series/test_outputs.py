"""`outputs`: what is stored in the notebooks, what is kept, and what keeps everything as it was."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from helpers.commands.comparison import Rules
from helpers.commands.outputs import learn, merged, unfit

from .write import finish, notebook, processes_of, run

RANDOM = "import uuid\nprint(uuid.uuid4())\nprint(7)"
OLD, NEW, OTHER = (f"flights-storage-data-{end}" for end in ("lwsw8lqd96m2", "oyk2gymfjmbm", "av2mjh9bm5zy"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "a folder"
    (made / "solutions").mkdir(parents=True)
    return made


def executed(*printed: str, counts: bool = True) -> nbformat.NotebookNode:
    """A notebook whose cells have printed these texts."""
    cells = [
        new_code_cell(
            f"cell {place}",
            id=f"00-0{place}",
            execution_count=place if counts else None,
            outputs=[new_output("stream", name="stdout", text=text)],
        )
        for place, text in enumerate(printed, start=1)
    ]
    return new_notebook(cells=cells)


def shown(text: str) -> list[str]:
    return [cell.outputs[0].text for cell in nbformat.reads(text, as_version=4).cells]


def test_outputs_are_stored_once_and_what_varies_makes_no_change(folder: Path) -> None:
    paths = [notebook(folder, "00_a", RANDOM, "2 + 2"), notebook(folder / "solutions", "00_a", RANDOM)]
    before = [nbformat.read(path, as_version=4) for path in paths]
    code, said = finish(run(folder, folder / "out", "outputs", as_written=True))
    assert code == 0, said
    stored = [path.read_text() for path in paths]
    first = nbformat.reads(stored[0], as_version=4)
    assert [cell.source for cell in first.cells] == [cell.source for cell in before[0].cells]
    assert [cell.metadata for cell in first.cells] == [cell.metadata for cell in before[0].cells]
    assert [cell.execution_count for cell in first.cells if cell.cell_type == "code"] == [1, 2, 3]
    assert first.cells[-1].outputs[0].data == {"text/plain": "4"}
    assert nbformat.reads(stored[1], as_version=4).cells[-1].outputs[0].text.endswith("\n7\n")

    code, said = finish(run(folder, folder / "out", "outputs", as_written=True))
    assert code == 0, said
    assert [path.read_text() for path in paths] == stored
    assert processes_of(folder) == []


def test_a_cell_that_fails_leaves_every_notebook_as_it_was(folder: Path) -> None:
    paths = [notebook(folder, "00_a", "print(1)"), notebook(folder, "01_b", "print(2)", "1 / 0")]
    before = [path.read_text() for path in paths]
    code, said = finish(run(folder, folder / "out", "outputs", as_written=True))
    assert code == 1
    assert "FAILED: 01_b, code cell 3 of 3: 1 / 0" in said
    assert "No notebook was changed." in said
    assert [path.read_text() for path in paths] == before


def test_a_change_shows_alone_and_speaks_of_the_bucket_that_the_others_speak_of(tmp_path: Path) -> None:
    path, rules, known = tmp_path / "00_a.ipynb", Rules(), {}
    stored = executed(f"made {OLD}", f"{OLD}: 842 rows", "0.01 s")
    nbformat.write(stored, path)
    today = executed(f"made {NEW}", f"{NEW}: 843 rows", "0.01 s")
    learn(rules, stored, today, known)
    assert shown(merged(rules, path, today, known)) == [f"made {OLD}", f"{OLD}: 843 rows", "0.01 s"]


def test_what_was_never_stored_is_stored_as_it_is(tmp_path: Path) -> None:
    path, rules = tmp_path / "00_a.ipynb", Rules()
    nbformat.write(executed(f"made {OLD}", counts=False), path)
    assert shown(merged(rules, path, executed(f"made {OTHER}"), {})) == [f"made {OTHER}"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("File /home/ada/course/report.py", "a path: /home/ada/course/report.py"),
        (r"C:\Users\ada", r"a path: C:\Users\ada"),
        ("arn:aws:iam::210987654321:role/x", "an account's number: 210987654321"),
        ("key AKIAIOSFODNN7EXAMPLE", "a credential: AKIAIOSFODNN7EXAMPLE"),
        ("'SecretAccessKey': 'wJalrXUtnFEMI/K7MDENG/bPxRfi'", "a credential: "),
        ("unix:///var/run/docker.sock in arn:aws:iam::123456789012:role/x", None),
        ("{'Arn': 'arn:aws:s3:::flights'} s3://flights/home/x", None),
    ],
)
def test_nothing_of_this_machine_or_of_an_account_is_stored(text: str, what: str | None) -> None:
    found = unfit(nbformat.writes(executed(text)))
    assert len(found) == (1 if what else 0)
    assert all(problem.startswith(f"cell 00-01 shows {what}") for problem in found)
