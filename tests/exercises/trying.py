"""How an exercise is tried: as the notebook leaves it, with wrong answers that look right, and solved.

The way to solve it is not written again here. It is what the notebook in `notebooks/solutions` does below the
heading of the exercise, so that a solution which does not solve fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from helpers import Session
from helpers.exercises import Question, Task, Verdict, catalogue, check

ROOT = Path(__file__).resolve().parents[2]

Wrong = Callable[[Session], object]


def verdict(session: Session, id: str, answer: str | None = None) -> Verdict:
    return check(id, answer, session=session)


def try_out(session: Session, id: str, wrong: Sequence[Wrong] = (), undo: Wrong | None = None) -> None:
    """The check of a task fails before, fails after each wrong answer, and passes after the solution.

    `undo` takes back what a wrong answer did. A check that errs counts as failed here only by its verdict: an
    exception fails the test.
    """
    assert isinstance(catalogue.find(id), Task)
    assert not verdict(session, id).solved, f"{id} is solved before anything was done"
    assert wrong, f"{id} needs a wrong answer that looks right"
    for attempt in wrong:
        attempt(session)
        seen = verdict(session, id)
        assert not seen.solved, f"{id} is fooled by `{attempt.__name__}`"
        assert any(not finding.met and finding.found for finding in seen.findings), seen
        if undo:
            undo(session)
    solve(session, id)
    assert verdict(session, id).solved, f"{id}: its solution does not solve it: {verdict(session, id)}"


def ask(session: Session, id: str) -> None:
    """Every wrong choice is told why, without the right one being named; the right one is explained."""
    question = catalogue.find(id)
    assert isinstance(question, Question)
    assert set(question.right) | set(question.wrong) == set(question.options)
    assert not set(question.right) & set(question.wrong)
    assert not verdict(session, id, "").solved
    for letter, why in question.wrong.items():
        seen = verdict(session, id, letter)
        assert not seen.solved
        assert why in "\n".join(seen.remarks)
        assert question.because not in "\n".join(seen.remarks)
    if len(question.right) > 1:
        assert not verdict(session, id, question.right[0]).solved
    assert not verdict(session, id, "".join(question.options)).solved
    seen = verdict(session, id, question.right)
    assert seen.solved
    assert seen.remarks == (question.because,)


def solve(session: Session, id: str) -> None:
    """Run what the solutions' notebook does for an exercise, up to its check."""
    names = {"session": session, "project": session.project, "mode": session.mode, "region": session.region}
    for source in solution(id):
        exec(compile(source, f"solution of {id}", "exec"), names)


def solution(id: str) -> list[str]:
    """The code cells of an exercise's section in the solutions' notebook, before the one that checks."""
    (path,) = (ROOT / "notebooks" / "solutions").glob(f"{id[:2]}_*.ipynb")
    inside, sources = False, []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and (heading := re.match(r"## (?:Exercise (\S+))?", source)):
            inside = heading[1] == id
        elif inside and cell["cell_type"] == "code":
            if f'check("{id}"' in source:
                return sources
            sources.append(source)
    raise AssertionError(f"{path.name} has no section `## Exercise {id}` that ends in its check")
