"""A Docker Engine: found, tried, lent to builds, and tidied after them."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import threading
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.images import Image

from .docker_cli.address import Address
from .docker_cli.entry import Settings
from .docker_cli.real import NAMES
from .runtimes import RuntimeUnavailable

PING_SECONDS = 5
USUAL_SOCKETS = ("/var/run/docker.sock", "~/.docker/run/docker.sock", "~/.orbstack/run/docker.sock")


def find_engine() -> Engine:
    """The engine of DOCKER_HOST, or the first that answers at a usual place. Raises RuntimeUnavailable."""
    given = os.environ.get("DOCKER_HOST")
    places = [path for path in map(os.path.expanduser, USUAL_SOCKETS) if os.path.exists(path)]
    reasons = []
    for address in [given] if given else [f"unix://{path}" for path in places]:
        try:
            client = docker.DockerClient(base_url=address, timeout=PING_SECONDS)
            client.ping()
            client.api.timeout = 600  # a pull may take long
            return _checked(client, address)
        except DockerException as error:
            reasons.append(f"{address}: {error}")
    raise RuntimeUnavailable("no Docker Engine answers" + "".join(f" ({reason})" for reason in reasons))


def _checked(client: docker.DockerClient, address: str) -> Engine:
    """The engine, if it can do what is needed of it. Raises RuntimeUnavailable."""
    if client.info().get("OSType") != "linux":
        raise RuntimeUnavailable("the Docker Engine runs no Linux containers")
    program = shutil.which("docker")
    if program is None:
        raise RuntimeUnavailable("a Docker Engine answers, but its command line program `docker` is missing")
    if not _reaches_us(client):
        raise RuntimeUnavailable(
            "the Docker Engine cannot reach programs on this machine's 127.0.0.1: it runs in a virtual "
            "machine, as Docker Desktop's does"
        )
    return Engine(client, address, program)


def _reaches_us(client: docker.DockerClient) -> bool:
    """Whether the engine comes to 127.0.0.1 of this machine when it is asked to fetch from there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        came = threading.Event()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    came.set()
                    connection.close()

        threading.Thread(target=accept, daemon=True).start()
        with suppress(DockerException):
            client.images.pull(f"localhost:{listener.getsockname()[1]}/sandbox/probe", tag="probe")
        return came.is_set()


class Engine:
    """A Docker Engine and how to use it."""

    def __init__(self, client: docker.DockerClient, address: str, program: str) -> None:
        self.client, self.address, self.program = client, address, program
        self.host_network_only = "bridge" not in {network.name for network in client.networks.list()}
        self.cpus = client.info()["NCPU"]

    def for_builds(self, settings: Settings) -> Settings:
        """What the `docker` of a build has to know about this engine."""
        plugins = Path.home() / ".docker" / "cli-plugins"
        return replace(
            settings,
            program=self.program,
            engine=self.address,
            host_network=self.host_network_only,
            plugins=str(plugins) if plugins.is_dir() else "",
        )

    def after_build(self, settings: Settings) -> None:
        """Take away the names that a build gave to images: the next build shall not find them, as on AWS.

        The images themselves stay for a while as the next build's cache, each under a name that only this
        module uses, until a newer one takes the name.
        """
        try:
            given = (Path(settings.folder) / NAMES).read_text().splitlines()
        except FileNotFoundError:
            return
        for name, identity in (line.split("\t") for line in given):
            with suppress(DockerException):
                image = self.client.images.get(name)
                if image.id == identity:  # otherwise another build has the name now
                    self._keep_as_cache(image, name, settings.registry)
                    self.client.images.remove(name)

    def _keep_as_cache(self, image: Image, name: str, registry: str) -> None:
        repository = Address.parse(name).repository
        cache = f"{registry}/cache/{hashlib.sha256(repository.encode()).hexdigest()[:12]}"
        try:
            old = self.client.images.get(cache)
        except ImageNotFound:
            old = image
        image.tag(cache)
        if old.id == image.id:
            return
        old.reload()
        if not old.tags and not old.attrs.get("RepoDigests"):  # no task runs from it
            with suppress(APIError):
                self.client.images.remove(old.id)

    def forget_registry(self, registry: str) -> None:
        """Remove every image that has a name of this registry, of which nothing is left."""
        for image in self.client.images.list():
            for name in [*image.tags, *(image.attrs.get("RepoDigests") or [])]:
                if name.startswith(f"{registry}/"):
                    with suppress(DockerException):
                        self.client.images.remove(name, force=True)
