"""The end of a run: what is said of it, and the summary.json that says it to other programs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from .outcomes import Outcome
from .plan import REPORT_DATE, Plan, Result, short
from .progress import table

TRACEBACK_LINES = 20


def conclude(result: Result) -> None:
    """The end of the story: the report, the times, the places; or what went wrong and where to look."""
    if result.report:
        with result.report.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        print(f"\nThe delay report of {REPORT_DATE}, written to S3 by the task that the schedule started:\n")
        print(table(rows))
    seconds = result.seconds()
    print(
        f"\n{seconds['total']:.1f} s: kernels took {seconds['kernels']:.1f} s to start, the cells worked "
        f"{seconds['cells']:.1f} s, the sandbox took {seconds['sandbox']:.1f} s to start, the rest was "
        f"{seconds['rest']:.1f} s."
    )
    out = short(result.plan.out)
    print(f"Executed notebooks and their HTML: {out}. Facts and times: {out}/summary.json.")
    if result.report:
        print(f"The report: {short(result.report)}")
    for outcome in result.outcomes:
        if outcome.failure:
            print(story_of(outcome))
    for problem in result.problems:
        print(f"\nFAILED: {problem}")
    if result.failed:
        print(still_there(result.plan))


def still_there(plan: Plan) -> str:
    """After a broken-off run: a sandbox is gone with all in it, an account is not."""
    if plan.mode != "account":
        return ""
    return (
        "What was deployed is still in the account and may cost money. This removes it:\n"
        "  python -m helpers run --mode account --only 99\n"
    )


def story_of(outcome: Outcome) -> str:
    """Which cell failed, with what, and where to look."""
    failure = outcome.failure
    cell = failure.cell
    details = (failure.traceback or str(failure)).splitlines()[-TRACEBACK_LINES:]
    lines = [
        f"\nFAILED: {outcome.name}, code cell {cell.number} of {cell.of}: {cell.first_line}",
        *(f"  {line}" for line in details),
        f"The notebook up to there: {short(outcome.path.with_suffix('.html'))}",
    ]
    return "\n".join(lines)


def summary_of(result: Result, root: Path | None = None) -> dict[str, Any]:
    """The run as it will stand in summary.json; paths are relative to `root`, the run's folder."""
    sandbox, root = result.sandbox, root or result.plan.out
    return {
        "outcome": result.outcome,
        "started": result.started,
        **result.plan.parameters,
        "runtime": sandbox.runtime if sandbox else None,
        "sandbox": {"speed": sandbox.speed, "pace": sandbox.pace} if sandbox else None,
        "seconds": result.seconds(),
        "notebooks": [_notebook(outcome, root) for outcome in result.outcomes],
        "before_teardown": result.before_teardown,
        "after_teardown": result.after_teardown,
        "problems": result.problems,
        "report": result.report.name if result.report else None,
    }


def write_summary(out: Path, summary: dict[str, Any]) -> None:
    text = json.dumps(summary, indent=2, default=lambda value: value.isoformat())
    (out / "summary.json").write_text(text + "\n", encoding="utf-8")


def _notebook(outcome: Outcome, out: Path) -> dict[str, Any]:
    failure = outcome.failure
    return {
        "name": outcome.name,
        "outcome": "failed" if failure else "succeeded",
        "notebook": outcome.path.relative_to(out).as_posix(),
        "html": outcome.path.with_suffix(".html").relative_to(out).as_posix(),
        "cells": outcome.cells,
        "seconds": round(outcome.seconds, 2),
        "kernel_seconds": round(outcome.kernel_seconds, 2),
        "cell_seconds": round(outcome.cell_seconds, 2),
        "other_seconds": round(outcome.other_seconds, 2),
        "failure": {
            "cell": failure.cell.number,
            "line": failure.cell.first_line,
            "error": failure.error,
            "message": failure.message,
            "traceback": failure.traceback,
        }
        if failure
        else None,
    }
