"""The AWS CLI against the sandbox, as a learner would type it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .deploying import Cfn, unique

TEMPLATE = """
Parameters: {Days: {Type: Number}}
Resources: {Log: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: !Ref Days}}}
Outputs: {Name: {Value: !Ref Log}}
"""


def aws(cfn: Cfn, *arguments: str, code: int = 0) -> str:
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_DEFAULT_REGION": cfn.region,
        "AWS_ENDPOINT_URL": cfn.sandbox.endpoint,
    }
    command = [sys.executable, "-m", "awscli", "cloudformation", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_deploy_then_not_again_then_delete(cfn: Cfn, tmp_path: Path) -> None:
    name, file = unique("cli"), tmp_path / "t.yaml"
    file.write_text(TEMPLATE)
    deploy = ("deploy", "--stack-name", name, "--template-file", str(file), "--parameter-overrides", "Days=7")
    # the CLI would look every 30 seconds whether the stack is done: let it only propose
    said = aws(cfn, *deploy, "--no-execute-changeset")
    arn = next(word for word in said.split() if word.startswith("arn:"))
    cfn.api.execute_change_set(ChangeSetName=arn)
    assert cfn.settled(cfn.stack(name)["StackId"])["StackStatus"] == "CREATE_COMPLETE"
    assert "No changes to deploy" in aws(cfn, *deploy, "--no-fail-on-empty-changeset")
    shown = json.loads(aws(cfn, "describe-stacks", "--stack-name", name))["Stacks"][0]
    assert shown["Outputs"][0]["OutputKey"] == "Name"
    aws(cfn, "delete-stack", "--stack-name", name)
    said = aws(cfn, "describe-stacks", "--stack-name", "nobody", code=255)
    assert "An error occurred (ValidationError) when calling the DescribeStacks operation" in said
