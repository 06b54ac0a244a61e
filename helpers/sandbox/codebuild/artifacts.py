"""UPLOAD_ARTIFACTS: find the files that a buildspec names, and put them into S3.

Patterns as the buildspec reference describes them: `**/*` is everything below, `*` does not cross a folder.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import ClientError

from .buildspec import Artifacts
from .failures import PhaseFailed, of_request
from .role import BuildRole

Tell = Callable[[str], None]


def collect(wanted: Artifacts, root: Path, tell: Tell) -> dict[str, Path]:
    """The files to keep, by the name they get. Raises PhaseFailed when nothing matches."""
    tell(f"Expanding base directory path: {wanted.base_directory}")
    tell("Assembling file list")
    bases = (
        [root] if wanted.base_directory == "." else list(_match(root, wanted.base_directory, folders=True))
    )
    if not bases:
        raise PhaseFailed(
            "CLIENT_ERROR", f"no matching base directory path found for {wanted.base_directory}"
        )
    tell(f"Expanding file paths for base directory {wanted.base_directory}")
    tell("Assembling file list")
    found: dict[str, Path] = {}
    for pattern in wanted.files:
        tell(f"Expanding {pattern}")
        matches = [(base, path) for base in bases for path in _match(base, pattern)]
        for base, path in matches:
            name = path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name
            if any(_fits(PurePosixPath(name), exclude) for exclude in wanted.exclude_paths):
                continue
            found[path.name if wanted.discard_paths else name] = path
        tell(f"Found {len(matches)} file(s)")
    if not found:
        raise PhaseFailed("CLIENT_ERROR", "no matching artifact paths found")
    return dict(sorted(found.items()))


def _match(base: Path, pattern: str, folders: bool = False) -> Iterator[Path]:
    if os.path.isabs(pattern):
        base, pattern = Path("/"), pattern.lstrip("/")
    plain = base / pattern
    if not any(character in pattern for character in "*?["):
        if (folders and plain.is_dir()) or (not folders and plain.is_file()):
            yield plain
        return
    for place, names, files in os.walk(base):
        names.sort()
        for name in sorted(names if folders else files):
            path = Path(place) / name
            if _fits(PurePosixPath(path.relative_to(base).as_posix()), pattern):
                yield path


def _fits(path: PurePosixPath, pattern: str) -> bool:
    return _fits_parts(path.parts, PurePosixPath(pattern).parts)


def _fits_parts(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits_parts(parts[count:], pattern[1:]) for count in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits_parts(parts[1:], pattern[1:])


def pack(files: dict[str, Path]) -> bytes:
    """A ZIP of the files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            archive.write(path, name)
    return buffer.getvalue()


def upload(
    role: BuildRole,
    target: dict[str, Any],
    wanted: Artifacts,
    name: str,
    build: dict[str, Any],
    root: Path,
    tell: Tell,
) -> dict[str, Any]:
    """Put the artifacts where the project says; their description for the build. Raises PhaseFailed."""
    files = collect(wanted, root, tell)
    bucket, prefix = target["location"], place(target, wanted, name, build["id"].rpartition(":")[2])
    arn = f"arn:aws:s3:::{bucket}/{prefix}"
    about = {"codebuild-buildarn": build["arn"]}
    client = role.client("s3")
    try:
        if target.get("packaging", "NONE") != "ZIP":
            for file, path in files.items():
                client.put_object(
                    Bucket=bucket, Key=f"{prefix}/{file}", Body=path.read_bytes(), Metadata=about
                )
            return {"location": arn}
        content = pack(files)
        sums = {
            "sha256sum": hashlib.sha256(content).hexdigest(),
            "md5sum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        }
        about |= {"codebuild-content-sha256": base64.b64encode(hashlib.sha256(content).digest()).decode()}
        client.put_object(
            Bucket=bucket, Key=prefix, Body=content, Metadata=about, ContentType="application/zip"
        )
        return {"location": arn, **sums}
    except ClientError as error:
        raise PhaseFailed("CLIENT_ERROR", f"Failed to upload artifacts: {of_request(error)}") from error


def place(target: dict[str, Any], wanted: Artifacts, name: str, build_uuid: str) -> str:
    """The key (or, without ZIP, its beginning): path / build id / name."""
    by_build = target.get("namespaceType") == "BUILD_ID"
    parts = [
        target.get("path") or "",
        wanted.s3_prefix if by_build else "",
        build_uuid if by_build else "",
        name,
    ]
    return "/".join(part.strip("/") for part in parts if part.strip("/"))
