"""Starting and stopping sandboxes through their command line, and what a process needs to know to use one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .environment import ROOT

ANSWER_SECONDS = 90


class SandboxFailed(Exception):
    """The sandbox did not start or stop; the message is what it said."""


@dataclass(frozen=True)
class Sandbox:
    """A sandbox that runs: where it answers, what tasks run on, and the folder it keeps its state in."""

    endpoint: str
    runtime: str
    home: Path
    speed: float
    pace: float


def start(
    home: Path | None = None,
    port: int | None = None,
    runtime: str = "auto",
    speed: float | None = None,
    pace: float | None = None,
) -> Sandbox:
    """Start the sandbox of a home folder, or find it running. `home` None is the learner's own."""
    options = ["--runtime", runtime]
    for name, value in (("--port", port), ("--speed", speed), ("--pace", pace)):
        options += [name, str(value)] if value is not None else []
    status = json.loads(_ask("start", home, *options))
    return Sandbox(
        status["endpoint"], status["runtime"], Path(status["home"]), status["speed"], status["pace"]
    )


def stop(home: Path | None = None) -> None:
    """Stop the sandbox of a home folder; none running is fine."""
    _ask("stop", home)


def reset(home: Path) -> None:
    """Empty the sandbox of a home folder; it answers at the same place afterwards."""
    _ask("reset", home)


def _ask(verb: str, home: Path | None, *options: str) -> str:
    """Run the sandbox's command line.

    It gets a session of its own: a Ctrl-C in the terminal would otherwise end it between starting the server
    and saying where, and leave a server that nobody knows of. So a start that is interrupted is waited for.
    """
    command = [sys.executable, "-m", "helpers.sandbox", verb, "--json", *options]
    command += ["--home", str(home)] if home else []
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=without_aws(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        answer, said = process.communicate(timeout=ANSWER_SECONDS)
    except KeyboardInterrupt:
        process.communicate(timeout=ANSWER_SECONDS)
        raise
    except subprocess.TimeoutExpired:
        process.kill()
        raise SandboxFailed(f"The sandbox did not {verb} within {ANSWER_SECONDS} seconds.") from None
    if process.returncode:
        raise SandboxFailed(said.strip() or f"`python -m helpers.sandbox {verb}` failed.")
    return answer


def free_port(preferred: int = 0) -> int:
    """A port on 127.0.0.1 that nothing listens on; the preferred one when it is such a port."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            return free_port()
        return probe.getsockname()[1]


def without_aws(environment: os._Environ | dict[str, str]) -> dict[str, str]:
    """The environment without what could lead to an AWS account: keys, profiles, files, instance roles."""
    kept = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def forget_aws() -> None:
    """Let neither this process nor any that it starts find its way to an account."""
    kept = without_aws(os.environ)
    os.environ.clear()
    os.environ.update(kept)
