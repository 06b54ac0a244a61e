"""IAM's evaluation logic. It stands in `helpers.policy`: `why` and `trace` read policies in an account too."""

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
