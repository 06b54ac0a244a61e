"""Dockerfiles and what Docker makes of them: tests of the stand-in expect it, container tests ask Docker."""

from __future__ import annotations

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What every image has, unless its base says otherwise."""

TREE = {"app/main.py": "main", "app/lib/util.py": "util", "data.csv": "1", "notes.md": "n", "b.csv": "2"}

# Lines after FROM scratch, and the files of the image.
COPIES = [
    ("COPY app app", ["app/lib/util.py", "app/main.py"]),
    ("COPY app/ /srv/", ["srv/lib/util.py", "srv/main.py"]),
    ("COPY app /srv", ["srv/lib/util.py", "srv/main.py"]),
    ("WORKDIR /job\nCOPY data.csv .", ["job/data.csv"]),
    ("WORKDIR /job\nWORKDIR in\nCOPY data.csv d/", ["job/in/d/data.csv"]),
    ("COPY data.csv /x", ["x"]),
    ("WORKDIR /x\nCOPY data.csv /x", ["x/data.csv"]),
    ("COPY *.csv /d/", ["d/b.csv", "d/data.csv"]),
    ("COPY app/*/*.py notes.md /d/", ["d/notes.md", "d/util.py"]),
    ('COPY ["data.csv", "/a b/"]', ["a b/data.csv"]),
    ("ADD ./app/main.py /y.py", ["y.py"]),
    ("ARG D=/from/arg\nCOPY data.csv ${D}/", ["from/arg/data.csv"]),
    ("COPY --chown=1:1 data.csv /o/", ["o/data.csv"]),
    ("COPY . /all/", [f"all/{name}" for name in sorted([*TREE, "Dockerfile"])]),
]

# A .dockerignore, and what COPY . / copies.
IGNORED = [  # https://docs.docker.com/build/concepts/context/#dockerignore-files
    ("*.csv", ["Dockerfile", "app/lib/util.py", "app/main.py", "notes.md"]),
    ("# comment\n\napp", ["Dockerfile", "b.csv", "data.csv", "notes.md"]),
    ("**/*.py", ["Dockerfile", "b.csv", "data.csv", "notes.md"]),
    ("*\n!app\napp/lib", ["app/main.py"]),
    ("*/*/util.py\nDockerfile", ["app/main.py", "b.csv", "data.csv", "notes.md"]),
    ("/?.csv", ["Dockerfile", "app/lib/util.py", "app/main.py", "data.csv", "notes.md"]),
    ("app/**\n!app/lib/*", ["Dockerfile", "app/lib/util.py", "b.csv", "data.csv", "notes.md"]),
]

# A Dockerfile, and why it is refused.
REFUSED = [
    (
        "FROM x\nCOPY gone /",
        "COPY failed: file not found in build context or excluded by .dockerignore: stat gone: file "
        "does not exist",
    ),
    ("FROM x\nCOPY *.gone /d/", "COPY failed: no source files were specified"),
    (
        "FROM x\nCOPY data.csv b.csv /d",
        "When using COPY with more than one source file, the destination must be a directory and end "
        "with a /",
    ),
    (
        "FROM x\nCOPY ../data.csv /",
        "COPY failed: forbidden path outside the build context: ../data.csv ()",
    ),
    (
        "FROM x\nCOPY data.csv",
        "COPY requires at least two arguments, but only 1 was provided. Destination could not be determined.",
    ),
    ("FROM x\nINSTALL y", "dockerfile parse error line 2: unknown instruction: INSTALL"),
    ("# nothing", "the Dockerfile cannot be empty"),
    ("COPY a b", "no build stage in current context"),
    ("FROM x\nENV A", "ENV must have two arguments"),
    ("FROM x\nENV A=1 B", 'Syntax error - can\'t find = in "B". Must be of the form: name=value'),
    ("FROM x AS", "FROM requires either one or three arguments"),
    ("FROM x\nSHELL bash", "SHELL requires the arguments to be in JSON form"),
    ("FROM x\nUSER", "dockerfile parse error line 2: USER requires at least one argument"),
]

SETTINGS = (
    "ARG TAG=3.13\n"
    "FROM scratch AS base\n"
    "ARG TAG\n"
    "ARG MODE=slow\n"
    "ENV TAG_WAS=$TAG MODE=${MODE} QUOTED=\"two words\" SINGLE='$TAG' ESCAPED=\\$TAG\n"
    "ENV OLD form of env\n"
    "ENV PATH=/opt/bin:$PATH NEXT=${NOT_SET:-default}${MODE:+!}\n"
    'LABEL a="b c" d=e\n'
    "EXPOSE 80 53/udp\n"
    "VOLUME /data\n"
    "STOPSIGNAL SIGINT\n"
    "USER nobody:nogroup\n"
    "WORKDIR /job\n"
    "WORKDIR sub\n"
    "ENTRYPOINT python -m app\n"
    'CMD ["one", \\\n'
    "  # a comment between\n"
    '  "two"]\n'
)
SETTINGS_EXPECTED = {
    "Env": [
        PATH.replace("=", "=/opt/bin:"),
        *("TAG_WAS=3.13", "MODE=fast", "QUOTED=two words", "SINGLE=$TAG", "ESCAPED=$TAG"),
        *("OLD=form of env", "NEXT=default!"),
    ],
    "Labels": {"a": "b c", "d": "e"},
    "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
    "Volumes": {"/data": {}},
    "StopSignal": "SIGINT",
    "User": "nobody:nogroup",
    "WorkingDir": "/job/sub",
    "Entrypoint": ["/bin/sh", "-c", "python -m app"],
    "Cmd": ["one", "two"],
}
