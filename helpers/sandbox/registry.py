"""Docker's registry protocol in front of ECR, below `/v2/` of the sandbox's endpoint.

On AWS every registry has a host, `<account>.dkr.ecr.<region>.amazonaws.com`. Here all of them are one
address on 127.0.0.1, and the region is the first part of a repository's path:
`/v2/eu-west-1/flights/manifests/latest` (without one, the region is that of the password). What a request
asks for is allowed or denied as the API operation it stands for:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html.

The protocol: https://distribution.github.io/distribution/spec/api/
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from moto.ecr.models import Image, Repository
from werkzeug.wrappers import Request, Response

from . import iam, oci
from .ecr.images import record
from .ecr.layers import complete, layer_size, sign, storage
from .ecr.passwords import token as token_of
from .ecr.store import find_image, place
from .ecr.store import repository as repository_named
from .images import UploadUnknown
from .principals import Principal
from .service import AwsError
from .world import World

REGION = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)/(.+)")
STATUSES = {  # ECR's error: (the protocol's code, HTTP status)
    "RepositoryNotFoundException": ("NAME_UNKNOWN", 404),
    "ImageTagAlreadyExistsException": ("TAG_INVALID", 400),
    "AccessDeniedException": ("DENIED", 403),
    "UploadNotFoundException": ("BLOB_UPLOAD_UNKNOWN", 404),
    "InvalidLayerException": ("DIGEST_INVALID", 400),
    "LayersNotFoundException": ("MANIFEST_BLOB_UNKNOWN", 400),
    "ReferencedImagesNotFoundException": ("MANIFEST_BLOB_UNKNOWN", 400),
    "InvalidParameterException": ("MANIFEST_INVALID", 400),
}


class Refused(Exception):
    """An error in the protocol's own form."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True)
class Visit:
    """One request, once it is known who sends it and which repository it is about."""

    request: Request
    principal: Principal
    region: str
    repository: Repository

    @property
    def place(self) -> str:
        return place(self.region, self.repository)


class Front:
    """The WSGI application that answers `/v2/`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._routes: list[tuple[re.Pattern[str], Callable[..., Response]]] = [
            (re.compile(r"(?P<name>.+)/manifests/(?P<reference>[^/]+)"), self._manifest),
            (re.compile(r"(?P<name>.+)/blobs/uploads/?(?P<upload>[^/]*)"), self._upload),
            (re.compile(r"(?P<name>.+)/blobs/(?P<digest>[^/]+)"), self._blob),
            (re.compile(r"(?P<name>.+)/tags/list"), self._tags),
        ]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        try:
            response = self._answer(request)
        except Refused as error:
            response = _error(error.code, error.message, error.status)
        except AwsError as error:
            code, status = STATUSES.get(error.code, ("UNKNOWN", error.status))
            response = _error(code, error.message, status)
        if response.status_code >= 400:
            _drain(request)
        response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        path = request.path.removeprefix("/v2/")
        region, principal = self._login(request)
        if principal is None:
            response = Response("Not Authorized\n", 401)
            response.headers["Www-Authenticate"] = (
                f'Basic realm="https://{self.world.account}.dkr.ecr.{region}.amazonaws.com/",'
                'service="ecr.amazonaws.com"'
            )
            return response
        if not path:
            return Response("{}", mimetype="application/json")
        for pattern, answer in self._routes:
            if match := pattern.fullmatch(path):
                names = match.groupdict()
                name = names.pop("name")
                if found := REGION.fullmatch(name):
                    region, name = found.groups()
                repository = repository_named(self.world, region, name)
                return answer(Visit(request, principal, region, repository), **names)
        raise Refused("UNSUPPORTED", "The operation is unsupported.", 404)

    def _login(self, request: Request) -> tuple[str, Principal | None]:
        """The region of the password and whose it is; no principal without a password."""
        if ticket := request.args.get("ticket"):
            return self._ticket(request, ticket)
        login = request.authorization
        if login is None or login.type != "basic" or not login.password:
            return "us-east-1", None
        found = token_of(self.world, login.password)
        if found is None or login.username != "AWS":
            raise Refused("DENIED", "Your Authorization Token is invalid.", 400)
        region, token = found
        if token.expires < datetime.now(timezone.utc):
            raise Refused(
                "DENIED", "Your authorization token has expired. Reauthenticate and try again.", 403
            )
        return region, token.principal

    def _ticket(self, request: Request, ticket: str) -> tuple[str, Principal]:
        found = REGION.match(request.path.removeprefix("/v2/"))
        region = found[1] if found else ""
        if not found or not hmac.compare_digest(sign(self.world, region, request.path), ticket):
            raise Refused("DENIED", "Access Denied", 403)
        return region, Principal("service", "", service="ecr.amazonaws.com")

    def _require(self, visit: Visit, action: str) -> None:
        need = iam.Need(f"ecr:{action}", (visit.repository.arn,))
        iam.require(self.world, visit.principal, need, "ecr")

    # Manifests --------------------------------------------------------------------------------------------

    def _manifest(self, visit: Visit, reference: str) -> Response:
        if visit.request.method == "PUT":
            return self._put_manifest(visit, reference)
        if visit.request.method not in ("GET", "HEAD"):
            raise Refused("UNSUPPORTED", "The operation is unsupported.", 405)
        self._require(visit, "BatchGetImage")
        image = self._find(visit, reference)
        if image is None:
            raise Refused("MANIFEST_UNKNOWN", "Requested image not found", 404)
        image.last_pulled = datetime.now(timezone.utc)
        response = Response(image.image_manifest.encode(), content_type=image.image_manifest_media_type)
        response.headers["Docker-Content-Digest"] = image.get_image_digest()
        return response

    def _find(self, visit: Visit, reference: str) -> Image | None:
        is_digest = oci.DIGEST.fullmatch(reference)
        return find_image(
            visit.repository, reference if is_digest else None, None if is_digest else reference
        )

    def _put_manifest(self, visit: Visit, reference: str) -> Response:
        self._require(visit, "PutImage")
        content = visit.request.get_data()
        digest = oci.digest_of(content)
        tag = None if oci.DIGEST.fullmatch(reference) else reference
        if tag is None and digest != reference:
            raise Refused("DIGEST_INVALID", "provided digest did not match uploaded content", 400)
        try:
            media_type = visit.request.mimetype or None
            record(self.world, visit.region, visit.repository, content, media_type, tag)
            self.world.changed()
        except AwsError as error:
            if error.code != "ImageAlreadyExistsException":  # to push the same again is no error for Docker
                raise
        response = Response(status=201)
        response.headers["Location"] = f"/v2/{visit.place}/manifests/{digest}"
        response.headers["Docker-Content-Digest"] = digest
        return response

    def _tags(self, visit: Visit) -> Response:
        self._require(visit, "ListImages")
        tags = sorted(tag for image in visit.repository.images for tag in image.image_tags)
        return Response(
            json.dumps({"name": visit.repository.name, "tags": tags}), mimetype="application/json"
        )

    # Layers -----------------------------------------------------------------------------------------------

    def _blob(self, visit: Visit, digest: str) -> Response:
        head = visit.request.method == "HEAD"
        self._require(visit, "BatchCheckLayerAvailability" if head else "GetDownloadUrlForLayer")
        size = layer_size(self.world, visit.region, visit.repository, digest)
        if size is None:
            raise Refused("BLOB_UNKNOWN", "blob unknown to registry", 404)
        content = b"" if head else oci.chunks(storage(self.world).open(visit.place, digest))
        response = Response(content, content_type="application/octet-stream", direct_passthrough=True)
        response.headers["Content-Length"] = str(size)
        response.headers["Docker-Content-Digest"] = digest
        return response

    def _upload(self, visit: Visit, upload: str) -> Response:
        layers, request = storage(self.world), visit.request
        try:
            if request.method == "POST" and not upload:
                return self._begin_upload(visit)
            if request.method == "PATCH":
                self._require(visit, "UploadLayerPart")
                return self._progress(visit, upload, layers.append(upload, oci.chunks(request.stream)))
            if request.method == "PUT":
                return self._end_upload(visit, upload)
            if request.method == "GET":
                response = self._progress(visit, upload, layers.received(upload))
                response.status_code = 204
                return response
        except UploadUnknown as error:
            raise Refused("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", 404) from error
        raise Refused("UNSUPPORTED", "The operation is unsupported.", 405)

    def _begin_upload(self, visit: Visit) -> Response:
        """A request to mount a layer of another repository is answered as ECR does: upload it."""
        self._require(visit, "InitiateLayerUpload")
        upload = storage(self.world).begin()
        if "digest" in visit.request.args:
            return self._end_upload(visit, upload)
        return self._progress(visit, upload, 0)

    def _end_upload(self, visit: Visit, upload: str) -> Response:
        self._require(visit, "CompleteLayerUpload")
        storage(self.world).append(upload, oci.chunks(visit.request.stream))
        wanted = visit.request.args.get("digest", "")
        digest = complete(self.world, visit.region, visit.repository, upload, wanted)
        self.world.changed()
        response = Response(status=201)
        response.headers["Location"] = f"/v2/{visit.place}/blobs/{digest}"
        response.headers["Docker-Content-Digest"] = digest
        return response

    def _progress(self, visit: Visit, upload: str, received: int) -> Response:
        response = Response(status=202)
        response.headers["Location"] = f"/v2/{visit.place}/blobs/uploads/{upload}"
        response.headers["Docker-Upload-UUID"] = upload
        response.headers["Range"] = f"0-{max(0, received - 1)}"
        return response


def _error(code: str, message: str, status: int) -> Response:
    body = json.dumps({"errors": [{"code": code, "message": message}]})
    return Response(body, status, mimetype="application/json")


def _drain(request: Request) -> None:
    """Read what the client is still sending: one that is cut off would not read why."""
    for _ in oci.chunks(request.stream):
        pass
