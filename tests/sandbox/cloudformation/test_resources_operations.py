"""What keeps a system running: rules, schedules, logs, alarms, queues, topics, parameters."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from .deploying import Cfn, outputs, parameters, unique

RULE = """
Parameters: {State: {Type: String, Default: ENABLED}, Target: {Type: String, Default: one}}
Resources:
  One: {Type: AWS::SQS::Queue}
  Two: {Type: AWS::SQS::Queue}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      Name: %s
      ScheduleExpression: rate(1 day)
      State: !Ref State
      Targets:
        - {Id: !Ref Target, Arn: !GetAtt One.Arn, Input: '{"a": 1}'}
        - Id: task
          Arn: arn:aws:ecs:us-east-1:123456789012:cluster/x
          RoleArn: arn:aws:iam::123456789012:role/x
          EcsParameters:
            TaskDefinitionArn: arn:aws:ecs:us-east-1:123456789012:task-definition/x
            LaunchType: FARGATE
            NetworkConfiguration:
              AwsVpcConfiguration: {Subnets: [subnet-1], AssignPublicIp: DISABLED}
Outputs: {Arn: {Value: !GetAtt Rule.Arn}, Name: {Value: !Ref Rule}}
"""


def test_a_rule_and_its_targets(cfn: Cfn) -> None:
    name, events = unique("rule"), cfn.client("events")
    stack = cfn.create(RULE % name)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    assert outputs(stack) == {"Arn": f"arn:aws:events:us-east-1:123456789012:rule/{name}", "Name": name}
    targets = {one["Id"]: one for one in events.list_targets_by_rule(Rule=name)["Targets"]}
    assert sorted(targets) == ["one", "task"]
    network = targets["task"]["EcsParameters"]["NetworkConfiguration"]["awsvpcConfiguration"]
    assert network == {"Subnets": ["subnet-1"], "AssignPublicIp": "DISABLED"}
    stack = cfn.update(stack, Parameters=parameters(State="DISABLED", Target="other"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    assert events.describe_rule(Name=name)["State"] == "DISABLED"
    assert sorted(one["Id"] for one in events.list_targets_by_rule(Rule=name)["Targets"]) == ["other", "task"]
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    assert events.list_rules(NamePrefix=name)["Rules"] == []


def test_a_schedule_of_the_scheduler(cfn: Cfn) -> None:
    template = """
Resources:
  Group: {Type: AWS::Scheduler::ScheduleGroup}
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      GroupName: !Ref Group
      ScheduleExpression: %s
      FlexibleTimeWindow: {Mode: "OFF"}
      Target:
        Arn: arn:aws:ecs:us-east-1:123456789012:cluster/x
        RoleArn: arn:aws:iam::123456789012:role/x
        RetryPolicy: {MaximumRetryAttempts: 2}
        EcsParameters:
          TaskDefinitionArn: arn:aws:ecs:us-east-1:123456789012:task-definition/x
          LaunchType: FARGATE
          NetworkConfiguration: {AwsvpcConfiguration: {Subnets: [subnet-1]}}
Outputs: {Arn: {Value: !GetAtt Schedule.Arn}}
"""
    scheduler, stack = cfn.client("scheduler"), cfn.create(template % "rate(1 day)")
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    me = {"Name": cfn.physical(stack, "Schedule"), "GroupName": cfn.physical(stack, "Group")}
    found = scheduler.get_schedule(**me)
    assert found["ScheduleExpression"] == "rate(1 day)" and found["Arn"] == outputs(stack)["Arn"]
    assert found["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 2
    cfn.update(stack, template % "rate(2 days)")
    assert scheduler.get_schedule(**me)["ScheduleExpression"] == "rate(2 days)"
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        scheduler.get_schedule(**me)


def test_logs_and_an_alarm_on_them(cfn: Cfn) -> None:
    template = """
Parameters: {Threshold: {Type: Number, Default: 1}}
Resources:
  Log: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 7}}
  Errors:
    Type: AWS::Logs::MetricFilter
    Properties:
      LogGroupName: !Ref Log
      FilterPattern: '{ $.level = "error" }'
      MetricTransformations: [{MetricName: Errors, MetricNamespace: Job, MetricValue: "1", DefaultValue: 0}]
  Topic: {Type: AWS::SNS::Topic}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: Job
      MetricName: Errors
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: !Ref Threshold
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: notBreaching
      AlarmActions: [!Ref Topic]
Outputs: {Log: {Value: !GetAtt Log.Arn}, Alarm: {Value: !GetAtt Alarm.Arn}}
"""
    stack = cfn.create(template)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    log, alarm = cfn.physical(stack, "Log"), cfn.physical(stack, "Alarm")
    assert outputs(stack) == {
        "Log": f"arn:aws:logs:us-east-1:123456789012:log-group:{log}:*",
        "Alarm": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{alarm}",
    }
    (metric_filter,) = cfn.client("logs").describe_metric_filters(logGroupName=log)["metricFilters"]
    assert metric_filter["filterPattern"] == '{ $.level = "error" }'
    cfn.update(stack, Parameters=parameters(Threshold="5"))
    (found,) = cfn.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    assert (found["Threshold"], found["AlarmActions"]) == (5.0, [cfn.physical(stack, "Topic")])
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    assert cfn.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"] == []


MESSAGES = """
Parameters: {Wait: {Type: Number, Default: 30}, Title: {Type: String, Default: one}}
Resources:
  Dead: {Type: AWS::SQS::Queue}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Wait
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
      Tags: [{Key: a, Value: b}]
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: !Ref Topic
      Protocol: sqs
      Endpoint: !GetAtt Queue.Arn
      RawMessageDelivery: true
      FilterPolicy: {kind: [x]}
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: sns.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
            Condition: {ArnEquals: {"aws:SourceArn": !Ref Topic}}
  TopicPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: cloudwatch.amazonaws.com}
            Action: sns:Publish
            Resource: !Ref Topic
"""


def test_a_message_goes_from_a_topic_to_a_queue(cfn: Cfn) -> None:
    sqs, sns = cfn.client("sqs"), cfn.client("sns")
    stack = cfn.create(MESSAGES)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    queue, topic = cfn.physical(stack, "Queue"), cfn.physical(stack, "Topic")
    sns.publish(
        TopicArn=topic,
        Message="hello",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}},
    )
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "hello"
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 3
    policy = json.loads(attributes["Policy"])
    assert policy["Statement"][0]["Action"] == "sqs:SendMessage"
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"a": "b"}
    given = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert given["Statement"][0]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    stack = cfn.update(stack, Parameters=parameters(Wait="60", Title="two"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert attributes == {"VisibilityTimeout": "60"}
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "two"
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    assert queue not in sqs.list_queues().get("QueueUrls", [])


def test_small_types(cfn: Cfn) -> None:
    dashboard = unique("board")
    template = """
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: %s}}
  OnBus:
    Type: AWS::Events::Rule
    Properties: {EventBusName: !Ref Bus, EventPattern: {source: [job]}, Description: %s}
  Board: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardName: %s, DashboardBody: '{"widgets": []}'}}
  Log: {Type: AWS::Logs::LogGroup}
  Stream: {Type: AWS::Logs::LogStream, Properties: {LogGroupName: !Ref Log, LogStreamName: s}}
Outputs: {Bus: {Value: !GetAtt Bus.Arn}}
"""
    bus, events = unique("bus"), cfn.client("events")
    stack = cfn.create(template % (bus, "one", dashboard))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    assert outputs(stack)["Bus"].endswith(f":event-bus/{bus}")
    stack = cfn.update(stack, template % (bus, "two", dashboard))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    (rule,) = events.list_rules(EventBusName=bus)["Rules"]
    assert (rule["Description"], json.loads(rule["EventPattern"])) == ("two", {"source": ["job"]})
    (stream,) = cfn.client("logs").describe_log_streams(logGroupName=cfn.physical(stack, "Log"))["logStreams"]
    assert stream["logStreamName"] == "s"
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)


def test_a_parameter(cfn: Cfn) -> None:
    template = """
Resources:
  P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: %s, Tags: {a: b}, Description: %s}}
Outputs: {Value: {Value: !GetAtt P.Value}, Type: {Value: !GetAtt P.Type}}
"""
    ssm, stack = cfn.client("ssm"), cfn.create(template % ("one", "x"))
    assert outputs(stack) == {"Value": "one", "Type": "String"}
    name = cfn.physical(stack, "P")
    stack = cfn.update(stack, template % ("two", "y"))
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "two" and outputs(stack)["Value"] == "two"
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert {"Key": "a", "Value": "b"} in tags
    cfn.delete(stack)
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=name)
