"""AWS::IAM: roles, users, groups, policies and profiles."""

from __future__ import annotations

import json

from .deploying import Cfn, outputs, unique

ALLOW = '{Version: 2012-10-17, Statement: [{Effect: Allow, Action: "%s", Resource: "*"}]}'
TRUST = (
    "{Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {Service: %s}, Action: sts:AssumeRole}]}"
)


def template(service: str, action: str, more: str = "") -> str:
    return f"""
Resources:
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties: {{PolicyDocument: {ALLOW % action}}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Description: "for {service}"
      AssumeRolePolicyDocument: {TRUST % service}
      ManagedPolicyArns: [!Ref Managed]
      Policies: [{{PolicyName: inline, PolicyDocument: {ALLOW % action}}}{more}]
  Extra:
    Type: AWS::IAM::Policy
    Properties: {{PolicyName: extra, Roles: [!Ref Role], PolicyDocument: {ALLOW % action}}}
  Profile: {{Type: AWS::IAM::InstanceProfile, Properties: {{Roles: [!Ref Role]}}}}
Outputs: {{Arn: {{Value: !GetAtt Role.Arn}}}}
"""


def actions(document: object) -> str:
    return document["Statement"][0]["Action"]  # type: ignore[index]


def test_a_role_follows_its_template(cfn: Cfn) -> None:
    iam = cfn.client("iam")
    stack = cfn.create(template("ecs-tasks.amazonaws.com", "s3:GetObject"))
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    role, managed = cfn.physical(stack, "Role"), cfn.physical(stack, "Managed")
    assert outputs(stack)["Arn"] == f"arn:aws:iam::123456789012:role/{role}"
    assert (
        actions(iam.get_role_policy(RoleName=role, PolicyName="inline")["PolicyDocument"]) == "s3:GetObject"
    )
    assert sorted(iam.list_role_policies(RoleName=role)["PolicyNames"]) == ["extra", "inline"]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [managed]
    profile = iam.get_instance_profile(InstanceProfileName=cfn.physical(stack, "Profile"))["InstanceProfile"]
    assert [one["RoleName"] for one in profile["Roles"]] == [role]

    more = f", {{PolicyName: second, PolicyDocument: {ALLOW % 'sqs:SendMessage'}}}"
    stack = cfn.update(stack, template("events.amazonaws.com", "s3:PutObject", more))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cfn.failures(stack)
    assert cfn.physical(stack, "Role") == role
    found = iam.get_role(RoleName=role)["Role"]
    trusted = found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
    assert (trusted, found["Description"]) == ("events.amazonaws.com", "for events.amazonaws.com")
    assert sorted(iam.list_role_policies(RoleName=role)["PolicyNames"]) == ["extra", "inline", "second"]
    for name in ("inline", "extra"):
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        assert actions(document) == "s3:PutObject"
    version = iam.get_policy(PolicyArn=managed)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=managed, VersionId=version)["PolicyVersion"]["Document"]
    assert actions(document) == "s3:PutObject"

    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    assert role not in [one["RoleName"] for one in iam.list_roles()["Roles"]]
    assert managed not in [one["Arn"] for one in iam.list_policies(Scope="Local")["Policies"]]


def test_a_policy_that_is_attached_by_hand_keeps_a_role_from_going(cfn: Cfn) -> None:
    trust = TRUST % "ecs-tasks.amazonaws.com"
    role = f"{{Type: AWS::IAM::Role, Properties: {{AssumeRolePolicyDocument: {trust}}}}}"
    stack = cfn.create(f"Resources: {{R: {role}}}")
    role, iam = cfn.physical(stack, "R"), cfn.client("iam")
    iam.put_role_policy(
        RoleName=role,
        PolicyName="by-hand",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        ),
    )
    stack = cfn.delete(stack)
    assert stack["StackStatus"] == "DELETE_FAILED"
    (reason,) = cfn.reasons(stack, "R", "DELETE_FAILED")
    assert "Cannot delete entity, must delete policies first. (Service: Iam, Status Code: 409, " in reason
    iam.delete_role_policy(RoleName=role, PolicyName="by-hand")
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_a_user_with_a_group_and_a_key(cfn: Cfn) -> None:
    name = unique("user")
    stack = cfn.create(
        f"""
Resources:
  Group:
    Type: AWS::IAM::Group
    Properties: {{Policies: [{{PolicyName: p, PolicyDocument: {ALLOW % "s3:GetObject"}}}]}}
  User:
    Type: AWS::IAM::User
    Properties:
      UserName: {name}
      Groups: [!Ref Group]
      LoginProfile: {{Password: "Pa55word!x", PasswordResetRequired: true}}
  Key: {{Type: AWS::IAM::AccessKey, Properties: {{UserName: !Ref User}}}}
Outputs: {{Secret: {{Value: !GetAtt Key.SecretAccessKey}}, Arn: {{Value: !GetAtt User.Arn}}}}
"""
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.failures(stack)
    iam = cfn.client("iam")
    assert outputs(stack)["Arn"] == f"arn:aws:iam::123456789012:user/{name}" and outputs(stack)["Secret"]
    (group,) = iam.list_groups_for_user(UserName=name)["Groups"]
    assert group["GroupName"] == cfn.physical(stack, "Group")
    assert iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["AccessKeyId"] == cfn.physical(
        stack, "Key"
    )
    assert cfn.delete(stack)["StackStatus"] == "DELETE_COMPLETE", cfn.failures(stack)
    assert name not in [one["UserName"] for one in iam.list_users()["Users"]]
