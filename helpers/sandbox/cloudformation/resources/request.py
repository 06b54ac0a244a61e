"""One request to a resource type: make, change or remove one resource; and how a refusal is worded."""

from __future__ import annotations

import secrets
import string
import uuid
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from ...world import World
from ..errors import ResourceFailed
from ..model import Resource

SERVICE = "cloudformation.amazonaws.com"
HANDLER_CODES = (  # how the error codes of services become CloudFormation's own
    ("NotFound", ("NotFound", "NoSuch", "DoesNotExist", "NotExist", "NonExistent")),
    ("AlreadyExists", ("AlreadyExist", "Duplicate", "NameExists", "AlreadyOwnedByYou", "NameInUse")),
    ("AccessDenied", ("AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden")),
    ("Throttling", ("Throttl", "RequestLimitExceeded")),
    ("ResourceConflict", ("Conflict", "DependencyViolation", "InUse")),
    ("InvalidRequest", ("Invalid", "Validation", "Malformed", "ClientException", "MissingParameter")),
)


def handler_code(error_code: str) -> str:
    """CloudFormation's code for a service's error code: NotFound, AlreadyExists, InvalidRequest …"""
    for code, parts in HANDLER_CODES:
        if any(part in error_code for part in parts):
            return code
    return "GeneralServiceException"


def handler_message(message: str, code: str) -> str:
    """A refusal as the events of a stack show it."""
    return (
        f'Resource handler returned message: "{message}" '
        f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})"
    )


def random_suffix(length: int = 12) -> str:
    """The end of a generated name."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


@dataclass
class ResourceRequest:
    """What a resource type gets: the resource's place in its stack, its properties, and a way to call AWS.

    What it finds out (`physical_id`, `attributes`) goes straight into the stack's record of the resource, so
    that it is known even if the sandbox stops the moment after.
    """

    world: World
    region: str
    stack_name: str
    stack_id: str
    record: Resource
    properties: dict[str, Any]
    previous: dict[str, Any] = field(default_factory=dict)
    role_arn: str | None = None
    legacy: bool = False
    name: str | None = None  # while the resource is being made

    @property
    def logical_id(self) -> str:
        return self.record.logical_id

    @property
    def type(self) -> str:
        return self.record.type

    @property
    def attributes(self) -> dict[str, Any]:
        """What `Fn::GetAtt` gives, as far as it is known."""
        return self.record.attributes

    @property
    def physical_id(self) -> str | None:
        """The resource's id, set once it exists."""
        return self.record.physical_id

    @physical_id.setter
    def physical_id(self, value: str | None) -> None:
        self.record.physical_id = value

    @property
    def planned_id(self) -> str | None:
        """The name it will have. Set before it is made, once it is certain that nothing has that name."""
        return self.record.planned_id

    @planned_id.setter
    def planned_id(self, value: str | None) -> None:
        self.record.planned_id = value

    @property
    def identifier(self) -> str | None:
        """Its physical id, or before it exists the name it will have."""
        return self.record.physical_id or self.name or self.record.planned_id

    @property
    def account(self) -> str:
        return self.world.account

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn`, …"""
        return partition_of(self.region)

    @property
    def changed(self) -> set[str]:
        """The properties that an update changes."""
        names = {*self.properties, *self.previous}
        return {name for name in names if self.properties.get(name) != self.previous.get(name)}

    def client(self, service: str) -> Any:
        """A client that calls as CloudFormation, or with the stack's role."""
        if self.role_arn:
            return self.world.client(service, self.region, role_arn=self.role_arn, as_service=SERVICE)
        return self.world.client(service, self.region, as_service=SERVICE)

    def input_shape(self, service: str, operation: str) -> Any:
        """botocore's description of an operation's parameters."""
        return self.client(service).meta.service_model.operation_model(operation).input_shape

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call AWS. What it refuses becomes a `ResourceFailed`, worded as CloudFormation words it."""
        try:
            return self.attempt(service, operation, **parameters)
        except ClientError as error:
            raise ResourceFailed(self.worded(service, error)) from error
        except BotoCoreError as error:
            raise ResourceFailed(handler_message(str(error), "InvalidRequest")) from error

    def attempt(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call AWS and let botocore's errors through."""
        given = {key: value for key, value in parameters.items() if value is not None}
        return getattr(self.client(service), xform_name(operation))(**given)

    def drop(self, service: str, operation: str, **parameters: Any) -> None:
        """Call AWS to take something away; that it is gone already is as good."""
        try:
            self.attempt(service, operation, **parameters)
        except ClientError as error:
            if handler_code(error.response["Error"]["Code"]) != "NotFound":
                raise ResourceFailed(self.worded(service, error)) from error

    def ensure(self, service: str, operation: str, **parameters: Any) -> None:
        """Call AWS to add something; that it is there already is as good."""
        try:
            self.attempt(service, operation, **parameters)
        except ClientError as error:
            if handler_code(error.response["Error"]["Code"]) != "AlreadyExists":
                raise ResourceFailed(self.worded(service, error)) from error

    def exists(self, service: str, operation: str, **parameters: Any) -> bool:
        """Whether a call that reads a resource finds it."""
        try:
            self.attempt(service, operation, **parameters)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if handler_code(code) == "NotFound" or code in ("404", "ClusterNotFoundException"):
                return False
            raise ResourceFailed(self.worded(service, error)) from error
        return True

    def worded(self, service: str, error: ClientError) -> str:
        """The reason in a stack's event for what a service answered."""
        problem, meta = error.response["Error"], error.response.get("ResponseMetadata", {})
        name = self.client(service).meta.service_model.service_id.replace(" ", "")
        name = name if name == "S3" or not name.isupper() else name.capitalize()
        status, request_id = meta.get("HTTPStatusCode", 400), meta.get("RequestId", uuid.uuid4())
        message, code = problem.get("Message", problem["Code"]), problem["Code"]
        if self.legacy:
            return (
                f"{message} (Service: {name}; Status Code: {status}; Error Code: {code}; "
                f"Request ID: {request_id}; Proxy: null)"
            )
        said = f"{message} (Service: {name}, Status Code: {status}, Request ID: {request_id})"
        return handler_message(said, handler_code(code))

    def already_exists(self, identifier: str) -> ResourceFailed:
        """The refusal when something of this name is there already."""
        for stack in self.world.store("cloudformation", self.region).stacks.values():
            if stack.live and any(
                resource.type == self.type and resource.physical_id == identifier and resource.exists
                for resource in stack.resources.values()
            ):
                return ResourceFailed(f"{identifier} already exists in stack {stack.stack_id}")
        message = f"Resource of type '{self.type}' with identifier '{identifier}' already exists."
        return ResourceFailed(handler_message(message, "AlreadyExists"))

    def generated_name(self, limit: int, lower: bool = False) -> str:
        """`stack-LogicalId-random`, cut to what the service allows; made once, kept in `planned_id`."""
        if self.planned_id is None:
            suffix = random_suffix()
            room = limit - len(suffix) - 2
            stack = self.stack_name[: max(1, room - len(self.logical_id[: room // 2]))]
            logical = self.logical_id[: max(1, room - len(stack))]
            name = f"{stack}-{logical}-{suffix}"
            self.planned_id = name.lower() if lower else name
        return self.planned_id


def partition_of(region: str) -> str:
    """The partition of a region, by the beginning of its name."""
    for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc")):
        if region.startswith(prefix):
            return partition
    return "aws"
