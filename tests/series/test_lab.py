"""`lab`: JupyterLab on the first notebook, quiet, and gone after Ctrl-C; the sandbox stays."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LAB = """
import signal, sys
from helpers.commands.lab import lab
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(lab(browser=False))
"""


def test_the_lab_opens_and_ends(fresh_sandbox: Any) -> None:
    sandbox = fresh_sandbox()
    environment = {**os.environ, "SANDBOX_HOME": str(sandbox.home), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", LAB],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    for line in process.stdout:
        said += line
        if "this ends it" in line:
            break
    address, token = re.search(
        r"(http://127\.0\.0\.1:\d+)/lab/tree/notebooks/00_start_here\.ipynb\?token=(\S+)", said
    ).groups()
    assert sandbox.endpoint in said

    def get(path: str) -> str:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(f"{address}/{path}?token={token}", timeout=60).read().decode()

    page = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', get("lab"), re.S)[1])
    assert "@jupyterlab/apputils-extension:announcements" in page["disabledExtensions"]
    kernel = json.loads(get("api/kernelspecs"))["kernelspecs"]["python3"]["spec"]
    assert kernel["argv"][0] == sys.executable
    assert "--log-level=40" in kernel["argv"]

    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "python -m helpers.sandbox stop" in rest
    assert "Traceback" not in rest
    assert json.loads(sandbox.command("status", "--json").stdout)["running"] is True
    assert not any(
        str(ROOT) in line and f"ServerApp.port={address.rpartition(':')[2]}" in line for line in commands()
    )


def commands() -> list[str]:
    import psutil

    return [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
