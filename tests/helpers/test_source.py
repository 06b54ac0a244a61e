"""The ZIP that the code starts from, the day's data, and commits: as CodeCommit and S3 then have them."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest

from helpers import (
    DayMissing,
    FileMissing,
    StackMissing,
    commit,
    deploy,
    read_file,
    source,
    stacks,
    upload_code,
    upload_day,
)


@pytest.fixture(scope="module")
def session(session_of):
    """A project with a repository and nothing behind it."""
    session = session_of("code")
    deploy(session, "build")
    return session


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "app/main.py": "print(1)\n",
        "app/__init__.py": "",
        "Dockerfile": "FROM scratch\n",
        "data/day.csv": "1,2\n",
        "app/__pycache__/main.cpython-311.pyc": "x",
        ".git/config": "x",
        ".ruff_cache/x": "x",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def names(body: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(body)).namelist()


def test_the_zip_holds_the_code_and_neither_data_nor_caches(folder):
    assert names(source.zipped(source._files(folder))) == ["Dockerfile", "app/__init__.py", "app/main.py"]


def test_the_same_content_gives_the_same_bytes_whenever_and_whoever(folder):
    first = source.zipped(source._files(folder))
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    (folder / "app/main.py").chmod(0o600)
    assert source.zipped(source._files(folder)) == first
    (folder / "app/main.py").write_text("print(2)\n")
    assert source.zipped(source._files(folder)) != first


def test_an_empty_file_is_made_one_that_codecommit_takes(folder):
    archive = zipfile.ZipFile(io.BytesIO(source.zipped(source._files(folder))))
    assert archive.read("app/__init__.py") == b"\n"
    assert min(info.file_size for info in archive.infolist()) > 0


def test_the_job_itself_starts_the_repository(session):
    files = session.client("codecommit").get_folder(repositoryName="code", folderPath="/")
    assert {"buildspec.yml", "Dockerfile"} <= {f["relativePath"] for f in files["files"]}
    assert {"app", "tests"} <= {f["relativePath"] for f in files["subFolders"]}
    assert "data" not in {f["relativePath"] for f in files["subFolders"]}


def test_code_is_uploaded_once(session, folder):
    assert upload_code(session).changed is False  # deploy has uploaded it
    assert upload_code(session, folder).changed is True
    assert upload_code(session, folder).changed is False
    assert upload_code(session, "sample_job").changed is True
    with pytest.raises(FileMissing, match="no folder nowhere"):
        upload_code(session, "nowhere")


def test_a_day_is_uploaded_as_it_ships(session):
    first = upload_day(session, "2013-01-01")
    assert (first.key, first.changed) == ("departures/2013-01-01.csv.gz", True)
    assert upload_day(session, "2013-01-01").changed is False
    body = session.client("s3").get_object(Bucket=first.bucket, Key=first.key)["Body"].read()
    assert gzip.decompress(body).count(b"\n") == 843  # 842 departures and the heading


def test_a_day_that_does_not_ship_names_those_that_do(session):
    with pytest.raises(DayMissing, match="2013-05-05") as missing:
        upload_day(session, "2013-05-05")
    assert "2013-01-01" in missing.value.next_step
    with pytest.raises(DayMissing):
        upload_day(session, "../../../etc/passwd")


def test_a_commit_is_what_codecommit_then_has(session):
    before = read_file(session, "app/report.py")
    made = commit(session, "app/report.py", before + "# more\n", "Add a line")
    tip = session.client("codecommit").get_branch(repositoryName="code", branchName="main")["branch"][
        "commitId"
    ]
    assert (made.id, made.branch, made.changed) == (tip, "main", True)
    assert "+# more" in made.diff.splitlines()
    assert made.id[:12] in str(made) and "Add a line" in str(made)
    assert read_file(session, "app/report.py") == before + "# more\n"
    record = session.client("codecommit").get_commit(repositoryName="code", commitId=tip)["commit"]
    assert record["message"].strip() == "Add a line"


def test_the_same_text_makes_no_commit(session):
    client = session.client("codecommit")
    tip = client.get_branch(repositoryName="code", branchName="main")["branch"]["commitId"]
    made = commit(session, "app/report.py", read_file(session, "app/report.py"), "Nothing")
    assert made.changed is False and "No commit" in str(made)
    assert client.get_branch(repositoryName="code", branchName="main")["branch"]["commitId"] == tip


def test_a_new_file_is_added(session):
    made = commit(session, "docs/why.md", "Because.\n", "Say why")
    assert made.diff.splitlines()[-1] == "+Because."
    assert read_file(session, "docs/why.md") == "Because.\n"


def test_a_file_that_is_not_there_names_close_ones(session):
    with pytest.raises(FileMissing, match=r"app/reprt\.py") as missing:
        read_file(session, "app/reprt.py")
    assert "app/report.py" in missing.value.next_step


def test_without_the_build_stack_it_says_which_is_missing(session_of):
    with pytest.raises(StackMissing, match="codeless-build"):
        read_file(session_of("codeless"), "x")
    with pytest.raises(StackMissing, match="codeless-storage"):
        upload_day(session_of("codeless"), "2013-01-01")


def test_s3_takes_codecommits_place_under_the_same_verbs(session_of):
    session = session_of("zipcode")
    deploy(session, "build", {"SourceProvider": "S3"})
    assert session.client("codecommit").list_repositories()["repositories"] != [{"repositoryName": "zipcode"}]
    text = read_file(session, "Dockerfile")
    made = commit(session, "Dockerfile", text + "# more\n", "Add a line")
    bucket = stacks.exported_value(session, "ArtifactBucketName")
    head = session.client("s3").head_object(Bucket=bucket, Key="source.zip")
    assert made.id == head["VersionId"]
    body = session.client("s3").get_object(Bucket=bucket, Key="source.zip")["Body"].read()
    archive = zipfile.ZipFile(io.BytesIO(body))
    assert archive.read("Dockerfile").decode() == text + "# more\n"
    assert "buildspec.yml" in archive.namelist()
    with pytest.raises(FileMissing):
        read_file(session, "nothing.py")
