"""Removes a sandbox's containers when the sandbox has ended, however it ended.

    python -I container_reaper.py ENGINE LABEL

The engine keeps containers running when their starter is killed. This small program waits for the end of its
standard input, which the system closes even on `kill -9`, and then removes every container with the label.
"""

from __future__ import annotations

import signal
import sys
from contextlib import suppress


def main(address: str, label: str) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.stdin.buffer.read()
    import docker
    from docker.errors import DockerException

    with suppress(DockerException):
        client = docker.DockerClient(base_url=address, timeout=30)
        for container in client.containers.list(all=True, filters={"label": label}, ignore_removed=True):
            with suppress(DockerException):
                container.remove(force=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
