"""Where the bytes of images lie, and how the process runtime makes a folder of an image.

The truth about repositories, tags and digests is ECR's (ecr.py); here are only layers. `Layers` keeps them in
files; in the container runtime `registry_process.RegistryLayers` keeps them in a real registry.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from moto.backends import get_backend

from . import oci
from .docker_cli.address import ECR_HOST, Address, AddressError
from .runtimes import CannotPull, Image

ARCHITECTURES = {"amd64": "X86_64", "arm64": "ARM64"}


class UploadUnknown(LookupError):
    """No such upload."""


class Layers:
    """Layers in files, and uploads under way.

    Uploads are staged in files whatever keeps the layers afterwards; a restart forgets them, as ECR forgets
    uploads that are not completed.
    """

    def __init__(self, folder: Path) -> None:
        self.blobs = oci.Blobs(folder / "layers")
        self._uploads = folder / "uploads"

    def begin(self) -> str:
        """Start an upload; its id."""
        self._uploads.mkdir(parents=True, exist_ok=True)
        upload = str(uuid.uuid4())
        (self._uploads / upload).touch()
        return upload

    def _upload(self, upload: str) -> Path:
        path = self._uploads / os.path.basename(upload)
        if not path.is_file():
            raise UploadUnknown(upload)
        return path

    def received(self, upload: str) -> int:
        """How many bytes of an upload have arrived. Raises UploadUnknown."""
        return self._upload(upload).stat().st_size

    def append(self, upload: str, content: Iterable[bytes]) -> int:
        """Add to an upload; how many bytes it has now. Raises UploadUnknown."""
        path = self._upload(upload)
        with path.open("ab") as file:
            for piece in content:
                file.write(piece)
            return file.tell()

    def complete(self, upload: str, repository: str, wanted: str | None) -> str:
        """Make a layer of an upload; its digest. UploadUnknown; ValueError when it is another."""
        digest = self.blobs.adopt(self._upload(upload))
        if wanted and digest != wanted:
            raise ValueError(digest)
        self.keep(repository, digest)
        return digest

    def keep(self, repository: str, digest: str) -> None:
        """Put a finished layer where it stays: here it is there already."""

    def size(self, repository: str, digest: str) -> int | None:
        """A layer's size in bytes, None when it is not there."""
        return self.blobs.size(digest) if self.blobs.has(digest) else None

    def open(self, repository: str, digest: str) -> BinaryIO:
        """A layer's content. Raises FileNotFoundError."""
        return self.blobs.path(digest).open("rb")

    def keep_manifest(self, repository: str, digest: str, media_type: str, content: bytes) -> None:
        """Note a manifest: ECR keeps its text, files need nothing more."""

    def forget_uploads(self) -> None:
        shutil.rmtree(self._uploads, ignore_errors=True)


def find(uri: str) -> tuple[Address, Any]:
    """The ECR image (moto's object) at an address. LookupError when there is none, or it is not in ECR."""
    try:
        address = Address.parse(uri)
    except AddressError as error:
        raise LookupError(str(error)) from error
    host = ECR_HOST.fullmatch(address.host)
    if not host:
        raise LookupError(f"{uri} is not in ECR")
    backend = get_backend("ecr")[host["account"]][host["region"]]
    for image in getattr(backend.repositories.get(address.name), "images", []):
        if address.digest == image.get_image_digest() or (
            not address.digest and address.tag in image.image_tags
        ):
            return address, image
    raise LookupError(f"{uri} does not exist")


def describe(uri: str, digest: str, config: dict[str, Any], rootfs: Path | None = None) -> Image:
    """The image that a configuration in OCI's (or Docker's) form describes."""
    settings = config.get("config") or {}
    return Image(
        uri=uri,
        digest=digest,
        entrypoint=list(settings.get("Entrypoint") or []),
        command=list(settings.get("Cmd") or []),
        environment=dict(entry.partition("=")[::2] for entry in settings.get("Env") or []),
        workdir=settings.get("WorkingDir") or "/",
        user=settings.get("User") or "",
        architecture=ARCHITECTURES.get(config.get("architecture", ""), "X86_64"),
        rootfs=rootfs,
    )


class ImageStore:
    """The process runtime's images: each a folder, unpacked when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.layers = Layers(folder)
        self._unpacked = folder / "unpacked"

    def resolve(self, uri: str) -> Image:
        """The image at an ECR address. LookupError when ECR has none; CannotPull without its layers."""
        _, known = find(uri)
        digest, manifest = known.get_image_digest(), json.loads(known.image_manifest)
        if "layers" not in manifest:
            raise CannotPull(f"{uri} is an image for several platforms: that needs a Docker Engine")
        needed = [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
        if not all(self.layers.blobs.has(layer) for layer in needed):
            raise CannotPull(
                f"{uri} was pushed by a Docker Engine, and the sandbox runs without one now: start it with "
                "the Docker Engine, or build the image again"
            )
        rootfs = self._unpacked / digest.replace(":", "-")
        if not rootfs.is_dir():
            oci.unpack((self.layers.blobs.path(layer) for layer in needed[1:]), rootfs)
        return describe(uri, digest, json.loads(self.layers.blobs.read(needed[0])), rootfs)
