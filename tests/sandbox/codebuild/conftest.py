"""Builds run in a sandbox without a Docker Engine, whatever this machine has; each test gets a place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .ground import Ground


@pytest.fixture(scope="package")
def process_sandbox(sandbox: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A sandbox on the process runtime."""
    arguments = (*sandbox.arguments, "--runtime", "process")
    running = type(sandbox)(tmp_path_factory.mktemp("builds") / "home", arguments)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def ground(process_sandbox: Any) -> Ground:
    """A role, a bucket and a project that no other test uses."""
    return Ground(process_sandbox)


@pytest.fixture(scope="module")
def place(process_sandbox: Any) -> Ground:
    """One place for the tests of a module that do not change it."""
    return Ground(process_sandbox)
