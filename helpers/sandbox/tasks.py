"""A task on its way from PROVISIONING to STOPPED: its network interface, its containers, what is said of it.

Each task has a thread of its own here. Whatever changes in it is written into the task's document (which is
what DescribeTasks shows) and told to the event bus as `ECS Task State Change`.
"""

from __future__ import annotations

import copy
import logging
import queue
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from . import failures
from .container_credentials import ContainerEndpoints
from .failures import Failure, TaskFailed
from .interfaces import make_interface, remove_interface
from .logs import AwsLogs
from .preparation import Preparation, preflight
from .runtimes import CannotStart, ContainerSpec, Exit, Image, Running
from .service import AwsError

if TYPE_CHECKING:
    from .world import World

logger = logging.getLogger(__name__)

DEFAULT_STOP_SECONDS = 30
EXEC_FORMAT_EXIT = 255  # what the kernel's refusal to run another architecture's program becomes
NEVER_RAN = 127
EXITED = Failure("Essential container in task exited", "EssentialContainerExited")


def now() -> datetime:
    """The present moment; ECS shows milliseconds."""
    moment = datetime.now(timezone.utc)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class TaskRun:
    """The life of one task."""

    def __init__(
        self,
        world: World,
        region: str,
        task: dict[str, Any],
        definition: dict[str, Any],
        roles: dict[str, Any],
    ) -> None:
        """`task` is the live document, `definition` its task definition, `roles` the ARNs of both roles."""
        self.world, self.region, self.task, self.definition = world, region, task, definition
        self.task_role: str | None = roles.get("task")
        self.id = task["taskArn"].rpartition("/")[2]
        self.preparation = Preparation(world, region, self.id, task["taskArn"], roles.get("execution"))
        self.inbox: queue.Queue[tuple[str, Exit] | None] = queue.Queue()  # exits; None when asked to stop
        self.images: dict[str, Image] = {}
        self.logs: dict[str, AwsLogs | None] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.running: dict[str, Running] = {}
        self.exits: dict[str, Exit] = {}
        self.stopped: Failure | None = None

    # What others do with it -------------------------------------------------------------------------------

    def run(self, endpoints: ContainerEndpoints) -> None:
        """Take the task through its states. Returns when it has stopped."""
        self.endpoints = endpoints
        endpoints.open(self.id, self.task["taskArn"], self.task_role, lambda: copy.deepcopy(self.task))
        try:
            self._provision()
            self._prepare()
            self._follow()
        except TaskFailed as problem:
            self._end(problem.failure)
        except AwsError as error:  # a role that could be assumed when the task was accepted
            self._end(Failure(error.message))
        except Exception:
            if self.world.stopping.is_set():
                return  # the next start says what became of it
            logger.exception("task %s failed in the sandbox", self.id)
            self._end(Failure("InternalError: the sandbox failed; its log says where."))
        self._deprovision()
        endpoints.close(self.id)

    def stop(self, reason: str) -> None:
        """Somebody called StopTask. Only the first reason to stop counts."""
        self._end(Failure(reason, "UserInitiated"))
        self.inbox.put(None)

    # States -----------------------------------------------------------------------------------------------

    def _provision(self) -> None:
        """PROVISIONING: the network interface."""
        announce(self.world, self.region, self.task)
        self._pace()
        configuration = self.task["networkConfiguration"]
        attachment = self.task["attachments"][0]
        try:
            details, zone = make_interface(self.world, self.region, configuration, attachment["id"])
        except ClientError as error:
            raise failures.network_interface(error.response["Error"]["Message"]) from error
        address = {detail["name"]: detail["value"] for detail in details}["privateIPv4Address"]
        with self.world.lock:
            attachment.update(status="ATTACHED", details=details)
            for container in self.task["containers"]:
                container["networkInterfaces"] = [
                    {"attachmentId": attachment["id"], "privateIpv4Address": address}
                ]
        self._change(
            lastStatus="PENDING", availabilityZone=zone, connectivity="CONNECTED", connectivityAt=now()
        )

    def _prepare(self) -> None:
        """PENDING: everything that must be had before a container can start."""
        self._pace()
        problem = preflight(self.world, copy.deepcopy(self.task))
        if problem:
            raise TaskFailed(problem)
        containers = self.definition["containerDefinitions"]
        self.preparation.log_in([container["image"] for container in containers])
        for container in containers:
            self.secrets[container["name"]] = self.preparation.secrets(container)
        for container in containers:
            self.logs[container["name"]] = self.preparation.open_log(container)
        self._change(pullStartedAt=now(), quiet=True)
        for container in containers:
            try:
                image = self.images[container["name"]] = self.preparation.pull(container["image"])
            except TaskFailed as problem:
                self._container(container["name"], reason=problem.failure.reason, quiet=True)
                raise
            self._container(container["name"], imageDigest=image.digest, quiet=True)
        self._change(pullStoppedAt=now(), quiet=True)
        self._pace()

    def _follow(self) -> None:
        """RUNNING: start the containers as their dependencies allow, until the task is over."""
        while True:
            self._start_those_that_can()
            if self.task["lastStatus"] == "PENDING" and self._all_started():
                self._change(lastStatus="RUNNING", startedAt=now())
            if self.stopped or self._over():
                return
            message = self.inbox.get()
            if message:
                self._container_ended(*message)

    def _over(self) -> bool:
        ended = [name for name in self.exits if self._is_essential(name)]
        if ended or len(self.exits) == len(self.definition["containerDefinitions"]):
            self._end(EXITED)
            return True
        return False

    def _deprovision(self) -> None:
        """Stop what still runs, give the network interface back: STOPPED."""
        left = [name for name in self.running if name not in self.exits]
        if left:
            self._change(lastStatus="STOPPING")
        for thread in [self.world.spawn(f"stop {name}", self._stop_container, name) for name in left]:
            thread.join()
        for log in self.logs.values():
            if log:
                log.close()
        for container in self.task["containers"]:
            self._container(container["name"], lastStatus="STOPPED", quiet=True)
        self._change(
            lastStatus="DEPROVISIONING", executionStoppedAt=self.task.get("executionStoppedAt") or now()
        )
        self.world.pause(self.world.pace)
        remove_interface(self.world, self.region, self.task)
        self._change(lastStatus="STOPPED", stoppedAt=now())

    # Containers -------------------------------------------------------------------------------------------

    def _start_those_that_can(self) -> None:
        for container in self.definition["containerDefinitions"]:
            name = container["name"]
            known = name in self.running or name in self.exits
            if not known and not self.stopped and self._may_start(container):
                self._start(container)

    def _may_start(self, container: dict[str, Any]) -> bool:
        for dependency in container.get("dependsOn") or []:
            other, condition = dependency["containerName"], dependency["condition"]
            ended = self.exits.get(other)
            if condition in ("START", "HEALTHY"):  # health is not simulated: started counts as healthy
                if other not in self.running and ended is None:
                    return False
            elif ended is None:
                return False
            elif condition == "SUCCESS" and ended.code != 0:
                raise failures.failed(
                    f"Task failed to start: container {other}, on which {container['name']} "
                    f"depends, exited with code {ended.code}"
                )
        return True

    def _all_started(self) -> bool:
        return len(self.running.keys() | self.exits) == len(self.definition["containerDefinitions"])

    def _start(self, container: dict[str, Any]) -> None:
        name, image = container["name"], self.images[container["name"]]
        spec = self._spec(container, image)
        log = self.logs[name]
        write = log.write if log else _nowhere
        wanted = self.definition.get("runtimePlatform", {}).get("cpuArchitecture") or "X86_64"
        if image.architecture != wanted:
            write(f"exec {' '.join(spec.argv[:1])}: exec format error")
            self.running[name] = Ended(Exit(EXEC_FORMAT_EXIT))
        else:
            try:
                self.running[name] = self.world.runtime.start(spec, write)
            except CannotStart as error:
                reason = f"CannotStartContainerError: {error}"
                self._container(name, lastStatus="STOPPED", reason=reason, quiet=True)
                if self._is_essential(name):
                    raise failures.failed(reason) from error
                self.exits[name] = Exit(NEVER_RAN)
                return
        self._container(name, lastStatus="RUNNING", quiet=True)
        self.world.spawn(f"container {name}", self._await, name)

    def _await(self, name: str) -> None:
        self.inbox.put((name, self.running[name].wait()))

    def _container_ended(self, name: str, ended: Exit) -> None:
        self.exits[name] = ended
        self._record_exit(name, ended)
        if self._is_essential(name):
            self._change(executionStoppedAt=now(), quiet=True)
        else:
            self._change()

    def _record_exit(self, name: str, ended: Exit) -> None:
        reason = {"reason": ended.reason} if ended.reason else {}
        self._container(name, lastStatus="STOPPED", exitCode=ended.code, **reason, quiet=True)

    def _stop_container(self, name: str) -> None:
        container = self._definition_of(name)
        self.running[name].stop(container.get("stopTimeout") or DEFAULT_STOP_SECONDS)
        self._record_exit(name, self.running[name].wait())

    def _spec(self, container: dict[str, Any], image: Image) -> ContainerSpec:
        override = self._override_of(container["name"])
        memory = override.get("memory") or container.get("memory") or int(self.task["memory"])
        cpu = override.get("cpu") or container.get("cpu") or int(self.task["cpu"])
        return ContainerSpec(
            name=container["name"],
            image=image,
            command=override.get("command") or container.get("command") or None,
            entrypoint=container.get("entryPoint") or None,
            environment=self.environment(container),
            cpu_units=cpu,
            memory_mib=memory,
            user=container.get("user"),
        )

    def environment(self, container: dict[str, Any]) -> dict[str, str]:
        """The container's variables: Fargate's own, the definition's, its secrets, then the overrides."""
        override = self._override_of(container["name"])
        found = {
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            # Only here, not on Fargate: so that the job's SDK talks to the sandbox, and asks no other machine
            # for credentials when the task has no role.
            "AWS_ENDPOINT_URL": self.world.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.endpoints.environment(self.id, container["name"]),
        }
        for pair in [*(container.get("environment") or []), *(override.get("environment") or [])]:
            found[pair["name"]] = pair.get("value", "")
        return {**found, **self.secrets[container["name"]]}

    def _definition_of(self, name: str) -> dict[str, Any]:
        return next(found for found in self.definition["containerDefinitions"] if found["name"] == name)

    def _override_of(self, name: str) -> dict[str, Any]:
        overrides = self.task["overrides"].get("containerOverrides") or []
        return next((found for found in overrides if found.get("name") == name), {})

    def _is_essential(self, name: str) -> bool:
        return self._definition_of(name).get("essential", True) is not False

    # The document -----------------------------------------------------------------------------------------

    def _pace(self) -> None:
        self.world.pause(self.world.pace)
        if self.stopped:
            raise TaskFailed(self.stopped)

    def _end(self, failure: Failure) -> None:
        """The task is to stop, and why; what came first stays."""
        with self.world.lock:
            if self.stopped:
                return
            self.stopped = failure
            self.task.update(
                desiredStatus="STOPPED",
                stopCode=failure.stop_code,
                stoppedReason=failure.reason,
                stoppingAt=now(),
            )

    def _container(self, name: str, quiet: bool = False, **changes: Any) -> None:
        with self.world.lock:
            next(found for found in self.task["containers"] if found["name"] == name).update(changes)
        if not quiet:
            self._change()

    def _change(self, quiet: bool = False, **changes: Any) -> None:
        """Write into the task's document; unless `quiet`, tell the event bus."""
        with self.world.lock:
            self.task.update(changes)
            if not quiet:
                self.task["version"] += 1
                announce(self.world, self.region, self.task)
        self.world.changed()


class Ended:
    """A container that ended at once."""

    def __init__(self, exit: Exit) -> None:
        self._exit = exit

    def wait(self, timeout: float | None = None) -> Exit:
        """How it ended."""
        return self._exit

    def stop(self, grace_seconds: float) -> None:
        """Nothing is left to stop."""


def _nowhere(line: str) -> None:
    """Where output goes without a log driver. That is the lesson of leaving it out."""


def announce(world: World, region: str, task: dict[str, Any]) -> None:
    """Put the task on the event bus as it is now. There an interface is an `eni`, and times are text."""
    detail = _with_iso_times(
        {name: value for name, value in task.items() if name not in ("networkConfiguration", "tags")}
    )
    detail["attachments"] = [{**attachment, "type": "eni"} for attachment in detail["attachments"]]
    detail["updatedAt"] = _iso(now())
    world.publish(region, "aws.ecs", "ECS Task State Change", detail, [task["taskArn"]])


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _with_iso_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_iso_times(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_iso_times(inner) for inner in value]
    return _iso(value) if isinstance(value, datetime) else value


class Runs:
    """The tasks that run now."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._endpoints = ContainerEndpoints(world)
        self._runs: dict[str, TaskRun] = {}

    def start(self, run: TaskRun) -> None:
        """Begin a task."""
        self._runs[run.task["taskArn"]] = run
        self._world.spawn(f"task {run.id}", self._run, run)

    def stop(self, task_arn: str, reason: str) -> None:
        """Stop a task, if it still runs."""
        run = self._runs.get(task_arn)
        if run:
            run.stop(reason)

    def _run(self, run: TaskRun) -> None:
        try:
            run.run(self._endpoints)
        finally:
            self._runs.pop(run.task["taskArn"], None)
