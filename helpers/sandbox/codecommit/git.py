"""Git itself, through dulwich: real objects and ids in a bare repository. No `git` program is needed."""

from __future__ import annotations

import io
import re
import stat
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from dulwich.index import commit_tree
from dulwich.objects import S_ISGITLINK, Blob, Commit, Tag, Tree
from dulwich.refs import check_ref_format
from dulwich.repo import Repo

NORMAL, EXECUTABLE, SYMLINK = 0o100644, 0o100755, 0o120000
HEADS, TAGS = "refs/heads/", "refs/tags/"
FULL_ID = re.compile(r"[0-9a-f]{40}")

_locks: dict[Path, threading.RLock] = {}
_locks_guard = threading.Lock()


@dataclass(frozen=True)
class File:
    """A file of a tree: its mode as Git writes it, and the id of its blob (a submodule's commit)."""

    mode: int
    blob: str


@dataclass(frozen=True)
class Person:
    """Who made a commit."""

    name: str
    email: str

    def line(self) -> bytes:
        """As a commit names its author. Characters that would end the name or address are left out."""
        name, email = (re.sub(r"[<>\n\0]", "", text).strip() for text in (self.name, self.email))
        return f"{name} <{email}>".encode()


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """One writer at a time in a repository: what a branch points at is read and then changed."""
    with _locks_guard:
        lock = _locks.setdefault(path, threading.RLock())
    with lock:
        yield


def is_branch_name(name: str) -> bool:
    """Whether Git takes the name for a branch."""
    return check_ref_format((HEADS + name).encode())


class Git:
    """A bare repository, open for one piece of work: `with Git(path) as git`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def create(path: Path) -> None:
        """Make an empty bare repository. `path` must not exist."""
        path.parent.mkdir(parents=True, exist_ok=True)
        Repo.init_bare(path, mkdir=True, default_branch=b"main").close()

    def __enter__(self) -> Git:
        self.repo = Repo(str(self.path))
        self.objects = self.repo.object_store
        return self

    def __exit__(self, *_: object) -> None:
        self.repo.close()

    # References -------------------------------------------------------------------------------------------

    def branches(self) -> dict[str, str]:
        """Every branch and the commit at its tip."""
        found = self.repo.refs.as_dict(HEADS.rstrip("/").encode())
        return {name.decode(): commit.decode() for name, commit in sorted(found.items())}

    def tip(self, branch: str) -> str | None:
        """The commit a branch points at."""
        return self.reference(HEADS + branch)

    def reference(self, name: str) -> str | None:
        """The id behind a full reference name. None when there is no such reference."""
        if not check_ref_format(name.encode()):
            return None
        value = self.repo.refs.read_ref(name.encode())
        return value.decode() if value and FULL_ID.fullmatch(value.decode()) else None

    def point(self, branch: str, commit: str | None) -> None:
        """Move a branch to a commit, or remove it. Call it under `exclusive`."""
        name = (HEADS + branch).encode()
        if commit is None:
            self.repo.refs.remove_if_equals(name, None)
        else:
            self.repo.refs[name] = commit.encode()

    def set_head(self, branch: str) -> None:
        """What `git clone` checks out."""
        self.repo.refs.set_symbolic_ref(b"HEAD", (HEADS + branch).encode())

    def resolve(self, specifier: str) -> str | None:
        """The commit that a branch, a tag, a full reference or a full commit id means."""
        for name in (specifier, HEADS + specifier, TAGS + specifier):
            found = self.reference(name) if name.startswith("refs/") else None
            if found:
                return self._peel(found)
        return self._peel(specifier) if FULL_ID.fullmatch(specifier) else None

    def _peel(self, object_id: str) -> str | None:
        thing = self.get(object_id)
        while isinstance(thing, Tag):
            thing = self.get(thing.object[1].decode())
        return thing.id.decode() if isinstance(thing, Commit) else None

    # Objects ----------------------------------------------------------------------------------------------

    def get(self, object_id: str) -> Blob | Tree | Commit | Tag | None:
        """Any object by its id."""
        try:
            return self.objects[object_id.encode()]
        except KeyError:
            return None

    def commit(self, commit_id: str) -> Commit | None:
        """A commit by its id."""
        thing = self.get(commit_id)
        return thing if isinstance(thing, Commit) else None

    def tree_of(self, commit_id: str) -> str:
        """The id of a commit's root tree."""
        return self.objects[commit_id.encode()].tree.decode()

    def files(self, tree_id: str) -> dict[str, File]:
        """Every file under a tree, by its path."""
        entries = self.objects.iter_tree_contents(tree_id.encode())
        return {text(entry.path): File(entry.mode, entry.sha.decode()) for entry in entries}

    def entry(self, tree_id: str, path: str) -> File | None:
        """What a tree holds at a path: a file, or a tree (of mode `stat.S_IFDIR`)."""
        found = File(stat.S_IFDIR, tree_id)
        for part in filter(None, path.split("/")):
            tree = self.get(found.blob) if stat.S_ISDIR(found.mode) else None
            name = part.encode("utf-8", "surrogateescape")
            if not isinstance(tree, Tree) or name not in tree:
                return None
            mode, sha = tree[name]
            found = File(mode, sha.decode())
        return found

    def add_blobs(self, contents: Iterable[bytes]) -> list[str]:
        """Store contents; their ids, in the same order."""
        blobs = [Blob.from_string(content) for content in contents]
        self.objects.add_objects([(blob, None) for blob in blobs])
        return [blob.id.decode() for blob in blobs]

    def add_tree(self, files: dict[str, File]) -> str:
        """Store a whole tree; its id."""
        entries = [
            (path.encode("utf-8", "surrogateescape"), file.blob.encode(), file.mode)
            for path, file in files.items()
        ]
        return commit_tree(self.objects, entries).decode()

    def add_commit(self, tree_id: str, parents: list[str], author: Person, message: str) -> str:
        """Store a commit made now; its id. No branch moves."""
        commit = Commit()
        commit.tree = tree_id.encode()
        commit.parents = [parent.encode() for parent in parents]
        commit.author = commit.committer = author.line()
        commit.author_time = commit.commit_time = int(time.time())
        commit.author_timezone = commit.commit_timezone = 0
        commit.encoding = b"UTF-8"
        commit.message = message.encode()
        self.objects.add_object(commit)
        return commit.id.decode()

    def history(self, commit_id: str, path: str) -> list[Commit]:
        """The commits that changed a file, newest first."""
        walker = self.repo.get_walker(include=[commit_id.encode()], paths=[path.encode()])
        return [entry.commit for entry in walker]

    def archive(self, commit_id: str) -> bytes:
        """The files of a commit as a ZIP. The same commit gives the same bytes."""
        commit = self.objects[commit_id.encode()]
        made = datetime.fromtimestamp(max(commit.commit_time, 315532800), timezone.utc)  # ZIP begins in 1980
        output = io.BytesIO()
        with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, file in self.files(commit.tree.decode()).items():
                if S_ISGITLINK(file.mode):
                    continue
                entry = zipfile.ZipInfo(path, made.timetuple()[:6])
                entry.create_system, entry.external_attr = 3, file.mode << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, self.objects[file.blob.encode()].data)
        return output.getvalue()


def text(raw: bytes) -> str:
    """Bytes of a path, name or message as text; Git does not promise UTF-8."""
    return raw.decode("utf-8", "surrogateescape")
