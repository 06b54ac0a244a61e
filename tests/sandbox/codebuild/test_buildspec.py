"""Reading a buildspec: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html"""

from __future__ import annotations

import pytest

from helpers.sandbox.codebuild.buildspec import Artifacts, BuildspecError, Phase, is_inline, parse

from .ground import Ground, spec

EXAMPLE = """
version: 0.2

env:
  variables:
    JAVA_HOME: "/usr/lib/jvm/java-8-openjdk-amd64"
    VERSION: 1.10
    ENABLED: true
  parameter-store:
    LOGIN_PASSWORD: /CodeBuild/dockerLoginPassword
  secrets-manager:
    LOCAL_SECRET_VAR: "TestSecret:MY_SECRET_VAR"
  exported-variables:
    - VERSION

phases:
  install:
    commands:
      - echo Entered the install phase...
    finally:
      - echo This always runs even if the install command fails
  build:
    on-failure: CONTINUE
    commands:
      - echo Build started on `date`
      - true
      - |
        echo several
        echo lines
artifacts:
  files:
    - target/messageUtil-1.0.jar
  discard-paths: yes
  base-directory: out
  name: app-$VERSION
  exclude-paths: "**/*.tmp"
  secondary-artifacts:
    artifact1:
      files:
        - target/artifact-1.0.jar
"""


def test_the_reference_example() -> None:
    found = parse(EXAMPLE)
    assert found.version == "0.2"
    assert found.shell == "sh"
    assert found.variables == {
        "JAVA_HOME": "/usr/lib/jvm/java-8-openjdk-amd64",
        "VERSION": "1.10",
        "ENABLED": "true",
    }
    assert found.parameters == {"LOGIN_PASSWORD": "/CodeBuild/dockerLoginPassword"}
    assert found.secrets == {"LOCAL_SECRET_VAR": "TestSecret:MY_SECRET_VAR"}
    assert found.exported == ("VERSION",)
    assert found.phases["install"].finally_ == ("echo This always runs even if the install command fails",)
    assert found.phases["build"] == Phase(
        ("echo Build started on `date`", "true", "echo several\necho lines\n"), (), "CONTINUE"
    )
    assert found.artifacts == Artifacts(
        ("target/messageUtil-1.0.jar",), "app-$VERSION", "out", True, ("**/*.tmp",), ""
    )
    assert found.secondary_artifacts == {"artifact1": Artifacts(("target/artifact-1.0.jar",))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the buildspec is empty"),
        ("- a\n- b\n", "Expected the buildspec to be a mapping at line 1"),
        ("phases: {}", "invalid buildspec version (missing): expected 0.1 or 0.2"),
        ("version: 0.3\nphases: {}", "invalid buildspec version 0.3: expected 0.1 or 0.2"),
        ("version: 0.2", "phases is missing"),
        ("version: 0.2\nphases:\n\tbuild:", "found character '\\t' that cannot start any token at line 3"),
        ("version: 0.2\nphases:\n  build: [a", "expected ',' or ']', but got '<stream end>' at line 3"),
        (
            "version: 0.2\nphases:\n  post-build:\n    commands: [ls]",
            "unknown phase post-build: a phase is one of install, pre_build, build, post_build",
        ),
        ("version: 0.2\nphases:\n  build: {}", "phases/build: commands is missing"),
        ("version: 0.2\nphases:\n  build:\n    commands: ls", "Expected Commands to be a sequence at line 4"),
        (  # seen in an account: https://www.bioerrorlog.work/entry/codebuild-colon-error
            'version: 0.2\nphases:\n  build:\n    commands:\n     - echo "Hello: world"',
            "Expected Commands[0] to be of string type: found subkeys instead at line 5, value of the key "
            "tag on line 4 might be empty",
        ),
        (
            "version: 0.2\nphases:\n  build:\n    on-failure: RETRY-2\n    commands: [ls]",
            "phases/build/on-failure: RETRY-2 is not simulated by the sandbox",
        ),
        (
            "version: 0.2\nphases:\n  build:\n    on-failure: STOP\n    commands: [ls]",
            "phases/build/on-failure: STOP is not one of ABORT, CONTINUE",
        ),
        (
            "version: 0.2\nphases:\n  build:\n    run-as: nobody\n    commands: [ls]",
            "run-as in build is not simulated: the sandbox runs all commands as the user who started it",
        ),
        (
            "version: 0.2\nenv:\n  shell: zsh\nphases:\n  build:\n    commands: [ls]",
            "env/shell: zsh is not supported: bash or /bin/sh is",
        ),
        (
            "version: 0.2\nphases:\n  build:\n    commands: [ls]\nartifacts:\n  name: x",
            "artifacts: files is missing",
        ),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(BuildspecError) as error:
        parse(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("value", "inline"),
    [
        ("buildspec.yml", False),
        ("ci/build spec.yml", False),
        ("arn:aws:s3:::bucket/buildspec.yml", False),
        ("version: 0.2\nphases: {}", True),
        ('{"version": "0.2"}', True),
        ("version: 0.2", True),
    ],
)
def test_a_projects_buildspec_is_a_path_or_the_text(value: str, inline: bool) -> None:
    assert is_inline(value) is inline


def test_a_missing_buildspec(place: Ground) -> None:
    built = place.build(None, files={"README.md": "no buildspec here"})
    code, message = built.context("DOWNLOAD_SOURCE")
    source = next(line for line in built.said if line.startswith("CODEBUILD_SRC_DIR=")).partition("=")[2]
    assert (code, message) == ("YAML_FILE_ERROR", f"stat {source}/buildspec.yml: no such file or directory")
    assert (built.status, built.phases) == ("FAILED", {})
    assert built.said[-2:] == [
        "Phase complete: DOWNLOAD_SOURCE State: FAILED",
        f"Phase context status code: YAML_FILE_ERROR Message: {message}",
    ]


def test_another_path_and_an_object_in_s3(place: Ground) -> None:
    other = {"ci/release.yml": spec({"build": ["echo release"]})}
    built = place.build(None, files=other, buildspecOverride="ci/release.yml")
    assert built.output == ["release"]
    place.s3.put_object(Bucket=place.name, Key="specs/b.yml", Body=spec({"build": ["echo from s3"]}))
    arn = f"arn:aws:s3:::{place.name}/specs/b.yml"
    assert place.build(None, buildspecOverride=arn).output == ["from s3"]
    assert place.build(None, buildspecOverride=arn + "x").context("DOWNLOAD_SOURCE")[0] == "YAML_FILE_ERROR"


def test_a_buildspec_in_the_request_needs_no_source(place: Ground) -> None:
    text = spec({"build": ["echo inline", "ls -A"]})
    built = place.build(None, sourceTypeOverride="NO_SOURCE", buildspecOverride=text)
    assert built.output == ["inline"]
