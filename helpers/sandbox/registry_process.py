"""The real registry behind ECR in the container runtime: the CNCF distribution, started by the sandbox.

https://distribution.github.io/distribution/. It listens on 127.0.0.1, knows no users (the front, registry.py,
decides who may do what) and keeps its files in the sandbox's home.
"""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .images import Layers
from .runtimes import SUPERVISOR

PROGRAMS = ("docker-registry", "registry")  # Debian's name, and its own
IMAGE = "public.ecr.aws/docker/library/registry:2.8.3"
START_SECONDS = 15
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NoRegistry(Exception):
    """No registry can be started; the message says why."""


@dataclass(frozen=True)
class RegistryProcess:
    """A registry that runs. It ends when this process does: it waits at the other end of `process.stdin`."""

    address: str
    process: subprocess.Popen


def start_registry(folder: Path, client: Any) -> RegistryProcess:
    """Start the registry, which keeps its files in `folder`. Raises NoRegistry."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    folder.mkdir(parents=True, exist_ok=True)
    if program is None:
        program = _program_of_image(client, folder)
    for _ in range(3):
        port = _free_port()
        config = folder / "config.json"
        config.write_text(json.dumps(configuration(folder / "data", port)))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(SUPERVISOR), program, "serve", str(config)],
                env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        found = RegistryProcess(f"http://127.0.0.1:{port}", process)
        if _answers(found):
            return found
    raise NoRegistry(f"the registry {program} does not start: see {folder / 'log'}")


def _program_of_image(client: Any, folder: Path) -> str:
    """The registry's program, taken out of its image: it is one static file."""
    from docker.errors import DockerException

    program = folder / "program"
    if program.exists():
        return str(program)
    if sys.platform != "linux":
        raise NoRegistry(f"a registry is missing: put one of {', '.join(PROGRAMS)} on the PATH")
    try:
        image = client.images.pull(IMAGE)
        container = client.containers.create(image)
        try:
            stream, _ = container.get_archive("/bin/registry")
            _unpack_one(stream, program)
        finally:
            container.remove()
    except DockerException as error:
        raise NoRegistry(
            f"a registry is missing: install docker-registry, or let the engine fetch {IMAGE} ({error})"
        ) from error
    return str(program)


def _unpack_one(stream: Any, target: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        content = archive.extractfile(archive.next()).read()
    partial = target.with_suffix(".partial")
    partial.write_bytes(content)
    partial.chmod(0o755)
    partial.replace(target)


def configuration(folder: Path, port: int) -> dict[str, Any]:
    """https://distribution.github.io/distribution/about/configuration/ (JSON is YAML)"""
    return {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder)}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "relativeurls": True, "secret": "this machine only"},
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _answers(registry: RegistryProcess) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and registry.process.poll() is None:
        try:
            _opener.open(f"{registry.address}/v2/", timeout=1).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False


class RegistryLayers(Layers):
    """Layers in the registry. Only uploads under way are files of the sandbox's own."""

    def __init__(self, folder: Path, registry: RegistryProcess) -> None:
        super().__init__(folder)
        self._registry, self._address = registry, registry.address

    def _ask(self, method: str, url: str, body: Any = None, **headers: str) -> Any:
        request = urllib.request.Request(url, data=body, method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        return _opener.open(request, timeout=300)

    def keep(self, repository: str, digest: str) -> None:
        path = self.blobs.path(digest)
        with self._ask("POST", f"{self._address}/v2/{repository}/blobs/uploads/", b"") as answer:
            place = answer.headers["Location"]
        separator = "&" if "?" in place else "?"
        with path.open("rb") as file:
            self._ask(
                "PUT",
                f"{self._address}{place}{separator}digest={digest}",
                file,
                Content_Length=str(path.stat().st_size),
                Content_Type="application/octet-stream",
            ).close()
        path.unlink()

    def size(self, repository: str, digest: str) -> int | None:
        try:
            with self._ask("HEAD", f"{self._address}/v2/{repository}/blobs/{digest}") as answer:
                return int(answer.headers["Content-Length"])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def open(self, repository: str, digest: str) -> BinaryIO:
        return self._ask("GET", f"{self._address}/v2/{repository}/blobs/{digest}")

    def keep_manifest(self, repository: str, digest: str, media_type: str, content: bytes) -> None:
        url = f"{self._address}/v2/{repository}/manifests/{digest}"
        self._ask("PUT", url, content, Content_Type=media_type).close()
