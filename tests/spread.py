"""How `make test` spreads the tests over processes: which stay together, and which begin first.

A file stays in one process, because its tests share fixtures. So do the folders that share something bigger:
one Docker Engine and registry, or one project with its whole line. What takes longest begins first, so that
no process still works when the others have long ended.
"""

from __future__ import annotations

import os
from typing import Any

from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/container/", "tests/failures/")

# What begins first, the longest in front. Whatever does not stand here comes after it, as collected.
FIRST = (
    "tests/notebooks/test_stored_outputs.py",
    "tests/container/",
    "tests/failures/",
    "tests/browser/",
    "tests/series/",
    "tests/exercises/test_10.py",
    "tests/least_privilege/",
    "tests/exercises/",
    "tests/helpers/",
    "tests/job/",
    "tests/sandbox/codebuild/",
    "tests/sandbox/events/",
    "tests/sandbox/ecs/",
    "tests/sandbox/core/",
    "tests/sandbox/cloudwatch/",
    "tests/sandbox/codepipeline/",
)


def processes() -> int:
    """One more than there are processors, since some tests wait for what a sandbox does; at most 9."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable + 1, 9)


def place(name: str) -> int:
    """Where a file or folder stands in the order in which work is handed out."""
    return next((at for at, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))


class Spread(LoadFileScheduling):
    """xdist's distribution by file, with folders that stay together and an order of our own."""

    def __init__(self, config: Any, log: Any = None) -> None:
        config.option.loadscopereorder = False  # by number of tests, which says little about their time
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=place), last=False)
        super()._assign_work_unit(node)
