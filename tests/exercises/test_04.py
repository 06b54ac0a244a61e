"""The exercises of 04, each with wrong answers that look right."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from helpers import Session, deploy, template

from .trying import ask, try_out

RULES = '"rules": ['
OLD_RULE = '"rulePriority": 1,'
UNTAGGED = (
    '{"rulePriority": %d, "selection": {"tagStatus": "untagged", "countType": "%s", %s "countNumber": %d}, '
    '"action": {"type": "expire"}},'
)
SINCE, DAYS = "sinceImagePushed", '"countUnit": "days",'


def test_a_what_has_lost_its_name_may_go_sooner(session: Session) -> None:
    deploy(session, "registry")
    ecr = session.client("ecr")

    def registry_with(rule: str, old: str = '"rulePriority": 2,', **parameters: int) -> None:
        text = template(session, "registry").text.replace(OLD_RULE, old)
        Path("registry.yaml").write_text(text.replace(RULES, RULES + rule))
        deploy(session, "registry.yaml", parameters)

    def the_number_of_images_that_are_kept(session: Session) -> None:
        deploy(session, "registry", {"KeepImages": 5})

    def by_number_and_not_by_age(session: Session) -> None:
        registry_with(UNTAGGED % (1, "imageCountMoreThan", "", 7), KeepImages=10)

    def after_another_time(session: Session) -> None:
        registry_with(UNTAGGED % (1, SINCE, DAYS, 70))

    def in_an_order_that_ecr_refuses(session: Session) -> None:
        registry_with(UNTAGGED % (2, SINCE, DAYS, 7), old=OLD_RULE)

    def instead_of_the_old_rule(session: Session) -> None:
        registry_with(
            UNTAGGED % (1, SINCE, DAYS, 7),
            old='"rulePriority": 2, "description": "", "selection": {'
            '"tagStatus": "tagged", "tagPrefixList": ["x"], "countType": "imageCountMoreThan", '
            '"countNumber": 10}, "action": {"type": "expire"}}, {"rulePriority": 3,',
        )

    def behind_the_stacks_back(session: Session) -> None:
        deploy(session, "registry")
        policy = json.loads(ecr.get_lifecycle_policy(repositoryName=session.project)["lifecyclePolicyText"])
        policy["rules"][-1]["rulePriority"] = 2
        policy["rules"] = [json.loads((UNTAGGED % (1, SINCE, DAYS, 7)).rstrip(",")), policy["rules"][-1]]
        ecr.put_lifecycle_policy(repositoryName=session.project, lifecyclePolicyText=json.dumps(policy))

    wrong = [
        the_number_of_images_that_are_kept,
        by_number_and_not_by_age,
        after_another_time,
        in_an_order_that_ecr_refuses,
        instead_of_the_old_rule,
        behind_the_stacks_back,
    ]
    try_out(session, "04-a", wrong)


def test_b_the_way_back(session: Session) -> None:
    deploy(session, "registry")
    ecr, repository = session.client("ecr"), session.project

    def upload(blob: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        found = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])
        if not any(layer["layerAvailability"] == "AVAILABLE" for layer in found["layers"]):
            ticket = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
            ecr.upload_layer_part(
                repositoryName=repository,
                uploadId=ticket,
                partFirstByte=0,
                partLastByte=len(blob) - 1,
                layerPartBlob=blob,
            )
            ecr.complete_layer_upload(repositoryName=repository, uploadId=ticket, layerDigests=[digest])
        return {"digest": digest, "size": len(blob)}

    def push(words: str, tag: str) -> str:
        kind = "application/vnd.oci.image"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": {"mediaType": f"{kind}.config.v1+json", **upload(b"{}")},
            "layers": [{"mediaType": f"{kind}.layer.v1.tar", **upload(words.encode())}],
        }
        text = json.dumps(manifest)
        ecr.put_image(repositoryName=repository, imageManifest=text, imageTag=tag)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    def only_the_first(session: Session) -> None:
        push("release 1", "stable")

    def two_pushes_and_no_way_back(session: Session) -> None:
        push("release 1", "stable")
        push("release 2", "stable")

    def back_under_another_name(session: Session) -> None:
        two_pushes_and_no_way_back(session)
        push("release 1", "stable-again")

    def the_new_one_deleted(session: Session) -> None:
        digest = push("release 2", "stable")
        ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
        push("release 1", "stable")

    def nearly_the_same_words(session: Session) -> None:
        two_pushes_and_no_way_back(session)
        push("Release 1", "stable")

    def clear(session: Session) -> None:
        found = ecr.describe_images(repositoryName=repository)["imageDetails"]
        ids = [{"imageDigest": image["imageDigest"]} for image in found]
        ecr.batch_delete_image(repositoryName=repository, imageIds=ids)

    wrong = [
        only_the_first,
        two_pushes_and_no_way_back,
        back_under_another_name,
        the_new_one_deleted,
        nearly_the_same_words,
    ]
    try_out(session, "04-b", wrong, clear)


def test_c_what_should_have_been_written_down(session: Session) -> None:
    ask(session, "04-c")
