"""Long lists in pages, with a token for the next one."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeVar

from ..service import AwsError

T = TypeVar("T")


def page(items: Sequence[T], token: str | None, size: int) -> tuple[Sequence[T], str | None]:
    """The page that `token` names (without one the first), and the next token. AwsError on a bad token."""
    try:
        start = int(base64.b64decode(token, validate=True)) if token else 0
    except ValueError as error:
        raise AwsError(
            "InvalidContinuationTokenException", "The specified continuation token is not valid."
        ) from error
    end = start + size
    return items[start:end], base64.b64encode(str(end).encode()).decode() if end < len(items) else None
