"""What the learner has solved, kept in a file so that it outlives kernels, sandboxes and days.

There is one file for each mode and project. Several kernels may write at the same time: each change is made
under a lock, and the file is replaced whole.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from ..commands.lock import Lock, Taken
from ..session import ROOT, Session

LOCK_SECONDS = 10

Entries = dict[str, dict[str, int | bool]]


def path(session: Session) -> Path:
    """Where the record of a session's project is.

    A sandbox that somebody chose through $SANDBOX_HOME (the series does, and so do tests) keeps it beside its
    state, so that what runs there is not taken for the learner's own.
    """
    chosen = os.environ.get("SANDBOX_HOME") if session.sandbox else None
    folder = Path(chosen) / "progress" if chosen else ROOT / ".progress"
    return folder / f"{session.project}-{session.mode}.json"


def read(session: Session) -> Entries:
    """Exercise id → `solved`, `tries`, `hints`. A file that cannot be read counts as empty."""
    try:
        entries = json.loads(path(session).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(entries, dict):
        return {}
    return {id: entry for id, entry in entries.items() if isinstance(entry, dict)}


def tried(session: Session, id: str, solved: bool) -> str:
    """Note a try. What was solved once stays solved. Returns why it could not be written down, or nothing."""

    def change(entry: dict[str, int | bool]) -> None:
        entry["tries"] = int(entry.get("tries", 0)) + (not entry.get("solved"))
        entry["solved"] = solved or bool(entry.get("solved"))

    return _change(session, id, change)


def hinted(session: Session, id: str, number: int) -> str:
    """Note how many hints of an exercise have been shown. Returns like `tried`."""
    return _change(session, id, lambda entry: entry.update(hints=number))


def _change(session: Session, id: str, change) -> str:
    file = path(session)
    try:
        with Lock(file.with_suffix(".lock"), wait_seconds=LOCK_SECONDS):
            _keep_what_is_unreadable(file)
            entries = read(session)
            change(entries.setdefault(id, {}))
            _replace(file, json.dumps(dict(sorted(entries.items())), indent=1) + "\n")
    except Taken as holder:
        return f"the record of your progress is held by {holder}"
    except OSError as error:
        return f"the record of your progress cannot be written: {error.strerror or error}"
    return ""


def _keep_what_is_unreadable(file: Path) -> None:
    """A broken record is put aside and not overwritten: somebody may be able to mend it."""
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        file.replace(file.with_suffix(".broken"))
    except FileNotFoundError:
        pass


def _replace(file: Path, text: str) -> None:
    """Write beside and rename: a full disk or a kill leaves the old record, whole."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise
