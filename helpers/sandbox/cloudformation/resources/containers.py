"""AWS::ECR and AWS::ECS: the registry, clusters and task definitions. (The sandbox runs no ECS services.)"""

from __future__ import annotations

from typing import Any

from .api import ApiType, Aspect, Op, Tags, identity, path
from .request import ResourceRequest

EXCLUSIONS = {
    "ImageTagMutabilityExclusionFilterType": "filterType",
    "ImageTagMutabilityExclusionFilterValue": "filter",
}
ECS_TAGS = Tags("TagResource", "UntagResource", "Arn")


def _lifecycle(request: ResourceRequest) -> None:
    policy = request.properties["LifecyclePolicy"]
    request.call(
        "ecr",
        "PutLifecyclePolicy",
        repositoryName=request.physical_id,
        lifecyclePolicyText=policy.get("LifecyclePolicyText"),
        registryId=policy.get("RegistryId"),
    )


def _repository_policy(request: ResourceRequest) -> None:
    parameters = Op("SetRepositoryPolicy", rename={"RepositoryPolicyText": "policyText"}).parameters(
        request, REPOSITORY
    )
    request.call("ecr", "SetRepositoryPolicy", **parameters)


REPOSITORY = ApiType(
    "AWS::ECR::Repository",
    "ecr",
    create=Op("CreateRepository", rename=EXCLUSIONS),
    delete=Op("DeleteRepository", {"force": lambda request: bool(request.properties.get("EmptyOnDelete"))}),
    name="RepositoryName",
    name_limit=256,
    lower_case=True,
    exists=Op("DescribeRepositories", {"repositoryNames": lambda request: [request.identifier]}),
    answer={"Arn": path("repository", "repositoryArn"), "RepositoryUri": path("repository", "repositoryUri")},
    aspects=(
        Aspect(
            ("ImageTagMutability", "ImageTagMutabilityExclusionFilters"),
            Op("PutImageTagMutability", rename=EXCLUSIONS),
            Op("PutImageTagMutability", {"imageTagMutability": "MUTABLE"}),
        ),
        Aspect.of(
            "ImageScanningConfiguration",
            Op("PutImageScanningConfiguration"),
            Op("PutImageScanningConfiguration", {"imageScanningConfiguration": {"scanOnPush": False}}),
        ),
        Aspect.of("LifecyclePolicy", _lifecycle, Op("DeleteLifecyclePolicy")),
        Aspect.of("RepositoryPolicyText", _repository_policy, Op("DeleteRepositoryPolicy")),
    ),
    tags=Tags("TagResource", "UntagResource", "Arn"),
    without_effect=frozenset({"EmptyOnDelete"}),  # counts when the repository is deleted
)


def _cluster_there(request: ResourceRequest) -> bool:
    found = request.call("ecs", "DescribeClusters", clusters=[request.identifier])["clusters"]
    return any(cluster["status"] != "INACTIVE" for cluster in found)


def _providers(request: ResourceRequest) -> None:
    request.call(
        "ecs",
        "PutClusterCapacityProviders",
        **Op(
            "PutClusterCapacityProviders",
            {
                "cluster": identity,
                "capacityProviders": lambda request: request.properties.get("CapacityProviders", []),
            },
        ).parameters(request, CLUSTER),
    )


CLUSTER = ApiType(
    "AWS::ECS::Cluster",
    "ecs",
    create=Op("CreateCluster"),
    update=Op("UpdateCluster", {"cluster": identity}, {"ClusterSettings": "settings"}),
    delete=Op("DeleteCluster", {"cluster": identity}),
    name="ClusterName",
    name_limit=255,
    exists=_cluster_there,
    answer={"Arn": path("cluster", "clusterArn")},
    aspects=(Aspect(("CapacityProviders", "DefaultCapacityProviderStrategy"), _providers, _providers),),
    tags=ECS_TAGS,
)


def _register(request: ResourceRequest) -> dict[str, Any]:
    family = {"family": request.properties.get("Family") or request.generated_name(255)}
    parameters = Op("RegisterTaskDefinition", family).parameters(request, TASK_DEFINITION)
    return request.call("ecs", "RegisterTaskDefinition", **parameters)


def _deregister(request: ResourceRequest) -> None:
    me = {"taskDefinition": request.physical_id}
    if request.exists("ecs", "DescribeTaskDefinition", **me):
        request.call("ecs", "DeregisterTaskDefinition", **me)


def _find_definition(request: ResourceRequest) -> str | None:
    family = request.properties.get("Family") or request.planned_id
    if not family:
        return None
    listed = request.call("ecs", "ListTaskDefinitions", familyPrefix=family, sort="DESC")[
        "taskDefinitionArns"
    ]
    for arn in listed:
        tags = request.call("ecs", "DescribeTaskDefinition", taskDefinition=arn, include=["TAGS"]).get(
            "tags", []
        )
        if {"key": "aws:cloudformation:stack-id", "value": request.stack_id} in tags:
            return arn
    return None


TASK_DEFINITION = ApiType(
    "AWS::ECS::TaskDefinition",
    "ecs",
    create=_register,
    delete=_deregister,
    id=path("taskDefinition", "taskDefinitionArn"),
    attributes={"TaskDefinitionArn": "{id}"},
    handled=frozenset(
        {
            "ContainerDefinitions",
            "Cpu",
            "EnableFaultInjection",
            "EphemeralStorage",
            "ExecutionRoleArn",
            "Family",
            "InferenceAccelerators",
            "IpcMode",
            "Memory",
            "NetworkMode",
            "PidMode",
            "PlacementConstraints",
            "ProxyConfiguration",
            "RequiresCompatibilities",
            "RuntimePlatform",
            "Tags",
            "TaskRoleArn",
            "Volumes",
        }
    ),
    tags=Tags("TagResource", "UntagResource", identity),
    find=_find_definition,
)


TYPES = (REPOSITORY, CLUSTER, TASK_DEFINITION)
