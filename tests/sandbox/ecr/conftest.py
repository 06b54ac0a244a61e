"""Repositories to push to."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from .pushing import Repository

_numbers = itertools.count(1)


@pytest.fixture
def repository(sandbox: Any) -> Repository:
    """A repository that no other test uses."""
    name = f"team/ecr{next(_numbers)}-{time.monotonic_ns() % 10**8}"
    client = sandbox.client("ecr")
    client.create_repository(repositoryName=name)
    return Repository(sandbox, client, name)
