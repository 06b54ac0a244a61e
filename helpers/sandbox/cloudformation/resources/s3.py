"""AWS::S3: buckets and their policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ResourceFailed
from .api import ApiType, Aspect, Op
from .request import ResourceRequest, handler_message
from .shapes import convert

SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}


def _create(request: ResourceRequest) -> None:
    parameters: dict[str, Any] = {"Bucket": request.identifier}
    if request.region != "us-east-1":
        parameters["CreateBucketConfiguration"] = {"LocationConstraint": request.region}
    if "ObjectLockEnabled" in request.properties:
        parameters["ObjectLockEnabledForBucket"] = request.properties["ObjectLockEnabled"]
    request.call("s3", "CreateBucket", **parameters)


def _put(
    operation: str, parameter: str, form: Callable[[Any], Any], name: str
) -> Callable[[ResourceRequest], None]:
    """A step that tells S3 one part of a bucket's configuration."""

    def step(request: ResourceRequest) -> None:
        value = form(request.properties.get(name))
        shape = request.input_shape("s3", operation).members[parameter]
        request.call("s3", operation, Bucket=request.physical_id, **{parameter: convert(shape, value, name)})

    return step


def _remove(operation: str) -> Callable[[ResourceRequest], None]:
    return lambda request: request.call("s3", operation, Bucket=request.physical_id)


def _aspect(
    name: str,
    put: str,
    parameter: str,
    form: Callable[[Any], Any] = lambda value: value,
    remove: str | None = None,
) -> Aspect:
    step = _put(put, parameter, form, name)
    return Aspect.of(name, step, _remove(remove) if remove else step)


def _encryption(value: dict[str, Any]) -> dict[str, Any]:
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        rule = dict(rule)
        if "ServerSideEncryptionByDefault" in rule:
            rule["ApplyServerSideEncryptionByDefault"] = rule.pop("ServerSideEncryptionByDefault")
        rules.append(rule)
    return {"Rules": rules}


def _filter(rule: dict[str, Any]) -> dict[str, Any]:
    """A lifecycle rule's conditions, gathered as the API wants them."""
    parts: dict[str, Any] = {
        name: rule.pop(name)
        for name in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
        if name in rule
    }
    tags = rule.pop("TagFilters", [])
    if len(parts) + len(tags) > 1:
        return {"And": {**parts, **({"Tags": tags} if tags else {})}}
    return {"Tag": tags[0]} if tags else parts or {"Prefix": ""}


def _transition(value: dict[str, Any]) -> dict[str, Any]:
    names = {"TransitionInDays": "Days", "TransitionDate": "Date"}
    return {names.get(key, key): item for key, item in value.items()}


def _lifecycle_rule(given: dict[str, Any]) -> dict[str, Any]:
    rule = dict(given)
    told: dict[str, Any] = {"Filter": _filter(rule)}
    expiration = {
        new: rule.pop(old)
        for old, new in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if old in rule
    }
    if expiration:
        told["Expiration"] = expiration
    if "NoncurrentVersionExpirationInDays" in rule:
        told["NoncurrentVersionExpiration"] = {
            "NoncurrentDays": rule.pop("NoncurrentVersionExpirationInDays")
        }
    for one, many in (
        ("Transition", "Transitions"),
        ("NoncurrentVersionTransition", "NoncurrentVersionTransitions"),
    ):
        entries = [*rule.pop(many, []), *([rule.pop(one)] if one in rule else [])]
        if entries:
            told[many] = [
                _transition(entry)
                if many == "Transitions"
                else {{"TransitionInDays": "NoncurrentDays"}.get(k, k): v for k, v in entry.items()}
                for entry in entries
            ]
    return {**told, **rule}


def _notifications(value: dict[str, Any] | None) -> dict[str, Any]:
    value = value or {}
    told: dict[str, Any] = {}
    kinds = {"Topic": "TopicArn", "Queue": "QueueArn", "Lambda": "LambdaFunctionArn"}
    for kind, arn in kinds.items():
        entries = []
        for entry in value.get(f"{kind}Configurations", []):
            made = {arn: entry["Function" if kind == "Lambda" else kind], "Events": [entry["Event"]]}
            if "Filter" in entry:
                made["Filter"] = {"Key": {"FilterRules": entry["Filter"]["S3Key"]["Rules"]}}
            entries.append(made)
        if entries:
            told["LambdaFunctionConfigurations" if kind == "Lambda" else f"{kind}Configurations"] = entries
    bridge = value.get("EventBridgeConfiguration")
    if bridge is not None and bridge.get("EventBridgeEnabled", True):
        told["EventBridgeConfiguration"] = {}
    return told


def _cors(value: dict[str, Any]) -> dict[str, Any]:
    names = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    return {"CORSRules": [{names.get(k, k): v for k, v in rule.items()} for rule in value["CorsRules"]]}


def _website(value: dict[str, Any]) -> dict[str, Any]:
    names = {"RedirectRule": "Redirect", "RoutingRuleCondition": "Condition"}
    told: dict[str, Any] = {key: item for key, item in value.items() if key == "RedirectAllRequestsTo"}
    if "IndexDocument" in value:
        told["IndexDocument"] = {"Suffix": value["IndexDocument"]}
    if "ErrorDocument" in value:
        told["ErrorDocument"] = {"Key": value["ErrorDocument"]}
    if "RoutingRules" in value:
        told["RoutingRules"] = [
            {names.get(k, k): v for k, v in rule.items()} for rule in value["RoutingRules"]
        ]
    return told


def _logging(value: dict[str, Any] | None) -> dict[str, Any]:
    if not value:
        return {}
    return {
        "LoggingEnabled": {
            "TargetBucket": value["DestinationBucketName"],
            "TargetPrefix": value.get("LogFilePrefix", ""),
        }
    }


def _canned(request: ResourceRequest) -> None:
    """`PublicReadWrite` is `public-read-write` in the API."""
    name = request.properties.get("AccessControl", "Private")
    dashed = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
    request.call("s3", "PutBucketAcl", Bucket=request.physical_id, ACL=dashed)


def _tags(request: ResourceRequest) -> None:
    tags = request.properties.get("Tags", [])
    if tags:
        request.call("s3", "PutBucketTagging", Bucket=request.physical_id, Tagging={"TagSet": tags})
    else:
        request.call("s3", "DeleteBucketTagging", Bucket=request.physical_id)


def _domain(form: str) -> Callable[[ResourceRequest], str]:
    def attribute(request: ResourceRequest) -> str:
        suffix = SUFFIXES.get(request.partition, "amazonaws.com")
        return form.format(name=request.physical_id, region=request.region, suffix=suffix)

    return attribute


BUCKET = ApiType(
    "AWS::S3::Bucket",
    "s3",
    create=_create,
    delete=Op("DeleteBucket", {"Bucket": lambda request: request.physical_id}),
    name="BucketName",
    name_limit=63,
    lower_case=True,
    exists=lambda request: request.exists("s3", "HeadBucket", Bucket=request.identifier),
    handled=frozenset({"ObjectLockEnabled"}),
    attributes={
        "Arn": "arn:{partition}:s3:::{id}",
        "DomainName": _domain("{name}.s3.{suffix}"),
        "RegionalDomainName": _domain("{name}.s3.{region}.{suffix}"),
        "DualStackDomainName": _domain("{name}.s3.dualstack.{region}.{suffix}"),
        "WebsiteURL": _domain("http://{name}.s3-website-{region}.{suffix}"),
    },
    aspects=(
        _aspect(
            "OwnershipControls",
            "PutBucketOwnershipControls",
            "OwnershipControls",
            remove="DeleteBucketOwnershipControls",
        ),
        Aspect.of("AccessControl", _canned, _canned),
        _aspect(
            "BucketEncryption",
            "PutBucketEncryption",
            "ServerSideEncryptionConfiguration",
            _encryption,
            "DeleteBucketEncryption",
        ),
        _aspect(
            "PublicAccessBlockConfiguration",
            "PutPublicAccessBlock",
            "PublicAccessBlockConfiguration",
            remove="DeletePublicAccessBlock",
        ),
        _aspect(
            "VersioningConfiguration",
            "PutBucketVersioning",
            "VersioningConfiguration",
            lambda value: value or {"Status": "Suspended"},
        ),
        _aspect(
            "LifecycleConfiguration",
            "PutBucketLifecycleConfiguration",
            "LifecycleConfiguration",
            lambda value: {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]},
            "DeleteBucketLifecycle",
        ),
        _aspect(
            "NotificationConfiguration",
            "PutBucketNotificationConfiguration",
            "NotificationConfiguration",
            _notifications,
        ),
        _aspect("CorsConfiguration", "PutBucketCors", "CORSConfiguration", _cors, "DeleteBucketCors"),
        _aspect(
            "WebsiteConfiguration",
            "PutBucketWebsite",
            "WebsiteConfiguration",
            _website,
            "DeleteBucketWebsite",
        ),
        _aspect("LoggingConfiguration", "PutBucketLogging", "BucketLoggingStatus", _logging),
        Aspect.of("Tags", _tags, _tags),
    ),
)


def _attach_policy(request: ResourceRequest) -> None:
    bucket = request.properties["Bucket"]
    if request.physical_id is None and request.exists("s3", "GetBucketPolicy", Bucket=bucket):
        message = f"The bucket policy already exists on bucket {bucket}."
        raise ResourceFailed(handler_message(message, "AlreadyExists"))
    shape = request.input_shape("s3", "PutBucketPolicy").members["Policy"]
    policy = convert(shape, request.properties["PolicyDocument"], "PolicyDocument")
    request.call("s3", "PutBucketPolicy", Bucket=bucket, Policy=policy)
    request.physical_id = bucket


def _find_policy(request: ResourceRequest) -> str | None:
    bucket = request.properties["Bucket"]
    return bucket if request.exists("s3", "GetBucketPolicy", Bucket=bucket) else None


BUCKET_POLICY = ApiType(
    "AWS::S3::BucketPolicy",
    "s3",
    create=_attach_policy,
    update=_attach_policy,
    delete=Op("DeleteBucketPolicy", {"Bucket": lambda request: request.physical_id}),
    handled=frozenset({"Bucket", "PolicyDocument"}),
    find=_find_policy,
)

TYPES = (BUCKET, BUCKET_POLICY)
