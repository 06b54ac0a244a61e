"""`run --twice`, `--alone` and `--solutions`: which sandbox each notebook meets, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from .write import finish, notebook, processes_of, run, summary

BUCKETS = """
import boto3, os
s3 = boto3.client('s3', endpoint_url=os.environ['SANDBOX_ENDPOINT'], region_name='us-east-1',
    aws_access_key_id='sandbox', aws_secret_access_key='sandbox')
s3.create_bucket(Bucket=f'bucket-{len(s3.list_buckets()["Buckets"])}')
print(len(s3.list_buckets()['Buckets']), os.path.basename(os.getcwd()))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two notebooks, the first with a solution; each says how many buckets there are, its own included."""
    made = tmp_path / "a folder"
    (made / "solutions").mkdir(parents=True)
    notebook(made, "00_a", BUCKETS)
    notebook(made, "01_b", BUCKETS)
    notebook(made / "solutions", "00_a", BUCKETS)
    return made


def said_by(out: Path, names: list[str]) -> list[str]:
    """What the last cell of each executed notebook printed."""
    read = (nbformat.read(out / name, as_version=4) for name in names)
    return [executed.cells[-1].outputs[0].text.strip() for executed in read]


def test_twice_in_the_same_sandbox_with_the_solution_after_its_notebook(folder: Path) -> None:
    out = folder / "out"
    code, said = finish(run(folder, out, "twice", solutions=True))
    assert code == 0, said
    found = summary(out)
    assert (found["outcome"], [part["outcome"] for part in found["runs"]]) == ("succeeded", ["succeeded"] * 2)
    assert [each["name"] for each in found["notebooks"]] == ["00_a", "solutions/00_a", "01_b"] * 2
    buckets = said_by(out, [each["notebook"] for each in found["notebooks"]])
    assert buckets == [
        "1 a folder", "2 solutions", "3 a folder",
        "4 a folder", "5 solutions", "6 a folder",
    ]  # fmt: skip
    assert processes_of(folder) == []


def test_alone_from_an_empty_sandbox_and_a_failure_keeps_no_other_from_being_tried(folder: Path) -> None:
    notebook(folder, "00_a", "raise RuntimeError('no such luck')")
    out = folder / "out"
    code, said = finish(run(folder, out, "alone", solutions=True))
    assert code == 1
    assert "RuntimeError: no such luck" in said
    assert "FAILED: alone: 00_a in" in said
    found = summary(out)
    outcomes = {each["name"]: each["outcome"] for each in found["notebooks"]}
    assert outcomes == {"00_a": "failed", "solutions/00_a": "succeeded", "01_b": "succeeded"}
    assert found["outcome"] == "failed"
    later = [each["notebook"] for each in found["notebooks"][1:]]
    assert said_by(out, later) == ["1 solutions", "1 a folder"]
    assert processes_of(folder) == []


def test_an_account_is_never_run_in_as_if_it_were_empty(folder: Path) -> None:
    code, said = finish(run(folder, folder / "out", "alone", mode="account"))
    assert (code, "--alone is for the sandbox" in said) == (1, True)
