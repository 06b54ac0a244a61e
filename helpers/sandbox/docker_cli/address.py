"""Addresses of images, as they stand in commands: `host/name:tag@digest`."""

from __future__ import annotations

import re
from dataclasses import dataclass

ECR_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z]{2}[a-z0-9-]+-\d)\.[a-z0-9.-]+[a-z]"
)
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")
_TAG = re.compile(r":([\w][\w.-]{0,127})$")
_NAME = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*")


class AddressError(ValueError):
    """Not an address that Docker accepts; the message is Docker's."""


@dataclass(frozen=True)
class Address:
    """`host` is empty for an image that has none; without tag and digest the tag is `latest`."""

    host: str
    name: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Split an address. Raises AddressError."""
        rest, digest, tag = text, "", ""
        if found := _DIGEST.search(rest):
            digest, rest = found[1], rest[: found.start()]
        if found := _TAG.search(rest):
            tag, rest = found[1], rest[: found.start()]
        host, separator, name = rest.partition("/")
        if not separator or not ("." in host or ":" in host or host == "localhost"):
            host, name = "", rest
        if not _NAME.fullmatch(name):
            if name.lower() != name:
                raise AddressError("invalid reference format: repository name must be lowercase")
            raise AddressError("invalid reference format")
        return cls(host, name, tag or ("" if digest else "latest"), digest)

    @property
    def repository(self) -> str:
        """The address without tag and digest."""
        return f"{self.host}/{self.name}" if self.host else self.name

    @property
    def reference(self) -> str:
        """What names the image in its repository: the digest if there is one, otherwise the tag."""
        return self.digest or self.tag

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}{'@' + self.digest if self.digest else ''}"

    @property
    def region(self) -> str | None:
        """The region of an ECR address, None for any other."""
        found = ECR_HOST.fullmatch(self.host)
        return found["region"] if found else None
