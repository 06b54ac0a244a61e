"""What runs the containers of tasks: the interface of a runtime, and the one made of plain processes.

Two runtimes stand behind ECS: `container` (a Docker Engine; container.py) and `process` (this module), for
the learner without Docker. In the process runtime an image is a folder, and its command runs as a process:

    real              the command, its environment, exit code and output; SIGTERM, then SIGKILL; the memory
                      limit, watched as resident memory 20 times a second; a copy of the image to write to
    simulated         the image's python is the sandbox's own; paths of the image that stand in its command,
                      its environment or as its working directory become paths below the copied folder
    not simulated     CPU units (the command runs at a lower priority, and takes what is free), the user, the
                      network, and any other absolute path: the command sees the files of this machine
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

SUPERVISOR = Path(__file__).with_name("supervise.py")
MAX_LINE_BYTES = 256 * 1024
MEMORY_LOOK_SECONDS = 0.05
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
Log = Callable[[str], None]


class CannotPull(Exception):
    """The image cannot be had; the message says why, as Fargate does after `CannotPullContainerError: `."""


class CannotStart(Exception):
    """The image's command cannot be started; the message stands after `CannotStartContainerError: `."""


class RuntimeUnavailable(Exception):
    """The runtime that is asked for cannot work on this machine; the message says why."""


@dataclass(frozen=True)
class Image:
    """An image, ready to run. `rootfs` is its folder (process runtime only); `architecture` is AWS's word."""

    uri: str
    digest: str
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""
    architecture: str = "X86_64"
    rootfs: Path | None = None


@dataclass(frozen=True)
class ContainerSpec:
    """One container to run: an image with what the task definition and the overrides say.

    `command` and `entrypoint` are None where the image's own apply; `environment` is added to the image's.
    `cpu_units` are 1024 to a core, `memory_mib` is the hard limit.
    """

    name: str
    image: Image
    command: list[str] | None = None
    entrypoint: list[str] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    cpu_units: int = 256
    memory_mib: int = 512
    user: str | None = None

    @property
    def argv(self) -> list[str]:
        """The whole command line. As in Docker, a new entrypoint drops the image's command."""
        entrypoint = self.image.entrypoint if self.entrypoint is None else self.entrypoint
        image_command = self.image.command if self.entrypoint is None else []
        return [*entrypoint, *(image_command if self.command is None else self.command)]


@dataclass(frozen=True)
class Exit:
    """How a container ended. `reason` is set where ECS gives one."""

    code: int
    reason: str | None = None
    oom: bool = False


class Running(Protocol):
    """A container that was started."""

    def wait(self, timeout: float | None = None) -> Exit | None:
        """How it ended, once all its output has been given to the log; None when it still runs."""

    def stop(self, grace_seconds: float) -> None:
        """SIGTERM now, SIGKILL after `grace_seconds`. Returns when it has ended."""


class Runtime(Protocol):
    """What pulls images and starts containers."""

    name: str

    def pull(self, uri: str) -> Image:
        """The image at an address. Raises CannotPull."""

    def start(self, spec: ContainerSpec, log: Log) -> Running:
        """Start a container; `log` is called with every line of its output, in order. Raises CannotStart."""


class Images(Protocol):
    """Where the process runtime finds images (images.py)."""

    def resolve(self, uri: str) -> Image:
        """The image at an address. Raises LookupError."""


def choose(world: Any, wanted: str) -> Runtime:
    """The runtime named `wanted`; with `auto`, containers where a Docker Engine answers, otherwise processes.

    Raises RuntimeUnavailable when containers are demanded and no engine answers.
    """
    if wanted != "process":
        from . import container

        try:
            return container.connect(world)
        except RuntimeUnavailable:
            if wanted == "container":
                raise
    from .images import ImageStore

    return ProcessRuntime(ImageStore(world.home / "images"), world.home / "containers")


class ProcessRuntime:
    """Containers as processes: see the head of this module for what that means."""

    name = "process"

    def __init__(self, images: Images, scratch: Path) -> None:
        """`scratch` holds a folder for each running container; what a killed sandbox left there goes."""
        self.images = images
        self.scratch = scratch
        shutil.rmtree(scratch, ignore_errors=True)

    def pull(self, uri: str) -> Image:
        """The image at an address, from the image store. Raises CannotPull."""
        try:
            return self.images.resolve(uri)
        except LookupError as error:
            raise CannotPull(not_found(uri)) from error

    def start(self, spec: ContainerSpec, log: Log) -> Running:
        """Start the container's command under a supervisor. Raises CannotStart."""
        home = self.scratch / uuid.uuid4().hex
        root = home / "root"
        for folder in (home / "tmp", home / "home"):
            folder.mkdir(parents=True)
        if spec.image.rootfs:
            shutil.copytree(spec.image.rootfs, root, symlinks=True)
        workdir = root / spec.image.workdir.lstrip("/")
        workdir.mkdir(parents=True, exist_ok=True)
        try:
            environment = process_environment(spec, root, home)
            argv = _find(spec.argv, root, workdir, environment["PATH"])
        except CannotStart:
            shutil.rmtree(home, ignore_errors=True)
            raise
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISOR), *argv],
            cwd=workdir,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=os.name != "nt",
        )
        return ProcessContainer(process, spec.memory_mib, log, home)


def not_found(uri: str) -> str:
    """Fargate's words for an image that does not exist."""
    return f"pull image manifest has been retried 7 time(s): failed to resolve ref {uri}: {uri}: not found"


def process_environment(spec: ContainerSpec, root: Path, home: Path) -> dict[str, str]:
    """The command's environment: the image's and the container's, and nothing of the sandbox's own."""
    image = {name: _below(root, value) for name, value in spec.image.environment.items()}
    path = [str(Path(sys.executable).parent), *image.get("PATH", "").split(":")]
    path += ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
    own = {
        "PATH": os.pathsep.join(dict.fromkeys(filter(None, path))),
        "HOME": str(home / "home"),  # not the learner's: there lie his credentials
        "TMPDIR": str(home / "tmp"),
        "HOSTNAME": "localhost",
    }
    if os.name == "nt":  # without it no program starts on Windows
        own["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", "")
        own["PATH"] += os.pathsep + os.environ.get("PATH", "")
    return {**image, **own, **spec.environment}


def _below(root: Path, value: str) -> str:
    """A value in which each path that the image holds stands for its place below `root`."""
    parts = value.split(":")
    found = [root / part.lstrip("/") for part in parts]
    return ":".join(
        str(place) if part.startswith("/") and part != "/" and place.exists() else part
        for part, place in zip(parts, found, strict=True)
    )


def _find(argv: list[str], root: Path, workdir: Path, path: str) -> list[str]:
    """The command line with its program found and the image's paths put in their place."""
    if not argv:
        raise CannotStart("no command specified")
    program, *arguments = [_below(root, argument) for argument in argv]
    if os.sep in program:
        candidates = [str(workdir / program), shutil.which(Path(program).name, path=path)]
        found = next((name for name in candidates if name and os.access(name, os.X_OK)), None)
    else:
        found = shutil.which(program, path=path)
    if not found and re.fullmatch(r"python(3(\.\d+)?)?", Path(program).name):
        found = sys.executable
    if not found:
        raise CannotStart(  # runc's words, as Fargate passes them on
            "ResourceInitializationError: failed to create new container runtime task: failed to create shim "
            "task: OCI runtime create failed: runc create failed: unable to start container process: "
            f'exec: "{argv[0]}": executable file not found in $PATH: unknown'
        )
    return [found, *arguments]


class ProcessContainer:
    """A running command, its output, and the watch over its memory."""

    def __init__(self, process: subprocess.Popen, memory_mib: int, log: Log, home: Path) -> None:
        self._process, self._log, self._home = process, log, home
        self._limit = memory_mib * 1024 * 1024
        self._oom = False
        self._exit: Exit | None = None
        self._ended = threading.Event()
        for target in (self._follow, self._watch_memory):
            threading.Thread(target=target, name=f"container {process.pid}", daemon=True).start()

    def wait(self, timeout: float | None = None) -> Exit | None:
        """How it ended, or None when it still runs after `timeout` seconds."""
        self._ended.wait(timeout)
        return self._exit

    def stop(self, grace_seconds: float) -> None:
        """Ask the command to end; kill it when it has not after `grace_seconds`."""
        self._order(b"t")
        if not self._ended.wait(grace_seconds):
            self.kill()
            self._ended.wait()

    def kill(self) -> None:
        """Kill the command and everything that it started."""
        self._order(b"k")

    def _order(self, order: bytes) -> None:
        with suppress(OSError, ValueError):  # it has ended already
            os.write(self._process.stdin.fileno(), order)

    def _follow(self) -> None:
        """Give the output to the log, line by line, and learn how the command ended."""
        # Inside a container its root is `/`, and so say the paths in a traceback there.
        roots = {os.path.realpath(self._home / "root"), str(self._home / "root")}
        try:
            for line in lines(self._process.stdout.fileno()):
                for root in roots:
                    line = line.replace(root + os.sep, "/")
                self._log(line)
        finally:
            code = self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            shutil.rmtree(self._home, ignore_errors=True)
            self._exit = Exit(137, OUT_OF_MEMORY, True) if self._oom else Exit(code if code >= 0 else 137)
            self._ended.set()

    def _watch_memory(self) -> None:
        processes: list[psutil.Process] = []
        look = 0
        while not self._ended.wait(MEMORY_LOOK_SECONDS):
            try:
                if (
                    look % 10 == 0 or len(processes) == 0
                ):  # to list processes is slow, to read their memory is not
                    processes = psutil.Process(self._process.pid).children(recursive=True)
                look += 1
                if sum(map(_resident, processes)) > self._limit:
                    self._oom = True
                    self.kill()
                    return
            except psutil.Error:
                continue


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def lines(descriptor: int) -> Iterator[str]:
    """The lines that arrive at a file descriptor, as text; an endless line is cut at 256 KiB."""
    rest = b""
    while chunk := os.read(descriptor, 65536):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
        while len(rest) >= MAX_LINE_BYTES:
            yield rest[:MAX_LINE_BYTES].decode("utf-8", "replace")
            rest = rest[MAX_LINE_BYTES:]
    if rest:
        yield rest.decode("utf-8", "replace")
