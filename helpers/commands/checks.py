"""`test` and `lint`: what CI repeats on every change."""

from __future__ import annotations

import os
import subprocess
import sys

from .environment import ROOT
from .sandboxes import without_aws

# Three kinds of region: the first one, one with all services, one where some came late.
LINT_REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-3")


def test(arguments: list[str]) -> int:
    """The job's own tests, then pytest on all others. Arguments go to pytest, and then only that runs."""
    environment = without_aws(os.environ)
    if not arguments:
        code = _call("The job's own tests", ["unittest", "discover"], environment, folder="sample_job")
        if code:
            return code
    return _call("The project's tests", ["pytest", *arguments], environment)


def lint() -> int:
    """Style and errors of the Python code, of the notebooks, and of the templates. Runs all, then judges."""
    steps = [
        ("Code and notebooks", ["ruff", "check"]),
        ("Their format", ["ruff", "format", "--check"]),
        ("Templates", ["cfnlint", "--regions", *LINT_REGIONS, "--", "cfn/*.yaml"]),
    ]
    codes = [_call(name, arguments, dict(os.environ)) for name, arguments in steps]
    return 1 if any(codes) else 0


def _call(name: str, module: list[str], environment: dict[str, str], folder: str = ".") -> int:
    print(f"{name}: python -m {' '.join(module)}", flush=True)
    return subprocess.run([sys.executable, "-m", *module], cwd=ROOT / folder, env=environment).returncode
