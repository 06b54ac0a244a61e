"""The course's exercises: what is asked, how it is checked, and how far the learner has come.

    check("01-a")           # has what is asked for happened? Looks at what is deployed, not at what was typed
    check("01-c", "b")      # a question on understanding: the letter of your answer, or letters
    hint("01-a")            # one hint, and another one each time it is called
    progress(session)       # which exercises of which notebook are solved
    plant("10-a")           # breaks something, and does not tell what: for the exercises that look for it

An exercise has the number of its notebook and a letter. The notebook holds its text, an empty cell, and a
cell that checks; a notebook of the same name in `notebooks/solutions` holds a way to solve it. Here is, for
each notebook, a module of its name with what the exercises ask of the deployed state:

    EXERCISES = (
        Task("01-a", "Keep the data for a year", data_kept_a_year, hints=("...", "...")),
        Question("01-c", "What ...?", options={"a": "...", "b": "..."}, right="b", because="...",
                 wrong={"a": "..."}, hints=("...",)),
    )

A task's function takes the session and yields a `Finding` for each thing that is asked: whether it is so,
what is wanted, and what was found. Nothing is stored but the record of `helpers.exercises.record`.
"""

from __future__ import annotations

from .checking import Progress, Verdict, check, hint, progress
from .nouns import Exercise, Finding, Question, Task
from .planting import Planted, plant

__all__ = [
    "Exercise",
    "Finding",
    "Planted",
    "Progress",
    "Question",
    "Task",
    "Verdict",
    "check",
    "hint",
    "plant",
    "progress",
]
