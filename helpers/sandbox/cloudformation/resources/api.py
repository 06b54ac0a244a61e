"""A resource type in a few lines: which API operations make, change and remove it, and what they are told.

Most types need no code of their own: the API's parameters are the properties in another spelling (`shapes`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import ResourceFailed
from .request import ResourceRequest
from .shapes import convert, members

Value = Any  # a constant, or a function of the request
Step = Callable[[ResourceRequest], Any]


def path(*keys: str | int) -> Callable[[Any], Any]:
    """A function that follows keys into an answer."""

    def follow(answer: Any) -> Any:
        for key in keys:
            answer = answer[key]
        return answer

    return follow


@dataclass(frozen=True)
class Op:
    """An API operation and its parameters.

    Each parameter that has a property's name takes that property. `also` gives others: constants or functions
    of the request. `rename` maps property names to the API's where they differ. `wrap` names the parameter
    that holds everything, as `pipeline` does in CreatePipeline.
    """

    name: str
    also: dict[str, Value] = field(default_factory=dict)
    rename: dict[str, str] = field(default_factory=dict)
    wrap: str | None = None
    service: str | None = None

    def run(self, request: ResourceRequest, kind: ApiType) -> dict[str, Any]:
        """Call the operation. Raises ResourceFailed when the service refuses."""
        return request.call(self.service or kind.service, self.name, **self.parameters(request, kind))

    def parameters(self, request: ResourceRequest, kind: ApiType) -> dict[str, Any]:
        """What the operation is told."""
        top = request.input_shape(self.service or kind.service, self.name)
        shape = top.members[self.wrap] if self.wrap else top
        known = members(shape)
        told: dict[str, Any] = {}
        for key, value in request.properties.items():
            name = known.get(self.rename.get(key, key).lower())
            if name is not None:
                told[name] = convert(shape.members[name], value, key, self.rename)
        if kind.name and self.rename.get(kind.name, kind.name).lower() in known:
            told[known[self.rename.get(kind.name, kind.name).lower()]] = request.identifier
        outer = {self.wrap: told} if self.wrap else told
        for name, value in self.also.items():
            place = told if name in shape.members else outer
            place[name] = value(request) if callable(value) else value
        if (
            self.wrap
            and kind.tag_property
            and "tags" in top.members
            and kind.tag_property in request.properties
        ):
            outer["tags"] = convert(top.members["tags"], request.properties[kind.tag_property], "Tags")
        return outer

    def takes(self, request: ResourceRequest, kind: ApiType) -> set[str]:
        """The properties that the operation has a parameter for."""
        top = request.input_shape(self.service or kind.service, self.name)
        known = members(top.members[self.wrap] if self.wrap else top)
        taken = {key for key in request.properties if self.rename.get(key, key).lower() in known}
        return taken | {"Tags"} if "TagSpecifications" in self.also else taken


@dataclass(frozen=True)
class Aspect:
    """Properties that are set by operations of their own, after the resource exists.

    `put` sets them, `remove` takes them away when the template no longer has them.
    """

    properties: tuple[str, ...]
    put: Op | Step
    remove: Op | Step | None = None

    @classmethod
    def of(cls, name: str, put: Op | Step, remove: Op | Step | None = None) -> Aspect:
        """An aspect of a single property."""
        return cls((name,), put, remove)


@dataclass(frozen=True)
class ApiType:
    """A resource type that lives behind an API.

    `name`: the property that names the resource; when the template leaves it out, a name is generated.
    `id`: how the physical id follows from the answer to `create` (default: the name).
    `answer`: attributes that stand in the answer to `create`.
    `attributes`: others, found when asked for: functions of the request, or texts with {id}, {region}, …
    `exists`: an operation that finds the resource by its name; used to refuse what is there already.
    `tags`: how the tags of an existing resource are changed.
    """

    type: str
    service: str
    create: Op | Step
    delete: Op | Step | None
    update: Op | Step | None = None
    name: str | None = None
    name_limit: int = 64
    lower_case: bool = False
    id: Callable[[dict[str, Any]], str] | None = None
    attributes: dict[str, str | Step] = field(default_factory=dict)
    answer: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    aspects: tuple[Aspect, ...] = ()
    exists: Op | Step | None = None
    tags: Tags | None = None
    tag_property: str | None = "Tags"
    without_effect: frozenset[str] = frozenset()
    handled: frozenset[str] = frozenset()  # properties that a `create` function sees to
    find: Step | None = None

    def make(self, request: ResourceRequest) -> None:
        """Create the resource; sets `physical_id` and `attributes`."""
        self._refuse_unknown(request)
        if self.name:
            self._plan(request)
        answer = self._run(self.create, request) or {}
        if self.id:
            request.physical_id = self.id(answer)
        elif self.name:
            request.physical_id = request.planned_id
        request.attributes.update({name: get(answer) for name, get in self.answer.items()})
        taken = self.create.takes(request, self) if isinstance(self.create, Op) else self.handled
        for aspect in self._aspects():
            if any(name in request.properties and name not in taken for name in aspect.properties):
                self._run(aspect.put, request)

    def change(self, request: ResourceRequest) -> None:
        """Update the resource in place."""
        self._refuse_unknown(request)
        left = set(request.changed)
        for aspect in self._aspects():
            if left & set(aspect.properties):
                left -= set(aspect.properties)
                gone = not any(name in request.properties for name in aspect.properties)
                step = aspect.remove if gone else aspect.put
                if step is None:
                    raise ResourceFailed(
                        f"The sandbox cannot remove {', '.join(aspect.properties)} from a {self.type}."
                    )
                self._run(step, request)
        left -= self.without_effect
        if left and self.update is None:
            raise ResourceFailed(
                f"The sandbox cannot change {', '.join(sorted(left))} of a {self.type} in place."
            )
        if left:
            self._run(self.update, request)
        for name in self.attributes:
            request.attributes.pop(name, None)  # asked for anew

    def remove(self, request: ResourceRequest) -> None:
        """Delete the resource; one that is gone already counts as deleted."""
        if self.delete is None:
            return
        if callable(self.delete):
            self.delete(request)
            return
        parameters = self.delete.parameters(request, self)
        request.drop(self.delete.service or self.service, self.delete.name, **parameters)

    def look_for(self, request: ResourceRequest) -> None:
        """After a crash: set `physical_id` if the resource was made though nobody recorded it."""
        if self.find is not None:
            request.physical_id = self.find(request)
        elif self.name and self.exists and request.planned_id and self._is_there(request):
            request.physical_id = request.planned_id

    def attribute(self, request: ResourceRequest, name: str) -> Any:
        """The value of an attribute. Raises KeyError for one that the sandbox does not know."""
        if name not in request.attributes:
            value = self.attributes[name]
            request.attributes[name] = (
                value(request)
                if callable(value)
                else value.format(
                    id=request.physical_id,
                    region=request.region,
                    account=request.account,
                    partition=request.partition,
                )
            )
        return request.attributes[name]

    def knows(self, attribute: str) -> bool:
        """Whether `Fn::GetAtt` can be answered for this attribute."""
        return attribute in self.attributes or attribute in self.answer

    def _plan(self, request: ResourceRequest) -> None:
        given = request.properties.get(self.name)
        request.name = given or request.generated_name(self.name_limit, self.lower_case)
        if given and self.exists and self._is_there(request):
            raise request.already_exists(given)
        request.planned_id = request.name

    def _is_there(self, request: ResourceRequest) -> bool:
        if callable(self.exists):
            return bool(self.exists(request))
        service = self.exists.service or self.service
        return request.exists(service, self.exists.name, **self.exists.parameters(request, self))

    def _run(self, step: Op | Step, request: ResourceRequest) -> Any:
        return step(request) if callable(step) else step.run(request, self)

    def _aspects(self) -> tuple[Aspect, ...]:
        if self.tags and self.tag_property:
            return (*self.aspects, Aspect.of(self.tag_property, self._retag, self._retag))
        return self.aspects

    def _retag(self, request: ResourceRequest) -> None:
        self.tags.apply(request, self)

    def _refuse_unknown(self, request: ResourceRequest) -> None:
        known = set(self.without_effect) | self.handled | ({self.name} if self.name else set())
        for step in (self.create, self.update):
            if isinstance(step, Op):
                known |= step.takes(request, self)
        for aspect in self._aspects():
            known |= set(aspect.properties)
        unknown = sorted(
            set(request.properties) - known - ({self.tag_property} if self.tag_property else set())
        )
        if unknown:
            raise ResourceFailed(
                f"The sandbox does not simulate these properties of {self.type}: [{', '.join(unknown)}]. "
                "AWS CloudFormation has them."
            )


@dataclass(frozen=True)
class Tags:
    """How an existing resource's tags change: an operation that sets some and one that takes some away.

    `of` gives the operations' parameter that names the resource: an attribute, or a function of the request.
    """

    put: str
    remove: str
    of: str | Step
    also: dict[str, Any] = field(default_factory=dict)

    def apply(self, request: ResourceRequest, kind: ApiType) -> None:
        """Make the resource's tags those of the template."""
        wanted = _as_dict(request.properties.get(kind.tag_property))
        before = _as_dict(request.previous.get(kind.tag_property))
        gone = [key for key in before if key not in wanted]
        if gone:
            request.call(kind.service, self.remove, **self._parameters(request, kind, self.remove, gone))
        if wanted:
            request.call(kind.service, self.put, **self._parameters(request, kind, self.put, wanted))

    def _parameters(
        self, request: ResourceRequest, kind: ApiType, operation: str, tags: Any
    ) -> dict[str, Any]:
        shape = request.input_shape(kind.service, operation)
        required = [
            name for name in shape.required_members if "tag" not in name.lower() and name not in self.also
        ]
        (resource,) = [name for name in required if name != "SourceArn"]
        (tagging,) = [name for name in shape.members if name.lower() in ("tags", "tagkeys")]
        if isinstance(tags, dict):
            value = convert(shape.members[tagging], tags, "Tags")
        elif shape.members[tagging].member.type_name == "structure":
            value = [{"Key": key} for key in tags]  # EC2 names the keys to remove by whole tags
        else:
            value = tags
        target = self.of(request) if callable(self.of) else kind.attribute(request, self.of)
        return {resource: target, tagging: value, **self.also}


def _as_dict(tags: Any) -> dict[str, str]:
    return dict(tags) if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags or []}


def identity(request: ResourceRequest) -> str:
    """The physical id."""
    return request.physical_id
