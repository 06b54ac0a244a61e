"""Fires scheduled rules, and the schedules of EventBridge Scheduler, on the sandbox's schedule clock.

A rate counts from the moment at which its rule was enabled; cron and at are times of the clock. The clock
starts anew with the sandbox, and so does each rate: time in which the sandbox did not run does not count.

The clock may run so fast that a job cannot keep up. Then firings are left out, where EventBridge would start
them all:
- of the moments that passed since the last look only the latest fires;
- a rule whose last firing is still being delivered does not fire;
- a rule of which MAX_RUNNING tasks run does not fire.
CloudWatch counts the last two as ThrottledRules, at most one a second.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from moto.backends import get_backend

from helpers import schedules

from .event_bus import RULES, SCHEDULES, Delivery, EventBus, iso, new_event
from .event_targets import Sender, rule_sender, schedule_sender

if TYPE_CHECKING:
    from .world import World

logger = logging.getLogger(__name__)

MAX_RUNNING = 3
SHORTEST_WAIT_SECONDS = 0.1  # of real time, so that a very fast clock does not keep the processor busy
LONGEST_WAIT = timedelta(days=1)


@dataclass
class Plan:
    """One schedule that is enabled: when it fires next, and whether its last firing is still under way."""

    signature: tuple
    moments: Iterator[datetime]
    next: datetime | None = None
    left_out: float = 0.0  # when a firing was last left out, on the system's own clock
    delivering: threading.Event = field(default_factory=threading.Event)

    def step(self, now: datetime) -> datetime | None:
        """The latest moment that has come, None when there is none; `next` moves on."""
        come = None
        while self.next is not None and self.next <= now:
            come, self.next = self.next, next(self.moments, None)
        return come


class ScheduleLoop:
    """Waits for the next moment at which anything fires; `wake` when a schedule has changed."""

    def __init__(self, world: World, bus: EventBus) -> None:
        self._world, self._bus = world, bus
        self._changed = threading.Event()
        self._plans: dict[str, Plan] = {}
        self._looked = False  # what the first look finds was enabled before the sandbox started

    def wake(self) -> None:
        """Look at the schedules again: something is different."""
        self._changed.set()

    def run(self) -> None:
        """Fire what is due, for as long as the sandbox runs."""
        while not self._world.stopping.is_set():
            self._changed.clear()
            now = self._world.clock.now()
            coming = []
            for arn, thing in self._enabled():
                plan = self._plan(arn, thing, now)
                moment = plan.step(now)
                if moment:
                    self._try_to_fire(thing, plan, moment)
                if plan.next:
                    coming.append(plan.next)
            self._looked = True
            clock = self._world.clock
            wait = min([*coming, now + LONGEST_WAIT]) - clock.now()
            clock.wait(max(wait.total_seconds(), SHORTEST_WAIT_SECONDS * clock.speed), self._changed)

    def _enabled(self) -> list[tuple[str, Any]]:
        """moto's rules and schedules that are enabled, by ARN; plans of all others are forgotten."""
        account = self._world.account
        found: dict[str, Any] = {}
        for backend in list(get_backend("events")[account].values()):
            for rule in list(backend.event_buses["default"].rules.values()):
                if rule.state == "ENABLED" and rule.scheduled_expression:
                    found[rule.arn] = rule
        for backend in list(get_backend("scheduler")[account].values()):
            for group in list(backend.schedule_groups.values()):
                found.update(
                    (item.arn, item) for item in list(group.schedules.values()) if item.state == "ENABLED"
                )
        for arn in self._plans.keys() - found.keys():
            del self._plans[arn]
        return list(found.items())

    def _plan(self, arn: str, thing: Any, now: datetime) -> Plan:
        is_rule = hasattr(thing, "scheduled_expression")
        signature = (
            (thing.scheduled_expression,)
            if is_rule
            else (
                thing.schedule_expression,
                thing.schedule_expression_timezone,
                thing.start_date,
                thing.end_date,
            )
        )
        plan = self._plans.get(arn)
        if plan is None or plan.signature != signature:
            moments = self._of_rule(thing, now) if is_rule else self._of_schedule(thing, now)
            plan = self._plans[arn] = Plan(signature, moments)
            try:
                plan.next = next(moments, None)
            except schedules.ScheduleInvalid as error:  # stored past the checks
                logger.warning("%s never fires: %s", arn, error)
        return plan

    @staticmethod
    def _of_rule(rule: Any, now: datetime) -> Iterator[datetime]:
        yield from schedules.parse(rule.scheduled_expression).firings(now)

    def _of_schedule(self, item: Any, now: datetime) -> Iterator[datetime]:
        """Scheduler also knows a first and a last day, and a rate that begins at once."""
        schedule = schedules.parse(item.schedule_expression, scheduler=True)
        zone = schedules.time_zone(item.schedule_expression_timezone)
        first, last = _moment(item.start_date), _moment(item.end_date)
        start = max(first, now) if first else now
        if isinstance(schedule, schedules.Rate):
            if first and first <= now:  # its rhythm is that of its first day
                start = first + (now - first) // schedule.period * schedule.period
            elif first or self._looked:
                yield start
        for moment in schedule.firings(start, zone):
            if last and moment > last:
                return
            yield moment

    def _try_to_fire(self, thing: Any, plan: Plan, moment: datetime) -> None:
        try:
            self._fire(thing, plan, moment)
        except Exception:  # one schedule that cannot fire does not stop the others
            plan.delivering.clear()
            logger.exception("%s could not fire", thing.arn)

    def _fire(self, thing: Any, plan: Plan, moment: datetime) -> None:
        is_rule = hasattr(thing, "scheduled_expression")
        sender = (rule_sender if is_rule else schedule_sender)(thing.name, thing.arn, thing.arn.split(":")[3])
        dimension = {"RuleName": thing.name} if is_rule else {"ScheduleGroup": thing.group_name}
        if plan.delivering.is_set() or self._running(sender) >= MAX_RUNNING:
            if time.monotonic() - plan.left_out > 1:
                plan.left_out = time.monotonic()
                logger.info("%s is left out at %s: it has not finished what it started", thing.arn, moment)
                name = "ThrottledRules" if is_rule else "InvocationThrottleCount"
                self._bus.count(RULES if is_rule else SCHEDULES, sender.region, dimension, name)
            return
        plan.delivering.set()
        if is_rule:
            event = new_event(
                self._world.account, sender.region, "aws.events", "Scheduled Event", {}, [thing.arn], moment
            )
            self._bus.fire(thing, event, plan.delivering.clear)
        else:
            self._bus.send([self._scheduled(thing, sender, moment, dimension)], plan.delivering.clear)
            if plan.next is None and thing.action_after_completion == "DELETE":
                client = self._world.client("scheduler", sender.region)
                self._world.spawn(
                    "delete schedule",
                    lambda: client.delete_schedule(Name=thing.name, GroupName=thing.group_name),
                )

    def _running(self, sender: Sender) -> int:
        """How many tasks that this rule or schedule started have not stopped yet."""
        with self._world.lock:
            return sum(
                task.get("startedBy") == sender.started_by and task["lastStatus"] != "STOPPED"
                for store in self._world.stores("ecs").values()
                for task in store.tasks.values()
            )

    @staticmethod
    def _scheduled(item: Any, sender: Sender, moment: datetime, dimension: dict[str, str]) -> Delivery:
        target, execution = dict(item.target), str(uuid.uuid4())
        content = target.get("Input") or json.dumps({})
        for name, value in (
            ("schedule-arn", item.arn),
            ("scheduled-time", iso(moment)),
            ("execution-id", execution),
            ("attempt-number", "1"),
        ):
            content = content.replace(f"<aws.scheduler.{name}>", value)
        attributes = {
            "SCHEDULE_ARN": item.arn,
            "TARGET_ARN": target["Arn"],
            "SCHEDULED_TIME": iso(moment),
            "EXECUTION_ID": execution,
            "IS_PAYLOAD_TRUNCATED": "false",
        }
        return Delivery(sender, target, content, content, attributes, SCHEDULES, dimension)


def _moment(value: Any) -> datetime | None:
    """A date as moto's scheduler keeps it: seconds since 1970, or text."""
    if value in (None, ""):
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, timezone.utc)
    return datetime.fromisoformat(str(value).replace("Z", "+00:00")).astimezone(timezone.utc)
