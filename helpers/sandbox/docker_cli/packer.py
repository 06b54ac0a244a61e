"""`docker build` without an engine: packs files and settings into an image, and says what it does not do.

FROM names an image that is not fetched, RUN lines are not executed: the image holds what COPY and ADD put
into it, and runs with the Python of this machine. What Docker refuses (a file that is not there, an unknown
instruction) is refused in Docker's words.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from .. import oci
from .context import Context
from .dockerfile import DockerfileError, Instruction, command, expand, json_array, pairs, parse, tokens

MARK = "org.opencontainers.image.description"
NOT_RUN = (
    "not executed: without a Docker Engine files are packed, and the image runs with this machine's Python"
)
# What Docker gives an image whose base has no PATH.
DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_IGNORED = {
    "HEALTHCHECK": "recorded nowhere: ECS does not use it",
    "ONBUILD": "recorded nowhere: triggers are not simulated",
}


@dataclass
class Stage:
    """An image in the making: what one FROM begins."""

    base: str
    shell: list[str] = field(default_factory=lambda: ["/bin/sh", "-c"])
    arguments: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=lambda: {"Env": [DEFAULT_PATH]})
    layers: list[str] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.settings.get("Env", []))

    @property
    def variables(self) -> dict[str, str]:
        return {**self.arguments, **self.environment}

    @property
    def workdir(self) -> PurePosixPath:
        return PurePosixPath(self.settings.get("WorkingDir") or "/")


@dataclass
class Packer:
    """Builds Dockerfiles against one context.

    `find_local` gives the stage of an image that this build made or fetched before, None for any other name.
    """

    context: Context
    blobs: oci.Blobs
    build_args: Mapping[str, str]
    architecture: str
    say: Callable[[str], None]
    find_local: Callable[[str], Stage | None] = lambda name: None
    labels: Mapping[str, str] = field(default_factory=dict)

    def build(self, text: str, target: str | None = None) -> str:
        """Build a Dockerfile's last stage, or `target`: the manifest's digest. Raises DockerfileError."""
        instructions = parse(text)
        self._stages: dict[str, Stage] = {}
        self._used: set[str] = set()
        self._global: dict[str, str] = {}
        stage: Stage | None = None
        for number, instruction in enumerate(instructions, 1):
            if instruction.name == "FROM" and stage is not None and target in self._names_of(stage):
                break
            self.say(f"Step {number}/{len(instructions)} : {instruction.text}")
            if instruction.name == "FROM":
                stage = self._from(instruction)
            elif stage is None and instruction.name == "ARG":
                self._argument(instruction, self._global, {})
            elif stage is None:
                raise DockerfileError("no build stage in current context")
            else:
                self._apply(stage, instruction)
        if stage is None:
            raise DockerfileError("no build stage in current context")
        if target and target not in self._names_of(stage):
            raise DockerfileError(f"failed to reach build target {target} in Dockerfile")
        unused = sorted(set(self.build_args) - self._used)
        if unused:
            self.say(f"[Warning] One or more build-args {unused} were not consumed")
        stage.settings["Labels"] = {**stage.settings.get("Labels", {}), **self.labels}
        return self._finish(stage)

    def _names_of(self, stage: Stage) -> set[str]:
        return {name for name, known in self._stages.items() if known is stage}

    def _from(self, instruction: Instruction) -> Stage:
        words = expand(instruction.value, self._global).split()
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].lower() != "as"):
            raise DockerfileError("FROM requires either one or three arguments")
        base = words[0]
        known = self._stages.get(base.lower()) or self.find_local(base)
        if known is not None:
            stage = _copy(known, base)
        else:
            if not base:
                raise DockerfileError(f"base name ({instruction.value}) should not be blank")
            stage = Stage(base)
            if base != "scratch":
                self.say(
                    " ---> not pulled: without a Docker Engine the image runs with this machine's Python"
                )
                stage.history.append(_history(f"FROM {base}", "not pulled: packed without a Docker Engine"))
        self._stages[str(len({id(known) for known in self._stages.values()}))] = stage
        if len(words) == 3:
            self._stages[words[2].lower()] = stage
        return stage

    def _apply(self, stage: Stage, instruction: Instruction) -> None:
        name, value, settings = instruction.name, instruction.value, stage.settings
        note = ""
        if name == "RUN":
            self.say(f" ---> {NOT_RUN}")
            note = "not executed"
        elif name in ("COPY", "ADD"):
            self._copy_files(stage, instruction)
            return
        elif name == "ARG":
            self._argument(instruction, stage.arguments, stage.variables)
        elif name == "ENV":
            changed = {**stage.environment, **pairs(value, stage.variables, "ENV")}
            settings["Env"] = [f"{key}={content}" for key, content in changed.items()]
        elif name == "LABEL":
            settings["Labels"] = {**settings.get("Labels", {}), **pairs(value, stage.variables, "LABEL")}
        elif name == "WORKDIR":
            settings["WorkingDir"] = str(stage.workdir / expand(value, stage.variables))
            self._make_folder(stage, settings["WorkingDir"], instruction)
            return
        elif name == "CMD":
            settings["Cmd"] = command(value, stage.shell)
        elif name == "ENTRYPOINT":
            settings["Entrypoint"] = command(value, stage.shell)
        elif name == "SHELL":
            stage.shell = _required_array(instruction)
        elif name == "USER":
            settings["User"] = expand(value, stage.variables)
        elif name == "STOPSIGNAL":
            settings["StopSignal"] = expand(value, stage.variables)
        elif name == "EXPOSE":
            ports = (
                port if "/" in port else f"{port}/tcp" for port in expand(value, stage.variables).split()
            )
            settings["ExposedPorts"] = {**settings.get("ExposedPorts", {}), **{port: {} for port in ports}}
        elif name == "VOLUME":
            folders = json_array(value) or expand(value, stage.variables).split()
            settings["Volumes"] = {**settings.get("Volumes", {}), **{folder: {} for folder in folders}}
        elif name in _IGNORED:
            self.say(f" ---> {_IGNORED[name]}")
            note = _IGNORED[name]
        stage.history.append(_history(instruction.text, note, empty_layer=True))

    def _argument(self, instruction: Instruction, into: dict[str, str], variables: Mapping[str, str]) -> None:
        for token in tokens(instruction.value):
            name, separator, default = token.partition("=")
            if name in self.build_args:
                self._used.add(name)
                into[name] = self.build_args[name]
            elif separator:
                into[name] = expand(default, {**into, **variables})
            elif name in self._global:
                into[name] = self._global[name]

    def _make_folder(self, stage: Stage, path: str, instruction: Instruction) -> None:
        if path.strip("/") and path.strip("/") not in stage.folders:
            layer = oci.LayerWriter()
            layer.add_folder(path)
            self._add_layer(stage, layer, instruction)
        else:
            stage.history.append(_history(instruction.text, empty_layer=True))

    def _copy_files(self, stage: Stage, instruction: Instruction) -> None:
        if instruction.heredoc:
            raise DockerfileError(
                f"{instruction.name} with a here-document needs a Docker Engine; without one, copy a file"
            )
        words = json_array(instruction.value)
        if words is None:
            words = [expand(word, stage.variables) for word in tokens(instruction.value)]
        if len(words) < 2:
            raise DockerfileError(
                f"{instruction.name} requires at least two arguments, but only {len(words)} was provided. "
                "Destination could not be determined."
            )
        *patterns, destination = words
        with tempfile.TemporaryDirectory() as scratch:
            context = self._source(instruction, Path(scratch))
            layer = oci.LayerWriter()
            self._fill(layer, stage, instruction, context, patterns, destination)
            self._add_layer(stage, layer, instruction)

    def _source(self, instruction: Instruction, scratch: Path) -> Context:
        name = instruction.flags.get("from")
        if name is None:
            return self.context
        stage = self._stages.get(name.lower()) or self.find_local(name)
        if stage is None:
            raise DockerfileError(
                f"COPY --from={name}: without a Docker Engine that image is not fetched, so nothing of it "
                "can be copied"
            )
        oci.unpack(map(self.blobs.path, stage.layers), scratch / "stage")
        return Context(scratch / "stage")

    def _fill(
        self,
        layer: oci.LayerWriter,
        stage: Stage,
        instruction: Instruction,
        context: Context,
        patterns: list[str],
        destination: str,
    ) -> None:
        found = [
            (pattern, path) for pattern in patterns for path in self._match(instruction, context, pattern)
        ]
        target = stage.workdir / destination
        into_folder = (
            destination.endswith("/") or destination in (".", "..") or _inside(target) in stage.folders
        )
        if len(found) > 1 and not into_folder:
            raise DockerfileError(
                f"When using {instruction.name} with more than one source file, the destination must be a "
                "directory and end with a /"
            )
        for _, path in found:
            source = context.folder / path
            if source.is_dir() and not source.is_symlink():
                layer.add_folder(_inside(target))
                for name in context.below(path):
                    layer.add(_inside(target / name), source / name)
            elif instruction.name == "ADD" and tarfile.is_tarfile(source):
                raise DockerfileError(
                    f"ADD {path}: unpacking an archive needs a Docker Engine; without one, COPY its files"
                )
            else:
                layer.add(_inside(target / source.name if into_folder else target), source)

    def _match(self, instruction: Instruction, context: Context, pattern: str) -> list[str]:
        if instruction.name == "ADD" and "://" in pattern:
            raise DockerfileError(
                f"ADD {pattern}: fetching an address needs a Docker Engine; without one, COPY a file"
            )
        if ".." in PurePosixPath(pattern).parts and pattern.startswith(".."):
            raise DockerfileError(
                f"{instruction.name} failed: forbidden path outside the build context: {pattern} ()"
            )
        found = context.match(pattern)
        if found:
            return found
        if "from" in instruction.flags:
            raise DockerfileError(
                f"COPY failed: stat {pattern}: file does not exist (without a Docker Engine RUN lines are "
                "not executed: what they would have made is not there)"
            )
        if any(character in pattern for character in "*?["):
            raise DockerfileError(f"{instruction.name} failed: no source files were specified")
        raise DockerfileError(
            f"{instruction.name} failed: file not found in build context or excluded by .dockerignore: "
            f"stat {pattern}: file does not exist"
        )

    def _add_layer(self, stage: Stage, layer: oci.LayerWriter, instruction: Instruction) -> None:
        digest = layer.write(self.blobs)
        stage.layers.append(digest)
        stage.history.append(_history(instruction.text))
        for name in layer.folders:
            stage.folders.add(name)
        self.say(f" ---> {digest.removeprefix('sha256:')[:12]}")

    def _finish(self, stage: Stage) -> str:
        config = {
            "architecture": self.architecture,
            "os": "linux",
            "created": oci.CREATED,
            "config": {key: value for key, value in stage.settings.items() if value},
            "rootfs": {"type": "layers", "diff_ids": stage.layers},
            "history": stage.history,
        }
        config_digest = self.blobs.put([oci.canonical(config)])
        manifest = {
            "schemaVersion": 2,
            "mediaType": oci.MANIFEST,
            "config": self._descriptor(oci.CONFIG, config_digest),
            "layers": [self._descriptor(oci.LAYER, digest) for digest in stage.layers],
            "annotations": {MARK: "Packed without a Docker Engine: files only, no operating system."},
        }
        return self.blobs.put([oci.canonical(manifest)])

    def _descriptor(self, media_type: str, digest: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": digest, "size": self.blobs.size(digest)}


def stage_of(blobs: oci.Blobs, manifest_digest: str, name: str) -> Stage:
    """A finished image as the beginning of another."""
    manifest = json.loads(blobs.read(manifest_digest))
    config = json.loads(blobs.read(manifest["config"]["digest"]))
    return Stage(
        name,
        settings=config.get("config") or {},
        layers=[layer["digest"] for layer in manifest["layers"]],
        history=config.get("history") or [],
    )


def _copy(stage: Stage, base: str) -> Stage:
    return replace(
        stage,
        base=base,
        arguments={},
        settings=json.loads(json.dumps(stage.settings)),
        layers=list(stage.layers),
        history=list(stage.history),
        folders=set(stage.folders),
    )


def _history(created_by: str, comment: str = "", empty_layer: bool = False) -> dict[str, Any]:
    entry: dict[str, Any] = {"created": oci.CREATED, "created_by": created_by}
    if comment:
        entry["comment"] = comment
    if empty_layer:
        entry["empty_layer"] = True
    return entry


def _inside(path: PurePosixPath) -> str:
    """An absolute path as a name inside a layer."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts = parts[:-1]
        elif part not in ("/", "."):
            parts.append(part)
    return "/".join(parts)


def _required_array(instruction: Instruction) -> list[str]:
    found = json_array(instruction.value)
    if not found:
        raise DockerfileError(f"{instruction.name} requires the arguments to be in JSON form")
    return found
