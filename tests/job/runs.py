"""The job as its container starts it: a process of its own, with nothing of this one's environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

JOB = Path(__file__).parents[2] / "sample_job"
DAY = "2013-01-01"

#: What would lead the job, or boto3, somewhere else than a test says.
LEADING_ASTRAY = ("AWS_", "DATA_BUCKET", "REPORT_DATE", "PYTHON")


@dataclass(frozen=True)
class Run:
    """How a run of the job ended: its exit code, its log's events, and whatever else it printed."""

    code: int
    events: list[dict]
    stderr: str

    @property
    def last(self) -> dict:
        return self.events[-1]


@dataclass(frozen=True)
class Place:
    """A folder that holds a day's departures, and gets its report."""

    folder: Path

    @property
    def departures(self) -> Path:
        return self.folder / "departures" / f"{DAY}.csv.gz"

    @property
    def report(self) -> Path:
        return self.folder / "reports" / f"{DAY}.csv"

    @property
    def arguments(self) -> list[str]:
        return ["--date", DAY, "--input", str(self.folder), "--output", str(self.folder)]

    def put(self, content: bytes) -> None:
        self.departures.parent.mkdir(exist_ok=True)
        self.departures.write_bytes(content)

    def files(self) -> list[str]:
        """Every file in the place, so that a half-written one cannot hide."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what the job would listen to, and with these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LEADING_ASTRAY)}
    return {**kept, **more}


def start_job(*arguments: str | Path, job: Path = JOB, **variables: str) -> subprocess.Popen:
    """Start the job and leave it running."""
    command = [sys.executable, "-m", "app", *map(str, arguments)]
    pipe = subprocess.PIPE
    env = environment(**variables)
    return subprocess.Popen(command, cwd=job, env=env, stdout=pipe, stderr=pipe, text=True)


def ended(process: subprocess.Popen) -> Run:
    """Wait for a started job to end; every line it prints must be JSON."""
    try:
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    return Run(process.returncode, [json.loads(line) for line in stdout.splitlines()], stderr)


def run_job(*arguments: str | Path, job: Path = JOB, **variables: str) -> Run:
    """Run the job to its end."""
    return ended(start_job(*arguments, job=job, **variables))
