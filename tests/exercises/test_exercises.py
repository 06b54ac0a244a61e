"""What holds for all exercises: their texts, their record, hints, progress, and wrong use."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers import NameUnknown, NotReady, Session, check, hint, progress
from helpers.exercises import Question, Task, catalogue, record

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = {path.name[:2]: path for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
IDS = sorted(catalogue.everything())


def cells(path: Path) -> list[nbformat.NotebookNode]:
    return nbformat.read(path, as_version=4).cells


def section(id: str) -> list[nbformat.NotebookNode]:
    """The cells of an exercise in its notebook: from its heading to the next one."""
    found, inside = [], False
    for cell in cells(NOTEBOOKS[id[:2]]):
        if cell.cell_type == "markdown" and cell.source.startswith("##"):
            inside = cell.source.startswith(f"### Exercise {id} · {catalogue.find(id).title}\n")
        if inside:
            found.append(cell)
    return found


@pytest.mark.parametrize("number", sorted(NOTEBOOKS))
def test_each_notebook_has_two_to_four_exercises_and_their_solutions(number: str) -> None:
    exercises = catalogue.of_notebook(number)
    assert [exercise.id for exercise in exercises] == [f"{number}-{c}" for c in "abcd"[: len(exercises)]]
    assert 2 <= len(exercises) <= 4
    headings = re.findall(
        r"^### Exercise (\S+)", "\n".join(cell.source for cell in cells(NOTEBOOKS[number])), re.M
    )
    assert headings == [exercise.id for exercise in exercises]
    assert (ROOT / "notebooks" / "solutions" / NOTEBOOKS[number].name).is_file()
    assert catalogue.MODULES[number] == NOTEBOOKS[number].stem[3:]


@pytest.mark.parametrize("id", IDS)
def test_the_notebook_holds_the_text_an_empty_cell_and_the_check(id: str) -> None:
    exercise = catalogue.find(id)
    cells = section(id)
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert f"](solutions/{NOTEBOOKS[id[:2]].name})" in text
    if isinstance(exercise, Task):
        empty, checks = code
        assert empty.source == "# Write your code here."
        assert re.search(rf'^check\("{id}"\)$', checks.source, re.M)
    else:
        (checks,) = code
        assert re.search(rf'^check\("{id}", answer=""\)$', checks.source, re.M)
        for letter, option in exercise.options.items():
            assert f"- **{letter}** {option}\n" in f"{text}\n"
    assert len(exercise.hints) >= 2


@pytest.mark.parametrize("id", IDS)
def test_the_solution_ends_in_the_check(id: str) -> None:
    path = ROOT / "notebooks" / "solutions" / NOTEBOOKS[id[:2]].name
    checks = [cell.source for cell in cells(path) if f'check("{id}"' in cell.source]
    assert len(checks) == 1
    exercise = catalogue.find(id)
    given = f', "{exercise.right}"' if isinstance(exercise, Question) else ""
    assert checks[0].endswith(f'verdict = check("{id}"{given})\nassert verdict.solved\nverdict')


def test_progress_outlives_the_kernel_and_counts_what_is_solved(session: Session) -> None:
    assert progress(session).solved == 0
    assert not check("01-c", "a", session=session).solved
    assert check("01-c", "b", session=session).solved
    assert not check("01-c", "a", session=session).solved  # solved once is solved
    code = (
        "from helpers import open_session, progress\n"
        f"print(progress(open_session(project={session.project!r})))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True
    ).stdout
    assert re.search(r"^01_storage +a ·  b ·  c ✓ +1 of 3$", said, re.M), said
    assert progress(session).exercises == len(IDS)


def test_hints_come_one_at_a_time_and_then_point_to_the_solution(session: Session) -> None:
    given = [str(hint("01-a", session=session)) for _ in range(4)]
    hints = catalogue.find("01-a").hints
    plain = [text.replace("`", "") for text in hints]
    assert [plain[i] in given[i] for i in range(3)] == [True] * 3
    assert "solutions" not in given[0] and "solutions" in given[2]
    assert given[3] == given[2]


def test_an_unsolved_exercise_says_what_is_missing_and_where_help_is(session: Session) -> None:
    said = str(check("01-a", session=session))
    assert "not yet" in said
    assert "x" in said and "storage is not deployed" in said.replace("`", "")
    assert 'hint("01-a")' in said


def test_wrong_use_says_what_is_right(session: Session) -> None:
    with pytest.raises(NameUnknown, match="did you mean `01-a`"):
        check("01a", session=session)
    with pytest.raises(NameUnknown, match="no option z"):
        check("01-c", "z", session=session)
    with pytest.raises(NameUnknown, match="not a question"):
        check("01-a", "b", session=session)


def test_before_a_session_is_open_it_says_how_to_open_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.session._opened", [])
    with pytest.raises(NotReady, match="No session is open"):
        check("01-a")


def test_a_broken_record_is_kept_aside_and_a_folder_that_cannot_be_written_is_said(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
    file = record.path(session)
    file.parent.mkdir()
    file.write_text('{"01-a": {"solved": tru')
    assert check("01-c", "b", session=session).solved
    assert file.with_suffix(".broken").read_text() == '{"01-a": {"solved": tru'
    assert json.loads(file.read_text()) == {"01-c": {"solved": True, "tries": 1}}
    monkeypatch.setenv("SANDBOX_HOME", str(file))  # a file where a folder should be
    seen = check("01-c", "b", session=session)
    assert seen.solved
    assert "Not noted" in str(seen)
