"""The files of a commit for CodePipeline and CodeBuild, which take them without the Git history."""

from __future__ import annotations

from .. import iam
from ..principals import Principal
from ..service import AwsError
from ..world import World
from .git import Git
from .store import find, folder


def archive(
    world: World,
    region: str,
    name: str,
    commit: str,
    caller: Principal,
    action: str = "codecommit:UploadArchive",
) -> bytes:
    """The files of a commit as a ZIP, for a caller who may perform `action` on the repository.

    On AWS a pipeline has its own permission for this, `codecommit:UploadArchive`, for which there is no API:
    https://docs.aws.amazon.com/codecommit/latest/userguide/auth-and-access-control-permissions-reference.html
    Raises AwsError when the caller may not, or when there is no such repository or commit.
    """
    repository = find(world, region, name)
    iam.require(world, caller, iam.Need(action, (repository.arn,)), "codecommit")
    with Git(folder(world, region, name)) as git:
        if git.commit(commit) is None:
            raise AwsError("CommitDoesNotExistException", f"Commit {commit} does not exist")
        return git.archive(commit)
