"""The sample job as a real image: its unmodified Dockerfile built, pushed, pulled by digest and run."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
from typing import Any

import docker
import pytest

from tests.sandbox.ecs.ground import until

from .base_image import name_in
from .works import JOB, Works

pytestmark = pytest.mark.container
DAY = "2013-01-01"


@pytest.fixture
def data(works: Works) -> str:
    """A bucket with the departures of one day."""
    s3, bucket = works.builds.s3, f"{works.name}-data"
    s3.create_bucket(Bucket=bucket)
    s3.upload_file(str(JOB / f"data/departures/{DAY}.csv.gz"), bucket, f"departures/{DAY}.csv.gz")
    return bucket


def report(works: Works, bucket: str) -> list[dict[str, str]]:
    body = works.builds.s3.get_object(Bucket=bucket, Key=f"reports/{DAY}.csv")["Body"].read()
    return list(csv.DictReader(io.StringIO(body.decode())))


def job(bucket: str) -> dict[str, Any]:
    values = {"DATA_BUCKET": bucket, "REPORT_DATE": DAY}
    return {"environment": [{"name": name, "value": value} for name, value in values.items()]}


def test_from_source_to_report(works: Works, data: str, engine: docker.DockerClient) -> None:
    built = works.build_job()
    assert built.status == "SUCCEEDED", built.log[-5:]
    [(digest, tags)] = works.images.items()
    assert "latest" in tags and len(tags) == 2
    log = "\n".join(built.log)
    assert "Step 2/" in log or "#1 " in log  # Docker's own words, not the stand-in's
    assert f"latest: digest: {digest} size: " in log
    assert "localhost" not in log
    exported = {entry["name"]: entry["value"] for entry in built.build["exportedEnvironmentVariables"]}
    assert exported["IMAGE_DIGEST"] == digest

    for reference in (f"{works.uri}:latest", f"{works.uri}@{digest}"):
        task = works.run(reference, **job(data))
        assert works.ended(task) == (0, None), works.tasks.output(task)
        assert task["containers"][0]["imageDigest"] == digest
    lines = [json.loads(line) for line in works.tasks.output(task)]
    assert all(isinstance(line, dict) for line in lines) and len(lines) >= 2
    assert sum(int(row["flights"]) for row in report(works, data)) == 842  # departures on 1 January 2013
    assert containers(engine, works) == []


def containers(engine: docker.DockerClient, works: Works) -> list[Any]:
    label = f"serverless-batch-workshop.sandbox={works.sandbox.home}"
    return engine.containers.list(all=True, filters={"label": label})


def test_no_credential_in_log_or_image(works: Works, engine: docker.DockerClient) -> None:
    built = works.build_job()
    assert built.status == "SUCCEEDED"
    [digest] = works.images
    port = works.sandbox.endpoint.rpartition(":")[2]
    image = engine.images.get(f"localhost:{port}/us-east-1/{works.name}@{digest}")
    text = json.dumps([image.attrs, image.history(), built.log])
    for secret in ("ASIA", "ecr-", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "QVdTOm"):
        assert secret not in text


def test_an_old_image_still_runs_when_its_tag_has_moved(works: Works, data: str) -> None:
    works.build("FROM scratch\nCOPY f /f\n", files={"f": "first"})
    [first] = works.images
    image = name_in(JOB / "Dockerfile")
    assert works.build(f'FROM {image}\nCMD ["python", "-c", "print(1)"]\n').status == "SUCCEEDED"
    [second] = [digest for digest in works.images if digest != first]
    assert works.build(f'FROM {image}\nCMD ["python", "-c", "print(2)"]\n').status == "SUCCEEDED"
    assert works.images[second] == []
    task = works.run(f"{works.uri}@{second}")
    assert (works.ended(task)[0], works.tasks.output(task)) == (0, ["1"])
    assert works.tasks.output(works.run()) == ["2"]


def test_a_killed_sandbox_leaves_no_container(fresh_sandbox: Any, engine: docker.DockerClient) -> None:
    works = Works(fresh_sandbox("--runtime", "container"))
    built = works.build_job()
    assert built.status == "SUCCEEDED", built.log[-5:]
    sleep = works.tasks.container(
        f"{works.uri}:latest", entryPoint=["python", "-c", "import time; time.sleep(600)"]
    )
    task = works.tasks.run(works.tasks.define(sleep))
    works.tasks.when(task, "RUNNING")
    assert len(containers(engine, works)) == 1
    os.kill(works.sandbox.pid, signal.SIGKILL)
    until(lambda: not containers(engine, works), what="the end of the container")
    works.sandbox.start()
    assert works.sandbox.runtime == "container"
    stopped = works.tasks.when(task, "STOPPED")
    assert "stopped while this task was running" in stopped["stoppedReason"]
    assert "latest" in next(iter(works.images.values()))
    again = works.run(entryPoint=["python", "-c", "print('here')"])
    assert works.tasks.output(again) == ["here"]
