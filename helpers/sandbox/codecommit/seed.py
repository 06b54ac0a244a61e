"""The initial code base of a repository: the ZIP that `AWS::CodeCommit::Repository` names in its `Code`."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib

from ..service import AwsError
from ..world import World
from .changes import clean_path, parents
from .commits import arrived
from .git import EXECUTABLE, HEADS, NORMAL, SYMLINK, File, Git, Person, exclusive
from .notices import announce
from .store import branch_name, find, folder

MAX_ZIP = 20 * 1024 * 1024
MAX_UNPACKED = 500 * 1024 * 1024
AUTHOR = Person("AWS CodeCommit", "noreply-awscodecommit@amazon.com")
MESSAGE = "Initial commit by AWS CodeCommit"
INVALID = "Code supplied is not a valid .zip archive"


def seed_from_zip(world: World, region: str, name: str, content: bytes, branch: str | None = None) -> str:
    """Commit the files of a ZIP as the first commit of an empty repository; returns the commit's id.

    `branch` is `main` unless given, and becomes the default branch. Raises AwsError, before anything is
    written, when the ZIP cannot be read. Its messages begin with AWS's own ("Code supplied is not a valid
    .zip archive", "Code archive supplied cannot be more than 20 MB compressed"; quoted in the CDK's issues,
    such as https://github.com/aws/aws-cdk/issues/19012) and add what is wrong; AWS leaves that to be guessed.
    """
    branch = branch_name({"branchName": branch or "main"})
    files = unpack(content)
    repository = find(world, region, name)
    git = Git(folder(world, region, name))
    with exclusive(git.path), git:
        if git.branches():
            raise AwsError("BranchNameExistsException", f"The repository {name} already has commits")
        blobs = git.add_blobs(data for _, data in files.values())
        tree = {path: File(mode, blob) for (path, (mode, _)), blob in zip(files.items(), blobs, strict=True)}
        commit = git.add_commit(git.add_tree(tree), [], AUTHOR, MESSAGE)
        git.point(branch, commit)
        arrived(repository, git, branch)
    world.changed()
    announce(world, region, repository, HEADS + branch, None, commit, None)
    return commit


def unpack(content: bytes) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file in the ZIP, by path. AwsError when CodeCommit would not take it."""
    if len(content) > MAX_ZIP:
        raise AwsError("InvalidRequest", "Code archive supplied cannot be more than 20 MB compressed")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
                raise _invalid("it unpacks to more than 500 MB")
            files = {_path(entry): (_mode(entry), archive.read(entry)) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise _invalid(str(error)) from error
    if not files:
        raise _invalid("it holds no file")
    for path, (_, data) in files.items():
        if not data:  # https://github.com/aws/aws-cdk/issues/19012
            raise _invalid(f"{path} is empty, and CodeCommit takes no archive with an empty file in it")
        if any(parent in files for parent in parents(path)):
            raise _invalid(f"{path} lies in a folder that is also a file")
    return files


def _path(entry: zipfile.ZipInfo) -> str:
    if entry.filename.startswith("/") or entry.filename[1:2] == ":":
        raise _invalid(f"{entry.filename} is an absolute path")
    try:
        return clean_path(entry.filename)
    except AwsError as error:
        raise _invalid(f"{entry.filename} is no path within the repository") from error


def _mode(entry: zipfile.ZipInfo) -> int:
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        return SYMLINK
    return EXECUTABLE if mode & 0o100 else NORMAL


def _invalid(reason: str) -> AwsError:
    return AwsError("InvalidRequest", f"{INVALID}: {reason}")
