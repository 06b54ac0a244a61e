"""Exports and imports between stacks."""

from __future__ import annotations

from .deploying import Cfn, outputs, refusal, unique

EXPORTER = """
Resources: {T: {Type: AWS::SNS::Topic, Properties: {DisplayName: "%s"}}}
Outputs: {Name: {Value: "%s", Export: {Name: "%s"}}}
"""
IMPORTER = """
Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: {"Fn::ImportValue": "%s"}}}}
Outputs: {Value: {Value: !GetAtt P.Value}}
"""


def test_what_is_exported_can_be_imported_and_then_stays(cfn: Cfn) -> None:
    name = unique("export")
    exporter = cfn.create(EXPORTER % ("a", "v1", name))
    importer = cfn.create(IMPORTER % name)
    assert outputs(importer) == {"Value": "v1"}
    found = {
        one["Name"]: one
        for page in cfn.api.get_paginator("list_exports").paginate()
        for one in page["Exports"]
    }
    assert (found[name]["Value"], found[name]["ExportingStackId"]) == ("v1", exporter["StackId"])
    assert cfn.api.list_imports(ExportName=name)["Imports"] == [importer["StackName"]]

    # deleting it is refused
    assert refusal(cfn.api.delete_stack, StackName=exporter["StackName"]) == (
        "ValidationError",
        f"Export {name} cannot be deleted as it is in use by {importer['StackName']}",
    )
    assert cfn.stack(exporter["StackId"])["StackStatus"] == "CREATE_COMPLETE"

    # changing its value, and leaving it out, fail the update
    changed = cfn.update(exporter, EXPORTER % ("b", "v2", name))
    assert changed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reason = f"Export {name} cannot be updated as it is in use by {importer['StackName']}"
    assert ("stack", "UPDATE_ROLLBACK_IN_PROGRESS", reason) in cfn.events(exporter)
    removed = cfn.update(exporter, "Resources: {T: {Type: AWS::SNS::Topic}}")
    assert removed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reason = f"Delete canceled. Cannot delete export {name} as it is in use by {importer['StackName']}"
    assert ("stack", "UPDATE_ROLLBACK_IN_PROGRESS", reason) in cfn.events(exporter)
    assert outputs(cfn.stack(exporter["StackId"])) == {"Name": "v1"}

    # once nobody imports it any more, all of that is allowed
    cfn.delete(importer)
    assert refusal(cfn.api.list_imports, ExportName=name) == (
        "ValidationError",
        f"Export '{name}' is not imported by any stack.",
    )
    assert cfn.update(exporter, EXPORTER % ("b", "v2", name))["StackStatus"] == "UPDATE_COMPLETE"
    assert cfn.delete(exporter)["StackStatus"] == "DELETE_COMPLETE"


def test_an_import_that_does_not_exist(cfn: Cfn) -> None:
    stack = cfn.create(IMPORTER % "nowhere-VpcId")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert cfn.events(stack) == [
        ("stack", "CREATE_IN_PROGRESS", "User Initiated"),
        (
            "stack",
            "ROLLBACK_IN_PROGRESS",
            "No export named nowhere-VpcId found. Rollback requested by user.",
        ),
        ("stack", "ROLLBACK_COMPLETE", None),
    ]


def test_an_update_that_imports_what_does_not_exist(cfn: Cfn) -> None:
    stack = cfn.create("Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}}")
    stack = cfn.update(stack, IMPORTER % "nowhere")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ("stack", "UPDATE_ROLLBACK_IN_PROGRESS", "No export named nowhere found") in cfn.events(stack)


def test_two_stacks_cannot_export_the_same_name(cfn: Cfn) -> None:
    name = unique("export")
    first = cfn.create(EXPORTER % ("a", "v1", name))
    second = cfn.create(EXPORTER % ("a", "v2", name))
    assert second["StackStatus"] == "ROLLBACK_COMPLETE"
    taken = f"Export with name {name} is already exported by stack {first['StackName']}"
    reason = f"{taken}. Rollback requested by user."
    assert ("stack", "ROLLBACK_IN_PROGRESS", reason) in cfn.events(second)


def test_other_regions_have_other_exports(cfn: Cfn) -> None:
    name = unique("export")
    cfn.create(EXPORTER % ("a", "v1", name))
    elsewhere = Cfn(cfn.sandbox, "eu-west-1")
    assert elsewhere.create(EXPORTER % ("a", "v2", name))["StackStatus"] == "CREATE_COMPLETE"


def test_an_import_through_a_function_counts(cfn: Cfn) -> None:
    name = unique("export")
    exporter = cfn.create(EXPORTER % ("a", "a,b", name))
    importer = cfn.create(
        f"""
Parameters: {{Name: {{Type: String, Default: {name}}}}}
Conditions: {{Never: !Equals [a, b]}}
Resources: {{T: {{Type: AWS::SNS::Topic}}}}
Outputs:
  Second: {{Value: !Select [1, !Split [",", "Fn::ImportValue": !Sub "${{Name}}"]]}}
  Other: {{Value: !If [Never, "Fn::ImportValue": nowhere, none]}}
"""
    )
    assert outputs(importer) == {"Second": "b", "Other": "none"}
    assert refusal(cfn.api.delete_stack, StackName=exporter["StackName"])[0] == "ValidationError"
