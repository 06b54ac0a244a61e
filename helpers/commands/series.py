"""`run`: execute the notebooks in their order against a sandbox of their own, and prove what they did."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from helpers.errors import WorkshopError

from . import facts, sandboxes
from .conclusion import conclude, still_there, summary_of, write_summary
from .lock import Lock, Taken
from .outcomes import KernelFailed, Outcome
from .plan import REPORT_DATE, TEARDOWN, Plan, Result, RunError, Source, short
from .progress import Progress
from .stopping import Stopped, stoppable

TASKS_SECONDS = 120


def run(plan: Plan) -> int:
    """Run the series as planned and return the exit code: 0, 1 after a failure, 128 + signal when stopped.

    Everything started here is ended here: kernels and sandbox, whatever happens.
    """
    return guarded(plan, lambda: _run(plan))


def guarded(plan: Plan, work: Callable[[], int]) -> int:
    """Do `work` while nobody else works in the plan's folder; what can go wrong becomes an exit code."""
    try:
        with stoppable(), Lock(plan.out.with_name(f"{plan.out.name}.lock")):
            return work()
    except Taken as holder:
        print(
            f"A run is under way in this folder already ({holder}). Wait for it, or end it with Ctrl-C there."
        )
    except (RunError, KernelFailed, sandboxes.SandboxFailed, WorkshopError) as error:
        print(error)
    except Stopped as stopped:
        print(f"\nThe run was {stopped}. Kernels and sandbox have ended; what was done: {short(plan.out)}.")
        print(still_there(plan), end="")
        return stopped.exit_code
    return 1


def _run(plan: Plan) -> int:
    result = perform(plan)
    conclude(result)
    return 1 if result.failed else 0


def perform(plan: Plan) -> Result:
    """Execute what the plan names into its folder, which is emptied first. The caller holds the lock."""
    sources = plan.sources()
    result = Result(plan)
    progress = Progress(len(sources), max(len(source.name) for source in sources))
    empty(plan.out)
    if (plan.notebooks / "images").is_dir():  # the executed notebooks and their pages show them too
        shutil.copytree(plan.notebooks / "images", plan.out / "images")
    try:
        with _aws(plan, result, progress) as (clients, environment):
            _execute_all(plan, sources, environment, clients, result, progress)
        result.outcome = "failed" if result.failed else "succeeded"
    except Stopped:
        result.outcome = "stopped"
        raise
    finally:
        write_summary(plan.out, summary_of(result))
    return result


def empty(out: Path) -> None:
    """An empty output folder. A sandbox that a killed run left behind in it is stopped first."""
    if (out / "sandbox").exists():
        sandboxes.stop(out / "sandbox")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)


@contextmanager
def own_sandbox(plan: Plan) -> Iterator[sandboxes.Sandbox]:
    """A sandbox for the plan, in its folder, until the end."""
    sandboxes.forget_aws()
    home = plan.out / "sandbox"
    try:
        with ThreadPoolExecutor(1) as starter:
            port = sandboxes.free_port()
            starting = starter.submit(sandboxes.start, home, port, plan.runtime, plan.speed, plan.pace)
            from . import notebooks  # noqa: F401 - papermill takes a second to import; the sandbox starts meanwhile
        yield starting.result()
    finally:
        sandboxes.stop(home)


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
    if not plan.sandbox:
        progress.wait("Starting a sandbox ...")
    began = time.monotonic()
    with nullcontext(plan.sandbox) if plan.sandbox else own_sandbox(plan) as sandbox:
        result.sandbox = sandbox
        result.sandbox_seconds = time.monotonic() - began
        at = f"Sandbox at {sandbox.endpoint}, {sandbox.runtime} runtime, state in {short(sandbox.home)}"
        progress.say(at)
        yield _clients(sandbox.endpoint, plan.region), {**_leading_to(sandbox), **static}


def _leading_to(sandbox: sandboxes.Sandbox) -> dict[str, str]:
    """The environment of a process that is to use this sandbox."""
    return {**os.environ, "SANDBOX_ENDPOINT": sandbox.endpoint, "SANDBOX_HOME": str(sandbox.home)}


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
    sources: list[Source],
    environment: dict[str, str],
    clients: facts.Clients,
    result: Result,
    progress: Progress,
) -> None:
    from .kernels import Kernels

    series = [source for source in sources if source.path.parent == plan.notebooks]
    whole = not (plan.only or plan.exactly) and series[-1].name.startswith(TEARDOWN)
    # One page at a time becomes HTML while the next notebook runs in its kernel.
    with ThreadPoolExecutor(1) as background, Kernels(environment, plan.out / "kernels.log") as kernels:
        pages: list[Future[None]] = []
        for place, source in enumerate(sources, start=1):
            following = sources[place] if place < len(sources) else None
            progress.notebook_begins(place, source.name)
            if whole and source is series[-1]:
                _before_teardown(plan, clients, result)
            outcome = _execute_one(plan, source, kernels, following, progress)
            result.outcomes.append(outcome)
            progress.notebook_ends(outcome)
            pages.append(background.submit(_write_html, outcome.path, source.path))
            if outcome.failure:
                break
            if whole and not following:
                _after_teardown(plan, clients, result)
        for page in pages:
            page.result()


def _execute_one(
    plan: Plan, source: Source, kernels: Any, following: Source | None, progress: Progress
) -> Outcome:
    """Execute a notebook in the kernel that is ready for it, while the next one gets ready."""
    from .notebooks import execute

    began = time.monotonic()
    kernel = kernels.take(source.path.parent)
    waited = time.monotonic() - began
    if following:
        kernels.prepare(following.path.parent)
    target = plan.out / f"{source.name}.ipynb"
    target.parent.mkdir(exist_ok=True)
    outcome = execute(source.path, target, plan.parameters, kernel, progress, plan.cell_timeout)
    kernels.end(kernel)
    return replace(outcome, name=source.name, kernel_seconds=waited, seconds=time.monotonic() - began)


def _before_teardown(plan: Plan, clients: facts.Clients, result: Result) -> None:
    poll_seconds = 0.2 if plan.mode == "sandbox" else 5
    facts.wait_for_tasks(clients, plan.project, TASKS_SECONDS, poll_seconds)
    result.before_teardown = facts.read(clients, plan.project, REPORT_DATE)
    if not plan.solutions:  # they change what the course has left, a solution of 11 the report itself
        result.problems += facts.missing(result.before_teardown)
    if result.before_teardown["report"]:
        result.report = plan.out / f"report-{REPORT_DATE}.csv"
        result.report.write_bytes(facts.fetch_report(clients, result.before_teardown))


def _after_teardown(plan: Plan, clients: facts.Clients, result: Result) -> None:
    result.after_teardown = facts.leftovers(clients, plan.project)
    result.problems += [
        f"After the teardown there are still {kind}: {', '.join(names)}."
        for kind, names in result.after_teardown.items()
        if names
    ]


@cache
def _html() -> Any:
    """What makes pages of notebooks. To make it costs more than to use it, so there is one."""
    from nbconvert import HTMLExporter  # half a second, spent while the first notebook runs

    # Opening the page fetches nothing: it asks for no scripts from elsewhere.
    scripts = ("mathjax_url", "require_js_url", "mermaid_js_url", "mermaid_layout_elk_js_url")
    return HTMLExporter(embed_images=True, **dict.fromkeys(scripts, ""))


def _write_html(notebook: Path, source: Path) -> None:
    """The executed notebook as one page with its pictures in it; their paths are those of the source."""
    import nbformat

    about = {"metadata": {"name": notebook.stem, "path": str(source.parent)}}
    page, _ = _html().from_notebook_node(nbformat.read(notebook, as_version=4), resources=about)
    notebook.with_suffix(".html").write_text(page, encoding="utf-8")
