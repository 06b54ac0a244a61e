"""Change sets: what they say, and what becomes of them. Expected forms: answers recorded from AWS."""

from __future__ import annotations

import json
from typing import Any

from .deploying import Cfn, outputs, parameters, refusal, unique

TEMPLATE = """
Parameters: {Days: {Type: Number, Default: 7}, Name: {Type: String}}
Resources:
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref Name, RetentionInDays: !Ref Days}}
  Copy: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Log.Arn}}
  Topic: {Type: AWS::SNS::Topic}
"""


def propose(cfn: Cfn, stack: str, template: str | None = None, **more: Any) -> dict[str, Any]:
    body = {"TemplateBody": template} if template else {"UsePreviousTemplate": True}
    more.setdefault("ChangeSetName", "changes")
    made = cfn.api.create_change_set(StackName=stack, **body, **more)
    return cfn.api.describe_change_set(ChangeSetName=made["Id"])


def changes(change_set: dict[str, Any]) -> list[dict[str, Any]]:
    return [change["ResourceChange"] for change in change_set["Changes"]]


def test_of_a_new_stack(cfn: Cfn) -> None:
    name = unique()
    found = propose(cfn, name, TEMPLATE, ChangeSetType="CREATE", Parameters=parameters(Name=unique("/log")))
    assert (found["Status"], found["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert changes(found)[0] == {
        "Action": "Add",
        "LogicalResourceId": "Copy",
        "ResourceType": "AWS::SSM::Parameter",
        "Scope": [],
        "Details": [],
    }
    stack = cfn.stack(name)
    assert (stack["StackStatus"], stack["StackStatusReason"]) == ("REVIEW_IN_PROGRESS", "User Initiated")
    assert not cfn.resources(stack)
    listed = cfn.api.list_change_sets(StackName=name)["Summaries"]
    assert [one["ChangeSetName"] for one in listed] == ["changes"]
    answer = refusal(cfn.api.get_template_summary, StackName=name)
    assert answer == ("ValidationError", "GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
    cfn.api.execute_change_set(ChangeSetName="changes", StackName=name)
    stack = cfn.settled(stack["StackId"])
    assert stack["StackStatus"] == "CREATE_COMPLETE" and stack["ChangeSetId"] == found["ChangeSetId"]
    assert [status for one, status, _ in cfn.events(stack) if one == "stack"] == [
        "REVIEW_IN_PROGRESS",
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
    ]
    answer = refusal(
        cfn.api.create_change_set,
        StackName=name,
        ChangeSetName="again",
        ChangeSetType="CREATE",
        TemplateBody=TEMPLATE,
    )
    assert answer == (
        "ValidationError",
        f"Stack [{name}] already exists and cannot be created again with the changeSet [again].",
    )


def test_in_place_replacement_and_removal(cfn: Cfn) -> None:
    old = unique("/log")
    stack = cfn.create(TEMPLATE, Parameters=parameters(Name=old))
    found = propose(
        cfn,
        stack["StackName"],
        TEMPLATE.replace("  Topic: {Type: AWS::SNS::Topic}", "  Queue: {Type: AWS::SQS::Queue}"),
        Parameters=parameters(Name=unique("/log"), Days="30"),
    )
    copy, log, queue, topic = changes(found)
    assert (queue["Action"], topic["Action"], topic["PolicyAction"]) == ("Add", "Remove", "Delete")
    assert (log["Action"], log["Replacement"], log["PolicyAction"]) == ("Modify", "True", "ReplaceAndDelete")
    assert log["PhysicalResourceId"] == old and log["Scope"] == ["Properties"]
    assert log["Details"] == [
        {
            "Target": {"Attribute": "Properties", "Name": "LogGroupName", "RequiresRecreation": "Always"},
            "Evaluation": "Static",
            "ChangeSource": "ParameterReference",
            "CausingEntity": "Name",
        },
        {
            "Target": {"Attribute": "Properties", "Name": "LogGroupName", "RequiresRecreation": "Always"},
            "Evaluation": "Dynamic",
            "ChangeSource": "DirectModification",
        },
        {
            "Target": {"Attribute": "Properties", "Name": "RetentionInDays", "RequiresRecreation": "Never"},
            "Evaluation": "Static",
            "ChangeSource": "ParameterReference",
            "CausingEntity": "Days",
        },
        {
            "Target": {"Attribute": "Properties", "Name": "RetentionInDays", "RequiresRecreation": "Never"},
            "Evaluation": "Dynamic",
            "ChangeSource": "DirectModification",
        },
    ]
    assert (copy["Action"], copy["Replacement"]) == ("Modify", "False")
    assert copy["Details"] == [
        {
            "Target": {"Attribute": "Properties", "Name": "Value", "RequiresRecreation": "Never"},
            "Evaluation": "Static",
            "ChangeSource": "ResourceAttribute",
            "CausingEntity": "Log.Arn",
        }
    ]
    # the stack is as it was, and stays so when the proposal is thrown away
    cfn.api.delete_change_set(ChangeSetName="changes", StackName=stack["StackName"])
    gone = refusal(cfn.api.describe_change_set, ChangeSetName="changes", StackName=stack["StackName"])
    assert gone == ("ChangeSetNotFound", "ChangeSet [changes] does not exist")
    assert cfn.physical(stack, "Log") == old


def test_with_property_values(cfn: Cfn) -> None:
    stack = cfn.create(TEMPLATE, Parameters=parameters(Name=unique("/log")))
    new = unique("/log")
    found = propose(cfn, stack["StackName"], Parameters=parameters(Name=new))
    found = cfn.api.describe_change_set(ChangeSetName=found["ChangeSetId"], IncludePropertyValues=True)
    copy, log = changes(found)
    target = log["Details"][0]["Target"]
    assert (target["Path"], target["AfterValue"], target["AttributeChangeType"]) == (
        "/Properties/LogGroupName",
        new,
        "Modify",
    )
    assert json.loads(log["AfterContext"]) == {"Properties": {"LogGroupName": new, "RetentionInDays": 7}}
    assert json.loads(copy["AfterContext"])["Properties"]["Value"] == "{{changeSet:KNOWN_AFTER_APPLY}}"


def test_without_changes(cfn: Cfn) -> None:
    stack = cfn.create("Resources: {T: {Type: AWS::SNS::Topic}}")
    found = propose(cfn, stack["StackName"])
    assert (found["Status"], found["ExecutionStatus"], found["Changes"]) == ("FAILED", "UNAVAILABLE", [])
    assert found["StatusReason"] == (
        "The submitted information didn't contain changes. Submit different information to create a change "
        "set."
    )
    answer = refusal(cfn.api.execute_change_set, ChangeSetName=found["ChangeSetId"])
    assert answer == (
        "InvalidChangeSetStatus",
        f"ChangeSet [{found['ChangeSetId']}] cannot be executed in its current status of [FAILED]",
    )


def test_executed_as_an_update(cfn: Cfn) -> None:
    stack = cfn.create(TEMPLATE, Parameters=parameters(Name=unique("/log")))
    kept = [{"ParameterKey": "Name", "UsePreviousValue": True}]
    first = propose(
        cfn, stack["StackName"], ChangeSetName="first", Parameters=[*kept, *parameters(Days="30")]
    )
    propose(cfn, stack["StackName"], ChangeSetName="second", Parameters=[*kept, *parameters(Days="60")])
    cfn.api.execute_change_set(ChangeSetName=first["ChangeSetId"])
    stack = cfn.settled(stack["StackId"])
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    groups = cfn.client("logs").describe_log_groups(logGroupNamePrefix=cfn.physical(stack, "Log"))[
        "logGroups"
    ]
    assert groups[0]["retentionInDays"] == 30
    second = cfn.api.describe_change_set(ChangeSetName="second", StackName=stack["StackName"])
    assert second["ExecutionStatus"] == "OBSOLETE"
    assert (
        refusal(cfn.api.execute_change_set, ChangeSetName=second["ChangeSetId"])[0]
        == "InvalidChangeSetStatus"
    )
    done = cfn.api.describe_change_set(ChangeSetName=first["ChangeSetId"])
    assert done["ExecutionStatus"] == "EXECUTE_COMPLETE"


def test_only_an_output_or_a_tag_changes(cfn: Cfn) -> None:
    template = "Resources: {T: {Type: AWS::SNS::Topic}}\nOutputs: {O: {Value: %s}}"
    stack = cfn.create(template % "x")
    found = propose(cfn, stack["StackName"], template % "y")
    assert (found["Status"], found["Changes"]) == ("CREATE_COMPLETE", [])
    cfn.api.execute_change_set(ChangeSetName=found["ChangeSetId"])
    assert outputs(cfn.settled(stack["StackId"])) == {"O": "y"}
    found = propose(cfn, stack["StackName"], Tags=[{"Key": "a", "Value": "b"}])
    (topic,) = changes(found)
    assert (topic["Scope"], topic["Replacement"]) == (["Tags"], "False")


def test_refused(cfn: Cfn) -> None:
    stack = cfn.create("Resources: {T: {Type: AWS::SNS::Topic}}")
    name = stack["StackName"]
    assert refusal(
        cfn.api.create_change_set, StackName="nostack", ChangeSetName="c", TemplateBody=TEMPLATE
    ) == ("ValidationError", "Stack [nostack] does not exist")
    assert refusal(cfn.api.describe_change_set, ChangeSetName="c", StackName="nostack") == (
        "ValidationError",
        "Stack [nostack] does not exist",
    )
    assert refusal(cfn.api.delete_change_set, ChangeSetName="c", StackName="nostack") == (
        "ValidationError",
        "Stack [nostack] does not exist",
    )
    assert refusal(cfn.api.delete_change_set, ChangeSetName="c") == (
        "ValidationError",
        "StackName must be specified if ChangeSetName is not specified as an ARN.",
    )
    propose(cfn, name, Tags=[{"Key": "a", "Value": "b"}], ChangeSetName="c")
    again = refusal(cfn.api.create_change_set, StackName=name, ChangeSetName="c", UsePreviousTemplate=True)
    assert again[0] == "AlreadyExistsException"
    cfn.delete(stack)
    answer = refusal(
        cfn.api.create_change_set, StackName=stack["StackId"], ChangeSetName="d", TemplateBody=TEMPLATE
    )
    assert answer == (
        "ValidationError",
        f"Stack:{stack['StackId']} is in DELETE_COMPLETE state and can not be updated.",
    )


def test_a_stack_under_review_can_be_deleted_or_created_otherwise(cfn: Cfn) -> None:
    name = unique()
    found = propose(cfn, name, "Resources: {T: {Type: AWS::SNS::Topic}}", ChangeSetType="CREATE")
    stack = cfn.create("Resources: {Q: {Type: AWS::SQS::Queue}}", name)
    assert (stack["StackId"], stack["StackStatus"]) == (found["StackId"], "CREATE_COMPLETE")
    other = propose(cfn, unique(), "Resources: {T: {Type: AWS::SNS::Topic}}", ChangeSetType="CREATE")
    assert cfn.delete({"StackId": other["StackId"]})["StackStatus"] == "DELETE_COMPLETE"
