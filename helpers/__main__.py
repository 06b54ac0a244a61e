"""`python -m helpers VERB`: the same verbs as `make VERB`, for every system.

Any Python from 3.7 can read this file; the packages that a verb needs are installed first.
"""

from __future__ import annotations

import argparse
import sys

from .commands import environment

VERBS = {
    "run": "execute all notebooks in order in a sandbox of their own, and show the report",
    "lab": "open the first notebook in JupyterLab, with your sandbox running",
    "outputs": "execute the notebooks and store in them what they show",
    "test": "run all tests",
    "lint": "check code, notebooks and templates",
    "clean": "stop the sandboxes and remove everything that was made here",
    "setup": "only make .venv ready (the other verbs do it by themselves)",
}


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="python -m helpers", description="Batch jobs on AWS: the workshop.")
    verbs = main.add_subparsers(dest="verb", metavar="VERB")
    made = {name: verbs.add_parser(name, help=text, description=text) for name, text in VERBS.items()}
    for name in ("run", "lab"):
        made[name].add_argument(
            "--runtime",
            choices=["auto", "process", "container"],
            default="auto",
            help="what builds and tasks run on (default: containers where a Docker Engine answers)",
        )
        made[name].add_argument(
            "--speed", type=float, help="seconds on the schedule's clock in one real second (default: 30)"
        )
    made["lab"].add_argument(
        "--pace", type=float, help="seconds spent on each CloudFormation resource (default: 0.15)"
    )
    made["lab"].add_argument("--port", type=int, help="JupyterLab's port (default: 8888, or a free one)")
    made["lab"].add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    run = made["run"]
    run.add_argument(
        "--pace", type=float, default=0, help="seconds spent on each CloudFormation resource (default: 0)"
    )
    run.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NN",
        help="run only the notebooks whose names begin so; can be given again",
    )
    run.add_argument(
        "--twice", action="store_true", help="the series two times in a row, in the same sandbox"
    )
    run.add_argument("--alone", action="store_true", help="each notebook by itself, from an empty sandbox")
    run.add_argument(
        "--solutions", action="store_true", help="the solution after each notebook (with --alone: by itself)"
    )
    run.add_argument(
        "--mode",
        choices=["sandbox", "account"],
        default="sandbox",
        help="account: the AWS account that WORKSHOP_ACCOUNT_ID names; costs money",
    )
    run.add_argument("--project", default="flights", help="what all names begin with (default: flights)")
    run.add_argument(
        "--region", help="the AWS region (default: the configured one; us-east-1 in the sandbox)"
    )
    run.add_argument(
        "--cell-timeout",
        type=int,
        default=900,
        metavar="SECONDS",
        help="when a cell is given up (default: 900)",
    )
    made["test"].usage = "python -m helpers test [PYTEST ARGUMENTS]"
    made["test"].epilog = "With arguments only pytest runs, and gets them all."
    return main


def main(arguments: list[str]) -> int:
    options, others = parser().parse_known_args(arguments)
    if options.verb is None:
        parser().print_help()
        return 0
    if others and options.verb != "test":
        parser().error(f"unrecognized arguments: {' '.join(others)}")
    if options.verb == "run" and options.twice and options.alone:
        parser().error("--twice and --alone exclude each other")
    if options.verb == "clean":
        from .commands.clean import clean

        return clean()
    try:
        environment.enter("helpers", arguments)
    except environment.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return _perform(options, others)


def _perform(options: argparse.Namespace, pytest_arguments: list[str]) -> int:
    if options.verb == "setup":
        print(f"Ready: {sys.executable}")
        return 0
    if options.verb == "run":
        return _run(options)
    if options.verb == "outputs":
        from .commands.outputs import refresh

        return refresh()
    if options.verb == "lab":
        from .commands.lab import lab

        return lab(
            browser=not options.no_browser,
            port=options.port,
            runtime=options.runtime,
            speed=options.speed,
            pace=options.pace,
        )
    from .commands import checks

    return checks.lint() if options.verb == "lint" else checks.test(pytest_arguments)


def _run(options: argparse.Namespace) -> int:
    from .commands import rehearsal, series
    from .commands.plan import Plan

    plan = Plan(
        mode=options.mode,
        project=options.project,
        region=options.region,
        only=tuple(options.only),
        solutions=options.solutions,
        runtime=options.runtime,
        speed=options.speed,
        pace=options.pace,
        cell_timeout=options.cell_timeout,
    )
    if options.twice:
        return rehearsal.twice(plan)
    return rehearsal.alone(plan) if options.alone else series.run(plan)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
