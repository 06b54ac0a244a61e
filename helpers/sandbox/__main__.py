"""`python -m helpers.sandbox start|stop|status|reset`"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import process


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="python -m helpers.sandbox", description="A local AWS on 127.0.0.1.")
    verbs = main.add_subparsers(dest="verb", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--home",
        type=Path,
        default=None,
        help="where its state lies (default: .sandbox)",
    )
    common.add_argument("--json", action="store_true", help="print the status as JSON")
    start = verbs.add_parser("start", parents=[common], help="start it, unless it runs already")
    start.add_argument("--port", type=int, help="the port to answer at (default: a free one)")
    start.add_argument("--runtime", choices=["auto", "process", "container"], default="auto")
    start.add_argument(
        "--speed",
        type=float,
        default=30.0,
        help="schedule seconds in one real second (default: 30)",
    )
    start.add_argument(
        "--pace",
        type=float,
        default=0.15,
        help="seconds spent on each CloudFormation resource (default: 0.15)",
    )
    verbs.add_parser("stop", parents=[common], help="stop it; what it holds is kept")
    verbs.add_parser("status", parents=[common], help="say whether it runs, and where")
    verbs.add_parser("reset", parents=[common], help="forget everything that it holds")
    return main


def describe(status: process.Status) -> str:
    """The status in a sentence or two."""
    if not status.running:
        return "The sandbox is not running. Start it with: python -m helpers.sandbox start"
    lines = [
        f"The sandbox answers at {status.endpoint} (runtime: {status.runtime}, "
        f"its schedule clock runs {status.speed:g} times as fast, process {status.pid})."
    ]
    if status.problem:
        lines.append(f"Warning: {status.problem}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    home = options.home.absolute() if options.home else process.default_home()
    note = ""
    try:
        if options.verb == "start":
            status, started = process.start(home, options.port, options.runtime, options.speed, options.pace)
            note = "" if started else "It was running already, and keeps the settings it was started with."
        elif options.verb == "stop":
            note = "Stopped. What it holds is kept; `reset` forgets it." if process.stop(home) else ""
            status = process.status(home)
        elif options.verb == "reset":
            status = process.reset(home)
            note = "It holds nothing now."
        else:
            status = process.status(home)
    except process.SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(status.as_dict()))
    else:
        print(note if options.verb == "stop" and note else "\n".join(filter(None, [describe(status), note])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
