"""Nothing that a job starts outlives the sandbox."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from helpers.sandbox import supervise
from helpers.sandbox.runtimes import ContainerSpec, Exit, Image, ProcessRuntime

from .ground import Ground, until

SUPERVISOR = supervise.__file__
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
daemon = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(os.getpid(), child.pid, daemon.pid, flush=True)
time.sleep(60)
"""


Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def supervised() -> Iterator[Start]:
    """Starts a Python script under the supervisor."""
    with contextlib.ExitStack() as stack:

        def start(script: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-I", "-S", SUPERVISOR, sys.executable, "-c", script]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.callback(process.stdout.close)
            stack.callback(process.wait, 10)
            stack.callback(process.stdin.close)
            return process

        yield start


def family(process: subprocess.Popen[bytes]) -> list[int]:
    """The numbers of the command and its children. On macOS a daemon is nobody's child, and may stay."""
    found = [int(number) for number in process.stdout.readline().split()]
    return found if sys.platform == "linux" else found[:2]


def alive(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_gone(numbers: list[int]) -> bool:
    return until(lambda: not any(map(alive, numbers)), 10, f"the end of {numbers}")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("", 0),
        ("raise SystemExit(7)", 7),
        ("import os; os.kill(os.getpid(), 11)", 139),
        ("import os; os.abort()", 134),
    ],
)
def test_the_exit_code_is_the_commands(supervised: Start, script: str, code: int) -> None:
    assert supervised(script).wait(10) == code


def test_the_output_is_the_commands(supervised: Start) -> None:
    assert supervised("print('hello')").stdout.read() == b"hello\n"


def test_when_the_sandbox_is_gone_so_is_the_family(supervised: Start) -> None:
    process = supervised(FAMILY)
    numbers = family(process)
    process.stdin.close()  # what the system does for a sandbox that was killed
    assert all_gone(numbers)
    assert process.wait(10) == 137


def test_when_the_command_ends_so_does_what_it_left_behind(supervised: Start) -> None:
    process = supervised(FAMILY.replace("time.sleep(60)\n", "") + "raise SystemExit(0)")
    numbers = family(process)
    assert process.wait(10) == 0
    assert all_gone(numbers)


def test_a_kill_ends_the_family(supervised: Start) -> None:
    process = supervised(FAMILY)
    numbers = family(process)
    os.write(process.stdin.fileno(), b"k")
    assert process.wait(10) == 137
    assert all_gone(numbers)


def test_sigterm_reaches_the_command_alone(supervised: Start) -> None:
    script = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
print("ready", flush=True)
time.sleep(60)
"""
    process = supervised(script)
    process.stdout.readline()
    os.write(process.stdin.fileno(), b"t")
    assert process.wait(10) == 5


if sys.platform == "linux":  # only there is a child told that its parent was killed

    def test_killing_the_supervisor_kills_the_command(supervised: Start) -> None:
        process = supervised("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
        numbers = family(process)
        process.kill()
        process.wait(10)
        assert all_gone(numbers)


def test_a_running_container_can_be_asked_whether_it_ended(tmp_path: Path) -> None:
    runtime = ProcessRuntime(images=None, scratch=tmp_path)  # type: ignore[arg-type]
    image = Image(
        "image", "sha256:0", command=["python", "-c", "import time; print('hi', flush=True); time.sleep(60)"]
    )
    lines: list[str] = []
    running = runtime.start(ContainerSpec("job", image), lines.append)
    until(lambda: lines == ["hi"], what="the first line")
    assert running.wait(timeout=0.01) is None
    running.stop(grace_seconds=20)
    assert running.wait() == Exit(143)
    assert list(tmp_path.iterdir()) == []  # nothing stays of its folder


def test_a_job_sees_its_image_at_the_root_and_so_say_its_tracebacks(tmp_path: Path) -> None:
    (tmp_path / "image" / "job").mkdir(parents=True)
    (tmp_path / "image" / "job" / "report.py").write_text("1 / 0\n")
    image = Image(
        "image", "sha256:0", ["python", "/job/report.py"], rootfs=tmp_path / "image", workdir="/job"
    )
    lines: list[str] = []
    running = ProcessRuntime(None, tmp_path / "running").start(ContainerSpec("job", image), lines.append)  # type: ignore[arg-type]
    assert running.wait(30) == Exit(1)
    assert '  File "/job/report.py", line 1, in <module>' in lines


def test_a_sandbox_that_is_killed_takes_its_jobs_with_it(fresh_sandbox: Any) -> None:
    sandbox = fresh_sandbox()
    ground = Ground(sandbox)
    task = ground.run(ground.define(ground.container(ground.image(FAMILY))))

    def started() -> list[int]:
        try:
            output = ground.output(task)
        except ground.logs.exceptions.ResourceNotFoundException:
            return []
        return [int(number) for number in output[0].split()] if output else []

    numbers = until(started, what="the job's first line")
    task_id = task["taskArn"].rpartition("/")[2].encode()
    until(lambda: task_id in (sandbox.home / "state.pickle").read_bytes(), what="the saving of the state")
    os.kill(sandbox.pid, signal.SIGKILL)
    assert all_gone(numbers if sys.platform == "linux" else numbers[:2])
    sandbox.start()
    last = ground.describe(task)
    assert (last["lastStatus"], last["desiredStatus"]) == ("STOPPED", "STOPPED")
    assert last["stoppedReason"] == "The sandbox was stopped while this task was running."
    assert "exitCode" not in last["containers"][0]
    interfaces = ground.ec2.describe_network_interfaces(
        Filters=[{"Name": "subnet-id", "Values": [ground.subnet]}]
    )
    assert interfaces["NetworkInterfaces"] == []
    again = ground.ran(ground.define(ground.container(ground.image("print('a new task works')"))))
    assert ground.output(again) == ["a new task works"]
