"""CloudWatch: metrics and alarms are moto's; that alarms look at their metrics, and act, is ours.

Alarms are evaluated once a minute of the schedule clock, and their periods are that clock's: what a sandbox
that runs 30 times as fast calls five minutes are ten seconds. Datapoints keep their real times.

Evaluated are alarms on one metric with Sum, Average, Minimum, Maximum or SampleCount. Composite alarms,
percentiles and metric math stay in INSUFFICIENT_DATA, as alarms are that nobody has evaluated yet. Of actions
only SNS topics are called.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import wraps
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.backends import get_backend
from moto.cloudwatch.models import CloudWatchBackend, MetricDatum, Statistics
from moto.core.common_models import CloudWatchMetricProvider

from . import iam
from .cloudwatch_alarms import INSUFFICIENT, Condition, Datapoint, judge
from .service import AwsError, Call, Service

if TYPE_CHECKING:
    from .world import World

logger = logging.getLogger(__name__)

MINUTE = 60
SHORTEST_TICK_SECONDS = 0.5  # of real time, so that a very fast clock does not keep the processor busy
HISTORY_LIMIT = 1000
STATISTICS = ("Sum", "Average", "Minimum", "Maximum", "SampleCount")
STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
PRINCIPAL = "cloudwatch.amazonaws.com"


class History:
    """What DescribeAlarmHistory shows in one region, oldest first; it outlives the alarms, as in AWS."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []


service = Service("cloudwatch", store=History)


class QueueMetrics(CloudWatchMetricProvider):
    """What SQS tells CloudWatch of its queues. moto asks each time: the present is all there is."""

    @staticmethod
    def get_cloudwatch_metrics(account_id: str, region: str) -> list[MetricDatum]:
        moment = _now()
        return [
            MetricDatum(
                namespace="AWS/SQS",
                name="ApproximateNumberOfMessagesVisible",
                value=float(queue.approximate_number_of_messages),
                dimensions=[{"Name": "QueueName", "Value": queue.name}],
                timestamp=moment,
                unit="Count",
            )
            for queue in list(get_backend("sqs")[account_id][region].queues.values())
        ]


@service.on_start
def start(world: World) -> None:
    """Begin to evaluate alarms, and listen to who makes them."""
    wake = threading.Event()

    def put(original: Callable[..., Any], backend: Any, *args: Any, **given: Any) -> Any:
        """An alarm that is new has seen no data yet; one that is changed keeps its state until it has."""
        name = given["name"]
        before = backend.alarms.get(name)
        alarm = original(backend, *args, **given)
        if before is None:
            alarm.state_value = INSUFFICIENT
        else:
            for part in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp"):
                setattr(alarm, part, getattr(before, part))
        done = "created" if before is None else "updated"
        remember(world, backend.region_name, name, "ConfigurationUpdate", f'Alarm "{name}" {done}', {})
        wake.set()
        return alarm

    def delete(original: Callable[..., Any], backend: Any, alarm_names: list[str]) -> Any:
        for name in backend.alarms.keys() & set(alarm_names):
            remember(world, backend.region_name, name, "ConfigurationUpdate", f'Alarm "{name}" deleted', {})
        return original(backend, alarm_names)

    _around(CloudWatchBackend, "put_metric_alarm", put)
    _around(CloudWatchBackend, "delete_alarms", delete)
    world.spawn("alarms", evaluate_all, world, wake)


def _around(backend: type, name: str, function: Callable[..., Any]) -> None:
    original = getattr(backend, name)

    @wraps(original)
    def method(self: Any, *args: Any, **given: Any) -> Any:
        return function(original, self, *args, **given)

    setattr(backend, name, method)


def evaluate_all(world: World, wake: threading.Event) -> None:
    """Look at every alarm, once a minute of the schedule clock; sleep for as long as there is none."""
    tick = max(world.clock.real_seconds(MINUTE), SHORTEST_TICK_SECONDS)
    while not world.stopping.is_set():
        alarms = list(_alarms(world))
        for region, alarm in alarms:
            try:
                _evaluate(world, region, alarm, tick)
            except Exception:  # one alarm that cannot be evaluated does not stop the others
                logger.exception("the alarm %s could not be evaluated", alarm.alarm_arn)
        if alarms:
            world.stopping.wait(tick)
        else:
            wake.wait()
        wake.clear()


def _alarms(world: World) -> Iterator[tuple[str, Any]]:
    for region, backend in list(get_backend("cloudwatch")[world.account].items()):
        for alarm in list(backend.alarms.values()):
            if alarm.rule is None and not alarm.metric_data_queries and alarm.statistic in STATISTICS:
                yield region, alarm


def _evaluate(world: World, region: str, alarm: Any, tick: float) -> None:
    data = _data(world, region, alarm)
    length = timedelta(seconds=max(world.clock.real_seconds(int(alarm.period)), tick))
    now = _now()
    points = []
    for number in range(int(alarm.evaluation_periods), 0, -1):
        begin = now - number * length
        inside = [datum for datum in data if begin < _naive(datum.timestamp) <= begin + length]
        points.append(Datapoint(begin, _statistic(alarm.statistic, begin, inside)))
    condition = Condition(
        alarm.comparison_operator,
        float(alarm.threshold),
        int(alarm.evaluation_periods),
        int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
        alarm.treat_missing_data or "missing",
    )
    verdict = judge(condition, points, alarm.state_value)
    if verdict and verdict.state != alarm.state_value:
        change(world, region, alarm, verdict.state, verdict.reason, _reason_data(alarm, points))


def _data(world: World, region: str, alarm: Any) -> list[Any]:
    """The metric's data. An alarm watches the metric with exactly its dimensions, no more and no fewer."""
    wanted = {(dimension.name, dimension.value) for dimension in alarm.dimensions}
    return [
        datum
        for datum in world.moto("cloudwatch", region).get_all_metrics()
        if (datum.namespace, datum.name) == (alarm.namespace, alarm.metric_name)
        and {(dimension.name, dimension.value) for dimension in datum.dimensions} == wanted
        and (not alarm.unit or datum.unit == alarm.unit)
    ]


def _statistic(name: str, begin: datetime, data: list[Any]) -> float | None:
    if not data:
        return None
    statistics = Statistics([name], begin)
    statistics.metric_data = data
    return float(statistics.get_statistics_for_type(name) or 0)


def _reason_data(alarm: Any, points: list[Datapoint]) -> dict[str, Any]:
    known = [point for point in points if point.value is not None]
    return {
        "version": "1.0",
        "queryDate": f"{_now().isoformat(timespec='milliseconds')}+0000",
        **({"startDate": f"{known[0].time.isoformat(timespec='milliseconds')}+0000"} if known else {}),
        "statistic": alarm.statistic,
        "period": int(alarm.period),
        "recentDatapoints": [point.value for point in known],
        "threshold": float(alarm.threshold),
    }


# A change of state ----------------------------------------------------------------------------------------


def change(world: World, region: str, alarm: Any, state: str, reason: str, data: dict[str, Any]) -> None:
    """Put the alarm into a state; when it is another one, call its actions and tell the event bus."""
    old = {"stateValue": alarm.state_value, "stateReason": alarm.state_reason}
    new = {"stateValue": state, "stateReason": reason, "stateReasonData": data}
    alarm.update_state(reason, json.dumps(data), state)
    world.changed()
    if old["stateValue"] == state:
        return
    summary = f"Alarm updated from {old['stateValue']} to {state}"
    remember(
        world,
        region,
        alarm.name,
        "StateUpdate",
        summary,
        {"version": "1.0", "oldState": old, "newState": new},
    )
    detail = {
        "alarmName": alarm.name,
        "state": _state(state, reason, data),
        "previousState": _state(old["stateValue"], old["stateReason"], {}),
        "configuration": {"description": alarm.description or ""},
    }
    world.publish(region, "aws.cloudwatch", "CloudWatch Alarm State Change", detail, [alarm.alarm_arn])
    if alarm.actions_enabled:
        actions = {"OK": alarm.ok_actions, "ALARM": alarm.alarm_actions}
        for arn in actions.get(state, alarm.insufficient_data_actions):
            _act(world, region, alarm, arn, old["stateValue"])


def _state(value: str, reason: str, data: dict[str, Any]) -> dict[str, str]:
    moment = f"{_now().isoformat(timespec='milliseconds')}+0000"
    return {"value": value, "reason": reason, "reasonData": json.dumps(data), "timestamp": moment}


def _act(world: World, region: str, alarm: Any, arn: str, old_state: str) -> None:
    try:
        if arn.split(":")[2] != "sns":
            raise AwsError("InvalidAction", "The sandbox calls no other actions than SNS topics.")
        iam.check_service(world, PRINCIPAL, "SNS:Publish", arn, alarm.alarm_arn)
        world.client("sns", arn.split(":")[3], as_service=PRINCIPAL).publish(
            TopicArn=arn,
            Subject=f'{alarm.state_value}: "{alarm.name}" in {region}'[:100],
            Message=json.dumps(notification(world, region, alarm, old_state)),
        )
        summary = f"Successfully executed action {arn}"
    except ClientError as error:
        summary = f'Failed to execute action {arn}. Received error: "{error.response["Error"]["Message"]}"'
    except AwsError as error:
        summary = f'Failed to execute action {arn}. Received error: "{error.message}"'
    result = {"actionState": summary.split()[0].replace("Successfully", "Succeeded"), "actionArn": arn}
    remember(world, region, alarm.name, "Action", summary, result)


def notification(world: World, region: str, alarm: Any, old_state: str) -> dict[str, Any]:
    """The message that a topic gets.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": world.account,
        "AlarmConfigurationUpdatedTimestamp": alarm.configuration_updated_timestamp.isoformat(),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": f"{_now().isoformat(timespec='milliseconds')}+0000",
        "Region": region,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": old_state,
        "OKActions": list(alarm.ok_actions),
        "AlarmActions": list(alarm.alarm_actions),
        "InsufficientDataActions": list(alarm.insufficient_data_actions),
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "StatisticType": "Statistic",
            "Statistic": (alarm.statistic or "").upper(),
            "Unit": alarm.unit,
            "Dimensions": [{"value": each.value, "name": each.name} for each in alarm.dimensions],
            "Period": int(alarm.period or 0),
            "EvaluationPeriods": int(alarm.evaluation_periods),
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": float(alarm.threshold or 0),
            "TreatMissingData": alarm.treat_missing_data or "missing",
            "EvaluateLowSampleCountPercentile": "",
        },
    }


# What the API shows of it ---------------------------------------------------------------------------------


def remember(world: World, region: str, name: str, kind: str, summary: str, data: dict[str, Any]) -> None:
    """One more line in the history of an alarm."""
    item = {
        "AlarmName": name,
        "AlarmType": "MetricAlarm",
        "Timestamp": datetime.now(timezone.utc),
        "HistoryItemType": kind,
        "HistorySummary": summary,
        "HistoryData": json.dumps(data),
    }
    with world.lock:
        items = world.store("cloudwatch", region).items
        items.append(item)
        del items[:-HISTORY_LIMIT]


@service.operation("DescribeAlarmHistory")
def describe_alarm_history(call: Call) -> dict[str, Any]:
    given = call.params
    found = [
        item
        for item in call.store.items
        if given.get("AlarmName") in (None, "", item["AlarmName"])
        and given.get("HistoryItemType") in (None, "", item["HistoryItemType"])
        and ("StartDate" not in given or item["Timestamp"] >= _aware(given["StartDate"]))
        and ("EndDate" not in given or item["Timestamp"] <= _aware(given["EndDate"]))
    ]
    if given.get("ScanBy") != "TimestampAscending":
        found.reverse()
    try:
        begin = int(given.get("NextToken") or 0)
    except ValueError as error:
        raise AwsError("InvalidNextToken", "The next token specified is invalid.") from error
    end = begin + int(given.get("MaxRecords") or 100)
    page = {"AlarmHistoryItems": found[begin:end]}
    return {**page, "NextToken": str(end)} if end < len(found) else page


@service.operation("SetAlarmState")
def set_alarm_state(call: Call) -> dict[str, Any]:
    """For trying what happens: the next evaluation puts the alarm back to what its metric says."""
    state, data = call.params["StateValue"], call.params.get("StateReasonData")
    if state not in STATES:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{state}' at 'stateValue' failed to satisfy constraint: "
            "Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]",
        )
    try:
        parsed = json.loads(data or "{}")
    except ValueError as error:
        raise AwsError("InvalidFormat", "StateReasonData is not valid JSON") from error
    alarm = call.world.moto("cloudwatch", call.region).alarms.get(call.params["AlarmName"])
    if alarm is None:
        raise AwsError("ResourceNotFound", "Unknown", 404)
    change(call.world, call.region, alarm, state, call.params["StateReason"], parsed)
    return {}


def _now() -> datetime:
    """The present in UTC, as moto keeps times: without a zone."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment


def _aware(moment: Any) -> datetime:
    """A time of a request, which the protocols give as a time or as text."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    if isinstance(moment, int | float):
        return datetime.fromtimestamp(moment, timezone.utc)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
