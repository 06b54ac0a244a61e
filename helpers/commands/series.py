"""`run`: execute the notebooks in their order against a sandbox of their own, and prove what they did."""

from __future__ import annotations

import csv
import datetime
import json
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3

from helpers.errors import WorkshopError

from . import facts, sandboxes
from .environment import ROOT
from .lock import Lock, Taken
from .outcomes import KernelFailed, Outcome
from .progress import Progress, table
from .stopping import Stopped, stoppable

TEARDOWN = "99"
REPORT_DATE = "2013-01-01"
TRACEBACK_LINES = 20
TASKS_SECONDS = 120


class RunError(Exception):
    """The run could not begin; the message says what to do next."""


@dataclass(frozen=True)
class Plan:
    """What to run, and how. Seconds are real ones; `speed` and `pace` None mean the sandbox's defaults."""

    mode: str = "sandbox"
    project: str = "flights"
    region: str | None = None
    only: tuple[str, ...] = ()
    runtime: str = "auto"
    speed: float | None = None
    pace: float | None = 0
    cell_timeout: int = 900
    notebooks: Path = ROOT / "notebooks"
    out: Path = ROOT / "build" / "run"

    @property
    def parameters(self) -> dict[str, str]:
        given = {"mode": self.mode, "project": self.project, "region": self.region}
        return {name: value for name, value in given.items() if value is not None}


@dataclass
class Result:
    """What happened, as it happens; at the end it becomes summary.json."""

    plan: Plan
    began: float = field(default_factory=time.monotonic)
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.timezone.utc))
    sandbox: sandboxes.Sandbox | None = None
    sandbox_seconds: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)
    before_teardown: dict[str, Any] | None = None
    after_teardown: dict[str, list[str]] | None = None
    problems: list[str] = field(default_factory=list)
    report: Path | None = None
    outcome: str = "failed"

    def seconds(self) -> dict[str, float]:
        total = time.monotonic() - self.began
        kernels = sum(each.kernel_seconds for each in self.outcomes)
        cells = sum(each.cell_seconds for each in self.outcomes)
        rest = total - kernels - cells - self.sandbox_seconds
        parts = {
            "kernels": kernels,
            "cells": cells,
            "sandbox": self.sandbox_seconds,
            "rest": rest,
            "total": total,
        }
        return {name: round(seconds, 2) for name, seconds in parts.items()}


def run(plan: Plan) -> int:
    """Run the series as planned and return the exit code: 0, 1 after a failure, 128 + signal when stopped.

    Everything started here is ended here: kernels and sandbox, whatever happens.
    """
    try:
        with stoppable(), Lock(plan.out.with_name(f"{plan.out.name}.lock")):
            return _run(plan)
    except Taken as holder:
        print(
            f"A run is under way in this folder already ({holder}). Wait for it, or end it with Ctrl-C there."
        )
    except (RunError, KernelFailed, sandboxes.SandboxFailed, WorkshopError) as error:
        print(error)
    except Stopped as stopped:
        print(f"\nThe run was {stopped}. Kernels and sandbox have ended; what was done: {_short(plan.out)}.")
        print(_still_there(plan), end="")
        return stopped.exit_code
    return 1


def _run(plan: Plan) -> int:
    sources = _choose(plan)
    result = Result(plan)
    progress = Progress(len(sources), max(len(source.stem) for source in sources))
    _empty(plan.out)
    if (plan.notebooks / "images").is_dir():  # the executed notebooks and their pages show them too
        shutil.copytree(plan.notebooks / "images", plan.out / "images")
    try:
        with _aws(plan, result, progress) as (clients, environment):
            _execute_all(plan, sources, environment, clients, result, progress)
        result.outcome = "failed" if _failed(result) else "succeeded"
    except Stopped:
        result.outcome = "stopped"
        raise
    finally:
        _write_summary(result)
    _conclude(result, progress)
    return 1 if _failed(result) else 0


def _choose(plan: Plan) -> list[Path]:
    found = sorted(plan.notebooks.glob("[0-9][0-9]_*.ipynb"))
    chosen = [path for path in found if not plan.only or path.stem.startswith(plan.only)]
    if not chosen:
        wanted = f" that begins with {' or '.join(plan.only)}" if plan.only else ""
        raise RunError(f"There is no notebook{wanted} in {_short(plan.notebooks)}.")
    return chosen


def _empty(out: Path) -> None:
    """An empty output folder. A sandbox that a killed run left behind in it is stopped first."""
    if (out / "sandbox").exists():
        sandboxes.stop(out / "sandbox")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)


@contextmanager
def _aws(plan: Plan, result: Result, progress: Progress) -> Iterator[tuple[facts.Clients, dict[str, str]]]:
    """The AWS that the notebooks meet: clients for it, and the environment that leads kernels to it."""
    # Displays that change in place would be stored with their first state; this asks for the last one only.
    static = {"WORKSHOP_STATIC": "1"}
    if plan.mode == "account":
        from helpers.session import open_session

        session = open_session(mode="account", project=plan.project, region=plan.region)
        yield session.client, {**os.environ, **static}
        return
    sandboxes.forget_aws()
    progress.wait("Starting a sandbox ...")
    began = time.monotonic()
    home = plan.out / "sandbox"
    try:
        with ThreadPoolExecutor(1) as starter:
            port = sandboxes.free_port()
            starting = starter.submit(sandboxes.start, home, port, plan.runtime, plan.speed, plan.pace)
            from . import notebooks  # noqa: F401 - papermill takes a second to import; the sandbox starts meanwhile
        result.sandbox = sandbox = starting.result()
        result.sandbox_seconds = time.monotonic() - began
        progress.say(f"Sandbox at {sandbox.endpoint}, {sandbox.runtime} runtime, state in {_short(home)}")
        leading_there = {"SANDBOX_ENDPOINT": sandbox.endpoint, "SANDBOX_HOME": str(home)}
        yield _clients(sandbox.endpoint, plan.region), {**os.environ, **leading_there, **static}
    finally:
        sandboxes.stop(home)


def _clients(endpoint: str, region: str | None) -> facts.Clients:
    session = boto3.Session("sandbox", "sandbox", region_name=region or "us-east-1")
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = session.client(service, endpoint_url=endpoint)
        return made[service]

    return client


def _execute_all(
    plan: Plan,
    sources: list[Path],
    environment: dict[str, str],
    clients: facts.Clients,
    result: Result,
    progress: Progress,
) -> None:
    from .kernels import Kernels

    whole_series = not plan.only and sources[-1].stem.startswith(TEARDOWN)
    # One page at a time becomes HTML while the next notebook runs in its kernel.
    with (
        ThreadPoolExecutor(1) as background,
        Kernels(plan.notebooks, environment, plan.out / "kernels.log") as kernels,
    ):
        pages: list[Future[None]] = []
        for place, source in enumerate(sources, start=1):
            last = place == len(sources)
            progress.notebook_begins(place, source.stem)
            if whole_series and last:
                _before_teardown(plan, clients, result)
            outcome = _execute_one(plan, source, kernels, not last, progress)
            result.outcomes.append(outcome)
            progress.notebook_ends(outcome)
            pages.append(background.submit(_write_html, outcome.path, source))
            if outcome.failure:
                break
            if whole_series and last:
                result.after_teardown = facts.leftovers(clients, plan.project)
                result.problems += [
                    f"After the teardown there are still {kind}: {', '.join(names)}."
                    for kind, names in result.after_teardown.items()
                    if names
                ]
        for page in pages:
            page.result()


def _execute_one(plan: Plan, source: Path, kernels: Any, prepare_next: bool, progress: Progress) -> Outcome:
    """Execute a notebook in the kernel that is ready for it, while the next one gets ready."""
    from .notebooks import execute

    began = time.monotonic()
    kernel = kernels.take()
    waited = time.monotonic() - began
    if prepare_next:
        kernels.prepare()
    outcome = execute(source, plan.out / source.name, plan.parameters, kernel, progress, plan.cell_timeout)
    kernels.end(kernel)
    return replace(outcome, kernel_seconds=waited, seconds=time.monotonic() - began)


def _before_teardown(plan: Plan, clients: facts.Clients, result: Result) -> None:
    poll_seconds = 0.2 if plan.mode == "sandbox" else 5
    facts.wait_for_tasks(clients, plan.project, TASKS_SECONDS, poll_seconds)
    result.before_teardown = facts.read(clients, plan.project, REPORT_DATE)
    result.problems += facts.missing(result.before_teardown)
    if result.before_teardown["report"]:
        result.report = plan.out / f"report-{REPORT_DATE}.csv"
        result.report.write_bytes(facts.fetch_report(clients, result.before_teardown))


def _write_html(notebook: Path, source: Path) -> None:
    """The executed notebook as one page with its pictures in it; their paths are those of the source."""
    import nbformat
    from nbconvert import HTMLExporter  # half a second, spent while the first notebook runs

    # Opening the page fetches nothing: it asks for no scripts from elsewhere.
    scripts = ("mathjax_url", "require_js_url", "mermaid_js_url", "mermaid_layout_elk_js_url")
    exporter = HTMLExporter(embed_images=True, **dict.fromkeys(scripts, ""))
    about = {"metadata": {"name": notebook.stem, "path": str(source.parent)}}
    page, _ = exporter.from_notebook_node(nbformat.read(notebook, as_version=4), resources=about)
    notebook.with_suffix(".html").write_text(page, encoding="utf-8")


def _failed(result: Result) -> bool:
    return bool(result.problems) or any(outcome.failure for outcome in result.outcomes)


def _conclude(result: Result, progress: Progress) -> None:
    """The end of the story: the report, the times, the places; or what went wrong and where to look."""
    if result.report:
        with result.report.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        progress.say(
            f"\nThe delay report of {REPORT_DATE}, written to S3 by the task that the schedule started:\n"
        )
        progress.say(table(rows))
    seconds = result.seconds()
    progress.say(
        f"\n{seconds['total']:.1f} s: kernels took {seconds['kernels']:.1f} s to start, the cells worked "
        f"{seconds['cells']:.1f} s, the sandbox took {seconds['sandbox']:.1f} s to start, the rest was "
        f"{seconds['rest']:.1f} s."
    )
    out = _short(result.plan.out)
    progress.say(f"Executed notebooks and their HTML: {out}. Facts and times: {out}/summary.json.")
    if result.report:
        progress.say(f"The report: {_short(result.report)}")
    for outcome in result.outcomes:
        if outcome.failure:
            progress.say(_story_of(outcome))
    for problem in result.problems:
        progress.say(f"\nFAILED: {problem}")
    if _failed(result):
        progress.say(_still_there(result.plan))


def _still_there(plan: Plan) -> str:
    """After a broken-off run: a sandbox is gone with all in it, an account is not."""
    if plan.mode != "account":
        return ""
    return (
        "What was deployed is still in the account and may cost money. This removes it:\n"
        "  python -m helpers run --mode account --only 99\n"
    )


def _story_of(outcome: Outcome) -> str:
    failure = outcome.failure
    cell = failure.cell
    details = (failure.traceback or str(failure)).splitlines()[-TRACEBACK_LINES:]
    lines = [
        f"\nFAILED: {outcome.name}, code cell {cell.number} of {cell.of}: {cell.first_line}",
        *(f"  {line}" for line in details),
        f"The notebook up to there: {_short(outcome.path.with_suffix('.html'))}",
    ]
    return "\n".join(lines)


def _write_summary(result: Result) -> None:
    sandbox = result.sandbox
    summary = {
        "outcome": result.outcome,
        "started": result.started,
        **result.plan.parameters,
        "runtime": sandbox.runtime if sandbox else None,
        "sandbox": {"speed": sandbox.speed, "pace": sandbox.pace} if sandbox else None,
        "seconds": result.seconds(),
        "notebooks": [_summary_of(outcome) for outcome in result.outcomes],
        "before_teardown": result.before_teardown,
        "after_teardown": result.after_teardown,
        "problems": result.problems,
        "report": result.report.name if result.report else None,
    }
    text = json.dumps(summary, indent=2, default=lambda value: value.isoformat())
    (result.plan.out / "summary.json").write_text(text + "\n", encoding="utf-8")


def _summary_of(outcome: Outcome) -> dict[str, Any]:
    failure = outcome.failure
    return {
        "name": outcome.name,
        "outcome": "failed" if failure else "succeeded",
        "notebook": outcome.path.name,
        "html": outcome.path.with_suffix(".html").name,
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


def _short(path: Path) -> str:
    """A path as the user would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
