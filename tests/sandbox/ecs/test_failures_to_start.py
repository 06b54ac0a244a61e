"""Tasks that do not start: the stop code and Fargate's own words for each cause."""

from __future__ import annotations

from typing import Any

from helpers.sandbox import preparation
from helpers.sandbox.failures import Failure

from .ground import Ground


def stopped(task: dict[str, Any]) -> tuple[str, str]:
    assert "startedAt" not in task
    assert "exitCode" not in task["containers"][0]
    return task["stopCode"], task["stoppedReason"]


def test_an_image_that_was_not_pushed(ground: Ground) -> None:
    uri = f"{ground.repository}:missing"
    task = ground.ran(ground.define(ground.container(uri)))
    reason = (
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): "
        f"failed to resolve ref {uri}: {uri}: not found"
    )
    assert stopped(task) == ("TaskFailedToStart", reason)
    assert task["containers"][0]["reason"] == reason


def test_a_repository_that_does_not_exist(ground: Ground) -> None:
    task = ground.ran(ground.define(ground.container(f"{ground.repository}-other:latest")))
    assert stopped(task)[1].endswith("-other:latest: not found")


def test_a_log_group_that_does_not_exist(ground: Ground) -> None:
    container = ground.container(ground.image("print('unheard')"))
    container["logConfiguration"]["options"]["awslogs-group"] = f"{ground.log_group}-other"
    code, reason = stopped(ground.ran(ground.define(container)))
    assert code == "TaskFailedToStart"
    assert reason.startswith(
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 "
        "times: failed to create Cloudwatch log stream: operation error CloudWatch Logs: CreateLogStream, "
        "https response error StatusCode: 400, RequestID: "
    )
    assert "ResourceNotFoundException: The specified log group does not exist." in reason


def test_a_log_group_is_made_when_asked(ground: Ground) -> None:
    container = ground.container(ground.image("print('heard')"))
    ground.log_group += "-made"
    container["logConfiguration"]["options"] |= {
        "awslogs-group": ground.log_group,
        "awslogs-create-group": "true",
    }
    assert ground.output(ground.ran(ground.define(container))) == ["heard"]


def test_without_a_log_driver_nobody_hears_the_job(ground: Ground) -> None:
    task = ground.ran(ground.define(ground.container(ground.image("print('unheard')"), log=False)))
    assert task["containers"][0]["exitCode"] == 0
    assert ground.logs.describe_log_streams(logGroupName=ground.log_group)["logStreams"] == []


def test_an_image_for_another_architecture(ground: Ground) -> None:
    image = ground.image("print('never')", architecture="arm64")
    task = ground.ran(ground.define(ground.container(image)))
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 255)
    assert ground.output(task) == ["exec python: exec format error"]
    platform = {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
    task = ground.ran(ground.define(ground.container(image), runtimePlatform=platform))
    assert ground.output(task) == ["never"]
    assert task["attributes"] == [{"name": "ecs.cpu-architecture", "value": "arm64"}]


def test_a_command_that_does_not_exist(ground: Ground) -> None:
    image = ground.image(Cmd=["fly", "--now"])
    code, reason = stopped(ground.ran(ground.define(ground.container(image))))
    assert code == "TaskFailedToStart"
    assert reason.startswith("CannotStartContainerError: ")
    assert 'exec: "fly": executable file not found in $PATH' in reason


def test_a_secret_that_does_not_exist(ground: Ground) -> None:
    wanted = [{"name": "KEY", "valueFrom": f"/{ground.name}/missing"}]
    code, reason = stopped(ground.ran(ground.define(ground.container(ground.image(""), secrets=wanted))))
    assert code == "TaskFailedToStart"
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")
    assert "ParameterNotFound" in reason


def test_what_cannot_be_reached_is_asked_in_turn() -> None:
    asked: list[str] = []

    def check(name: str, answer: Failure | None) -> preparation.Check:
        return lambda world, task: asked.append(name) or answer

    before = preparation.preflight_checks[:]
    first, second = Failure("no way to ECR"), Failure("no way to Logs")
    try:
        preparation.preflight_checks[:] = [check("a", None), check("b", first), check("c", second)]
        assert preparation.preflight(None, {}) is first  # type: ignore[arg-type]
        assert asked == ["a", "b"]
        preparation.preflight_checks[:] = []
        assert preparation.preflight(None, {}) is None  # type: ignore[arg-type]
    finally:
        preparation.preflight_checks[:] = before
