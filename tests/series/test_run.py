"""A whole series: order, environment, what is written, and the ways a run can end."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

from .write import finish, notebook, processes_of, run, summary, wait_for

LOOK = """
import json, os, sys
about_aws = {name: value for name, value in os.environ.items() if name[:3] in 'AWS SAN WOR'}
print(json.dumps([sys.executable, about_aws]))
"""
SLEEP = "open('asleep', 'w').close()\nimport time; time.sleep(60)"


class Run(NamedTuple):
    folder: Path
    out: Path
    code: int
    said: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "a folder"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two notebooks, of which the second has the lower number; another file that is none of the series."""
    folder = tmp_path_factory.mktemp("a folder")
    notebook(folder, "07_later", "print(open('first').read())")
    notebook(folder, "02_first", "open('first', 'w').write('was here')", LOOK, text="![A dot](dot.svg)")
    (folder / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><circle r="7"/></svg>')
    notebook(folder, "scratch", "1 / 0")
    (folder / "images").mkdir()
    (folder / "images" / "picture.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_PROFILE", "production")
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        out = folder / "out put"
        return Run(folder, out, *finish(run(folder, out)))


def test_it_succeeds_in_order(good: Run) -> None:
    assert good.code == 0, good.said
    found = summary(good.out)
    assert found["outcome"] == "succeeded"
    assert [each["name"] for each in found["notebooks"]] == ["02_first", "07_later"]


def test_each_notebook_is_there_executed_and_as_html(good: Run) -> None:
    later = nbformat.read(good.out / "07_later.ipynb", as_version=4)
    assert later.cells[-1].outputs[0].text == "was here\n"
    page = (good.out / "07_later.html").read_text()
    assert "was here" in page
    assert "https://cdn" not in page  # nothing is fetched when it is opened
    assert 'src="data:image/svg' in (good.out / "02_first.html").read_text()
    assert (good.out / "images" / "picture.svg").is_file()  # what its prose shows lies beside it


def test_kernels_meet_the_sandbox_and_no_account(good: Run) -> None:
    first = nbformat.read(good.out / "02_first.ipynb", as_version=4)
    executable, environment = json.loads(first.cells[-1].outputs[0].text)
    assert executable == sys.executable
    assert "AKIAIOSFODNN7EXAMPLE" not in environment.values()
    assert "AWS_PROFILE" not in environment
    assert environment["AWS_CONFIG_FILE"] == os.devnull
    assert environment["SANDBOX_ENDPOINT"].startswith("http://127.0.0.1:")
    assert environment["SANDBOX_HOME"] == str(good.out / "sandbox")
    assert environment["WORKSHOP_STATIC"] == "1"


def test_progress_stands_in_plain_lines_in_a_log(good: Run) -> None:
    lines = good.said.splitlines()
    places = [
        next(i for i, line in enumerate(lines) if text in line) for text in ("1/2  02_first", "2/2  07_later")
    ]
    assert places == sorted(places)
    assert any("cell  2 of 3" in line and "open('first', 'w')" in line for line in lines)
    assert "\x1b" not in good.said
    assert "\r" not in good.said


def test_the_seconds_add_up(good: Run) -> None:
    seconds = summary(good.out)["seconds"]
    parts = [value for name, value in seconds.items() if name != "total"]
    assert sum(parts) == pytest.approx(seconds["total"], abs=0.05)
    assert min(parts) >= 0
    assert f"{seconds['kernels']:.1f} s to start" in good.said


def test_nothing_stays_behind(good: Run) -> None:
    assert processes_of(good.folder) == []


def test_a_failing_cell_stops_the_series(folder: Path) -> None:
    notebook(folder, "01_good", "1")
    notebook(folder, "02_bad", "fine = 1", "raise RuntimeError('no such luck')")
    notebook(folder, "03_not_reached", "1")
    code, said = finish(run(folder, folder / "out"))
    assert code == 1
    assert "FAILED: 02_bad, code cell 3 of 3: raise RuntimeError('no such luck')" in said
    assert "RuntimeError: no such luck" in said
    assert {path.name for path in (folder / "out").glob("*_*.*")} == {
        "01_good.ipynb", "01_good.html", "02_bad.ipynb", "02_bad.html",
    }  # fmt: skip
    failure = summary(folder / "out")["notebooks"][-1]["failure"]
    assert (failure["cell"], failure["error"], failure["message"]) == (3, "RuntimeError", "no such luck")


def test_one_notebook_alone(folder: Path) -> None:
    notebook(folder, "01_bad", "1 / 0")
    notebook(folder, "02_good", "2")
    code, said = finish(run(folder, folder / "out", only=("02",)))
    assert code == 0, said
    assert [each["name"] for each in summary(folder / "out")["notebooks"]] == ["02_good"]


def test_a_wrong_name_is_told(folder: Path) -> None:
    notebook(folder, "01_a", "1")
    code, said = finish(run(folder, folder / "out", only=("77",)))
    assert (code, "no notebook that begins with 77" in said) == (1, True)


def test_no_account_is_touched_that_is_not_allowed_by_name(folder: Path) -> None:
    notebook(folder, "01_a", "open('was here', 'w')")
    code, said = finish(run(folder, folder / "out", mode="account", region="eu-west-1"))
    assert code == 1
    assert "Set WORKSHOP_ACCOUNT_ID" in said
    assert "Traceback" not in said
    assert not (folder / "was here").exists()


def test_a_series_that_deployed_nothing_has_failed_at_the_teardown(folder: Path) -> None:
    """The facts are read from the APIs, so notebooks that only claim to have worked are found out."""
    notebook(folder, "01_claims", "print('Deployed eight stacks.')")
    notebook(folder, "99_teardown", "print('All gone.')")
    code, said = finish(run(folder, folder / "out"))
    found = summary(folder / "out")
    assert code == 1
    assert "FAILED: The stack flights-storage is missing." in said
    assert found["outcome"] == "failed"
    assert [each["status"] for each in found["before_teardown"]["stacks"]] == ["missing"] * 8
    assert set(found["after_teardown"]) > {"stacks", "buckets", "roles"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_ends_clean(folder: Path, number: int, code: int) -> None:
    notebook(folder, "01_a", "print('before')", SLEEP)
    notebook(folder, "02_b", "2")
    process = run(folder, folder / "out")
    wait_for((folder / "asleep").exists, process)
    process.send_signal(number)
    ended, said = finish(process)
    assert ended == code
    assert f"The run was stopped by {signal.Signals(number).name}" in said
    assert "Traceback" not in said
    assert processes_of(folder) == []
    assert summary(folder / "out")["outcome"] == "stopped"
    assert "before" in (folder / "out" / "01_a.ipynb").read_text()


def test_a_second_run_is_refused_and_a_killed_one_is_no_obstacle(folder: Path) -> None:
    notebook(folder, "01_a", SLEEP)
    first = run(folder, folder / "out")
    wait_for((folder / "asleep").exists, first)
    code, said = finish(run(folder, folder / "out"))
    assert (code, f"process {first.pid}" in said) == (1, True)
    assert "Traceback" not in said

    first.kill()
    finish(first)
    notebook(folder, "01_a", "1")
    code, said = finish(run(folder, folder / "out"))
    assert code == 0, said
    wait_for(lambda: processes_of(folder) == [])
