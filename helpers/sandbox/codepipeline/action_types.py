"""The kinds of actions: which the sandbox performs, what each needs, and which exist on AWS besides.

Sources, looked at on 2026-11-23: https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-valid-providers.html,
https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-action-artifacts.html and the action
reference of each.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE, BUILD, TEST, APPROVAL = "Source", "Build", "Test", "Approval"


@dataclass(frozen=True)
class ActionType:
    """What an action of a kind takes: configuration keys, and how many artifacts in and out."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    inputs: tuple[int, int] = (0, 0)
    outputs: tuple[int, int] = (0, 0)
    missing: tuple[str, ...] = ()  # configuration keys that AWS knows and the sandbox does not honour


_codebuild = ActionType(
    required=("ProjectName",),
    optional=("PrimarySource", "EnvironmentVariables", "BuildspecOverride"),
    inputs=(1, 5),
    outputs=(0, 5),
    missing=("BatchEnabled", "CombineArtifacts"),
)

PERFORMED: dict[tuple[str, str], ActionType] = {
    (SOURCE, "CodeCommit"): ActionType(
        required=("RepositoryName", "BranchName"),
        optional=("PollForSourceChanges", "OutputArtifactFormat"),
        outputs=(1, 1),
    ),
    (SOURCE, "S3"): ActionType(
        required=("S3Bucket", "S3ObjectKey"),
        optional=("PollForSourceChanges", "AllowOverrideForS3ObjectKey"),
        outputs=(1, 1),
    ),
    (BUILD, "CodeBuild"): _codebuild,
    (TEST, "CodeBuild"): _codebuild,
    (APPROVAL, "Manual"): ActionType(optional=("NotificationArn", "CustomData", "ExternalEntityLink")),
}

V2_ONLY = {"Commands", "ECRBuildAndPublish", "EC2", "EKS", "InspectorScan"}
ELSEWHERE: dict[str, set[str]] = {
    SOURCE: {"ECR", "CodeStarSourceConnection", "GitHub"},
    BUILD: {"ECRBuildAndPublish", "Jenkins"},
    TEST: {"DeviceFarm"},
    "Deploy": {
        *("S3", "CloudFormation", "CloudFormationStackSet", "CloudFormationStackInstances", "CodeDeploy"),
        *("CodeDeployToECS", "ECS", "ElasticBeanstalk", "AppConfig", "OpsWorks", "ServiceCatalog", "EKS"),
        *("EC2", "Lambda"),
    },
    "Invoke": {"Lambda", "StepFunctions", "CodePipeline", "InspectorScan"},
    "Compute": {"Commands"},
}
"""What AWS has besides; the sandbox refuses these by name."""
