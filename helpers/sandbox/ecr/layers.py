"""Layers: the parts of images, uploaded before the manifest that names them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from moto.ecr.models import Repository

from .. import oci
from ..images import Layers, UploadUnknown
from ..service import AwsError, Call
from ..world import World
from .store import names, of_call, place, service, where


def storage(world: World) -> Layers:
    """Where layers are kept: the container runtime has a registry for it, otherwise files."""
    return getattr(world.runtime, "layers", None) or Layers(world.home / "images")


def layer_size(world: World, region: str, found: Repository, digest: str) -> int | None:
    """The size of a layer of this repository. None when the repository has no such layer."""
    if digest not in found.layers:
        return None
    return storage(world).size(place(region, found), digest)


@service.operation("InitiateLayerUpload")
def initiate_layer_upload(call: Call) -> dict[str, Any]:
    of_call(call)
    return {"uploadId": storage(call.world).begin(), "partSize": 10 * 1024 * 1024}


@service.operation("UploadLayerPart")
def upload_layer_part(call: Call) -> dict[str, Any]:
    found, params = of_call(call), call.params
    upload = params["uploadId"]
    try:
        if storage(call.world).received(upload) != params["partFirstByte"]:
            raise AwsError(
                "InvalidLayerPartException",
                f"Invalid layer part upload for upload with id '{upload}' in {where(found)}",
            )
        total = storage(call.world).append(upload, [params["layerPartBlob"]])
    except UploadUnknown as error:
        raise _upload_unknown(found, upload) from error
    return {**names(found), "uploadId": upload, "lastByteReceived": total - 1}


def _upload_unknown(found: Repository, upload: str) -> AwsError:
    return AwsError(
        "UploadNotFoundException",
        f"Upload with id '{upload}' could not be found for {where(found)}",
    )


@service.operation("CompleteLayerUpload")
def complete_layer_upload(call: Call) -> dict[str, Any]:
    found = of_call(call)
    digest = complete(call.world, call.region, found, call.params["uploadId"], call.params["layerDigests"][0])
    return {**names(found), "uploadId": call.params["uploadId"], "layerDigest": digest}


def complete(world: World, region: str, found: Repository, upload: str, wanted: str) -> str:
    """Make a layer of an upload. Raises AwsError when it is unknown or not what was announced."""
    try:
        digest = storage(world).complete(upload, place(region, found), wanted)
    except UploadUnknown as error:
        raise _upload_unknown(found, upload) from error
    except ValueError as error:
        raise AwsError(
            "InvalidLayerException",
            f"The layer digest '{wanted}' does not match the digest '{error}' calculated by the registry",
        ) from error
    found.layers[digest] = storage(world).size(place(region, found), digest)
    return digest


@service.operation("BatchCheckLayerAvailability")
def batch_check_layer_availability(call: Call) -> dict[str, Any]:
    found = of_call(call)
    known, failures = [], []
    for digest in call.params["layerDigests"]:
        size = layer_size(call.world, call.region, found, digest)
        if size is not None:
            known.append({"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size})
        elif oci.DIGEST.fullmatch(digest):
            known.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
        else:
            reason = f"Invalid layer digest '{digest}'"
            failures.append(
                {"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason}
            )
    return {"layers": known, "failures": failures}


@service.operation("GetDownloadUrlForLayer")
def get_download_url_for_layer(call: Call) -> dict[str, Any]:
    found, digest = of_call(call), call.params["layerDigest"]
    if layer_size(call.world, call.region, found, digest) is None:
        raise AwsError(
            "LayersNotFoundException",
            f"Layer with digest '{digest}' does not exist in {where(found)}",
        )
    path = f"/v2/{place(call.region, found)}/blobs/{digest}"
    ticket = sign(call.world, call.region, path)
    return {"downloadUrl": f"{call.world.endpoint}{path}?ticket={ticket}", "layerDigest": digest}


def sign(world: World, region: str, path: str) -> str:
    """What lets anybody fetch the layer at this path, as S3's signed addresses do on AWS."""
    key = world.store("ecr", region).signing_key
    return hmac.new(key.encode(), path.encode(), hashlib.sha256).hexdigest()
