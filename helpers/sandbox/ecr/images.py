"""Images: pushing one, describing, fetching and deleting them."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from moto.ecr.models import Image, Repository

from .. import oci
from ..service import AwsError, Call
from ..world import World
from .layers import layer_size, storage
from .store import find_image, invalid, names, of_call, place, service, where


def is_immutable(found: Repository, tag: str) -> bool:
    """Whether a tag, once given, stays: exclusion filters turn the repository's setting around."""
    filters = found.image_tag_mutability_exclusion_filters or []
    excepted = any(fnmatch.fnmatchcase(tag, entry["filter"]) for entry in filters)
    setting = str(getattr(found.image_tag_mutability, "value", found.image_tag_mutability))
    return setting.startswith("IMMUTABLE") != excepted


def record(
    world: World, region: str, found: Repository, content: bytes, media_type: str | None, tag: str | None
) -> Image:
    """Take an image into a repository, or give one that is there another tag. Raises AwsError."""
    try:
        manifest = json.loads(content)
        media_type = media_type or manifest.get("mediaType")
    except (ValueError, AttributeError) as error:
        raise invalid("imageManifest", "'Invalid JSON syntax'") from error
    if not isinstance(manifest, dict) or not media_type:
        raise invalid("imageManifest", "'Invalid image manifest: media type not provided'")
    digest = oci.digest_of(content)
    with world.lock:
        known = find_image(found, digest, None)
        holder = find_image(found, None, tag) if tag else None
        if known and (tag is None or holder is known):
            raise AwsError(
                "ImageAlreadyExistsException",
                f"Image with digest '{digest}' and tag '{tag}' already exists in the repository with name "
                f"'{found.name}' in registry with id '{found.registry_id}'",
            )
        if holder and is_immutable(found, tag):
            raise AwsError(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{found.name}' repository and cannot be "
                "overwritten because the tag is immutable.",
            )
        _require_parts(world, region, found, manifest)
        storage(world).keep_manifest(place(region, found), digest, media_type, content)
        if holder:
            holder.image_tags.remove(tag)
        if known is None:
            known = Image(world.account, None, content.decode(), found.name, media_type, digest)
            known.image_pushed_at = datetime.now(timezone.utc).timestamp()
            found.images.append(known)
        if tag:
            known.image_tags.append(tag)
    _publish(world, region, found, known, "PUSH", tag)
    return known


def _require_parts(world: World, region: str, found: Repository, manifest: dict[str, Any]) -> None:
    parts = [manifest.get("config", {}).get("digest")] + [
        part["digest"] for part in manifest.get("layers", [])
    ]
    missing = sorted({part for part in parts if part and layer_size(world, region, found, part) is None})
    if missing:
        raise AwsError(
            "LayersNotFoundException",
            f"Layers with digests '[{', '.join(missing)}]' required for pushing image into {where(found)} do "
            "not exist",
        )
    images = [part["digest"] for part in manifest.get("manifests", [])]
    unknown = [digest for digest in images if find_image(found, digest, None) is None]
    if unknown:
        raise AwsError(
            "ReferencedImagesNotFoundException",
            f"Images with digests '[{', '.join(unknown)}]' required for pushing image into {where(found)} do "
            "not exist",
        )


def _publish(
    world: World, region: str, found: Repository, image: Image, action: str, tag: str | None
) -> None:
    detail = {
        "result": "SUCCESS",
        "repository-name": found.name,
        "image-digest": image.get_image_digest(),
        "action-type": action,
        "manifest-media-type": image.image_manifest_media_type,
        **({"image-tag": tag} if tag else {}),
    }
    world.publish(region, "aws.ecr", "ECR Image Action", detail, [found.arn])


def size_of(image: Image) -> int:
    """What DescribeImages calls the image's size: its layers, as they were pushed."""
    return sum(layer.get("size", 0) for layer in json.loads(image.image_manifest).get("layers", []))


@service.operation("PutImage")
def put_image(call: Call) -> dict[str, Any]:
    found = of_call(call)
    content = call.params["imageManifest"].encode()
    wanted, digest = call.params.get("imageDigest"), oci.digest_of(content)
    if wanted and wanted != digest:
        raise AwsError(
            "ImageDigestDoesNotMatchException",
            f"The provided digest '{wanted}' does not match the digest '{digest}' of the image manifest",
        )
    media_type, tag = call.params.get("imageManifestMediaType"), call.params.get("imageTag")
    image = record(call.world, call.region, found, content, media_type, tag)
    return {"image": _image(found, image, tag)}


def _image(found: Repository, image: Image, tag: str | None) -> dict[str, Any]:
    return {
        **names(found),
        "imageId": {"imageDigest": image.get_image_digest(), **({"imageTag": tag} if tag else {})},
        "imageManifest": image.image_manifest,
        "imageManifestMediaType": image.image_manifest_media_type,
    }


@service.operation("DescribeImages")
def describe_images(call: Call) -> dict[str, Any]:
    found = of_call(call)
    wanted = call.params.get("imageIds")
    if wanted:
        images = list({id(image): image for image in (_required(found, entry) for entry in wanted)}.values())
    else:
        images = _with_status(found.images, call.params.get("filter"))
    page, token = _page(images, call.params, 100)
    return {"imageDetails": [_detail(found, image) for image in page], "nextToken": token}


def _required(found: Repository, entry: dict[str, str]) -> Image:
    digest, tag = entry.get("imageDigest"), entry.get("imageTag")
    image = find_image(found, digest, tag)
    if image is None:
        raise AwsError(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}} does "
            f"not exist within {where(found)}",
        )
    return image


def _detail(found: Repository, image: Image) -> dict[str, Any]:
    manifest = json.loads(image.image_manifest)
    pulled = getattr(image, "last_pulled", None)
    return {
        **names(found),
        "imageDigest": image.get_image_digest(),
        **({"imageTags": list(image.image_tags)} if image.image_tags else {}),
        "imageSizeInBytes": size_of(image),
        "imagePushedAt": datetime.fromtimestamp(image.image_pushed_at, timezone.utc),
        "imageManifestMediaType": image.image_manifest_media_type,
        "artifactMediaType": manifest.get("config", {}).get("mediaType"),
        **({"lastRecordedPullTime": pulled} if pulled else {}),
    }


def _with_status(images: Iterable[Image], condition: dict[str, str] | None) -> list[Image]:
    status = (condition or {}).get("tagStatus", "ANY")
    return [image for image in images if status == "ANY" or bool(image.image_tags) == (status == "TAGGED")]


def _page(items: list, params: dict[str, Any], default: int) -> tuple[list, str | None]:
    begin = int(params["nextToken"]) if str(params.get("nextToken", "")).isdigit() else 0
    end = begin + (params.get("maxResults") or default)
    return items[begin:end], str(end) if end < len(items) else None


@service.operation("ListImages")
def list_images(call: Call) -> dict[str, Any]:
    found = of_call(call)
    entries = []
    for image in _with_status(found.images, call.params.get("filter")):
        for tag in image.image_tags or [None]:
            entries.append({"imageDigest": image.get_image_digest(), **({"imageTag": tag} if tag else {})})
    page, token = _page(entries, call.params, 100)
    return {"imageIds": page, "nextToken": token}


@service.operation("BatchGetImage")
def batch_get_image(call: Call) -> dict[str, Any]:
    found = of_call(call)
    images, failures = [], []
    for entry in call.params["imageIds"]:
        image = find_image(found, entry.get("imageDigest"), entry.get("imageTag"))
        if image is None:
            failures.append(
                {
                    "imageId": entry,
                    "failureCode": "ImageNotFound",
                    "failureReason": "Requested image not found",
                }
            )
        else:
            image.last_pulled = datetime.now(timezone.utc)
            images.append(_image(found, image, entry.get("imageTag")))
    return {"images": images, "failures": failures}


@service.operation("BatchDeleteImage")
def batch_delete_image(call: Call) -> dict[str, Any]:
    """By tag only the tag goes, and the image with its last tag; by digest all of it goes."""
    found = of_call(call)
    deleted, failures = [], []
    for entry in call.params["imageIds"]:
        digest, tag = entry.get("imageDigest"), entry.get("imageTag")
        image = find_image(found, digest, tag)
        if image is None:
            code, reason = ("ImageNotFound", "Requested image not found")
            if not digest and not tag:
                code, reason = (
                    "MissingDigestAndTag",
                    "Invalid request parameters: both tag and digest cannot be null",
                )
            failures.append({"imageId": entry, "failureCode": code, "failureReason": reason})
            continue
        known = image.get_image_digest()
        tags = [tag] if tag else list(image.image_tags)
        image.image_tags[:] = [name for name in image.image_tags if name not in tags]
        if digest or not image.image_tags:
            found.images.remove(image)
        deleted += [{"imageDigest": known, "imageTag": name} for name in tags] or [{"imageDigest": known}]
        _publish(call.world, call.region, found, image, "DELETE", tag)
    return {"imageIds": deleted, "failures": failures}


@service.operation("StartImageScan")
@service.operation("DescribeImageScanFindings")
def no_scans(call: Call) -> dict[str, Any]:
    raise AwsError(
        "NotImplementedException", "The sandbox does not scan images. It works in a real account.", 501
    )
