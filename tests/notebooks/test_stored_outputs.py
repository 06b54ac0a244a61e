"""The outputs that are stored in the notebooks are those that they have today: `pytest --nbval` says so.

The course runs once for all of it, in its order, in a sandbox of its own (see conftest.py at the root). What
may differ stands in sanitize.cfg beside this file, rule by rule.
"""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from helpers.commands.comparison import Rules

ROOT = Path(__file__).resolve().parents[2]
RULES = Path(__file__).with_name("sanitize.cfg")
COURSE = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))

Cell = tuple[str, int]


def compared(report: Path, *arguments: str) -> tuple[dict[Cell, str], str]:
    """Run nbval: what is wrong with each code cell (notebook, place from 0), or nothing; and all it said."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--color=no", "-p", "no:cacheprovider"]
    command += [f"--junitxml={report}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500)
    found = {}
    for case in ET.parse(report).iter("testcase") if report.exists() else ():
        wrong = [
            element.text or element.get("message", "") for element in case if element.tag != "system-out"
        ]
        notebook = case.get("classname", "").rpartition(".ipynb")[0].rpartition(".")[2]
        found[notebook, int(case.get("name", "").split()[-1])] = "\n".join(wrong)
    return found, done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> dict[Cell, str]:
    report = tmp_path_factory.mktemp("nbval") / "report.xml"
    found, said = compared(report, *(str(path.relative_to(ROOT)) for path in COURSE))
    assert found, said
    return found


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_a_notebook_shows_what_is_stored_in_it(path: Path, course: dict[Cell, str]) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    results = [course[path.stem, place] for place in range(len(cells))]
    wrong = [
        f"{cell.id}: {cell.source.splitlines()[0]}\n{result}"
        for cell, result in zip(cells, results, strict=True)
        if result
    ]
    assert not wrong, "\n".join([*wrong, "When this is as it should be: python -m helpers outputs"])


STORED_AND_NEW = {
    "the figures of the report": ("AA  JFK  40  0  7.83  35", "AA  JFK  40  0  7.84  35"),
    "rows": ('{"event": "read", "rows": 842}', '{"event": "read", "rows": 843}'),
    "an exit code": ("Task · ✗ exit code 137", "Task · ✗ exit code 1"),
    "a state": ("✓ CREATE_COMPLETE", "✗ ROLLBACK_COMPLETE"),
    "sizes that Fargate sells": ("256 units: 512, 1024, 2048 MiB", "256 units: 512, 1024, 4096 MiB"),
    "the lesson's day": ("departures/2013-01-01.csv.gz", "departures/2013-01-02.csv.gz"),
    "a firing at another hour": ("Fri 27 Mar 06:00 UTC", "Fri 27 Mar 05:00 UTC"),
    "who does it": (
        "assumed-role/flights-roles-TaskRole-CXxvZGxSRYQM/90b8d7f0a3af41f6b279db8f24bad61c",
        "assumed-role/flights-roles-ExecutionRole-CXxvZGxSRYQM/90b8d7f0a3af41f6b279db8f24bad61c",
    ),
    "what is refused": ("may not s3:PutObject on arn:aws:s3:::", "may not s3:GetObject on arn:aws:s3:::"),
    "another account": ("123456789012.dkr.ecr", "210987654321.dkr.ecr"),
    "how many tests ran": ("Ran 45 tests in 0.105s", "Ran 44 tests in 0.105s"),
    "a phase that failed": ("PRE_BUILD  ✓ SUCCEEDED", "PRE_BUILD  ✗ FAILED"),
    "a price": ("USD 21.90 a month", "USD 22.90 a month"),
    "a column": ("<td>flights</td><td>late</td>", "<td>flights</td><td>early</td>"),
}
VARIES = {
    "a port": ("http://127.0.0.1:40357/x", "http://127.0.0.1:53391/x"),
    "a bucket's name": ("flights-storage-data-lwsw8lqd96m2/x", "flights-storage-data-oyk2gymfjmbm/x"),
    "its name in HTML": ("flights-storage-<wbr>data-lwsw8lqd96m2", "flights-storage-<wbr>data-oyk2gymfjmbm"),
    "an endpoint's id": ("('S3', 'vpce-63bae7556c88f7056')", "('S3', 'vpce-09b933ab59b5c0160')"),
    "a digest and a size": ("sha256:b7b15c682ca4…  113 kB", "sha256:4361065bd9d9…  112 kB"),
    "a commit and a time": ("ff2118f37ec3  2026-11-30 11:03", "4ce3929f5a53  2027-01-02 23:59"),
    "how long tests took": ("Ran 45 tests in 0.105s", "Ran 45 tests in 12.063s"),
    "the width of a column": ("Name      Value\n────────  ─────", "Name  Value\n────  ─────"),
}  # fmt: skip


def test_every_rule_is_read() -> None:
    """nbval passes over a rule that is not quite in its form, and says nothing."""
    lines = RULES.read_text(encoding="utf-8").splitlines()
    assert len(Rules(RULES).pairs) == sum(line.startswith("regex:") for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_a_changed_figure_is_found_and_what_varies_is_not(tmp_path: Path) -> None:
    """A notebook whose cells print something else than is stored; nbval must say which matter."""
    cases = {**STORED_AND_NEW, **VARIES}
    cells = [
        new_code_cell(
            f"print({new!r})",
            execution_count=1,
            outputs=[new_output("stream", name="stdout", text=stored + "\n")],
        )
        for stored, new in cases.values()
    ]
    path = tmp_path / "00_cases.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    options = ("--nbval-current-env", f"--nbval-sanitize-with={RULES}", "--rootdir", str(tmp_path), str(path))
    found, said = compared(tmp_path / "report.xml", *options)
    assert len(found) == len(cases), said
    different = {name for place, name in enumerate(cases) if found["00_cases", place]}
    assert different == set(STORED_AND_NEW)
    rules = Rules(RULES)  # by which `helpers outputs` decides what to keep
    assert {n for n, (old, new) in cases.items() if rules.applied(old) != rules.applied(new)} == different
