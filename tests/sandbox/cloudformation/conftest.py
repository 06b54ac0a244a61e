from __future__ import annotations

from typing import Any

import pytest

from .deploying import Cfn


@pytest.fixture(scope="session")
def cfn(sandbox: Any) -> Cfn:
    return Cfn(sandbox)
