"""Creating stacks: the order of work, the events, and what a failure leaves behind: nothing."""

from __future__ import annotations

import json

import pytest

from .deploying import Cfn, outputs, refusal, unique

CHAIN = """
Resources:
  C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "after ${B.TopicName}"}}
  B: {Type: AWS::SNS::Topic, DependsOn: A}
  A: {Type: AWS::SQS::Queue}
  Free: {Type: AWS::SQS::Queue}
Outputs:
  Arn: {Description: of A, Value: !GetAtt A.Arn}
  Url: {Value: !Ref A}
"""


def test_resources_are_made_after_what_they_need(cfn: Cfn) -> None:
    stack = cfn.create(CHAIN)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert [(name, status, reason) for name, status, reason in cfn.events(stack)] == [
        ("stack", "CREATE_IN_PROGRESS", "User Initiated"),
        ("A", "CREATE_IN_PROGRESS", None),
        ("Free", "CREATE_IN_PROGRESS", None),  # waits for nothing: begins with A
        ("A", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("A", "CREATE_COMPLETE", None),
        ("B", "CREATE_IN_PROGRESS", None),
        ("Free", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Free", "CREATE_COMPLETE", None),
        ("B", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("B", "CREATE_COMPLETE", None),
        ("C", "CREATE_IN_PROGRESS", None),
        ("C", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("C", "CREATE_COMPLETE", None),
        ("stack", "CREATE_COMPLETE", None),
    ]
    queue = outputs(stack)["Url"]
    assert queue in cfn.client("sqs").list_queues()["QueueUrls"]
    assert outputs(stack)["Arn"].endswith(queue.rpartition("/")[2])
    assert cfn.physical(stack, "A") == queue


def test_events_are_newest_first_and_say_what_is_meant(cfn: Cfn) -> None:
    stack = cfn.create("Resources: {T: {Type: AWS::SNS::Topic, Properties: {DisplayName: x}}}")
    events = cfn.api.describe_stack_events(StackName=stack["StackName"])["StackEvents"]
    times = [event["Timestamp"] for event in events]
    assert times == sorted(times, reverse=True)
    assert len({event["EventId"] for event in events}) == len(events)
    first = next(event for event in reversed(events) if event["LogicalResourceId"] == "T")
    assert (first["ResourceType"], first["PhysicalResourceId"]) == ("AWS::SNS::Topic", "")
    assert json.loads(first["ResourceProperties"]) == {"DisplayName": "x"}


def test_a_name_is_made_of_stack_and_logical_id(cfn: Cfn) -> None:
    template = "Resources: {DataBucket: {Type: AWS::S3::Bucket}, Log: {Type: AWS::Logs::LogGroup}}"
    stack = cfn.create(template)
    name = stack["StackName"]
    bucket, log = cfn.physical(stack, "DataBucket"), cfn.physical(stack, "Log")
    assert bucket.startswith(f"{name}-databucket-") and bucket == bucket.lower() and len(bucket) <= 63
    assert log.startswith(f"{name}-Log-")
    long = cfn.create(template, "s" + "x" * 100)
    assert len(cfn.physical(long, "DataBucket")) <= 63


def test_a_failure_rolls_back_and_leaves_nothing(cfn: Cfn) -> None:
    bucket = unique("b")
    template = f"""
Resources:
  Bucket: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {bucket}}}}}
  Policy:
    Type: AWS::IAM::ManagedPolicy
    DependsOn: Bucket
    Properties: {{PolicyDocument: {{Statement: nonsense}}}}
  Sibling: {{Type: AWS::SNS::Topic, DependsOn: Bucket}}
  Later: {{Type: AWS::SNS::Topic, DependsOn: Policy}}
"""
    stack = cfn.create(template)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cfn.events(stack)
    failed = {name: reason for name, status, reason in events if status == "CREATE_FAILED"}
    assert failed["Sibling"] == "Resource creation cancelled"
    assert failed["Policy"].startswith('Resource handler returned message: "')
    assert "(Service: Iam, Status Code: 400, Request ID: " in failed["Policy"]
    assert failed["Policy"].endswith("HandlerErrorCode: InvalidRequest)")
    assert (
        "stack",
        "ROLLBACK_IN_PROGRESS",
        "The following resource(s) failed to create: [Policy, Sibling]. Rollback requested by user.",
    ) in events
    assert "Later" not in [name for name, _, _ in events]
    assert events[-3:] == [
        ("Bucket", "DELETE_IN_PROGRESS", None),
        ("Bucket", "DELETE_COMPLETE", None),
        ("stack", "ROLLBACK_COMPLETE", None),
    ]
    assert bucket not in [one["Name"] for one in cfn.client("s3").list_buckets()["Buckets"]]
    answer = refusal(cfn.api.update_stack, StackName=stack["StackName"], TemplateBody=CHAIN)
    assert answer == (
        "ValidationError",
        f"Stack:{stack['StackId']} is in ROLLBACK_COMPLETE state and can not be updated.",
    )
    cfn.delete(stack)
    assert cfn.create(CHAIN, stack["StackName"])["StackStatus"] == "CREATE_COMPLETE"


BROKEN = """
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Policy:
    Type: AWS::IAM::ManagedPolicy
    DependsOn: Topic
    Properties: {PolicyDocument: {Statement: nonsense}}
"""


def test_rollback_can_be_switched_off(cfn: Cfn) -> None:
    stack = cfn.create(BROKEN, DisableRollback=True)
    assert stack["StackStatus"] == "CREATE_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to create: [Policy]. "
    assert cfn.resources(stack)["Topic"]["ResourceStatus"] == "CREATE_COMPLETE"
    mended = BROKEN.replace("{Statement: nonsense}", '{Version: "2012-10-17", Statement: []}').replace(
        "Statement: []", 'Statement: [{Effect: Allow, Action: "s3:ListAllMyBuckets", Resource: "*"}]'
    )
    refused = refusal(cfn.api.update_stack, StackName=stack["StackName"], TemplateBody=mended)
    assert "please use the disable-rollback parameter with update-stack API" in refused[1]
    stack = cfn.update(stack, mended, DisableRollback=True)
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert cfn.resources(stack)["Policy"]["ResourceStatus"] == "CREATE_COMPLETE"


def test_a_failed_stack_can_be_deleted_at_once(cfn: Cfn) -> None:
    stack = cfn.create(BROKEN, OnFailure="DELETE")
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    reason = "The following resource(s) failed to create: [Policy]. Delete requested by user."
    assert ("stack", "DELETE_IN_PROGRESS", reason) in cfn.events(stack)


def test_properties_are_checked_against_the_type(cfn: Cfn) -> None:
    template = """
Resources:
  Log: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 2, Name: x}}
"""
    stack = cfn.create(template)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = next(
        reason for name, status, reason in cfn.events(stack) if (name, status) == ("Log", "CREATE_FAILED")
    )
    assert reason == (
        "Properties validation failed for resource Log with message:\n"
        "#/RetentionInDays: 2 is not a valid enum value\n"
        "#: extraneous key [Name] is not permitted"
    )
    events = cfn.api.describe_events(StackName=stack["StackId"], Filters={"FailedEvents": True})[
        "OperationEvents"
    ]
    (event,) = events
    assert (event["EventType"], event["ValidationName"]) == ("VALIDATION_ERROR", "PROPERTY_VALIDATION")
    assert event["ValidationPath"] == "/Resources/Log/Properties/RetentionInDays"


def test_an_older_type_words_it_otherwise(cfn: Cfn) -> None:
    template = "Resources: {P: {Type: AWS::CodeBuild::Project, Properties: {Nmae: x}}}"
    stack = cfn.create(template)
    reasons = cfn.reasons(stack, "P", "CREATE_FAILED")
    assert reasons == ["Property Artifacts cannot be empty."] or reasons == [
        "Encountered unsupported property Nmae"
    ]


def test_an_attribute_that_a_type_does_not_have(cfn: Cfn) -> None:
    template = """
Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}}
Outputs: {InvalidOutput: {Value: !GetAtt P.Invalid}}
"""
    stack = cfn.create(template)
    assert cfn.events(stack)[1:] == [  # as recorded from AWS
        (
            "stack",
            "ROLLBACK_IN_PROGRESS",
            "[Error] /Outputs/InvalidOutput/Value/Fn::GetAtt: Resource type AWS::SSM::Parameter does not "
            "support "
            "attribute {Invalid}. Rollback requested by user.",
        ),
        ("stack", "ROLLBACK_COMPLETE", None),
    ]


def test_what_exists_already_is_refused_and_not_touched(cfn: Cfn) -> None:
    name = unique("q")
    first = cfn.create(f"Resources: {{B: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {name}}}}}}}")
    second = cfn.create(f"Resources: {{B: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {name}}}}}}}")
    reasons = cfn.reasons(second, "B", "CREATE_FAILED")
    assert reasons == [f"{name} already exists in stack {first['StackId']}"]
    cfn.client("s3").head_bucket(Bucket=name)  # rolling the second back left the first alone
    log = unique("/log")
    cfn.client("logs").create_log_group(logGroupName=log)
    third = cfn.create(
        f"Resources: {{L: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: {log}}}}}}}"
    )
    (reason,) = cfn.reasons(third, "L", "CREATE_FAILED")
    assert f"Resource of type 'AWS::Logs::LogGroup' with identifier '{log}' already exists." in reason
    assert reason.endswith("HandlerErrorCode: AlreadyExists)")
    assert cfn.client("logs").describe_log_groups(logGroupNamePrefix=log)["logGroups"]


def test_stack_names_and_tokens(cfn: Cfn) -> None:
    name = unique()
    stack = cfn.create(CHAIN, name, ClientRequestToken="one")
    again = cfn.api.create_stack(StackName=name, TemplateBody=CHAIN, ClientRequestToken="one")
    assert again["StackId"] == stack["StackId"]
    assert refusal(cfn.api.create_stack, StackName=name, TemplateBody=CHAIN) == (
        "AlreadyExistsException",
        f"Stack [{name}] already exists",
    )


def test_the_stacks_tags_reach_its_resources(cfn: Cfn) -> None:
    template = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16, Tags: [{Key: Name, Value: mine}]}}
  Bucket: {Type: AWS::S3::Bucket}
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: []}}
"""
    stack = cfn.create(template, Tags=[{"Key": "Project", "Value": "p"}, {"Key": "Name", "Value": "stack"}])
    ids = {name: one["PhysicalResourceId"] for name, one in cfn.resources(stack).items()}
    tags = cfn.client("ec2").describe_vpcs(VpcIds=[ids["Vpc"]])["Vpcs"][0]["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "Name": "mine",  # the template's own tag wins
        "Project": "p",
        "aws:cloudformation:stack-name": stack["StackName"],
        "aws:cloudformation:stack-id": stack["StackId"],
        "aws:cloudformation:logical-id": "Vpc",
    }
    bucket = cfn.client("s3").get_bucket_tagging(Bucket=ids["Bucket"])["TagSet"]
    role = cfn.client("iam").list_role_tags(RoleName=ids["Role"])["Tags"]
    wanted = {"Project": "p", "Name": "stack"}
    assert {tag["Key"]: tag["Value"] for tag in bucket} == wanted
    assert {tag["Key"]: tag["Value"] for tag in role} == wanted
    stack = cfn.update(stack, Tags=[{"Key": "Project", "Value": "q"}])
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    role = cfn.client("iam").list_role_tags(RoleName=ids["Role"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in role} == {"Project": "q"}


def test_topics_are_told_of_every_event(cfn: Cfn) -> None:
    sns, sqs = cfn.client("sns"), cfn.client("sqs")
    topic = sns.create_topic(Name=unique("told"))["TopicArn"]
    queue = sqs.create_queue(QueueName=unique("told"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    stack = cfn.create("Resources: {T: {Type: AWS::SNS::Topic}}", NotificationARNs=[topic])
    told = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        told += [message["Body"] for message in messages]
    assert len(told) == len(cfn.events(stack)) == 5
    assert any(
        "ResourceStatus='CREATE_COMPLETE'\n" in one and "LogicalResourceId='T'\n" in one for one in told
    )


def test_settings_that_are_not_simulated_are_refused(cfn: Cfn) -> None:
    code, message = refusal(
        cfn.api.create_stack, StackName=unique(), TemplateBody=CHAIN, StackPolicyBody='{"Statement": []}'
    )
    assert code == "NotImplementedException" and "StackPolicyBody" in message


def test_a_role_for_cloudformation_must_be_one_that_it_can_assume(cfn: Cfn) -> None:
    arn = "arn:aws:iam::123456789012:role/nobody"
    answer = refusal(cfn.api.create_stack, StackName=unique(), TemplateBody=CHAIN, RoleARN=arn)
    assert answer == ("ValidationError", f"Role {arn} is invalid or cannot be assumed")


RETAINED = """
Resources:
  Topic: {{Type: AWS::SNS::Topic, DeletionPolicy: {policy}}}
  Broken:
    Type: AWS::IAM::ManagedPolicy
    DependsOn: Topic
    Properties: {{PolicyDocument: {{Statement: nonsense}}}}
"""


@pytest.mark.parametrize(
    ("policy", "more", "stays"),
    [
        ("Retain", {}, True),
        ("Retain", {"RetainExceptOnCreate": True}, False),
        ("RetainExceptOnCreate", {}, False),
        ("Delete", {}, False),
    ],
)
def test_what_a_rollback_leaves(cfn: Cfn, policy: str, more: dict, stays: bool) -> None:
    stack = cfn.create(RETAINED.format(policy=policy), **more)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    arns = [one["TopicArn"] for one in cfn.client("sns").list_topics()["Topics"]]
    assert any(stack["StackName"] in arn for arn in arns) is stays


def test_a_snapshot_is_for_types_that_have_them(cfn: Cfn) -> None:
    template = "Resources: {T: {Type: AWS::SNS::Topic, DeletionPolicy: Snapshot}}"
    code, message = refusal(cfn.api.create_stack, StackName=unique(), TemplateBody=template)
    assert (
        code == "ValidationError" and "AWS::SNS::Topic does not support deletion policy Snapshot" in message
    )
