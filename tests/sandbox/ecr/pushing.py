"""Pushing images, by the API and by Docker's registry protocol, with nothing of the sandbox's own code."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from dataclasses import dataclass
from typing import Any

ACCOUNT = "123456789012"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def manifest_of(config: bytes, *layers: bytes) -> str:
    """A manifest for these blobs."""

    def descriptor(kind: str, data: bytes) -> dict[str, Any]:
        return {
            "mediaType": f"application/vnd.oci.image.{kind}",
            "digest": digest_of(data),
            "size": len(data),
        }

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor("config.v1+json", config),
            "layers": [descriptor("layer.v1.tar", layer) for layer in layers],
        }
    )


@dataclass
class Repository:
    """A repository in the sandbox."""

    sandbox: Any
    client: Any
    name: str

    def upload(self, blob: bytes, part: int = 10**7) -> str:
        """Upload a layer through the API, in parts; its digest."""
        upload = self.client.initiate_layer_upload(repositoryName=self.name)["uploadId"]
        for begin in range(0, len(blob), part):
            piece = blob[begin : begin + part]
            self.client.upload_layer_part(
                repositoryName=self.name,
                uploadId=upload,
                partFirstByte=begin,
                partLastByte=begin + len(piece) - 1,
                layerPartBlob=piece,
            )
        done = self.client.complete_layer_upload(
            repositoryName=self.name, uploadId=upload, layerDigests=[digest_of(blob)]
        )
        return done["layerDigest"]

    def push(self, content: str, tag: str | None = "latest", **more: Any) -> str:
        """Push an image with this content through the API; its digest."""
        config, layer = json.dumps({"architecture": "amd64"}).encode(), content.encode()
        for blob in (config, layer):
            self.upload(blob)
        given = {"imageTag": tag} if tag else {}
        answer = self.client.put_image(
            repositoryName=self.name, imageManifest=manifest_of(config, layer), **given, **more
        )
        return answer["image"]["imageId"]["imageDigest"]

    def images(self) -> dict[str, list[str]]:
        """The tags of each image, by digest."""
        found = self.client.describe_images(repositoryName=self.name)["imageDetails"]
        return {image["imageDigest"]: sorted(image.get("imageTags", [])) for image in found}

    def password(self, client: Any | None = None) -> str:
        """What `docker login` sends, for somebody."""
        data = (client or self.client).get_authorization_token()["authorizationData"][0]
        return base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        password: str | None = None,
        user: str = "AWS",
        **headers: str,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request of Docker's registry protocol: status, headers, body."""
        host, port = self.sandbox.endpoint.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if password is not None:
            sent["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        try:
            connection.request(method, path, body, sent, encode_chunked="Transfer-Encoding" in sent)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()


def error_of(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str, str]:
    """Status, code and message of an error in the protocol's form."""
    status, _, body = answer
    first = json.loads(body)["errors"][0]
    return status, first["code"], first["message"]
