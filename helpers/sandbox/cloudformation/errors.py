"""The ways in which CloudFormation says no.

A request that cannot be accepted is refused at once, with an `AwsError`. What is found wrong later ends the
operation on the stack (`OperationFailed`) or one resource (`ResourceFailed`), and its text becomes the reason
that the stack's events show.
"""

from __future__ import annotations

from ..service import AwsError


def validation_error(message: str) -> AwsError:
    """The refusal that CloudFormation uses for almost everything: code ValidationError, status 400."""
    return AwsError("ValidationError", message)


class OperationFailed(Exception):
    """The whole operation on a stack cannot go on; the text is the reason, without a full stop."""


class ResourceFailed(Exception):
    """One resource could not be created, updated or deleted; the text is the reason its event shows."""

    def __init__(self, reason: str, validation_path: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.validation_path = validation_path


class PropertiesInvalid(ResourceFailed):
    """The properties do not fit the resource type's schema."""
