"""The templates as CloudFormation would see them: read from disk, then resolved with every parameter chosen.

What only AWS knows (the id of a subnet, the ARN of a bucket) becomes a name in angle brackets, `<Vpc>` or
`<DataBucket.Arn>`, so that a test can still say which resource is meant.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cfn_flip

CFN = Path(__file__).parents[2] / "cfn"
ORDER = ("storage", "network", "roles", "registry", "build", "pipeline", "task", "schedule")
PSEUDO = {
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "xx-region-9",
    "AWS::URLSuffix": "amazonaws.com",
}
NOTHING = object()  # what AWS::NoValue stands for


@cache
def read(stack: str) -> dict[str, Any]:
    """The template of a stack with every function in its long form."""
    return cfn_flip.load((CFN / f"{stack}.yaml").read_text())[0]


def walk(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every node of a document with the path of keys that leads to it."""
    yield path, node
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield from walk(value, (*path, str(key)))


@dataclass
class Resolved:
    """One stack with its functions worked out. `imports` are the names of the exports that it reads."""

    stack: str
    parameters: dict[str, str] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.template = read(self.stack)
        defaults = {name: str(rule["Default"]) for name, rule in self.template["Parameters"].items()}
        self.parameters = defaults | {k: v for k, v in self.parameters.items() if k in defaults}
        self.resources = {
            name: self.value(body) for name, body in self.template["Resources"].items() if self.is_made(body)
        }
        self.outputs = {
            name: self.value(body) for name, body in self.template["Outputs"].items() if self.is_made(body)
        }

    def properties(self, resource: str) -> dict[str, Any]:
        return self.resources[resource].get("Properties", {})

    def is_made(self, body: dict[str, Any]) -> bool:
        return "Condition" not in body or self.holds({"Condition": body["Condition"]})

    def holds(self, condition: dict[str, Any]) -> bool:
        ((function, argument),) = condition.items()
        if function == "Condition":
            return self.holds(self.template["Conditions"][argument])
        if function == "Fn::Equals":
            return self.value(argument[0]) == self.value(argument[1])
        combine = {"Fn::Or": any, "Fn::And": all, "Fn::Not": lambda found: not all(found)}[function]
        return combine([self.holds(part) for part in argument])

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [v for v in map(self.value, node) if v is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and (found := next(iter(node))) and (found == "Ref" or found.startswith("Fn::")):
            return self.function(found, node[found])
        return {key: v for key, value in node.items() if (v := self.value(value)) is not NOTHING}

    def function(self, name: str, argument: Any) -> Any:
        if name == "Fn::If":
            return self.value(argument[1 if self.holds({"Condition": argument[0]}) else 2])
        if name == "Fn::Sub":
            text, more = argument if isinstance(argument, list) else (argument, {})
            values = self.value(more)
            return re.sub(r"\$\{([^}!]+)\}", lambda m: str(values.get(m[1]) or self.named(m[1])), text)
        if name == "Fn::GetAtt":
            return f"<{'.'.join(argument) if isinstance(argument, list) else argument}>"
        argument = self.value(argument)
        if name == "Ref":
            return self.named(argument)
        if name == "Fn::ImportValue":
            self.imports.add(argument)
            return self.exports.get(argument, f"<import {argument}>")
        if name == "Fn::Join":
            return argument[0].join(argument[1])
        if name == "Fn::Split":
            return argument[1].split(argument[0])
        if name == "Fn::Select":
            return argument[1][int(argument[0])]
        if name == "Fn::GetAZs":
            return ["<zone 0>", "<zone 1>"]
        if name == "Fn::Cidr":
            block = self.parameters["VpcCidr"] if argument[0] == "<Vpc.CidrBlock>" else argument[0]
            subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(argument[2]))
            return [str(next(subnets)) for _ in range(int(argument[1]))]
        raise ValueError(f"{self.stack}: {name} is not known here")

    def named(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        return PSEUDO.get(name) or self.parameters.get(name, f"<{name}>")


def deploy_all(**parameters: str) -> dict[str, Resolved]:
    """All stacks in order, with the exports of the earlier ones. A parameter goes to all that have it."""
    exports: dict[str, str] = {}
    stacks = {}
    for name in ORDER:
        stack = Resolved(name, dict(parameters), dict(exports))
        exports |= {o["Export"]["Name"]: o["Value"] for o in stack.outputs.values() if "Export" in o}
        stacks[name] = stack
    return stacks
