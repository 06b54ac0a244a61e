"""What the stacks would make: the settings that a lesson, a bill or somebody's safety depends on."""

from __future__ import annotations

import ipaddress
import json
import re

import pytest

from .resolve import deploy_all, read

# MiB for each CPU value: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
GIB = 1024
FARGATE = {
    256: [512, 1 * GIB, 2 * GIB],
    512: range(1 * GIB, 4 * GIB + 1, GIB),
    1024: range(2 * GIB, 8 * GIB + 1, GIB),
    2048: range(4 * GIB, 16 * GIB + 1, GIB),
    4096: range(8 * GIB, 30 * GIB + 1, GIB),
    8192: range(16 * GIB, 60 * GIB + 1, 4 * GIB),
    16384: range(32 * GIB, 120 * GIB + 1, 8 * GIB),
}
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922}
RETENTION |= {3288, 3653}


def test_sizes_are_those_that_fargate_sells() -> None:
    parameters = read("task")["Parameters"]
    assert [int(cpu) for cpu in parameters["Cpu"]["AllowedValues"]] == list(FARGATE)
    sold = sorted({memory for range_ in FARGATE.values() for memory in range_})
    assert [int(memory) for memory in parameters["Memory"]["AllowedValues"]] == sold
    assert int(parameters["Memory"]["Default"]) in FARGATE[int(parameters["Cpu"]["Default"])]


def test_the_description_of_cpu_states_the_ranges_that_the_table_has() -> None:
    said = " ".join(read("task")["Parameters"]["Cpu"]["Description"].split())
    for cpu, memory in list(FARGATE.items())[1:]:
        assert re.search(
            rf"with {cpu} (units )?(the memory may|it may) be {min(memory)} to {max(memory)}", said
        ), cpu


@pytest.mark.parametrize("stack", ["build", "task"])
def test_every_log_expires(stack: str) -> None:
    assert set(read(stack)["Parameters"]["LogRetentionDays"]["AllowedValues"]) <= RETENTION
    groups = [r for r in read(stack)["Resources"].values() if r["Type"] == "AWS::Logs::LogGroup"]
    assert [group["Properties"]["RetentionInDays"] for group in groups] == [{"Ref": "LogRetentionDays"}]


@pytest.mark.parametrize("bucket", ["DataBucket", "ArtifactBucket"])
def test_a_bucket_is_private_encrypted_and_tidy(bucket: str) -> None:
    storage = deploy_all()["storage"]
    properties = storage.properties(bucket)
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    rules = properties["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    assert any("ExpirationInDays" in rule for rule in rules)
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)


@pytest.mark.parametrize("bucket", ["DataBucket", "ArtifactBucket"])
def test_a_bucket_refuses_plain_http_for_itself_and_for_its_objects(bucket: str) -> None:
    policy = deploy_all()["storage"].properties(f"{bucket}Policy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == f"<{bucket}>"
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [f"<{bucket}.Arn>", f"<{bucket}.Arn>/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_an_s3_source_needs_versions_and_events() -> None:
    properties = deploy_all()["storage"].properties("ArtifactBucket")
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    rules = properties["LifecycleConfiguration"]["Rules"]
    assert any("NoncurrentVersionExpiration" in rule for rule in rules)


def test_expiry_takes_the_pipelines_folder_and_leaves_the_source() -> None:
    """CodePipeline cuts its folder's name after 20 characters, so no project may have a longer name."""
    storage = deploy_all(Project="x" * 20)["storage"]
    rules = storage.properties("ArtifactBucket")["LifecycleConfiguration"]["Rules"]
    (prefix,) = [rule["Prefix"] for rule in rules if "ExpirationInDays" in rule]
    assert prefix == "x" * 20 + "/"
    assert read("storage")["Parameters"]["Project"]["MaxLength"] == 20
    assert not re.fullmatch(read("build")["Parameters"]["SourceKey"]["AllowedPattern"], "flights/source.zip")


def test_the_registry_scans_forgets_old_images_and_can_be_deleted_full() -> None:
    repository = deploy_all(KeepImages="3")["registry"].properties("Repository")
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["EmptyOnDelete"] is True
    (rule,) = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert rule["action"] == {"type": "expire"} and rule["rulePriority"] == 1
    assert rule["selection"] == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3}


ENDPOINTS = {"EcrApiEndpoint": "ecr.api", "EcrDkrEndpoint": "ecr.dkr", "LogsEndpoint": "logs"}
INTERNET = {"InternetGateway", "InternetGatewayAttachment", "DefaultRoute"}
NAT = {"NatSubnet", "NatRouteTable", "NatSubnetRoutes", "NatDefaultRoute", "NatAddress", "NatGateway"}


@pytest.mark.parametrize(
    ("layout", "more", "public_ip"),
    [
        ("endpoints", {*ENDPOINTS, "EndpointSecurityGroup"}, "DISABLED"),
        ("public", INTERNET, "ENABLED"),
        ("nat", INTERNET | NAT, "DISABLED"),
    ],
)
def test_a_layout_has_its_own_way_out_and_no_other(layout: str, more: set[str], public_ip: str) -> None:
    network = deploy_all(NetworkLayout=layout)["network"]
    always = {"Vpc", "SubnetA", "SubnetB", "TaskRouteTable", "SubnetARoutes", "SubnetBRoutes"}
    always |= {"TaskSecurityGroup", "S3Endpoint"}
    assert set(network.resources) == always | more
    assert network.outputs["AssignPublicIp"]["Value"] == public_ip
    assert network.outputs["SubnetIds"]["Value"] == "<SubnetA>,<SubnetB>"
    for resource in network.resources.values():  # nothing refers to what is not made
        for name in re.findall(r"<(\w+)(?:\.\w+)?>", json.dumps(resource)):
            assert name in network.resources or name not in read("network")["Resources"]


def test_private_doors_are_open_to_the_tasks_in_both_zones() -> None:
    network = deploy_all()["network"]
    for name, service in ENDPOINTS.items():
        endpoint = network.properties(name)
        assert endpoint["ServiceName"] == f"com.amazonaws.xx-region-9.{service}"
        assert endpoint["PrivateDnsEnabled"] is True
        assert endpoint["SubnetIds"] == ["<SubnetA>", "<SubnetB>"]
        assert endpoint["SecurityGroupIds"] == ["<EndpointSecurityGroup>"]
    vpc = network.properties("Vpc")
    assert vpc["EnableDnsSupport"] is True and vpc["EnableDnsHostnames"] is True
    (rule,) = network.properties("EndpointSecurityGroup")["SecurityGroupIngress"]
    assert (rule["FromPort"], rule["ToPort"]) == (443, 443)
    assert rule["SourceSecurityGroupId"] == "<TaskSecurityGroup>"


def test_a_task_answers_nobody_and_speaks_https_only() -> None:
    group = deploy_all()["network"].properties("TaskSecurityGroup")
    assert "SecurityGroupIngress" not in group
    (rule,) = group["SecurityGroupEgress"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)


def test_every_security_group_states_its_egress() -> None:
    """Without an egress rule EC2 adds one that lets everything out."""
    for layout in ("endpoints", "public", "nat"):
        for resource in deploy_all(NetworkLayout=layout)["network"].resources.values():
            if resource["Type"] == "AWS::EC2::SecurityGroup":
                assert resource["Properties"]["SecurityGroupEgress"]


def test_the_s3_gateway_lets_data_and_image_layers_through() -> None:
    endpoint = deploy_all()["network"].properties("S3Endpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert endpoint["RouteTableIds"] == ["<TaskRouteTable>"]
    data, layers = endpoint["PolicyDocument"]["Statement"]
    assert data["Resource"] == ["<DataBucket.Arn>", "<DataBucket.Arn>/*"]
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html, minimum permissions
    assert layers["Resource"] == "arn:aws:s3:::prod-xx-region-9-starport-layer-bucket/*"


@pytest.mark.parametrize("cidr", ["10.20.0.0/24", "10.0.0.0/16", "172.31.0.0/20", "192.168.4.0/22"])
def test_subnets_lie_in_the_vpc_and_do_not_overlap(cidr: str) -> None:
    network = deploy_all(VpcCidr=cidr, NetworkLayout="nat")["network"]
    blocks = [network.properties(n)["CidrBlock"] for n in ("SubnetA", "SubnetB", "NatSubnet")]
    subnets = [ipaddress.ip_network(block) for block in blocks]
    assert all(subnet.subnet_of(ipaddress.ip_network(cidr)) for subnet in subnets)
    assert not any(a.overlaps(b) for a in subnets for b in subnets if a is not b)
    assert (
        network.properties("SubnetA")["AvailabilityZone"] != network.properties("SubnetB")["AvailabilityZone"]
    )
    assert re.fullmatch(read("network")["Parameters"]["VpcCidr"]["AllowedPattern"], cidr)


@pytest.mark.parametrize(
    "cidr", ["10.0.0.0/8", "10.0.0.0/25", "8.8.8.0/24", "172.32.0.0/16", "10.0.0/24", "10.0.0.0"]
)
def test_ranges_that_are_too_small_too_large_or_not_private_are_refused(cidr: str) -> None:
    assert not re.fullmatch(read("network")["Parameters"]["VpcCidr"]["AllowedPattern"], cidr)


def test_the_task_definition_is_one_that_fargate_takes() -> None:
    task = deploy_all(Cpu="512", Memory="1024", Architecture="ARM64", ImageTag="abc123")["task"]
    definition = task.properties("TaskDefinition")
    assert definition["RequiresCompatibilities"] == ["FARGATE"] and definition["NetworkMode"] == "awsvpc"
    assert (definition["Cpu"], definition["Memory"]) == ("512", "1024")
    assert definition["RuntimePlatform"] == {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}
    assert definition["ExecutionRoleArn"] == "<ExecutionRole.Arn>"
    assert definition["TaskRoleArn"] == "<TaskRole.Arn>"
    (container,) = definition["ContainerDefinitions"]
    assert container["Name"] == "job"
    assert container["Image"] == "111122223333.dkr.ecr.xx-region-9.amazonaws.com/<Repository>:abc123"
    assert container["User"].split(":")[0] not in ("", "0", "root")
    assert container["Environment"] == [{"Name": "DATA_BUCKET", "Value": "<DataBucket>"}]
    assert container["LogConfiguration"] == {
        "LogDriver": "awslogs",
        "Options": {
            "awslogs-group": "<TaskLogGroup>",
            "awslogs-region": "xx-region-9",
            "awslogs-stream-prefix": "run",
            "mode": "blocking",
        },
    }


@pytest.mark.parametrize(("layout", "public_ip"), [("endpoints", "DISABLED"), ("public", "ENABLED")])
def test_the_schedule_starts_the_task_where_the_network_says(layout: str, public_ip: str) -> None:
    stacks = deploy_all(NetworkLayout=layout, ReportDate="2013-02-03", ScheduleState="DISABLED")
    rule = stacks["schedule"].properties("ScheduleRule")
    assert (rule["State"], rule["ScheduleExpression"]) == ("DISABLED", "rate(1 day)")
    (target,) = rule["Targets"]
    assert (target["Id"], target["Arn"], target["RoleArn"]) == ("job", "<Cluster.Arn>", "<ScheduleRole.Arn>")
    assert target["EcsParameters"]["LaunchType"] == "FARGATE" and target["EcsParameters"]["TaskCount"] == 1
    assert target["EcsParameters"]["NetworkConfiguration"] == {
        "AwsVpcConfiguration": {
            "AssignPublicIp": public_ip,
            "SecurityGroups": ["<TaskSecurityGroup>"],
            "Subnets": ["<SubnetA>", "<SubnetB>"],
        }
    }
    assert json.loads(target["Input"]) == {
        "containerOverrides": [
            {"name": "job", "environment": [{"name": "REPORT_DATE", "value": "2013-02-03"}]}
        ]
    }


@pytest.mark.parametrize(
    "expression",
    [  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
        "rate(1 minute)",
        "rate(5 minutes)",
        "rate(1 hour)",
        "rate(12 hours)",
        "rate(1 day)",
        "rate(30 days)",
        "cron(0 10 * * ? *)",
        "cron(15 12 * * ? *)",
        "cron(0 18 ? * MON-FRI *)",
        "cron(0 8 1 * ? *)",
        "cron(0/15 * * * ? *)",
        "cron(0 9 ? * 2#1 *)",
        "cron(0 10 L * ? *)",
    ],
)
def test_expressions_that_eventbridge_documents_are_allowed(expression: str) -> None:
    assert re.fullmatch(read("schedule")["Parameters"]["ScheduleExpression"]["AllowedPattern"], expression)


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 days)",
        "rate(5 minute)",
        "rate(0 days)",
        "rate(1 week)",
        "cron(0 10 * * ?)",
        "1 day",
        "at(2013-01-01)",
    ],
)
def test_expressions_that_eventbridge_refuses_are_refused_before(expression: str) -> None:
    assert not re.fullmatch(
        read("schedule")["Parameters"]["ScheduleExpression"]["AllowedPattern"], expression
    )


@pytest.mark.parametrize(
    ("parameters", "machine", "image"),
    [
        ({}, "LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:6.0"),
        ({"Architecture": "ARM64"}, "ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:4.0"),
        ({"BuildImage": "aws/codebuild/standard:7.0"}, "LINUX_CONTAINER", "aws/codebuild/standard:7.0"),
    ],
)
def test_machine_and_image_fit_the_processor(parameters: dict[str, str], machine: str, image: str) -> None:
    project = deploy_all(**parameters)["build"].properties("BuildProject")
    assert (project["Environment"]["Type"], project["Environment"]["Image"]) == (machine, image)


def test_the_build_project_can_build_images_and_be_started_alone() -> None:
    project = deploy_all()["build"].properties("BuildProject")
    assert project["Environment"]["PrivilegedMode"] is True
    assert {v["Name"]: v["Value"] for v in project["Environment"]["EnvironmentVariables"]} == {
        "REPOSITORY_URI": "111122223333.dkr.ecr.xx-region-9.amazonaws.com/<Repository>",
        "IMAGE_TAG": "latest",
        "AWS_ACCOUNT_ID": "111122223333",
    }
    assert project["Source"] == {
        "Type": "CODECOMMIT",
        "Location": "<CodeRepository.CloneUrlHttp>",
        "GitCloneDepth": 1,
    }
    assert project["LogsConfig"]["CloudWatchLogs"] == {"Status": "ENABLED", "GroupName": "<BuildLogGroup>"}
