"""The build context: what `docker build` may copy, less what `.dockerignore` leaves out.

https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath


class Context:
    """A folder to copy from, and the rules for leaving files out."""

    def __init__(self, folder: Path, ignore: Iterable[str] = ()) -> None:
        self.folder = folder
        self._rules = [_rule(line) for line in ignore]

    @classmethod
    def of_build(cls, folder: Path, dockerfile: Path) -> Context:
        """The context of a build: `<Dockerfile>.dockerignore` counts before `.dockerignore`."""
        for candidate in (
            dockerfile.with_name(f"{dockerfile.name}.dockerignore"),
            folder / ".dockerignore",
        ):
            if candidate.is_file():
                lines = (line.strip() for line in candidate.read_text().splitlines())
                return cls(
                    folder,
                    [line for line in lines if line and not line.startswith("#")],
                )
        return cls(folder)

    def ignored(self, path: str) -> bool:
        """Whether a rule leaves the path out; the last rule that matches it or a folder above decides."""
        parents = [parent.as_posix() for parent in PurePosixPath(path).parents if parent.as_posix() != "."]
        result = False
        for pattern, keeps in self._rules:
            if any(pattern.fullmatch(candidate) for candidate in (path, *parents)):
                result = not keeps
        return result

    def match(self, pattern: str) -> list[str]:
        """The paths that a source of COPY names, relative to the context; `*` and `?` do not cross a `/`."""
        wanted = PurePosixPath(os.path.normpath(pattern.lstrip("/") or "."))
        if wanted.as_posix() == ".":
            return ["."]
        found = [PurePosixPath()]
        for part in wanted.parts:
            found = [child for parent in found for child in self._children(parent, part)]
        return sorted(path.as_posix() for path in found if self._is_there(path))

    def _is_there(self, path: PurePosixPath) -> bool:
        source = self.folder / path
        if source.is_dir() and not source.is_symlink():
            return not self.ignored(path.as_posix()) or any(self.below(path.as_posix()))
        return not self.ignored(path.as_posix())

    def _children(self, parent: PurePosixPath, part: str) -> Iterator[PurePosixPath]:
        folder = self.folder / parent
        if not any(character in part for character in "*?["):
            if os.path.lexists(folder / part):
                yield parent / part
        elif folder.is_dir():
            for name in os.listdir(folder):
                if fnmatch.fnmatchcase(name, part):
                    yield parent / name

    def below(self, folder: str) -> Iterator[str]:
        """Every path in a folder of the context that no rule leaves out, relative to that folder, sorted."""
        top = self.folder / folder
        for place, folders, files in os.walk(top):
            folders.sort()
            links = [name for name in folders if (Path(place) / name).is_symlink()]
            for name in sorted([*folders, *files]):
                path = Path(place) / name
                inside = path.relative_to(self.folder).as_posix()
                if not self.ignored(inside):
                    yield path.relative_to(top).as_posix()
            for name in links:
                folders.remove(name)


def _rule(line: str) -> tuple[re.Pattern[str], bool]:
    keeps = line.startswith("!")
    pattern = os.path.normpath(line.lstrip("!").strip()).lstrip("/")
    expression, position = "", 0
    while position < len(pattern):
        character = pattern[position]
        if pattern.startswith("**", position):
            position += 2
            if pattern.startswith("/", position):
                position += 1
                expression += "(?:.*/)?"
            else:
                expression += ".*"
            continue
        if character == "[" and "]" in pattern[position:]:
            end = pattern.index("]", position)
            expression += pattern[position : end + 1]
            position = end + 1
            continue
        expression += {"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character))
        position += 1
    return re.compile(expression), keeps
