"""What all tests share: sandboxes to test against, and the rule that CI skips no container test."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import Session as BotocoreSession

ROOT = Path(__file__).resolve().parents[1]
FAST = ("--pace", "0", "--speed", "60", "--runtime", "process")

# No test may reach an AWS account, however the machine is set up. What tests start inherits this.
for _name in [name for name in os.environ if name.startswith(("AWS_", "SANDBOX_", "WORKSHOP_"))]:
    del os.environ[_name]
os.environ.update(
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
    PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
)
# Images of containers often set it; every process that a test starts would compile all its modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@cache
def _descriptions() -> Loader:
    """AWS's descriptions of its APIs. To read one takes longer than most tests, so each is read once."""
    return create_loader()


def _botocore() -> BotocoreSession:
    session = BotocoreSession()
    session.register_component("data_loader", _descriptions())
    return session


@dataclass
class Sandbox:
    """A sandbox that runs: `endpoint`, `home`, `runtime`, `pid`, and clients for it.

    `arguments` are those of `python -m helpers.sandbox start`. It gets a free port, and keeps it.
    """

    home: Path
    arguments: tuple[str, ...] = FAST
    status: dict[str, Any] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return self.status["endpoint"]

    @property
    def runtime(self) -> str:
        return self.status["runtime"]

    @property
    def pid(self) -> int:
        return self.status["pid"]

    def client(
        self,
        service: str,
        region: str = "us-east-1",
        key: str = "sandbox",
        secret: str = "sandbox",
        **more: Any,
    ) -> Any:
        """A boto3 client. The dummy credentials may do everything; nothing is tried twice, so errors show."""
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, proxies={})
        session = boto3.Session(key, secret, more.pop("token", None), region, botocore_session=_botocore())
        return session.client(service, endpoint_url=self.endpoint, config=config, **more)

    def start(self) -> Sandbox:
        """Start it, or start it again, at the port it had. It is a fork, ready at once: see tests/warm.py."""
        from helpers.sandbox import process

        from . import warm

        if self.status:  # one that was killed may take a moment to end
            _until(lambda: not psutil.pid_exists(self.pid) or process.status(self.home).running)
        port = self.endpoint.rpartition(":")[2] if self.status else "0"
        warm.prepare()
        for attempts_left in (2, 1, 0):
            try:
                status = warm.start(self.home, ("--port", port, *self.arguments))
                break
            except warm.NotStarted as error:  # somebody's connection may have the port for a moment
                if "cannot be used" not in str(error) or not attempts_left:
                    raise
                time.sleep(1)
        if status is None:
            return self.start_by_command()
        self.status = status
        return self

    def start_by_command(self) -> Sandbox:
        """The same by its command line, as learners start it."""
        from helpers.commands.sandboxes import free_port

        port = self.endpoint.rpartition(":")[2] if self.status else str(free_port())
        self.status = json.loads(self.command("start", "--json", "--port", port, *self.arguments).stdout)
        return self

    def stop(self) -> None:
        from helpers.sandbox import process

        process.stop(self.home, seconds=60)

    def saved(self) -> None:
        """Return when everything that has happened so far is in its state file."""
        state = self.home / "state.pickle"

        def has(name: str) -> bool:
            return state.exists() and name.encode() in state.read_bytes()

        for _ in range(2):  # the second change is in a saving that began after this was called
            name = f"saved-{uuid.uuid4().hex}"
            self.client("sns").create_topic(Name=name)
            _until(partial(has, name))

    def command(self, verb: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`python -m helpers.sandbox VERB` for this sandbox's home."""
        command = [sys.executable, "-m", "helpers.sandbox", verb, "--home", str(self.home), *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        if check and done.returncode:
            raise RuntimeError(
                f"{' '.join(command[3:])}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done


def _until(reached: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextlib.contextmanager
def _running(home: Path, arguments: tuple[str, ...]) -> Iterator[Sandbox]:
    sandbox = Sandbox(home, arguments)
    try:
        yield sandbox.start()
    finally:
        sandbox.stop()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for the whole session. Use names of your own in it: others use it too."""
    with _running(tmp_path_factory.mktemp("sandbox") / "home", FAST) as running:
        yield running


@pytest.fixture
def fresh_sandbox(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Call it with arguments of `start` for a sandbox of your own, empty; it ends with the test."""
    with contextlib.ExitStack() as stack:
        made: list[Sandbox] = []

        def make(*arguments: str, home: Path | None = None) -> Sandbox:
            folder = home or tmp_path / f"sandbox-{len(made)}"
            made.append(stack.enter_context(_running(folder, (*FAST, *arguments))))
            return made[-1]

        yield make


@cache
def _why_no_engine() -> str | None:
    """What stands between the container tests and a Docker Engine; None when one answers."""
    import docker

    try:
        client = docker.from_env()
        client.ping()
        client.close()
    except docker.errors.DockerException as error:
        return f"no Docker Engine answers: {error}"
    return None


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None):
        from . import warm

        warm.prepare()  # for all processes
        # They must all collect the same tests, also where a test's name is made from a set.
        os.environ.setdefault("PYTHONHASHSEED", "0")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` means."""
    from .spread import processes

    return processes()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What `--dist loadfile` means here: see tests/spread.py. Other ways are xdist's own."""
    from .spread import Spread

    return Spread(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("container") and (reason := _why_no_engine()):
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """In CI a container test that is skipped has failed: otherwise nobody would notice that none ever ran."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and item.get_closest_marker("container"):
        report.outcome = "failed"
        report.longrepr = f"A container test was skipped in CI. {call.excinfo.value if call.excinfo else ''}"
    return report
