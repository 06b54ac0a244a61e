"""Templates in the manner of AWS's published samples, which nobody wrote for this sandbox.

Each follows the idea of a sample in https://github.com/aws-cloudformation/aws-cloudformation-templates, in
words of its own.
"""

from __future__ import annotations

import json

from .deploying import Cfn, outputs, parameters, unique

WEBSITE = """
AWSTemplateFormatVersion: "2010-09-09"
Description: A static site in S3 (sample S3/S3_Website)
Resources:
  S3Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      PublicAccessBlockConfiguration: {BlockPublicAcls: false, BlockPublicPolicy: false}
      WebsiteConfiguration: {IndexDocument: index.html, ErrorDocument: error.html}
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref S3Bucket
      PolicyDocument:
        Id: MyPolicy
        Version: 2012-10-17
        Statement:
          - Sid: PublicReadForGetBucketObjects
            Effect: Allow
            Principal: "*"
            Action: s3:GetObject
            Resource: !Join ["", ["arn:aws:s3:::", !Ref S3Bucket, "/*"]]
Outputs:
  WebsiteURL: {Value: !GetAtt S3Bucket.WebsiteURL, Description: URL for website hosted on S3}
  S3BucketSecureURL:
    Value: !Join ["", ["https://", !GetAtt S3Bucket.DomainName]]
"""


def test_a_static_site(cfn: Cfn) -> None:
    stack = cfn.create(WEBSITE)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    bucket = cfn.physical(stack, "S3Bucket")
    assert outputs(stack)["S3BucketSecureURL"] == f"https://{bucket}.s3.amazonaws.com"
    assert outputs(stack)["WebsiteURL"].startswith(f"http://{bucket}.s3-website")
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE"
    cfn.client("s3").head_bucket(Bucket=bucket)  # retained


FAN_OUT = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Description": "A topic with two queues (sample SQS/SNS fan-out), in JSON",
    "Parameters": {"Wait": {"Type": "Number", "Default": 45, "MinValue": 0, "MaxValue": 43200}},
    "Resources": {
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {
                "Subscription": [
                    {"Endpoint": {"Fn::GetAtt": ["Queue1", "Arn"]}, "Protocol": "sqs"},
                    {"Endpoint": {"Fn::GetAtt": ["Queue2", "Arn"]}, "Protocol": "sqs"},
                ]
            },
        },
        "Queue1": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": {"Ref": "Wait"}}},
        "Queue2": {"Type": "AWS::SQS::Queue"},
        "Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": "*",
                            "Action": ["sqs:SendMessage"],
                            "Resource": "*",
                            "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}},
                        }
                    ],
                },
                "Queues": [{"Ref": "Queue1"}, {"Ref": "Queue2"}],
            },
        },
    },
    "Outputs": {
        "TopicARN": {"Value": {"Ref": "Topic"}},
        "Both": {"Value": {"Fn::Join": [" and ", [{"Ref": "Queue1"}, {"Fn::GetAtt": "Queue2.QueueName"}]]}},
    },
}


def test_a_topic_with_two_queues(cfn: Cfn) -> None:
    stack = cfn.create(json.dumps(FAN_OUT))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    cfn.client("sns").publish(TopicArn=outputs(stack)["TopicARN"], Message="m")
    for name in ("Queue1", "Queue2"):
        (message,) = cfn.client("sqs").receive_message(QueueUrl=cfn.physical(stack, name))["Messages"]
        assert json.loads(message["Body"])["Message"] == "m"
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)


USERS = """
AWSTemplateFormatVersion: 2010-09-09
Description: A user, two groups and policies (sample IAM/IAM_Users_Groups_and_Policies)
Parameters:
  Password: {NoEcho: true, Type: String, MinLength: 1, MaxLength: 41, ConstraintDescription: too short}
Resources:
  CFNUser: {Type: AWS::IAM::User, Properties: {LoginProfile: {Password: !Ref Password}}}
  CFNUserGroup: {Type: AWS::IAM::Group}
  CFNAdminGroup: {Type: AWS::IAM::Group}
  Users:
    Type: AWS::IAM::UserToGroupAddition
    Properties: {GroupName: !Ref CFNUserGroup, Users: [!Ref CFNUser]}
  Admins:
    Type: AWS::IAM::UserToGroupAddition
    Properties: {GroupName: !Ref CFNAdminGroup, Users: [!Ref CFNUser]}
  CFNUserPolicies:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: CFNUsers
      PolicyDocument:
        Statement: [{Effect: Allow, Action: ["cloudformation:Describe*"], Resource: "*"}]
      Groups: [!Ref CFNUserGroup]
  CFNKeys: {Type: AWS::IAM::AccessKey, Properties: {UserName: !Ref CFNUser}}
Outputs:
  AccessKey: {Value: !Ref CFNKeys}
  SecretKey: {Value: !GetAtt CFNKeys.SecretAccessKey}
"""


def test_users_groups_and_policies(cfn: Cfn) -> None:
    stack = cfn.create(USERS, Parameters=parameters(Password="Pa55word!x"))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    groups = cfn.client("iam").list_groups_for_user(UserName=cfn.physical(stack, "CFNUser"))["Groups"]
    assert len(groups) == 2
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)


INSTANCE = """
AWSTemplateFormatVersion: 2010-09-09
Description: An instance behind a security group (sample EC2/EC2InstanceWithSecurityGroupSample)
Parameters:
  Kind: {Type: String, Default: t3.micro, AllowedValues: [t2.micro, t3.micro]}
  SSHLocation:
    Type: String
    Default: 192.168.1.0/0
    AllowedPattern: (\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})/(\\d{1,2})
Mappings:
  Arch: {t2.micro: {Arch: HVM64}, t3.micro: {Arch: HVM64}}
  Images: {us-east-1: {HVM64: ami-12c6146b}, eu-west-1: {HVM64: ami-12c6146b}}
Resources:
  Instance:
    Type: AWS::EC2::Instance
    Properties:
      InstanceType: !Ref Kind
      SecurityGroupIds: [!GetAtt Group.GroupId]
      ImageId: !FindInMap [Images, !Ref "AWS::Region", !FindInMap [Arch, !Ref Kind, Arch]]
      UserData:
        Fn::Base64: !Sub |
          #!/bin/bash
          echo ${AWS::StackName} ${!HOME}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: SSH
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: "22", ToPort: "22", CidrIp: !Ref SSHLocation}]
Outputs:
  Zone: {Value: !GetAtt Instance.AvailabilityZone}
  Address: {Value: !GetAtt Instance.PrivateIp}
"""


def test_an_instance_with_a_security_group(cfn: Cfn) -> None:
    stack = cfn.create(INSTANCE)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    assert outputs(stack)["Zone"].startswith("us-east-1") and outputs(stack)["Address"]
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)


SERVERLESS = """
Description: A table, a key, a secret, a function and a state machine (samples DynamoDB, KMS, Lambda)
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      Tags: [{Key: a, Value: b}]
  Key:
    Type: AWS::KMS::Key
    Properties:
      EnableKeyRotation: true
      KeyPolicy:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {AWS: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
            Action: kms:*
            Resource: "*"
  Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: %s, TargetKeyId: !Ref Key}}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString: {SecretStringTemplate: '{"user": "x"}', GenerateStringKey: password}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Role: !GetAtt Role.Arn
      MemorySize: %s
      Environment: {Variables: {TABLE: !Ref Table}}
      Code: {ZipFile: "def handler(event, context): return 1"}
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Function, Action: lambda:InvokeFunction, Principal: events.amazonaws.com}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: !GetAtt Role.Arn
      DefinitionString: >-
        {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "${Fn}", "End": true}}}
      DefinitionSubstitutions: {Fn: !GetAtt Function.Arn}
  Stream: {Type: AWS::Kinesis::Stream, Properties: {ShardCount: 1}}
Outputs:
  Table: {Value: !GetAtt Table.Arn}
  User: {Value: !Sub "{{resolve:secretsmanager:${Secret}:SecretString:user}}"}
"""


def test_a_serverless_application(cfn: Cfn) -> None:
    alias = f"alias/{unique()}"
    stack = cfn.create(SERVERLESS % (alias, "128"))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    assert outputs(stack)["Table"].endswith(cfn.physical(stack, "Table"))
    function = cfn.client("lambda").get_function_configuration(FunctionName=cfn.physical(stack, "Function"))
    assert function["Environment"]["Variables"] == {"TABLE": cfn.physical(stack, "Table")}
    machine = cfn.client("stepfunctions").describe_state_machine(
        stateMachineArn=cfn.physical(stack, "Machine")
    )
    assert function["FunctionArn"] in machine["definition"]
    stack = cfn.update(stack, SERVERLESS % (alias, "256"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    function = cfn.client("lambda").get_function_configuration(FunctionName=cfn.physical(stack, "Function"))
    assert function["MemorySize"] == 256
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)


def test_a_stack_in_a_stack(cfn: Cfn) -> None:
    bucket, s3 = unique("nested"), cfn.client("s3")
    s3.create_bucket(Bucket=bucket)
    inner = """
Parameters: {Title: {Type: String}, List: {Type: CommaDelimitedList}}
Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}}
Outputs: {Topic: {Value: !Ref Topic}, Last: {Value: !Select [1, !Ref List]}}
"""
    outer = """
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://%s.s3.amazonaws.com/%s
      Parameters: {Title: %s, List: !Join [",", [a, b]]}
  Copy: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Inner.Outputs.Topic}}
Outputs: {Last: {Value: !GetAtt Inner.Outputs.Last}}
"""
    s3.put_object(Bucket=bucket, Key="inner.yaml", Body=inner.encode())
    s3.put_object(
        Bucket=bucket, Key="broken.yaml", Body=inner.replace("AWS::SNS::Topic", "AWS::SNS::Tpic").encode()
    )
    stack = cfn.create(outer % (bucket, "inner.yaml", "one"))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    nested = cfn.stack(cfn.physical(stack, "Inner"))
    assert nested["ParentId"] == stack["StackId"]
    assert outputs(stack)["Last"] == "b"
    topic = cfn.client("ssm").get_parameter(Name=cfn.physical(stack, "Copy"))["Parameter"]["Value"]
    stack = cfn.update(stack, outer % (bucket, "inner.yaml", "two"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    assert cfn.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "two"
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    assert cfn.stack(nested["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    stack = cfn.create(outer % (bucket, "broken.yaml", "one"))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    (reason,) = cfn.reasons(stack, "Inner", "CREATE_FAILED")
    assert "Unrecognized resource types: [AWS::SNS::Tpic]" in reason
