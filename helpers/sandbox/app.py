"""The one WSGI application: our operations first, everything else to moto."""

from __future__ import annotations

import io
import json
import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from werkzeug.wrappers import Request, Response

from . import iam, moto_app, principals
from .service import MOTO, Api, AwsError, Call, Service
from .world import World

logger = logging.getLogger(__name__)

CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/aws4_request")
LOCAL_HOST = re.compile(
    r"^(127\.0\.0\.1|\[::1\]|([a-z0-9.-]+\.)?localhost|host\.docker\.internal)(:\d+)?$",
    re.I,
)
READS = (
    "Describe",
    "List",
    "Get",
    "Head",
    "BatchGet",
    "BatchCheck",
    "Validate",
    "Lookup",
    "Test",
    "Filter",
)
SIGNING_NAMES = {"monitoring": "cloudwatch", "eventbridge": "events"}


@dataclass(frozen=True)
class Target:
    """What a request is addressed to."""

    access_key: str
    region: str
    service: str
    operation: str | None


def identify(request: Request) -> Target | None:
    """Who signed a request, for which service and region, and which operation it names, if any."""
    match = CREDENTIAL.search(request.headers.get("Authorization", ""))
    if match:
        access_key, region, service = match.groups()
    elif request.args.get("X-Amz-Credential", "").count("/") == 4:
        access_key, _, region, service, _ = request.args["X-Amz-Credential"].split("/")
    else:
        return None
    service = SIGNING_NAMES.get(service, service)
    return Target(access_key, region, service, _operation(request, service))


def _operation(request: Request, service: str) -> str | None:
    if "X-Amz-Target" in request.headers:
        return request.headers["X-Amz-Target"].rpartition(".")[2]
    rpc = re.fullmatch(r"/service/[^/]+/operation/(\w+)", request.path)
    if rpc:
        return rpc.group(1)
    if (request.content_type or "").startswith("application/x-www-form-urlencoded"):
        body = request.get_data(parse_form_data=False, cache=True)
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [None])[0]
    return request.args.get("Action")


class Application:
    """Answers every request that reaches the sandbox."""

    def __init__(self, world: World, token: str) -> None:
        self.world = world
        self.token = token
        self.moto = moto_app.application()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        refusal = self.refuse_strangers(request)
        if refusal is not None:
            return refusal(environ, start_response)
        if request.path.startswith("/_sandbox/control/"):
            return self.control(request)(environ, start_response)
        for prefix, app in self.world.paths.items():
            if request.path.startswith(prefix):
                return app(environ, start_response)
        return self.aws(request, environ)(environ, start_response)

    def refuse_strangers(self, request: Request) -> Response | None:
        """Web pages may not talk to the sandbox: it runs commands, and a browser can reach 127.0.0.1."""
        if "Origin" in request.headers or not LOCAL_HOST.match(request.headers.get("Host", "")):
            return Response("The sandbox answers programs on this machine, not web pages.\n", 403)
        return None

    def control(self, request: Request) -> Response:
        """What `python -m helpers.sandbox` asks; only who can read the home folder knows the token."""
        if request.headers.get("X-Sandbox-Token") != self.token:
            return Response("wrong token\n", 403)
        if request.path.endswith("/stop") and request.method == "POST":
            self.world.stopping.set()
            return Response("stopping\n")
        return Response(
            json.dumps({"alive": True, "problem": self.world.state.error}),
            mimetype="application/json",
        )

    def aws(self, request: Request, environ: dict[str, Any]) -> Any:
        """The WSGI application that answers an AWS request."""
        target = identify(request)
        if target is None:
            return self._to_moto(request, environ)
        service = Service.registry.get(target.service)
        ours = bool(service and target.operation and service.answers(target.operation))
        principal = principals.resolve(target.access_key, self.world.account)
        api = service or self._api(target.service)
        try:
            params = api.parse(target.operation, request) if ours or self._must_ask(principal, target) else {}
            self._authorize(principal, target, params, request)
            answer = MOTO
            if ours:
                call = Call(
                    world=self.world,
                    service=service,
                    operation=target.operation,
                    params=params,
                    region=target.region,
                    account=self.world.account,
                    principal=principal,
                    headers=dict(request.headers),
                )
                answer = service.handle(call, request)
        except AwsError as error:
            return self._refusal(api, target, error, request)
        except Exception:
            logger.exception("%s %s failed", target.service, target.operation)
            message = f"The sandbox failed in {target.operation}; its log says where."
            return self._refusal(api, target, AwsError("InternalFailure", message, 500), request)
        if answer is MOTO:
            answer = self._moto_or_refusal(api, target, request, environ)
        return self._with_save(answer, target, request)

    def _moto_or_refusal(self, api: Api, target: Target, request: Request, environ: dict[str, Any]) -> Any:
        """moto's answer; where moto does not know the operation, an error as AWS sends them that says so."""
        moto = self._to_moto(request, environ)

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            try:
                return moto(environ, start_response)
            except NotImplementedError:
                message = (
                    f"The sandbox does not simulate {target.operation or request.path} of {target.service}. "
                    "It works in a real account."
                )
                error = AwsError("NotImplementedException", message, 501)
            except Exception as problem:
                logger.exception("moto failed in %s %s", target.service, target.operation)
                message = f"moto failed in {target.operation or request.path}: {problem}"
                error = AwsError("InternalFailure", message, 500)
            return self._refusal(api, target, error, request)(environ, start_response)

        return answer

    @lru_cache  # noqa: B019 - one application a process
    def _api(self, name: str) -> Api:
        return Api(name)

    @staticmethod
    def _must_ask(principal: principals.Principal, target: Target) -> bool:
        """Whether the parameters are needed to decide if the sender may do this."""
        restricted = principal.kind == "role" or target.operation == "AssumeRole"
        return restricted and target.operation is not None and target.service != "s3"

    def _authorize(
        self,
        principal: principals.Principal,
        target: Target,
        params: dict[str, Any],
        request: Request,
    ) -> None:
        if target.operation == "AssumeRole" and principal.kind != "service":
            iam.check_trust_of_principal(self.world, params.get("RoleArn", ""), principal)
        if target.service == "s3" and request.method == "PUT" and "policy" in request.args:
            policy = request.get_data(parse_form_data=False, cache=True).decode("utf-8", "replace")
            iam.check_public_access(self.world, principal, request.path.strip("/"), policy)
        if principal.kind != "role":
            return
        for need in iam.needs_of(
            self.world, target.service, target.operation, params, target.region, request
        ):
            iam.require(self.world, principal, need, target.service)
            if target.service == "s3":
                iam.hide_missing_object(self.world, principal, need)

    @staticmethod
    def _refusal(api: Api, target: Target, error: AwsError, request: Request) -> Response:
        if target.operation is not None and target.service != "s3":
            return api.respond(target.operation, error, request)
        body = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
        return Response(
            "" if request.method == "HEAD" else body,
            error.status,
            mimetype="application/xml",
        )

    def _with_save(self, answer: Any, target: Target, request: Request) -> Any:
        """The same answer; once it is given, the state is saved if the request may have changed it."""
        reads = target.operation.startswith(READS) if target.operation else request.method in ("GET", "HEAD")
        if reads:
            return answer

        def answer_and_save(environ: dict[str, Any], start_response: Any) -> Any:
            body = answer(environ, start_response)
            self.world.changed()
            return body

        return answer_and_save

    def _to_moto(self, request: Request, environ: dict[str, Any]) -> Any:
        environ.pop("werkzeug.request", None)
        cached = request.__dict__.get("_cached_data")
        if cached is not None:  # the body was read to find the operation: give it back
            environ["wsgi.input"] = io.BytesIO(cached)
            environ["CONTENT_LENGTH"] = str(len(cached))
        return self.moto
