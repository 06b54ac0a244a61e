"""What keeps a system running: AWS::Events, AWS::Scheduler, AWS::Logs, AWS::CloudWatch and AWS::SSM."""

from __future__ import annotations

from typing import Any

from ..errors import ResourceFailed
from .api import ApiType, Aspect, Op, Tags, identity, path
from .request import ResourceRequest, handler_message

# Events -----------------------------------------------------------------------------------------------------


def _bus(request: ResourceRequest) -> str | None:
    return request.properties.get("EventBusName")


def _put_targets(request: ResourceRequest) -> None:
    old, new = (
        {target["Id"]: target for target in state.get("Targets", [])}
        for state in (request.previous, request.properties)
    )
    rule = {"Rule": request.physical_id, "EventBusName": _bus(request)}
    gone = sorted(old.keys() - new.keys())
    if gone:
        request.call("events", "RemoveTargets", Ids=gone, **rule)
    if new:
        parameters = Op("PutTargets").parameters(request, RULE)
        answer = request.call("events", "PutTargets", **{**parameters, **rule})
        for failed in answer.get("FailedEntries", []):
            raise ResourceFailed(
                handler_message(failed.get("ErrorMessage", "target refused"), "InvalidRequest")
            )


def _delete_rule(request: ResourceRequest) -> None:
    rule = {"EventBusName": _bus(request)}
    if request.exists("events", "DescribeRule", Name=request.physical_id, **rule):
        listed = request.call("events", "ListTargetsByRule", Rule=request.physical_id, **rule)["Targets"]
        if listed:
            ids = [target["Id"] for target in listed]
            request.call("events", "RemoveTargets", Rule=request.physical_id, Ids=ids, **rule)
        request.call("events", "DeleteRule", Name=request.physical_id, **rule)


RULE = ApiType(
    "AWS::Events::Rule",
    "events",
    create=Op("PutRule"),
    update=Op("PutRule"),
    delete=_delete_rule,
    name="Name",
    exists=Op("DescribeRule"),
    answer={"Arn": path("RuleArn")},
    attributes={"RuleName": "{id}"},
    aspects=(Aspect.of("Targets", _put_targets, _put_targets),),
    tags=Tags("TagResource", "UntagResource", "Arn"),
)

EVENT_BUS = ApiType(
    "AWS::Events::EventBus",
    "events",
    create=Op("CreateEventBus"),
    delete=Op("DeleteEventBus"),
    name="Name",
    name_limit=256,
    exists=Op("DescribeEventBus"),
    answer={"Arn": path("EventBusArn")},
    attributes={"Name": "{id}"},
    tags=Tags("TagResource", "UntagResource", "Arn"),
)

# Scheduler --------------------------------------------------------------------------------------------------


def _group(request: ResourceRequest) -> str:
    return request.properties.get("GroupName", "default")


SCHEDULE = ApiType(
    "AWS::Scheduler::Schedule",
    "scheduler",
    create=Op("CreateSchedule"),
    update=Op("UpdateSchedule"),
    delete=Op("DeleteSchedule", {"GroupName": _group}),
    name="Name",
    exists=Op("GetSchedule", {"GroupName": _group}),
    answer={"Arn": path("ScheduleArn")},
    tag_property=None,
)

SCHEDULE_GROUP = ApiType(
    "AWS::Scheduler::ScheduleGroup",
    "scheduler",
    create=Op("CreateScheduleGroup"),
    delete=Op("DeleteScheduleGroup"),
    name="Name",
    exists=Op("GetScheduleGroup"),
    answer={"Arn": path("ScheduleGroupArn")},
    attributes={
        name: lambda request, name=name: str(
            request.call("scheduler", "GetScheduleGroup", Name=request.physical_id)[name]
        )
        for name in ("CreationDate", "LastModificationDate", "State")
    },
    tags=Tags("TagResource", "UntagResource", "Arn"),
)

# Logs -------------------------------------------------------------------------------------------------------


def _log_group_there(request: ResourceRequest) -> bool:
    found = request.call("logs", "DescribeLogGroups", logGroupNamePrefix=request.identifier)["logGroups"]
    return any(group["logGroupName"] == request.identifier for group in found)


def _log_group_arn(request: ResourceRequest) -> str:
    return f"arn:{request.partition}:logs:{request.region}:{request.account}:log-group:{request.physical_id}"


LOG_GROUP = ApiType(
    "AWS::Logs::LogGroup",
    "logs",
    create=Op("CreateLogGroup"),
    delete=Op("DeleteLogGroup"),
    name="LogGroupName",
    name_limit=512,
    exists=_log_group_there,
    attributes={"Arn": lambda request: f"{_log_group_arn(request)}:*"},
    aspects=(
        Aspect.of("RetentionInDays", Op("PutRetentionPolicy"), Op("DeleteRetentionPolicy")),
        Aspect.of("KmsKeyId", Op("AssociateKmsKey"), Op("DisassociateKmsKey")),
    ),
    tags=Tags(
        "TagResource",
        "UntagResource",
        _log_group_arn,
    ),
)


def _filter_there(request: ResourceRequest) -> bool:
    group = request.properties["LogGroupName"]
    found = request.call("logs", "DescribeMetricFilters", logGroupName=group)["metricFilters"]
    return any(one["filterName"] == request.identifier for one in found)


METRIC_FILTER = ApiType(
    "AWS::Logs::MetricFilter",
    "logs",
    create=Op("PutMetricFilter"),
    update=Op("PutMetricFilter"),
    delete=Op("DeleteMetricFilter"),
    name="FilterName",
    name_limit=512,
    exists=_filter_there,
    tag_property=None,
)

LOG_STREAM = ApiType(
    "AWS::Logs::LogStream",
    "logs",
    create=Op("CreateLogStream"),
    delete=Op("DeleteLogStream"),
    name="LogStreamName",
    name_limit=512,
    tag_property=None,
)

# CloudWatch -------------------------------------------------------------------------------------------------


def _alarm_there(request: ResourceRequest) -> bool:
    found = request.call("cloudwatch", "DescribeAlarms", AlarmNames=[request.identifier])
    return bool(found.get("MetricAlarms"))


ALARM = ApiType(
    "AWS::CloudWatch::Alarm",
    "cloudwatch",
    create=Op("PutMetricAlarm"),
    update=Op("PutMetricAlarm"),
    delete=Op("DeleteAlarms", {"AlarmNames": lambda request: [request.physical_id]}),
    name="AlarmName",
    name_limit=255,
    exists=_alarm_there,
    attributes={"Arn": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{id}"},
    tags=Tags("TagResource", "UntagResource", "Arn"),
)

DASHBOARD = ApiType(
    "AWS::CloudWatch::Dashboard",
    "cloudwatch",
    create=Op("PutDashboard"),
    update=Op("PutDashboard"),
    delete=Op("DeleteDashboards", {"DashboardNames": lambda request: [request.physical_id]}),
    name="DashboardName",
    name_limit=255,
    exists=Op("GetDashboard"),
    tag_property=None,
)

# Parameter Store --------------------------------------------------------------------------------------------


def _overwrite(request: ResourceRequest) -> dict[str, Any]:
    parameters = Op("PutParameter", {"Overwrite": True}).parameters(request, PARAMETER)
    parameters.pop("Tags", None)  # SSM takes tags only with a new parameter
    return request.call("ssm", "PutParameter", **parameters)


PARAMETER = ApiType(
    "AWS::SSM::Parameter",
    "ssm",
    create=Op("PutParameter"),
    update=_overwrite,
    delete=Op("DeleteParameter"),
    name="Name",
    name_limit=512,
    exists=Op("GetParameter"),
    attributes={
        "Type": lambda request: request.properties["Type"],
        "Value": lambda request: request.properties["Value"],
        "Arn": lambda request: (
            f"arn:{request.partition}:ssm:{request.region}:{request.account}:parameter/"
            f"{request.physical_id.lstrip('/')}"
        ),
    },
    tags=Tags("AddTagsToResource", "RemoveTagsFromResource", identity, {"ResourceType": "Parameter"}),
)

TYPES = (
    RULE,
    EVENT_BUS,
    SCHEDULE,
    SCHEDULE_GROUP,
    LOG_GROUP,
    METRIC_FILTER,
    LOG_STREAM,
    ALARM,
    DASHBOARD,
    PARAMETER,
)
