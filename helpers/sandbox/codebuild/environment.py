"""The environment of a build: its folders, the programs it finds first, and its variables.

Nothing of the learner's own environment is in it: no credentials, no configuration, not his home folder.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ..docker_cli.entry import Settings
from ..ecr.passwords import PASSWORD_PREFIX
from .buildspec import Buildspec
from .failures import PhaseFailed, of_request
from .role import BuildRole

SHIM = Path(__file__).parents[1] / "bin" / "run.py"
SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
RESERVED = ("CODEBUILD_", "AWS_CONTAINER_")
# What no log shows, whatever printed it: access keys (as CodeBuild does), and ECR's passwords in both forms.
SECRET = re.compile(
    rf"\b(?:AKIA|ASIA)[A-Z0-9]{{12,}}\b|{PASSWORD_PREFIX}[A-Za-z0-9_-]{{64}}|QVdTOmVjci[A-Za-z0-9+/]{{40,}}=*"
)


@dataclass(frozen=True)
class Folders:
    """Where one build lives; all of it is removed when the build ends."""

    top: Path

    @property
    def source(self) -> Path:
        return self.top / "src"

    @property
    def programs(self) -> Path:
        return self.top / "bin"

    @property
    def home(self) -> Path:
        return self.top / "home"

    @property
    def packages(self) -> Path:
        """Where `pip install` puts things: the Python is the sandbox's own and stays as it is."""
        return self.top / "packages"

    @property
    def shown(self) -> str:
        """What a log says in the place of `top`. AWS's sources lie in /codebuild/output/src<number>/src."""
        return f"/codebuild/output/src{zlib.crc32(self.top.name.encode()):010}"

    def discreet(self, text: str) -> str:
        """The text without the machine's path; the shell may name a folder by what a link leads to."""
        for folder in (os.path.realpath(self.top), str(self.top)):
            text = text.replace(folder, self.shown)
        return text

    def make(self) -> None:
        for folder in (self.source, self.programs, self.home, self.packages, self.top / "tmp"):
            folder.mkdir(parents=True)

    def remove(self) -> None:
        shutil.rmtree(self.top, ignore_errors=True)


def write_programs(folders: Folders, docker: Settings) -> None:
    """Put `python`, `pip`, `aws` and `docker` into the folder that is first on the build's PATH."""
    settings = folders.top / "docker.json"
    docker.write(settings)
    python = shlex.quote(sys.executable)
    shim = f"{python} -I {shlex.quote(str(SHIM))}"
    programs = {
        "python": f'exec {python} "$@"',
        "python3": f'exec {python} "$@"',
        "pip": f'exec {python} -m pip "$@"',
        "pip3": f'exec {python} -m pip "$@"',
        "aws": f'exec {shim} aws_cli "$@"',
        "docker": f'exec {shim} docker_cli.entry {shlex.quote(str(settings))} "$@"',
    }
    for name, line in programs.items():
        path = folders.programs / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)


def path_variable(folders: Folders) -> str:
    """PATH: the programs above, what pip installs, the sandbox's Python, the system."""
    own = (folders.programs, folders.packages / "bin", Path(sys.executable).parent)
    return os.pathsep.join(dict.fromkeys([*map(str, own), *SYSTEM_PATH]))


def basic(folders: Folders, endpoint: str, region: str) -> dict[str, str]:
    """What every build has, whatever its project says."""
    return {
        "PATH": path_variable(folders),
        "HOME": str(folders.home),
        "TMPDIR": str(folders.top / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(folders.packages),
        "PIP_TARGET": str(folders.packages),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "NO_PROXY": "127.0.0.1,localhost",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def of_codebuild(build: dict[str, Any], source: dict[str, Any], commit: str | None, folders: Folders) -> dict:
    """The variables that CodeBuild sets.

    https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html (read 2026-11-23)
    """
    location = source.get("location", "")
    if source["type"] == "S3":
        location = f"s3://{location}"
    found = {
        "CODEBUILD_BUILD_ARN": build["arn"],
        "CODEBUILD_BUILD_ID": build["id"],
        "CODEBUILD_BUILD_IMAGE": build["environment"]["image"],
        "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_CI": "true",
        "CODEBUILD_INITIATOR": build["initiator"],
        "CODEBUILD_KMS_KEY_ID": build["encryptionKey"],
        "CODEBUILD_LOG_PATH": build["logs"].get("streamName", ""),
        "CODEBUILD_RESOLVED_SOURCE_VERSION": commit,
        "CODEBUILD_SOURCE_REPO_URL": "" if source["type"] == "CODEPIPELINE" else location,
        "CODEBUILD_SOURCE_VERSION": build.get("sourceVersion"),
        "CODEBUILD_SRC_DIR": str(folders.source),
        "CODEBUILD_START_TIME": str(int(build["startTime"].timestamp() * 1000)),
    }
    return {name: value for name, value in found.items() if value is not None}


def own(build: dict[str, Any], spec: Buildspec, role: BuildRole) -> dict[str, str]:
    """The variables of the buildspec, then those of the project and of the request, which count more.

    Values from Parameter Store and Secrets Manager are fetched as the service role, and hidden in the log.
    Raises PhaseFailed.
    """
    plain = dict(spec.variables)
    parameters, secrets = dict(spec.parameters), dict(spec.secrets)
    kinds = {"PLAINTEXT": plain, "PARAMETER_STORE": parameters, "SECRETS_MANAGER": secrets}
    for variable in build["environment"]["environmentVariables"]:
        for known in kinds.values():
            known.pop(variable["name"], None)
        kinds[variable.get("type", "PLAINTEXT")][variable["name"]] = variable["value"]
    hidden = {**_from_parameter_store(parameters, role), **_from_secrets_manager(secrets, role)}
    role.hide(*hidden.values())
    found = {**plain, **hidden}
    return {name: value for name, value in found.items() if not name.startswith(RESERVED)}


def _from_parameter_store(wanted: dict[str, str], role: BuildRole) -> dict[str, str]:
    found: dict[str, str] = {}
    names = list(dict.fromkeys(wanted.values()))
    for begin in range(0, len(names), 10):  # GetParameters takes ten names
        try:
            answer = role.client("ssm").get_parameters(Names=names[begin : begin + 10], WithDecryption=True)
        except ClientError as error:
            raise PhaseFailed("Decrypted Variables Error", of_request(error)) from error
        if answer["InvalidParameters"]:
            raise PhaseFailed(
                "Decrypted Variables Error", f"parameter does not exist: {answer['InvalidParameters'][0]}"
            )
        found |= {entry["Name"]: entry["Value"] for entry in answer["Parameters"]}
    return {variable: found[name] for variable, name in wanted.items()}


def _from_secrets_manager(wanted: dict[str, str], role: BuildRole) -> dict[str, str]:
    """Each reference is `secret-id:json-key:version-stage:version-id`, all but the first optional."""
    found = {}
    for variable, reference in wanted.items():
        secret, key, stage, version = _reference(reference)
        which = {"VersionStage": stage} if stage else {"VersionId": version} if version else {}
        try:
            text = role.client("secretsmanager").get_secret_value(SecretId=secret, **which)["SecretString"]
            found[variable] = str(json.loads(text)[key]) if key else text
        except ClientError as error:
            raise PhaseFailed("Secrets Manager Error", of_request(error)) from error
        except (KeyError, ValueError, TypeError) as error:
            raise PhaseFailed(
                "Secrets Manager Error",
                f"secret {secret} has no key {key}" if key else f"{secret} is no text",
            ) from error
    return found


def _reference(reference: str) -> list[str]:
    if reference.startswith("arn:"):  # the ARN of a secret has colons of its own
        parts = reference.split(":")
        parts = [":".join(parts[:7]), *parts[7:]]
    else:
        parts = reference.split(":")
    return [*parts, "", "", ""][:4]


def mask(line: str, secrets: Iterable[str]) -> str:
    """The line with `***` for whatever no log may show."""
    for secret in secrets:
        for part in secret.splitlines() or [secret]:
            if len(part) > 2:
                line = line.replace(part, "***")
    return SECRET.sub("***", line)
