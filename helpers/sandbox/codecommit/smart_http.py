"""`git clone`, `git fetch` and `git push` over HTTP, at the address that the API gives as `cloneUrlHttp`.

AWS asks Git for a name and a password. The sandbox does not, so that `git clone` works in a terminal and in
a notebook without set-up: a call without a name is the learner's, and so is one with a name that nobody
issued. Whoever gives a role's access key as the name, in the way of `aws codecommit credential-helper`, may
do what the role may: `codecommit:GitPull`, `codecommit:GitPush`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from dulwich.errors import HookError, NotGitRepository
from dulwich.hooks import Hook
from dulwich.repo import Repo
from dulwich.server import Backend, ReceivePackHandler
from dulwich.web import GunzipFilter, HTTPGitApplication
from werkzeug.datastructures import Authorization
from werkzeug.wsgi import get_input_stream

from .. import iam, principals
from ..principals import Principal
from ..service import AwsError
from ..world import World
from .commits import arrived
from .git import HEADS, Git, exclusive
from .notices import announce
from .store import Repository, find, folder, service

PREFIX = "/git/"
ADDRESS = re.compile(r"/git/([a-z0-9-]+)/v1/repos/([^/]+)/(info/refs|git-upload-pack|git-receive-pack)")
ZERO = b"0" * 40

Environ = dict[str, Any]
Updates = list[tuple[bytes, bytes, bytes]]  # old commit, new commit, reference


class RefuseStale(Hook):
    """Before a reference moves: it must still be where the pusher saw it. dulwich itself would not notice."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo

    def execute(self, *args: Any) -> tuple[bytes, bytes]:
        reference, old, _ = args
        if (self.repo.refs.read_ref(reference) or ZERO) != old:
            raise HookError("the branch has moved; fetch first")
        return b"", b""


class Record(Hook):
    """After a push: remembers which references moved."""

    def __init__(self, updates: Updates) -> None:
        self.updates = updates

    def execute(self, *args: Any) -> None:
        self.updates.extend(args[0])


class OneRepository(Backend):
    """The only repository that a request may touch: the one of its address."""

    def __init__(self, path: Path, updates: Updates) -> None:
        self.path, self.updates = path, updates

    def open_repository(self, path: str | bytes) -> Repo:
        if not self.path.is_dir():
            raise NotGitRepository(str(path))
        repo = Repo(str(self.path))
        repo.hooks = {"update": RefuseStale(repo), "post-receive": Record(self.updates)}
        return repo


class ReceivePack(ReceivePackHandler):
    """A push, alone in the repository while it is applied."""

    def handle(self) -> None:
        with exclusive(self.backend.path):
            super().handle()


class GitServer:
    """The WSGI application for every path under `/git/`."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, environ: Environ, start_response: Callable) -> Iterable[bytes]:
        match = ADDRESS.fullmatch(environ["PATH_INFO"])
        if match is None:
            return _refuse(start_response, "404 Not Found", "There is no repository at this address.")
        region, name, endpoint = match.groups()
        try:
            repository = find(self.world, region, name)
            caller = _caller(environ, self.world.account)
            pushing = "git-receive-pack" in (endpoint, *parse_qs(environ["QUERY_STRING"]).get("service", []))
            action = "codecommit:GitPush" if pushing else "codecommit:GitPull"
            iam.require(self.world, caller, iam.Need(action, (repository.arn,)), "codecommit")
        except AwsError as error:
            status = "403 Forbidden" if error.code.startswith("AccessDenied") else "404 Not Found"
            return _refuse(start_response, status, error.message)
        updates: Updates = []
        path = folder(self.world, region, name)
        git = HTTPGitApplication(OneRepository(path, updates), handlers={b"git-receive-pack": ReceivePack})
        environ.pop("HTTP_TRANSFER_ENCODING", None)  # the server has joined the chunks already
        environ["wsgi.input"] = get_input_stream(environ)  # ends where the request ends
        answer = list(GunzipFilter(git)(environ, start_response))
        if updates:
            self.pushed(region, repository, updates, caller)
        return answer

    def pushed(self, region: str, repository: Repository, updates: Updates, caller: Principal) -> None:
        """Record and announce the references that a push has moved."""
        branches = [
            ref.decode()[len(HEADS) :]
            for _, new, ref in updates
            if new != ZERO and ref.startswith(HEADS.encode())
        ]
        path = folder(self.world, region, repository.name)
        if branches:
            with exclusive(path), Git(path) as git:
                arrived(repository, git, "main" if "main" in branches else branches[0])
        self.world.changed()
        for old, new, reference in updates:
            before, after = (None if commit == ZERO else commit.decode() for commit in (old, new))
            announce(self.world, region, repository, reference.decode(), before, after, caller)


def _caller(environ: Environ, account: str) -> Principal:
    given = Authorization.from_header(environ.get("HTTP_AUTHORIZATION"))
    user = unquote(given.username or "") if given and given.type == "basic" else ""
    return principals.resolve(user.partition("%")[0], account)


def _refuse(start_response: Callable, status: str, message: str) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{message}\n".encode()]


@service.on_start
def serve(world: World) -> None:
    """Answer Git under the sandbox's endpoint."""
    logging.getLogger("dulwich").setLevel(logging.WARNING)  # it reports each request
    world.serve_path(PREFIX, GitServer(world))
