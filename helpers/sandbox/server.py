"""The sandbox's process: loads the state, starts the services, answers until it is told to stop."""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import secrets
import signal
import sys
from datetime import datetime
from pathlib import Path

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from . import runtimes
from .app import Application
from .inside import Inside
from .process import EXIT_ALREADY_RUNNING, EXIT_NO_RUNTIME, EXIT_PORT_BUSY, HomeLock, write_server_file
from .service import Service
from .state import StateUnreadable
from .world import World

logger = logging.getLogger("helpers.sandbox")

SERVICES = (
    "cloudformation",
    "cloudwatch",
    "codebuild",
    "codecommit",
    "codepipeline",
    "ecr",
    "ecs",
    "events",
    "reachability",
)


class QuietHandler(MotoRequestHandler):
    """No line in the log for each request."""

    def log_request(self, *args: object) -> None:
        pass


def load_state(world: World) -> None:
    """Bring back the last state; one that cannot be used is set aside, never deleted."""
    try:
        world.state.load()
    except StateUnreadable as problem:
        aside = world.state.path.with_name(f"state.{datetime.now():%Y%m%d-%H%M%S}.unusable")
        world.state.path.replace(aside)
        logger.warning("Starting empty: %s. The old state was kept as %s.", problem, aside.name)


def main(argv: list[str] | None = None) -> int:
    """Run one sandbox until SIGTERM, SIGINT or a stop request."""
    parser = argparse.ArgumentParser(prog="python -m helpers.sandbox.server")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--pace", type=float, default=0.0)
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    lock = HomeLock(options.home)
    if not lock.acquire():
        return EXIT_ALREADY_RUNNING
    world = World(options.home, options.speed, options.pace)
    token = secrets.token_hex(16)
    application = Application(world, token)
    try:
        server = make_server(
            "127.0.0.1",
            options.port,
            application,
            threaded=True,
            request_handler=QuietHandler,
        )
    except (OSError, SystemExit) as error:  # werkzeug exits when a port is in use
        logger.error("port %s cannot be used: %s", options.port, error)
        return EXIT_PORT_BUSY
    world.endpoint = f"http://127.0.0.1:{server.port}"
    world.inside = Inside(application, server)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: world.stopping.set())

    for name in SERVICES:
        importlib.import_module(f"helpers.sandbox.{name}")
    load_state(world)
    try:
        world.runtime = runtimes.choose(world, options.runtime)
    except runtimes.RuntimeUnavailable as problem:
        logger.error("%s", problem)
        return EXIT_NO_RUNTIME
    world.state.start()
    world.spawn("http", server.serve_forever)
    for service in list(Service.registry.values()):
        for hook in service.start_hooks:
            hook(world)
    write_server_file(
        options.home,
        {
            "pid": os.getpid(),
            "endpoint": world.endpoint,
            "runtime": world.runtime.name,
            "speed": options.speed,
            "pace": options.pace,
            "token": token,
        },
    )
    logger.info("answering at %s, runtime %s", world.endpoint, world.runtime.name)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no need to look through it again and again
    world.stopping.wait()
    server.shutdown()
    world.state.close()
    (options.home / "server.json").unlink(missing_ok=True)
    logger.info("stopped")
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # background threads of tasks and builds end with the process
