"""The operations that describe templates: of a stack, of a change set, or handed in to be checked."""

from __future__ import annotations

import json
from typing import Any

from ..service import AwsError, Call
from .change_sets import find_change_set
from .errors import validation_error
from .parameters import text
from .reading import found, without_none
from .requests import check_types, template_text
from .schemas import schema
from .service import service
from .template import IAM_NAMES, Template, parse


@service.operation("GetTemplate")
def get_template(call: Call) -> dict[str, Any]:
    params = call.params
    stages = ["Original", "Processed"]
    if "ChangeSetName" in params:
        if "StackName" not in params and not params["ChangeSetName"].startswith("arn:"):
            raise validation_error("StackName is a required parameter.")
        change_set = find_change_set(call, params["ChangeSetName"], params.get("StackName"))
        return {"TemplateBody": change_set.deployment.template, "StagesAvailable": stages}
    if "StackName" not in params:
        raise validation_error("StackName is required if ChangeSetName is not specified.")
    stack = found(call, params["StackName"])
    return {"TemplateBody": stack.deployment.template, "StagesAvailable": stages}


@service.operation("ValidateTemplate")
def validate_template(call: Call) -> dict[str, Any]:
    template = parse(template_text(call))
    check_types(template, call.region)
    return {
        **_needs(template),
        "Description": template.description or "",
        "Parameters": [
            without_none(
                {
                    "ParameterKey": parameter.name,
                    "DefaultValue": parameter.default,
                    "NoEcho": parameter.no_echo,
                    "Description": parameter.description,
                }
            )
            for parameter in template.parameters.values()
        ],
    }


def _needs(template: Template) -> dict[str, Any]:
    needed = template.needed_capability()
    if needed is None:
        return {}
    types = sorted({entry.type for entry in template.resources.values()} & set(IAM_NAMES))
    reason = f"The following resource(s) require capabilities: [{', '.join(types)}]"
    return {"Capabilities": [needed], "CapabilitiesReason": reason}


@service.operation("GetTemplateSummary")
def get_template_summary(call: Call) -> dict[str, Any]:
    if "StackSetName" in call.params:
        raise AwsError("StackSetNotFoundException", f"StackSet {call.params['StackSetName']} not found", 404)
    if "StackName" in call.params:
        stack = found(call, call.params["StackName"])
        if stack.status == "REVIEW_IN_PROGRESS":
            raise validation_error("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
        template = parse(stack.deployment.template)
    else:
        template = parse(template_text(call))
        check_types(template, call.region)
    by_type: dict[str, list[str]] = {}
    for name, entry in template.resources.items():
        by_type.setdefault(entry.type, []).append(name)
    return without_none(
        {
            **_needs(template),
            "Parameters": [
                without_none(
                    {
                        "ParameterKey": parameter.name,
                        "DefaultValue": parameter.default,
                        "ParameterType": parameter.type,
                        "NoEcho": parameter.no_echo,
                        "Description": parameter.description,
                        "ParameterConstraints": {
                            "AllowedValues": [
                                text(value) for value in parameter.rules.get("AllowedValues", [])
                            ]
                        },
                    }
                )
                for parameter in template.parameters.values()
            ],
            "Description": template.description,
            "ResourceTypes": sorted(by_type),
            "Version": template.version,
            "Metadata": None if template.metadata is None else json.dumps(template.metadata),
            "ResourceIdentifierSummaries": [
                {
                    "ResourceType": name,
                    "LogicalResourceIds": ids,
                    "ResourceIdentifiers": list(schema(name, call.region).identifier),
                }
                for name, ids in sorted(by_type.items())
            ],
        }
    )
