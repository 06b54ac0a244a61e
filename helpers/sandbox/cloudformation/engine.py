"""The work on a stack: resources are made in the order of their dependencies, deleted in the reverse.

Everything that happens is written into the stack before and after it happens, so that a sandbox which stops
in the middle can tell afterwards what was under way (`recovery`). Resources that wait for nothing begin
together, as in AWS; they are worked on one after another, so that a template always gives the same history.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ..service import AwsError
from ..world import World
from . import resources
from .errors import OperationFailed, PropertiesInvalid, ResourceFailed
from .evaluation import Surroundings, check_attributes, request_for, resolver, with_stack_tags
from .model import Deployment, Output, Resource, Stack, Store, now
from .notifications import notify
from .references import in_order
from .requests import check_parameters_exist, forecast
from .schemas import schema
from .template import ResourceDeclaration, Template, parse

logger = logging.getLogger(__name__)

CANCELLED = {"CREATE": "Resource creation cancelled", "UPDATE": "Resource update cancelled"}
REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


class SandboxStopping(Exception):
    """The sandbox is about to end: leave everything as it is, `recovery` will see to it at the next start."""


class StepsFailed(Exception):
    """Some resources failed; the operation cannot go on."""

    def __init__(self, failed: dict[str, list[str]]) -> None:
        """`failed` gives the resources by what they failed to do: create, update, delete."""
        sentences = [
            f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "
            for verb, names in failed.items()
            if names
        ]
        self.reason = "".join(sentences)
        super().__init__(self.reason)


def delete_reason(failed: list[str]) -> str | None:
    """The reason to show when some resources would not be deleted."""
    return StepsFailed({"delete": failed}).reason if failed else None


def listed(names: list[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


class Run:
    """One run of work on one stack."""

    def __init__(self, world: World, region: str, stack: Stack) -> None:
        self.world, self.region, self.stack = world, region, stack
        self.store: Store = world.store("cloudformation", region)
        self.use(stack.deployment)

    def use(self, deployment: Deployment) -> None:
        """Evaluate the template of this deployment from now on."""
        self.deployment = deployment
        self.template: Template = parse(deployment.template)
        self.surroundings = Surroundings(self.world, self.region, self.stack)
        self.resolver = resolver(
            self.world, self.region, self.stack, self.template, deployment, self.surroundings
        )
        self._graph: dict[str, set[str]] | None = None

    # Writing down -------------------------------------------------------------------------------------------

    def record(self, status: str, reason: str | None = None) -> None:
        """Set the stack's status."""
        self._unless_stopping()
        with self.world.lock:
            self.stack.record(status, reason)
        self._tell()

    def note(
        self, resource: Resource, status: str, reason: str | None = None, path: str | None = None
    ) -> None:
        """Set a resource's status."""
        self._unless_stopping()
        with self.world.lock:
            self.stack.record_resource(resource, status, reason, path)
        self._tell()

    def finish(self, status: str, reason: str | None = None) -> None:
        """Set the stack's last status of this operation."""
        self._unless_stopping()
        with self.world.lock:
            self._close(status, reason)
        self._tell()

    def finish_creation(self, outputs: list[Output]) -> bool:
        """Set CREATE_COMPLETE, unless somebody wants the stack deleted already: then False."""
        self._unless_stopping()
        with self.world.lock:
            if self.stack.cancelled:
                return False
            self.stack.outputs, self.stack.imports = outputs, frozenset(self.surroundings.imports)
            self._close("CREATE_COMPLETE", None)
        self._tell()
        return True

    def _close(self, status: str, reason: str | None) -> None:
        self.stack.record(status, reason)
        self.stack.operation = None
        self.stack.cancelled = False
        executed = self.store.change_sets.get(self.stack.change_set_id or "")
        if executed and executed.execution_status == "EXECUTE_IN_PROGRESS":
            good = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
            executed.execution_status = "EXECUTE_COMPLETE" if good else "EXECUTE_FAILED"

    def _tell(self) -> None:
        self.world.changed()
        notify(self.world, self.region, self.stack)

    def _unless_stopping(self) -> None:
        if self.world.stopping.is_set():
            raise SandboxStopping

    # Evaluating ---------------------------------------------------------------------------------------------

    def graph(self) -> dict[str, set[str]]:
        """What each resource of the stack waits for."""
        if self._graph is None:
            self._graph = self.template.dependencies(self.resolver.included, self.resolver.taken)
        return self._graph

    def prepare(self) -> None:
        """Find out what is wrong before anything is made. Raises OperationFailed."""
        check_attributes(self.template, self.region)
        check_parameters_exist(self.world, self.region, self.template, self.deployment)
        found = forecast(self.world, self.region, self.stack, self.template, self.deployment)
        self.surroundings.imports |= found.imports

    def declared(self, name: str) -> Resource:
        """A new record of a resource, with the properties that the template gives it now."""
        entry = self.template.resources[name]
        try:
            return self._declared(name, entry)
        except AwsError as error:
            raise OperationFailed(error.message.rstrip(".")) from error

    def _declared(self, name: str, entry: ResourceDeclaration) -> Resource:
        kind = schema(entry.type, self.region)
        properties = kind.coerce(self.resolver.resolve(entry.properties))
        return Resource(
            name,
            entry.type,
            properties=properties,
            applied=with_stack_tags(kind, self.stack, self.deployment, name, properties),
            depends_on=frozenset(self.graph()[name]),
            deletion_policy=self.resolver.resolve(entry.deletion_policy),
            update_replace_policy=self.resolver.resolve(entry.update_replace_policy),
            metadata=self.resolver.resolve(entry.metadata) if entry.metadata is not None else None,
            description=entry.description,
        )

    def outputs(self) -> list[Output]:
        """The stack's outputs. Raises OperationFailed when one is no text, or an export clashes."""
        result = []
        for name, entry in self.template.outputs.items():
            if not self.resolver.included(entry.condition):
                continue
            value = self.resolver.resolve(entry.value)
            if isinstance(value, (list, dict)):
                raise OperationFailed(
                    "Template format error: The Value field of every Outputs member must evaluate to a "
                    "String."
                )
            export = None if entry.export is None else str(self.resolver.resolve(entry.export))
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            result.append(Output(name, shown, entry.description, export))
        self._check_exports(result)
        return result

    def _check_exports(self, outputs: list[Output]) -> None:
        there = self.store.exports()
        mine = {output.export_name: output.value for output in outputs if output.export_name}
        for name in mine:
            if name in there and there[name][0] is not self.stack:
                raise OperationFailed(
                    f"Export with name {name} is already exported by stack {there[name][0].name}"
                )
        for output in self.stack.outputs:
            users = self.store.importers(output.export_name or "", besides=self.stack.stack_id)
            if not output.export_name or not users:
                continue
            names = listed(sorted(user.name for user in users))
            if output.export_name not in mine:
                raise OperationFailed(
                    f"Delete canceled. Cannot delete export {output.export_name} as it is in use by {names}"
                )
            if mine[output.export_name] != output.value:
                raise OperationFailed(
                    f"Export {output.export_name} cannot be updated as it is in use by {names}"
                )

    # Working on one resource --------------------------------------------------------------------------------

    def check(self, resource: Resource) -> None:
        """Raise PropertiesInvalid when the properties do not fit the type."""
        kind = schema(resource.type, self.region)
        problems = kind.problems(resource.properties)
        if problems:
            messages = "\n".join(message for _, message in problems)
            path = f"/Resources/{resource.logical_id}/Properties{problems[0][0].lstrip('#')}"
            if kind.legacy:
                raise PropertiesInvalid(problems[0][1], path)
            raise PropertiesInvalid(
                f"Properties validation failed for resource {resource.logical_id} with message:\n{messages}",
                path,
            )

    def make(self, resource: Resource, verb: str = "CREATE") -> None:
        """Create a resource whose record is in the stack. Raises ResourceFailed."""
        self.check(resource)
        resources.kind_of(resource.type).make(self._request(resource))
        self.note(resource, f"{verb}_IN_PROGRESS", "Resource creation Initiated")
        self.world.pause(self.world.pace)
        self.note(resource, f"{verb}_COMPLETE")

    def change(self, resource: Resource, previous: dict[str, Any]) -> None:
        """Update a resource in place. Raises ResourceFailed."""
        self.check(resource)
        resources.kind_of(resource.type).change(self._request(resource, previous))
        self.world.pause(self.world.pace)
        self.note(resource, "UPDATE_COMPLETE")

    def remove(self, resource: Resource) -> None:
        """Delete what a record stands for. Raises ResourceFailed."""
        if resource.physical_id is None:
            return
        self.world.pause(self.world.pace)
        resources.kind_of(resource.type).remove(self._request(resource))

    def _request(self, resource: Resource, previous: dict[str, Any] | None = None) -> Any:
        return request_for(self.world, self.region, self.stack, resource, previous, self.deployment.role_arn)

    def walk(
        self, graph: dict[str, set[str]], begin: Callable[[str], bool], act: Callable[[str], None]
    ) -> None:
        """Work through the resources, each after those that it needs.

        `begin` says that a resource's turn has come and whether there is anything to do; `act` does it. When
        one fails, those that have begun are cancelled, and StepsFailed is raised.
        """
        waiting = dict(graph)
        done: set[str] = set()
        begun: deque[str] = deque()
        try:
            self._admit(waiting, done, begun, begin)
            while begun:
                self._check_time()
                self._act(begun[0], act)
                done.add(begun.popleft())
                self._admit(waiting, done, begun, begin)
        except ResourceFailed as error:
            name = begun.popleft()
            self._failed(name, error)
            self._cancel(begun)
            raise self._steps_failed([name, *begun]) from error
        except OperationFailed:
            self._cancel(begun)
            raise

    def _check_time(self) -> None:
        """Raise OperationFailed when the operation was cancelled or takes longer than the request allows."""
        if self.stack.cancelled:
            raise OperationFailed("User Initiated")
        limit = self.stack.timeout_minutes
        creating = self.stack.status == "CREATE_IN_PROGRESS"
        if creating and limit and now() - self.stack.created > timedelta(minutes=limit):
            raise OperationFailed("Stack creation time exceeded the specified timeout")

    def _admit(
        self, waiting: dict[str, set[str]], done: set[str], begun: deque[str], begin: Callable[[str], bool]
    ) -> None:
        """Begin with the resources whose needs are met; those without anything to do are done at once."""
        while True:
            ready = [name for name, needs in waiting.items() if needs <= done]
            idle = False
            for name in ready:
                del waiting[name]
                if begin(name):
                    begun.append(name)
                else:
                    done.add(name)
                    idle = True
            if not idle:
                return

    def _act(self, name: str, act: Callable[[str], None]) -> None:
        try:
            act(name)
        except (ResourceFailed, OperationFailed, SandboxStopping):
            raise
        except AwsError as error:
            raise ResourceFailed(error.message) from error
        except Exception as error:
            self._unless_stopping()
            logger.exception("%s of stack %s failed", name, self.stack.name)
            raise ResourceFailed(f"Internal Failure ({error})") from error

    def _failed(self, name: str, error: ResourceFailed) -> None:
        resource = self.stack.resources[name]
        verb = resource.status.split("_")[0]
        self.note(resource, f"{verb}_FAILED", error.reason, error.validation_path)

    def _steps_failed(self, names: list[str]) -> StepsFailed:
        failed: dict[str, list[str]] = {"create": [], "update": []}
        for name in names:
            failed[self.stack.resources[name].status.split("_")[0].lower()].append(name)
        return StepsFailed(failed)

    def _cancel(self, names: deque[str]) -> None:
        for name in names:
            resource = self.stack.resources[name]
            verb = resource.status.split("_")[0]
            self.note(resource, f"{verb}_FAILED", CANCELLED[verb])

    # Deleting -----------------------------------------------------------------------------------------------

    def delete_all(self, records: list[Resource], keep: Callable[[Resource], bool]) -> list[str]:
        """Delete resources, those that need others first. Returns the names of those that would not go.

        `keep` says which ones stay in the service though they leave the stack.
        """
        by_name = {resource.logical_id: resource for resource in records}
        graph = {name: set(resource.depends_on) & set(by_name) for name, resource in by_name.items()}
        failed: list[str] = []
        stuck: set[str] = set()  # failed, or needed by something that is stuck
        for name in reversed(in_order(graph)):
            resource = by_name[name]
            if any(name in graph[other] for other in stuck):
                stuck.add(name)
            elif keep(resource):
                self.note(resource, "DELETE_SKIPPED")
            elif not self._deleted(resource):
                failed.append(name)
                stuck.add(name)
        return failed

    def retained_when_new(self, resource: Resource) -> bool:
        """Whether a rollback leaves a resource that it would have to delete."""
        operation = self.stack.operation
        delete_anyway = operation is not None and operation.retain_except_on_create
        return resource.deletion_policy == "Retain" and not delete_anyway

    def _deleted(self, resource: Resource) -> bool:
        self.note(resource, "DELETE_IN_PROGRESS")
        try:
            self._act(resource.logical_id, lambda _: self.remove(resource))
        except ResourceFailed as error:
            self.note(resource, "DELETE_FAILED", error.reason)
            return False
        self.note(resource, "DELETE_COMPLETE")
        return True
