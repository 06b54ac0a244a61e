"""Source actions: S3, polling, and what the pipeline's role may not do."""

from __future__ import annotations

import json


def test_an_object_of_s3_is_fetched_in_its_newest_version(line):
    first = line.s3.put_object(Bucket=line.bucket, Key="source.zip", Body=b"one")["VersionId"]
    newest = line.s3.put_object(Bucket=line.bucket, Key="source.zip", Body=b"two")
    execution = line.create(("Source", [line.s3_source()]), ("Hold", [line.approval()]))
    line.answer(line.holds(execution))
    run = next(run for run in line.runs(execution) if run["actionName"] == "Fetch")
    assert run["output"]["outputVariables"] == {
        "BucketName": line.bucket,
        "ObjectKey": "source.zip",
        "VersionId": newest["VersionId"],
        "ETag": newest["ETag"].strip('"'),
    }
    place = run["output"]["outputArtifacts"][0]["s3location"]
    assert line.s3.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read() == b"two"
    again = line.start(
        sourceRevisions=[
            {"actionName": "Fetch", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": first}
        ]
    )
    line.holds(again)
    assert line.execution(again)["artifactRevisions"][0]["revisionId"] == first


def test_an_object_or_bucket_that_is_missing_fails_the_source(line):
    execution = line.create(("Source", [line.s3_source()]), ("Hold", [line.approval()]))
    assert line.ended(execution) == "Failed"
    error = line.action("Source")["errorDetails"]
    assert error["code"] == "ConfigurationError"
    assert "source.zip" in error["message"]
    line.pipelines.update_pipeline(
        pipeline=line.declaration(
            ("Source", [line.s3_source(S3Bucket="code-bucket-01")]), ("Hold", [line.approval()])
        )
    )
    assert line.ended(line.start()) == "Failed"
    # As quoted in https://ncona.com/2020/05/aws-code-pipeline
    assert line.action("Source")["errorDetails"] == {
        "code": "ConfigurationError",
        "message": "No bucket with the name code-bucket-01 was found",
    }


def test_a_source_bucket_must_keep_versions(line):
    plain = f"{line.name}-plain"
    line.s3.create_bucket(Bucket=plain)
    line.s3.put_object(Bucket=plain, Key="source.zip", Body=b"x")
    execution = line.create(("Source", [line.s3_source(S3Bucket=plain)]), ("Hold", [line.approval()]))
    assert line.ended(execution) == "Failed"
    assert "versioning is not enabled" in line.action("Source")["errorDetails"]["message"]


def test_polling_starts_an_execution_for_a_change_and_only_then(line):
    line.commit({"a": "1"})
    source = line.source(PollForSourceChanges="true")
    first = line.create(("Source", [source]), ("Hold", [line.approval()]))
    line.answer(line.holds(first))
    commit = line.commit({"a": "2"})
    line.until(lambda: len(line.executions()) == 2)
    newest = line.executions()[0]
    assert newest["trigger"] == {"triggerType": "PollForSourceChanges", "triggerDetail": "Fetch"}
    line.answer(line.holds(newest["pipelineExecutionId"]))
    assert line.executions()[0]["sourceRevisions"][0]["revisionId"] == commit
    import time

    time.sleep(2.5)  # longer than the sandbox waits between two looks
    assert len(line.executions()) == 2


def test_polling_finds_the_first_commit_of_an_empty_repository(line):
    source = line.source()
    del source["configuration"]["PollForSourceChanges"]  # not said means yes
    first = line.create(("Source", [source]), ("Hold", [line.approval()]))
    assert line.ended(first) == "Failed"
    line.commit({"a": "1"})
    line.until(lambda: len(line.executions()) == 2)
    line.holds(line.executions()[0]["pipelineExecutionId"])


def test_a_role_that_may_not_read_the_repository_fails_the_source(line):
    line.commit({"a": "1"})
    line.allow(line.name, ["s3:*"])
    execution = line.create()
    assert line.ended(execution) == "Failed"
    error = line.action("Source")["errorDetails"]
    assert error["code"] == "PermissionError"
    # As quoted in public reports: words, then the API's own refusal.
    assert error["message"].startswith(
        "The service role or action role doesn\u2019t have the permissions required to access the AWS "
        f"CodeCommit repository named {line.name}. Update the IAM role permissions, and then try again. "
        "Error: User: "
    )
    assert "is not authorized to perform: codecommit:GetBranch on resource" in error["message"]


def test_each_permission_of_a_codecommit_source_is_needed(line):
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html#edit-role-codecommit"""
    line.commit({"a": "1"})
    needed = ["codecommit:GetBranch", "codecommit:GetCommit", "codecommit:UploadArchive", "s3:PutObject"]
    line.allow(line.name, needed[:-1])
    line.ended(line.create())
    for missing in needed:
        line.allow(line.name, [action for action in needed if action != missing])
        assert line.ended(line.start()) == "Failed", missing
        error = line.action("Source")["errorDetails"]
        assert error["code"] == "PermissionError"
        assert missing in error["message"] or missing == "s3:PutObject"
    line.allow(line.name, needed)
    line.holds(line.start())


def test_an_action_s_own_role_is_assumed_through_the_pipeline_s(line):
    line.commit({"a": "1"})
    own = f"{line.name}-own"
    trust = {"Effect": "Allow", "Principal": {"AWS": line.role}, "Action": "sts:AssumeRole"}
    made = line.iam.create_role(
        RoleName=own, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    line.allow(own, "*")
    line.allow(line.name, "sts:AssumeRole", made["Role"]["Arn"])
    source = line.source() | {"roleArn": made["Role"]["Arn"]}
    execution = line.create(("Source", [source]), ("Hold", [line.approval()]))
    line.holds(execution)
    line.allow(line.name, "sts:AssumeRole", f"{made['Role']['Arn']}-other")
    second = line.start()
    line.answer(line.holds(execution))
    assert line.ended(second) == "Failed"
    assert line.action("Source")["errorDetails"]["message"] == (
        f"{line.role} is not authorized to perform AssumeRole on role {made['Role']['Arn']}"
    )


def test_variables_reach_later_actions(line):
    commit = line.commit({"a": "1"})
    topic = line.client("sns").create_topic(Name=line.name)["TopicArn"]
    queue = line.client("sqs").create_queue(QueueName=line.name)["QueueUrl"]
    line.client("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:us-east-1:{line.role.split(':')[4]}:{line.name}",
        Attributes={"RawMessageDelivery": "true"},
    )
    told = {"NotificationArn": topic, "CustomData": "#{SourceVariables.CommitId} for #{variables.day}"}
    execution = line.create(
        ("Source", [line.source()]),
        ("Hold", [line.approval(configuration=told)]),
        pipelineType="V2",
        variables=[{"name": "day", "defaultValue": "Monday"}],
    )
    token = line.holds(execution)
    messages = line.until(lambda: line.client("sqs").receive_message(QueueUrl=queue).get("Messages"))
    approval = json.loads(messages[0]["Body"])["approval"]
    assert approval["customData"] == f"{commit} for Monday"
    assert approval["token"] == token
    run = line.runs(execution)[0]
    assert run["input"]["configuration"]["CustomData"] == told["CustomData"]
    assert run["input"]["resolvedConfiguration"]["CustomData"] == f"{commit} for Monday"
    assert line.execution(execution)["variables"] == [{"name": "day", "resolvedValue": "Monday"}]


def test_a_variable_without_a_value_fails_the_action(line):
    line.commit({"a": "1"})
    hold = line.approval(configuration={"CustomData": "#{SourceVariables.Nothing}"})
    execution = line.create(("Source", [line.source()]), ("Hold", [hold]))
    assert line.ended(execution) == "Failed"
    assert "#{SourceVariables.Nothing}" in line.action("Hold")["errorDetails"]["message"]
