"""What happens to a stack, told to the SNS topics that its `NotificationARNs` name.

The form of the message: CloudFormation user guide, "Receive notifications with Amazon SNS".
"""

from __future__ import annotations

import json
import logging

from botocore.exceptions import BotoCoreError, ClientError

from ..world import World
from .model import Event, Stack
from .resources.request import SERVICE

logger = logging.getLogger(__name__)


def notify(world: World, region: str, stack: Stack) -> None:
    """Publish the events that have not been published yet."""
    arns = stack.deployment.notification_arns
    waiting, stack.notified = stack.events[stack.notified :], len(stack.events)
    for event in waiting if arns else ():
        for arn in arns:
            try:
                sns = world.client("sns", region, as_service=SERVICE)
                sns.publish(
                    TopicArn=arn, Subject="AWS CloudFormation Notification", Message=_message(stack, event)
                )
            except (BotoCoreError, ClientError) as error:
                logger.warning("%s was not told of %s: %s", arn, stack.name, error)


def _message(stack: Stack, event: Event) -> str:
    lines = {
        "StackId": stack.stack_id,
        "Timestamp": event.time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "EventId": event.event_id,
        "LogicalResourceId": event.logical_id,
        "Namespace": stack.stack_id.split(":")[4],
        "PhysicalResourceId": event.physical_id,
        "ResourceProperties": json.dumps(event.properties, default=str)
        if event.properties is not None
        else "null",
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or "",
        "ResourceType": event.type,
        "StackName": stack.name,
        "ClientRequestToken": event.token or "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in lines.items())
