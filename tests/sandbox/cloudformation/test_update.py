"""Updating stacks: in place, by replacement, by removal; and going back when it fails."""

from __future__ import annotations

import pytest

from .deploying import Cfn, outputs, parameters, refusal, unique

TEMPLATE = """
Parameters: {Days: {Type: Number, Default: 7}, Delay: {Type: Number, Default: 0}}
Resources:
  Log: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: !Ref Days}}
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Ref Delay}}
"""


def retention(cfn: Cfn, stack: dict) -> int:
    name = cfn.physical(stack, "Log")
    return cfn.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["retentionInDays"]


def delay(cfn: Cfn, stack: dict) -> str:
    answer = cfn.client("sqs").get_queue_attributes(
        QueueUrl=cfn.physical(stack, "Queue"), AttributeNames=["DelaySeconds"]
    )
    return answer["Attributes"]["DelaySeconds"]


def test_in_place(cfn: Cfn) -> None:
    stack = cfn.create(TEMPLATE)
    before = cfn.resources(stack)
    count = len(cfn.events(stack))
    stack = cfn.update(stack, Parameters=parameters(Days="30"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and "LastUpdatedTime" in stack
    assert cfn.events(stack)[count:] == [
        ("stack", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("Log", "UPDATE_IN_PROGRESS", None),
        ("Log", "UPDATE_COMPLETE", None),
        ("stack", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None),
        ("stack", "UPDATE_COMPLETE", None),
    ]
    assert retention(cfn, stack) == 30
    assert cfn.physical(stack, "Log") == before["Log"]["PhysicalResourceId"]


def test_no_change_is_refused(cfn: Cfn) -> None:
    stack = cfn.create(TEMPLATE)
    nothing = ("ValidationError", "No updates are to be performed.")
    assert refusal(cfn.api.update_stack, StackName=stack["StackName"], UsePreviousTemplate=True) == nothing
    reworded = "# a comment\nDescription: other words\n" + TEMPLATE
    assert refusal(cfn.api.update_stack, StackName=stack["StackName"], TemplateBody=reworded) == nothing
    assert cfn.stack(stack["StackId"])["StackStatus"] == "CREATE_COMPLETE"


def test_replacement(cfn: Cfn) -> None:
    template = """
Parameters: {Fifo: {Type: String}}
Conditions: {IsFifo: !Equals [!Ref Fifo, "yes"]}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {FifoQueue: !If [IsFifo, true, !Ref AWS::NoValue]}}
  Name: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Queue.QueueName}}
"""
    stack = cfn.create(template, Parameters=parameters(Fifo="no"))
    old, count = cfn.physical(stack, "Queue"), len(cfn.events(stack))
    stack = cfn.update(stack, Parameters=parameters(Fifo="yes"))
    new = cfn.physical(stack, "Queue")
    assert new.endswith(".fifo")
    assert cfn.events(stack)[count + 1 :] == [
        (
            "Queue",
            "UPDATE_IN_PROGRESS",
            "Requested update requires the creation of a new physical resource; hence creating one.",
        ),
        ("Queue", "UPDATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Queue", "UPDATE_COMPLETE", None),
        ("Name", "UPDATE_IN_PROGRESS", None),
        ("Name", "UPDATE_COMPLETE", None),
        ("stack", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None),
        ("Queue", "DELETE_IN_PROGRESS", None),
        ("Queue", "DELETE_COMPLETE", None),
        ("stack", "UPDATE_COMPLETE", None),
    ]
    queues = cfn.client("sqs").list_queues()["QueueUrls"]
    assert new in queues and old not in queues
    stored = cfn.client("ssm").get_parameter(Name=cfn.physical(stack, "Name"))["Parameter"]["Value"]
    assert stored == new.rpartition("/")[2]


def test_added_and_removed(cfn: Cfn) -> None:
    stack = cfn.create("Resources: {A: {Type: AWS::SNS::Topic}, B: {Type: AWS::SNS::Topic, DependsOn: A}}")
    gone = cfn.physical(stack, "B")
    stack = cfn.update(stack, "Resources: {A: {Type: AWS::SNS::Topic}, C: {Type: AWS::SNS::Topic}}")
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert sorted(cfn.resources(stack)) == ["A", "C"]
    assert gone not in [one["TopicArn"] for one in cfn.client("sns").list_topics()["Topics"]]


def test_only_an_output_changes(cfn: Cfn) -> None:
    stack = cfn.create("Resources: {A: {Type: AWS::SNS::Topic}}\nOutputs: {O: {Value: x}}")
    stack = cfn.update(stack, "Resources: {A: {Type: AWS::SNS::Topic}}\nOutputs: {O: {Value: y}}")
    assert (stack["StackStatus"], outputs(stack)) == ("UPDATE_COMPLETE", {"O": "y"})


def test_a_failed_update_is_undone(cfn: Cfn) -> None:
    stack = cfn.create(TEMPLATE, Parameters=parameters(Days="7", Delay="5"))
    broken = (
        TEMPLATE
        + """
  New: {Type: AWS::SNS::Topic, DependsOn: [Log, Queue]}
  Broken:
    Type: AWS::IAM::ManagedPolicy
    DependsOn: New
    Properties: {PolicyDocument: {Statement: nonsense}}
"""
    )
    count = len(cfn.events(stack))
    stack = cfn.update(stack, broken, Parameters=parameters(Days="30", Delay="9"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    events = cfn.events(stack)[count:]
    assert [(name, status) for name, status, _ in events] == [
        ("stack", "UPDATE_IN_PROGRESS"),
        ("Log", "UPDATE_IN_PROGRESS"),
        ("Queue", "UPDATE_IN_PROGRESS"),
        ("Log", "UPDATE_COMPLETE"),
        ("Queue", "UPDATE_COMPLETE"),
        ("New", "CREATE_IN_PROGRESS"),
        ("New", "CREATE_IN_PROGRESS"),
        ("New", "CREATE_COMPLETE"),
        ("Broken", "CREATE_IN_PROGRESS"),
        ("Broken", "CREATE_FAILED"),
        ("stack", "UPDATE_ROLLBACK_IN_PROGRESS"),
        ("Log", "UPDATE_IN_PROGRESS"),
        ("Log", "UPDATE_COMPLETE"),
        ("Queue", "UPDATE_IN_PROGRESS"),
        ("Queue", "UPDATE_COMPLETE"),
        ("stack", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Broken", "DELETE_COMPLETE"),
        ("New", "DELETE_IN_PROGRESS"),
        ("New", "DELETE_COMPLETE"),
        ("stack", "UPDATE_ROLLBACK_COMPLETE"),
    ]
    reasons = {status: reason for name, status, reason in events if name == "stack"}
    assert reasons["UPDATE_ROLLBACK_IN_PROGRESS"] == "The following resource(s) failed to create: [Broken]. "
    assert (retention(cfn, stack), delay(cfn, stack)) == (7, "5")
    assert sorted(cfn.resources(stack)) == ["Log", "Queue"]
    assert {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}["Days"] == "7"
    assert cfn.api.get_template(StackName=stack["StackId"])["TemplateBody"] == TEMPLATE
    assert cfn.update(stack, Parameters=parameters(Days="14"))["StackStatus"] == "UPDATE_COMPLETE"


def test_a_failed_replacement_keeps_the_old_one(cfn: Cfn) -> None:
    template = """
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {FifoQueue: %s}}
  Last:
    Type: AWS::IAM::ManagedPolicy
    DependsOn: Queue
    Properties: {PolicyDocument: {Version: 2012-10-17, Statement: %s}}
"""
    allowed = '[{Effect: Allow, Action: "s3:ListAllMyBuckets", Resource: "*"}]'
    stack = cfn.create(template % ("!Ref AWS::NoValue", allowed))
    old = cfn.physical(stack, "Queue")
    stack = cfn.update(stack, template % ("true", "nonsense"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", cfn.events(stack)
    assert cfn.physical(stack, "Queue") == old
    queues = [url for url in cfn.client("sqs").list_queues()["QueueUrls"] if stack["StackName"] in url]
    assert queues == [old]


def test_a_custom_name_cannot_be_replaced(cfn: Cfn) -> None:
    name = unique("repo")
    template = (
        "Resources: {R: {Type: AWS::ECR::Repository, Properties: {RepositoryName: %s, "
        "EncryptionConfiguration: {EncryptionType: %s}}}}"
    )
    stack = cfn.create(template % (name, "AES256"))
    stack = cfn.update(stack, template % (name, "KMS"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reasons = cfn.reasons(stack, "R", "UPDATE_FAILED")
    assert reasons == [
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        f"Rename {name} and update the stack again."
    ]
    assert cfn.client("ecr").describe_repositories(repositoryNames=[name])["repositories"]


def test_a_type_cannot_change(cfn: Cfn) -> None:
    stack = cfn.create("Resources: {A: {Type: AWS::SNS::Topic}}")
    answer = refusal(
        cfn.api.update_stack,
        StackName=stack["StackName"],
        TemplateBody="Resources: {A: {Type: AWS::SQS::Queue}}",
    )
    assert answer[0] == "ValidationError"
    assert answer[1].startswith("Update of resource type is not permitted.") and "[A]" in answer[1]


def test_rollback_of_an_update_can_be_switched_off_and_asked_for_later(cfn: Cfn) -> None:
    stack = cfn.create(TEMPLATE)
    broken = (
        TEMPLATE
        + """
  Broken:
    Type: AWS::IAM::ManagedPolicy
    DependsOn: Log
    Properties: {PolicyDocument: {Statement: nonsense}}
"""
    )
    stack = cfn.update(stack, broken, Parameters=parameters(Days="30"), DisableRollback=True)
    assert stack["StackStatus"] == "UPDATE_FAILED"
    assert retention(cfn, stack) == 30
    cfn.api.rollback_stack(StackName=stack["StackName"])
    stack = cfn.settled(stack["StackId"])
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert retention(cfn, stack) == 7


@pytest.mark.parametrize(("policy", "stays"), [("Delete", False), ("Retain", True)], ids=["delete", "retain"])
def test_what_leaves_the_template(cfn: Cfn, policy: str, stays: bool) -> None:
    leaving = f"B: {{Type: AWS::SNS::Topic, DeletionPolicy: {policy}}}"
    template = f"Resources: {{A: {{Type: AWS::SNS::Topic}}, {leaving}}}"
    stack = cfn.create(template)
    arn = cfn.physical(stack, "B")
    stack = cfn.update(stack, "Resources: {A: {Type: AWS::SNS::Topic}}")
    there = arn in [one["TopicArn"] for one in cfn.client("sns").list_topics()["Topics"]]
    assert there is stays
    assert ("B", "DELETE_SKIPPED", None) in cfn.events(stack) if stays else True


def test_a_stack_that_is_not_there(cfn: Cfn) -> None:
    answer = refusal(cfn.api.update_stack, StackName="nobody", TemplateBody=TEMPLATE)
    assert answer == ("ValidationError", "Stack [nobody] does not exist")
