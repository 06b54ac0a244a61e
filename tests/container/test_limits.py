"""Tasks in containers: memory, CPU, user, signals, output, and how a start goes wrong."""

from __future__ import annotations

import pytest

from tests.sandbox.ecs.ground import until

from .base_image import JOB, name_in
from .works import Works

pytestmark = pytest.mark.container
BASE = name_in(JOB / "Dockerfile")


@pytest.fixture(scope="module")
def works(shared: Works) -> Works:
    """One with an image of a Python that does what it is told."""
    dockerfile = (
        f"FROM {BASE}\nRUN python -m pip install -q --root-user-action ignore boto3\nENV FROM_IMAGE=yes\n"
        'WORKDIR /work\nUSER 1234\nENTRYPOINT ["python", "-u", "-c"]\n'
    )
    assert shared.build(dockerfile).status == "SUCCEEDED"
    return shared


def test_more_memory_than_the_definition_allows(works: Works) -> None:
    eat = "x = []\nwhile True: x.append(bytearray(10 << 20))"
    task = works.run(command=[eat], memory="512")
    assert works.ended(task) == (137, "OutOfMemoryError: Container killed due to memory usage")
    assert task["stopCode"] == "EssentialContainerExited"


def test_as_much_memory_as_the_definition_allows(works: Works) -> None:
    task = works.run(command=["x = bytearray(300 << 20); print(len(x) >> 20)"], memory="512")
    assert (works.ended(task), works.tasks.output(task)) == ((0, None), ["300"])


@pytest.mark.parametrize("code", [0, 1, 3, 137])
def test_exit_codes(works: Works, code: int) -> None:
    assert works.ended(works.run(command=[f"raise SystemExit({code})"])) == (code, None)


def test_the_cpu_share(works: Works) -> None:
    """A quarter of a CPU gets no more than about a quarter of the time."""
    spin = (
        "import time\nb = time.monotonic(), time.process_time()\n"
        "while time.monotonic() - b[0] < 2: pass\n"
        "print(round((time.process_time() - b[1]) / (time.monotonic() - b[0]), 2))"
    )
    share = float(works.tasks.output(works.run(command=[spin], cpu="256"))[0])
    assert 0 < share < 0.35  # less where the machine is busy, but never more


def test_what_a_container_finds(works: Works) -> None:
    ask = (
        "import boto3, os\n"
        "print(os.getuid(), os.getcwd(), os.environ['FROM_IMAGE'], os.environ['GIVEN'])\n"
        "print(sorted(name for name in os.environ if name.startswith('AWS_') and 'KEY' in name))\n"
        "print(boto3.client('sts').get_caller_identity()['Arn'])"
    )
    task = works.run(command=[ask], environment=[{"name": "GIVEN", "value": "task"}])
    first, second, third = works.tasks.output(task)
    assert first == "1234 /work yes task"
    assert second == "[]"
    role, session = works.tasks.task_role.rpartition("/")[2], task["taskArn"].rpartition("/")[2]
    assert third.endswith(f":assumed-role/{role}/{session}")
    assert works.tasks.output(works.run(command=["import os; print(os.getuid())"], user="77")) == ["77"]


def test_output_line_by_line_while_it_runs(works: Works) -> None:
    talk = "import time\nprint('first')\nprint('error', flush=True)\ntime.sleep(60)"
    task = works.tasks.run(
        works.tasks.define(works.tasks.container(f"{works.uri}:latest", command=[talk], stopTimeout=2))
    )
    works.tasks.when(task, "RUNNING")
    until(lambda: works.tasks.output(task) == ["first", "error"], what="the output")
    works.tasks.ecs.stop_task(cluster=works.tasks.cluster, task=task["taskArn"], reason="enough")
    stopped = works.tasks.when(task, "STOPPED")
    assert works.ended(stopped)[0] == 137  # as process 1 it has no handler for SIGTERM


def test_sigterm_is_answered(works: Works) -> None:
    polite = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit(143)))\n"
        "print('ready')\ntime.sleep(60)"
    )
    container = works.tasks.container(f"{works.uri}:latest", command=[polite])
    task = works.tasks.run(works.tasks.define(container))
    works.tasks.when(task, "RUNNING")
    until(lambda: "ready" in works.tasks.output(task), what="the output")
    works.tasks.ecs.stop_task(cluster=works.tasks.cluster, task=task["taskArn"])
    stopped = works.tasks.when(task, "STOPPED")
    assert (works.ended(stopped)[0], works.tasks.output(task)) == (143, ["ready", "bye"])


def test_a_program_that_is_not_in_the_image(works: Works) -> None:
    task = works.run(entryPoint=["/no/such/program"])
    assert task["stopCode"] == "TaskFailedToStart"
    assert "/no/such/program" in str(task["containers"][0].get("reason")) + task["stoppedReason"]


@pytest.mark.parametrize("tag", [":gone", "@sha256:" + "0" * 64])
def test_an_image_that_is_not_in_the_repository(works: Works, tag: str) -> None:
    task = works.run(works.uri + tag)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert "not found" in task["stoppedReason"]
