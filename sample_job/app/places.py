"""Where files come from and go to: a folder, or a bucket. Both read as a stream and write all or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Protocol

from .errors import InputMissing, StorageRefused

LATE = "The file is late or the date is wrong. When the file has arrived, run the day again."


class Place(Protocol):
    """What the job needs of a place. Names are relative, with `/`, such as reports/2013-01-01.csv."""

    def address(self, name: str) -> str:
        """The full address of a file, for messages."""

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading; raises `InputMissing` or `StorageRefused`."""

    def write(self, name: str, content: bytes) -> None:
        """Write a whole file or nothing; raises `StorageRefused`."""


def place(address: str) -> Place:
    """The place at an address: `s3://bucket`, `s3://bucket/prefix`, or a folder's path."""
    if address.startswith("s3://"):
        bucket, _, prefix = address[len("s3://") :].partition("/")
        return Bucket(bucket, prefix.strip("/"))
    return Folder(Path(address))


class Folder:
    """A folder on this machine."""

    def __init__(self, root: Path):
        self._root = root

    def address(self, name: str) -> str:
        return str(self._root / name)

    def open(self, name: str) -> BinaryIO:
        try:
            return (self._root / name).open("rb")
        except (FileNotFoundError, NotADirectoryError):
            raise InputMissing("there is no such file", LATE, file=self.address(name)) from None
        except OSError as error:
            raise self._refused("read", name, error) from error

    def write(self, name: str, content: bytes) -> None:
        """Write beside the target and rename: whoever looks sees the old file or the new one, whole."""
        target = self._root / name
        half_written = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                half_written.write_bytes(content)
                half_written.replace(target)
            except BaseException:
                half_written.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._refused("written", name, error) from error

    def _refused(self, action: str, name: str, error: OSError) -> StorageRefused:
        advice = "Check the folder's rights, its free space, and that no file stands in its way."
        return StorageRefused(f"cannot be {action}: {error.strerror}", advice, file=self.address(name))


#: What S3 answers, and what to do about it. Codes: Amazon S3 API reference, "Error responses".
S3_ADVICE = {
    "NoSuchBucket": "Check the bucket's name (DATA_BUCKET) and that its stack is deployed.",
    "AccessDenied": (
        "Check what the task role may do: s3:GetObject and s3:PutObject on the objects, and s3:ListBucket on"
        " the bucket. Without s3:ListBucket, S3 says AccessDenied for a file that is simply not there."
    ),
}
S3_OTHER = "Check the task's network (the S3 endpoint of its VPC), role and region, and run the day again."


class Bucket:
    """An S3 bucket, or a part of it under a prefix."""

    def __init__(self, bucket: str, prefix: str = ""):
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def address(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def open(self, name: str) -> BinaryIO:
        with self.explained("read", name):
            found = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name)
        return _Body(found["Body"], self, name)

    def write(self, name: str, content: bytes) -> None:
        """One PutObject: S3 shows the new object when all of it has arrived, and the old one until then."""
        with self.explained("written", name):
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._prefix + name,
                Body=content,
                ContentType="text/csv; charset=utf-8",
            )

    @cached_property
    def _s3(self):
        # Imported here: only a job that uses S3 needs boto3, and its unit tests run without installing it.
        import boto3
        from botocore.config import Config

        retries = {"mode": "standard", "max_attempts": 4}
        config = Config(retries=retries, connect_timeout=5, read_timeout=30)
        return boto3.client("s3", region_name=os.environ.get("AWS_REGION") or None, config=config)

    @contextmanager
    def explained(self, action: str, name: str) -> Iterator[None]:
        """Turn what boto3 raises into an error with a reason and a remedy."""
        from botocore.exceptions import BotoCoreError, ClientError

        file = self.address(name)
        try:
            yield
        except ClientError as error:
            answer = error.response["Error"]
            if answer["Code"] == "NoSuchKey":
                raise InputMissing("there is no such object", LATE, file=file) from None
            reason = f"cannot be {action}: {answer['Code']}: {answer.get('Message', '')}"
            advice = S3_ADVICE.get(answer["Code"], S3_OTHER)
            raise StorageRefused(reason, advice, file=file) from error
        except BotoCoreError as error:
            raise StorageRefused(f"cannot be {action}: {error}", S3_OTHER, file=file) from error


class _Body:
    """The content of an object as it arrives; a broken connection is no end of file but an error."""

    def __init__(self, body: BinaryIO, bucket: Bucket, name: str):
        self._body, self._bucket, self._name = body, bucket, name

    def read(self, size: int = -1) -> bytes:
        with self._bucket.explained("read to its end", self._name):
            return self._body.read(size)

    def close(self) -> None:
        self._body.close()
