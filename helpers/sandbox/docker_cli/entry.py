"""Where the `docker` on a build's PATH begins: it learns from a file which docker it shall be."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

NO_DAEMON = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
)

# What Docker's CLI does by itself. A login asks the daemon first and, when none answers, the registry (seen
# with CLI 28.2.2): so a build without PrivilegedMode gets past its login, and fails where it builds.
WITHOUT_A_DAEMON = (["--version"], ["-v"], ["--help"], ["login"], ["logout"])


@dataclass(frozen=True)
class Settings:
    """What a build's `docker` has to know.

    `privileged` is the project's PrivilegedMode: without it no Docker daemon runs beside a build. `program`
    is Docker's own CLI and `engine` the address of its engine; both are empty where the stand-in takes their
    place. `host_network` is set when the engine has no network of its own to build in. `plugins` is where the
    user has plugins of the CLI (buildx), which it would not find in a build's home.
    """

    endpoint: str
    account: str
    folder: str
    privileged: bool
    program: str = ""
    engine: str = ""
    host_network: bool = False
    plugins: str = ""

    @property
    def registry(self) -> str:
        """The sandbox's registry as Docker names it: an address that it accepts without TLS."""
        return f"localhost:{self.endpoint.rpartition(':')[2]}"

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


def main(arguments: list[str]) -> int:
    """`arguments` are the path of the settings, then what the build wrote after `docker`."""
    settings = Settings(**json.loads(Path(arguments[0]).read_text()))
    words = arguments[1:]
    if not settings.privileged and words[:1] not in WITHOUT_A_DAEMON:
        print(NO_DAEMON, file=sys.stderr)
        return 1
    if settings.program:
        from . import real

        return real.main(words, settings)
    from . import standin

    return standin.main(words, settings.endpoint, Path(settings.folder))
