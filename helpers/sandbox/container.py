"""The container runtime: a Docker Engine builds, keeps and runs the images, a real registry stores them.

    real            docker build, push and pull; the command, its user, environment, memory limit and CPU
                    share; exit codes, SIGTERM and SIGKILL, output
    simulated       the network: containers share this machine's (`--network host`), because the sandbox
                    listens on 127.0.0.1 only; who may reach what is decided before a container starts
    not simulated   Fargate's isolation, its ephemeral storage limit and its kernel

It needs an engine that reaches programs on this machine's 127.0.0.1. One in a virtual machine of its own
(Docker Desktop, Colima) does not: then the process runtime is used, and says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container

from .docker_cli.address import Address
from .docker_cli.packer import MARK
from .ecr import passwords
from .engine import Engine, find_engine
from .images import describe, find
from .principals import Principal
from .registry_process import NoRegistry, RegistryLayers, start_registry
from .runtimes import (
    OUT_OF_MEMORY,
    CannotPull,
    CannotStart,
    ContainerSpec,
    Exit,
    Image,
    Log,
    RuntimeUnavailable,
    not_found,
)
from .world import World

LABEL = "serverless-batch-workshop.sandbox"  # its value is the sandbox's home
RUN_LABEL = f"{LABEL}.run"  # another for each start of it
REAPER = Path(__file__).with_name("container_reaper.py")
ECS = Principal("service", "", service="ecs-tasks.amazonaws.com")


def connect(world: World) -> ContainerRuntime:
    """The runtime on the engine that answers. Raises RuntimeUnavailable with the reason."""
    engine = find_engine()
    folder = world.home / "registry"
    try:
        if not folder.exists():  # the sandbox is new: what its predecessor at this port built is nobody's
            engine.forget_registry(world.endpoint.replace("http://127.0.0.1", "localhost"))
        layers = RegistryLayers(world.home / "images", start_registry(folder, engine.client))
        return ContainerRuntime(world, engine, layers)
    except NoRegistry as error:
        raise RuntimeUnavailable(str(error)) from error
    except DockerException as error:
        raise RuntimeUnavailable(f"the Docker Engine at {engine.address} refuses: {error}") from error


class ContainerRuntime:
    """Containers in a Docker Engine: see the head of this module for what that means."""

    name = "container"

    def __init__(self, world: World, engine: Engine, layers: RegistryLayers) -> None:
        self._world, self.engine, self.layers = world, engine, layers
        self._ids: dict[str, str] = {}
        self._labels = {LABEL: str(world.home), RUN_LABEL: uuid.uuid4().hex}
        self._remove_leftovers()
        self._reaper = subprocess.Popen(  # ends with the sandbox, and takes its containers along
            [sys.executable, "-I", str(REAPER), engine.address, f"{RUN_LABEL}={self._labels[RUN_LABEL]}"],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _remove_leftovers(self) -> None:
        labelled = {"label": f"{LABEL}={self._labels[LABEL]}"}
        for container in self.engine.client.containers.list(all=True, filters=labelled, ignore_removed=True):
            with suppress(APIError):
                container.remove(force=True)

    def pull(self, uri: str) -> Image:
        """The image at an address; ECR's from the sandbox, others from where they are. Raises CannotPull."""
        try:
            address = Address.parse(uri)
        except ValueError as error:
            raise CannotPull(f"invalid reference format: {uri}") from error
        digest, found = self._pull_from_ecr(uri) if address.region else self._pull_other(uri)
        self._ids[digest] = found.id
        config = {"config": found.attrs["Config"], "architecture": found.attrs["Architecture"]}
        return describe(uri, digest, config)

    def _pull_from_ecr(self, uri: str) -> tuple[str, Any]:
        try:
            address, known = find(uri)
        except LookupError as error:
            raise CannotPull(not_found(uri)) from error
        if MARK in json.loads(known.image_manifest).get("annotations", {}):
            raise CannotPull(
                f"{uri} was packed while the sandbox ran without a Docker Engine, and holds no operating "
                "system: build it again"
            )
        digest = known.get_image_digest()
        password, _ = passwords.issue(self._world, address.region, ECS)
        place = f"localhost:{self._world.endpoint.rpartition(':')[2]}/{address.region}/{address.name}"
        try:
            login = {"username": "AWS", "password": password}
            return digest, self.engine.client.images.pull(place, tag=digest, auth_config=login)
        except DockerException as error:
            raise CannotPull(f"pull image manifest has been retried 1 time(s): {_reason(error)}") from error

    def _pull_other(self, uri: str) -> tuple[str, Any]:
        images = self.engine.client.images
        try:
            try:
                found = images.get(uri)
            except ImageNotFound:
                found = images.pull(uri)
        except DockerException as error:
            why = f"failed to resolve ref {uri}: {_reason(error)}"
            raise CannotPull(f"pull image manifest has been retried 7 time(s): {why}") from error
        digests = found.attrs.get("RepoDigests") or [f"@{found.id}"]
        return digests[0].rpartition("@")[2], found

    def start(self, spec: ContainerSpec, log: Log) -> RunningContainer:
        """Create and start a container, under the definition's limits. Raises CannotStart."""
        memory = f"{spec.memory_mib}m"
        cpus = min(spec.cpu_units / 1024, self.engine.cpus)
        try:
            container = self.engine.client.containers.create(
                self._ids[spec.image.digest],
                command=spec.command,
                entrypoint=spec.entrypoint,
                environment=spec.environment,
                user=spec.user or None,
                mem_limit=memory,
                memswap_limit=memory,
                nano_cpus=int(cpus * 1e9) or None,
                network_mode="host",
                labels=self._labels,
            )
        except APIError as error:
            raise CannotStart(_cannot_start(error)) from error
        try:
            container.start()
        except APIError as error:
            container.remove(force=True)
            raise CannotStart(_cannot_start(error)) from error
        return RunningContainer(container, log)


def _reason(error: DockerException) -> str:
    return str(getattr(error, "explanation", None) or error)


def _cannot_start(error: APIError) -> str:
    return f"ResourceInitializationError: failed to create new container runtime task: {_reason(error)}"


class RunningContainer:
    """A container of a task, its output, and its end."""

    def __init__(self, container: Container, log: Log) -> None:
        self._container, self._log = container, log
        self._exit: Exit | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._follow, name=f"container {container.short_id}", daemon=True).start()

    def wait(self, timeout: float | None = None) -> Exit | None:
        """How it ended, or None when it still runs after `timeout` seconds."""
        self._ended.wait(timeout)
        return self._exit

    def stop(self, grace_seconds: float) -> None:
        """Ask the container to end; kill it when it has not after `grace_seconds`."""
        with suppress(NotFound):  # it has ended already
            self._container.stop(timeout=round(grace_seconds))
        self._ended.wait()

    def _follow(self) -> None:
        """Give the output to the log, line by line, and learn how the container ended."""
        code, oom = 137, False
        try:
            for line in _lines(self._container.logs(stream=True, follow=True)):
                self._log(line)
            code = self._container.wait()["StatusCode"]
            self._container.reload()
            oom = code == 137 and self._container.attrs["State"]["OOMKilled"]
        finally:
            with suppress(DockerException):
                self._container.remove(force=True)
            self._exit = Exit(code, OUT_OF_MEMORY if oom else None, oom)
            self._ended.set()


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")
