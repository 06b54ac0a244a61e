"""`test` and `lint`: what CI repeats on every change."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

from .environment import ROOT, become
from .sandboxes import without_aws

# cfn-lint has no `python -m`. Which templates it reads, and for which regions, stands in .cfnlintrc.
CFN_LINT = "import sys, cfnlint.runner; sys.exit(cfnlint.runner.main())"


# One file stays in one process; tests/spread.py says how many there are, and what they begin with.
EVERYTHING = ["-n", "auto", "--dist", "loadfile", "-p", "no:nbval"]


def test(arguments: list[str]) -> int:
    """The job's own tests, then pytest on all others, in several processes.

    Arguments go to pytest, and then only that runs, as they say.
    """
    # Tests start the sandboxes they need; neither an account nor a sandbox that runs already is theirs.
    environment = {name: value for name, value in without_aws(os.environ).items() if "SANDBOX_" not in name}
    if not arguments:
        code = _step("The job's own tests", ["-m", "unittest", "discover"], environment, "sample_job")
        if code:
            return code
    os.chdir(ROOT)
    return become([sys.executable, "-m", "pytest", *(arguments or EVERYTHING)], environment)


def lint() -> int:
    """Style and errors of the Python code, of the notebooks, and of the templates. Runs all, then judges."""
    environment = dict(os.environ)
    codes = [
        _step("Code and notebooks", ["-m", "ruff", "check"], environment),
        _step("Their format", ["-m", "ruff", "format", "--check"], environment),
        _step("Templates", ["-c", CFN_LINT], environment),
    ]
    print("Not clean; see above." if any(codes) else "Clean.")
    return int(any(codes))


def _step(name: str, arguments: list[str], environment: dict[str, str], folder: str = ".") -> int:
    print(f"{name}: python {shlex.join(arguments)}", flush=True)
    return subprocess.run([sys.executable, *arguments], cwd=ROOT / folder, env=environment).returncode
