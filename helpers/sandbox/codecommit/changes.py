"""What a commit made through the API does to a tree, and what CodeCommit refuses of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dulwich.objects import S_ISGITLINK

from ..service import AwsError
from .git import EXECUTABLE, NORMAL, SYMLINK, File

MODES = {"NORMAL": NORMAL, "EXECUTABLE": EXECUTABLE, "SYMLINK": SYMLINK}
MAX_ENTRIES = 100
MAX_FILE = 6 * 1024 * 1024
MAX_TOTAL = 20 * 1024 * 1024
MAX_PATH = 4096
KEEP = ".gitkeep"
KEEP_BLOB = ""  # under which `apply` finds the blob of an empty file; no path is empty


@dataclass(frozen=True)
class Put:
    """A file to be written: its content, or the existing file that it copies or moves."""

    path: str
    content: bytes | None = None
    source: str | None = None
    move: bool = False
    mode: int | None = None


@dataclass(frozen=True)
class Changes:
    """All that one commit changes."""

    puts: tuple[Put, ...] = ()
    deletes: tuple[str, ...] = ()
    modes: dict[str, int] = field(default_factory=dict)
    keep_empty_folders: bool = False


def clean_path(path: str | None) -> str:
    """A path within a repository, without the leading slash that the API allows. AwsError when it is none."""
    if not path or not path.strip("/"):
        raise AwsError("PathRequiredException", "The filePath for a location cannot be null.")
    cleaned = path.removeprefix("/")
    parts = cleaned.split("/")
    if len(path) > MAX_PATH or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise AwsError("InvalidPathException", f"The specified path is not valid: {path}")
    if any(part.lower() == ".git" for part in parts):
        raise AwsError("InvalidPathException", f"The specified path is not valid: {path}")
    return cleaned


def mode_of(name: str | None) -> int | None:
    """Git's mode for the API's name. None stays None; AwsError for a name that the API does not have."""
    if name is not None and name not in MODES:
        raise AwsError("InvalidFileModeException", f"The specified file mode permission is not valid: {name}")
    return MODES[name] if name else None


def of_create_commit(params: dict[str, Any]) -> Changes:
    """The changes that a CreateCommit request asks for. Raises AwsError as the API does."""
    puts = tuple(_put(entry) for entry in params.get("putFiles") or [])
    deletes = tuple(clean_path(entry.get("filePath")) for entry in params.get("deleteFiles") or [])
    modes = [(clean_path(entry.get("filePath")), entry) for entry in params.get("setFileModes") or []]
    if any(not entry.get("fileMode") for _, entry in modes):
        raise AwsError(
            "FileModeRequiredException",
            "The commit cannot be created because no file mode has been specified. A file mode is required "
            "to update mode permissions for a file.",
        )
    paths = [put.path for put in puts] + list(deletes) + [path for path, _ in modes]
    _check_paths(paths)
    _check_sizes(puts)
    return Changes(
        puts,
        deletes,
        {path: mode_of(entry["fileMode"]) or NORMAL for path, entry in modes},
        bool(params.get("keepEmptyFolders")),
    )


def _put(entry: dict[str, Any]) -> Put:
    path, source = clean_path(entry.get("filePath")), entry.get("sourceFile")
    if source and "fileContent" in entry:
        raise AwsError(
            "FileContentAndSourceFileSpecifiedException",
            "The commit cannot be created because both a source file and file content have been specified "
            "for the same file. You cannot provide both. Either specify a source file or provide the file "
            "content directly.",
        )
    if source:
        origin = clean_path(source.get("filePath"))
        if origin.rpartition("/")[2] == KEEP:
            raise AwsError(
                "RestrictedSourceFileException",
                "The commit cannot be created because one of the changes specifies copying or moving a "
                ".gitkeep file.",
            )
        return Put(path, None, origin, bool(source.get("isMove")), mode_of(entry.get("fileMode")))
    if "fileContent" not in entry:
        raise AwsError(
            "SourceFileOrContentRequiredException",
            "The commit cannot be created because no source files or file content have been specified for "
            "the commit.",
        )
    return Put(path, entry["fileContent"], mode=mode_of(entry.get("fileMode")))


def _check_paths(paths: list[str]) -> None:
    if not paths:
        raise AwsError(
            "FileEntryRequiredException",
            "The commit cannot be created because no files have been specified as added, updated, or changed "
            "(PutFile or DeleteFile) for the commit.",
        )
    if len(paths) > MAX_ENTRIES:
        raise AwsError(
            "MaximumFileEntriesExceededException",
            "The number of specified files to change as part of this commit exceeds the maximum number of "
            f"files that can be changed in a single commit ({MAX_ENTRIES}). Consider using a Git client for "
            "these changes.",
        )
    if len(set(paths)) < len(paths):
        raise AwsError(
            "SamePathRequestException",
            "The commit cannot be created because one or more changes in this commit duplicate actions in "
            "the same file path.",
        )


def _check_sizes(puts: tuple[Put, ...]) -> None:
    sizes = [len(put.content or b"") for put in puts]
    if any(size > MAX_FILE for size in sizes) or sum(sizes) > MAX_TOTAL:
        raise AwsError(
            "FileContentSizeLimitExceededException",
            "The file cannot be added because it is too large. The maximum file size is 6 MB, and the "
            "combined file content change size is 20 MB. Consider making these changes using a Git client.",
        )
    paths = {put.path for put in puts}
    if any(parent in paths for put in puts for parent in parents(put.path)):
        raise AwsError(
            "PutFileEntryConflictException",
            "The commit cannot be created because one or more files specified in the commit reference both a "
            "file and a folder.",
        )


def parents(path: str) -> list[str]:
    """The folders a path lies in, the nearest first."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]


def apply(files: dict[str, File], changes: Changes, blobs: dict[str, str]) -> dict[str, File]:
    """The tree after the changes. `blobs` gives the id of each new content by its path.

    Raises AwsError when a file to delete, copy or change is not there, or a path is a folder's.
    """
    moved = [put.source for put in changes.puts if put.source and put.move]
    for path in [*changes.deletes, *changes.modes, *(put.source for put in changes.puts if put.source)]:
        if path not in files:
            raise AwsError("FileDoesNotExistException", f"Could not find path {path}")
    gone = {*changes.deletes, *moved}
    after = {path: file for path, file in files.items() if path not in gone}
    for put in changes.puts:
        _check_room(after, put.path)
        origin = files[put.source] if put.source else None
        known = files.get(put.path) or origin
        mode = put.mode or (known.mode if known else NORMAL)
        after[put.path] = File(mode, origin.blob if origin else blobs[put.path])
    for path, mode in changes.modes.items():
        after[path] = File(mode, after[path].blob)
    if changes.keep_empty_folders:
        for path in gone - after.keys():
            folder = path.rpartition("/")[0]
            if folder and not any(name.startswith(folder + "/") for name in after):
                after[f"{folder}/{KEEP}"] = File(NORMAL, blobs[KEEP_BLOB])
    return after


def _check_room(files: dict[str, File], path: str) -> None:
    for place in [path, *parents(path)]:
        if place in files and S_ISGITLINK(files[place].mode):
            raise AwsError(
                "FilePathConflictsWithSubmodulePathException",
                "The commit cannot be created because a specified file path points to a submodule. Verify "
                "that the destination files have valid file paths that do not point to a submodule.",
            )
    if any(parent in files for parent in parents(path)):
        raise AwsError(
            "DirectoryNameConflictsWithFileNameException",
            "A file cannot be added to the repository because the specified path name has the same name as a "
            "file that already exists in this repository. Either provide a different name for the file, or "
            "specify a different path for the file.",
        )
    if any(name.startswith(path + "/") for name in files):
        raise AwsError(
            "FileNameConflictsWithDirectoryNameException",
            "A file cannot be added to the repository because the specified file name has the same name as a "
            "directory in this repository. Either provide another name for the file, or add the file in a "
            "directory that does not match the file name.",
        )
