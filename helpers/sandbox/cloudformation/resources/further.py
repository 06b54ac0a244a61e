"""Types that the course does not use and other people's templates often do.

Their services are moto's: what is made can be described and changed, but a function or a state machine made
here does not run by itself.
"""

from __future__ import annotations

import io
import json
import secrets
import string
import zipfile
from typing import Any

from .api import ApiType, Aspect, Op, Tags, identity, path
from .ec2 import TAGS, find_by_tag, tagged
from .request import ResourceRequest

# DynamoDB and Kinesis ---------------------------------------------------------------------------------------


def _time_to_live(request: ResourceRequest) -> None:
    wanted = request.properties.get("TimeToLiveSpecification")
    before = request.previous.get("TimeToLiveSpecification", {})
    told = wanted or {"AttributeName": before["AttributeName"], "Enabled": False}
    request.call("dynamodb", "UpdateTimeToLive", TableName=request.physical_id, TimeToLiveSpecification=told)


TABLE = ApiType(
    "AWS::DynamoDB::Table",
    "dynamodb",
    create=Op("CreateTable", rename={"SSEEnabled": "Enabled"}),
    update=Op("UpdateTable", rename={"SSEEnabled": "Enabled"}),
    delete=Op("DeleteTable"),
    name="TableName",
    name_limit=255,
    exists=Op("DescribeTable"),
    answer={"Arn": path("TableDescription", "TableArn")},
    attributes={
        "StreamArn": lambda request: request.call("dynamodb", "DescribeTable", TableName=request.physical_id)[
            "Table"
        ]["LatestStreamArn"]
    },
    aspects=(
        Aspect.of("TimeToLiveSpecification", _time_to_live, _time_to_live),
        Aspect.of("PointInTimeRecoverySpecification", Op("UpdateContinuousBackups")),
    ),
    tags=Tags("TagResource", "UntagResource", "Arn"),
)

STREAM = ApiType(
    "AWS::Kinesis::Stream",
    "kinesis",
    create=Op("CreateStream", rename={"Name": "StreamName"}),
    delete=Op("DeleteStream", rename={"Name": "StreamName"}),
    name="Name",
    name_limit=128,
    exists=Op("DescribeStreamSummary", rename={"Name": "StreamName"}),
    attributes={"Arn": "arn:{partition}:kinesis:{region}:{account}:stream/{id}"},
    aspects=(
        Aspect.of(
            "ShardCount",
            Op(
                "UpdateShardCount",
                {
                    "TargetShardCount": lambda request: request.properties["ShardCount"],
                    "ScalingType": "UNIFORM_SCALING",
                },
                {"Name": "StreamName"},
            ),
        ),
    ),
    tags=Tags("AddTagsToStream", "RemoveTagsFromStream", identity),
)

# KMS and Secrets Manager ------------------------------------------------------------------------------------


def _rotation(request: ResourceRequest) -> None:
    wanted = request.properties.get("EnableKeyRotation")
    request.call("kms", "EnableKeyRotation" if wanted else "DisableKeyRotation", KeyId=request.physical_id)


def _schedule_deletion(request: ResourceRequest) -> None:
    days = request.properties.get("PendingWindowInDays", 30)
    request.drop("kms", "ScheduleKeyDeletion", KeyId=request.physical_id, PendingWindowInDays=days)


KEY = ApiType(
    "AWS::KMS::Key",
    "kms",
    create=Op("CreateKey", rename={"KeyPolicy": "Policy", "Key": "TagKey", "Value": "TagValue"}),
    delete=_schedule_deletion,
    id=path("KeyMetadata", "KeyId"),
    answer={"Arn": path("KeyMetadata", "Arn")},
    attributes={"KeyId": "{id}"},
    aspects=(
        Aspect.of("EnableKeyRotation", _rotation, _rotation),
        Aspect.of(
            "KeyPolicy",
            Op("PutKeyPolicy", {"KeyId": identity, "PolicyName": "default"}, {"KeyPolicy": "Policy"}),
        ),
        Aspect.of("Description", Op("UpdateKeyDescription", {"KeyId": identity})),
    ),
    without_effect=frozenset({"PendingWindowInDays"}),
    tags=Tags("TagResource", "UntagResource", identity),
)

ALIAS = ApiType(
    "AWS::KMS::Alias",
    "kms",
    create=Op("CreateAlias"),
    update=Op("UpdateAlias"),
    delete=Op("DeleteAlias"),
    name="AliasName",
    tag_property=None,
)


def _generated(settings: dict[str, Any]) -> str:
    alphabet = string.ascii_letters + string.digits
    if not settings.get("ExcludePunctuation"):
        alphabet += "!#$%&()*+,-./:;<=>?@[]^_{|}~"
    allowed = [one for one in alphabet if one not in settings.get("ExcludeCharacters", "")]
    made = "".join(secrets.choice(allowed) for _ in range(int(settings.get("PasswordLength", 32))))
    if "GenerateStringKey" not in settings:
        return made
    template = json.loads(settings.get("SecretStringTemplate", "{}"))
    return json.dumps({**template, settings["GenerateStringKey"]: made})


def _create_secret(request: ResourceRequest) -> dict[str, Any]:
    told = Op("CreateSecret").parameters(request, SECRET)
    if "GenerateSecretString" in request.properties:
        told["SecretString"] = _generated(request.properties["GenerateSecretString"])
    return request.call("secretsmanager", "CreateSecret", **told)


SECRET = ApiType(
    "AWS::SecretsManager::Secret",
    "secretsmanager",
    create=_create_secret,
    update=Op("UpdateSecret", {"SecretId": identity}),
    delete=Op("DeleteSecret", {"SecretId": identity, "ForceDeleteWithoutRecovery": True}),
    name="Name",
    name_limit=512,
    id=path("ARN"),
    attributes={"Id": "{id}"},
    handled=frozenset({"Name", "Description", "GenerateSecretString", "KmsKeyId", "SecretString", "Tags"}),
    tags=Tags("TagResource", "UntagResource", identity),
)

# Lambda -----------------------------------------------------------------------------------------------------


def _code(request: ResourceRequest) -> dict[str, Any]:
    """Code written in the template becomes a ZIP with one file, as CloudFormation makes it."""
    code = dict(request.properties["Code"])
    if "ZipFile" in code:
        suffix = "js" if request.properties.get("Runtime", "").startswith("nodejs") else "py"
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(f"index.{suffix}", code["ZipFile"])
        code["ZipFile"] = buffer.getvalue()
    return code


def _update_code(request: ResourceRequest) -> None:
    request.call("lambda", "UpdateFunctionCode", FunctionName=request.physical_id, **_code(request))


FUNCTION = ApiType(
    "AWS::Lambda::Function",
    "lambda",
    create=Op("CreateFunction", {"Code": _code}),
    update=Op("UpdateFunctionConfiguration"),
    delete=Op("DeleteFunction"),
    name="FunctionName",
    exists=Op("GetFunction"),
    answer={"Arn": path("FunctionArn")},
    aspects=(
        Aspect.of("Code", _update_code),
        Aspect.of(
            "ReservedConcurrentExecutions", Op("PutFunctionConcurrency"), Op("DeleteFunctionConcurrency")
        ),
    ),
    tags=Tags("TagResource", "UntagResource", "Arn"),
)

PERMISSION = ApiType(
    "AWS::Lambda::Permission",
    "lambda",
    create=Op("AddPermission", {"StatementId": lambda request: request.generated_name(100)}),
    delete=Op("RemovePermission", {"StatementId": identity}),
    id=lambda answer: json.loads(answer["Statement"])["Sid"],
    attributes={"Id": "{id}"},
    tag_property=None,
)

EVENT_SOURCE = ApiType(
    "AWS::Lambda::EventSourceMapping",
    "lambda",
    create=Op("CreateEventSourceMapping"),
    update=Op("UpdateEventSourceMapping", {"UUID": identity}),
    delete=Op("DeleteEventSourceMapping", {"UUID": identity}),
    id=path("UUID"),
    attributes={"Id": "{id}"},
    tag_property=None,
)

# Step Functions ---------------------------------------------------------------------------------------------


def _definition(request: ResourceRequest) -> str:
    given = request.properties
    text = given.get("DefinitionString") or json.dumps(given.get("Definition", {}))
    for name, value in given.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return text


STATE_MACHINE = ApiType(
    "AWS::StepFunctions::StateMachine",
    "stepfunctions",
    create=Op(
        "CreateStateMachine",
        {"definition": _definition},
        {"StateMachineName": "name", "StateMachineType": "type"},
    ),
    update=Op("UpdateStateMachine", {"stateMachineArn": identity, "definition": _definition}),
    delete=Op("DeleteStateMachine", {"stateMachineArn": identity}),
    name="StateMachineName",
    name_limit=80,
    id=path("stateMachineArn"),
    attributes={"Arn": "{id}", "Name": lambda request: request.physical_id.rpartition(":")[2]},
    handled=frozenset({"DefinitionString", "Definition", "DefinitionSubstitutions"}),
    tags=Tags("TagResource", "UntagResource", identity),
)

# EC2 instances ----------------------------------------------------------------------------------------------


def _instance(key: str) -> Any:
    def attribute(request: ResourceRequest) -> str:
        answer = request.call("ec2", "DescribeInstances", InstanceIds=[request.physical_id])
        return answer["Reservations"][0]["Instances"][0].get(key, "")

    return attribute


def _profile(request: ResourceRequest) -> dict[str, str] | None:
    name = request.properties.get("IamInstanceProfile")
    return {"Name": name} if name else None


INSTANCE = ApiType(
    "AWS::EC2::Instance",
    "ec2",
    create=Op(
        "RunInstances",
        {"MinCount": 1, "MaxCount": 1, "IamInstanceProfile": _profile, **tagged("instance")},
    ),
    delete=Op("TerminateInstances", {"InstanceIds": lambda request: [request.physical_id]}),
    id=path("Instances", 0, "InstanceId"),
    attributes={
        "InstanceId": "{id}",
        "PrivateIp": _instance("PrivateIpAddress"),
        "PublicIp": _instance("PublicIpAddress"),
        "PrivateDnsName": _instance("PrivateDnsName"),
        "PublicDnsName": _instance("PublicDnsName"),
        "VpcId": _instance("VpcId"),
        "AvailabilityZone": lambda request: _instance("Placement")(request)["AvailabilityZone"],
    },
    tags=TAGS,
    find=find_by_tag,
)

TYPES = (
    TABLE,
    STREAM,
    KEY,
    ALIAS,
    SECRET,
    FUNCTION,
    PERMISSION,
    EVENT_SOURCE,
    STATE_MACHINE,
    INSTANCE,
)
