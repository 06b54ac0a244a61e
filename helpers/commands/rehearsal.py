"""`run --twice` and `run --alone`: whatever order the notebooks are taken in, they work.

Twice: the series goes through, tears everything down, and goes through again in the same sandbox. Alone: each
notebook begins in an empty sandbox, as for a learner who opens it first.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace

from .conclusion import conclude, story_of, summary_of, write_summary
from .plan import Plan, Result, RunError, short
from .series import empty, guarded, own_sandbox, perform


def twice(plan: Plan) -> int:
    """Run the series two times in one sandbox or account, into `first` and `second`; returns the code."""
    return guarded(plan, lambda: _rehearse(plan, "twice", _twice))


def alone(plan: Plan) -> int:
    """Run each notebook in a sandbox of its own, into a folder of its own name; returns the exit code.

    One that fails does not keep the others from being tried.
    """
    return guarded(plan, lambda: _rehearse(plan, "alone", _alone))


def _rehearse(plan: Plan, how: str, work) -> int:
    if how == "alone" and plan.mode == "account":
        raise RunError("An account is not empty for each notebook: --alone is for the sandbox.")
    plan.sources()  # a wrong name is told before anything is removed
    empty(plan.out)
    began, results = time.monotonic(), []
    outcome = "stopped"
    try:
        work(plan, results)
        outcome = "failed" if any(result.failed for result in results) else "succeeded"
    finally:
        runs = [summary_of(result, plan.out) for result in results]
        summary = {
            "outcome": outcome,
            "how": how,
            "seconds": {"total": round(time.monotonic() - began, 2)},
            "notebooks": [notebook for run in runs for notebook in run["notebooks"]],
            "runs": runs,
        }
        write_summary(plan.out, summary)
    print(f"\n{_words(how, results)} in {time.monotonic() - began:.0f} s: {short(plan.out)}/summary.json")
    return 0 if outcome == "succeeded" else 1


def _twice(plan: Plan, results: list[Result]) -> None:
    with own_sandbox(plan) if plan.mode == "sandbox" else nullcontext() as sandbox:
        for name in ("first", "second"):
            print(f"\nThe {name} time")
            results.append(perform(replace(plan, sandbox=sandbox, out=plan.out / name)))
            conclude(results[-1])
            if results[-1].failed:
                return


def _alone(plan: Plan, results: list[Result]) -> None:
    for source in plan.sources():
        print(f"\n{source.name}, alone")
        own = replace(plan, only=(), exactly=(source.name,), out=plan.out / source.name)
        results.append(perform(own))
        for failed in (outcome for outcome in results[-1].outcomes if outcome.failure):
            print(story_of(failed))


def _words(how: str, results: list[Result]) -> str:
    failed = [outcome.name for result in results for outcome in result.outcomes if outcome.failure]
    if any(result.failed for result in results):
        return f"FAILED: {how}: {', '.join(failed) or 'see above'}"
    return f"{sum(len(result.outcomes) for result in results)} notebooks, {how}: all succeeded"
