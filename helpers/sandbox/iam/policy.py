"""IAM evaluation; the logic stands in `helpers.policy`, as `why` and `trace` read policies in accounts."""

from ...policy import (
    ALLOWED,
    EXPLICIT_DENY,
    IMPLICIT_DENY,
    Decision,
    Request,
    arn_matches,
    evaluate,
    statements,
)

__all__ = [
    "ALLOWED",
    "EXPLICIT_DENY",
    "IMPLICIT_DENY",
    "Decision",
    "Request",
    "arn_matches",
    "evaluate",
    "statements",
]
