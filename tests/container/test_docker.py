"""Docker itself, asked what the stand-in for it claims; and Docker's CLI as a build finds it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import APIError, BuildError

from tests.sandbox.codebuild.ground import spec
from tests.sandbox.ecr.dockerfiles import COPIES, IGNORED, REFUSED, SETTINGS, SETTINGS_EXPECTED, TREE

from .base_image import JOB, name_in
from .works import LOGIN, Works

pytestmark = pytest.mark.container
Build = Callable[..., Any]


@pytest.fixture
def build(engine: docker.DockerClient, tmp_path: Path) -> Any:
    """Build a Dockerfile with a few files; the image. It is removed after the test."""
    made = []

    def run(dockerfile: str, files: dict[str, str], **arguments: str) -> Any:
        for name, text in {"Dockerfile": dockerfile, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        image, _ = engine.images.build(path=str(tmp_path), buildargs=arguments, rm=True, network_mode="host")
        made.append(image.id)
        return image

    yield run
    for identity in made:
        engine.images.remove(identity, force=True)


def files_of(engine: docker.DockerClient, image: Any) -> list[str]:
    """The files of an image, without those that Docker puts into every container."""
    container = engine.containers.create(image.id, "none")
    try:
        with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as archive:
            names = [entry.name for entry in archive if not entry.isdir()]
    finally:
        container.remove()
    own = {".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"}
    return sorted(set(names) - own)


@pytest.mark.parametrize(("lines", "expected"), COPIES)
def test_what_copy_copies(engine: Any, build: Build, lines: str, expected: list[str]) -> None:
    image = build(f"FROM scratch\n{lines}\n", TREE)
    assert files_of(engine, image) == expected


@pytest.mark.parametrize(("rules", "left"), IGNORED)
def test_what_dockerignore_leaves_out(engine: Any, build: Build, rules: str, left: list[str]) -> None:
    image = build("FROM scratch\nCOPY . /\n", {**TREE, ".dockerignore": rules})
    assert [name for name in files_of(engine, image) if name != ".dockerignore"] == left


@pytest.mark.parametrize(("dockerfile", "message"), REFUSED)
def test_what_docker_refuses(build: Build, dockerfile: str, message: str) -> None:
    """The words differ between Docker's builders and versions; that it refuses does not."""
    with pytest.raises((BuildError, APIError)) as error:
        build(dockerfile.replace("FROM x", "FROM scratch"), TREE)
    assert "pull access denied" not in str(error.value)


def test_the_settings_of_an_image(build: Build) -> None:
    found = build(SETTINGS, {}, MODE="fast").attrs["Config"]
    assert {name: found.get(name) for name in SETTINGS_EXPECTED} == SETTINGS_EXPECTED


def test_a_build_of_two_stages_with_what_run_made(shared: Works) -> None:
    base = name_in(JOB / "Dockerfile")
    dockerfile = (
        f"FROM {base} AS made\nRUN python -c \"open('/out.txt', 'w').write('from run')\"\n"
        f"FROM {base}\nCOPY --from=made /out.txt /out.txt\n"
        'CMD ["python", "-c", "print(open(\'/out.txt\').read())"]\n'
    )
    assert shared.build(dockerfile).status == "SUCCEEDED"
    assert shared.tasks.output(shared.run()) == ["from run"]


def test_from_an_image_in_ecr(shared: Works) -> None:
    base = name_in(JOB / "Dockerfile")
    assert shared.build(f"FROM {base}\nENV KEPT=base\n", "true").status == "SUCCEEDED"
    child = f'FROM {shared.uri}:latest\nCMD ["python", "-c", "import os; print(os.environ[\'KEPT\'])"]\n'
    built = shared.build(child)
    assert built.status == "SUCCEEDED", built.output[-3:]
    assert f"FROM {shared.uri}:latest" in "\n".join(built.output)
    assert shared.tasks.output(shared.run()) == ["base"]


def test_a_failing_run_fails_the_build_and_pushes_nothing(works: Works) -> None:
    base = name_in(JOB / "Dockerfile")
    built = works.build(f'FROM {base}\nRUN python -c "raise SystemExit(9)"\n')
    assert built.status == "FAILED"
    assert built.context("BUILD")[1].startswith("Error while executing command: docker build")
    assert "returned a non-zero code: 9" in "\n".join(built.output) or "exit code: 9" in "\n".join(
        built.output
    )
    assert works.images == {}


def test_a_build_finds_no_image_of_an_earlier_one(works: Works, engine: Any) -> None:
    """On AWS each build has a Docker of its own. An image left over would be pushed when the build fails."""
    assert works.build("FROM scratch\nCOPY f /\n", "true", files={"f": "1"}).status == "SUCCEEDED"
    first = works.images
    text = spec(
        {
            "pre_build": [LOGIN],
            "build": ["docker build -t other -t $REPOSITORY_URI:latest ."],
            "post_build": ["docker push $REPOSITORY_URI:latest"],
        }
    )
    built = works.builds.build(text, files={"Dockerfile": "FROM scratch\nCOPY gone /\n"})
    assert built.output[-1].startswith(f"An image does not exist locally with the tag: {works.uri}")
    assert (built.phases["BUILD"], built.phases["POST_BUILD"]) == ("FAILED", "FAILED")
    assert works.images == first
    assert [tag for image in engine.images.list() for tag in image.tags if works.name in tag] == []


def test_a_build_uses_the_steps_of_the_one_before(shared: Works) -> None:
    base = name_in(JOB / "Dockerfile")
    dockerfile = f"FROM {base}\nRUN true\nCOPY f /\n"
    assert shared.build(dockerfile, files={"f": "1"}).status == "SUCCEEDED"
    again = shared.build(dockerfile, files={"f": "2"})
    assert any("Using cache" in line or "CACHED" in line for line in again.output)


def test_what_docker_says_reads_as_on_aws(works: Works) -> None:
    commands = (
        "docker build -t $REPOSITORY_URI:latest .",
        "docker images --format '{{.Repository}}:{{.Tag}}' | grep $REPOSITORY_URI",
        "docker push $REPOSITORY_URI:latest",
        "docker inspect --format '{{json .RepoDigests}}' $REPOSITORY_URI:latest",
        "docker pull $REPOSITORY_URI:latest",
        "docker save $REPOSITORY_URI:latest > image.tar && python -m tarfile -t image.tar > list",
    )
    dockerfile = "FROM scratch\nCOPY Dockerfile /\n"
    assert works.build(dockerfile).status == "SUCCEEDED"
    built = works.builds.commands(LOGIN, *commands, files={"Dockerfile": dockerfile})
    assert built.status == "SUCCEEDED"
    [digest] = works.images
    assert f"{works.uri}:latest" in built.output
    assert json.dumps([f"{works.uri}@{digest}"]) in built.output
    assert "localhost" not in "\n".join(built.log)


def test_denials_are_dockers(works: Works) -> None:
    works.ecr.put_image_tag_mutability(repositoryName=works.name, imageTagMutability="IMMUTABLE")
    assert works.build("FROM scratch\nCOPY f /\n", files={"f": "1"}).status == "SUCCEEDED"
    built = works.build("FROM scratch\nCOPY f /\n", files={"f": "2"})
    assert built.status == "FAILED"
    assert built.output[-1].startswith(
        f"tag invalid: The image tag 'latest' already exists in the '{works.name}'"
    )
    works.builds.allow(
        [
            {"Effect": "Allow", "Action": ["logs:*", "s3:*", "ecr:GetAuthorizationToken"], "Resource": "*"},
        ]
    )
    denied = works.build("FROM scratch\nCOPY f /\n", files={"f": "3"})
    assert denied.output[-1].startswith("denied: User: arn:aws:sts::")
    assert len(works.images) == 1


def test_without_privileged_mode_there_is_no_daemon(works: Works) -> None:
    built = works.builds.commands("docker info", privilegedModeOverride=False)
    assert built.output == [
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
    ]


def test_the_registry_is_a_real_one(works: Works) -> None:
    """What ECR shows lies in the CNCF registry that the sandbox started, under its digest."""
    assert works.build("FROM scratch\nCOPY Dockerfile /\n").status == "SUCCEEDED"
    [digest] = works.images
    blobs = works.sandbox.home / "registry" / "data" / "docker" / "registry" / "v2" / "blobs" / "sha256"
    value = digest.removeprefix("sha256:")
    manifest = json.loads((blobs / value[:2] / value / "data").read_text())
    layers = [layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]
    sizes = [(blobs / layer[:2] / layer / "data").stat().st_size for layer in layers]
    [image] = works.ecr.describe_images(repositoryName=works.name)["imageDetails"]
    assert image["imageSizeInBytes"] == sum(sizes) > 0


def test_an_image_from_a_time_without_an_engine(fresh_sandbox: Any, engine: Any) -> None:
    """Each runtime says plainly what it cannot do with the other's images."""
    works = Works(fresh_sandbox("--runtime", "process"))
    assert works.build("FROM scratch\nCOPY Dockerfile /\n").status == "SUCCEEDED"
    works.sandbox.stop()
    works.sandbox.arguments = (*works.sandbox.arguments, "--runtime", "container")
    works.sandbox.start()
    assert works.sandbox.runtime == "container"
    task = works.run()
    assert "packed while the sandbox ran without a Docker Engine" in task["stoppedReason"]
