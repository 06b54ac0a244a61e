"""AWS::IAM: roles, users, groups, policies and instance profiles."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .api import ApiType, Aspect, Op, Tags, identity, path
from .request import ResourceRequest, random_suffix

ACTORS = ("Role", "User", "Group")


def written(document: str | dict[str, Any]) -> str:
    """A policy as text. One without a version gets one: AWS takes it without, moto 5.2.5 does not."""
    if isinstance(document, str):
        return document
    return json.dumps({"Version": "2012-10-17", **document})


def _lists(actor: str) -> tuple[Aspect, ...]:
    """A role's, user's or group's inline and attached policies, kept in step with the template."""
    name = f"{actor}Name"

    def inline(request: ResourceRequest) -> None:
        old, new = (
            {policy["PolicyName"]: policy["PolicyDocument"] for policy in state.get("Policies", [])}
            for state in (request.previous, request.properties)
        )
        me = {name: request.physical_id}
        for policy in old.keys() - new.keys():
            request.drop("iam", f"Delete{actor}Policy", PolicyName=policy, **me)
        for policy, document in new.items():
            if old.get(policy) != document:
                request.call(
                    "iam", f"Put{actor}Policy", PolicyName=policy, PolicyDocument=written(document), **me
                )

    def attached(request: ResourceRequest) -> None:
        old, new = (state.get("ManagedPolicyArns", []) for state in (request.previous, request.properties))
        me = {name: request.physical_id}
        for arn in old:
            if arn not in new:
                request.drop("iam", f"Detach{actor}Policy", PolicyArn=arn, **me)
        for arn in new:
            if arn not in old:
                request.call("iam", f"Attach{actor}Policy", PolicyArn=arn, **me)

    return Aspect.of("Policies", inline, inline), Aspect.of("ManagedPolicyArns", attached, attached)


def _delete(actor: str, before: Callable[[ResourceRequest], None] = lambda request: None) -> Any:
    name = f"{actor}Name"

    def delete(request: ResourceRequest) -> None:
        me = {name: request.physical_id}
        if request.exists("iam", f"Get{actor}", **me):
            _take_policies(request, actor)
            before(request)
            request.call("iam", f"Delete{actor}", **me)

    return delete


def _take_policies(request: ResourceRequest, actor: str) -> None:
    """Take away what the template gave: IAM deletes nobody who has policies. Others stay, and refuse."""
    me = {f"{actor}Name": request.physical_id}
    for policy in request.properties.get("Policies", []):
        request.drop("iam", f"Delete{actor}Policy", PolicyName=policy["PolicyName"], **me)
    for arn in request.properties.get("ManagedPolicyArns", []):
        request.drop("iam", f"Detach{actor}Policy", PolicyArn=arn, **me)


def _find(actor: str) -> Callable[[ResourceRequest], str | None]:
    def find(request: ResourceRequest) -> str | None:
        name = request.planned_id
        return name if name and request.exists("iam", f"Get{actor}", **{f"{actor}Name": name}) else None

    return find


def _boundary(actor: str) -> Aspect:
    def put(request: ResourceRequest) -> None:
        arn = request.properties["PermissionsBoundary"]
        me = {f"{actor}Name": request.physical_id}
        request.call("iam", f"Put{actor}PermissionsBoundary", PermissionsBoundary=arn, **me)

    return Aspect.of("PermissionsBoundary", put, Op(f"Delete{actor}PermissionsBoundary"))


ROLE = ApiType(
    "AWS::IAM::Role",
    "iam",
    create=Op("CreateRole"),
    delete=_delete("Role"),
    name="RoleName",
    id=path("Role", "RoleName"),
    exists=Op("GetRole"),
    answer={"Arn": path("Role", "Arn"), "RoleId": path("Role", "RoleId")},
    aspects=(
        Aspect.of(
            "AssumeRolePolicyDocument",
            Op("UpdateAssumeRolePolicy", rename={"AssumeRolePolicyDocument": "PolicyDocument"}),
        ),
        Aspect(
            ("Description", "MaxSessionDuration"),
            Op("UpdateRole", {"Description": lambda request: request.properties.get("Description", "")}),
            Op("UpdateRole", {"Description": "", "MaxSessionDuration": 3600}),
        ),
        _boundary("Role"),
        *_lists("Role"),
    ),
    tags=Tags("TagRole", "UntagRole", identity),
    find=_find("Role"),
)


def _login(request: ResourceRequest) -> None:
    profile = request.properties.get("LoginProfile")
    me = {"UserName": request.physical_id}
    exists = request.exists("iam", "GetLoginProfile", **me)
    if not profile:
        request.call("iam", "DeleteLoginProfile", **me)
        return
    change = "UpdateLoginProfile" if exists else "CreateLoginProfile"
    reset = bool(profile.get("PasswordResetRequired", False))
    request.call("iam", change, Password=profile["Password"], PasswordResetRequired=reset, **me)


def _memberships(request: ResourceRequest) -> None:
    old, new = (state.get("Groups", []) for state in (request.previous, request.properties))
    for group in old:
        if group not in new:
            request.drop("iam", "RemoveUserFromGroup", GroupName=group, UserName=request.physical_id)
    for group in new:
        if group not in old:
            request.call("iam", "AddUserToGroup", GroupName=group, UserName=request.physical_id)


def _leave(request: ResourceRequest) -> None:
    me = {"UserName": request.physical_id}
    for group in request.call("iam", "ListGroupsForUser", **me)["Groups"]:
        if group["GroupName"] in request.properties.get("Groups", []):
            request.call("iam", "RemoveUserFromGroup", GroupName=group["GroupName"], **me)
    if "LoginProfile" in request.properties and request.exists("iam", "GetLoginProfile", **me):
        request.call("iam", "DeleteLoginProfile", **me)


USER = ApiType(
    "AWS::IAM::User",
    "iam",
    create=Op("CreateUser"),
    delete=_delete("User", _leave),
    update=Op("UpdateUser", {"NewPath": lambda request: request.properties.get("Path", "/")}),
    name="UserName",
    exists=Op("GetUser"),
    answer={"Arn": path("User", "Arn")},
    aspects=(
        _boundary("User"),
        Aspect.of("LoginProfile", _login, _login),
        Aspect.of("Groups", _memberships, _memberships),
        *_lists("User"),
    ),
    tags=Tags("TagUser", "UntagUser", identity),
    find=_find("User"),
)

GROUP = ApiType(
    "AWS::IAM::Group",
    "iam",
    create=Op("CreateGroup"),
    delete=_delete("Group"),
    update=Op("UpdateGroup", {"NewPath": lambda request: request.properties.get("Path", "/")}),
    name="GroupName",
    name_limit=128,
    exists=Op("GetGroup"),
    answer={"Arn": path("Group", "Arn")},
    aspects=_lists("Group"),
    find=_find("Group"),
)


def _targets(operation: str, names: Callable[[ResourceRequest], dict[str, list[str]]], **told: Any) -> Any:
    """A step that calls `operation` for each role, user and group that `names` gives."""

    def step(request: ResourceRequest) -> None:
        parameters = {key: value(request) for key, value in told.items()}
        call = request.drop if operation.startswith("Detach") else request.call
        for actor, listed in names(request).items():
            for name in listed:
                call("iam", operation.format(actor=actor), **{f"{actor}Name": name}, **parameters)

    return step


def _named(request: ResourceRequest) -> dict[str, list[str]]:
    return {actor: request.properties.get(f"{actor}s", []) for actor in ACTORS}


def _dropped(request: ResourceRequest) -> dict[str, list[str]]:
    now = _named(request)
    return {
        actor: [name for name in request.previous.get(f"{actor}s", []) if name not in now[actor]]
        for actor in ACTORS
    }


def _added(request: ResourceRequest) -> dict[str, list[str]]:
    now = _named(request)
    return {
        actor: [name for name in now[actor] if name not in request.previous.get(f"{actor}s", [])]
        for actor in ACTORS
    }


def _document(request: ResourceRequest) -> str:
    return written(request.properties["PolicyDocument"])


def _policy_name(request: ResourceRequest) -> str:
    return request.properties["PolicyName"]


_put_inline = _targets("Put{actor}Policy", _named, PolicyName=_policy_name, PolicyDocument=_document)


def _create_policy(request: ResourceRequest) -> None:
    request.physical_id = f"{request.stack_name[:5]}-{request.logical_id[:4]}-{random_suffix()}"
    _put_inline(request)


def _update_policy(request: ResourceRequest) -> None:
    old_name = request.previous["PolicyName"]
    dropped = (
        _dropped(request)
        if old_name == _policy_name(request)
        else {actor: request.previous.get(f"{actor}s", []) for actor in ACTORS}
    )
    for actor, names in dropped.items():
        for name in names:
            request.drop("iam", f"Delete{actor}Policy", PolicyName=old_name, **{f"{actor}Name": name})
    _put_inline(request)


def _delete_policy(request: ResourceRequest) -> None:
    policy = _policy_name(request)
    for actor, names in _named(request).items():
        for name in names:
            request.drop("iam", f"Delete{actor}Policy", PolicyName=policy, **{f"{actor}Name": name})


POLICY = ApiType(
    "AWS::IAM::Policy",
    "iam",
    create=_create_policy,
    update=_update_policy,
    delete=_delete_policy,
    attributes={"Id": "{id}"},
    handled=frozenset({"PolicyName", "PolicyDocument", "Roles", "Users", "Groups"}),
    find=lambda request: (
        f"{request.stack_name[:5]}-{request.logical_id[:4]}"
    ),  # deleted by its name and targets
)

_arn = {"PolicyArn": identity}


def _managed_name(request: ResourceRequest) -> str:
    return request.properties.get("ManagedPolicyName") or request.generated_name(128)


def _create_managed(request: ResourceRequest) -> None:
    answer = request.call(
        "iam",
        "CreatePolicy",
        PolicyName=_managed_name(request),
        PolicyDocument=_document(request),
        Path=request.properties.get("Path"),
        Description=request.properties.get("Description"),
    )
    request.physical_id = answer["Policy"]["Arn"]
    request.attributes["PolicyId"] = answer["Policy"]["PolicyId"]
    _targets("Attach{actor}Policy", _named, **_arn)(request)


def _new_version(request: ResourceRequest) -> None:
    arn = request.physical_id
    if "PolicyDocument" in request.changed:
        versions = request.call("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]
        old = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
        if len(versions) >= 5:  # IAM keeps five
            request.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=old[-1])
        document = _document(request)
        request.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    _targets("Detach{actor}Policy", _dropped, **_arn)(request)
    _targets("Attach{actor}Policy", _added, **_arn)(request)


def _delete_managed(request: ResourceRequest) -> None:
    arn = request.physical_id
    if not request.exists("iam", "GetPolicy", PolicyArn=arn):
        return
    for actor, names in _named(request).items():
        for name in names:
            request.drop("iam", f"Detach{actor}Policy", PolicyArn=arn, **{f"{actor}Name": name})
    for version in request.call("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            request.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=version["VersionId"])
    request.call("iam", "DeletePolicy", PolicyArn=arn)


def _find_managed(request: ResourceRequest) -> str | None:
    name = request.properties.get("ManagedPolicyName") or request.planned_id
    given = request.properties.get("Path", "/")
    arn = f"arn:{request.partition}:iam::{request.account}:policy{given}{name}"
    return arn if name and request.exists("iam", "GetPolicy", PolicyArn=arn) else None


MANAGED_POLICY = ApiType(
    "AWS::IAM::ManagedPolicy",
    "iam",
    create=_create_managed,
    update=_new_version,
    delete=_delete_managed,
    attributes={"PolicyArn": "{id}"},
    handled=frozenset(
        {"ManagedPolicyName", "PolicyDocument", "Path", "Description", "Roles", "Users", "Groups"}
    ),
    find=_find_managed,
)


def _profile_roles(request: ResourceRequest) -> None:
    me = {"InstanceProfileName": request.physical_id}
    for role in request.previous.get("Roles", []):
        if role not in request.properties.get("Roles", []):
            request.drop("iam", "RemoveRoleFromInstanceProfile", RoleName=role, **me)
    for role in request.properties.get("Roles", []):
        if role not in request.previous.get("Roles", []):
            request.call("iam", "AddRoleToInstanceProfile", RoleName=role, **me)


def _delete_profile(request: ResourceRequest) -> None:
    me = {"InstanceProfileName": request.physical_id}
    if request.exists("iam", "GetInstanceProfile", **me):
        for role in request.call("iam", "GetInstanceProfile", **me)["InstanceProfile"]["Roles"]:
            request.call("iam", "RemoveRoleFromInstanceProfile", RoleName=role["RoleName"], **me)
        request.call("iam", "DeleteInstanceProfile", **me)


INSTANCE_PROFILE = ApiType(
    "AWS::IAM::InstanceProfile",
    "iam",
    create=Op("CreateInstanceProfile"),
    delete=_delete_profile,
    name="InstanceProfileName",
    name_limit=128,
    exists=Op("GetInstanceProfile"),
    answer={"Arn": path("InstanceProfile", "Arn")},
    aspects=(Aspect.of("Roles", _profile_roles, _profile_roles),),
)

ACCESS_KEY = ApiType(
    "AWS::IAM::AccessKey",
    "iam",
    create=Op("CreateAccessKey"),
    update=Op("UpdateAccessKey", {"AccessKeyId": identity}),
    delete=Op("DeleteAccessKey", {"AccessKeyId": identity}),
    id=path("AccessKey", "AccessKeyId"),
    answer={"SecretAccessKey": path("AccessKey", "SecretAccessKey")},
    aspects=(Aspect.of("Status", Op("UpdateAccessKey", {"AccessKeyId": identity})),),
    without_effect=frozenset({"Serial"}),
)


def _put_users(request: ResourceRequest) -> None:
    old, new = (state.get("Users", []) for state in (request.previous, request.properties))
    group = request.properties["GroupName"]
    for user in old:
        if user not in new:
            request.drop("iam", "RemoveUserFromGroup", GroupName=group, UserName=user)
    for user in new:
        request.call("iam", "AddUserToGroup", GroupName=group, UserName=user)
    if request.physical_id is None:
        request.physical_id = request.generated_name(128)


def _remove_users(request: ResourceRequest) -> None:
    for user in request.properties["Users"]:
        group = request.properties["GroupName"]
        request.drop("iam", "RemoveUserFromGroup", GroupName=group, UserName=user)


MEMBERSHIP = ApiType(
    "AWS::IAM::UserToGroupAddition",
    "iam",
    create=_put_users,
    update=_put_users,
    delete=_remove_users,
    handled=frozenset({"GroupName", "Users"}),
    attributes={"Id": "{id}"},
)

TYPES = (MEMBERSHIP, ROLE, USER, GROUP, POLICY, MANAGED_POLICY, INSTANCE_PROFILE, ACCESS_KEY)
