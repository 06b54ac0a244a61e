"""The sample job as a real image: its unmodified Dockerfile built, pushed, pulled by digest and run."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import signal
from typing import Any

import docker
import pytest

from tests.sandbox.codebuild.ground import until

from .base_image import name_in
from .works import JOB, Works

pytestmark = pytest.mark.container
DAY = "2013-01-01"


@pytest.fixture(scope="module")
def data(shared: Works) -> str:
    """A bucket with the departures of one day."""
    s3, bucket = shared.builds.s3, f"{shared.name}-data"
    s3.create_bucket(Bucket=bucket)
    s3.upload_file(str(JOB / f"data/departures/{DAY}.csv.gz"), bucket, f"departures/{DAY}.csv.gz")
    return bucket


def report(works: Works, bucket: str) -> list[dict[str, str]]:
    body = works.builds.s3.get_object(Bucket=bucket, Key=f"reports/{DAY}.csv")["Body"].read()
    return list(csv.DictReader(io.StringIO(body.decode())))


def job(bucket: str) -> dict[str, Any]:
    values = {"DATA_BUCKET": bucket, "REPORT_DATE": DAY}
    return {"environment": [{"name": name, "value": value} for name, value in values.items()]}


def test_from_source_to_report(shared: Works, data: str, engine: docker.DockerClient) -> None:
    built = shared.build_job()
    assert built.status == "SUCCEEDED", built.log[-5:]
    digest = shared.latest
    assert len(shared.images[digest]) == 2  # the commit's tag and the one that production pulls
    log = "\n".join(built.log)
    assert "Step 2/" in log or "#1 " in log  # Docker's own words, not the stand-in's
    assert f"latest: digest: {digest} size: " in log
    assert "localhost" not in log
    exported = {entry["name"]: entry["value"] for entry in built.build["exportedEnvironmentVariables"]}
    assert exported["IMAGE_DIGEST"] == digest

    for reference in (f"{shared.uri}:latest", f"{shared.uri}@{digest}"):
        task = shared.run(reference, **job(data))
        assert shared.ended(task) == (0, None), shared.tasks.output(task)
        assert task["containers"][0]["imageDigest"] == digest
    lines = [json.loads(line) for line in shared.tasks.output(task)]
    assert all(isinstance(line, dict) for line in lines) and len(lines) >= 2
    assert sum(int(row["flights"]) for row in report(shared, data)) == 842  # departures on 1 January 2013
    assert containers(engine, shared) == []

    kept = json.dumps([built.log, image_of(engine, shared, digest)])
    for secret in ("ASIA", "ecr-", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "QVdTOm"):
        assert secret not in kept


def image_of(engine: docker.DockerClient, works: Works, digest: str) -> list[Any]:
    """An image's settings and history, as Docker shows them to who pulls it."""
    data = works.ecr.get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    port = works.sandbox.endpoint.rpartition(":")[2]
    place, login = f"localhost:{port}/us-east-1/{works.name}", {"username": user, "password": password}
    image = engine.images.pull(place, tag=digest, auth_config=login)
    return [image.attrs, image.history()]


def containers(engine: docker.DockerClient, works: Works) -> list[Any]:
    label = f"serverless-batch-workshop.sandbox={works.sandbox.home}"
    return engine.containers.list(all=True, filters={"label": label}, ignore_removed=True)


def test_an_old_image_still_runs_when_its_tag_has_moved(shared: Works) -> None:
    base = name_in(JOB / "Dockerfile")
    assert shared.build(f'FROM {base}\nCMD ["python", "-c", "print(1)"]\n').status == "SUCCEEDED"
    first = shared.latest
    assert shared.build(f'FROM {base}\nCMD ["python", "-c", "print(2)"]\n').status == "SUCCEEDED"
    assert shared.latest != first and shared.images[first] == []
    task = shared.run(f"{shared.uri}@{first}")
    assert (shared.ended(task)[0], shared.tasks.output(task)) == (0, ["1"])
    assert shared.tasks.output(shared.run()) == ["2"]


def test_a_killed_sandbox_leaves_no_container(fresh_sandbox: Any, engine: docker.DockerClient) -> None:
    works = Works(fresh_sandbox("--runtime", "container"))
    assert works.build("FROM scratch\nCOPY Dockerfile /\n").status == "SUCCEEDED"
    base = name_in(JOB / "Dockerfile")
    sleep = works.tasks.container(base, command=["python", "-c", "import time; time.sleep(600)"])
    task = works.tasks.run(works.tasks.define(sleep))
    works.tasks.when(task, "RUNNING")
    assert len(containers(engine, works)) == 1
    works.sandbox.saved()
    os.kill(works.sandbox.pid, signal.SIGKILL)
    until(lambda: not containers(engine, works), what="the end of the container")
    works.sandbox.start()
    assert works.sandbox.runtime == "container"
    stopped = works.tasks.when(task, "STOPPED")
    assert "stopped while this task was running" in stopped["stoppedReason"]
    assert list(works.images.values()) == [["latest"]]
    again = works.run(base, command=["python", "-c", "print('here')"])
    assert works.tasks.output(again) == ["here"]
