"""How a part of AWS is written here: a `Service` with operations, each a function from a `Call` to a dict.

A service names the AWS API that it answers (as botocore names it) and registers the operations that are ours.
Requests are parsed and answers written by moto's protocol code from botocore's own service models, so an
operation sees plain parameters and returns a plain dict in the shape that AWS documents.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from .principals import Principal
    from .world import World

MOTO = object()
"""What an operation returns when moto shall answer the request after all, once our own checks have passed."""


class AwsError(Exception):
    """An error answer, exactly as AWS would send it: error code, message, HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Call:
    """One API request: who asks which operation of which service, where, and with what parameters."""

    world: World
    service: Service
    operation: str
    params: dict[str, Any]
    region: str
    account: str
    principal: Principal
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Any:
        """The service's own persistent state in the region of this call."""
        return self.world.store(self.service.name, self.region)


Operation = Callable[[Call], Any]


class Api:
    """One AWS API as botocore describes it: how its requests are read and its answers written."""

    def __init__(self, name: str) -> None:
        """`name` is botocore's service name."""
        self.name = name

    @cached_property
    def model(self) -> Any:
        """botocore's description of this API."""
        return get_service_model(self.name)

    def parse(self, operation: str, request: Request) -> dict[str, Any]:
        """The parameters of a request, as the operation's input shape describes them."""
        protocol = determine_request_protocol(self.model, request.content_type)
        parser = PROTOCOL_PARSERS[protocol](self.model.operation_model(operation))
        body = request.get_data(parse_form_data=False, cache=True)
        return parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": body,
                "url_path": request.path,
                "url_params": {},
            }
        )

    def respond(self, operation: str, result: dict[str, Any] | AwsError, request: Request) -> Response:
        """An HTTP answer in the protocol in which the client asked."""
        protocol = determine_request_protocol(self.model, request.content_type)
        serializer = get_serializer_class(self.name, protocol)(self.model.operation_model(operation))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # moto warns of codes that AWS uses but botocore's model omits
            answer = serializer.serialize(result)
        status = result.status if isinstance(result, AwsError) else answer["status_code"]
        return Response(answer["body"], status, answer["headers"])


class Service(Api):
    """One AWS API, or the part of it that is ours. Operations that nobody registered go to moto."""

    registry: ClassVar[dict[str, Service]] = {}

    def __init__(self, name: str, store: type | None = None, refuse_others: bool = False) -> None:
        """`name` is botocore's service name; `store` a picklable class that takes no arguments.

        With `refuse_others` an operation that is not registered is refused by name instead of being left to
        moto: for services whose answers from moto would only pretend.
        """
        super().__init__(name)
        self.store_class = store
        self.refuse_others = refuse_others
        self.operations: dict[str, Operation] = {}
        self.start_hooks: list[Callable[[World], None]] = []
        Service.registry[name] = self

    def operation(self, name: str) -> Callable[[Operation], Operation]:
        """Register the decorated function as the answer to the API operation `name`."""

        def register(function: Operation) -> Operation:
            self.operations[name] = function
            return function

        return register

    def on_start(self, hook: Callable[[World], None]) -> Callable[[World], None]:
        """Run the decorated function when the sandbox starts: recover interrupted work, begin loops."""
        self.start_hooks.append(hook)
        return hook

    def answers(self, operation: str) -> bool:
        """Whether this service, rather than moto, is asked first for the operation."""
        return operation in self.operations or self.refuse_others

    def handle(self, call: Call, request: Request) -> Response | object:
        """Run the operation and write its answer, or return `MOTO`."""
        try:
            if call.operation not in self.operations:
                raise AwsError(
                    "NotImplementedException",
                    f"The sandbox does not simulate {call.operation} of {self.name}. "
                    "It works in a real account.",
                    501,
                )
            result = self.operations[call.operation](call)
        except AwsError as error:
            return self.respond(call.operation, error, request)
        if result is MOTO:
            return MOTO
        return self.respond(call.operation, result or {}, request)
