"""Why a task did not start, in Fargate's words.

Sources of the wording: Amazon ECS developer guide, "Stopped task error messages" and the pages it links to,
and messages that users of Fargate published (read 2026-11-23).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from botocore.exceptions import ClientError


@dataclass(frozen=True)
class Failure:
    """A task that cannot start: `reason` becomes its stoppedReason, `stop_code` its stopCode."""

    reason: str
    stop_code: str = "TaskFailedToStart"


class TaskFailed(Exception):
    """Raised where a task cannot go on; carries the Failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def failed(reason: str) -> TaskFailed:
    """A task that failed to start, for this reason."""
    return TaskFailed(Failure(reason))


def sdk_error(service: str, error: ClientError) -> str:
    """An API's refusal as the AWS SDK for Go, which Fargate uses, prints it."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    request = error.response.get("ResponseMetadata", {}).get("RequestId") or uuid.uuid4()
    known = "" if not is_denied(error) else "api error "  # the SDK knows no type for a denial
    return (
        f"operation error {service}: {error.operation_name}, https response error StatusCode: {status}, "
        f"RequestID: {request}, {known}{code}: {message}"
    )


def is_denied(error: ClientError) -> bool:
    """Whether an API refused for lack of permission."""
    return error.response["Error"]["Code"].startswith("AccessDenied")


def registry_auth(error: ClientError) -> TaskFailed:
    """The execution role may not get a registry token."""
    return failed(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
        "failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): "
        + sdk_error("ECR", error)
    )


def secret(kind: str, service: str, error: ClientError) -> TaskFailed:
    """The execution role cannot read a secret; `kind` is `asm` or `ssm`."""
    source = {"asm": "secret from asm", "ssm": "secrets from ssm"}[kind]
    return failed(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
        f"failed: unable to retrieve {source}: service call has been retried 1 time(s): "
        + sdk_error(service, error)
    )


def manifest_forbidden(uri: str) -> TaskFailed:
    """The execution role may not read the image's manifest."""
    host, _, rest = uri.partition("/")
    tag = rest.partition("@")[2] or rest.rpartition(":")[2]
    return cannot_pull(
        f"pull image manifest has been retried 1 time(s): failed to resolve ref {uri}: pulling from host "
        f"{host} failed with status code [manifests {tag}]: 403 Forbidden"
    )


def layer_forbidden(uri: str, digest: str) -> TaskFailed:
    """The execution role may not download the image's layers."""
    host, _, rest = uri.partition("/")
    repository = rest.partition("@")[0].rpartition(":")[0] or rest
    return cannot_pull(
        "ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: unexpected status "
        f"code https://{host}/v2/{repository}/blobs/{digest}: 403 Forbidden"
    )


def cannot_pull(message: str) -> TaskFailed:
    """The image cannot be had."""
    return failed(f"CannotPullContainerError: {message}")


def logger_args(message: str) -> TaskFailed:
    """The log driver cannot begin."""
    return failed(f"ResourceInitializationError: failed to validate logger args: {message}")


def network_interface(message: str) -> TaskFailed:
    """The task's network interface cannot be made."""
    return failed(f"Unexpected EC2 error while attempting to Create Network Interface: {message}")
