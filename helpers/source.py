"""The code and the data that the project starts from, and commits to the code.

The code lies in a CodeCommit repository or, with the parameter SourceProvider S3, in a ZIP in the artifact
bucket; the verbs are the same for both.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from . import show, stacks
from .errors import AwsRefused, DayMissing, FileMissing
from .session import ROOT, Session, verb

SAMPLE_JOB = ROOT / "sample_job"
SOURCE_KEY = "source.zip"
_LEFT_OUT = re.compile(r"(^|/)(data|__pycache__|\.[^/]*|[^/]*\.pyc)(/|$)")
_ALWAYS = (1980, 1, 1, 0, 0, 0)  # the earliest time a ZIP can say: the same content gives the same bytes


@dataclass(frozen=True)
class StoredObject(show.Noun):
    """An object in a bucket. `changed` is False when it was there already, byte for byte."""

    bucket: str
    key: str
    bytes: int
    changed: bool
    version: str | None = None

    def _view(self) -> Iterator[show.Block]:
        said = "uploaded" if self.changed else "was there already, byte for byte"
        yield show.Text(f"`{self.key}` · {show.size_in_words(self.bytes)} · {said}")


@dataclass(frozen=True)
class Commit(show.Noun):
    """A commit: its id, and what it changed. `changed` is False when the text was the same already."""

    id: str
    branch: str
    path: str
    message: str
    diff: str
    changed: bool = True

    def _view(self) -> Iterator[show.Block]:
        if not self.changed:
            yield show.Text(f"No commit: `{self.path}` on `{self.branch}` has this text already.", title=True)
            return
        yield show.Text(f"Commit `{self.id[:12]}` on `{self.branch}`: {self.message}", title=True)
        yield show.Code(self.diff, "diff", None)


@verb
def upload_code(session: Session, folder: str | Path = "sample_job") -> StoredObject:
    """Put `folder` as a ZIP into the artifact bucket: what CodeCommit, or the S3 source, starts from.

    The same content gives the same bytes, and is not uploaded twice. Data, caches and hidden files stay out.
    Raises StackMissing without the storage stack, FileMissing without the folder.
    """
    path = folder if isinstance(folder, Path) else ROOT / folder
    if not path.is_dir():
        raise FileMissing(
            f"There is no folder {folder}.", "Give a folder that holds buildspec.yml and Dockerfile."
        )
    return put_code(session, path, source_key(session))


@verb
def upload_day(session: Session, date: str) -> StoredObject:
    """Put one day of departures, which ships with the job, into the data bucket.

    Raises DayMissing, naming the days that ship, and StackMissing without the storage stack.
    """
    folder = SAMPLE_JOB / "data" / "departures"
    path = folder / f"{date}.csv.gz"
    days = sorted(p.name.removesuffix(".csv.gz") for p in folder.glob("*.csv.gz"))
    if str(date) not in days:
        raise DayMissing(f"No departures of {date} ship with the job.", f"There are {', '.join(days)}.")
    bucket = stacks.exported_value(session, "DataBucketName")
    return _put(session, bucket, f"departures/{date}.csv.gz", path.read_bytes())


@verb
def read_file(session: Session, path: str) -> str:
    """The text of a file in the repository, as the branch has it. Raises FileMissing with close matches."""
    return _repository(session).read(path)


@verb
def commit(session: Session, path: str, text: str, message: str) -> Commit:
    """Change one file in the repository: what `git push` does, in one call.

    A file that is not there yet is added. The same text as before makes no commit: `changed` is False.
    """
    repository = _repository(session)
    try:
        before = repository.read(path)
    except FileMissing:
        before = None
    if before == text:
        return Commit("", repository.branch, path, message, "", changed=False)
    lines = difflib.unified_diff(
        (before or "").splitlines(), text.splitlines(), f"a/{path}", f"b/{path}", lineterm="", n=2
    )
    commit_id = repository.write(path, text, message)
    return Commit(commit_id, repository.branch, path, message, "\n".join(lines))


class _CodeCommit:
    """The repository that CodeCommit keeps."""

    def __init__(self, session: Session, branch: str) -> None:
        self.client, self.branch = session.client("codecommit"), branch
        self.name = stacks.exported_value(session, "CodeRepositoryName")

    def read(self, path: str) -> str:
        try:
            file = self.client.get_file(repositoryName=self.name, commitSpecifier=self.branch, filePath=path)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("FileDoesNotExistException", "PathDoesNotExistException"):
                raise _no_such_file(path, self._paths("")) from None
            raise
        return file["fileContent"].decode()

    def write(self, path: str, text: str, message: str) -> str:
        for _ in range(3):
            tip = self.client.get_branch(repositoryName=self.name, branchName=self.branch)["branch"][
                "commitId"
            ]
            try:
                return self.client.create_commit(
                    repositoryName=self.name,
                    branchName=self.branch,
                    parentCommitId=tip,
                    authorName="Learner",
                    email="learner@example.com",
                    commitMessage=message,
                    putFiles=[{"filePath": path, "fileContent": text.encode()}],
                )["commitId"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ParentCommitIdOutdatedException":
                    raise
        raise AwsRefused(
            "ParentCommitIdOutdatedException", "CreateCommit", "others commit all the time", "Try again."
        )

    def _paths(self, folder: str) -> Iterator[str]:
        found = self.client.get_folder(
            repositoryName=self.name, commitSpecifier=self.branch, folderPath=folder or "/"
        )
        yield from (f["absolutePath"] for f in found.get("files", ()))
        for sub in found.get("subFolders", ()):
            yield from self._paths(sub["absolutePath"])


class _SourceZip:
    """The ZIP that takes the repository's place when SourceProvider is S3."""

    branch = "source.zip"

    def __init__(self, session: Session) -> None:
        self.session, self.bucket = session, stacks.exported_value(session, "ArtifactBucketName")
        self.key = source_key(session)

    def files(self) -> dict[str, bytes]:
        body = self.session.client("s3").get_object(Bucket=self.bucket, Key=self.key)["Body"].read()
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return {i.filename: archive.read(i) for i in archive.infolist() if not i.is_dir()}

    def read(self, path: str) -> str:
        files = self.files()
        if path not in files:
            raise _no_such_file(path, files)
        return files[path].decode()

    def write(self, path: str, text: str, message: str) -> str:
        stored = _put(self.session, self.bucket, self.key, zipped(self.files() | {path: text.encode()}))
        return stored.version or ""


def _repository(session: Session) -> _CodeCommit | _SourceZip:
    build = stacks.read_stack(session, session.stack_name("build"))
    if build.parameters.get("SourceProvider") == "S3":
        return _SourceZip(session)
    return _CodeCommit(session, build.parameters.get("BranchName", "main"))


def source_key(session: Session) -> str:
    """The key of the source ZIP: what the build stack was told, or the template's default."""
    found = stacks.find(session, session.stack_name("build"))
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in (found or {}).get("Parameters", ())}
    return parameters.get("SourceKey", SOURCE_KEY)


def has_code(session: Session, key: str) -> bool:
    return _checksum(session, stacks.exported_value(session, "ArtifactBucketName"), key) is not None


def put_code(session: Session, folder: Path, key: str) -> StoredObject:
    return _put(session, stacks.exported_value(session, "ArtifactBucketName"), key, zipped(_files(folder)))


def zipped(files: dict[str, bytes]) -> bytes:
    """A ZIP of `files` (path → content) that depends on nothing else: not on the time, the user or zlib."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _ALWAYS)
            info.create_system, info.external_attr = 3, 0o100644 << 16  # a Unix file anyone may read
            archive.writestr(info, files[name])
    return buffer.getvalue()


def _files(folder: Path) -> dict[str, bytes]:
    """The folder's files. An empty one becomes a line feed: CodeCommit refuses a ZIP with an empty file.

    Source: github.com/aws/aws-cdk issue 19012.
    """
    found = ((p.relative_to(folder).as_posix(), p) for p in folder.rglob("*") if p.is_file())
    return {name: path.read_bytes() or b"\n" for name, path in found if not _LEFT_OUT.search(name)}


def _put(session: Session, bucket: str, key: str, content: bytes) -> StoredObject:
    """Upload unless the same bytes are there: a new object would start an S3 pipeline for nothing."""
    checksum = hashlib.sha256(content).hexdigest()
    if _checksum(session, bucket, key) == checksum:
        return StoredObject(bucket, key, len(content), changed=False)
    answer = session.client("s3").put_object(
        Bucket=bucket, Key=key, Body=content, Metadata={"sha256": checksum}
    )
    return StoredObject(bucket, key, len(content), True, answer.get("VersionId"))


def _checksum(session: Session, bucket: str, key: str) -> str | None:
    """The checksum we gave the object, "" for one that somebody else stored, None when there is none."""
    try:
        head: dict[str, Any] = session.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return None
        raise
    return head.get("Metadata", {}).get("sha256", "")


def _no_such_file(path: str, known: Iterable[str]) -> FileMissing:
    names = sorted(known)
    close = difflib.get_close_matches(path, names, n=3) or names[:12]
    return FileMissing(f"The repository has no file {path}.", f"There is {', '.join(close)}.")
