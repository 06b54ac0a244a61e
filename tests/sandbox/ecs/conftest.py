"""Each test of tasks gets a place of its own for them."""

from __future__ import annotations

from typing import Any

import pytest

from .ground import Ground


@pytest.fixture
def ground(sandbox: Any) -> Ground:
    """Network, roles, a cluster, a log group and a repository that no other test uses."""
    return Ground(sandbox)
