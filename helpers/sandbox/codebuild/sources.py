"""DOWNLOAD_SOURCE: bring the source of a build into its folder."""

from __future__ import annotations

import io
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from .. import codecommit
from ..codecommit.git import Git
from ..codecommit.store import find, folder
from ..service import AwsError
from ..world import World
from . import ownership
from .failures import PhaseFailed, of_request
from .role import BuildRole

REPOSITORY = re.compile(r"/v1/repos/([\w.-]+?)/?$")


def download(
    world: World, region: str, role: BuildRole, source: dict[str, Any], version: str | None, into: Path
) -> str | None:
    """Put the source into `into`; the commit it is, if it has one. Raises PhaseFailed."""
    kind = source["type"]
    if kind == "NO_SOURCE":
        return None
    if kind in ("S3", "CODEPIPELINE"):
        ownership.check(world, region, role, _bucket_and_key(source["location"])[0])
        _s3(role, source["location"], None if kind == "CODEPIPELINE" else version, into)
        return None
    if kind == "CODECOMMIT":
        return _codecommit(world, region, role, source["location"], version, into)
    raise PhaseFailed("CLIENT_ERROR", f"the sandbox has no source of type {kind}: it works in a real account")


def _bucket_and_key(location: str) -> tuple[str, str]:
    bucket, _, key = location.removeprefix("arn:aws:s3:::").partition("/")
    return bucket, key


def _s3(role: BuildRole, location: str, version: str | None, into: Path) -> None:
    bucket, key = _bucket_and_key(location)
    wanted = {"VersionId": version} if version else {}
    try:
        if key.endswith("/"):
            _s3_folder(role, bucket, key, into)
            return
        content = role.client("s3").get_object(Bucket=bucket, Key=key, **wanted)["Body"].read()
    except ClientError as error:
        where = version or f"arn:aws:s3:::{bucket}/{key}"
        raise PhaseFailed(
            "CLIENT_ERROR", f"{of_request(error)} for primary source and source version {where}"
        ) from error
    unzip(content, into)


def _s3_folder(role: BuildRole, bucket: str, prefix: str, into: Path) -> None:
    client = role.client("s3")
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            target = into / entry["Key"].removeprefix(prefix)
            if entry["Key"].endswith("/") or not target.resolve().is_relative_to(into.resolve()):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())


def _codecommit(
    world: World, region: str, role: BuildRole, location: str, version: str | None, into: Path
) -> str:
    name = REPOSITORY.search(location)[1]
    version = version or ""
    try:
        repository = find(world, region, name)
        with Git(folder(world, region, name)) as git:
            commit = git.resolve(version or repository.default_branch or "main")
        if commit is None:
            raise PhaseFailed(
                "CLIENT_ERROR", f"reference not found for primary source and source version {version}"
            )
        content = codecommit.archive(world, region, name, commit, role.principal(), "codecommit:GitPull")
    except AwsError as error:
        missing = error.code == "RepositoryDoesNotExistException"
        reason = "repository not found" if missing else "authorization failed"
        raise PhaseFailed(
            "CLIENT_ERROR", f"{reason} for primary source and source version {version}"
        ) from error
    unzip(content, into)
    return commit


def unzip(content: bytes, into: Path) -> None:
    """Unpack a ZIP with its permissions and links. Raises PhaseFailed for one that cannot be used."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                _unzip_entry(archive, entry, into)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise PhaseFailed(
            "CLIENT_ERROR", f"zip: not a valid zip file for primary source ({error})"
        ) from error


def _unzip_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, into: Path) -> None:
    target = into / entry.filename
    if not target.parent.resolve().is_relative_to(into.resolve()) or target.name == "..":
        raise zipfile.BadZipFile(f"{entry.filename} leads outside the archive")
    mode = entry.external_attr >> 16
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if mode & 0o170000 == 0o120000:
        target.unlink(missing_ok=True)
        os.symlink(archive.read(entry), os.fsencode(target))
        return
    with archive.open(entry) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    if mode & 0o777:
        target.chmod(mode & 0o777 | 0o600)
