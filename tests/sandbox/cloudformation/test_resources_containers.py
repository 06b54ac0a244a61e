"""AWS::ECR and AWS::ECS."""

from __future__ import annotations

import json

from .deploying import Cfn, outputs, unique

REPOSITORY = """
Resources:
  Repository:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: %s
      ImageTagMutability: %s
      ImageScanningConfiguration: {ScanOnPush: %s}
      LifecyclePolicy: {LifecyclePolicyText: '%s'}
      EmptyOnDelete: true
Outputs: {Arn: {Value: !GetAtt Repository.Arn}, Uri: {Value: !GetAtt Repository.RepositoryUri}}
"""


def lifecycle(count: int) -> str:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    return json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})


def test_a_repository_changes_in_place(cfn: Cfn) -> None:
    name, ecr = unique("repo"), cfn.client("ecr")
    stack = cfn.create(REPOSITORY % (name, "MUTABLE", "true", lifecycle(10)))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    assert outputs(stack)["Arn"] == f"arn:aws:ecr:us-east-1:123456789012:repository/{name}"
    stack = cfn.update(stack, REPOSITORY % (name, "IMMUTABLE", "false", lifecycle(5)))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert found["imageScanningConfiguration"] == {"scanOnPush": False}
    policy = json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    assert policy["rules"][0]["selection"]["countNumber"] == 5
    cfn.delete(stack)
    assert name not in [one["repositoryName"] for one in ecr.describe_repositories()["repositories"]]


TASK = """
Parameters: {Memory: {Type: String, Default: "512"}}
Resources:
  Cluster:
    Type: AWS::ECS::Cluster
    Properties: {ClusterSettings: [{Name: containerInsights, Value: enabled}]}
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: []}}
  Definition:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: %s
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: 256
      Memory: !Ref Memory
      ExecutionRoleArn: !GetAtt Role.Arn
      RuntimePlatform: {CpuArchitecture: ARM64, OperatingSystemFamily: LINUX}
      ContainerDefinitions:
        - Name: job
          Image: public.ecr.aws/docker/library/python:3.13-slim
          Essential: true
          User: "1000"
          Environment: [{Name: A, Value: 1}]
          LogConfiguration:
            LogDriver: awslogs
            Options: {awslogs-group: x, awslogs-region: us-east-1, awslogs-stream-prefix: run, mode: blocking}
Outputs: {Cluster: {Value: !GetAtt Cluster.Arn}, Definition: {Value: !Ref Definition}}
"""


def test_a_task_definition_gets_a_new_revision(cfn: Cfn) -> None:
    family, ecs = unique("family"), cfn.client("ecs")
    stack = cfn.create(TASK % family)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    (cluster,) = ecs.describe_clusters(clusters=[outputs(stack)["Cluster"]], include=["SETTINGS"])["clusters"]
    assert cluster["status"] == "ACTIVE"
    first = outputs(stack)["Definition"]
    assert first.endswith(f"task-definition/{family}:1")
    told = ecs.describe_task_definition(taskDefinition=first)["taskDefinition"]
    assert (told["cpu"], told["memory"], told["networkMode"]) == ("256", "512", "awsvpc")
    assert told["runtimePlatform"]["cpuArchitecture"] == "ARM64"
    (container,) = told["containerDefinitions"]
    assert container["environment"] == [{"name": "A", "value": "1"}] and container["user"] == "1000"
    assert container["logConfiguration"]["options"]["mode"] == "blocking"
    stack = cfn.update(stack, Parameters=[{"ParameterKey": "Memory", "ParameterValue": "1024"}])
    second = outputs(stack)["Definition"]
    assert second.endswith(f"task-definition/{family}:2")
    assert ecs.describe_task_definition(taskDefinition=second)["taskDefinition"]["memory"] == "1024"
    assert ecs.describe_task_definition(taskDefinition=first)["taskDefinition"]["status"] == "INACTIVE"
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)


def test_a_size_that_fargate_does_not_have(cfn: Cfn) -> None:
    stack = cfn.create(
        TASK % unique("family"), Parameters=[{"ParameterKey": "Memory", "ParameterValue": "8192"}]
    )
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = {name: reason for name, status, reason in cfn.events(stack) if status == "CREATE_FAILED"}
    assert "No Fargate configuration exists for given values" in reasons["Definition"]
    assert "(Service: Ecs, Status Code: 400, Request ID: " in reasons["Definition"]
