"""The build: `buildspec.yml`'s own commands in a real shell, with stand-ins for what reaches out."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from .runs import JOB, environment

REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/flights"
DIGEST = "sha256:" + "a" * 64
COMMIT = "0123456789abcdef0123456789abcdef01234567"

#: Writes down how it was called and what it was told on standard input; fails where FAIL says so.
STAND_IN = f"""#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in
  "$FAIL"*) [ -n "$FAIL" ] && exit 1 ;;
esac
case "$*" in
  login*) echo "password $(cat)" >> "$CALLS" ;;
  "ecr get-login-password") echo secret ;;
  inspect*) echo {REPOSITORY}@{DIGEST} ;;
esac
exit 0
"""


@dataclass(frozen=True)
class Build:
    """How a build ended: its phases' results, the commands that reached out, and its log."""

    phases: dict[str, bool]
    calls: list[str]
    log: str
    folder: Path

    def pushed(self) -> list[str]:
        return [call.removeprefix("docker push ") for call in self.calls if call.startswith("docker push")]


@pytest.fixture
def build(tmp_path: Path):
    """Run the buildspec as CodeBuild does: one shell, a phase ends at its first command that fails, and
    post_build runs when build has run (CodeBuild user guide, "Build phase transitions")."""
    folder = Path(shutil.copytree(JOB, tmp_path / "source", ignore=shutil.ignore_patterns("data")))
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("docker", "aws"):
        (tools / name).write_text(STAND_IN)
        (tools / name).chmod(0o755)
    (tools / "python3").symlink_to(sys.executable)

    def run(fail: str = "", **variables: str) -> Build:
        spec = yaml.safe_load((folder / "buildspec.yml").read_text())
        calls = tmp_path / "calls"
        calls.write_text("")
        script = ["CODEBUILD_BUILD_SUCCEEDING=1"]
        for phase, body in spec["phases"].items():
            if phase in ("build", "pre_build"):
                script.append('[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ] || exit 1')
            chain = " &&\n".join(f"{{ {command}\n}}" for command in body["commands"])
            failed = f"CODEBUILD_BUILD_SUCCEEDING=0; echo phase {phase} 0"
            script.append(f"if {chain}\nthen echo phase {phase} 1; else {failed}; fi")
        names = " ".join(spec["env"]["exported-variables"])
        script.append(f"for name in {names}; do printf 'exported %s=%s\\n' $name \"$(printenv $name)\"; done")
        env = environment(
            REPOSITORY_URI=REPOSITORY,
            IMAGE_TAG="latest",
            AWS_ACCOUNT_ID="123456789012",
            CODEBUILD_BUILD_ID="flights:b1e6661e-e4f2-4156-9ab9-82a19EXAMPLE",
            CALLS=str(calls),
            FAIL=fail,
            **variables,
        )
        env["PATH"] = f"{tools}:{env['PATH']}"
        done = subprocess.run(
            ["sh"], input="\n".join(script), cwd=folder, env=env, capture_output=True, text=True, timeout=60
        )
        phases = {name: ok == "1" for name, ok in re.findall(r"^phase (\w+) ([01])$", done.stdout, re.M)}
        return Build(phases, calls.read_text().splitlines(), done.stdout + done.stderr, folder)

    return run


def test_a_commit_becomes_an_image_with_two_names(build):
    done = build(CODEBUILD_RESOLVED_SOURCE_VERSION=COMMIT)
    assert done.phases == {"install": True, "pre_build": True, "build": True, "post_build": True}, done.log
    assert done.pushed() == [f"{REPOSITORY}:0123456789ab", f"{REPOSITORY}:latest"]
    assert json.loads((done.folder / "image.json").read_text()) == {
        "uri": f"{REPOSITORY}:0123456789ab",
        "tag": "0123456789ab",
        "digest": DIGEST,
    }
    assert f"exported IMAGE_URI={REPOSITORY}:0123456789ab" in done.log
    assert f"exported IMAGE_DIGEST={DIGEST}" in done.log


def test_the_image_says_which_commit_it_is(build):
    done = build(CODEBUILD_RESOLVED_SOURCE_VERSION=COMMIT)
    (command,) = [call for call in done.calls if call.startswith("docker build")]
    assert f"--label org.opencontainers.image.revision={COMMIT} ." in command


def test_the_login_is_the_current_one_and_keeps_the_password_out_of_the_log(build):
    done = build(CODEBUILD_RESOLVED_SOURCE_VERSION=COMMIT)
    registry = REPOSITORY.partition("/")[0]
    assert f"docker login --username AWS --password-stdin {registry}" in done.calls
    assert "password secret" in done.calls
    assert "secret" not in done.log


@pytest.mark.parametrize(
    ("version", "tag"),
    [("", "b1e6661ee4f2"), ("xK3.9-zP_q7Rt0Lm2Vn8", "xK39zPq7Rt0L")],
    ids=["S3 without versions", "S3 with versions"],
)
def test_source_without_a_commit(build, version: str, tag: str):
    done = build(CODEBUILD_RESOLVED_SOURCE_VERSION=version)
    assert done.pushed() == [f"{REPOSITORY}:{tag}", f"{REPOSITORY}:latest"]


def test_a_failing_test_ends_the_build_before_it_builds(build, tmp_path: Path):
    report = tmp_path / "source" / "app" / "report.py"
    report.write_text(report.read_text().replace("percentile(90,", "percentile(50,"))
    done = build(CODEBUILD_RESOLVED_SOURCE_VERSION=COMMIT)
    assert done.phases == {"install": True, "pre_build": False}
    assert "FAILED" in done.log
    assert not [call for call in done.calls if "build" in call or "push" in call]


def test_a_failing_docker_build_pushes_nothing(build):
    done = build(fail="build", CODEBUILD_RESOLVED_SOURCE_VERSION=COMMIT)
    assert done.phases == {"install": True, "pre_build": True, "build": False, "post_build": False}
    assert done.pushed() == []
    assert not (done.folder / "image.json").exists()


@pytest.mark.parametrize("fail", ["login", "push", "inspect"])
def test_any_other_failure_fails_the_build(build, fail: str):
    done = build(fail=fail, CODEBUILD_RESOLVED_SOURCE_VERSION=COMMIT)
    assert False in done.phases.values()
    assert not (done.folder / "image.json").exists()


def test_every_command_of_the_buildspec_says_why():
    lines = (JOB / "buildspec.yml").read_text().splitlines()
    commands = [number for number, line in enumerate(lines) if line.startswith("      - ")]
    assert len(commands) == 13
    bare = [lines[number] for number in commands if not lines[number - 1].lstrip().startswith("#")]
    assert bare == ["      - cat image.json"]  # explained together with the line that writes it


def test_the_image_s_packages_are_pinned_and_are_the_ones_installed_here():
    """So the tests above run what the image will run."""
    from importlib.metadata import version

    for line in (JOB / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, pinned = line.split("==")
            assert version(name) == pinned


def test_the_dockerfile():
    text = (JOB / "Dockerfile").read_text()
    base = re.search(r"^ARG BASE_IMAGE=(\S+)$", text, re.M).group(1)
    assert re.fullmatch(r"public\.ecr\.aws/docker/library/python:3\.13\.\d+-slim-\w+", base)
    assert re.search(r"^USER (?!root|0)", text, re.M)
    assert "--platform" not in text  # the machine's own: x86 and arm64 alike
    assert re.search(r'^ENTRYPOINT \["python", "-m", "app"\]$', text, re.M)
