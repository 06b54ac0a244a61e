"""Builds that end before their time: stopped, timed out, killed with the sandbox; and logs that cannot be."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from helpers.sandbox.codebuild import worker

from .ground import ACCOUNT, Ground, policy, spec, until


def alive(pid: int) -> bool:
    """Whether a process runs; one that is only waiting to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def started(ground: Ground, marker: Path, **request: Any) -> tuple[str, int]:
    """Start a build that sleeps in its second command; its id, and the process that sleeps."""
    build_id = ground.start(
        spec(
            {
                "pre_build": [f"echo in {ground.name}"],
                "build": [f"sleep 600 & echo $! > {marker}; wait", "echo never"],
                "post_build": ["echo never"],
            }
        ),
        **request,
    )
    until(lambda: marker.exists() and marker.read_text().strip(), what="the sleep")
    return build_id, int(marker.read_text())


def test_stop(place: Ground, tmp_path: Path) -> None:
    build_id, pid = started(place, tmp_path / "pid")
    answer = place.codebuild.stop_build(id=build_id)["build"]
    assert answer["buildStatus"] == "IN_PROGRESS"
    built = place.ended(build_id)
    assert built.status == "STOPPED"
    assert built.phases == {"INSTALL": "SUCCEEDED", "PRE_BUILD": "SUCCEEDED", "BUILD": "STOPPED"}
    assert [phase["phaseType"] for phase in built.build["phases"]][-2:] == ["FINALIZING", "COMPLETED"]
    assert built.output == [f"in {place.name}"]
    until(lambda: not alive(pid), what="the end of the sleep")


def test_stopping_what_is_over_changes_nothing(place: Ground) -> None:
    built = place.commands("true")
    assert place.codebuild.stop_build(id=built.build["id"])["build"]["buildStatus"] == "SUCCEEDED"


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """A sandbox within this process, in which a minute of a build's time-out lasts three seconds."""
    from helpers.sandbox import codebuild, codecommit, ecr, events  # noqa: F401 - they register themselves
    from helpers.sandbox.app import Application
    from helpers.sandbox.service import Service
    from helpers.sandbox.world import World

    monkeypatch.setattr(worker, "SECONDS_IN_MINUTE", 3)
    world = World(tmp_path / "home")
    server = make_server("127.0.0.1", 0, Application(world, "token"), threaded=True)
    world.endpoint = f"http://127.0.0.1:{server.port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for hook in Service.registry["codebuild"].start_hooks:
        hook(world)

    class Inside:
        endpoint = world.endpoint

        def client(self, service: str, region: str) -> Any:
            return world.client(service, region, as_service="test.amazonaws.com")

    try:
        yield Ground(Inside())
    finally:
        world.stopping.set()
        server.shutdown()


def test_time_out(inside: Ground, tmp_path: Path) -> None:
    build_id, pid = started(inside, tmp_path / "pid", timeoutInMinutesOverride=5)
    built = inside.ended(build_id)
    assert built.status == "TIMED_OUT"
    assert built.phases["BUILD"] == "TIMED_OUT"
    assert built.context("BUILD") == ("BUILD_TIMED_OUT", "Build has timed out. ")
    assert (built.build["endTime"] - built.build["startTime"]).total_seconds() >= 15
    until(lambda: not alive(pid), what="the end of the sleep")


def test_a_killed_sandbox_leaves_a_failed_build_and_no_process(fresh_sandbox: Any, tmp_path: Path) -> None:
    sandbox = fresh_sandbox("--runtime", "process")
    ground = Ground(sandbox)
    before = ground.commands("echo before")
    build_id, pid = started(ground, tmp_path / "pid")
    sandbox.saved()
    os.kill(sandbox.pid, signal.SIGKILL)
    until(lambda: not alive(pid), what="the end of the sleep")
    sandbox.start()

    built = ground.ended(build_id)
    assert built.status == "FAILED"
    assert built.build["currentPhase"] == "COMPLETED"
    assert built.context("BUILD") == (
        "INTERNAL_SERVICE_ERROR",
        "The sandbox ended while this build ran. Start it again.",
    )
    assert ground.get(before.build["id"])["buildStatus"] == "SUCCEEDED"
    again = ground.commands("echo again")
    assert (again.status, again.output, again.build["buildNumber"]) == ("SUCCEEDED", ["again"], 3)
    assert os.listdir(sandbox.home / "codebuild") == []


def test_a_log_group_is_made_when_it_is_missing(ground: Ground) -> None:
    group = f"/made/{ground.name}"
    logs = {"cloudWatchLogs": {"status": "ENABLED", "groupName": group, "streamName": "nightly"}}
    built = ground.commands("echo here", logsConfigOverride=logs)
    assert built.output == ["here"]
    assert built.build["logs"]["groupName"] == group
    assert built.build["logs"]["streamName"] == f"nightly/{built.build['id'].partition(':')[2]}"


def test_a_role_that_may_not_write_logs(ground: Ground) -> None:
    """As seen in accounts: https://github.com/aws/aws-cdk/issues/12179"""
    ground.allow([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])
    built = ground.commands("echo never")
    code, message = built.context("PROVISIONING")
    assert code == "ACCESS_DENIED"
    assert message.startswith(
        f"Service role {ground.role} does not allow AWS CodeBuild to create Amazon CloudWatch Logs log "
        f"streams for build {built.build['arn']}. Error message: User: "
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{ground.name}/"
    )
    assert (built.status, built.phases, built.log) == ("FAILED", {}, [])


def test_a_build_without_logs(ground: Ground) -> None:
    built = ground.commands("echo unseen", logsConfigOverride={"cloudWatchLogs": {"status": "DISABLED"}})
    assert built.status == "SUCCEEDED"
    assert "groupName" not in built.build["logs"]


def test_the_log_can_be_read_while_the_build_runs(place: Ground, tmp_path: Path) -> None:
    go = tmp_path / "go"
    build_id = place.start(
        spec({"build": [f"echo waiting; while [ ! -e {go} ]; do sleep 0.02; done; echo gone"]})
    )
    until(lambda: "waiting" in place.log(place.get(build_id)), 10, "the line in the log")
    assert place.get(build_id)["currentPhase"] == "BUILD"
    go.touch()
    assert place.ended(build_id).output == ["waiting", "gone"]


def test_events_tell_of_the_build(ground: Ground) -> None:
    queue_url = ground.client("sqs").create_queue(QueueName=ground.name)["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{ground.name}"
    events = ground.client("events")
    pattern = f'{{"source": ["aws.codebuild"], "detail": {{"project-name": ["{ground.name}"]}}}}'
    events.put_rule(Name=ground.name, EventPattern=pattern)
    events.put_targets(Rule=ground.name, Targets=[{"Id": "queue", "Arn": queue}])
    _let_events_in(ground, queue_url, queue)
    ground.commands("false")
    found: list[dict[str, Any]] = []

    def all_there() -> bool:
        found.extend(_received(ground, queue_url))
        return any(event["detail"].get("build-status") == "FAILED" for event in found)

    until(all_there, what="the event")
    states = [
        event["detail"]["build-status"] for event in found if event["detail-type"].endswith("State Change")
    ]
    assert sorted(states) == ["FAILED", "IN_PROGRESS"]
    phases = {
        event["detail"]["completed-phase"]: event["detail"]["completed-phase-status"]
        for event in found
        if event["detail-type"] == "CodeBuild Build Phase Change"
    }
    assert (phases["PRE_BUILD"], phases["BUILD"]) == ("SUCCEEDED", "FAILED")


def _let_events_in(ground: Ground, queue_url: str, queue: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
    }
    ground.client("sqs").set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy([statement])})


def _received(ground: Ground, queue_url: str) -> list[dict[str, Any]]:
    messages = (
        ground.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
    )
    return [json.loads(message["Body"]) for message in messages]
