"""AWS::CodeCommit, AWS::CodeBuild and AWS::CodePipeline."""

from __future__ import annotations

import io
import zipfile

import pytest
from botocore.exceptions import ClientError

from .deploying import Cfn, outputs, unique

REPOSITORY = """
Resources:
  Repository:
    Type: AWS::CodeCommit::Repository
    Properties:
      RepositoryName: %s
      RepositoryDescription: %s
      Code: {BranchName: trunk, S3: {Bucket: %s, Key: code.zip}}
Outputs:
  Url: {Value: !GetAtt Repository.CloneUrlHttp}
  Arn: {Value: !GetAtt Repository.Arn}
  Name: {Value: !GetAtt Repository.Name}
"""


def bucket_with(cfn: Cfn, content: bytes | None) -> str:
    bucket, s3 = unique("code"), cfn.client("s3")
    s3.create_bucket(Bucket=bucket)
    if content is not None:
        s3.put_object(Bucket=bucket, Key="code.zip", Body=content)
    return bucket


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_a_repository_begins_with_its_zip(cfn: Cfn) -> None:
    name, codecommit = unique("repo"), cfn.client("codecommit")
    bucket = bucket_with(cfn, zipped(readme="hello", buildspec="version: 0.2"))
    stack = cfn.create(REPOSITORY % (name, "one", bucket))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    found = codecommit.get_repository(repositoryName=name)["repositoryMetadata"]
    assert outputs(stack) == {"Url": found["cloneUrlHttp"], "Arn": found["Arn"], "Name": name}
    assert cfn.physical(stack, "Repository") == found["repositoryId"]
    assert found["defaultBranch"] == "trunk"
    file = codecommit.get_file(repositoryName=name, filePath="readme", commitSpecifier="trunk")
    assert file["fileContent"] == b"hello"
    commit = codecommit.get_branch(repositoryName=name, branchName="trunk")["branch"]["commitId"]

    renamed = unique("repo")
    stack = cfn.update(stack, REPOSITORY % (renamed, "two", bucket))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    found = codecommit.get_repository(repositoryName=renamed)["repositoryMetadata"]
    assert found["repositoryDescription"] == "two" and outputs(stack)["Name"] == renamed
    again = codecommit.get_branch(repositoryName=renamed, branchName="trunk")["branch"]["commitId"]
    assert again == commit  # `Code` counts once
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    with pytest.raises(ClientError, match="RepositoryDoesNotExist"):
        codecommit.get_repository(repositoryName=renamed)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"this is no zip", "Code supplied is not a valid .zip archive"),
        (None, "The specified key does not exist. (Service: S3, Status Code: 404, "),
    ],
    ids=["unreadable", "missing"],
)
def test_a_zip_that_cannot_be_read_fails_the_stack(cfn: Cfn, content: bytes | None, said: str) -> None:
    name = unique("repo")
    stack = cfn.create(REPOSITORY % (name, "x", bucket_with(cfn, content)))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    (reason,) = cfn.reasons(stack, "Repository", "CREATE_FAILED")
    assert said in reason
    with pytest.raises(ClientError, match="RepositoryDoesNotExist"):
        cfn.client("codecommit").get_repository(repositoryName=name)


WORKFLOW = """
Parameters: {Size: {Type: String, Default: BUILD_GENERAL1_SMALL}, Kind: {Type: String, Default: V2}}
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: [codebuild.amazonaws.com, codepipeline.amazonaws.com]}
            Action: sts:AssumeRole
      Policies:
        - PolicyName: all
          PolicyDocument:
            Version: 2012-10-17
            Statement: [{Effect: Allow, Action: "*", Resource: "*"}]
  Project:
    Type: AWS::CodeBuild::Project
    Properties:
      ServiceRole: !GetAtt Role.Arn
      Source: {Type: CODEPIPELINE, BuildSpec: "version: 0.2"}
      Artifacts: {Type: CODEPIPELINE}
      Environment:
        Type: LINUX_CONTAINER
        ComputeType: !Ref Size
        Image: aws/codebuild/standard:7.0
        PrivilegedMode: true
        EnvironmentVariables: [{Name: A, Value: 1}]
      TimeoutInMinutes: 20
      Tags: [{Key: a, Value: b}]
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      PipelineType: !Ref Kind
      RoleArn: !GetAtt Role.Arn
      ArtifactStore: {Type: S3, Location: !Ref Bucket}
      Stages:
        - Name: Source
          Actions:
            - Name: Fetch
              ActionTypeId: {Category: Source, Owner: AWS, Provider: S3, Version: "1"}
              Configuration: {S3Bucket: !Ref Bucket, S3ObjectKey: code.zip, PollForSourceChanges: false}
              OutputArtifacts: [{Name: Code}]
        - Name: Build
          Actions:
            - Name: Build
              ActionTypeId: {Category: Build, Owner: AWS, Provider: CodeBuild, Version: 1}
              Configuration: {ProjectName: !Ref Project}
              InputArtifacts: [{Name: Code}]
Outputs:
  Project: {Value: !GetAtt Project.Arn}
  Version: {Value: !GetAtt Pipeline.Version}
"""


def test_a_project_and_a_pipeline_follow_their_template(cfn: Cfn) -> None:
    stack = cfn.create(WORKFLOW)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    project, pipeline = cfn.physical(stack, "Project"), cfn.physical(stack, "Pipeline")
    codebuild, codepipeline = cfn.client("codebuild"), cfn.client("codepipeline")
    assert outputs(stack)["Project"] == f"arn:aws:codebuild:us-east-1:123456789012:project/{project}"
    (found,) = codebuild.batch_get_projects(names=[project])["projects"]
    (variable,) = found["environment"]["environmentVariables"]
    assert (variable["name"], variable["value"]) == ("A", "1")
    assert (found["source"]["buildspec"], found["timeoutInMinutes"]) == ("version: 0.2", 20)
    told = codepipeline.get_pipeline(name=pipeline)["pipeline"]
    assert [stage["name"] for stage in told["stages"]] == ["Source", "Build"]
    assert told["stages"][0]["actions"][0]["configuration"]["PollForSourceChanges"] == "false"
    changes = {"Size": "BUILD_GENERAL1_MEDIUM", "Kind": "V1"}
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in changes.items()]
    stack = cfn.update(stack, Parameters=given)
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    (found,) = codebuild.batch_get_projects(names=[project])["projects"]
    assert found["environment"]["computeType"] == "BUILD_GENERAL1_MEDIUM"
    told = codepipeline.get_pipeline(name=pipeline)["pipeline"]
    assert (told["pipelineType"], told["version"], outputs(stack)["Version"]) == ("V1", 2, "2")
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    assert codebuild.batch_get_projects(names=[project])["projects"] == []
    with pytest.raises(ClientError, match="PipelineNotFound"):
        codepipeline.get_pipeline(name=pipeline)
