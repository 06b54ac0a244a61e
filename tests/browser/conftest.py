"""Browser tests need a Chromium, and CI skips none: otherwise nobody would notice that none ever ran."""

from __future__ import annotations

import os
from typing import Any

import pytest

from . import jupyter


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and jupyter.chromium() is None:
        pytest.skip("no Chromium is on the PATH; CHROMIUM can name one")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"A browser test was skipped in CI. {call.excinfo.value if call.excinfo else ''}"
    return report
