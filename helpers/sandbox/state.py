"""The sandbox's memory on disk: everything moto and our services hold, in one file, replaced as a whole.

The file is a pickle that only the sandbox writes, into its own home folder. Each moto backend is pickled on
its own; where one refers to another, the reference is stored by name. After a change the file is written
again within a fraction of a second (two seconds while much is going on), so that even `kill -9` loses next to
nothing.
"""

from __future__ import annotations

import io
import logging
import os
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import moto
from moto.backends import get_backend
from moto.core.base_backend import BackendDict, BaseBackend

logger = logging.getLogger(__name__)

FORMAT = 2
SAVE_AFTER_SECONDS = 0.25
REST = 20  # times as long as saving took, nothing is saved: it takes a twentieth of the time at most
LONGEST_REST_SECONDS = 2.0
_lock_types = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
}

Place = tuple[str, str, str]  # service, account, region


class StateUnreadable(Exception):
    """The saved state cannot be used; the message says why."""


def _places() -> list[tuple[Place, BaseBackend]]:
    found = []
    for backends in list(BackendDict._instances):
        for account, region, backend in list(backends.iter_backends()):
            found.append(((backends.service_name, account, region), backend))
    return found


def _backend(service: str, account: str, region: str) -> BaseBackend:
    """What a reference to a backend becomes when the state is read."""
    return get_backend(service)[account][region]


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, names: dict[int, Place]) -> None:
        super().__init__(file, protocol=5)
        self.names = names

    def reducer_override(
        self, thing: Any
    ) -> Any:  # not asked about text, numbers, lists: that makes it quick
        if isinstance(thing, BaseBackend):
            if id(thing) not in self.names:  # moto made it after the list was drawn up
                self.names.update({id(backend): place for place, backend in _places()})
            return _backend, self.names[id(thing)]
        if isinstance(thing, BackendDict):
            return get_backend, (thing.service_name,)
        factory = _lock_types.get(type(thing))
        return (factory, ()) if factory else NotImplemented


def _dump(thing: Any, names: dict[int, Place]) -> bytes:
    """Pickle while others may be changing it: a container that grew meanwhile is simply pickled again."""
    for attempt in range(20):
        file = io.BytesIO()
        try:
            _Pickler(file, names).dump(thing)
            return file.getvalue()
        except RuntimeError:
            time.sleep(0.005 * (attempt + 1))
    raise RuntimeError("the state kept changing while it was saved")


class StateFile:
    """Saves and restores the state; `changed` asks for a save soon, `close` saves the last time."""

    def __init__(self, path: Path, stores: Callable[[], dict], restore: Callable[[dict], None]) -> None:
        self.path = path
        self._stores, self._restore = stores, restore
        self._dirty, self._stop = threading.Event(), threading.Event()
        self._saving = threading.Lock()
        self._thread: threading.Thread | None = None
        self.error: str | None = None

    def load(self) -> bool:
        """Bring back what was saved. False when nothing was; StateUnreadable when it cannot be used."""
        try:
            with self.path.open("rb") as file:
                saved = pickle.load(file)
        except FileNotFoundError:
            return False
        except Exception as error:
            raise StateUnreadable(f"the saved state cannot be read ({error})") from error
        if (saved.get("format"), saved.get("moto")) != (FORMAT, moto.__version__):
            raise StateUnreadable(f"it was saved by another version (moto {saved.get('moto')})")
        for (service, account, region), blob in saved["backends"].items():
            backend = get_backend(service)[account][region]
            backend.__dict__.update(pickle.loads(blob))
        self._restore(pickle.loads(saved["stores"]))
        return True

    def start(self) -> None:
        """Begin to save in the background."""
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)
        self._thread.start()

    def changed(self) -> None:
        """Something is different now: save soon."""
        self._dirty.set()

    def close(self) -> None:
        """Save what is not saved yet and end."""
        self._stop.set()
        self._dirty.set()
        if self._thread:
            self._thread.join(timeout=10)
        self.save()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._dirty.wait()
            self._stop.wait(SAVE_AFTER_SECONDS)
            self._dirty.clear()
            began = time.monotonic()
            self.save()
            rest = min(REST * (time.monotonic() - began), LONGEST_REST_SECONDS)
            self._stop.wait(rest)

    def save(self) -> None:
        """Write everything now. A full disk is remembered in `error`; the older file stays whole."""
        with self._saving:
            try:
                places = _places()
                names = {id(backend): place for place, backend in places}
                content = {
                    "format": FORMAT,
                    "moto": moto.__version__,
                    "stores": _dump(self._stores(), names),
                    "backends": {},
                }
                problem = None
                for place, backend in places:
                    try:
                        content["backends"][place] = _dump(backend.__dict__, names)
                    except (AttributeError, TypeError, pickle.PicklingError) as error:
                        problem = f"what {place[0]} holds cannot be saved, and is lost when the sandbox stops"
                        if problem != self.error:
                            logger.warning("%s: %s", problem, error)
                partial = self.path.with_suffix(".partial")
                with partial.open("wb") as file:
                    pickle.dump(content, file, protocol=5)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(partial, self.path)
                self.error = problem
            except Exception as error:
                self.error = f"the state could not be saved: {error}"
                logger.exception("saving the state failed")
