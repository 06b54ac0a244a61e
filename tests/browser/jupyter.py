"""A learner at a keyboard: JupyterLab, as `python -m helpers lab` serves it, in a headless Chromium.

Everything is driven by keys, so the tests also show that the course can be worked through without a mouse.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Playwright, TimeoutError

from helpers.commands import environment, sandboxes

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300_000  # milliseconds until something that must come is given up; the machine may be busy
KNOCK = 3_000  # until something is asked for again that may have been lost
STANDSTILL = 120_000  # without any cell that begins or ends
TRIES = 3
LOCAL_ONLY = "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"  # no name but this one has an address
COPIED = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".pytest_cache", ".ruff_cache")

# The notebook that is in front, read in one go. An output may hold several forms of a thing; one is drawn.
READ = """() => {
  const notebook = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
  const texts = (selector, within = notebook) =>
    [...within.querySelectorAll(selector)].map(node => node.textContent.trim());
  return {
    prompts: texts('.jp-CodeCell .jp-InputArea-prompt'),
    complaints: texts('[data-mime-type$="jupyter.stderr"], [data-mime-type$="jupyter.error"]'),
    pictures: [...notebook.querySelectorAll('.jp-MarkdownCell img')].map(
      ({ src, alt, complete, naturalWidth }) => ({ src, alt, seen: complete && naturalWidth > 0 })),
    outputs: [...notebook.querySelectorAll('.jp-CodeCell')].map(
      cell => texts('.jp-OutputArea-output', cell).join('\\n')),
  };
}"""
PROMPTS = f"({READ})().prompts"
# The status bar's words about the kernel. The round sign above the notebook says idle too early.
IS_IDLE = "/\\| Idle/.test(document.querySelector('#jp-bottom-panel')?.textContent)"


def chromium() -> str | None:
    """The browser's program, when there is one: what CHROMIUM names, or what is on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def copy_of_the_course(folder: Path) -> Path:
    """The course in a folder of its own: JupyterLab saves what is open, and tests leave no traces."""
    shutil.copytree(ROOT, folder, ignore=COPIED)
    venv = folder / ".venv"
    venv.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != "ready":
            (venv / part.name).symlink_to(part)
    stamp = "from helpers.commands import environment as e; print(e.fingerprint(), end='')"
    python = environment.interpreter(venv)
    made = subprocess.run([python, "-c", stamp], cwd=folder, capture_output=True, text=True, check=True)
    (venv / "ready").write_text(made.stdout)
    return folder


@contextlib.contextmanager
def serving(course: Path, home: Path) -> Iterator[str]:
    """`python -m helpers lab` in `course`; gives the address that it prints. Ends it, and its sandbox."""
    python = environment.interpreter(course / ".venv")
    own = {"HOME": str(home), "SANDBOX_HOME": str(home / "sandbox"), "PYTHONPATH": str(course)}
    own |= {"JUPYTER_CONFIG_DIR": str(home / "jupyter"), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings")}
    own |= {"JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"), "PYTHONUNBUFFERED": "1"}
    command = [python, "-m", "helpers", "lab", "--no-browser", "--runtime", "process", "--pace", "0"]
    process = subprocess.Popen(
        [*command, "--port", str(sandboxes.free_port())],
        cwd=course,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    try:
        for line in process.stdout:
            said += line
            if "this ends it" in line:
                break
        found = re.search(r"JupyterLab: (\S+)", said)
        assert found, f"JupyterLab did not start:\n{said}"
        yield found[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
        sandboxes.stop(home / "sandbox")


@dataclass
class Seen:
    """What a notebook looks like after it was run."""

    prompts: list[str]
    complaints: list[str]  # warnings and tracebacks: JupyterLab draws both in red
    pictures: list[dict]
    outputs: list[str]  # of each code cell


@dataclass
class Lab:
    """JupyterLab in a browser. `outside` holds every request that went to another host."""

    page: Page
    address: str
    outside: list[str] = field(default_factory=list)

    def open(self, notebook: str) -> None:
        """Open a notebook of the course and wait for its kernel."""
        parts = urlsplit(self.address)
        for _ in range(TRIES):
            self.page.goto(f"{parts.scheme}://{parts.netloc}/lab/tree/notebooks/{notebook}?{parts.query}")
            with contextlib.suppress(TimeoutError):
                self._wait_for(IS_IDLE, STANDSTILL)
                return
        raise TimeoutError(f"{notebook} does not open: {self._state()}")

    def run_all(self) -> None:
        """Restart the kernel and run all cells, as a learner without a mouse does: by the command palette."""
        # What is stored in the file must not pass for a run.
        self._command("Clear Outputs of All Cells", f"!({PROMPTS}).some(text => /\\d/.test(text))")
        for _ in range(TRIES):
            self._command(
                "Restart Kernel and Run All Cells", f"({PROMPTS}).some(text => /[\\d*]/.test(text))"
            )
            if self._comes_to_an_end():
                return
        raise TimeoutError(f"the cells do not come to an end: {self._state()}")

    def _comes_to_an_end(self) -> bool:
        """Whether all cells were worked off. JupyterLab can lose them when a busy kernel is restarted."""
        # A cell that waits shows a star; one that was passed over after an error shows nothing.
        done = f"{IS_IDLE} && !({PROMPTS}).some(text => text.includes('*'))"
        while not self.page.evaluate(f"() => Boolean({done})"):
            now = json.dumps(self.look().prompts, separators=(",", ":"))
            try:
                self._wait_for(f"{done} || JSON.stringify({PROMPTS}) !== {json.dumps(now)}", STANDSTILL)
            except TimeoutError:
                return False
        return True

    def _command(self, name: str, effect: str) -> None:
        """Give a command by its name, and again if it has no effect: what comes up takes the focus away."""
        patience = 3 * KNOCK
        for _ in range(PATIENCE // KNOCK):
            with contextlib.suppress(TimeoutError):
                self.page.keyboard.press("ControlOrMeta+Shift+C")
                typed = self.page.locator(".lm-CommandPalette-input")
                typed.fill(name, timeout=KNOCK)
                first = self.page.locator(".lm-CommandPalette-item.lm-mod-active", has_text=name)
                first.wait_for(timeout=KNOCK)
                typed.press("Enter", timeout=KNOCK)
                if name.startswith("Restart"):  # it asks whether one is sure, and takes its time
                    self.page.locator(".jp-Dialog .jp-mod-accept").press("Enter", timeout=KNOCK)
                    patience = STANDSTILL
                self._wait_for(effect, patience)
                return
        raise TimeoutError(f"{name!r} has no effect: {self._state()}")

    def look(self) -> Seen:
        """Everything that the notebook in front shows."""
        return Seen(**self.page.evaluate(READ))

    def _wait_for(self, condition: str, patience: int) -> None:
        try:
            self.page.wait_for_function(f"() => Boolean({condition})", timeout=patience, polling=250)
        except TimeoutError:
            raise TimeoutError(f"waited for {condition}: {self._state()}") from None

    def _state(self) -> dict[str, list[str]]:
        """What the page says, for whoever has to find out why it did not come up."""
        parts = ("#jp-bottom-panel", ".jp-Dialog", ".jp-CodeCell .jp-InputArea-prompt")
        return {part: self.page.locator(part).all_inner_texts() for part in parts}


@contextlib.contextmanager
def browsing(playwright: Playwright, address: str) -> Iterator[Lab]:
    """A Chromium for which nothing exists but 127.0.0.1, with JupyterLab at `address` ready to open."""
    arguments = [f"--host-resolver-rules={LOCAL_ONLY}", "--disable-dev-shm-usage"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox refuses root, who is often alone in a container
    browser: Browser = playwright.chromium.launch(
        executable_path=chromium(), args=arguments, timeout=PATIENCE
    )
    try:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE)
        lab = Lab(page, address)
        page.context.on("request", lambda request: _note(lab, request.url))
        yield lab
    finally:
        browser.close()


def _note(lab: Lab, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("data", "blob", "about") and parts.hostname != "127.0.0.1":
        lab.outside.append(url)
