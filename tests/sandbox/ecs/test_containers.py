"""What a container gets (command, environment, credentials, memory, time) and how its end is told."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from .ground import ACCOUNT, Ground, until

SHOW_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


def environment(ground: Ground, task: dict[str, Any], container: str = "job") -> dict[str, str]:
    return json.loads(ground.output(task, container)[-1])


def test_the_environment_is_fargates_and_the_definitions_and_nothing_else(ground: Ground) -> None:
    image = ground.image(SHOW_ENVIRONMENT, Env=["LANG=C.UTF-8", "COLOUR=red"])
    given = [{"name": "DATA_BUCKET", "value": "data"}, {"name": "REPORT_DATE", "value": "2013-01-01"}]
    definition = ground.define(ground.container(image, environment=given))
    override = {"name": "job", "environment": [{"name": "REPORT_DATE", "value": "2013-02-01"}]}
    task = ground.ran(definition, overrides={"containerOverrides": [override]})
    found = environment(ground, task)
    assert (found["DATA_BUCKET"], found["REPORT_DATE"]) == ("data", "2013-02-01")
    assert (found["LANG"], found["COLOUR"]) == ("C.UTF-8", "red")
    assert (found["AWS_REGION"], found["AWS_DEFAULT_REGION"]) == ("us-east-1", "us-east-1")
    assert found["AWS_EXECUTION_ENV"] == "AWS_ECS_FARGATE"
    assert found["AWS_ENDPOINT_URL"] == ground.sandbox.endpoint
    fargate = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_ENDPOINT_URL"}
    fargate |= {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"}
    fargate |= {"AWS_EC2_METADATA_DISABLED", "ECS_CONTAINER_METADATA_URI_V4"}
    # LC_CTYPE is set by Python itself when no locale is; __CF… by macOS
    system = {"PATH", "HOME", "TMPDIR", "HOSTNAME", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
    assert found.keys() - system - fargate == {"DATA_BUCKET", "REPORT_DATE", "LANG", "COLOUR"}
    assert found["HOME"] != os.path.expanduser("~")


def test_the_job_has_its_roles_credentials(ground: Ground) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    task = ground.ran(ground.define(ground.container(ground.image(script))))
    task_id = task["taskArn"].rpartition("/")[2]
    role = ground.task_role.rpartition("/")[2]
    assert ground.output(task) == [f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{task_id}"]


def test_a_role_can_be_overridden(ground: Ground) -> None:
    other = ground.role("other")
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    definition = ground.define(ground.container(ground.image(script)))
    task = ground.ran(definition, overrides={"taskRoleArn": other})
    assert f"/{other.rpartition('/')[2]}/" in ground.output(task)[0]


def test_without_a_task_role_there_are_no_credentials(ground: Ground) -> None:
    script = "import boto3; print(boto3.Session().get_credentials())"
    task = ground.ran(ground.define(ground.container(ground.image(script)), taskRoleArn=None))
    assert ground.output(task) == ["None"]


def test_the_credentials_need_the_tasks_own_token(ground: Ground) -> None:
    script = """
import os, urllib.error, urllib.request
address = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
def ask(url, token):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": token})).status
    except urllib.error.HTTPError as error:
        return error.code
token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
print(ask(address, token), ask(address, "guessed"), ask(address + "x", token))
"""
    task = ground.ran(ground.define(ground.container(ground.image(script))))
    assert ground.output(task) == ["200 403 404"]


def test_metadata(ground: Ground) -> None:
    script = """
import os, urllib.request
for what in ("", "/task"):
    print(urllib.request.urlopen(os.environ["ECS_CONTAINER_METADATA_URI_V4"] + what).read().decode())
"""
    image = ground.image(script)
    task = ground.ran(ground.define(ground.container(image)))
    container, whole = map(json.loads, ground.output(task))
    assert (container["Name"], container["Image"]) == ("job", image)
    assert container["Labels"]["com.amazonaws.ecs.task-arn"] == task["taskArn"]
    assert (whole["TaskARN"], whole["Family"], whole["Revision"]) == (task["taskArn"], ground.name, "1")
    assert whole["Limits"] == {"CPU": 0.25, "Memory": 512}
    assert [found["Name"] for found in whole["Containers"]] == ["job"]


def test_the_command_can_be_overridden(ground: Ground) -> None:
    definition = ground.define(ground.container(ground.image("print('as built')")))
    override = {"name": "job", "command": ["python", "-c", "print('as asked')"]}
    assert ground.output(ground.ran(definition, overrides={"containerOverrides": [override]})) == ["as asked"]


def test_an_entrypoint_of_the_definition_drops_the_images_command(ground: Ground) -> None:
    image = ground.image("", Entrypoint=["python", "-c", "print('image')"], Cmd=["ignored"])
    container = ground.container(image, entryPoint=["python", "-c", "import sys; print(sys.argv[1:])"])
    assert ground.output(ground.ran(ground.define(container))) == ["[]"]


def test_paths_of_the_image_are_found(ground: Ground) -> None:
    image = ground.image(
        "import helper; helper.speak()",
        files={
            "lib/helper.py": "def speak(): print('from /lib')",
            "app/start.sh": "#!/bin/sh\nexec python /app/main.py\n",
        },
        Env=["PYTHONPATH=/lib"],
        Cmd=["python", "/app/main.py"],
        WorkingDir="/",
    )
    assert ground.output(ground.ran(ground.define(ground.container(image)))) == ["from /lib"]


def test_what_a_job_writes_does_not_change_its_image(ground: Ground) -> None:
    script = "import pathlib; p = pathlib.Path('left'); print(p.exists()); p.write_text('here')"
    definition = ground.define(ground.container(ground.image(script)))
    assert [ground.output(ground.ran(definition)) for _ in range(2)] == [["False"], ["False"]]


@pytest.mark.parametrize(
    ("script", "code"),
    [("raise SystemExit(3)", 3), ("1 / 0", 1), ("import os; os.kill(os.getpid(), 9)", 137)],
)
def test_exit_codes(ground: Ground, script: str, code: int) -> None:
    task = ground.ran(ground.define(ground.container(ground.image(script))))
    assert task["containers"][0]["exitCode"] == code
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )


def test_too_much_memory_is_killed(ground: Ground) -> None:
    script = """
import time
print("started")
held = [bytearray(2_000_000) for _ in range(40)]
print("still here")
time.sleep(60)
"""
    container = ground.container(ground.image(script), memory=64)
    task = ground.ran(ground.define(container))
    (ended,) = task["containers"]
    assert ended["exitCode"] == 137
    assert ended["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    assert ground.output(task)[0] == "started"


def test_the_memory_of_children_counts(ground: Ground) -> None:
    script = """
import subprocess, sys, time
subprocess.run([sys.executable, "-c", "import time; held = bytearray(80_000_000); time.sleep(60)"])
"""
    task = ground.ran(ground.define(ground.container(ground.image(script), memory=64)))
    assert task["containers"][0]["exitCode"] == 137


def test_a_job_that_catches_sigterm_ends_as_it_likes(ground: Ground) -> None:
    script = """
import signal, sys, time
def end(*_):
    print("putting things in order")
    sys.exit(4)
signal.signal(signal.SIGTERM, end)
print("ready")
time.sleep(60)
"""
    task = ground.run(ground.define(ground.container(ground.image(script))))
    until(lambda: ready(ground, task), what="the job's first line")
    ground.ecs.stop_task(cluster=ground.cluster, task=task["taskArn"])
    last = ground.when(task)
    assert last["containers"][0]["exitCode"] == 4
    assert last["stoppedReason"] == "Task stopped by user"
    assert ground.output(task) == ["ready", "putting things in order"]


def ready(ground: Ground, task: dict[str, Any]) -> bool:
    try:
        return "ready" in ground.output(task)
    except ground.logs.exceptions.ResourceNotFoundException:
        return False


def test_a_job_that_ignores_sigterm_is_killed_after_its_stop_timeout(ground: Ground) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); time.sleep(60)"
    )
    container = ground.container(ground.image(script), stopTimeout=1)
    task = ground.run(ground.define(container))
    until(lambda: ready(ground, task), what="the job's first line")
    ground.ecs.stop_task(cluster=ground.cluster, task=task["taskArn"])
    last = ground.when(task)
    assert last["containers"][0]["exitCode"] == 137
    assert 1 <= (last["stoppedAt"] - last["stoppingAt"]).total_seconds() < 25  # without it they are 30


def test_an_essential_container_takes_the_others_with_it(ground: Ground) -> None:
    image = ground.image("import sys, time; time.sleep(float(sys.argv[1])); sys.exit(int(sys.argv[2]))")
    task = ground.ran(
        ground.define(
            ground.container(image, "main", command=["python", "main.py", "0.2", "0"]),
            ground.container(image, "side", command=["python", "main.py", "60", "0"], essential=False),
            ground.container(image, "brief", command=["python", "main.py", "0", "9"], essential=False),
        )
    )
    assert {container["name"]: container["exitCode"] for container in task["containers"]} == {
        "main": 0,
        "side": 143,
        "brief": 9,
    }


def test_a_container_waits_for_those_it_depends_on(ground: Ground) -> None:
    image = ground.image("import sys, time; time.sleep(0.2); print(time.time())")
    task = ground.ran(
        ground.define(
            ground.container(image, "job", dependsOn=[{"containerName": "before", "condition": "SUCCESS"}]),
            ground.container(image, "before", essential=False),
        )
    )
    assert float(ground.output(task, "before")[0]) < float(ground.output(task, "job")[0]) - 0.2


def test_a_dependency_that_fails_stops_the_task(ground: Ground) -> None:
    image = ground.image("import sys; sys.exit(int(sys.argv[1]))")
    task = ground.ran(
        ground.define(
            ground.container(
                image,
                "job",
                command=["python", "main.py", "0"],
                dependsOn=[{"containerName": "before", "condition": "SUCCESS"}],
            ),
            ground.container(image, "before", command=["python", "main.py", "5"], essential=False),
        )
    )
    assert task["stopCode"] == "TaskFailedToStart"
    assert {container["name"]: container.get("exitCode") for container in task["containers"]} == {
        "job": None,
        "before": 5,
    }


def test_secrets_become_variables(ground: Ground) -> None:
    ssm, manager = ground.client("ssm"), ground.client("secretsmanager")
    ssm.put_parameter(Name=f"/{ground.name}/plain", Value="from ssm", Type="SecureString")
    secret = manager.create_secret(Name=ground.name, SecretString=json.dumps({"key": "from asm"}))["ARN"]
    wanted = [
        {"name": "A", "valueFrom": f"/{ground.name}/plain"},
        {"name": "B", "valueFrom": f"{secret}:key::"},
    ]
    script = "import os; print(os.environ['A'], '/', os.environ['B'])"
    task = ground.ran(ground.define(ground.container(ground.image(script), secrets=wanted)))
    assert ground.output(task) == ["from ssm / from asm"]
