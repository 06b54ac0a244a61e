"""What makes a pipeline valid. Wording seen on AWS wherever it was found.

Most messages are recorded, with the day on which they were provoked in an account, in the rules of
https://github.com/badmintoncryer/cdk-preflight (rules/codepipeline, 2026-09). The rest is in plain words.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..service import AwsError
from .action_types import APPROVAL, ELSEWHERE, PERFORMED, SOURCE, V2_ONLY, ActionType
from .store import Declaration
from .variables import BUILT_IN, references

MAX_STAGES, MAX_ACTIONS = 50, 50
CONDITIONS = ("beforeEntry", "onSuccess", "onFailure")


def complete(pipeline: Declaration) -> Declaration:
    """The declaration with what AWS fills in where nothing is said."""
    stages = [
        {**stage, "actions": [_complete_action(action) for action in stage["actions"]]}
        for stage in pipeline["stages"]
    ]
    return {"executionMode": "SUPERSEDED", "pipelineType": "V1", **pipeline, "stages": stages}


def _complete_action(action: Declaration) -> Declaration:
    return {"runOrder": 1, "configuration": {}, "outputArtifacts": [], "inputArtifacts": [], **action}


def check(pipeline: Declaration, region: str) -> None:
    """Raise AwsError unless CodePipeline would take the (completed) declaration."""
    _check_stores(pipeline, region)
    _check_type(pipeline)
    _check_stages(pipeline["stages"])
    for stage in pipeline["stages"]:
        for action in stage["actions"]:
            _check_action(action, pipeline, region)
    _check_artifacts(pipeline["stages"])
    _check_variables(pipeline["stages"])


def _structure(message: str) -> AwsError:
    return AwsError("InvalidStructureException", message)


def _stage(message: str) -> AwsError:
    return AwsError("InvalidStageDeclarationException", message)


def _action(message: str) -> AwsError:
    return AwsError("InvalidActionDeclarationException", message)


def actions_of(stages: list[Declaration]) -> Iterator[tuple[int, Declaration, Declaration]]:
    """Stage number, stage and action, in the order in which the actions run."""
    for index, stage in enumerate(stages):
        for action in sorted(stage["actions"], key=lambda one: one["runOrder"]):
            yield index, stage, action


def _check_stores(pipeline: Declaration, region: str) -> None:
    single, several = pipeline.get("artifactStore"), pipeline.get("artifactStores")
    if bool(single) == bool(several):
        raise _structure("A pipeline must have either an artifactStore or artifactStores, and not both")
    if several and region not in several:
        raise _structure(
            "Your pipeline must have an artifact store, such as an artifact bucket, for each region where "
            f"you have an action. The following region is missing in 'pipeline.artifactStores': {region}."
        )


def _check_type(pipeline: Declaration) -> None:
    if pipeline["pipelineType"] == "V1":
        if pipeline["executionMode"] != "SUPERSEDED":
            raise _structure("QUEUED or PARALLEL mode can only be used with V2 pipelines")
        if pipeline.get("variables"):
            raise _structure("Pipeline variable can only be used with V2 pipelines")
        if pipeline.get("triggers"):
            raise _structure("Triggers on tag can only be used with V2 pipelines")
        if any(name in stage for stage in pipeline["stages"] for name in CONDITIONS):
            raise _stage("Stage level conditions can only be used with V2 pipelines.")
    if pipeline.get("triggers"):
        raise _structure("Triggers for connections must reference a CodeStarSourceConnection action.")
    if any(name in stage for stage in pipeline["stages"] for name in CONDITIONS):
        raise _stage("The sandbox does not simulate stage conditions. They work in a real account.")
    for name, count in Counter(one["name"] for one in pipeline.get("variables") or []).items():
        if count > 1:
            raise _structure(
                f"Variable names must be unique. The following variable name is already in use: {name}"
            )


def _check_stages(stages: list[Declaration]) -> None:
    if len(stages) < 2:
        raise _structure(
            f"Pipeline has only {len(stages)} stage(s). There should be a minimum of 2 stages in a pipeline"
        )
    if len(stages) > MAX_STAGES:
        raise _structure("Pipeline has too many stages. There can only be up to 50 stages in a pipeline")
    for name, count in Counter(stage["name"] for stage in stages).items():
        if count > 1:
            raise _stage(f"Stage name '{name}' is used more than once")
    for stage in stages:
        if not 1 <= len(stage["actions"]) <= MAX_ACTIONS:
            raise _stage(f"Stage '{stage['name']}' must have 1 to {MAX_ACTIONS} actions")
        for name, count in Counter(action["name"] for action in stage["actions"]).items():
            if count > 1:
                raise _action(f"Action name '{name}' is used more than once in stage '{stage['name']}'")
    categories = [{action["actionTypeId"]["category"] for action in stage["actions"]} for stage in stages]
    if categories[0] != {SOURCE}:
        raise _structure("Pipeline should start with a stage that only contains source actions")
    if all(found == {SOURCE} for found in categories):
        raise _structure("Pipeline should contain at least 1 action whose category is not Source")
    if any(SOURCE in found for found in categories[1:]):
        raise _structure("Source actions can only be included in the first stage of the pipeline")


def _check_action(action: Declaration, pipeline: Declaration, region: str) -> None:
    kind, name = action["actionTypeId"], action["name"]
    category, provider, owner, version = (kind[key] for key in ("category", "provider", "owner", "version"))
    known = PERFORMED.get((category, provider)) if (owner, version) == ("AWS", "1") else None
    if known is None:
        if owner == "Custom" or provider in ELSEWHERE.get(category, ()):
            if pipeline["pipelineType"] == "V1" and provider in V2_ONLY:
                raise _action(f"{provider} Action can only be used with V2 pipelines.")
            raise _action(
                f"The sandbox does not simulate {category} actions of the provider {provider} (action "
                f"'{name}'). They work in a real account."
            )
        raise _action(
            f"ActionType (Category: '{category}', Provider: '{provider}', Owner: '{owner}', Version: "
            f"'{version}') in action '{name}' is not available in region {region}"
        )
    if action.get("region", region) != region:
        raise _action(
            f"The sandbox does not simulate actions in another region (action '{name}'). They work in a real "
            "account."
        )
    _check_configuration(action, known)
    _check_counts(action, known)


def _check_configuration(action: Declaration, known: ActionType) -> None:
    name, configuration = action["name"], action["configuration"]
    for key in known.required:
        if not configuration.get(key):
            raise _action(
                f"Action configuration for action '{name}' is missing required configuration '{key}'"
            )
    for key in configuration:
        if key in known.missing and configuration[key] != "false":
            raise _action(
                f"The sandbox does not simulate {key} (action '{name}'). It works in a real account."
            )
        if key not in known.required + known.optional + known.missing:
            raise _action(f"Action configuration for action '{name}' contains unknown configuration '{key}'")
    if configuration.get("OutputArtifactFormat", "CODE_ZIP") != "CODE_ZIP":
        raise _action(
            f"The sandbox simulates no full clone: OutputArtifactFormat of action '{name}' must be CODE_ZIP "
            "here. CODEBUILD_CLONE_REF works in a real account."
        )
    if "EnvironmentVariables" in configuration:
        _check_environment(name, configuration["EnvironmentVariables"])


def _check_environment(name: str, text: str) -> None:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html"""
    try:
        entries: Any = json.loads(text)
        valid = isinstance(entries, list) and all(
            isinstance(entry, dict) and entry.keys() <= {"name", "value", "type"} and entry.get("name")
            for entry in entries
        )
    except ValueError:
        valid = False
    if not valid:
        raise _action(
            f"Action configuration for action '{name}': EnvironmentVariables must be a JSON array of objects "
            'with "name", "value" and "type"'
        )


def _check_counts(action: Declaration, known: ActionType) -> None:
    for what, key, (least, most) in (
        ("input", "inputArtifacts", known.inputs),
        ("output", "outputArtifacts", known.outputs),
    ):
        count = len(action[key])
        if not least <= count <= most:
            raise _action(
                f"Action '{action['name']}' has {count} {what} artifact(s); an action of its type has "
                f"{least if least == most else f'{least} to {most}'}"
            )
    names = [artifact["name"] for artifact in action["inputArtifacts"]]
    if len(names) > 1 and action["configuration"].get("PrimarySource") not in names:
        raise _action(
            f"Action configuration for action '{action['name']}': PrimarySource must be one of the input "
            f"artifacts {', '.join(names)}"
        )


def _check_artifacts(stages: list[Declaration]) -> None:
    made: dict[str, tuple[int, int]] = {}
    for index, _, action in actions_of(stages):
        for artifact in action["inputArtifacts"]:
            if made.get(artifact["name"], (index, action["runOrder"])) >= (index, action["runOrder"]):
                raise _action(
                    f"Input Artifact Bundle {artifact['name']} in action {action['name']} is not declared as "
                    "Output Artifact Bundle in any of the preceding actions"
                )
        for artifact in action["outputArtifacts"]:
            if artifact["name"] in made:
                raise _action(
                    "Output Artifact Bundle name must be unique within the pipeline. "
                    f"{artifact['name']} has been used more than once."
                )
            made[artifact["name"]] = (index, action["runOrder"])


def _check_variables(stages: list[Declaration]) -> None:
    known = set(BUILT_IN)
    namespaces = [action["namespace"] for _, _, action in actions_of(stages) if action.get("namespace")]
    for name, count in Counter(namespaces).items():
        if count > 1 or name in BUILT_IN:
            raise _action(f"Namespace '{name}' is used more than once or is reserved")
    for _, stage, action in actions_of(stages):
        for key, text in action["configuration"].items():
            for namespace, name in references(text):
                if namespace not in known:
                    raise _action(
                        "Valid format for a pipeline execution variable reference is a namespace and a key "
                        "separated by a period (.). The following pipeline execution variables are "
                        f"referencing a namespace that does not exist. StageName=[{stage['name']}], "
                        f"ActionName=[{action['name']}], ActionConfigurationKey=[{key}], "
                        f"VariableReferenceText=[{namespace}.{name}]"
                    )
        if action.get("namespace"):
            known.add(action["namespace"])


def is_approval(action: Declaration) -> bool:
    """Whether a person, not the pipeline, decides when the action ends."""
    return action["actionTypeId"]["category"] == APPROVAL


def is_source(action: Declaration) -> bool:
    return action["actionTypeId"]["category"] == SOURCE
