"""Where a build gets its source, where it puts its artifacts, and how either goes wrong."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from .ground import ACCOUNT, Ground, spec, zipped

SHOW = [
    "cat file.txt",
    "echo commit ${CODEBUILD_RESOLVED_SOURCE_VERSION:-none} ${CODEBUILD_SOURCE_VERSION:-none}",
]


@pytest.fixture
def repository(ground: Ground) -> tuple[Ground, str, str]:
    """A project whose source is a CodeCommit repository with two branches; and their commits."""
    codecommit = ground.client("codecommit")
    made = codecommit.create_repository(repositoryName=ground.name)["repositoryMetadata"]
    first = codecommit.create_commit(
        repositoryName=ground.name,
        branchName="main",
        putFiles=[
            {"filePath": "buildspec.yml", "fileContent": spec({"build": SHOW}).encode()},
            {"filePath": "file.txt", "fileContent": b"from main\n"},
        ],
    )["commitId"]
    codecommit.create_branch(repositoryName=ground.name, branchName="other", commitId=first)
    second = codecommit.put_file(
        repositoryName=ground.name,
        branchName="other",
        fileContent=b"from other\n",
        filePath="file.txt",
        parentCommitId=first,
    )["commitId"]
    source = {"type": "CODECOMMIT", "location": made["cloneUrlHttp"]}
    ground.codebuild.update_project(name=ground.name, source=source, sourceVersion="refs/heads/main")
    return ground, first, second


def run(ground: Ground, **request: Any) -> Any:
    started = ground.codebuild.start_build(projectName=ground.name, **request)["build"]
    return ground.ended(started["id"])


def test_codecommit_by_branch_and_commit(repository: tuple[Ground, str, str]) -> None:
    ground, first, second = repository
    assert run(ground).output == ["from main", f"commit {first} refs/heads/main"]
    built = run(ground, sourceVersion="other")
    assert built.output == ["from other", f"commit {second} other"]
    assert built.build["resolvedSourceVersion"] == second
    assert run(ground, sourceVersion=first).output == ["from main", f"commit {first} {first}"]


def test_the_address_of_a_repository_as_aws_writes_it(repository: tuple[Ground, str, str]) -> None:
    ground, first, _ = repository
    address = f"https://git-codecommit.us-east-1.amazonaws.com/v1/repos/{ground.name}"
    assert run(ground, sourceLocationOverride=address).build["resolvedSourceVersion"] == first


def test_codecommit_says_no(repository: tuple[Ground, str, str]) -> None:
    ground, _, _ = repository
    wanted = "for primary source and source version"
    missing = run(ground, sourceVersion="gone").context("DOWNLOAD_SOURCE")
    assert missing == ("CLIENT_ERROR", f"reference not found {wanted} gone")
    ground.allow([{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}])
    denied = run(ground).context("DOWNLOAD_SOURCE")
    assert denied == ("CLIENT_ERROR", f"authorization failed {wanted} refs/heads/main")
    ground.client("codecommit").delete_repository(repositoryName=ground.name)
    assert run(ground).context("DOWNLOAD_SOURCE")[1] == f"repository not found {wanted} refs/heads/main"


def test_a_zip_in_s3_with_its_permissions(place: Ground) -> None:
    built = place.commands(
        "./run.sh", "ls -R | sort", files={"run.sh": "#!/bin/sh\necho ran\n", "a/b/c": "x"}
    )
    assert built.output[0] == "ran"
    assert {"c", "buildspec.yml"} <= set(built.output)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no zip at all", "zip: not a valid zip file"),
        (zipped({"../../escaped": "x"}), "leads outside the archive"),
    ],
)
def test_a_zip_that_cannot_be_used(place: Ground, content: bytes, message: str) -> None:
    place.s3.put_object(Bucket=place.name, Key="bad.zip", Body=content)
    built = run(place, sourceLocationOverride=f"{place.name}/bad.zip")
    code, text = built.context("DOWNLOAD_SOURCE")
    assert code == "CLIENT_ERROR" and message in text


def test_s3_says_no(ground: Ground) -> None:
    code, message = run(ground, sourceLocationOverride=f"{ground.name}/gone.zip").context("DOWNLOAD_SOURCE")
    assert code == "CLIENT_ERROR"
    assert message.startswith("NoSuchKey: The specified key does not exist.\n\tstatus code: 404")
    assert message.endswith(f"for primary source and source version arn:aws:s3:::{ground.name}/gone.zip")
    look = ["logs:*", "s3:GetBucketAcl", "s3:GetBucketLocation"]
    ground.allow([{"Effect": "Allow", "Action": look, "Resource": "*"}])
    ground.put_source(spec({"build": ["true"]}))
    assert run(ground).context("DOWNLOAD_SOURCE")[1].startswith("AccessDenied: ")


def test_once_it_could_see_whose_the_bucket_is_it_insists(ground: Ground) -> None:
    """User guide, "Secure access to S3 buckets": without the right nobody looks; to lose it is an error."""
    ground.put_source(spec({"build": ["true"]}))
    unseeing = [{"Effect": "Allow", "Action": ["logs:*", "s3:GetObject*"], "Resource": "*"}]
    seeing = [{"Effect": "Allow", "Action": ["s3:GetBucketAcl", "s3:GetBucketLocation"], "Resource": "*"}]
    ground.allow(unseeing)
    assert run(ground).status == "SUCCEEDED"
    ground.allow([*unseeing, *seeing])
    assert run(ground).status == "SUCCEEDED"
    ground.allow(unseeing)
    code, message = run(ground).context("DOWNLOAD_SOURCE")
    assert (code, message.partition(":")[0]) == ("CLIENT_ERROR", "Error calling GetBucketAcl")


def test_a_version_of_an_object(ground: Ground) -> None:
    ground.s3.put_bucket_versioning(Bucket=ground.name, VersioningConfiguration={"Status": "Enabled"})
    ground.put_source(spec({"build": ["echo one"]}))
    old = ground.s3.head_object(Bucket=ground.name, Key="source.zip")["VersionId"]
    ground.put_source(spec({"build": ["echo two"]}))
    assert run(ground).output == ["two"]
    assert run(ground, sourceVersion=old).output == ["one"]


def test_a_pipeline_hands_over_a_commit_as_a_zip(ground: Ground) -> None:
    ground.codebuild.update_project(
        name=ground.name, source={"type": "CODEPIPELINE"}, artifacts={"type": "CODEPIPELINE"}
    )
    body = zipped(
        {"buildspec.yml": spec({"build": SHOW}, artifacts={"files": ["file.txt"]}), "file.txt": "in\n"}
    )
    ground.s3.put_object(Bucket=ground.name, Key="pipe/Source/abc", Body=body)
    built = run(
        ground,
        sourceTypeOverride="S3",
        sourceLocationOverride=f"{ground.name}/pipe/Source/abc",
        artifactsOverride={
            "type": "S3",
            "location": ground.name,
            "path": "pipe/Build",
            "name": "xyz",
            "packaging": "ZIP",
        },
        environmentVariablesOverride=[
            {"name": "CODEBUILD_INITIATOR", "value": "codepipeline/flights"},
            {"name": "CODEBUILD_RESOLVED_SOURCE_VERSION", "value": "c0ffee"},
        ],
    )
    assert built.output == ["in", f"commit c0ffee arn:aws:s3:::{ground.name}/pipe/Source/abc"]
    assert built.build["initiator"] == "codepipeline/flights"
    assert built.build["source"]["type"] == "CODEPIPELINE"
    assert built.build["resolvedSourceVersion"] == "c0ffee"
    assert built.build["environment"]["environmentVariables"] == []
    assert names_in(ground, "pipe/Build/xyz") == ["file.txt"]


def test_secondary_sources_have_folders_of_their_own(ground: Ground) -> None:
    ground.s3.put_object(Bucket=ground.name, Key="more.zip", Body=zipped({"more.txt": "more\n"}))
    more = {"type": "S3", "location": f"{ground.name}/more.zip", "sourceIdentifier": "extra"}
    built = ground.commands("cat $CODEBUILD_SRC_DIR_extra/more.txt", secondarySourcesOverride=[more])
    assert built.output == ["more"]


# Artifacts ------------------------------------------------------------------------------------------------

TREE = {
    "top.txt": "1",
    "my-build-1/my-file-1.txt": "1",
    "my-build-2/my-file-2.txt": "2",
    "my-build-2/my-subdirectory/my-file-3.txt": "3",
}
ZIP = {"type": "S3", "packaging": "ZIP", "name": "out.zip"}


def names_in(ground: Ground, key: str) -> list[str]:
    body = ground.s3.get_object(Bucket=ground.name, Key=key)["Body"].read()
    return sorted(zipfile.ZipFile(io.BytesIO(body)).namelist())


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [  # the first two are the buildspec reference's own examples
        (
            {"files": ["*/my-file-3.txt"], "base-directory": "my-build-2"},
            ["my-subdirectory/my-file-3.txt"],
        ),
        (
            {"files": ["**/*"], "base-directory": "my-build*", "discard-paths": "yes"},
            ["my-file-1.txt", "my-file-2.txt", "my-file-3.txt"],
        ),
        ({"files": ["top.txt", "my-build-1/*"]}, ["my-build-1/my-file-1.txt", "top.txt"]),
        ({"files": ["*.txt"]}, ["top.txt"]),
        (
            {"files": ["my-build-2/**/*"]},
            ["my-build-2/my-file-2.txt", "my-build-2/my-subdirectory/my-file-3.txt"],
        ),
        ({"files": ["**/*.txt"], "exclude-paths": "my-build-*/**/*"}, ["top.txt"]),
    ],
)
def test_which_files_are_kept(place: Ground, wanted: dict[str, Any], expected: list[str]) -> None:
    text = spec({"build": ["true"]}, artifacts=wanted)
    built = place.build(text, files=TREE, artifactsOverride={**ZIP, "location": place.name})
    assert names_in(place, "out.zip") == expected
    body = place.s3.get_object(Bucket=place.name, Key="out.zip")["Body"].read()
    assert built.build["artifacts"] == {
        "location": f"arn:aws:s3:::{place.name}/out.zip",
        "sha256sum": hashlib.sha256(body).hexdigest(),
        "md5sum": hashlib.md5(body).hexdigest(),
        **({"overrideArtifactName": False} if "overrideArtifactName" in built.build["artifacts"] else {}),
    }


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ({}, "out.zip"),
        ({"path": "a/b"}, "a/b/out.zip"),
        ({"path": "a", "namespaceType": "BUILD_ID"}, "a/{id}/out.zip"),
        ({"overrideArtifactName": True}, "named-7"),
    ],
)
def test_where_artifacts_go(place: Ground, target: dict[str, Any], key: str) -> None:
    text = spec({"build": ["N=7"]}, artifacts={"files": ["top.txt"], "name": "named-$N"})
    built = place.build(text, files=TREE, artifactsOverride={**ZIP, "location": place.name, **target})
    place_ = key.format(id=built.build["id"].partition(":")[2])
    assert built.build["artifacts"]["location"] == f"arn:aws:s3:::{place.name}/{place_}"
    assert names_in(place, place_) == ["top.txt"]


def test_files_that_are_not_zipped(place: Ground) -> None:
    target = {"type": "S3", "location": place.name, "name": "loose"}
    place.build(
        spec({"build": ["true"]}, artifacts={"files": ["**/*"]}), files=TREE, artifactsOverride=target
    )
    listed = place.s3.list_objects_v2(Bucket=place.name, Prefix="loose/")["Contents"]
    assert "loose/my-build-2/my-subdirectory/my-file-3.txt" in [entry["Key"] for entry in listed]


def test_several_artifacts(place: Ground) -> None:
    text = spec(
        {"build": ["true"]},
        artifacts={
            "files": ["**/*"],
            "secondary-artifacts": {"one": {"files": ["top.txt"]}, "two": {"files": ["my-build-1/*"]}},
        },
    )
    targets = [
        {**ZIP, "location": place.name, "name": name, "artifactIdentifier": name} for name in ("one", "two")
    ]
    built = place.build(
        text, files=TREE, artifactsOverride={"type": "NO_ARTIFACTS"}, secondaryArtifactsOverride=targets
    )
    assert names_in(place, "one") == ["top.txt"]
    assert names_in(place, "two") == ["my-build-1/my-file-1.txt"]
    assert len(built.build["secondaryArtifacts"]) == 2


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"files": ["gone.txt"]}, "no matching artifact paths found"),
        ({"files": ["*"], "base-directory": "gone"}, "no matching base directory path found for gone"),
    ],
)
def test_artifacts_that_are_not_there(place: Ground, wanted: dict[str, Any], message: str) -> None:
    built = place.build(
        spec({"build": ["true"]}, artifacts=wanted), artifactsOverride={**ZIP, "location": place.name}
    )
    assert (built.status, built.context("UPLOAD_ARTIFACTS")) == ("FAILED", ("CLIENT_ERROR", message))


def test_artifacts_are_uploaded_even_when_the_build_phase_failed(place: Ground) -> None:
    """https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html, "Important"."""
    text = spec({"build": ["echo evidence > trace.txt", "false"]}, artifacts={"files": ["trace.txt"]})
    built = place.build(text, artifactsOverride={**ZIP, "location": place.name, "name": "trace"})
    assert (built.status, built.phases["UPLOAD_ARTIFACTS"]) == ("FAILED", "SUCCEEDED")
    assert names_in(place, "trace") == ["trace.txt"]


def test_a_role_that_may_not_write_artifacts(ground: Ground) -> None:
    ground.allow([{"Effect": "Allow", "Action": ["logs:*", "s3:GetObject"], "Resource": "*"}])
    text = spec({"build": ["true"]}, artifacts={"files": ["buildspec.yml"]})
    built = ground.build(text, artifactsOverride={**ZIP, "location": ground.name})
    code, message = built.context("UPLOAD_ARTIFACTS")
    assert code == "CLIENT_ERROR"
    assert message.startswith("Failed to upload artifacts: AccessDenied: User: arn:aws:sts::" + ACCOUNT)


def test_nothing_leaves_the_source_folder_by_a_link(place: Ground, tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        link = zipfile.ZipInfo("out")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, os.fspath(tmp_path))
        archive.writestr("out/escaped-by-link", "x")
    place.s3.put_object(Bucket=place.name, Key="link.zip", Body=content.getvalue())
    built = run(place, sourceLocationOverride=f"{place.name}/link.zip")
    assert "leads outside the archive" in built.context("DOWNLOAD_SOURCE")[1]
    assert list(tmp_path.iterdir()) == []
