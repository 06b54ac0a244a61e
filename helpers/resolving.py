"""What `!Ref`, `!Sub`, `!GetAtt` and `!ImportValue` stand for in a stack that is deployed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import show, stacks, templates
from .session import Session, verb

UNKNOWN = "known to CloudFormation alone"


@dataclass(frozen=True)
class Resolution:
    """One use of a function: the line it stands on, as it is written, and what it gives."""

    line: int
    function: str
    text: str
    value: str
    where: str


@dataclass(frozen=True)
class Resolved(show.Rows):
    """Every use of the four functions in a deployed stack's template, in the order of the file."""

    stack: str
    rows: tuple[Resolution, ...]

    def _view(self) -> Iterator[show.Block]:
        rows = [(r.line, f"`{r.text}`", r.value, r.where) for r in self.rows]
        yield show.Table(("Line", "Written", "Resolves to", "Where"), rows, f"Functions in {self.stack}")


@verb
def resolved(session: Session, stack: str | stacks.Stack, function: str | None = None) -> Resolved:
    """What each `!Ref`, `!Sub`, `!GetAtt` and `!ImportValue` of a deployed stack resolves to.

    `function` ("Sub") shows one of the four alone. Values come from what is deployed: parameters, resources,
    exports. Where CloudFormation keeps an attribute to itself and no output shows it, the table says so.
    Raises StackMissing.
    """
    name = stacks.full_name(session, stack)
    found = stacks.read_stack(session, name)
    body = session.client("cloudformation").get_template(StackName=found.id)["TemplateBody"]
    template = templates.Template(Path(name), body if isinstance(body, str) else json.dumps(body, indent=2))
    values = _Values(session, found, template)
    rows = tuple(
        Resolution(
            use.line,
            use.function,
            _written(use),
            values.of(use.function, use.argument),
            templates.dotted(use.path),
        )
        for use in template.uses
        if function is None or use.function.removeprefix("Fn::") == function.removeprefix("!")
    )
    return Resolved(name, rows)


class _Values:
    """Looks a function's value up in a deployed stack."""

    def __init__(self, session: Session, stack: stacks.Stack, template: templates.Template) -> None:
        self.session, self.stack, self.template = session, stack, template
        partition, region, account = stack.id.split(":")[1], stack.id.split(":")[3], stack.id.split(":")[4]
        self.pseudo = {
            "AWS::Partition": partition,
            "AWS::Region": region,
            "AWS::AccountId": account,
            "AWS::StackName": stack.name,
            "AWS::StackId": stack.id,
            "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
            "AWS::NoValue": "nothing: the property is left out",
        }
        # An output that is nothing but a GetAtt tells what the attribute is.
        self.attributes = {
            tuple(output["Value"]["Fn::GetAtt"]): stack.outputs[name]
            for name, output in template.section("Outputs").items()
            if isinstance(output.get("Value"), dict)
            and "Fn::GetAtt" in output["Value"]
            and name in stack.outputs
        }
        self.imports: dict[str, str] | None = None

    def of(self, function: str, argument: Any) -> str:
        if function == "Ref":
            return self.ref(str(argument))
        if function == "Fn::GetAtt":
            return self.attribute(*argument) if isinstance(argument, list) else UNKNOWN
        if function == "Fn::Sub":
            return self.sub(argument)
        return self.imported(argument)

    def ref(self, name: str) -> str:
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.stack.parameters:
            return self.stack.parameters[name]
        if name in self.stack.resources:
            return self.stack.resources[name].physical_id
        return "not created: its condition is false" if name in self.template.resources else UNKNOWN

    def attribute(self, resource: str, *attribute: str) -> str:
        name = ".".join(attribute)
        if (resource, name) in self.attributes:
            return self.attributes[resource, name]
        if resource not in self.stack.resources:
            return "not created: its condition is false" if resource in self.template.resources else UNKNOWN
        given = self.template.resources.get(resource, {}).get("Properties") or {}
        if name in given:  # an attribute that is also a property has the value that the template gave it
            return self.value(given[name])
        return self._arn(self.stack.resources[resource]) if name == "Arn" else UNKNOWN

    def _arn(self, resource: stacks.Resource) -> str:
        """The ARN of a resource that is called by its name. Source: AWS's service authorization reference."""
        if resource.physical_id.startswith("arn:"):
            return resource.physical_id
        region, account = self.pseudo["AWS::Region"], self.pseudo["AWS::AccountId"]
        shape = {
            "AWS::S3::Bucket": "s3:::{}",
            "AWS::IAM::Role": f"iam::{account}:role/{{}}",
            "AWS::ECR::Repository": f"ecr:{region}:{account}:repository/{{}}",
            "AWS::ECS::Cluster": f"ecs:{region}:{account}:cluster/{{}}",
            "AWS::Logs::LogGroup": f"logs:{region}:{account}:log-group:{{}}:*",
            "AWS::Events::Rule": f"events:{region}:{account}:rule/{{}}",
            "AWS::CodeBuild::Project": f"codebuild:{region}:{account}:project/{{}}",
            "AWS::SQS::Queue": f"sqs:{region}:{account}:{{}}",
        }.get(resource.type)
        if shape is None:
            return UNKNOWN
        name = (
            resource.physical_id.rpartition("/")[2]
            if resource.type == "AWS::SQS::Queue"
            else resource.physical_id
        )
        return f"arn:{self.pseudo['AWS::Partition']}:{shape.format(name)}"

    def sub(self, argument: Any) -> str:
        text, own = (argument[0], argument[1]) if isinstance(argument, list) else (str(argument), {})

        def value(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return self.value(own[name])
            found = self.attribute(*name.split(".", 1)) if "." in name else self.ref(name)
            return f"<{found}>" if found == UNKNOWN else found

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def imported(self, argument: Any) -> str:
        if self.imports is None:
            pages = self.session.client("cloudformation").get_paginator("list_exports").paginate()
            self.imports = {e["Name"]: e["Value"] for page in pages for e in page["Exports"]}
        name = self.value(argument)
        return self.imports.get(name, f"no stack exports {name}")

    def value(self, argument: Any) -> str:
        """The value of a function's argument, which may be a function itself."""
        if isinstance(argument, dict) and len(argument) == 1:
            function, inner = next(iter(argument.items()))
            return self.of(function, inner) if function in templates.SHOWN else UNKNOWN
        return str(argument)


def _written(use: templates.Use) -> str:
    """The use in its short form, as a template says it."""
    argument = use.argument
    if use.function == "Fn::GetAtt" and isinstance(argument, list):
        argument = ".".join(map(str, argument))
    elif isinstance(argument, dict) and len(argument) == 1:
        name, inner = next(iter(argument.items()))
        argument = f'{{ "{name}": "{inner}" }}'
    elif isinstance(argument, list):
        argument = argument[0]
    return f"!{use.function.removeprefix('Fn::')} {argument}"
