"""`buildspec.yml`, read as CodeBuild reads it.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html (read 2026-11-23). Scalars are
taken as they are written: `- true` is the command `true`, and `VERSION: 1.10` the text `1.10`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
_ON_FAILURE = ("ABORT", "CONTINUE")
_UNUSED = {
    "proxy": "there is no proxy to use",
    "cache": "nothing is cached between builds",
    "reports": "test reports are not simulated",
    "batch": "batch builds are not simulated: this is one build",
}


class BuildspecError(Exception):
    """The buildspec cannot be used; the message stands after `YAML_FILE_ERROR Message: `."""


@dataclass(frozen=True)
class Phase:
    """The commands of one phase. `on_failure` is None, ABORT or CONTINUE."""

    commands: tuple[str, ...] = ()
    finally_: tuple[str, ...] = ()
    on_failure: str | None = None


@dataclass(frozen=True)
class Artifacts:
    """What is kept of a build. Paths are relative to `base_directory`."""

    files: tuple[str, ...]
    name: str = ""
    base_directory: str = "."
    discard_paths: bool = False
    exclude_paths: tuple[str, ...] = ()
    s3_prefix: str = ""


@dataclass(frozen=True)
class Buildspec:
    """A whole buildspec. `notes` are what the build's log has to say about parts that have no effect here."""

    version: str
    phases: Mapping[str, Phase]
    shell: str = "sh"
    variables: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    artifacts: Artifacts | None = None
    secondary_artifacts: Mapping[str, Artifacts] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def parse(text: str) -> Buildspec:
    """Read a buildspec. Raises BuildspecError, worded as CodeBuild words it where its words are known."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BuildspecError(f"{error.problem}{line}") from error
    except yaml.YAMLError as error:
        raise BuildspecError(str(error)) from error
    if root is None:
        raise BuildspecError("the buildspec is empty")
    top = _mapping(root, "the buildspec")
    version = _text(top.get("version"), "version")
    if version not in ("0.1", "0.2"):
        raise BuildspecError(f"invalid buildspec version {version or '(missing)'}: expected 0.1 or 0.2")
    if "phases" not in top:
        raise BuildspecError("phases is missing")
    _refuse_run_as(top, "the buildspec")
    notes = [f"{name}: ignored, {why}" for name, why in _UNUSED.items() if name in top]
    artifacts = _mapping(top["artifacts"], "artifacts") if "artifacts" in top else {}
    return Buildspec(
        version=version,
        phases=_phases(_mapping(top["phases"], "phases"), notes),
        **_environment(top, notes),
        artifacts=_artifacts(artifacts, "artifacts") if artifacts else None,
        secondary_artifacts={
            name: _artifacts(_mapping(node, name), name)
            for name, node in _mapping(artifacts.get("secondary-artifacts"), "secondary-artifacts").items()
        },
        notes=tuple(notes),
    )


def _environment(top: dict[str, yaml.Node], notes: list[str]) -> dict[str, Any]:
    env = _mapping(top.get("env"), "env")
    old = _mapping(top.get("environment_variables"), "environment_variables")  # of version 0.1
    shell = _text(env.get("shell"), "env/shell") or "sh"
    if shell not in ("bash", "sh", "/bin/sh"):
        raise BuildspecError(f"env/shell: {shell} is not supported: bash or /bin/sh is")
    if "git-credential-helper" in env:
        notes.append("env/git-credential-helper: ignored, a build gets its source without Git's help")
    return {
        "shell": shell.rpartition("/")[2],
        "variables": {
            **_texts(old.get("plaintext"), "plaintext"),
            **_texts(env.get("variables"), "variables"),
        },
        "parameters": _texts(env.get("parameter-store"), "parameter-store"),
        "secrets": _texts(env.get("secrets-manager"), "secrets-manager"),
        "exported": _list(env.get("exported-variables"), "exported-variables"),
    }


def _phases(found: dict[str, yaml.Node], notes: list[str]) -> dict[str, Phase]:
    unknown = sorted(set(found) - set(PHASES))
    if unknown:
        raise BuildspecError(f"unknown phase {', '.join(unknown)}: a phase is one of {', '.join(PHASES)}")
    phases = {}
    for name, node in found.items():
        phase = _mapping(node, name)
        _refuse_run_as(phase, name)
        commands = _list(phase.get("commands"), "Commands", phase.get("commands"))
        if not commands and name != "install":
            raise BuildspecError(f"phases/{name}: commands is missing")
        if "runtime-versions" in phase:
            wanted = _texts(phase["runtime-versions"], "runtime-versions")
            versions = ", ".join(f"{runtime} {version}" for runtime, version in wanted.items())
            notes.append(
                f"runtime-versions ({versions}): not installed, the build uses what this machine has"
            )
        phases[name] = Phase(commands, _list(phase.get("finally"), "Finally"), _on_failure(phase, name))
    return phases


def _on_failure(phase: dict[str, yaml.Node], name: str) -> str | None:
    value = _text(phase.get("on-failure"), "on-failure")
    if not value:
        return None
    if value.startswith("RETRY"):
        raise BuildspecError(f"phases/{name}/on-failure: {value} is not simulated by the sandbox")
    if value not in _ON_FAILURE:
        raise BuildspecError(f"phases/{name}/on-failure: {value} is not one of {', '.join(_ON_FAILURE)}")
    return value


def _refuse_run_as(found: dict[str, yaml.Node], where: str) -> None:
    if "run-as" in found:
        raise BuildspecError(
            f"run-as in {where} is not simulated: the sandbox runs all commands as the user who started it"
        )


def _artifacts(found: dict[str, yaml.Node], where: str) -> Artifacts:
    files = _list(found.get("files"), f"{where}/files")
    if not files:
        raise BuildspecError(f"{where}: files is missing")
    excluded = found.get("exclude-paths")
    if isinstance(excluded, yaml.ScalarNode):
        exclude_paths: tuple[str, ...] = (excluded.value,)
    else:
        exclude_paths = _list(excluded, f"{where}/exclude-paths")
    return Artifacts(
        files=files,
        name=_text(found.get("name"), f"{where}/name"),
        base_directory=_text(found.get("base-directory"), f"{where}/base-directory") or ".",
        discard_paths=_text(found.get("discard-paths"), f"{where}/discard-paths").lower() in ("yes", "true"),
        exclude_paths=exclude_paths,
        s3_prefix=_text(found.get("s3-prefix"), f"{where}/s3-prefix"),
    )


def _is_nothing(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"))


def _mapping(node: yaml.Node | None, where: str) -> dict[str, yaml.Node]:
    if _is_nothing(node):
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise BuildspecError(f"Expected {where} to be a mapping at line {node.start_mark.line + 1}")
    return {_text(key, where): value for key, value in node.value}


def _text(node: yaml.Node | None, where: str) -> str:
    if _is_nothing(node):
        return ""
    if not isinstance(node, yaml.ScalarNode):
        raise BuildspecError(
            f"Expected {where} to be of string type: found subkeys instead at line {node.start_mark.line + 1}"
        )
    return node.value


def _texts(node: yaml.Node | None, where: str) -> dict[str, str]:
    return {key: _text(value, f"{where}/{key}") for key, value in _mapping(node, where).items()}


def _list(node: yaml.Node | None, where: str, parent: yaml.Node | None = None) -> tuple[str, ...]:
    if _is_nothing(node):
        return ()
    if not isinstance(node, yaml.SequenceNode):
        raise BuildspecError(f"Expected {where} to be a sequence at line {node.start_mark.line + 1}")
    for number, item in enumerate(node.value):
        if not isinstance(item, yaml.ScalarNode):
            line = item.start_mark.line + 1
            raise BuildspecError(  # a command with a colon and a blank is a mapping, unless it is quoted
                f"Expected {where}[{number}] to be of string type: found subkeys instead at line {line}, "
                f"value of the key tag on line {line - 1} might be empty"
            )
    return tuple(item.value for item in node.value)


def is_inline(value: str) -> bool:
    """Whether a project's `buildspec` is a buildspec itself, and not the path of one."""
    return "\n" in value or bool(re.match(r"\s*(\{|version\s*:)", value))
