"""The images of one build: what a Docker Engine would keep between `docker build` and `docker push`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import oci
from .address import Address


@dataclass(frozen=True)
class LocalImage:
    """An image of this build: its manifest and configuration, and the names it was given."""

    digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    tags: list[str]
    pushed: list[str]

    @property
    def id(self) -> str:
        """What Docker calls the image id: the digest of the configuration."""
        return self.manifest["config"]["digest"]

    @property
    def size(self) -> int:
        return sum(layer["size"] for layer in self.manifest["layers"])


class LocalImages:
    """A folder with the blobs of images, and an index of names."""

    def __init__(self, folder: Path) -> None:
        self.blobs = oci.Blobs(folder / "blobs")
        self._index = folder / "index.json"

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            return json.loads(self._index.read_text())
        except FileNotFoundError:
            return {"tags": {}, "pushed": {}}

    def tag(self, digest: str, address: Address) -> None:
        """Give the image a name; another image that had it loses it."""
        index = self._read()
        index["tags"][f"{address.repository}:{address.tag or 'latest'}"] = digest
        index["pushed"].setdefault(digest, [])
        self._index.write_text(json.dumps(index))

    def keep(self, digest: str) -> None:
        """Remember an image that has no name."""
        index = self._read()
        index["pushed"].setdefault(digest, [])
        self._index.write_text(json.dumps(index))

    def note_push(self, digest: str, address: Address) -> None:
        """Remember that a registry has the image under this repository and its digest."""
        index = self._read()
        known = index["pushed"].setdefault(digest, [])
        if (name := f"{address.repository}@{digest}") not in known:
            known.append(name)
        self._index.write_text(json.dumps(index))

    def untag(self, address: Address) -> bool:
        """Take a name away. False when no image has it."""
        index = self._read()
        found = index["tags"].pop(str(address), None)
        self._index.write_text(json.dumps(index))
        return found is not None

    def all(self) -> Iterator[LocalImage]:
        """Every image, the named ones and the others."""
        index = self._read()
        for digest, pushed in index["pushed"].items():
            manifest = json.loads(self.blobs.read(digest))
            config = json.loads(self.blobs.read(manifest["config"]["digest"]))
            tags = [name for name, known in index["tags"].items() if known == digest]
            yield LocalImage(digest, manifest, config, tags, pushed)

    def find(self, name: str) -> LocalImage | None:
        """An image by its address, its id, or the beginning of its id."""
        images = list(self.all())
        short = name.removeprefix("sha256:")
        if len(short) >= 6:
            for image in images:
                if image.id.removeprefix("sha256:").startswith(short):
                    return image
        try:
            address = Address.parse(name)
        except ValueError:
            return None
        wanted = f"{address.repository}@{address.digest}" if address.digest else str(address)
        return next((image for image in images if wanted in (*image.tags, *image.pushed)), None)
