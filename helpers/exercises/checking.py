"""`check`, `hint` and `progress`: the verbs of the exercises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .. import session as sessions
from .. import show
from ..errors import AwsRefused, NameUnknown, SandboxUnavailable, WorkshopError
from ..session import Session, verb
from . import catalogue, record
from .nouns import Exercise, Finding, Question, Task

_NOBODYS_FAULT = (AwsRefused, SandboxUnavailable)  # no answer to the exercise: shown as the error it is


@dataclass(frozen=True)
class Verdict(show.Noun):
    """Whether an exercise is solved, and what was looked at. `bool(verdict.solved)` is all a test needs."""

    id: str
    title: str
    solved: bool
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]

    def _view(self) -> Iterator[show.Block]:
        yield show.Text(
            f"Exercise {self.id} · {self.title} · {show.Status('solved' if self.solved else 'not yet')}",
            title=True,
        )
        if self.findings:
            rows = [(_met(f), f.wanted, "" if f.met else f.found) for f in self.findings]
            yield show.Table(("", "Asked for", "Found"), rows)
        for remark in self.remarks:
            yield show.Text(remark)


@dataclass(frozen=True)
class Hint(show.Noun):
    """One hint of an exercise, and how many there are."""

    id: str
    number: int
    of: int
    text: str

    def _view(self) -> Iterator[show.Block]:
        yield show.Text(f"Hint {self.number} of {self.of} for exercise {self.id}", title=True)
        yield show.Text(self.text)
        if self.number == self.of:
            yield show.Text("That was the last one. The notebook of this name in `solutions` shows a way.")


@dataclass(frozen=True)
class Solved:
    """How far one notebook's exercises are solved."""

    notebook: str
    exercises: tuple[str, ...]
    solved: tuple[str, ...]


@dataclass(frozen=True)
class Progress(show.Rows):
    """The exercises of the whole course, notebook by notebook, and which of them are solved."""

    project: str
    rows: tuple[Solved, ...]

    @property
    def solved(self) -> int:
        return sum(len(row.solved) for row in self.rows)

    @property
    def exercises(self) -> int:
        return sum(len(row.exercises) for row in self.rows)

    def _view(self) -> Iterator[show.Block]:
        rows = [
            (
                row.notebook,
                "  ".join(f"{id[-1]} {'✓' if id in row.solved else '·'}" for id in row.exercises),
                f"{len(row.solved)} of {len(row.exercises)}",
            )
            for row in self.rows
        ]
        said = f"Exercises of {self.project}: {self.solved} of {self.exercises} solved"
        yield show.Table(("Notebook", "✓ solved, · not yet", "Solved"), rows, said)


def check(exercise: str, answer: str | None = None, session: Session | None = None) -> Verdict:
    """Whether an exercise is solved, by looking at what is deployed; for a question, whether `answer` is
    right.

    `answer` is the letter of an option, or the letters of several ("bd"). `session` None means the one that
    was opened last. What is solved is noted for `progress`. Raises NameUnknown for an exercise that does not
    exist, NotReady before a session is open, and AwsRefused when AWS itself cannot be asked.
    """
    return _check(session or sessions.current(), catalogue.find(exercise), answer)


@verb
def _check(session: Session, exercise: Exercise, answer: str | None) -> Verdict:
    if isinstance(exercise, Question):
        solved, findings, remarks = _judge(exercise, answer)
        counts = answer is not None and bool(answer.strip())
    else:
        solved, findings, remarks = _look(session, exercise, answer)
        counts = True
    if not solved:
        remarks = (*remarks, f'Stuck? `hint("{exercise.id}")` helps, one step at a time.')
    problem = record.tried(session, exercise.id, solved) if counts else ""
    if problem:
        remarks = (*remarks, f"Not noted: {problem}.")
    return Verdict(exercise.id, exercise.title, solved, findings, remarks)


def _look(
    session: Session, task: Task, answer: str | None
) -> tuple[bool, tuple[Finding, ...], tuple[str, ...]]:
    if answer is not None:
        raise NameUnknown(
            f"Exercise {task.id} is not a question: what counts is what is deployed.",
            f'Write check("{task.id}").',
        )
    findings: list[Finding] = []
    try:
        findings.extend(task.looks(session))
    except _NOBODYS_FAULT:
        raise
    except WorkshopError as error:  # a stack, a report, a file that is not there
        findings.append(Finding(False, "what the exercise is about is there", error.what))
    solved = bool(findings) and all(finding.met for finding in findings)
    return solved, tuple(findings), (task.learned,) if solved and task.learned else ()


def _judge(question: Question, answer: str | None) -> tuple[bool, tuple[Finding, ...], tuple[str, ...]]:
    letters = set(re.findall(r"\w", (answer or "").lower()))
    choices = ", ".join(question.options)
    if not letters:
        return False, (), (f"No answer yet. Give the letter of one: {choices}.",)
    unknown = sorted(letters - set(question.options))
    if unknown:
        raise NameUnknown(f"There is no option {', '.join(unknown)}.", f"The options are {choices}.")
    right = set(question.right)
    if letters == right:
        return True, (), (question.because,)
    remarks = [f"{letter}: {question.wrong[letter]}" for letter in sorted(letters - right)]
    if letters & right:  # of several, some
        missing = " Something is missing." if right - letters else ""
        remarks.append(f"{', '.join(sorted(letters & right))}: yes.{missing}")
    return False, (), tuple(remarks)


def hint(exercise: str, session: Session | None = None) -> Hint:
    """The next hint of an exercise; after the last one it is shown again. `session` is as in `check`."""
    return _hint(session or sessions.current(), catalogue.find(exercise))


@verb
def _hint(session: Session, exercise: Exercise) -> Hint:
    shown = record.read(session).get(exercise.id, {}).get("hints", 0)
    number = min((shown if isinstance(shown, int) else 0) + 1, len(exercise.hints))
    record.hinted(session, exercise.id, number)
    return Hint(exercise.id, number, len(exercise.hints), exercise.hints[number - 1])


@verb
def progress(session: Session) -> Progress:
    """Which exercises of the course are solved in this project, notebook by notebook."""
    entries = record.read(session)
    rows = []
    for number, module in catalogue.MODULES.items():
        ids = tuple(exercise.id for exercise in catalogue.of_notebook(number))
        if ids:
            solved = tuple(id for id in ids if entries.get(id, {}).get("solved"))
            rows.append(Solved(f"{number}_{module}", ids, solved))
    return Progress(session.project, tuple(rows))


def _met(finding: Finding) -> show.Status:
    return show.Status("yes" if finding.met else "not yet")
