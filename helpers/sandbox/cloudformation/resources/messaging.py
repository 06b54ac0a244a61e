"""AWS::SQS and AWS::SNS: queues, topics, their policies and subscriptions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..parameters import text
from .api import ApiType, Aspect, Op, Tags, identity, path
from .request import ResourceRequest, random_suffix

QUEUE_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
QUEUE_DEFAULTS = {  # what a queue has when the template does not say (API reference, SetQueueAttributes)
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
}


def _written(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list)) else text(value)


def _attributes(request: ResourceRequest) -> dict[str, str]:
    return {
        name: _written(request.properties[name]) for name in QUEUE_ATTRIBUTES if name in request.properties
    }


def _fifo_name(request: ResourceRequest, name: str, flag: str) -> str:
    given = request.properties.get(name)
    if given:
        return given
    return request.generated_name(75) + (".fifo" if request.properties.get(flag) else "")


def _create_queue(request: ResourceRequest) -> dict[str, Any]:
    name = _fifo_name(request, "QueueName", "FifoQueue")
    if "QueueName" in request.properties and request.exists("sqs", "GetQueueUrl", QueueName=name):
        raise request.already_exists(name)
    request.planned_id = name
    tags = {tag["Key"]: tag["Value"] for tag in request.properties.get("Tags", [])}
    return request.call("sqs", "CreateQueue", QueueName=name, Attributes=_attributes(request), tags=tags)


def _update_queue(request: ResourceRequest) -> None:
    gone = {name: QUEUE_DEFAULTS.get(name, "") for name in request.changed - set(request.properties)}
    wanted = {name: value for name, value in _attributes(request).items() if name in request.changed}
    request.call("sqs", "SetQueueAttributes", QueueUrl=request.physical_id, Attributes={**gone, **wanted})


def _queue_arn(request: ResourceRequest) -> str:
    url = request.physical_id
    answer = request.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]


def _find_queue(request: ResourceRequest) -> str | None:
    name = request.planned_id
    if not name or not request.exists("sqs", "GetQueueUrl", QueueName=name):
        return None
    return request.call("sqs", "GetQueueUrl", QueueName=name)["QueueUrl"]


QUEUE = ApiType(
    "AWS::SQS::Queue",
    "sqs",
    create=_create_queue,
    update=_update_queue,
    delete=Op("DeleteQueue", {"QueueUrl": identity}),
    id=path("QueueUrl"),
    attributes={
        "QueueUrl": "{id}",
        "Arn": _queue_arn,
        "QueueName": lambda request: request.physical_id.rpartition("/")[2],
    },
    handled=frozenset({"QueueName", "Tags", *QUEUE_ATTRIBUTES}),
    tags=Tags("TagQueue", "UntagQueue", identity),
    find=_find_queue,
)


def _policy_type(
    kind: str,
    targets: str,
    service: str,
    operation: str,
    target: str,
    told: Callable[[str], dict[str, Any]],
    none: Callable[[ResourceRequest, str], str],
) -> ApiType:
    """A policy that is attached to several queues or topics.

    `told` puts a policy into the operation's parameters; `none` gives the policy of a queue or topic that has
    none from a template.
    """

    def put(request: ResourceRequest) -> None:
        for old in request.previous.get(targets, []):
            if old not in request.properties[targets]:
                take_away(request, old)
        document = _written(request.properties["PolicyDocument"])
        for name in request.properties[targets]:
            request.call(service, operation, **{target: name}, **told(document))
        if request.physical_id is None:
            request.physical_id = f"{request.stack_name}-{request.logical_id}-{random_suffix()}"

    def take_away(request: ResourceRequest, name: str) -> None:
        request.drop(service, operation, **{target: name}, **told(none(request, name)))

    def delete(request: ResourceRequest) -> None:
        for name in request.properties[targets]:
            take_away(request, name)

    return ApiType(
        kind,
        service,
        create=put,
        update=put,
        delete=delete,
        attributes={"Id": "{id}"},
        handled=frozenset({"PolicyDocument", targets}),
    )


def _topics_own_policy(request: ResourceRequest, arn: str) -> str:
    """What SNS gives a new topic: everything to its owner."""
    actions = (
        "Publish",
        "Subscribe",
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "DeleteTopic",
    )
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": request.account}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


QUEUE_POLICY = _policy_type(
    "AWS::SQS::QueuePolicy",
    "Queues",
    "sqs",
    "SetQueueAttributes",
    "QueueUrl",
    lambda document: {"Attributes": {"Policy": document}},
    lambda request, url: "",
)
TOPIC_POLICY = _policy_type(
    "AWS::SNS::TopicPolicy",
    "Topics",
    "sns",
    "SetTopicAttributes",
    "TopicArn",
    lambda document: {"AttributeName": "Policy", "AttributeValue": document},
    _topics_own_policy,
)

TOPIC_ATTRIBUTES = (
    "ArchivePolicy",
    "ContentBasedDeduplication",
    "DisplayName",
    "FifoThroughputScope",
    "FifoTopic",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
)


def _create_topic(request: ResourceRequest) -> dict[str, Any]:
    name = _fifo_name(request, "TopicName", "FifoTopic")
    arn = f"arn:{request.partition}:sns:{request.region}:{request.account}:{name}"
    if "TopicName" in request.properties and request.exists("sns", "GetTopicAttributes", TopicArn=arn):
        raise request.already_exists(arn)
    request.planned_id = name
    given = request.properties
    attributes = {key: _written(given[key]) for key in TOPIC_ATTRIBUTES if key in given}
    return request.call("sns", "CreateTopic", Name=name, Attributes=attributes, Tags=given.get("Tags"))


def _topic_attribute(name: str) -> Aspect:
    def put(request: ResourceRequest) -> None:
        value = request.properties.get(name, "")
        arn = request.physical_id
        request.call(
            "sns", "SetTopicAttributes", TopicArn=arn, AttributeName=name, AttributeValue=_written(value)
        )

    return Aspect.of(name, put, put)


def _subscriptions(request: ResourceRequest) -> None:
    """The topic's own list of subscriptions, kept in step with the template."""
    old, new = (state.get("Subscription", []) for state in (request.previous, request.properties))
    held = request.call("sns", "ListSubscriptionsByTopic", TopicArn=request.physical_id)["Subscriptions"]
    for entry in old:
        for one in held:
            if entry not in new and (one["Protocol"], one["Endpoint"]) == (
                entry["Protocol"],
                entry["Endpoint"],
            ):
                request.call("sns", "Unsubscribe", SubscriptionArn=one["SubscriptionArn"])
    for entry in new:
        if entry not in old:
            target = {"Protocol": entry["Protocol"], "Endpoint": entry["Endpoint"]}
            request.call("sns", "Subscribe", TopicArn=request.physical_id, **target)


def _find_topic(request: ResourceRequest) -> str | None:
    name = request.planned_id
    arn = f"arn:{request.partition}:sns:{request.region}:{request.account}:{name}"
    return arn if name and request.exists("sns", "GetTopicAttributes", TopicArn=arn) else None


TOPIC = ApiType(
    "AWS::SNS::Topic",
    "sns",
    create=_create_topic,
    delete=Op("DeleteTopic", {"TopicArn": identity}),
    id=path("TopicArn"),
    attributes={
        "TopicArn": "{id}",
        "TopicName": lambda request: request.physical_id.rpartition(":")[2],
    },
    aspects=(
        Aspect.of("Subscription", _subscriptions, _subscriptions),
        *(_topic_attribute(name) for name in TOPIC_ATTRIBUTES),
    ),
    handled=frozenset({"TopicName", "Tags", *TOPIC_ATTRIBUTES}),
    tags=Tags("TagResource", "UntagResource", identity),
    find=_find_topic,
)

SUBSCRIPTION_ATTRIBUTES = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
)


def _subscribe(request: ResourceRequest) -> dict[str, Any]:
    given = request.properties
    attributes = {name: _written(given[name]) for name in SUBSCRIPTION_ATTRIBUTES if name in given}
    return request.call(
        "sns",
        "Subscribe",
        TopicArn=given["TopicArn"],
        Protocol=given["Protocol"],
        Endpoint=given.get("Endpoint"),
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )


def _subscription_attribute(name: str) -> Callable[[ResourceRequest], None]:
    def put(request: ResourceRequest) -> None:
        request.call(
            "sns",
            "SetSubscriptionAttributes",
            SubscriptionArn=request.physical_id,
            AttributeName=name,
            AttributeValue=_written(request.properties.get(name, "")),
        )

    return put


SUBSCRIPTION = ApiType(
    "AWS::SNS::Subscription",
    "sns",
    create=_subscribe,
    delete=Op("Unsubscribe", {"SubscriptionArn": identity}),
    id=path("SubscriptionArn"),
    attributes={"Arn": "{id}"},
    aspects=tuple(
        Aspect.of(name, _subscription_attribute(name), _subscription_attribute(name))
        for name in SUBSCRIPTION_ATTRIBUTES
    ),
    handled=frozenset({"TopicArn", "Protocol", "Endpoint", *SUBSCRIPTION_ATTRIBUTES}),
    tag_property=None,
)

TYPES = (QUEUE, QUEUE_POLICY, TOPIC, TOPIC_POLICY, SUBSCRIPTION)
