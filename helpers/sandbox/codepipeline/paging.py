"""Long lists in pages, with a token for the next one."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from ..service import AwsError


def page(items: Sequence[Any], token: str | None, size: int) -> tuple[list[Any], dict[str, str]]:
    """The page that `token` names (the first without one), and `nextToken` if there is another.

    Raises AwsError on a token that is none.
    """
    try:
        start = int(base64.b64decode(token, validate=True)) if token else 0
    except ValueError as error:
        raise AwsError("InvalidNextTokenException", f"Invalid token: {token}") from error
    end = start + size
    more = {"nextToken": base64.b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return list(items[start:end]), more
