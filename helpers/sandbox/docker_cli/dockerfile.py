"""Dockerfiles, read as Docker reads them: instructions, continuation lines, heredocs, variables, quotes.

https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

INSTRUCTIONS = re.compile(
    "ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER|"
    "VOLUME|WORKDIR"
)
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)([A-Za-z_]\w*)\1")
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?\s*")
_DIRECTIVE = re.compile(r"#\s*([a-z]+)\s*=\s*(\S+)\s*$", re.I)


class DockerfileError(Exception):
    """The Dockerfile cannot be built; the message is Docker's."""


@dataclass(frozen=True)
class Instruction:
    """One instruction: `COPY`, its flags, and the rest of the (joined) line."""

    name: str
    value: str
    line: int
    flags: Mapping[str, str] = field(default_factory=dict)
    heredoc: bool = False

    @property
    def text(self) -> str:
        """As Docker prints it in `Step 1/7 : ...`."""
        flags = "".join(f"--{name}={value} " for name, value in self.flags.items())
        return f"{self.name} {flags}{self.value}".strip()


def parse(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile. DockerfileError for an unknown one, or none at all."""
    lines = text.splitlines()
    escape = _escape_character(lines)
    found: list[Instruction] = []
    position = 0
    while position < len(lines):
        first = position
        joined, position = _joined(lines, position, escape)
        if not joined:
            continue
        name, _, value = joined.partition(" ") if " " in joined else joined.partition("\t")
        if not INSTRUCTIONS.fullmatch(name.upper()):
            raise DockerfileError(f"dockerfile parse error line {first + 1}: unknown instruction: {name}")
        heredocs = _HEREDOC.findall(value) if name.upper() in ("RUN", "COPY", "ADD") else []
        for _, ending in heredocs:
            while position < len(lines) and lines[position].strip("\t") != ending:
                position += 1
            position += 1
        flags, rest = _flags(name.upper(), value.strip())
        found.append(Instruction(name.upper(), rest, first + 1, flags, bool(heredocs)))
    if not found:
        raise DockerfileError("the Dockerfile cannot be empty")
    for instruction in found:
        if not instruction.value and instruction.name != "CMD":
            raise DockerfileError(
                f"dockerfile parse error line {instruction.line}: {instruction.name} requires at least one "
                "argument"
            )
    return found


def _escape_character(lines: list[str]) -> str:
    for line in lines:
        directive = _DIRECTIVE.match(line)
        if not directive:
            break
        if directive[1].lower() == "escape":
            return directive[2]
    return "\\"


def _joined(lines: list[str], position: int, escape: str) -> tuple[str, int]:
    """One logical line, without comments, and where the next begins."""
    parts = []
    while position < len(lines):
        line = lines[position]
        position += 1
        if line.lstrip().startswith("#") or (parts and not line.strip()):
            if parts:
                continue
            return "", position
        stripped = line.rstrip()
        if stripped.endswith(escape):
            parts.append(stripped[:-1])
            continue
        parts.append(stripped)
        break
    return "".join(parts).strip(), position


def _flags(name: str, value: str) -> tuple[dict[str, str], str]:
    flags = {}
    if name in ("ADD", "COPY", "FROM", "RUN", "HEALTHCHECK"):
        while match := _FLAG.match(value):
            flags[match[1]] = match[2] if match[2] is not None else "true"
            value = value[match.end() :]
    return flags, value


def command(value: str, shell: list[str]) -> list[str]:
    """What CMD and ENTRYPOINT mean: a JSON array as it is, anything else through the shell."""
    return json_array(value) if json_array(value) is not None else [*shell, value]


def json_array(value: str) -> list[str] | None:
    """The exec form `["a", "b"]`, or None when it is not one."""
    try:
        found = json.loads(value)
    except ValueError:
        return None
    return found if isinstance(found, list) and all(isinstance(item, str) for item in found) else None


def tokens(text: str) -> list[str]:
    """Split at blanks outside quotes. The quotes stay, for `expand` to remove."""
    return [
        match[0] for match in re.finditer(r"(?:[^\s\"'\\]|\\.|\"(?:[^\"\\]|\\.)*\"|'[^']*'|[\"'\\])+", text)
    ]


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+instead}`; remove quotes and escapes."""
    result = []
    position, quote = 0, ""
    while position < len(text):
        character = text[position]
        if quote == "'":
            position += 1
            if character == "'":
                quote = ""
            else:
                result.append(character)
        elif character in "\"'" and (not quote or character == quote):
            quote = "" if quote else character
            position += 1
        elif character == "\\" and position + 1 < len(text):
            following = text[position + 1]
            if quote and following not in '"$\\':
                result.append(character)
            result.append(following)
            position += 2
        elif character == "$":
            value, position = _variable(text, position, variables)
            result.append(value)
        else:
            result.append(character)
            position += 1
    return "".join(result)


def _variable(text: str, position: int, variables: Mapping[str, str]) -> tuple[str, int]:
    plain = re.compile(r"\$(\w+)").match(text, position)
    if plain:
        return variables.get(plain[1], ""), plain.end()
    braced = re.compile(r"\$\{(\w+)(?:(:?[-+?])((?:[^{}]|\$\{[^}]*\})*))?\}").match(text, position)
    if not braced:
        return "$", position + 1
    name, operator, word = (
        braced[1],
        braced[2] or "",
        expand(braced[3] or "", variables),
    )
    value = variables.get(name)
    given = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return (word if given else ""), braced.end()
    if operator.endswith("?") and not given:
        raise DockerfileError(f"failed to process {text!r}: {name}: {word or 'not set'}")
    if operator.endswith("-") and not given:
        return word, braced.end()
    return value or "", braced.end()


def pairs(value: str, variables: Mapping[str, str], name: str) -> dict[str, str]:
    """What ENV and LABEL set: `A=1 B="two words"`, or the old form `A the rest of the line`."""
    found = tokens(value)
    if "=" not in found[0]:
        key, _, rest = value.partition(" ")
        if not rest.strip():
            raise DockerfileError(f"{name} must have two arguments")
        return {expand(key, variables): expand(rest.strip(), variables)}
    result = {}
    for token in found:
        key, separator, content = token.partition("=")
        if not separator:
            raise DockerfileError(
                f"Syntax error - can't find = in {json.dumps(token)}. Must be of the form: name=value"
            )
        result[expand(key, variables)] = expand(content, variables)
    return result
