"""Images in ECR's API: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/"""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .pushing import ACCOUNT, MANIFEST, Repository, digest_of, manifest_of


def refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**params)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_an_image_as_it_is_described(repository: Repository) -> None:
    digest = repository.push("five!", "v1")
    [image] = repository.client.describe_images(repositoryName=repository.name)["imageDetails"]
    pushed = image.pop("imagePushedAt")
    assert timedelta() <= datetime.now(timezone.utc) - pushed < timedelta(minutes=1)
    assert image == {
        "registryId": ACCOUNT,
        "repositoryName": repository.name,
        "imageDigest": digest,
        "imageTags": ["v1"],
        "imageSizeInBytes": 5,
        "imageManifestMediaType": MANIFEST,
        "artifactMediaType": "application/vnd.oci.image.config.v1+json",
    }
    got = repository.client.batch_get_image(repositoryName=repository.name, imageIds=[{"imageTag": "v1"}])
    [found] = got["images"]
    assert digest == digest_of(found["imageManifest"].encode())
    assert found["imageId"] == {"imageDigest": digest, "imageTag": "v1"}


def test_a_tag_moves_and_the_old_image_stays(repository: Repository) -> None:
    old = repository.push("old")
    new = repository.push("new")
    assert repository.images() == {old: [], new: ["latest"]}
    ids = [{"imageDigest": old}]
    found = repository.client.batch_get_image(repositoryName=repository.name, imageIds=ids)["images"]
    assert [image["imageId"] for image in found] == ids
    untagged = repository.client.list_images(repositoryName=repository.name, filter={"tagStatus": "UNTAGGED"})
    assert untagged["imageIds"] == ids
    tagged = repository.client.describe_images(repositoryName=repository.name, filter={"tagStatus": "TAGGED"})
    assert [image["imageDigest"] for image in tagged["imageDetails"]] == [new]


def test_an_image_has_several_tags(repository: Repository) -> None:
    digest = repository.push("same", "one")
    assert repository.push("same", "two") == digest
    assert repository.images() == {digest: ["one", "two"]}
    code, message = refused(repository.push, content="same", tag="two")
    assert code == "ImageAlreadyExistsException"
    assert message == (
        f"Image with digest '{digest}' and tag 'two' already exists in the repository with name "
        f"'{repository.name}' in registry with id '{ACCOUNT}'"
    )


def test_immutable_tags(repository: Repository) -> None:
    repository.client.put_image_tag_mutability(repositoryName=repository.name, imageTagMutability="IMMUTABLE")
    first = repository.push("first", "v1")
    code, message = refused(repository.push, content="second", tag="v1")
    assert code == "ImageTagAlreadyExistsException"
    assert message.startswith(
        f"The image tag 'v1' already exists in the '{repository.name}' repository and cannot"
    )
    second = repository.push("second", "v2")
    assert repository.images() == {first: ["v1"], second: ["v2"]}


def test_immutable_but_for_some_tags(repository: Repository) -> None:
    repository.client.put_image_tag_mutability(
        repositoryName=repository.name,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest*"}],
    )
    repository.push("first", "latest")
    second = repository.push("second", "latest")
    repository.push("first", "v1")
    assert refused(repository.push, content="second", tag="v1")[0] == "ImageTagAlreadyExistsException"
    assert repository.images()[second] == ["latest"]


def test_a_manifest_needs_its_layers(repository: Repository) -> None:
    manifest = manifest_of(b"config", b"layer")
    missing = ", ".join(sorted([digest_of(b"config"), digest_of(b"layer")]))
    code, message = refused(
        repository.client.put_image, repositoryName=repository.name, imageManifest=manifest, imageTag="v1"
    )
    assert code == "LayersNotFoundException"
    assert message.startswith(f"Layers with digests '[{missing}]' required for pushing image into")
    bad = {"repositoryName": repository.name, "imageManifest": "{", "imageTag": "v1"}
    assert refused(repository.client.put_image, **bad)[0] == "InvalidParameterException"
    wrong = {**bad, "imageManifest": manifest, "imageDigest": digest_of(b"other")}
    assert refused(repository.client.put_image, **wrong)[0] == "ImageDigestDoesNotMatchException"


def test_what_is_not_there(repository: Repository) -> None:
    named = {"repositoryName": repository.name}
    code, message = refused(repository.client.describe_images, **named, imageIds=[{"imageTag": "gone"}])
    assert (code, message) == (
        "ImageNotFoundException",
        "The image with imageId {imageDigest:'null', imageTag:'gone'} does not exist within the repository "
        f"with name '{repository.name}' in the registry with id '{ACCOUNT}'",
    )
    got = repository.client.batch_get_image(**named, imageIds=[{"imageTag": "gone"}])
    assert got["images"] == []
    assert got["failures"] == [
        {
            "imageId": {"imageTag": "gone"},
            "failureCode": "ImageNotFound",
            "failureReason": "Requested image not found",
        }
    ]
    code, message = refused(repository.client.list_images, repositoryName="gone")
    assert (code, message) == (
        "RepositoryNotFoundException",
        f"The repository with name 'gone' does not exist in the registry with id '{ACCOUNT}'",
    )


def test_deleting_by_tag_and_by_digest(repository: Repository) -> None:
    digest = repository.push("x", "one")
    repository.push("x", "two")
    delete, named = repository.client.batch_delete_image, {"repositoryName": repository.name}
    assert delete(**named, imageIds=[{"imageTag": "one"}])["imageIds"] == [
        {"imageDigest": digest, "imageTag": "one"}
    ]
    assert repository.images() == {digest: ["two"]}
    answer = delete(**named, imageIds=[{"imageDigest": digest}, {"imageTag": "gone"}])
    assert [entry["imageTag"] for entry in answer["imageIds"]] == ["two"]
    assert answer["failures"][0]["failureCode"] == "ImageNotFound"
    assert repository.images() == {}


def test_a_repository_with_images_is_deleted_by_force_only(repository: Repository) -> None:
    repository.push("x")
    code, _ = refused(repository.client.delete_repository, repositoryName=repository.name)
    assert code == "RepositoryNotEmptyException"
    repository.client.delete_repository(repositoryName=repository.name, force=True)
    repository.client.create_repository(repositoryName=repository.name)
    assert repository.images() == {}


def test_a_layer_in_parts_comes_back_whole(repository: Repository) -> None:
    content = bytes(range(256)) * 100
    digest = repository.upload(content, part=7000)
    assert digest == digest_of(content)
    checked = repository.client.batch_check_layer_availability(
        repositoryName=repository.name, layerDigests=[digest, digest_of(b"gone"), "sha256:zz"]
    )
    availability = {entry["layerDigest"]: entry["layerAvailability"] for entry in checked["layers"]}
    assert availability == {digest: "AVAILABLE", digest_of(b"gone"): "UNAVAILABLE"}
    assert checked["failures"][0]["failureCode"] == "InvalidLayerDigest"
    url = repository.client.get_download_url_for_layer(repositoryName=repository.name, layerDigest=digest)
    assert urllib.request.urlopen(url["downloadUrl"]).read() == content


def test_parts_come_in_order_and_are_what_was_announced(repository: Repository) -> None:
    named = {"repositoryName": repository.name}
    upload = repository.client.initiate_layer_upload(**named)["uploadId"]
    part = {"uploadId": upload, "partFirstByte": 5, "partLastByte": 9, "layerPartBlob": b"later"}
    assert refused(repository.client.upload_layer_part, **named, **part)[0] == "InvalidLayerPartException"
    part |= {"partFirstByte": 0, "partLastByte": 4}
    assert repository.client.upload_layer_part(**named, **part)["lastByteReceived"] == 4
    wrong = {"uploadId": upload, "layerDigests": [digest_of(b"other")]}
    assert refused(repository.client.complete_layer_upload, **named, **wrong)[0] == "InvalidLayerException"
    gone = {"uploadId": "00000000-0000-0000-0000-000000000000", "layerDigests": [digest_of(b"x")]}
    assert refused(repository.client.complete_layer_upload, **named, **gone)[0] == "UploadNotFoundException"


def test_a_layer_belongs_to_its_repository(repository: Repository) -> None:
    digest = repository.upload(b"mine")
    other = f"{repository.name}-other"
    repository.client.create_repository(repositoryName=other)
    checked = repository.client.batch_check_layer_availability(repositoryName=other, layerDigests=[digest])
    assert checked["layers"][0]["layerAvailability"] == "UNAVAILABLE"


def test_passwords_last_twelve_hours(repository: Repository) -> None:
    data = repository.client.get_authorization_token()["authorizationData"][0]
    lasts = data["expiresAt"] - datetime.now(timezone.utc)
    assert timedelta(hours=11, minutes=59) < lasts <= timedelta(hours=12)
    assert data["proxyEndpoint"] == f"https://{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    assert repository.password() != repository.password()


def test_scans_are_not_invented(repository: Repository) -> None:
    repository.push("x")
    request = {"repositoryName": repository.name, "imageId": {"imageTag": "latest"}}
    for call in (repository.client.start_image_scan, repository.client.describe_image_scan_findings):
        code, message = refused(call, **request)
        assert (code, "does not scan" in message) == ("NotImplementedException", True)


def test_a_push_is_an_event(repository: Repository) -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html"""
    name = repository.name.replace("/", "-")
    sqs, events = repository.sandbox.client("sqs"), repository.sandbox.client("events")
    url, arn = sqs.create_queue(QueueName=name)["QueueUrl"], f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    pattern = {"source": ["aws.ecr"], "detail": {"repository-name": [repository.name]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    digest = repository.push("x", "v1")
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["source"]) == ("ECR Image Action", "aws.ecr")
    expected = {
        "action-type": "PUSH",
        "result": "SUCCESS",
        "repository-name": repository.name,
        "image-digest": digest,
        "image-tag": "v1",
    }
    assert {key: event["detail"][key] for key in expected} == expected


def test_images_outlive_a_restart(fresh_sandbox: Any) -> None:
    sandbox = fresh_sandbox()
    client = sandbox.client("ecr")
    client.create_repository(repositoryName="kept")
    repository = Repository(sandbox, client, "kept")
    old, new = repository.push("old"), repository.push("new")
    password = repository.password()
    sandbox.stop()
    sandbox.start()
    assert repository.images() == {old: [], new: ["latest"]}
    manifest = client.batch_get_image(repositoryName="kept", imageIds=[{"imageDigest": old}])["images"][0]
    layer = json.loads(manifest["imageManifest"])["layers"][0]["digest"]
    status, _, body = repository.ask("GET", f"/v2/us-east-1/kept/blobs/{layer}", password=password)
    assert (status, body) == (200, b"old")
