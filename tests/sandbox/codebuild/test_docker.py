"""`docker` and `aws` in a build on a machine without a Docker Engine."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .ground import ACCOUNT, Ground, spec

DOCKERFILE = """\
FROM public.ecr.aws/docker/library/python:3.13-slim
ENV GREETING=hello
WORKDIR /job
RUN pip install boto3
COPY app.py .
USER 1000
ENTRYPOINT ["python", "app.py"]
CMD ["--all"]
"""
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOGIN = "aws ecr get-login-password | docker login --username AWS --password-stdin ${URI%%/*}"


@pytest.fixture
def shop(ground: Ground) -> Ground:
    """A project that knows the address of a repository of its own, as $URI."""
    ground.ecr.create_repository(repositoryName=ground.name)
    uri = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{ground.name}"
    environment = ground.project()["environment"]
    variables = [{"name": "URI", "value": uri}]
    ground.codebuild.update_project(
        name=ground.name, environment={**environment, "environmentVariables": variables}
    )
    return ground


def images(ground: Ground) -> list[dict[str, Any]]:
    return ground.ecr.describe_images(repositoryName=ground.name)["imageDetails"]


def build(ground: Ground, *commands: str, files: dict[str, str] | None = None, **request: Any) -> Any:
    source = {"Dockerfile": DOCKERFILE, "app.py": "print('hi')\n", **(files or {})}
    return ground.commands(*commands, files=source, **request)


def test_build_and_push(shop: Ground) -> None:
    built = build(
        shop,
        LOGIN,
        "docker build -t $URI:latest -t $URI:v1 --build-arg X=1 --platform linux/amd64 --pull --no-cache .",
        "docker push $URI:v1",
        "docker push $URI:latest",
        "docker inspect --format '{{index .RepoDigests 0}}' $URI:v1",
        "docker images $URI",
    )
    assert built.status == "SUCCEEDED", built.log[-5:]
    [image] = images(shop)
    assert sorted(image["imageTags"]) == ["latest", "v1"]
    output = "\n".join(built.output)
    assert f"latest: digest: {image['imageDigest']} size: " in output
    assert f"{shop.name}@{image['imageDigest']}" in output
    assert "Login Succeeded" in output
    for said in (
        "not pulled: without a Docker Engine",
        "not executed: without a Docker Engine",
        "--pull, --no-cache",
    ):
        assert said in output
    assert "[Warning] One or more build-args ['X'] were not consumed" in output
    config = config_of(shop, "latest")
    assert config["config"] == {
        "Cmd": ["--all"],
        "Entrypoint": ["python", "app.py"],
        "Env": [PATH, "GREETING=hello"],
        "User": "1000",
        "WorkingDir": "/job",
    }
    assert (config["os"], config["architecture"]) == ("linux", "amd64")


def config_of(ground: Ground, tag: str) -> dict[str, Any]:
    """The configuration of an image, fetched through the API."""
    found = ground.ecr.batch_get_image(repositoryName=ground.name, imageIds=[{"imageTag": tag}])["images"][0]
    digest = json.loads(found["imageManifest"])["config"]["digest"]
    url = ground.ecr.get_download_url_for_layer(repositoryName=ground.name, layerDigest=digest)["downloadUrl"]
    return json.loads(urllib.request.urlopen(url).read())


def test_the_same_source_has_the_same_digest_and_other_source_another(shop: Ground) -> None:
    steps = (LOGIN, "docker build -q -t $URI:$TAG .", "docker push -q $URI:$TAG")
    for tag, app in (("one", "print(1)"), ("two", "print(1)"), ("three", "print(3)")):
        variables = [{"name": "TAG", "value": tag}]
        assert (
            build(shop, *steps, files={"app.py": app}, environmentVariablesOverride=variables).status
            == "SUCCEEDED"
        )
    tags = sorted(sorted(image["imageTags"]) for image in images(shop))
    assert tags == [["one", "two"], ["three"]]


def test_logging_in_the_old_way_fails_as_with_version_2_of_the_cli(shop: Ground) -> None:
    built = build(shop, "$(aws ecr get-login --no-include-email --region $AWS_DEFAULT_REGION)", "echo never")
    assert built.status == "FAILED"
    assert built.context("BUILD")[1].endswith("Reason: exit status 252")
    output = "\n".join(built.output)
    assert "Invalid choice: 'get-login', maybe you meant" in output and "get-login-password" in output


def test_without_privileged_mode_there_is_no_daemon(shop: Ground) -> None:
    built = build(shop, "docker build -t $URI .", privilegedModeOverride=False)
    assert built.output == [
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
    ]
    assert built.context("BUILD")[1] == (
        "Error while executing command: docker build -t $URI .. Reason: exit status 1"
    )


def test_a_login_needs_no_daemon_so_that_the_build_is_what_fails(shop: Ground) -> None:
    """Docker's CLI logs in by itself when no daemon answers (seen with 28.2.2)."""
    built = build(shop, LOGIN, "docker build -t $URI .", privilegedModeOverride=False)
    assert "Login Succeeded" in built.output
    assert not any("BrokenPipe" in line or "Broken pipe" in line for line in built.output)
    assert built.output[-1].startswith("Cannot connect to the Docker daemon")
    assert "docker build -t $URI .." in built.context("BUILD")[1]


@pytest.mark.parametrize(
    ("command", "expected", "status"),
    [
        ("docker push $URI:latest", "no basic auth credentials", 1),
        ("docker push $URI:gone", "An image does not exist locally with the tag: ", 1),
        ("docker pull $URI:gone", "no basic auth credentials", 1),
        ("echo wrong | docker login -u AWS --password-stdin ${URI%%/*}", "failed with status: 400", 1),
        ("docker build -t $URI gone", 'unable to prepare context: path "gone" not found', 1),
        ("docker build -t $URI -f Gone .", "no such file or directory", 1),
        ("docker build -t UPPER .", "invalid reference format: repository name must be lowercase", 1),
        ("docker build --no-such-flag .", "unknown flag: --no-such-flag", 125),
        ("docker run hello-world", "docker run needs a Docker Engine", 125),
        ("docker tag gone:1 $URI:2", "No such image: gone:1", 1),
        ("docker inspect gone", "No such image: gone", 1),
    ],
)
def test_what_the_stand_in_refuses(shop: Ground, command: str, expected: str, status: int) -> None:
    built = build(shop, "docker build -q -t $URI:latest . && echo packed", command)
    assert built.output[-1] != "packed" and expected in "\n".join(built.output)
    assert built.context("BUILD")[1].endswith(f"Reason: exit status {status}")


def test_a_push_that_the_role_may_not_make(shop: Ground) -> None:
    shop.allow(
        [
            {"Effect": "Allow", "Action": ["logs:*", "s3:*", "ecr:*"], "Resource": "*"},
            {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*"},
        ]
    )
    built = build(shop, LOGIN, "docker build -q -t $URI:latest .", "docker push $URI:latest")
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{shop.name}"
    assert built.output[-1].startswith("denied: User: arn:aws:sts::")
    assert (
        f"is not authorized to perform: ecr:PutImage on resource: {arn} with an explicit deny"
        in built.output[-1]
    )
    assert images(shop) == []


def test_a_repository_that_does_not_exist(shop: Ground) -> None:
    built = build(shop, LOGIN, "docker build -q -t $URI-gone:1 .", "docker push $URI-gone:1")
    name = f"{shop.name}-gone"
    assert built.output[-1] == (
        f"name unknown: The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
    )


def test_immutable_tags(shop: Ground) -> None:
    shop.ecr.put_image_tag_mutability(repositoryName=shop.name, imageTagMutability="IMMUTABLE")
    steps = (LOGIN, "docker build -q -t $URI:v1 .", "docker push $URI:v1")
    assert build(shop, *steps).status == "SUCCEEDED"
    assert build(shop, *steps).status == "SUCCEEDED"  # the same image again is no change
    built = build(shop, *steps, files={"app.py": "print('other')"})
    assert built.output[-1] == (
        f"tag invalid: The image tag 'v1' already exists in the '{shop.name}' repository and cannot be "
        "overwritten because the tag is immutable."
    )
    assert built.status == "FAILED"
    assert len(images(shop)) == 1


def test_a_failing_test_pushes_nothing(shop: Ground) -> None:
    first = build(shop, LOGIN, "docker build -q -t $URI:latest .", "docker push $URI:latest")
    assert first.status == "SUCCEEDED"
    [before] = images(shop)
    text = spec(
        {
            "pre_build": ["python -m unittest test_app"],
            "build": [LOGIN, "docker build -q -t $URI:latest ."],
            "post_build": ["docker push $URI:latest"],
        }
    )
    test = "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.fail('broken')\n"
    built = shop.build(text, files={"Dockerfile": DOCKERFILE, "app.py": "2", "test_app.py": test})
    assert (built.status, built.phases) == ("FAILED", {"INSTALL": "SUCCEEDED", "PRE_BUILD": "FAILED"})
    assert "AssertionError: broken" in built.output
    assert images(shop) == [before]


def test_pull_and_build_on_an_image_of_ecr(shop: Ground) -> None:
    base = build(shop, LOGIN, "docker build -q -t $URI:base .", "docker push -q $URI:base")
    assert base.status == "SUCCEEDED"
    child = "ARG B\nFROM $B\nCOPY extra.txt /job/\nENV MORE=1\n"
    built = build(
        shop,
        LOGIN,
        "docker build -t $URI:child --build-arg B=$URI:base -f Child .",
        "docker push $URI:child",
        "docker pull $URI:base",
        files={"Child": child, "extra.txt": "x"},
    )
    assert built.status == "SUCCEEDED", built.output
    assert "not pulled" not in "\n".join(built.output)
    assert "Layer already exists" in "\n".join(built.output)
    config = config_of(shop, "child")["config"]
    assert config["Env"] == [PATH, "GREETING=hello", "MORE=1"]
    assert config["Entrypoint"] == ["python", "app.py"]


def test_the_image_holds_no_credential(shop: Ground, process_sandbox: Any) -> None:
    built = build(shop, LOGIN, "docker build -t $URI:latest .", "docker push $URI:latest")
    assert built.status == "SUCCEEDED"
    kept = b"".join(path.read_bytes() for path in (process_sandbox.home / "images" / "layers").iterdir())
    for secret in (b"ecr-", b"ASIA", b"AWS_CONTAINER_AUTHORIZATION_TOKEN", b'"auths"'):
        assert secret not in kept


def test_a_login_is_good_for_one_build(shop: Ground) -> None:
    assert build(shop, LOGIN).status == "SUCCEEDED"
    built = build(shop, "docker build -q -t $URI:latest .", "docker push $URI:latest")
    assert built.output[-1] == "no basic auth credentials"
    with pytest.raises(ClientError, match="RepositoryNotFound"):
        shop.ecr.describe_images(repositoryName=f"{shop.name}-gone")
