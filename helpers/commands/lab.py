"""`lab`: JupyterLab on the first notebook, with the learner's own sandbox running."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

from . import sandboxes
from .environment import ROOT
from .kernels import kernel_spec
from .stopping import Stopped, stoppable

FIRST = "notebooks/00_start_here.ipynb"
PREFERRED_PORT = 8888
START_SECONDS = 60
STOP_SECONDS = 10
# JupyterLab asks whether it may fetch news, and would fetch them from outside.
SETTINGS = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


class LabError(Exception):
    """JupyterLab did not start; the message says what it said."""


def lab(browser: bool = True, port: int | None = None, **options: object) -> int:
    """Start the sandbox and JupyterLab, and wait until somebody stops it. The sandbox stays."""
    try:
        with stoppable():
            print("Starting the sandbox ...", flush=True)
            sandbox = sandboxes.start(**options)
            return _serve(sandbox, browser, port or sandboxes.free_port(PREFERRED_PORT))
    except (LabError, sandboxes.SandboxFailed) as error:
        print(error)
        return 1
    except Stopped as stopped:
        return stopped.exit_code


def _serve(sandbox: sandboxes.Sandbox, browser: bool, port: int) -> int:
    folder = ROOT / "build" / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(24)
    address = f"http://127.0.0.1:{port}"
    page = f"{address}/lab/tree/{FIRST}?token={token}"
    log = folder / "jupyterlab.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            _command(port),
            cwd=ROOT,
            env=_environment(folder, sandbox, token),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C is for us: JupyterLab would first ask whether we are sure.
            start_new_session=True,
        )
        try:
            _wait_until_it_answers(server, f"{address}/api/status?token={token}", log)
            print(f"JupyterLab: {page}")
            print(f"Sandbox:    {sandbox.endpoint} ({sandbox.runtime} runtime)")
            print("Ctrl-C ends JupyterLab. The sandbox then keeps running, with all that was deployed in it;")
            print("this ends it: python -m helpers.sandbox stop", flush=True)
            if browser:
                webbrowser.open(page)
            return server.wait()
        finally:
            _end(server)
            print(
                "\nJupyterLab has ended. To end the sandbox too: python -m helpers.sandbox stop", flush=True
            )


def _command(port: int) -> list[str]:
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.port={port}"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={ROOT}"]
    command += [f"--LabApp.default_url=/lab/tree/{FIRST}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in containers there often is no other user
    return command


def _environment(folder: Path, sandbox: sandboxes.Sandbox, token: str) -> dict[str, str]:
    """What JupyterLab and its kernels know. AWS settings stay: a learner may go on to account mode here."""
    settings = folder / "config" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(SETTINGS))
    kernel = folder / "share" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True, exist_ok=True)
    kernel.write_text(json.dumps(kernel_spec().to_dict()))
    return {
        **os.environ,
        "JUPYTER_TOKEN": token,  # in the environment, because others can read a command line
        "JUPYTER_CONFIG_PATH": _before("JUPYTER_CONFIG_PATH", folder / "config"),
        "JUPYTER_PATH": _before("JUPYTER_PATH", folder / "share"),
    }


def _before(variable: str, folder: Path) -> str:
    return os.pathsep.join(filter(None, [str(folder), os.environ.get(variable)]))


def _wait_until_it_answers(server: subprocess.Popen, url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # 127.0.0.1 is behind no proxy
    while time.monotonic() < deadline and server.poll() is None:
        try:
            opener.open(url, timeout=5).close()
            return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise LabError(f"JupyterLab did not start. Its last words, from {log}:\n{last}")


def _end(server: subprocess.Popen) -> None:
    """End JupyterLab, which ends its kernels."""
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
