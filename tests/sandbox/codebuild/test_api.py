"""The API of CodeBuild: projects and builds as things, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .ground import ACCOUNT, Ground, policy, spec, trust, until


def refused(call: Any, **params: Any) -> tuple[str, str]:
    """Code and message of the error that a call raises."""
    with pytest.raises(ClientError) as error:
        call(**params)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_project_as_it_is_described(place: Ground) -> None:
    found = place.codebuild.batch_get_projects(names=[place.name, "no-such"])
    assert found["projectsNotFound"] == ["no-such"]
    project = found["projects"][0]
    assert project["arn"] == f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/{place.name}"
    expected = {
        "name": place.name,
        "source": {"type": "S3", "location": f"{place.name}/source.zip"},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "cache": {"type": "NO_CACHE"},
        "serviceRole": place.role,
        "timeoutInMinutes": 60,
        "queuedTimeoutInMinutes": 480,
        "encryptionKey": f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/s3",
        "badge": {"badgeEnabled": False},
    }
    assert {name: project[name] for name in expected} == expected
    assert project["environment"]["imagePullCredentialsType"] == "CODEBUILD"
    assert place.name in place.codebuild.list_projects()["projects"]


def test_a_project_is_changed_in_part(ground: Ground) -> None:
    changed = ground.codebuild.update_project(name=ground.name, description="new", timeoutInMinutes=10)[
        "project"
    ]
    assert (changed["description"], changed["timeoutInMinutes"]) == ("new", 10)
    assert changed["source"] == ground.project()["source"]
    assert changed["lastModified"] > changed["created"]


def test_names_are_taken_once(place: Ground) -> None:
    code, message = refused(place.codebuild.create_project, **place.project())
    assert code == "ResourceAlreadyExistsException"
    assert message == f"Project already exists: arn:aws:codebuild:us-east-1:{ACCOUNT}:project/{place.name}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "1 2"}, "Invalid project name: it must be"),
        ({"source": {"type": "SVN"}}, "1 validation error detected: Value 'SVN' at 'source.type' failed"),
        (
            {"source": {"type": "S3", "location": "no-key"}},
            "Invalid project source: location must be a valid S3",
        ),
        ({"source": {"type": "CODECOMMIT"}}, "Invalid project source: location must be a valid CodeCommit"),
        ({"source": {"type": "NO_SOURCE"}}, "Invalid project source: a buildspec must be specified"),
        ({"artifacts": {"type": "CODEPIPELINE"}}, "Invalid artifacts: artifacts type must be CODEPIPELINE"),
        ({"artifacts": {"type": "S3"}}, "Invalid artifacts: location must be specified"),
        (
            {"serviceRole": f"arn:aws:iam::{ACCOUNT}:role/no-such"},
            "CodeBuild is not authorized to perform: sts:Ass",
        ),
    ],
)
def test_what_a_project_may_not_be(place: Ground, changes: dict[str, Any], message: str) -> None:
    code, text = refused(place.codebuild.create_project, **place.project(**{"name": "other", **changes}))
    assert (code, text[: len(message)]) == ("InvalidInputException", message)
    assert "other" not in place.codebuild.list_projects()["projects"]


def test_a_role_that_does_not_trust_codebuild(ground: Ground) -> None:
    ground.iam.update_assume_role_policy(RoleName=ground.name, PolicyDocument=trust("ec2.amazonaws.com"))
    code, message = refused(ground.codebuild.update_project, name=ground.name, description="x")
    assert (code, message) == (
        "InvalidInputException",
        f"CodeBuild is not authorized to perform: sts:AssumeRole on {ground.role}",
    )
    built = ground.commands("echo never")
    assert built.context("PROVISIONING") == ("ACCESS_DENIED", message)


def test_what_does_not_exist(place: Ground) -> None:
    project = f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/no-such"
    missing = ("ResourceNotFoundException", f"Project cannot be found: {project}")
    assert refused(place.codebuild.start_build, projectName="no-such") == missing
    assert refused(place.codebuild.update_project, name="no-such") == missing
    assert refused(place.codebuild.list_builds_for_project, projectName="no-such") == missing
    assert refused(place.codebuild.stop_build, id="no-such:1")[0] == "ResourceNotFoundException"
    assert place.codebuild.batch_get_builds(ids=["no-such:1"])["buildsNotFound"] == ["no-such:1"]
    place.codebuild.delete_project(name="no-such")  # is no error on AWS either


def test_what_is_not_simulated_is_refused_by_name(place: Ground) -> None:
    code, message = refused(place.codebuild.list_report_groups)
    assert code == "NotImplementedException"
    assert "ListReportGroups" in message and "sandbox" in message


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"timeoutInMinutesOverride": 2161}, "Invalid timeout: 2161 is not between 5 and 2160 minutes"),
        (
            {"environmentVariablesOverride": [{"name": "A B", "value": ""}]},
            "Invalid environment variable name: A B",
        ),
        (
            {"computeTypeOverride": "HUGE"},
            "1 validation error detected: Value 'HUGE' at 'environment.computeType'",
        ),
        (
            {"sourceTypeOverride": "NO_SOURCE"},
            "Invalid project source: a buildspec must be specified for source",
        ),
    ],
)
def test_what_a_build_may_not_be(place: Ground, request_: dict[str, Any], message: str) -> None:
    code, text = refused(place.codebuild.start_build, projectName=place.name, **request_)
    assert (code, text[: len(message)]) == ("InvalidInputException", message)


def test_builds_are_numbered_and_listed_newest_first(ground: Ground) -> None:
    ids = [ground.start(spec({"build": ["true"]})) for _ in range(3)]
    assert [ground.ended(name).build["buildNumber"] for name in ids] == [1, 2, 3]
    listed = ground.codebuild.list_builds_for_project(projectName=ground.name)["ids"]
    assert listed == ids[::-1]
    assert (
        ground.codebuild.list_builds_for_project(projectName=ground.name, sortOrder="ASCENDING")["ids"] == ids
    )
    assert set(ids) <= set(ground.codebuild.list_builds()["ids"])


def test_a_build_is_started_again_as_it_was(ground: Ground) -> None:
    first = ground.commands("echo $WORD", environmentVariablesOverride=[{"name": "WORD", "value": "given"}])
    again = ground.ended(ground.codebuild.retry_build(id=first.build["id"])["build"]["id"])
    assert again.build["id"] != first.build["id"]
    assert again.output == first.output == ["given"]


def test_a_token_starts_one_build(ground: Ground) -> None:
    request = {"projectName": ground.name, "idempotencyToken": "once"}
    ground.put_source(spec({"build": ["true"]}))
    first = ground.codebuild.start_build(**request)["build"]["id"]
    assert ground.codebuild.start_build(**request)["build"]["id"] == first
    code, message = refused(ground.codebuild.start_build, **request, sourceVersion="x")
    assert (code, message) == (
        "InvalidInputException",
        "Request parameter mismatch for idempotency token once",
    )


def test_builds_and_projects_are_deleted(ground: Ground) -> None:
    first, second = ground.commands("true").build, ground.commands("true").build
    answer = ground.codebuild.batch_delete_builds(ids=[first["id"], "no-such:1"])
    assert answer["buildsDeleted"] == [first["arn"]]
    assert [entry["id"] for entry in answer["buildsNotDeleted"]] == ["no-such:1"]
    ground.codebuild.delete_project(name=ground.name)
    assert ground.codebuild.batch_get_builds(ids=[second["id"]])["builds"] == []
    assert ground.name not in ground.codebuild.list_projects()["projects"]


def test_who_started_a_build(ground: Ground) -> None:
    assert ground.commands("echo $CODEBUILD_INITIATOR").output == ["learner"]
    name = f"{ground.name}-dev"
    anyone = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    role = ground.iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy([anyone]))["Role"]["Arn"]
    may = policy([{"Effect": "Allow", "Action": "codebuild:StartBuild", "Resource": "*"}])
    ground.iam.put_role_policy(RoleName=name, PolicyName="start", PolicyDocument=may)
    keys = ground.client("sts").assume_role(RoleArn=role, RoleSessionName="ada")["Credentials"]
    developer = ground.sandbox.client(
        "codebuild",
        key=keys["AccessKeyId"],
        secret=keys["SecretAccessKey"],
        token=keys["SessionToken"],
    )
    started = developer.start_build(projectName=ground.name)["build"]
    assert started["initiator"] == f"{name}/ada"
    until(lambda: ground.get(started["id"])["buildComplete"])


def test_the_images_that_codebuild_maintains(place: Ground) -> None:
    platforms = place.codebuild.list_curated_environment_images()["platforms"]
    names = [image["name"] for entry in platforms for part in entry["languages"] for image in part["images"]]
    assert "aws/codebuild/standard:7.0" in names
    assert "aws/codebuild/amazonlinux-aarch64-standard:4.0" in names
    assert "aws/codebuild/standard:4.0" not in names  # unsupported since 30 March 2023
