"""Why a phase of a build failed: a code and a message, as they stand in the phase's context."""

from __future__ import annotations

from botocore.exceptions import ClientError


class PhaseFailed(Exception):
    """A phase cannot go on. `code` and `message` become the phase's context."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def of_request(error: ClientError) -> str:
    """An API's refusal as the AWS SDK for Go, in which CodeBuild's agent is written, prints it."""
    found, meta = error.response["Error"], error.response.get("ResponseMetadata", {})
    return (
        f"{found['Code']}: {found['Message']}\n\tstatus code: {meta.get('HTTPStatusCode', 400)}, "
        f"request id: {meta.get('RequestId', '')}"
    )
