"""Push and pull over Docker's registry protocol, with what `docker login` left in Docker's configuration.

https://distribution.github.io/distribution/spec/api/
"""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from .. import oci
from .address import Address
from .local import LocalImage, LocalImages

ACCEPTED = f"{oci.MANIFEST}, application/vnd.docker.distribution.manifest.v2+json"


class RegistryError(Exception):
    """The registry said no; the message is what `docker push` or `docker pull` prints."""


class _Keep(urllib.request.HTTPRedirectHandler):
    """Follows redirects without the password: the address of a layer needs none."""

    def redirect_request(self, request, fp, code, message, headers, address):
        return urllib.request.Request(address, method=request.get_method())


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Keep)


class Logins:
    """Docker's own configuration file, `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`."""

    def __init__(self) -> None:
        folder = os.environ.get("DOCKER_CONFIG") or Path(os.environ.get("HOME", "/")) / ".docker"
        self.path = Path(folder) / "config.json"

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return {}

    def get(self, host: str) -> str | None:
        """The login for a host, as it goes into the `Authorization` header."""
        return self._read().get("auths", {}).get(host, {}).get("auth")

    def put(self, host: str, user: str, password: str) -> None:
        content = self._read()
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        content.setdefault("auths", {})[host] = {"auth": auth}
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.write_text(json.dumps(content, indent=2))
        self.path.chmod(0o600)

    def remove(self, host: str) -> bool:
        content = self._read()
        found = content.get("auths", {}).pop(host, None)
        if found is not None:
            self.path.write_text(json.dumps(content, indent=2))
        return found is not None


class Registry:
    """The registry behind one ECR host: the sandbox answers for all of them, below a path for each region."""

    def __init__(self, endpoint: str, address: Address, auth: str | None) -> None:
        if address.region is None:
            raise RegistryError(
                f"{address.host or 'docker.io'} cannot be reached: without a Docker Engine only the "
                "sandbox's own ECR is there"
            )
        self._base = f"{endpoint}/v2/{address.region}/{address.name}"
        self._root = f"{endpoint}/v2/"
        self._auth = auth

    def _ask(self, method: str, url: str, body: bytes | BinaryIO | None = None, **headers: str) -> Any:
        request = urllib.request.Request(url, data=body, method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        if self._auth:
            request.add_header("Authorization", f"Basic {self._auth}")
        try:
            return _opener.open(request, timeout=300)
        except urllib.error.HTTPError as error:
            raise _explained(error) from error
        except OSError as error:
            raise RegistryError(f"the sandbox does not answer at {self._root}: {error}") from error

    def check(self) -> None:
        """Ask whether the login is good. RegistryError with the status when it is not."""
        try:
            self._ask("GET", self._root).close()
        except RegistryError as error:
            status = getattr(error.__cause__, "code", None)
            if status is None:
                raise
            raise RegistryError(
                f"status: {status} {getattr(error.__cause__, 'reason', '')}".strip()
            ) from error

    def has(self, digest: str) -> bool:
        try:
            self._ask("HEAD", f"{self._base}/blobs/{digest}").close()
            return True
        except RegistryError as error:
            if getattr(error.__cause__, "code", None) == 404 and not isinstance(error, NameUnknown):
                return False
            raise

    def put_blob(self, digest: str, path: Path) -> None:
        with self._ask("POST", f"{self._base}/blobs/uploads/", b"") as answer:
            place = answer.headers["Location"]
        size = str(path.stat().st_size)
        kind = "application/octet-stream"
        root = self._root.removesuffix("/v2/")
        with path.open("rb") as file:
            patched = self._ask("PATCH", root + place, file, Content_Length=size, Content_Type=kind)
            place = patched.headers["Location"]
            patched.close()
        self._ask("PUT", f"{root}{place}?digest={digest}", b"", Content_Type=kind).close()

    def put_manifest(self, reference: str, content: bytes, media_type: str) -> str:
        url = f"{self._base}/manifests/{reference}"
        with self._ask("PUT", url, content, Content_Type=media_type) as answer:
            return answer.headers["Docker-Content-Digest"]

    def get_manifest(self, reference: str) -> bytes:
        with self._ask("GET", f"{self._base}/manifests/{reference}", Accept=ACCEPTED) as answer:
            return answer.read()

    def get_blob(self, digest: str, blobs: oci.Blobs) -> None:
        with self._ask("GET", f"{self._base}/blobs/{digest}") as answer:
            if blobs.put(oci.chunks(answer)) != digest:
                raise RegistryError(f"filesystem layer verification failed for digest {digest}")


class NameUnknown(RegistryError):
    """The repository does not exist."""


def _explained(error: urllib.error.HTTPError) -> RegistryError:
    """Docker prints the code in lower case, then the message: `denied: User: ... is not authorized ...`."""
    try:
        first = json.loads(error.read())["errors"][0]
    except (ValueError, KeyError, IndexError):
        return RegistryError(
            "no basic auth credentials" if error.code == 401 else f"{error.code} {error.reason}"
        )
    text = f"{first['code'].lower().replace('_', ' ')}: {first['message']}"
    return NameUnknown(text) if first["code"] == "NAME_UNKNOWN" else RegistryError(text)


def push(registry: Registry, images: LocalImages, image: LocalImage, address: Address, say: Callable) -> str:
    """Send an image's layers, configuration and manifest; the digest. Raises RegistryError."""
    layers = list(dict.fromkeys(layer["digest"] for layer in image.manifest["layers"]))
    short = {digest: digest.removeprefix("sha256:")[:12] for digest in layers}
    for digest in layers:
        say(f"{short[digest]}: Preparing")
    for digest in [*layers, image.manifest["config"]["digest"]]:
        there = registry.has(digest)
        if not there:
            registry.put_blob(digest, images.blobs.path(digest))
        if digest in short:
            say(f"{short[digest]}: {'Layer already exists' if there else 'Pushed'}")
    content = images.blobs.read(image.digest)
    digest = registry.put_manifest(address.tag, content, oci.MANIFEST)
    images.note_push(image.digest, address)
    say(f"{address.tag}: digest: {digest} size: {len(content)}")
    return digest


def pull(registry: Registry, images: LocalImages, address: Address) -> str:
    """Fetch an image into the local ones; the digest of its manifest. Raises RegistryError."""
    content = registry.get_manifest(address.reference)
    manifest = json.loads(content)
    if "layers" not in manifest:
        raise RegistryError("an image for several platforms cannot be used without a Docker Engine")
    for descriptor in [manifest["config"], *manifest["layers"]]:
        if not images.blobs.has(descriptor["digest"]):
            registry.get_blob(descriptor["digest"], images.blobs)
    digest = images.blobs.put([content])
    images.keep(digest)
    if address.tag:
        images.tag(digest, address)
    images.note_push(digest, address)
    return digest
