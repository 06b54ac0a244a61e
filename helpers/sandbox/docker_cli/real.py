"""Docker's own CLI, with the sandbox in the place of ECR.

An ECR address in the command becomes one on this machine, `localhost:PORT/<region>/<repository>`, which
Docker accepts without TLS; in what Docker prints it becomes the ECR address again: a log reads as on AWS.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import TextIO

from .address import ECR_HOST
from .entry import Settings

DOCKERFILE_OPTIONS = ("-f", "--file")
TAG_OPTIONS = ("-t", "--tag")
NAMES = "names"
"""The file in a build's folder that says which images it named: on each line a name and the image's id."""


class Translation:
    """From ECR's addresses to the sandbox's, and back."""

    def __init__(self, settings: Settings) -> None:
        self._local = settings.registry
        self._account = settings.account
        self._hosts: dict[str, str] = {}

    def there(self, text: str) -> str:
        """The text with the sandbox's address for each of ECR's."""

        def replaced(found: re.Match[str]) -> str:
            self._hosts[found["region"]] = found[0].rstrip("/")
            return f"{self._local}/{found['region']}/" if found[0].endswith("/") else self._local

        return re.sub(rf"{ECR_HOST.pattern}/?", replaced, text)

    def back(self, text: str) -> str:
        """The text with ECR's address for each of the sandbox's."""
        text = re.sub(
            rf"{self._local}/([a-z]{{2}}(?:-[a-z]+)+-\d)/", lambda found: f"{self._host(found[1])}/", text
        )
        region = next(iter(self._hosts), os.environ.get("AWS_REGION", "us-east-1"))
        return text.replace(self._local, self._host(region))

    def _host(self, region: str) -> str:
        return self._hosts.get(region, f"{self._account}.dkr.ecr.{region}.amazonaws.com")


def main(words: list[str], settings: Settings) -> int:
    """Run Docker's CLI; its exit code."""
    translation = Translation(settings)
    arguments = [translation.there(word) for word in words]
    if "build" in arguments[:2]:
        arguments = _build(arguments, settings, translation)
    _write_configuration(settings.plugins)
    environment = {name: value for name, value in os.environ.items() if name != "DOCKER_CONTEXT"}
    environment |= {"DOCKER_HOST": settings.engine, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    if {"save", "export", "cp"} & set(arguments[:2]):  # what they print may be an archive
        return subprocess.call([settings.program, *arguments], env=environment)
    together = os.path.sameopenfile(1, 2)  # in a build's log: one pipe keeps the lines in order
    process = subprocess.Popen(
        [settings.program, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if together else subprocess.PIPE,
        text=True,
        errors="replace",
    )
    errors = None
    if process.stderr is not None:
        errors = threading.Thread(target=_copy, args=(process.stderr, sys.stderr, translation))
        errors.start()
    _copy(process.stdout, sys.stdout, translation)
    if errors:
        errors.join()
    if process.wait() == 0:
        _note_names(arguments, settings, environment)
    return process.returncode


def _note_names(arguments: list[str], settings: Settings, environment: dict[str, str]) -> None:
    """Write down the names that the command gave to images: the sandbox takes them away after the build."""
    words = arguments[1:] if arguments[:1] in (["image"], ["buildx"], ["builder"]) else arguments
    names = []
    if words[:1] == ["build"]:
        names = [after for word, after in pairwise(words) if word in TAG_OPTIONS]
        names += [word.partition("=")[2] for word in words if word.startswith("--tag=")]
    elif words[:1] == ["tag"]:
        names = words[2:3]
    folder = Path(settings.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        command = [settings.program, "image", "inspect", "--format", "{{.Id}}", name]
        found = subprocess.run(command, env=environment, capture_output=True, text=True)
        if found.returncode == 0:
            with (folder / NAMES).open("a") as file:
                file.write(f"{name}\t{found.stdout.strip()}\n")


def _copy(source: TextIO, target: TextIO, translation: Translation) -> None:
    for line in source:
        target.write(translation.back(line))
        target.flush()


def _build(arguments: list[str], settings: Settings, translation: Translation) -> list[str]:
    """`docker build` where RUN has the network that the engine has, and FROM may name an ECR address."""
    place = arguments.index("build") + 1
    more = [
        "--force-rm"
    ]  # the container of a step that failed would stay, and the build's Docker is not its own
    if settings.host_network and not any(word.startswith("--network") for word in arguments):
        more += ["--network", "host"]
    arguments = [*arguments[:place], *more, *arguments[place:]]
    dockerfile = _dockerfile(arguments)
    if dockerfile is None or not dockerfile.is_file() or not ECR_HOST.search(dockerfile.read_text()):
        return arguments
    translated = Path(settings.folder).with_name("Dockerfile")
    translated.write_text(translation.there(dockerfile.read_text()))
    ignored = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    if ignored.is_file():
        translated.with_name("Dockerfile.dockerignore").write_text(ignored.read_text())
    return [*arguments[:place], "--file", str(translated), *_without_file(arguments[place:])]


def _dockerfile(arguments: list[str]) -> Path | None:
    for number, word in enumerate(arguments[:-1]):
        if word in DOCKERFILE_OPTIONS:
            return Path(arguments[number + 1])
        if word.startswith("--file="):
            return Path(word.partition("=")[2])
    return Path(arguments[-1]) / "Dockerfile"


def _without_file(arguments: list[str]) -> list[str]:
    kept, skip = [], False
    for word in arguments:
        if skip or word.startswith("--file="):
            skip = False
        elif word in DOCKERFILE_OPTIONS:
            skip = True
        else:
            kept.append(word)
    return kept


def _write_configuration(plugins: str) -> None:
    configuration = Path(os.environ.get("HOME", "/")) / ".docker" / "config.json"
    if plugins and not configuration.exists():
        configuration.parent.mkdir(parents=True, exist_ok=True)
        configuration.write_text(json.dumps({"cliPluginsExtraDirs": [plugins]}))
