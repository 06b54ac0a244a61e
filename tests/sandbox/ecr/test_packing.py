"""`docker build` without an engine, held against what Docker does with the same Dockerfile.

tests/container/test_docker.py builds some of the same Dockerfiles with Docker itself and compares.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from helpers.sandbox import oci
from helpers.sandbox.docker_cli.context import Context
from helpers.sandbox.docker_cli.dockerfile import DockerfileError, expand, parse
from helpers.sandbox.docker_cli.packer import Packer

from .dockerfiles import COPIES, IGNORED, PATH, REFUSED, SETTINGS, SETTINGS_EXPECTED, TREE


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


class Packed:
    """An image that was packed: its settings, and its files by path."""

    def __init__(self, folder: Path, dockerfile: str, files: dict[str, str], **arguments: Any) -> None:
        source = write(folder / "context", {"Dockerfile": dockerfile, **files})
        self.said: list[str] = []
        self.blobs = oci.Blobs(folder / "blobs")
        context = Context.of_build(source, source / "Dockerfile")
        target = arguments.pop("target", None)
        packer = Packer(context, self.blobs, arguments, "amd64", self.said.append)
        self.digest = packer.build(dockerfile, target)
        self.manifest = json.loads(self.blobs.read(self.digest))
        self.config = json.loads(self.blobs.read(self.manifest["config"]["digest"]))
        self.root = folder / "root"
        oci.unpack([self.blobs.path(layer["digest"]) for layer in self.manifest["layers"]], self.root)

    @property
    def files(self) -> list[str]:
        found = (path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if not path.is_dir())
        return sorted(found)

    @property
    def settings(self) -> dict[str, Any]:
        return self.config["config"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    COPIES,
)
def test_what_copy_copies(tmp_path: Path, lines: str, expected: list[str]) -> None:
    assert Packed(tmp_path, f"FROM scratch\n{lines}\n", TREE).files == expected


@pytest.mark.parametrize(
    ("rules", "left"),
    IGNORED,
)
def test_what_dockerignore_leaves_out(tmp_path: Path, rules: str, left: list[str]) -> None:
    packed = Packed(tmp_path, "FROM scratch\nCOPY . /\n", {**TREE, ".dockerignore": rules})
    assert [name for name in packed.files if name != ".dockerignore"] == left


@pytest.mark.parametrize(
    ("dockerfile", "message"),
    REFUSED,
)
def test_what_docker_refuses(tmp_path: Path, dockerfile: str, message: str) -> None:
    with pytest.raises(DockerfileError) as error:
        Packed(tmp_path, dockerfile, TREE)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("dockerfile", "part"),
    [
        ("FROM x\nADD https://example.com/f /f", "needs a Docker Engine"),
        ("FROM x\nCOPY <<EOF /f\nhi\nEOF", "needs a Docker Engine"),
        ("FROM x\nCOPY --from=nginx /a /a", "that image is not fetched"),
        ("FROM x AS b\nRUN make\nFROM y\nCOPY --from=b /out /out", "RUN lines are not executed"),
    ],
)
def test_what_needs_an_engine_is_refused_by_name(tmp_path: Path, dockerfile: str, part: str) -> None:
    with pytest.raises(DockerfileError, match=part):
        Packed(tmp_path, dockerfile, TREE)


def test_the_settings_of_an_image(tmp_path: Path) -> None:
    packed = Packed(
        tmp_path,
        SETTINGS,
        {},
        MODE="fast",
    )
    assert packed.settings == SETTINGS_EXPECTED
    assert (packed.root / "job/sub").is_dir()
    assert packed.config["rootfs"]["diff_ids"] == [layer["digest"] for layer in packed.manifest["layers"]]


def test_stages(tmp_path: Path) -> None:
    dockerfile = (
        "FROM scratch AS first\nCOPY app /built\nENV A=1\n"
        "FROM first AS second\nENV B=2\n"
        "FROM scratch\nCOPY --from=first /built/main.py /m\nCOPY --from=1 /built/lib /l\n"
    )
    packed = Packed(tmp_path, dockerfile, TREE)
    assert packed.files == ["l/util.py", "m"]
    assert packed.settings["Env"] == [PATH]
    second = Packed(tmp_path / "again", dockerfile, TREE, target="second")
    assert second.settings["Env"] == [PATH, "A=1", "B=2"]
    assert second.files == ["built/lib/util.py", "built/main.py"]


def test_a_heredoc_of_run_is_skipped_as_one_instruction(tmp_path: Path) -> None:
    text = "FROM x\nRUN <<EOF\napt-get update\nCOPY gone /\nEOF\nUSER me\n"
    assert [instruction.name for instruction in parse(text)] == ["FROM", "RUN", "USER"]
    packed = Packed(tmp_path, text, {})
    assert packed.settings == {"Env": [PATH], "User": "me"}
    assert any("not executed" in line for line in packed.said)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A${A}x", "11x"),
        ("${B-d}${B:-d}", "d"),
        ("${B+s}${B:+s}", "s"),
        ("${C-d}${C:-d}${C+s}", "dd"),
        ("'$A'\"$A\"\\$A", "$A1$A"),
        ('"a\\"b\\c"', 'a"b\\c'),
        ("$", "$"),
        ("${C:-${A}}", "1"),
    ],
)
def test_variables(text: str, value: str) -> None:
    assert expand(text, {"A": "1", "B": ""}) == value


def test_the_digest_depends_on_content_alone(tmp_path: Path) -> None:
    dockerfile = "FROM scratch\nWORKDIR /job\nCOPY app app\nCOPY run.sh /\nENV A=1\n"
    tree = {**TREE, "run.sh": "x"}
    first = Packed(tmp_path / "1", dockerfile, tree)

    write(tmp_path / "2" / "context", {"unused": "is not copied", **dict(reversed(tree.items()))})
    os.utime(tmp_path / "2" / "context" / "app" / "main.py", (1, 1))
    assert Packed(tmp_path / "2", dockerfile, {}).digest == first.digest

    write(tmp_path / "3" / "context", tree)
    (tmp_path / "3" / "context" / "run.sh").chmod(0o755)
    executable = Packed(tmp_path / "3", dockerfile, {})
    assert executable.digest != first.digest
    assert os.access(executable.root / "run.sh", os.X_OK)
    assert Packed(tmp_path / "4", dockerfile, {**tree, "app/main.py": "other"}).digest != first.digest


def test_a_layer_is_a_plain_tar_archive(tmp_path: Path) -> None:
    """The header is written out here by hand, after https://www.gnu.org/software/tar/manual/html_node/Standard.html"""
    packed = Packed(tmp_path, "FROM scratch\nCOPY f /f\n", {"f": "hello\n"})
    layer = packed.blobs.read(packed.manifest["layers"][0]["digest"])
    header = bytearray(512)
    fields = {0: b"f", 100: b"0000644\0", 108: b"0000000\0", 116: b"0000000\0", 124: b"00000000006\0"}
    fields |= {136: b"00000000000\0", 148: b" " * 8, 156: b"0", 257: b"ustar\00000"}
    for offset, value in fields.items():
        header[offset : offset + len(value)] = value
    header[148:156] = b"%06o\0 " % sum(header)
    assert layer[:512] == bytes(header)
    assert layer[512:] == b"hello\n".ljust(10240 - 512, b"\0")
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    assert packed.config["rootfs"]["diff_ids"] == [digest]


def test_links_stay_links(tmp_path: Path) -> None:
    context = write(tmp_path / "context", {"d/real": "x"})
    (context / "d" / "link").symlink_to("real")
    (context / "d" / "folder").symlink_to("../elsewhere")
    packed = Packed(tmp_path, "FROM scratch\nCOPY d /d\n", {})
    assert os.readlink(packed.root / "d/link") == "real"
    assert os.readlink(packed.root / "d/folder") == "../elsewhere"


def test_a_layer_cannot_write_outside_the_image(tmp_path: Path) -> None:
    def layer(*entries: tuple[str, bytes, str]) -> Path:
        path = tmp_path / "layer.tar"
        with tarfile.open(path, mode="w") as archive:
            for name, kind, target in entries:
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = kind, target
                archive.addfile(entry)
        return path

    for bad in (
        [("../escaped", tarfile.REGTYPE, "")],
        [("out", tarfile.SYMTYPE, str(tmp_path)), ("out/escaped", tarfile.REGTYPE, "")],
        [("copy", tarfile.LNKTYPE, "../../secret")],
    ):
        with pytest.raises(ValueError, match="leads outside the image"):
            oci.unpack([layer(*bad)], tmp_path / "images" / "root")
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "images" / "root").exists()


def test_a_later_layer_replaces_and_removes(tmp_path: Path) -> None:
    blobs = oci.Blobs(tmp_path / "blobs")
    digests = []
    for number, files in enumerate(({"a": "1", "d/b": "1", "e": "1"}, {"a": "2", "d/.wh.b": "", "e/f": "2"})):
        source = write(tmp_path / str(number), files)
        layer = oci.LayerWriter()
        for name in files:
            layer.add(name, source / name)
        digests.append(layer.write(blobs))
    oci.unpack(map(blobs.path, digests), tmp_path / "root")
    found = {path.relative_to(tmp_path / "root").as_posix() for path in (tmp_path / "root").rglob("*")}
    assert found == {"a", "d", "e", "e/f"}
    assert (tmp_path / "root/a").read_text() == "2"
