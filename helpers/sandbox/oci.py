"""Images as OCI describes them: layers, configuration and manifest, each named by the SHA-256 of its bytes.

https://github.com/opencontainers/image-spec. The same files packed twice give the same bytes and so the same
digest: entries are sorted, owned by root, dated 1970, and layers are plain tar, because what gzip writes
differs from one zlib to the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CREATED = "1970-01-01T00:00:00Z"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
CHUNK = 1 << 20


def digest_of(data: bytes) -> str:
    """`sha256:` and the hash of the bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def canonical(document: Any) -> bytes:
    """JSON that comes out the same for the same content."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """The content of an open file, in pieces."""
    while piece := file.read(CHUNK):
        yield piece


class Blobs:
    """A folder of content named by digest. Written whole or not at all: a kill leaves no half blob."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where the blob lies. ValueError for what is not a digest."""
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"not a digest: {digest}")
        return self.folder / digest.replace(":", "-")

    def has(self, digest: str) -> bool:
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        return self.path(digest).stat().st_size

    def read(self, digest: str) -> bytes:
        return self.path(digest).read_bytes()

    def put(self, content: Iterable[bytes]) -> str:
        """Keep the content; its digest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        total = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix="partial-", delete=False) as file:
            try:
                for piece in content:
                    total.update(piece)
                    file.write(piece)
                file.close()
                digest = f"sha256:{total.hexdigest()}"
                os.replace(file.name, self.path(digest))
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(file.name)
                raise
        return digest

    def adopt(self, path: Path) -> str:
        """Keep a file as it lies there, which must be on the same disk; its digest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        total = hashlib.sha256()
        with path.open("rb") as file:
            for piece in chunks(file):
                total.update(piece)
        digest = f"sha256:{total.hexdigest()}"
        os.replace(path, self.path(digest))
        return digest


class LayerWriter:
    """Collects files and writes them as one layer.

    Only what makes the image behave differently is kept of a file: its name, content, link target and whether
    it is executable.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Path | None] = {}

    def add_folder(self, name: str) -> None:
        self._entries.setdefault(name.strip("/"), None)

    def add(self, name: str, source: Path) -> None:
        """Put the file, link or (without its content) folder `source` into the layer under `name`."""
        is_folder = source.is_dir() and not source.is_symlink()
        self._entries[name.strip("/")] = None if is_folder else source

    @property
    def folders(self) -> list[str]:
        """The folders that the layer makes."""
        return sorted(name for name, source in self._entries.items() if source is None)

    def write(self, blobs: Blobs) -> str:
        """Keep the layer among the blobs, as a tar archive with parent folders first; its digest."""
        for name in list(self._entries):
            for parent in Path(name).parents:
                self._entries.setdefault(parent.as_posix(), None)
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                for name in sorted(self._entries):
                    if name not in ("", "."):
                        self._write_entry(archive, name, self._entries[name])
            file.seek(0)
            return blobs.put(chunks(file))

    def _write_entry(self, archive: tarfile.TarFile, name: str, source: Path | None) -> None:
        entry = tarfile.TarInfo(name)
        entry.mode = 0o755
        if source is None:
            entry.type = tarfile.DIRTYPE
            archive.addfile(entry)
        elif source.is_symlink():
            entry.type = tarfile.SYMTYPE
            entry.linkname = os.readlink(source)
            archive.addfile(entry)
        else:
            status = source.stat()
            entry.size = status.st_size
            if not status.st_mode & stat.S_IXUSR:
                entry.mode = 0o644
            with source.open("rb") as file:
                archive.addfile(entry, file)


def unpack(layers: Iterable[Path], folder: Path) -> None:
    """Lay the layers (files) over one another in `folder`, which appears only when all is there.

    Layers may be gzipped. Whiteouts (files that a later layer removes) are honoured. ValueError for an entry
    that would leave the folder.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix="partial-"))
    try:
        for layer in layers:
            with tarfile.open(layer) as archive:
                for entry in archive:
                    _unpack_entry(archive, entry, partial)
        partial.chmod(0o755)
        partial.rename(folder)
    except FileExistsError:  # somebody else unpacked the same image meanwhile
        shutil.rmtree(partial, ignore_errors=True)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        if not folder.is_dir():
            raise
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _unpack_entry(archive: tarfile.TarFile, entry: tarfile.TarInfo, root: Path) -> None:
    target = _inside(root, entry.name)
    if target.name.startswith(".wh."):
        _remove(target.with_name(target.name[len(".wh.") :]))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.isdir():
        if not target.is_dir() or target.is_symlink():
            _remove(target)
            target.mkdir()
    elif entry.issym():
        _remove(target)
        target.symlink_to(entry.linkname)
    elif entry.islnk():
        _remove(target)
        shutil.copy2(_inside(root, entry.linkname), target, follow_symlinks=False)
    elif entry.isfile():
        _remove(target)
        with target.open("wb") as file:
            shutil.copyfileobj(archive.extractfile(entry), file)
        target.chmod(entry.mode & 0o777 | 0o600)


def _inside(root: Path, name: str) -> Path:
    path = root / os.path.normpath(name.lstrip("/"))
    if not path.parent.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"the layer's entry {name} leads outside the image")
    return path


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
