"""Source actions: fetch a branch of CodeCommit, or an object of S3, into the artifact bucket."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .. import codecommit
from ..service import AwsError
from .store import Declaration
from .work import ActionFailed, Job, Outcome, Role

DENIED = ("AccessDenied", "AccessDeniedException", "403")


def polls(action: Declaration) -> bool:
    """Whether the pipeline itself looks for changes: so it does unless it is told not to."""
    return action["configuration"].get("PollForSourceChanges", "true").lower() == "true"


def current_revision(role: Role, action: Declaration) -> str | None:
    """The revision that a source action would fetch now. None when there is none to be seen."""
    configuration = action["configuration"]
    try:
        if action["actionTypeId"]["provider"] == "CodeCommit":
            return _tip(role, configuration)["commitId"]
        return _head(role, configuration["S3Bucket"], configuration["S3ObjectKey"])["VersionId"]
    except (ActionFailed, BotoCoreError, ClientError, KeyError):
        return None


# CodeCommit ---------------------------------------------------------------------------------------------


def fetch_commit(job: Job) -> Outcome:
    """The branch's tip, or the commit that the execution was started with, as a ZIP."""
    configuration, role = job.configuration, job.role
    repository, branch = configuration["RepositoryName"], configuration["BranchName"]
    override = job.execution.overrides.get(job.run.name)
    commit_id = override["revisionValue"] if override else _tip(role, configuration)["commitId"]
    try:
        commit = role.client("codecommit").get_commit(repositoryName=repository, commitId=commit_id)["commit"]
        content = codecommit.archive(job.world, role.region, repository, commit_id, role.principal)
    except (ClientError, AwsError) as error:
        raise _repository_failure(error, repository, branch) from error
    _store(job, content)
    summary = commit.get("message", "").strip() or commit_id
    console = f"https://{role.region}.console.aws.amazon.com/codesuite/codecommit/repositories/{repository}"
    return Outcome(
        summary=summary[:2048],
        variables={
            "RepositoryName": repository,
            "BranchName": branch,
            "CommitId": commit_id,
            "CommitMessage": commit.get("message", "").strip(),
            "AuthorDate": _iso(commit["author"]["date"]),
            "CommitterDate": _iso(commit["committer"]["date"]),
        },
        revision={
            "revisionId": commit_id,
            "revisionChangeIdentifier": commit_id,
            "revisionSummary": summary[:2048],
            "revisionUrl": f"{console}/commit/{commit_id}?region={role.region}",
            "created": datetime.fromtimestamp(int(commit["committer"]["date"].split()[0]), timezone.utc),
        },
    )


def _tip(role: Role, configuration: dict[str, str]) -> dict[str, str]:
    repository, branch = configuration["RepositoryName"], configuration["BranchName"]
    try:
        return role.client("codecommit").get_branch(repositoryName=repository, branchName=branch)["branch"]
    except ClientError as error:
        raise _repository_failure(error, repository, branch) from error


def _repository_failure(error: ClientError | AwsError, repository: str, branch: str) -> ActionFailed:
    """In CodePipeline's words, as quoted in public reports of the first two."""
    code, message = _code_and_message(error)
    if code in DENIED:
        return ActionFailed(
            "PermissionError",
            "The service role or action role doesn\u2019t have the permissions required to access the AWS "
            f"CodeCommit repository named {repository}. Update the IAM role permissions, and then try again. "
            f"Error: {message}",
        )
    if code == "BranchDoesNotExistException":
        return ActionFailed(
            "ConfigurationError",
            f"The action failed because no branch named {branch} was found in the selected AWS CodeCommit "
            f"repository {repository}. Make sure you are using the correct branch name, and then try again. "
            "Error: null",
        )
    return ActionFailed(
        "ConfigurationError",
        "The action failed because AWS CodeCommit could not give out the code of the repository "
        f"{repository}. Error: {message}",
    )


def _iso(date: str) -> str:
    """`1795470307 +0000` as `2026-11-23T21:45:07Z`."""
    return datetime.fromtimestamp(int(date.split()[0]), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


# S3 -----------------------------------------------------------------------------------------------------


def fetch_object(job: Job) -> Outcome:
    """The newest version of the object, or the one that the execution was started with."""
    role, bucket, key = job.role, job.configuration["S3Bucket"], job.configuration["S3ObjectKey"]
    override = job.execution.overrides.get(job.run.name) or {}
    version = None
    if override.get("revisionType") == "S3_OBJECT_KEY":
        key = override["revisionValue"]
    elif override:
        version = override["revisionValue"]
    s3 = role.client("s3")
    try:
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
            raise ActionFailed(
                "ConfigurationError",
                f"The action failed because versioning is not enabled on the Amazon S3 bucket {bucket}, and "
                "a source bucket must keep versions. Enable versioning, and then try again.",
            )
        found = s3.get_object(Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
        content = found["Body"].read()
    except ClientError as error:
        raise _bucket_failure(error, bucket, key) from error
    _store(job, content)
    version_id, etag = found["VersionId"], found["ETag"].strip('"')
    return Outcome(
        summary=f"Amazon S3 version id: {version_id}",
        variables={"BucketName": bucket, "ObjectKey": key, "VersionId": version_id, "ETag": etag},
        revision={
            "revisionId": version_id,
            "revisionChangeIdentifier": etag,
            "revisionSummary": f"Amazon S3 version id: {version_id}",
            "revisionUrl": f"https://console.aws.amazon.com/s3/object/{bucket}?region={role.region}&prefix={key}",
            "created": found["LastModified"],
        },
    )


def _head(role: Role, bucket: str, key: str) -> dict[str, Any]:
    return role.client("s3").head_object(Bucket=bucket, Key=key)


def _store(job: Job, content: bytes) -> None:
    """Put the source's output artifact into the artifact bucket."""
    place = job.run.outputs[0]["s3location"]
    try:
        job.role.client("s3").put_object(Bucket=place["bucket"], Key=place["key"], Body=content)
    except ClientError as error:
        raise _bucket_failure(error, place["bucket"], place["key"]) from error


def _bucket_failure(error: ClientError, bucket: str, key: str) -> ActionFailed:
    """In CodePipeline's words, as quoted in public reports; for a missing key in like words."""
    code, message = _code_and_message(error)
    if code in DENIED:
        return ActionFailed(
            "PermissionError",
            "The service role or action role doesn\u2019t have the permissions required to access the Amazon "
            f"S3 bucket named {bucket}. Update the IAM role permissions, and then try again. Error: Amazon "
            f"S3:AccessDenied:{message} (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied)",
        )
    if code == "NoSuchBucket":
        return ActionFailed("ConfigurationError", f"No bucket with the name {bucket} was found")
    if code in ("NoSuchKey", "NoSuchVersion", "404"):
        return ActionFailed(
            "ConfigurationError", f"No object with the key {key} was found in the bucket {bucket}: {message}"
        )
    return ActionFailed("ConfigurationError", f"Amazon S3:{code}:{message} (Bucket: {bucket}; Key: {key})")


def _code_and_message(error: ClientError | AwsError) -> tuple[str, str]:
    if isinstance(error, AwsError):
        return error.code, error.message
    return error.response["Error"]["Code"], error.response["Error"]["Message"]
