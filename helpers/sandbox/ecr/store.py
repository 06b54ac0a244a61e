"""What ECR remembers beside moto's repositories, and how a repository is found."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from moto.ecr.models import Image, Repository

from ..principals import Principal
from ..service import AwsError, Call, Service
from ..world import World


@dataclass(frozen=True)
class Token:
    """A registry password: for whom, and until when."""

    principal: Principal
    expires: datetime


class EcrStore:
    """The passwords that were given out, by their hash, and the key that signs addresses of layers."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.signing_key = secrets.token_hex(16)


service = Service("ecr", store=EcrStore)


@service.on_start
def start(world: World) -> None:
    """Answer Docker's registry protocol, and forget uploads that a stop interrupted."""
    from ..registry import Front
    from .layers import storage

    storage(world).forget_uploads()
    world.serve_path("/v2/", Front(world))


def repository(world: World, region: str, name: str, registry: str | None = None) -> Repository:
    """A repository (moto's object). Raises AwsError RepositoryNotFoundException."""
    found = world.moto("ecr", region).repositories.get(name)
    if found is None or (registry or world.account) != world.account:
        raise AwsError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id "
            f"'{registry or world.account}'",
        )
    return found


def of_call(call: Call) -> Repository:
    return repository(call.world, call.region, call.params["repositoryName"], call.params.get("registryId"))


def place(region: str, found: Repository) -> str:
    """The name under which layers of a repository are kept; two regions may have one of the same name."""
    return f"{region}/{found.name}"


def find_image(found: Repository, digest: str | None, tag: str | None) -> Image | None:
    """The image with this digest, this tag, or both."""
    for image in found.images:
        if digest in (None, image.get_image_digest()) and (tag is None or tag in image.image_tags):
            return image if digest or tag else None
    return None


def where(found: Repository) -> str:
    """How ECR's messages name a repository."""
    return f"the repository with name '{found.name}' in the registry with id '{found.registry_id}'"


def names(found: Repository) -> dict[str, str]:
    """How ECR's answers name a repository."""
    return {"registryId": found.registry_id, "repositoryName": found.name}


def invalid(parameter: str, constraint: str) -> AwsError:
    """A parameter that ECR does not take."""
    return AwsError(
        "InvalidParameterException",
        f"Invalid parameter at '{parameter}' failed to satisfy constraint: {constraint}",
    )
