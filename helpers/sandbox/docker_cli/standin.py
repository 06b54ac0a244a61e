"""The stand-in for Docker's CLI where no engine is: the commands that a build of images needs.

What Docker's CLI would print is printed; what is left out is said. A command that needs an engine (`docker
run`) is refused by name.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

from .address import Address, AddressError
from .context import Context
from .dockerfile import DockerfileError
from .local import LocalImage, LocalImages
from .packer import Packer, Stage, stage_of
from .remote import Logins, Registry, RegistryError, pull, push

VERSION = "0 (stand-in)"
SAYS = "no Docker Engine answers on this machine: files are packed, nothing is executed in a container"
# Options of `docker build` that make no difference to packing files: with a value, and without.
TOLERATED = ("cache-from", "cache-to", "network", "progress", "provenance", "sbom", "output", "secret", "ssh")
TOLERATED_SWITCH = re.compile(r"--(no-cache|pull|rm|force-rm|compress|squash|load)(=.*)?")


class CliError(Exception):
    """Printed to standard error; the command exits with `code`."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        words = message.replace("unrecognized arguments: ", "unknown flag: ")
        raise CliError(f"{words}\nSee '{self.prog} --help'.", 125)


def say(line: str) -> None:
    print(line, flush=True)


def parser() -> argparse.ArgumentParser:
    main = _Parser(prog="docker", add_help=False, allow_abbrev=False)
    main.add_argument("--config")
    main.add_argument("-v", "--version", action="store_true")
    main.add_argument("command", nargs="?")
    main.add_argument("rest", nargs=argparse.REMAINDER)
    return main


def main(arguments: list[str], endpoint: str, folder: Path) -> int:
    """Run one command. `folder` keeps the build's images, `endpoint` is the sandbox's."""
    try:
        options = parser().parse_args(arguments)
        if options.config:
            os.environ["DOCKER_CONFIG"] = options.config
        if options.version:
            say(f"Docker version {VERSION}: {SAYS}")
            return 0
        words = [options.command or "help", *options.rest]
        if words[0] in ("image", "buildx", "builder", "container") and len(words) > 1:
            words = words[1:]  # `docker image push` is `docker push`
        command = COMMANDS.get({"ls": "images", "rm": "rmi"}.get(words[0], words[0]))
        if command is None:
            raise CliError(f"docker {words[0]} needs a Docker Engine, and {SAYS}.", 125)
        command(words[1:], endpoint, LocalImages(folder))
        return 0
    except CliError as error:
        print(error, file=sys.stderr, flush=True)
        return error.code
    except (DockerfileError, RegistryError, AddressError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1


def _login(words: list[str], endpoint: str, images: LocalImages) -> None:
    options = _Parser(prog="docker login")
    options.add_argument("-u", "--username", default="")
    options.add_argument("-p", "--password")
    options.add_argument("--password-stdin", action="store_true")
    options.add_argument("-e", "--email")
    options.add_argument("host", nargs="?", default="docker.io")
    found = options.parse_args(words)
    if found.email is not None:
        raise CliError("unknown shorthand flag: 'e' in -e\nSee 'docker login --help'.", 125)
    if found.password is not None:
        print("WARNING! Using --password via the CLI is insecure. Use --password-stdin.", file=sys.stderr)
    password = sys.stdin.read().strip() if found.password_stdin else found.password
    if not password:
        raise CliError("Error: Cannot perform an interactive login from a non TTY device")
    host = found.host.removeprefix("https://").removeprefix("http://").rstrip("/")
    logins = Logins()
    before = logins.get(host)
    logins.put(host, found.username, password)
    try:
        Registry(endpoint, Address(host, "login", ""), logins.get(host)).check()
    except RegistryError as error:
        if before is None:
            logins.remove(host)
        raise CliError(
            f"Error response from daemon: login attempt to https://{host}/v2/ failed with {error}"
        ) from error
    say("Login Succeeded")


def _logout(words: list[str], endpoint: str, images: LocalImages) -> None:
    for host in words:
        found = Logins().remove(host)
        say(f"Removing login credentials for {host}" if found else f"Not logged in to {host}")


def _build(words: list[str], endpoint: str, images: LocalImages) -> None:
    options = _Parser(prog="docker build", allow_abbrev=False)
    options.add_argument("-t", "--tag", action="append", default=[])
    options.add_argument("-f", "--file")
    options.add_argument("--build-arg", action="append", default=[])
    options.add_argument("--label", action="append", default=[])
    options.add_argument("--platform", default="")
    options.add_argument("--target")
    options.add_argument("-q", "--quiet", action="store_true")
    options.add_argument("--push", action="store_true")
    for name in TOLERATED:
        options.add_argument(f"--{name}", action="append")
    options.add_argument("context")
    ignored = [word for word in words if TOLERATED_SWITCH.fullmatch(word)]
    found = options.parse_args([word for word in words if word not in ignored])
    addresses = [Address.parse(tag) for tag in found.tag]
    tell = (lambda line: None) if found.quiet else say
    tell(f"docker: {SAYS}")
    ignored += [f"--{name}" for name in TOLERATED if getattr(found, name.replace("-", "_"))]
    if ignored:
        tell(f"docker: no difference is made by {', '.join(ignored)}")
    text, context = _context(found)
    packer = Packer(
        context,
        images.blobs,
        dict(_assignment(entry) for entry in found.build_arg),
        _architecture(found.platform),
        tell,
        lambda name: _known_image(name, endpoint, images),
        dict(_assignment(entry) for entry in found.label),
    )
    images.keep(digest := packer.build(text, found.target))
    image = next(image for image in images.all() if image.digest == digest)
    say(image.id) if found.quiet else say(f"Successfully built {_short(image.id)}")
    for address in addresses:
        images.tag(digest, address)
        tell(f"Successfully tagged {address}")
        if found.push:
            _push([str(address)], endpoint, images)


def _context(found: argparse.Namespace) -> tuple[str, Context]:
    """The Dockerfile's text and the build context that the command names."""
    if "://" in found.context or found.context.startswith("git@"):
        raise CliError(f"unable to prepare context: fetching {found.context} needs a Docker Engine")
    if found.context == "-":
        return sys.stdin.read(), Context(Path(os.devnull))
    folder = Path(found.context)
    if not folder.is_dir():
        raise CliError(f'unable to prepare context: path "{found.context}" not found')
    dockerfile = Path(found.file) if found.file else folder / "Dockerfile"
    if found.file == "-":
        return sys.stdin.read(), Context.of_build(folder, folder / "Dockerfile")
    try:
        return dockerfile.read_text(), Context.of_build(folder, dockerfile)
    except OSError as error:
        raise CliError(
            f"unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat "
            f"{dockerfile.absolute()}: no such file or directory"
        ) from error


def _assignment(entry: str) -> tuple[str, str]:
    name, separator, value = entry.partition("=")
    return name, value if separator else os.environ.get(name, "")


def _architecture(wanted: str) -> str:
    """The architecture's name in an image: that of `--platform linux/arm64`, or this machine's."""
    name = wanted.partition("/")[2].partition("/")[0] or platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(name, name)


def _known_image(name: str, endpoint: str, images: LocalImages) -> Stage | None:
    """The image of a FROM that needs no internet: one of this build's, or one in the sandbox's ECR."""
    found = images.find(name)
    try:
        address = Address.parse(name)
    except AddressError:
        return None
    if found is None and address.region:
        pull(Registry(endpoint, address, Logins().get(address.host)), images, address)
        found = images.find(name)
    return stage_of(images.blobs, found.digest, name) if found else None


def _tag(words: list[str], endpoint: str, images: LocalImages) -> None:
    if len(words) != 2:
        raise CliError(
            f"docker tag requires exactly 2 arguments, not {len(words)}.\nSee 'docker tag --help'."
        )
    images.tag(_image(images, words[0]).digest, Address.parse(words[1]))


def _push(words: list[str], endpoint: str, images: LocalImages) -> None:
    quiet = {"-q", "--quiet"} & set(words)
    every = {"-a", "--all-tags"} & set(words)
    names = [word for word in words if not word.startswith("-")]
    if len(names) != 1:
        raise CliError(
            f"docker push requires exactly 1 argument, not {len(names)}.\nSee 'docker push --help'."
        )
    address = Address.parse(names[0])
    tell = (lambda line: None) if quiet else say
    tell(f"The push refers to repository [{address.repository}]")
    named = {tag: image for image in images.all() for tag in image.tags}
    chosen = [
        tag for tag in named if tag.startswith(f"{address.repository}:") and (every or tag == str(address))
    ]
    if not chosen:
        raise CliError(f"An image does not exist locally with the tag: {address.repository}")
    registry = Registry(endpoint, address, Logins().get(address.host))
    for tag in sorted(chosen):
        push(registry, images, named[tag], Address.parse(tag), tell)
    if quiet:
        say(str(address))


def _pull(words: list[str], endpoint: str, images: LocalImages) -> None:
    names = [word for word in words if not word.startswith("-")]
    if len(names) != 1:
        raise CliError(
            f"docker pull requires exactly 1 argument, not {len(names)}.\nSee 'docker pull --help'."
        )
    address = Address.parse(names[0])
    say(f"{address.reference}: Pulling from {address.name}")
    digest = pull(Registry(endpoint, address, Logins().get(address.host)), images, address)
    say(f"Digest: {digest}\nStatus: Downloaded newer image for {address}\n{address}")


def _image(images: LocalImages, name: str) -> LocalImage:
    found = images.find(name)
    if found is None:
        raise CliError(f"Error response from daemon: No such image: {name}")
    return found


def _images(words: list[str], endpoint: str, images: LocalImages) -> None:
    wanted = next((word for word in words if not word.startswith("-")), None)
    rows = [
        (*(tag.rsplit(":", 1)), image) for image in images.all() for tag in image.tags or ["<none>:<none>"]
    ]
    rows = [row for row in rows if wanted in (None, row[0], f"{row[0]}:{row[1]}")]
    if {"-q", "--quiet"} & set(words):
        for identity in dict.fromkeys(_short(image.id) for _, _, image in rows):
            say(identity)
        return
    width = max([len("REPOSITORY"), *(len(name) for name, _, _ in rows)])
    say(f"{'REPOSITORY':{width}}   {'TAG':14} {'IMAGE ID':14} SIZE")
    for name, tag, image in rows:
        say(f"{name:{width}}   {tag:14} {_short(image.id):14} {image.size / 1000:.1f}kB")


def _rmi(words: list[str], endpoint: str, images: LocalImages) -> None:
    for name in (word for word in words if not word.startswith("-")):
        if not images.untag(Address.parse(name)):
            raise CliError(f"Error response from daemon: No such image: {name}")
        say(f"Untagged: {name}")


def _inspect(words: list[str], endpoint: str, images: LocalImages) -> None:
    options = _Parser(prog="docker inspect")
    options.add_argument("-f", "--format")
    options.add_argument("--type")
    options.add_argument("names", nargs="+")
    found = options.parse_args(words)
    documents = [_document(_image(images, name)) for name in found.names]
    if found.format is None:
        say(json.dumps(documents, indent=4))
        return
    for document in documents:
        say("".join(_evaluate(part, document) for part in re.split(r"(\{\{.*?\}\})", found.format)))


def _document(image: LocalImage) -> dict[str, Any]:
    return {
        "Id": image.id,
        "RepoTags": image.tags,
        "RepoDigests": image.pushed,
        "Created": image.config["created"],
        "Architecture": image.config["architecture"],
        "Os": image.config["os"],
        "Size": image.size,
        "Config": image.config.get("config", {}),
        "RootFS": {"Type": "layers", "Layers": image.config["rootfs"]["diff_ids"]},
    }


def _evaluate(part: str, document: dict[str, Any]) -> str:
    """A template's `.Field.Field`, `index .Field 0` and `json .Field`; CliError for anything else."""
    if not part.startswith("{{"):
        return part
    expression = part.strip("{} ")
    words = expression.split()
    as_json, by_index = words[0] == "json", words[0] == "index"
    path = words[1] if as_json or by_index else words[0]
    try:
        value: Any = document
        for name in filter(None, path.split(".")) if path.startswith(".") else [path]:
            value = value[name]
        for key in words[2:] if by_index else []:
            value = value[int(key) if key.isdigit() else key.strip('"')]
    except (KeyError, IndexError, TypeError) as error:
        raise CliError(
            f'template parsing error: template: :1: executing "" at <{expression}>: nothing there, or more '
            "than the stand-in for docker understands (fields, index and json)"
        ) from error
    if as_json or isinstance(value, (dict, bool)):
        return json.dumps(value)
    return f"[{' '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _version(words: list[str], endpoint: str, images: LocalImages) -> None:
    say(f"Client: {VERSION}\nServer: none: {SAYS}")


def _info(words: list[str], endpoint: str, images: LocalImages) -> None:
    say(f"Client:\n Version: {VERSION}\nServer:\n {SAYS}\n Images: {len(list(images.all()))}")


def _ps(words: list[str], endpoint: str, images: LocalImages) -> None:
    if not {"-q", "--quiet"} & set(words):
        say("CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES")


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


COMMANDS = {
    "login": _login,
    "logout": _logout,
    "build": _build,
    "tag": _tag,
    "push": _push,
    "pull": _pull,
    "images": _images,
    "rmi": _rmi,
    "inspect": _inspect,
    "version": _version,
    "info": _info,
    "ps": _ps,
}
