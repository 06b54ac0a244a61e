"""What a role may do in the sandbox: its own policies, those of what it touches, and who may assume it.

The learner and AWS's own services are not restricted. Everything that runs under a role is: the pipeline, the
build, the schedule, the execution role's pull and logs, and the job itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.backends import get_backend
from moto.core.exceptions import ServiceException
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from werkzeug.wrappers import Request as HttpRequest

from ..service import AwsError
from . import endpoints
from .actions import Need, Place, needs, s3_needs
from .policy import ALLOWED, EXPLICIT_DENY, Decision, Request, evaluate, statements

if TYPE_CHECKING:
    from ..principals import Principal
    from ..world import World

# moto reads bucket policies without their conditions, so that "deny what is not TLS" would deny everybody.
# Bucket policies are decided here, with the rest.
FakeBucket.get_permission = lambda self, action, resource: PermissionResult.NEUTRAL

QUERY_SERVICES = {
    "cloudformation",
    "iam",
    "sts",
    "sns",
    "s3",
    "sqs",
    "rds",
    "elasticloadbalancing",
}


def policies_of(world: World, role_arn: str) -> list[dict[str, Any]]:
    """Every statement of the role's inline and attached policies. AwsError when the role does not exist."""
    found = []
    role = _role(world, role_arn)
    for document in role.policies.values():
        found += statements(document)
    for managed in role.managed_policies.values():
        found += statements(managed.document)
    return found


def _role(world: World, role_arn: str) -> Any:
    backend = get_backend("iam")[world.account]["aws"]
    for role in backend.roles.values():
        if role.arn == role_arn:
            return role
    raise AwsError("AccessDenied", f"The role {role_arn} does not exist.", 403)


def check_trust(world: World, role_arn: str, service: str, source_arn: str | None) -> None:
    """Whether the AWS service may assume the role on behalf of the resource `source_arn`. AwsError if not."""
    role = _role(world, role_arn)
    context = {"aws:SourceAccount": world.account}
    if source_arn:
        context["aws:SourceArn"] = source_arn
    request = Request("sts:AssumeRole", role_arn, context, (service,))
    if not evaluate(statements(role.assume_role_policy_document), request, resource_based=True).allowed:
        raise AwsError(
            "AccessDenied",
            f"User: {service} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            403,
        )


def check_trust_of_principal(world: World, role_arn: str, principal: Principal) -> None:
    """Whether the learner, or somebody under a role, may assume the role. AwsError if not."""
    role = _role(world, role_arn)
    request = Request(
        "sts:AssumeRole",
        role_arn,
        {},
        (principal.arn, principal.role_arn or "", world.account),
    )
    decision = evaluate(statements(role.assume_role_policy_document), request, resource_based=True)
    if not decision.allowed:
        raise AwsError(
            "AccessDenied",
            f"User: {principal.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            403,
        )


def decide(
    world: World, principal: Principal, need: Need, resource: str, door: endpoints.Door | None = None
) -> tuple[Decision, str]:
    """The decision on one action and resource, and which kind of policy made it.

    `door` is the VPC endpoint through which the request comes. Its policy is one more that must allow.
    """
    context = {
        **(door.context if door else {}),
        "aws:PrincipalArn": principal.role_arn or principal.arn,
        "aws:PrincipalAccount": world.account,
        "aws:SecureTransport": "true",  # loopback stands in for the TLS of AWS's endpoints
        **need.context,
    }
    names = (principal.arn, principal.role_arn or "", world.account)
    request = Request(need.action, resource, context, names)
    decision, kind = _decide(world, principal, request)
    if decision.allowed and door is not None and not (passing := door.decide(request)).allowed:
        return passing, endpoints.KIND  # where several forbid it, AWS names one of them
    return decision, kind


def _decide(world: World, principal: Principal, request: Request) -> tuple[Decision, str]:
    """What the role's own policies and that of the resource say, without the way there."""
    guarding = evaluate(_resource_policy(world, request.resource) or [], request, resource_based=True)
    if guarding.result == EXPLICIT_DENY:
        return guarding, "a resource-based policy"
    own = evaluate(policies_of(world, principal.role_arn or ""), request)
    if own.result != EXPLICIT_DENY and guarding.result == ALLOWED:
        return guarding, "a resource-based policy"
    return own, "an identity-based policy"


def _resource_policy(world: World, resource: str) -> list[dict[str, Any]] | None:
    """The statements of a bucket's, queue's or topic's own policy; None when there is no such thing."""
    parts = resource.split(":", 5)
    if len(parts) != 6:
        return []
    if parts[2] == "s3":
        bucket = get_backend("s3")[world.account]["aws"].buckets.get(parts[5].partition("/")[0])
        return statements(_text(bucket.policy)) if bucket is not None else None
    if parts[2] == "sqs":
        queue = world.moto("sqs", parts[3]).queues.get(parts[5])
        return statements(queue.policy) if queue is not None else None
    if parts[2] == "sns":
        topic = world.moto("sns", parts[3]).topics.get(resource)
        return statements(topic.policy) if topic is not None else None
    return None


def check_service(world: World, service: str, action: str, resource: str, source_arn: str) -> None:
    """Whether an AWS service may use a queue or topic as itself, on behalf of `source_arn`. AwsError if not.

    `aws:SourceOwner`, with which SNS's own policy lets an account use its topic, is sent by CloudWatch but
    not by EventBridge: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    policy = _resource_policy(world, resource)
    if policy is None:
        return  # whoever goes on is told that it does not exist
    context = {
        "aws:SourceAccount": world.account,
        "aws:SourceArn": source_arn,
        "aws:SecureTransport": "true",
    }
    if service == "cloudwatch.amazonaws.com":
        context["aws:SourceOwner"] = world.account
    if not evaluate(policy, Request(action, resource, context, (service,)), resource_based=True).allowed:
        message = f"Resource: {source_arn} is not authorized to perform: {action} on resource: {resource}"
        raise AwsError("AccessDenied", message, 403)


def _text(policy: bytes | str | None) -> str | None:
    return policy.decode() if isinstance(policy, bytes) else policy


def require(world: World, principal: Principal, need: Need, service: str) -> None:
    """Raise AwsError, worded as AWS words it, unless the principal may do this on every resource named."""
    if principal.kind != "role":
        return
    door = endpoints.door(world, principal, service, need.action)
    for resource in need.resources:
        decision, kind = decide(world, principal, need, resource, door)
        if not decision.allowed:
            raise denial(principal, need.action, resource, decision, kind, service)


def denial(
    principal: Principal,
    action: str,
    resource: str,
    decision: Decision,
    kind: str,
    service: str,
) -> AwsError:
    """AWS's words: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    quoted = f'"{resource}"' if service == "s3" else resource
    because = (
        f"with an explicit deny in {kind}"
        if decision.result == EXPLICIT_DENY
        else f"because no {kind.partition(' ')[2]} allows the {action} action"
    )
    message = f"User: {principal.arn} is not authorized to perform: {action} on resource: {quoted} {because}"
    if service == "ec2":
        return AwsError(
            "UnauthorizedOperation",
            f"You are not authorized to perform this operation. {message}",
            403,
        )
    if service in QUERY_SERVICES:
        return AwsError("AccessDenied", message, 403)
    return AwsError("AccessDeniedException", message, 400)


def needs_of(
    world: World,
    service: str,
    operation: str | None,
    params: dict[str, Any],
    region: str,
    http: HttpRequest,
) -> list[Need]:
    """The permissions that a request needs."""
    place = Place("aws", region, world.account)
    if service == "s3":
        return s3_needs(http.method, http.path, http.args, http.headers, place.partition)
    if service == "ecs" and operation == "RunTask":
        return _run_task_needs(world, params, place)
    return needs(service, operation or f"{http.method} {http.path}", params, place)


def _run_task_needs(world: World, params: dict[str, Any], place: Place) -> list[Need]:
    """ECS checks the revision that will run, and that the caller may pass the roles it will run under."""
    overrides = params.get("overrides") or {}
    name = params.get("taskDefinition", "")
    try:
        definition = world.moto("ecs", place.region).describe_task_definition(name)
    except ServiceException:  # a definition that does not exist is refused by the operation itself
        return needs("ecs", "RunTask", params, place)
    found = needs("ecs", "RunTask", {**params, "taskDefinition": definition.arn}, place)
    roles = (
        overrides.get("executionRoleArn") or definition.execution_role_arn,
        overrides.get("taskRoleArn") or definition.task_role_arn,
    )
    service = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    return found + [Need("iam:PassRole", (role,), service) for role in dict.fromkeys(filter(None, roles))]


def hide_missing_object(world: World, principal: Principal, need: Need) -> None:
    """S3 admits that an object is missing only to who may list the bucket; to others it says 403.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, "Permissions".
    """
    if principal.kind != "role" or need.action not in ("s3:GetObject", "s3:HeadObject"):
        return
    bucket_name, _, key = need.resources[0].split(":::", 1)[1].partition("/")
    bucket = get_backend("s3")[world.account]["aws"].buckets.get(bucket_name)
    if bucket is None or key in bucket.keys:
        return
    listing = Need("s3:ListBucket", (f"arn:aws:s3:::{bucket_name}",), {"s3:prefix": key})
    require(world, principal, listing, "s3")
