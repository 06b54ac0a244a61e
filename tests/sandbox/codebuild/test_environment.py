"""What the commands of a build find in their environment, and what they do not."""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from .ground import ACCOUNT, Ground, spec, zipped

GIVEN = [
    {"name": "FROM_PROJECT", "value": "project"},
    {"name": "BOTH", "value": "project"},
    {"name": "ALL", "value": "project"},
]


def variables(built: Any) -> dict[str, str]:
    """What `env` printed."""
    return dict(line.partition("=")[::2] for line in built.output if re.match(r"\w+=", line))


def test_what_codebuild_sets(place: Ground) -> None:
    """https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html"""
    built = place.commands("env")
    found, build = variables(built), built.build
    expected = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "CODEBUILD_BUILD_ARN": f"arn:aws:codebuild:us-east-1:{ACCOUNT}:build/{build['id']}",
        "CODEBUILD_BUILD_ID": build["id"],
        "CODEBUILD_BUILD_IMAGE": "aws/codebuild/standard:7.0",
        "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_INITIATOR": "learner",
        "CODEBUILD_KMS_KEY_ID": f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/s3",
        "CODEBUILD_LOG_PATH": build["id"].partition(":")[2],
        "CODEBUILD_SOURCE_REPO_URL": f"s3://{place.name}/source.zip",
        "CODEBUILD_START_TIME": str(int(build["startTime"].timestamp() * 1000)),
        "AWS_ENDPOINT_URL": place.sandbox.endpoint,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["CODEBUILD_SRC_DIR"] == found["PWD"]
    assert "CODEBUILD_RESOLVED_SOURCE_VERSION" not in found  # "Amazon S3: This variable is not set"


def test_the_request_counts_more_than_the_project_and_that_more_than_the_buildspec(ground: Ground) -> None:
    environment = {**ground.project()["environment"], "environmentVariables": GIVEN}
    ground.codebuild.update_project(name=ground.name, environment=environment)
    text = spec(
        {"build": ["echo $FROM_SPEC $FROM_PROJECT $FROM_REQUEST $BOTH $ALL $CODEBUILD_BUILD_NUMBER"]},
        env={
            "variables": {
                "FROM_SPEC": "spec",
                "BOTH": "spec",
                "ALL": "spec",
                "CODEBUILD_BUILD_NUMBER": "no one may set this",
            }
        },
    )
    request = [{"name": "FROM_REQUEST", "value": "request"}, {"name": "ALL", "value": "request"}]
    built = ground.build(text, environmentVariablesOverride=request)
    assert built.output == ["spec project request project request 1"]


def test_nothing_of_the_learners_own_environment(fresh_sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "learners-own-value"
    for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "HTTPS_PROXY", "PIP_INDEX_URL", "MY_SETTING"):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("HOME", str(Path("/learners-home")))
    built = Ground(fresh_sandbox("--runtime", "process")).commands(
        "env", "echo ~", "cat ~/.aws/credentials || true"
    )
    assert built.status == "SUCCEEDED"
    assert secret not in "\n".join(built.log)
    assert "/learners-home" not in "\n".join(built.output)


def test_the_first_programs_on_the_path(place: Ground) -> None:
    built = place.commands(
        "for name in python python3 pip aws docker; do basename $(dirname $(command -v $name)); done",
        "python -c 'import boto3, sys; print(sys.version_info[:2])'",
        "echo $PATH | tr : '\\n' | tail -2",
        "aws --version 2>&1 | cut -d/ -f1",
    )
    version = str(sys.version_info[:2])
    assert built.output == ["bin", "bin", "bin", "bin", "bin", version, "/sbin", "/bin", "aws-cli"]


def wheel(name: str) -> bytes:
    """A package for pip: one module, and a program that calls it."""
    info = f"{name}-1.dist-info"
    return zipped(
        {
            f"{name}.py": "def main():\n    print('ran')\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/entry_points.txt": f"[console_scripts]\n{name}={name}:main\n",
            f"{info}/RECORD": "",
        }
    )


def test_pip_changes_the_build_and_not_the_sandboxs_python(place: Ground) -> None:
    files = {"only_here-1-py3-none-any.whl": wheel("only_here")}
    built = place.commands(
        "pip install --quiet --no-index ./only_here-1-py3-none-any.whl", "only_here", files=files
    )
    assert (built.status, built.output[-1]) == ("SUCCEEDED", "ran")
    assert place.commands("python -c 'import only_here'").status == "FAILED"


def test_the_service_role_is_who_the_commands_are(place: Ground) -> None:
    built = place.commands(
        "aws sts get-caller-identity --query Arn --output text",
        'python -c \'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])\'',
    )
    session = f"AWSCodeBuild-{built.build['id'].partition(':')[2]}"
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{place.name}/{session}"
    assert built.output == [arn, arn]


def test_what_the_role_may_not_the_commands_cannot(ground: Ground) -> None:
    allowed = [
        {"Effect": "Allow", "Action": ["logs:*", "s3:GetObject"], "Resource": "*"},
    ]
    ground.allow(allowed)
    built = ground.commands(f"aws s3 cp buildspec.yml s3://{ground.name}/stolen")
    assert built.status == "FAILED"
    assert "AccessDenied" in "\n".join(built.output) and "s3:PutObject" in "\n".join(built.output)


def test_no_credential_shows_in_the_log(place: Ground) -> None:
    built = place.commands(
        "env",
        "aws ecr get-login-password",
        "aws ecr get-authorization-token --output text --query 'authorizationData[0].authorizationToken'",
        'python -c "\n'
        "import os, urllib.request as u\n"
        "r = u.Request(os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI'], "
        "headers={'Authorization': os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN']})\n"
        'print(u.urlopen(r).read().decode())"',
    )
    assert built.status == "SUCCEEDED", built.log[-3:]
    text = "\n".join(built.log)
    found = variables(built)
    assert not {
        name for name in found if name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    }
    assert found["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "***"
    assert not re.search(r"ASIA[A-Z0-9]{10}|ecr-[\w-]{20}|QVdTOmVjci", text)
    answer = json.loads(next(line for line in built.output if line.startswith('{"RoleArn"')))
    assert answer["AccessKeyId"] == answer["SecretAccessKey"] == answer["Token"] == "***"


def test_the_builds_credentials_end_with_the_build(place: Ground) -> None:
    built = place.commands(
        "echo uri $AWS_CONTAINER_CREDENTIALS_FULL_URI", "curl --version >/dev/null || true"
    )
    address = built.output[0].split()[1]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address)


def test_parameters_and_secrets_are_fetched_and_hidden(ground: Ground) -> None:
    ground.client("ssm").put_parameter(
        Name=f"/{ground.name}/login", Value="pa55word-one", Type="SecureString"
    )
    secrets = ground.client("secretsmanager")
    secret = secrets.create_secret(Name=ground.name, SecretString=json.dumps({"key": "pa55word-two"}))["ARN"]
    text = spec(
        {
            "build": [
                "echo shown: $A $B $C",
                "echo length: ${#A} ${#B} ${#C}",
                "echo $C | rev",
                "export A=changed",
            ]
        },
        env={
            "parameter-store": {"A": f"/{ground.name}/login"},
            "secrets-manager": {"B": f"{ground.name}:key"},
            "exported-variables": ["A", "B", "NOT_SET", "AWS_REGION"],
        },
    )
    given = [{"name": "C", "value": f"{secret}:key", "type": "SECRETS_MANAGER"}]
    built = ground.build(text, environmentVariablesOverride=given)
    assert built.output == ["shown: *** *** ***", "length: 12 12 12", "owt-drow55ap"]
    assert built.build["exportedEnvironmentVariables"] == [{"name": "A", "value": "changed"}]
    assert "pa55word" not in json.dumps(built.build, default=str)


@pytest.mark.parametrize(
    ("env", "code", "message"),
    [
        (
            {"parameter-store": {"A": "/no/such"}},
            "Decrypted Variables Error",
            "parameter does not exist: /no/such",
        ),
        ({"secrets-manager": {"A": "no-such"}}, "Secrets Manager Error", "ResourceNotFoundException: "),
    ],
)
def test_a_missing_secret_fails_the_download_phase(place: Ground, env: dict, code: str, message: str) -> None:
    built = place.build(spec({"build": ["echo never"]}, env=env))
    assert built.context("DOWNLOAD_SOURCE")[0] == code
    assert built.context("DOWNLOAD_SOURCE")[1].startswith(message)
    assert built.output == []


def test_exported_variables_are_those_at_the_end(place: Ground) -> None:
    text = spec(
        {"pre_build": ["FIRST=1", "SECOND=a"], "post_build": ["SECOND='b c'", "export THIRD=$FIRST$FIRST"]},
        env={"exported-variables": ["FIRST", "SECOND", "THIRD"]},
    )
    found = place.build(text).build["exportedEnvironmentVariables"]
    assert {entry["name"]: entry["value"] for entry in found} == {
        "FIRST": "1",
        "SECOND": "b c",
        "THIRD": "11",
    }


def test_nothing_of_a_build_is_left(place: Ground) -> None:
    path = place.sandbox.home / "path.txt"
    built = place.commands(f"echo $CODEBUILD_SRC_DIR > {path}", "touch $HOME/x $TMPDIR/y")
    folder = Path(path.read_text().strip()).parent
    assert os.path.basename(folder) == built.build["id"].partition(":")[2]
    assert not folder.exists()


def test_a_log_names_the_folder_as_aws_does_and_commands_find_the_real_one(place: Ground) -> None:
    built = place.commands("echo here > x; cat $CODEBUILD_SRC_DIR/x; pwd -P; echo $HOME; cat none")
    source = built.output[1]
    assert built.output[0] == "here" and re.fullmatch(r"/codebuild/output/src\d+/src", source)
    assert f"CODEBUILD_SRC_DIR={source}" in built.said and f"Moving to directory {source}" in built.said
    assert str(place.sandbox.home) not in "\n".join(built.log)
