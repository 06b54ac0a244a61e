"""A base image made of this machine's own Python, for container tests where no registry can be reached.

`python tests/container/base_image.py` imports it into the Docker Engine under the name that the Dockerfile's
FROM has, so that the Dockerfile is built as it stands. The image holds Python with pip, a shell, the usual
small commands, and the packages that the job installs, from which pip then takes them: a build needs no
network. It is for Linux with glibc, and takes a few seconds.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
JOB = ROOT / "sample_job"
PREFIX = Path("/usr/local")
WHEELS = "/opt/wheels"
COMMANDS = """
    awk base64 basename bash cat chgrp chmod chown cp cut date dd df dirname du echo env expr false find grep
    groupadd gzip head hostname id install ln ls md5sum mkdir mktemp mv nproc od printenv printf ps pwd
    readlink realpath rm rmdir sed seq sh sha256sum sleep sort stat stty sync tail tar tee test timeout touch
    tr true uname uniq useradd wc which whoami xargs yes
"""
NOT_NEEDED = re.compile(
    r"/(__pycache__|tests?|idlelib|tkinter|turtledemo|lib2to3|ensurepip|config-.*|EXTERNALLY-MANAGED)(/|$)"
)
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/pip.conf": f"[global]\nno-index = true\nfind-links = {WHEELS}\n",
}


def name_in(dockerfile: Path) -> str:
    """The image that a Dockerfile begins with, build arguments at their defaults."""
    text = dockerfile.read_text()
    arguments = dict(re.findall(r"^ARG\s+(\w+)=(\S+)", text, re.M))
    first = re.search(r"^FROM\s+(?:--platform=\S+\s+)?(\S+)", text, re.M)
    if first is None:
        raise ValueError(f"{dockerfile} has no FROM")
    return re.sub(r"\$\{?(\w+)\}?", lambda found: arguments[found[1]], first[1])


def base_python() -> Path:
    """The real interpreter behind a virtual environment."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def libraries(binaries: list[Path]) -> dict[Path, Path]:
    """The shared libraries that binaries need, by where they stand in the image.

    They all go where the C library is: a library beside a Python in somebody's home would be closed to other
    users of the container.
    """
    listed = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True).stdout
    loader = {Path(path) for path in re.findall(r"^\s+(/\S+) \(0x", listed, re.M)}
    named = {Path(path) for path in re.findall(r"=> (/\S+) \(0x", listed)}
    libc = next(path.parent for path in named if path.name.startswith("libc.so"))
    return {path: path for path in loader} | {libc / path.name: path for path in named}


def files_of_python() -> Iterator[tuple[Path, Path]]:
    """Where each file of Python and pip goes, and where it is now."""
    python = base_python()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    yield PREFIX / "bin" / version, python
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    for path in library.rglob("*"):
        inside = path.relative_to(library)
        if path.is_file() and inside.parts[0] not in ("site-packages", "dist-packages"):
            yield PREFIX / "lib" / version / inside, path
    question = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(
        subprocess.check_output([str(python), "-c", question], text=True).strip()
    ).name  # site- or dist-
    pip = Path(sysconfig.get_path("purelib")) / "pip"
    for path in pip.rglob("*"):
        if path.is_file():
            yield PREFIX / "lib" / version / packages / "pip" / path.relative_to(pip), path


def contents(wheels: Path) -> dict[Path, Path]:
    """All files of the image, by their place in it."""
    files = {target: source for target, source in files_of_python() if not NOT_NEEDED.search(str(source))}
    for command in COMMANDS.split():
        if found := shutil.which(command, path=PATH):
            folder = "/usr/sbin" if command.endswith("add") else "/usr/bin"
            files[Path(folder) / command] = Path(found).resolve()
    programs = {PREFIX / "bin", Path("/usr/bin"), Path("/usr/sbin")}
    binaries = [to for at, to in files.items() if at.suffix == ".so" or at.parent in programs]
    files |= libraries(binaries)
    files |= {Path(WHEELS) / wheel.name: wheel for wheel in wheels.iterdir()}
    return files


def write_tar(files: dict[Path, Path], out: io.BufferedIOBase) -> None:
    """The image's file system. All belongs to root, and /bin and the like are links, as in Debian."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    links = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
    links |= {f"usr/local/bin/{name}": version for name in ("python", "python3")}
    with tarfile.open(fileobj=out, mode="w|") as tar:
        for folder, mode in {"tmp": 0o1777, "root": 0o700, "usr": 0o755, "var/tmp": 0o1777}.items():
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for target, source in sorted(files.items()):
            place = re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", str(target)).lstrip("/")
            entry = tar.gettarinfo(str(source.resolve()), place)
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.type, entry.linkname = tarfile.REGTYPE, ""
            entry.size = source.resolve().stat().st_size
            with source.open("rb") as content:
                tar.addfile(entry, content)
        for place, text in FILES.items():
            entry = tarfile.TarInfo(place)
            entry.size, entry.mode = len(text.encode()), 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
        for place, pointed_at in links.items():
            entry = tarfile.TarInfo(place)
            entry.type, entry.linkname = tarfile.SYMTYPE, pointed_at
            tar.addfile(entry)


def download(requirements: Path, folder: Path) -> None:
    """Fetch what pip will install in a build, once, while there is a network."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary", ":all:", "--dest", str(folder), "--requirement", str(requirements)]
    subprocess.run(command, check=True)


def import_image(name: str, files: dict[Path, Path]) -> None:
    """Make the image `name` in the Docker Engine that DOCKER_HOST names, or the default one."""
    changes = [f"ENV PATH={PATH}", "ENV LANG=C.UTF-8", 'CMD ["python3"]']
    command = ["docker", "import", *(part for change in changes for part in ("--change", change)), "-", name]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        write_tar(files, process.stdin)
        process.stdin.close()
    if process.returncode:
        raise SystemExit(f"docker import ended with exit code {process.returncode}")


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else name_in(JOB / "Dockerfile")
    with tempfile.TemporaryDirectory() as folder:
        download(JOB / "requirements.txt", Path(folder))
        import_image(name, contents(Path(folder)))
    print(f"{name}: Python {sys.version.split()[0]} of this machine, {os.uname().machine}")


if __name__ == "__main__":
    main()
