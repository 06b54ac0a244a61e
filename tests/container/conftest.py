"""A sandbox on the container runtime, the base image that needs no network, and a place to build and run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from .works import Works

BASE_IMAGE = Path(__file__).with_name("base_image.py")


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The Docker Engine, with the image in it that the job's Dockerfile begins with."""
    client = docker.from_env()
    from .base_image import JOB, name_in

    name = name_in(JOB / "Dockerfile")
    if not client.images.list(name):
        subprocess.run([sys.executable, str(BASE_IMAGE), name], check=True, capture_output=True)
    yield client
    client.close()


@pytest.fixture(scope="session")
def container_sandbox(
    engine: docker.DockerClient, sandbox: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A sandbox that runs containers; what it built goes when it ends."""
    arguments = (*sandbox.arguments, "--runtime", "container")
    running = type(sandbox)(tmp_path_factory.mktemp("containers") / "home", arguments)
    try:
        yield running.start()
    finally:
        running.stop()
        here = f"localhost:{running.endpoint.rpartition(':')[2]}/"
        for image in engine.images.list():
            for name in [*image.tags, *(image.attrs.get("RepoDigests") or [])]:
                if name.startswith(here):
                    engine.images.remove(name, force=True)


@pytest.fixture
def works(container_sandbox: Any) -> Works:
    """A repository, a build project, a cluster and roles that no other test uses."""
    return Works(container_sandbox)


@pytest.fixture(scope="session")
def shared(container_sandbox: Any) -> Works:
    """One for all tests that build on the base image: to push that takes longer than all the rest."""
    return Works(container_sandbox)
