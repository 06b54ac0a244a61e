"""What ECS checks before it accepts a task definition, and the sizes that Fargate has.

moto keeps the definitions; the checks stand in front of it. Error messages are those that users of ECS
published or measured (cdk-preflight, 2026-09-07); sizes are from "Task CPU and memory" in the Amazon ECS
developer guide. Both read on 2026-11-23.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from .service import AwsError

GIB = 1024
SIZES = {  # CPU units: MiB of memory
    256: (512, 1024, 2048),
    512: tuple(range(1 * GIB, 4 * GIB + 1, GIB)),
    1024: tuple(range(2 * GIB, 8 * GIB + 1, GIB)),
    2048: tuple(range(4 * GIB, 16 * GIB + 1, GIB)),
    4096: tuple(range(8 * GIB, 30 * GIB + 1, GIB)),
    8192: tuple(range(16 * GIB, 60 * GIB + 1, 4 * GIB)),
    16384: tuple(range(32 * GIB, 120 * GIB + 1, 8 * GIB)),
}
MAX_STOP_TIMEOUT_SECONDS = 120
ECR_ADDRESS = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com(\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)"
    r"/(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def cpu_units(value: str | int) -> int:
    """CPU units of a task-level setting: `256`, or `.25 vCPU`. Raises AwsError."""
    return _units(str(value), "vcpu", 1024, "cpu")


def memory_mib(value: str | int) -> int:
    """MiB of a task-level setting: `512`, or `0.5 GB`. Raises AwsError."""
    return _units(str(value), "gb", GIB, "memory")


def _units(text: str, unit: str, factor: int, setting: str) -> int:
    number, many = text.strip().lower(), 1
    if number.endswith(unit):
        number, many = number.removesuffix(unit).strip(), factor
    try:
        found = Decimal(number) * many
    except InvalidOperation:
        found = Decimal("0.5")
    if found != int(found) or found <= 0:
        raise AwsError(
            "ClientException",
            f"Invalid '{setting}' setting for task. For more information, see the Troubleshooting section of "
            "the Amazon ECS Developer Guide.",
        )
    return int(found)


def check_size(cpu: str | int, memory: str | int) -> tuple[int, int]:
    """CPU units and MiB of a task, if Fargate has the pair. Raises AwsError."""
    units, mib = cpu_units(cpu), memory_mib(memory)
    if mib not in SIZES.get(units, ()):
        raise AwsError(
            "ClientException",
            f"No Fargate configuration exists for given values: {units} CPU, {mib} memory. "
            "See the Amazon ECS documentation for the valid values.",
        )
    return units, mib


def check(definition: dict[str, Any]) -> None:
    """Whether ECS would register this definition (parameters of RegisterTaskDefinition). Raises AwsError."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", definition.get("family") or ""):
        raise AwsError("ClientException", "Family contains invalid characters.")
    for role in ("taskRoleArn", "executionRoleArn"):
        arn = definition.get(role)
        if arn and not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+|[\w+=,.@-]{1,64}", arn):
            raise AwsError("ClientException", "Role is not valid")
    containers = definition.get("containerDefinitions") or []
    if not containers:
        raise AwsError("ClientException", "Container list cannot be empty.")
    if "FARGATE" in (definition.get("requiresCompatibilities") or []):
        _check_fargate(definition, containers)
    _check_dependencies(containers)


def _check_fargate(definition: dict[str, Any], containers: list[dict[str, Any]]) -> None:
    if definition.get("networkMode") != "awsvpc":
        raise AwsError("ClientException", "Fargate only supports network mode ‘awsvpc’.")  # noqa: RUF001 - AWS's quotes
    for setting in ("cpu", "memory"):
        if not definition.get(setting):
            raise AwsError(
                "ClientException", f"Fargate requires that '{setting}' be defined at the task level."
            )
    cpu, _ = check_size(definition["cpu"], definition["memory"])
    if sum(int(container.get("cpu") or 0) for container in containers) > cpu:
        raise AwsError(
            "ClientException",
            "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value.",
        )
    for container in containers:
        _check_fargate_container(container, bool(definition.get("executionRoleArn")))


def _check_fargate_container(container: dict[str, Any], has_role: bool) -> None:
    log = container.get("logConfiguration") or {}
    driver = log.get("logDriver")
    if driver and driver not in ("awslogs", "splunk", "awsfirelens"):
        raise AwsError("ClientException", f"Fargate does not support log driver {driver}.")
    if driver == "awslogs":
        if not has_role:
            raise AwsError(
                "ClientException",
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            )
        options = log.get("options") or {}
        missing = [name for name in ("awslogs-region", "awslogs-group") if not options.get(name)]
        if missing:
            raise AwsError("ClientException", f"Log driver awslogs requires options: {', '.join(missing)}")
        if not options.get("awslogs-stream-prefix"):
            raise AwsError(
                "ClientException",
                "Fargate requires log configuration options to include awslogs-stream-prefix to support log "
                "driver awslogs.",
            )
    if not has_role and ECR_ADDRESS.fullmatch(container.get("image") or ""):
        raise AwsError(
            "ClientException",
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        )
    if not has_role and container.get("secrets"):
        raise AwsError(
            "ClientException",
            "When you are specifying container secrets, you must specify execution role ARN.",
        )
    if container.get("privileged"):
        raise AwsError("ClientException", "Fargate compatible task definitions do not support privileged")
    if int(container.get("stopTimeout") or 0) > MAX_STOP_TIMEOUT_SECONDS:
        raise AwsError(
            "ClientException",
            f"Fargate supports a stopTimeout of at most {MAX_STOP_TIMEOUT_SECONDS} seconds.",
        )
    for port in container.get("portMappings") or []:
        if port.get("hostPort") not in (None, 0, port.get("containerPort")):
            raise AwsError(
                "ClientException",
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            )


def _check_dependencies(containers: list[dict[str, Any]]) -> None:
    by_name = {container.get("name"): container for container in containers}
    if len(by_name) < len(containers):
        raise AwsError("ClientException", "Container names in a task definition must be unique.")
    if not any(container.get("essential", True) is not False for container in containers):
        raise AwsError("ClientException", "At least one container in a task definition must be essential.")
    for container in containers:
        for dependency in container.get("dependsOn") or []:
            other = by_name.get(dependency["containerName"])
            if other is None:
                raise AwsError(
                    "ClientException",
                    f"Container {container['name']} depends on a container that does not exist: "
                    f"{dependency['containerName']}.",
                )
            essential = other.get("essential", True) is not False
            if dependency["condition"] in ("COMPLETE", "SUCCESS") and essential:
                raise AwsError(
                    "ClientException",
                    "A dependency container with SUCCESS or COMPLETE condition cannot be an essential "
                    "container.",
                )
            if dependency["condition"] == "HEALTHY" and not other.get("healthCheck"):
                raise AwsError(
                    "ClientException",
                    "A dependency container with HEALTHY condition must have health check configured.",
                )
    _check_no_cycle(by_name)


def _check_no_cycle(by_name: dict[str, dict[str, Any]]) -> None:
    left = {
        name: {dependency["containerName"] for dependency in container.get("dependsOn") or []}
        for name, container in by_name.items()
    }
    while left:
        free = {name for name, needs in left.items() if not needs & left.keys()}
        if not free:
            raise AwsError("ClientException", "Container dependency contains a cycle.")
        left = {name: needs for name, needs in left.items() if name not in free}
