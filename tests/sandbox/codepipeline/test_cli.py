"""The AWS CLI as it is, with an endpoint URL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

AWS = Path(sys.executable).with_name("aws")


def aws(sandbox: Any, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, str(AWS), "--endpoint-url", sandbox.endpoint, "--output", "json", *arguments],
        env={
            **os.environ,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else {}


def test_a_commit_and_its_execution_by_the_aws_cli(sandbox, line, tmp_path):
    (tmp_path / "note.txt").write_text("from the command line\n")
    put = aws(
        sandbox,
        *("codecommit", "put-file", "--repository-name", line.name, "--branch-name", "main"),
        *("--file-path", "/note.txt", "--file-content", f"fileb://{tmp_path / 'note.txt'}"),
    )
    (tmp_path / "pipeline.json").write_text(json.dumps({"pipeline": line.declaration()}))
    made = aws(
        sandbox, "codepipeline", "create-pipeline", "--cli-input-json", f"file://{tmp_path / 'pipeline.json'}"
    )
    assert made["pipeline"]["version"] == 1
    execution = line.executions()[0]["pipelineExecutionId"]
    line.holds(execution)
    state = aws(sandbox, "codepipeline", "get-pipeline-state", "--name", line.name)
    fetch = state["stageStates"][0]["actionStates"][0]
    assert fetch["currentRevision"]["revisionId"] == put["commitId"]
    found = aws(sandbox, "codepipeline", "list-action-executions", "--pipeline-name", line.name)
    assert {run["status"] for run in found["actionExecutionDetails"]} == {"Succeeded", "InProgress"}
