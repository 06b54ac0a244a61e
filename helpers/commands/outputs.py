"""`outputs`: execute the notebooks and store in them what they show, so that they read well where none runs.

The course runs in its order in a sandbox of its own, then each solution in one of its own: in processes, as
`pytest --nbval` does. A cell that shows what it showed before, but for what varies (an id, a time), keeps its
stored output, so that a change shows in a diff as what it is. The notebooks are written at the very end, one
rename each; whatever goes wrong before leaves them as they were.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nbformat

from .comparison import Rules, names_for
from .conclusion import story_of
from .environment import ROOT
from .plan import SOLUTIONS, Plan, Result, RunError
from .series import empty, guarded, perform

PLAN = Plan(runtime="process", pace=0, as_written=True, out=ROOT / "build" / "outputs")
SANDBOX_ACCOUNT = "123456789012"

# What no stored output may hold, and what it is called.
FORBIDDEN = {
    r"(?<![\w.])(?!/var/run/docker\.sock)/(?:home|root|tmp|Users|var|work|opt|private)/\w[^\s'\"<]*"
    r"|\b[A-Z]:\\\w[^\s'\"<]*": "a path",
    # In an ARN or a registry's address. Alone, twelve digits may be the beginning of a commit's id.
    rf"(?<=:)(?!{SANDBOX_ACCOUNT})\d{{12}}(?=:)"
    rf"|\b(?!{SANDBOX_ACCOUNT})\d{{12}}(?=\.dkr\.)": "an account's number",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}"
    r"|(?i:secret_?access_?key|session_?token)\W{1,5}[\w/+=]{16,}": "a credential",
}


def refresh(plan: Plan = PLAN, rules: Rules | None = None) -> int:
    """Execute everything and write the outputs into the notebooks; returns the exit code."""
    return guarded(plan, lambda: _refresh(plan, rules or Rules()))


def _refresh(plan: Plan, rules: Rules) -> int:
    empty(plan.out)
    before = {
        source.path: source.path.read_text("utf-8") for source in replace(plan, solutions=True).sources()
    }
    executed = list(_executed(plan))
    if any(path.read_text("utf-8") != before.get(path) for path, _ in executed):
        raise RunError("A notebook was edited while it ran. Nothing was written; run the same again.")
    texts, known = {}, {}
    for source, path in executed:
        learn(rules, _read(source), _read(path), known)
    for source, path in executed:
        texts[source] = merged(rules, source, _read(path), known)
    problems = [f"{_name(plan, p)}: {problem}" for p, text in texts.items() for problem in unfit(text)]
    if problems:
        raise RunError("\n".join(["Nothing was written: outputs are for all to see.", *problems]))
    changed = [path for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
    _write({path: texts[path] for path in changed})
    print(f"\n{len(texts)} notebooks executed; new outputs in {len(changed) or 'none'}:")
    print(*(f"  {_name(plan, path)}" for path in changed), sep="\n")
    return 0


def _executed(plan: Plan) -> Iterator[tuple[Path, Path]]:
    """Each notebook and its executed copy. Raises RunError when a cell fails."""
    course = perform(replace(plan, out=plan.out / "course"))
    for source, outcome in zip(course.plan.sources(), course.outcomes, strict=False):
        yield source.path, outcome.path
    _must_have_worked(course)
    for source in replace(plan, solutions=True).sources():
        if source.name.startswith(SOLUTIONS):
            alone = perform(replace(plan, exactly=(source.name,), out=plan.out / source.name))
            _must_have_worked(alone)
            yield source.path, alone.outcomes[0].path


def _must_have_worked(result: Result) -> None:
    stories = [story_of(outcome) for outcome in result.outcomes if outcome.failure]
    if result.failed:
        raise RunError("\n".join([*stories, *result.problems, "No notebook was changed."]))


def _write(texts: dict[Path, str]) -> None:
    """All of them or, when it is broken off while they are written beside the old ones, none."""
    beside = {path: path.with_suffix(".new") for path in texts}
    try:
        for path, text in texts.items():
            beside[path].write_text(text, encoding="utf-8")
        for path in texts:
            os.replace(beside[path], path)
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)


def learn(
    rules: Rules, stored: nbformat.NotebookNode, new: nbformat.NotebookNode, known: dict[str, str]
) -> None:
    """Note in `known` which new id stands for which stored one, from the outputs that say the same.

    So an output that does change can go on speaking of the same bucket as the unchanged ones around it.
    """
    fresh = {cell.id: cell.outputs for cell in new.cells if cell.cell_type == "code"}
    for cell in stored.cells:
        if cell.cell_type == "code" and cell.outputs and rules.same(cell.outputs, fresh[cell.id]):
            for before, after in zip(cell.outputs, fresh[cell.id], strict=False):
                for old, today in zip(_texts(before), _texts(after), strict=False):
                    for name, stands_for in names_for(old, today).items():
                        known.setdefault(name, stands_for)


def merged(rules: Rules, path: Path, new: nbformat.NotebookNode, known: dict[str, str]) -> str:
    """The text of the notebook with today's outputs, where they say something else than the stored ones."""
    notebook = _read(path)
    fresh = {cell.id: cell for cell in new.cells if cell.cell_type == "code"}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        ran = fresh[cell.id]
        if cell.execution_count is None or not rules.same(cell.outputs, ran.outputs):
            cell.outputs = [_renamed(output, known) for output in ran.outputs]
        cell.execution_count = ran.execution_count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = ran.execution_count
    return nbformat.writes(notebook) + "\n"


def unfit(text: str) -> list[str]:
    """What the outputs of a notebook hold that must not be stored."""
    found = []
    for cell in nbformat.reads(text, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                found.append(f"cell {cell.id} ends in an error")
            for shown in _texts(output):
                for pattern, what in FORBIDDEN.items():
                    found += [f"cell {cell.id} shows {what}: {m[0]}" for m in re.finditer(pattern, shown)]
    return list(dict.fromkeys(found))


def _renamed(output: nbformat.NotebookNode, known: dict[str, str]) -> nbformat.NotebookNode:
    def with_known(text: str) -> str:
        return re.sub(r"127\.0\.0\.1:\d+|[0-9A-Za-z-]+", lambda m: known.get(m[0]) or _parts(m[0]), text)

    def _parts(word: str) -> str:
        return re.sub(r"[0-9A-Za-z]+", lambda m: known.get(m[0], m[0]), word)

    if "text" in output:
        output.text = with_known(output.text)
    for kind, content in output.get("data", {}).items():
        if isinstance(content, str):
            output.data[kind] = with_known(content)
    return output


def _texts(output: nbformat.NotebookNode) -> list[str]:
    shown = [output.get("text"), output.get("evalue"), *output.get("data", {}).values()]
    return [text for text in shown if isinstance(text, str)]


def _read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def _name(plan: Plan, path: Path) -> str:
    return path.relative_to(plan.notebooks).as_posix()
