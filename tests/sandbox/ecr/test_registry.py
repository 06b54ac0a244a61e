"""Docker's registry protocol in front of ECR: https://distribution.github.io/distribution/spec/api/"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .pushing import ACCOUNT, MANIFEST, Repository, digest_of, error_of, manifest_of

CONFIG, LAYER = b'{"architecture":"amd64"}', b"a layer"


@pytest.fixture
def base(repository: Repository) -> str:
    """The repository's path in the protocol."""
    return f"/v2/us-east-1/{repository.name}"


def put_blob(repository: Repository, base: str, content: bytes, password: str) -> None:
    status, headers, _ = repository.ask("POST", f"{base}/blobs/uploads/", b"", password)
    assert (status, headers["Range"]) == (202, "0-0")
    middle = len(content) // 2
    for piece in (content[:middle], content[middle:]):
        status, headers, _ = repository.ask("PATCH", headers["Location"], piece, password)
        assert status == 202
    assert headers["Range"] == f"0-{len(content) - 1}"
    status, headers, _ = repository.ask(
        "PUT", f"{headers['Location']}?digest={digest_of(content)}", b"", password
    )
    assert (status, headers["Docker-Content-Digest"]) == (201, digest_of(content))


def push(repository: Repository, base: str, tag: str, password: str, layer: bytes = LAYER) -> Any:
    for blob in (CONFIG, layer):
        put_blob(repository, base, blob, password)
    manifest = manifest_of(CONFIG, layer)
    return repository.ask("PUT", f"{base}/manifests/{tag}", manifest, password, Content_Type=MANIFEST)


def test_push_and_pull(repository: Repository, base: str) -> None:
    password = repository.password()
    status, headers, _ = push(repository, base, "v1", password)
    digest = digest_of(manifest_of(CONFIG, LAYER).encode())
    assert (status, headers["Docker-Content-Digest"]) == (201, digest)
    assert repository.images() == {digest: ["v1"]}
    for reference in ("v1", digest):
        status, headers, body = repository.ask("GET", f"{base}/manifests/{reference}", password=password)
        assert (status, headers["Content-Type"], headers["Docker-Content-Digest"]) == (200, MANIFEST, digest)
        assert digest_of(body) == digest
    status, headers, body = repository.ask("HEAD", f"{base}/manifests/v1", password=password)
    assert (status, body, int(headers["Content-Length"])) == (200, b"", len(manifest_of(CONFIG, LAYER)))
    status, headers, body = repository.ask("GET", f"{base}/blobs/{digest_of(LAYER)}", password=password)
    assert (status, body) == (200, LAYER)
    status, headers, body = repository.ask("HEAD", f"{base}/blobs/{digest_of(LAYER)}", password=password)
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(LAYER)))
    status, _, body = repository.ask("GET", f"{base}/tags/list", password=password)
    assert json.loads(body) == {"name": repository.name, "tags": ["v1"]}


def test_a_layer_of_unknown_length(repository: Repository, base: str) -> None:
    """Docker sends layers chunked, since it compresses them while it sends."""
    password = repository.password()
    _, headers, _ = repository.ask("POST", f"{base}/blobs/uploads/", b"", password)
    content = b"0123456789" * 100_000

    def pieces() -> Iterator[bytes]:
        for begin in range(0, len(content), 70_001):
            yield content[begin : begin + 70_001]

    chunked = {"Transfer_Encoding": "chunked"}
    status, headers, _ = repository.ask("PATCH", headers["Location"], pieces(), password, **chunked)
    assert (status, headers["Range"]) == (202, f"0-{len(content) - 1}")
    place = f"{headers['Location']}?digest={digest_of(content)}"
    assert repository.ask("PUT", place, b"", password)[0] == 201


def test_the_region_of_the_password_is_the_default(repository: Repository) -> None:
    password = repository.password()
    assert push(repository, f"/v2/{repository.name}", "v1", password)[0] == 201
    assert list(repository.images().values()) == [["v1"]]


def test_two_regions_are_two_registries(repository: Repository, sandbox: Any) -> None:
    there = sandbox.client("ecr", "eu-west-1")
    there.create_repository(repositoryName=repository.name)
    password = repository.password()
    assert push(repository, f"/v2/eu-west-1/{repository.name}", "v1", password)[0] == 201
    assert repository.images() == {}
    assert Repository(sandbox, there, repository.name).images()


def test_who_does_not_log_in(repository: Repository, base: str) -> None:
    for path in ("/v2/", f"{base}/manifests/latest"):
        status, headers, _ = repository.ask("GET", path)
        assert status == 401
        assert headers["Www-Authenticate"].startswith(f'Basic realm="https://{ACCOUNT}.dkr.ecr.')
    assert repository.ask("GET", "/v2/", password=repository.password())[0] == 200


@pytest.mark.parametrize(("password", "user"), [("wrong", "AWS"), (None, "root")])
def test_who_logs_in_wrongly(repository: Repository, password: str | None, user: str) -> None:
    password = password or repository.password()
    answer = repository.ask("GET", "/v2/", password=password, user=user)
    assert error_of(answer) == (400, "DENIED", "Your Authorization Token is invalid.")


def test_what_is_not_there(repository: Repository, base: str) -> None:
    password = repository.password()
    assert error_of(repository.ask("GET", "/v2/us-east-1/gone/manifests/x", password=password)) == (
        404,
        "NAME_UNKNOWN",
        f"The repository with name 'gone' does not exist in the registry with id '{ACCOUNT}'",
    )
    answer = repository.ask("GET", f"{base}/manifests/gone", password=password)
    assert error_of(answer) == (404, "MANIFEST_UNKNOWN", "Requested image not found")
    assert repository.ask("HEAD", f"{base}/blobs/{digest_of(b'gone')}", password=password)[0] == 404
    assert repository.ask("PATCH", f"{base}/blobs/uploads/gone", b"x", password)[0] == 404
    assert repository.ask("GET", f"{base}/blobs/../../../etc/passwd", password=password)[0] == 404


def test_what_does_not_fit_together(repository: Repository, base: str) -> None:
    password = repository.password()
    _, headers, _ = repository.ask("POST", f"{base}/blobs/uploads/", b"", password)
    answer = repository.ask("PUT", f"{headers['Location']}?digest={digest_of(b'other')}", LAYER, password)
    assert error_of(answer)[:2] == (400, "DIGEST_INVALID")
    put = {"password": password, "Content_Type": MANIFEST}
    answer = repository.ask("PUT", f"{base}/manifests/v1", manifest_of(b"not", b"there"), **put)
    assert error_of(answer)[:2] == (400, "MANIFEST_BLOB_UNKNOWN")
    assert push(repository, base, digest_of(b"other"), password)[0] == 400
    assert repository.images() == {}


def test_immutable_tags(repository: Repository, base: str) -> None:
    repository.client.put_image_tag_mutability(repositoryName=repository.name, imageTagMutability="IMMUTABLE")
    password = repository.password()
    assert push(repository, base, "v1", password)[0] == 201
    assert push(repository, base, "v1", password)[0] == 201
    status, code, message = error_of(push(repository, base, "v1", password, b"another layer"))
    assert (status, code) == (400, "TAG_INVALID")
    assert "'v1' already exists" in message and "immutable" in message


PUSH = (
    "BatchCheckLayerAvailability",
    "InitiateLayerUpload",
    "UploadLayerPart",
    "CompleteLayerUpload",
    "PutImage",
    "BatchGetImage",
)


@pytest.mark.parametrize("missing", [None, *PUSH, "GetDownloadUrlForLayer"])
def test_each_step_needs_its_permission(repository: Repository, base: str, missing: str | None) -> None:
    """The permissions of https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html"""
    role = f"pusher-{repository.name.rpartition('/')[2]}"
    client = _as_role(
        repository, role, [name for name in (*PUSH, "GetDownloadUrlForLayer") if name != missing]
    )
    password = repository.password(client)
    denied = {}

    def ask(action: str, method: str, path: str, body: Any = None, **headers: str) -> dict[str, str]:
        answer = repository.ask(method, path, body, password, **headers)
        if answer[0] == 403:
            denied[action] = error_of(answer)[1:] if method != "HEAD" else ("DENIED", "")
        return answer[1]

    whole = repository.password()
    put_blob(repository, base, CONFIG, whole)
    put_blob(repository, base, LAYER, whole)
    ask("BatchCheckLayerAvailability", "HEAD", f"{base}/blobs/{digest_of(LAYER)}")
    place = ask("InitiateLayerUpload", "POST", f"{base}/blobs/uploads/", b"").get("Location")
    place = place or repository.ask("POST", f"{base}/blobs/uploads/", b"", whole)[1]["Location"]
    ask("UploadLayerPart", "PATCH", place, b"more")
    ask("CompleteLayerUpload", "PUT", f"{place}?digest={digest_of(b'more')}", b"")
    ask("PutImage", "PUT", f"{base}/manifests/v1", manifest_of(CONFIG, LAYER), Content_Type=MANIFEST)
    ask("BatchGetImage", "GET", f"{base}/manifests/v1")
    ask("GetDownloadUrlForLayer", "GET", f"{base}/blobs/{digest_of(LAYER)}")
    assert set(denied) == ({missing} if missing else set())
    for action, (code, message) in denied.items():
        assert code == "DENIED"
        if message:
            assert message.startswith(
                f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/dev is not authorized"
            )
            assert f"perform: ecr:{action} on resource: " in message


def _as_role(repository: Repository, name: str, actions: list[str]) -> Any:
    """A client of ECR under a role that may do only these things."""
    iam, sts = repository.sandbox.client("iam"), repository.sandbox.client("sts")
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository.name}"
    allowed = [
        {"Effect": "Allow", "Action": [f"ecr:{action}" for action in actions], "Resource": arn},
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
    ]
    document = {"Version": "2012-10-17", "Statement": [trust]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_role_policy(RoleName=name, PolicyName="push", PolicyDocument=policy)
    keys = sts.assume_role(RoleArn=role, RoleSessionName="dev")["Credentials"]
    given = {"key": keys["AccessKeyId"], "secret": keys["SecretAccessKey"], "token": keys["SessionToken"]}
    return repository.sandbox.client("ecr", **given)


def test_a_signed_address_is_good_for_its_layer_only(repository: Repository) -> None:
    first, second = repository.upload(b"first"), repository.upload(b"second")
    url = repository.client.get_download_url_for_layer(repositoryName=repository.name, layerDigest=first)
    path = url["downloadUrl"].removeprefix(repository.sandbox.endpoint)
    assert repository.ask("GET", path)[2] == b"first"
    assert repository.ask("GET", path.replace(first, second))[0] == 403
