"""The image registry: what both workflows share."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import builds, launch, show, stacks
from .errors import ImagesMissing
from .session import Session, verb

COLUMNS = ("Tags", "Digest", "Size", "Pushed (UTC)")


@dataclass(frozen=True)
class Image(show.Noun):
    """An image in the registry: `digest` is the image itself, `tags` are names that may move."""

    digest: str
    tags: tuple[str, ...]
    bytes: int
    pushed: datetime.datetime
    repository_uri: str

    @property
    def uri(self) -> str:
        """The address that pulls exactly this image, wherever its tags move."""
        return f"{self.repository_uri}@{self.digest}"

    def _row(self) -> tuple[str, ...]:
        short, pushed = f"{self.digest[:19]}…", f"{self.pushed:%Y-%m-%d %H:%M}"
        return ", ".join(self.tags) or "untagged", short, show.size_in_words(self.bytes), pushed

    def _view(self) -> Iterator[show.Block]:
        yield show.Table(COLUMNS, [self._row()])


@dataclass(frozen=True)
class Images(show.Rows):
    """The images in the registry, the newest first."""

    repository: str
    rows: tuple[Image, ...]

    def _view(self) -> Iterator[show.Block]:
        rows = [image._row() for image in self.rows]
        empty = "no image yet: a commit's pipeline pushes one, and ensure_image(session) builds one now"
        yield show.Table(
            ("Tags", "Digest", "Size", "Pushed (UTC)"), rows, f"Images in {self.repository}", empty
        )


@verb
def images(session: Session) -> Images:
    """The images in the project's registry, the newest first. Raises StackMissing without its stack."""
    return read_images(session)


@verb
def ensure_image(session: Session) -> Image:
    """The image that the task definition asks for; without one it is built first, from the branch as it is.

    Deploys the build stack when it is missing. Raises BuildFailed, or ImagesMissing when the build pushed
    another tag than the task definition asks for.
    """
    tag = _tag_in_use(session)
    launch.deploy_if_missing(session, "registry")
    found = tagged(session, tag)
    if found is None:
        launch.deploy_if_missing(session, "build")
        builds.follow_build(session, builds.start_build(session))
        found = tagged(session, tag)
    if found is None:
        there = sorted({t for image in read_images(session) for t in image.tags})
        raise ImagesMissing(
            f"The task definition asks for the tag `{tag}`, which the build does not push.",
            f"Set ImageTag to one of {', '.join(there)}: deploy(session, 'task', {{'ImageTag': …}}).",
        )
    return found


def version_tag(revision: str) -> str:
    """The tag that buildspec.yml makes of a commit or an S3 version: its first twelve letters and digits."""
    return re.sub("[^A-Za-z0-9]", "", revision)[:12]


def tagged(session: Session, tag: str) -> Image | None:
    return next((image for image in read_images(session) if tag in image.tags), None)


def read_images(session: Session) -> Images:
    name = stacks.exported_value(session, "RepositoryName")
    ecr = session.client("ecr")
    uri = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryUri"]
    pages = ecr.get_paginator("describe_images").paginate(repositoryName=name)
    found = [_image(detail, uri) for page in pages for detail in page["imageDetails"]]
    return Images(name, tuple(sorted(found, key=lambda image: image.pushed, reverse=True)))


def _image(detail: dict[str, Any], uri: str) -> Image:
    return Image(
        detail["imageDigest"],
        tuple(sorted(detail.get("imageTags", ()))),
        detail.get("imageSizeInBytes", 0),
        detail["imagePushedAt"].astimezone(datetime.timezone.utc),
        uri,
    )


def _tag_in_use(session: Session) -> str:
    found = stacks.find(session, session.stack_name("task"))
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in (found or {}).get("Parameters", ())}
    return parameters.get("ImageTag", "latest")
