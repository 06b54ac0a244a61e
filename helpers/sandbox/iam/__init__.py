"""IAM in the sandbox: evaluation (`policy`), what a request needs (`actions`), and saying no (`enforce`)."""

from .actions import Need, Place
from .enforce import (
    check_service,
    check_trust,
    check_trust_of_principal,
    hide_missing_object,
    needs_of,
    require,
)
from .policy import Decision, Request, evaluate, statements
from .public_access import check_public_access

__all__ = [
    "Decision",
    "Need",
    "Place",
    "Request",
    "check_public_access",
    "check_service",
    "check_trust",
    "check_trust_of_principal",
    "evaluate",
    "hide_missing_object",
    "needs_of",
    "require",
    "statements",
]
