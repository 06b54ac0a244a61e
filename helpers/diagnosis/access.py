"""What a role may do: its policies, read with `Get*` and `List*`, and AWS's words when it says no."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .. import stacks
from ..policy import Request, evaluate, statements
from ..session import Session
from .nouns import Finding
from .ways import door_shut
from .where import where

# Source of the wordings, of missing rights, explicit denies and VPC endpoint policies: IAM user guide,
# "Troubleshooting access denied error messages", .../UserGuide/troubleshoot_access-denied.html; 2026-11-30.
DENIED = re.compile(
    r"(?:User|user): (?P<who>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: \"?(?P<resource>[^\s\",]+)\"?)?"
    r"(?: with an explicit deny(?: in an? (?:VPC endpoint|[\w-]+) policy)?| because no VPC endpoint policy)?"
)


@dataclass(frozen=True)
class Denial:
    """One refusal: the role (its name), the action and the resource. `explicit`: something forbids it.

    `door`: it was a VPC endpoint's policy that refused, not one of the role's or the resource's.
    """

    role: str
    action: str
    resource: str
    explicit: bool
    text: str
    door: bool = False


def denial(text: str) -> Denial | None:
    """The refusal that a message speaks of, or None."""
    found = DENIED.search(text.replace('\\"', '"'))  # a log line in JSON escapes the quotation marks
    if not found:
        return None
    who = re.search(r"assumed-role/([^/]+)/", found["who"])
    name = who[1] if who else found["who"].rsplit("/", 1)[-1]
    explicit = "explicit deny" in found[0]
    door = "VPC endpoint policy" in found[0]
    return Denial(name, found["action"], found["resource"] or "*", explicit, found[0], door)


class Roles:
    """The roles of the project's stack by their logical id, and what their policies allow."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.iam = session.client("iam")
        self.read: dict[str, list[Mapping[str, Any]]] = {}

    def names(self) -> dict[str, str]:
        """Role name → logical id, for the roles of the stack `roles`."""
        if stacks.find(self.session, self.session.stack_name("roles")) is None:
            return {}
        rows = stacks.read_stack(self.session, self.session.stack_name("roles")).resources.rows
        return {row.physical_id: row.logical_id for row in rows if row.type == "AWS::IAM::Role"}

    def statements(self, role: str) -> list[Mapping[str, Any]]:
        """Every statement of a role's inline and attached policies; `role` is a name or an ARN."""
        name = role.rsplit("/", 1)[-1]
        if name not in self.read:
            self.read[name] = [
                *self._inline(name),
                *self._attached(name),
            ]
        return self.read[name]

    def allows(self, role: str, action: str, resource: str, context: Mapping[str, Any] | None = None) -> bool:
        """Whether the role's own policies allow it."""
        return evaluate(self.statements(role), Request(action, resource, context or {})).allowed

    def _inline(self, name: str) -> list[Mapping[str, Any]]:
        pages = self.iam.get_paginator("list_role_policies").paginate(RoleName=name)
        return [
            statement
            for page in pages
            for policy in page["PolicyNames"]
            for statement in statements(
                self.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            )
        ]

    def _attached(self, name: str) -> list[Mapping[str, Any]]:
        pages = self.iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
        found: list[Mapping[str, Any]] = []
        for page in pages:
            for policy in page["AttachedPolicies"]:
                version = self.iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
                document = self.iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
                found += statements(document["PolicyVersion"]["Document"])
        return found

    def missing(
        self,
        role: str,
        logical_id: str,
        action: str,
        resource: str,
        context: Mapping[str, Any] | None = None,
        stage: str = "",
    ) -> Finding | None:
        """The finding that a right is missing, or None when the role has it."""
        if self.allows(role, action, resource, context):
            return None
        return lacking(logical_id, action, resource, (), stage)


def lacking(
    logical_id: str, action: str, resource: str, evidence: tuple[str, ...], stage: str = ""
) -> Finding:
    """A role lacks a right: which line of the template gives it, or should."""
    sid = _statement(logical_id, action)
    place = where("roles", logical_id, f"Sid: {sid}") if sid else where("roles", logical_id, "Policies:")
    next_step = (
        'That line allows it: deploy(session, "roles") puts it back into the role.'
        if sid
        else 'Add the action to the role\'s policy there, and deploy(session, "roles").'
    )
    return Finding(f"the role {logical_id} may not {action} on {resource}", evidence, place, next_step, stage)


def denied(roles: Roles, told: Denial, stage: str = "") -> Finding:
    """The finding that a refusal is, in a sentence, with the line of the template."""
    if told.door:
        service = told.action.partition(":")[0]
        name = {"ecr": "ecr.dkr" if told.action == "ecr:BatchGetImage" else "ecr.api"}.get(service, service)
        return replace(
            door_shut(name, f"does not allow {told.action} on {told.resource}", (told.text,)), stage=stage
        )
    logical_id = roles.names().get(told.role, "")
    if told.explicit:
        return Finding(
            f"a policy denies {logical_id or told.role} the action {told.action} on {told.resource}",
            (told.text,),
            next_step="Look for the statement with Effect: Deny, in the resource's own policy too.",
            stage=stage,
        )
    if not logical_id:
        return Finding(f"{told.role} may not {told.action} on {told.resource}", (told.text,), stage=stage)
    return lacking(logical_id, told.action, told.resource, (told.text,), stage)


def _statement(logical_id: str, action: str) -> str:
    """The Sid of the statement in cfn/roles.yaml that gives the role the action."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            if "Sid" in value and value.get("Effect") == "Allow":
                actions = value.get("Action")
                yield value["Sid"], actions if isinstance(actions, list) else [actions]
            for inner in value.values():
                yield from walk(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from walk(inner)

    resource = stacks.catalogued("roles").resources.get(logical_id, {})
    return next((sid for sid, actions in walk(resource) if action in actions), "")
