"""CodeCommit: a real Git repository behind the API, and behind an address for `git clone` and `git push`."""

from . import branches, browse, commits, repositories, smart_http
from .archive import archive
from .seed import seed_from_zip
from .store import service

__all__ = [
    "archive",
    "branches",
    "browse",
    "commits",
    "repositories",
    "seed_from_zip",
    "service",
    "smart_http",
]
