"""The decisions of an IAM simulator that others maintain, on the same questions, kept beside the tests.

The simulator is @cloud-copilot/iam-simulate (https://github.com/cloud-copilot/iam-simulate; its version is in
the file). It knows all condition operators, and the policies of roles, of resources and of VPC endpoints. As
it is written in TypeScript, its answers are kept in second_opinion.json, where the test reads them. Whoever
changes a policy asks it again, which needs Node.js:

    npm install --prefix /tmp/simulator @cloud-copilot/iam-simulate
    python -m tests.least_privilege.second_opinion /tmp/simulator
"""

from __future__ import annotations

import datetime
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from helpers.policy import Request, evaluate, statements
from tests.sandbox.iam.published import POLICIES
from tests.templates.resolve import deploy_all

from .actors import HERE, ROLES, THINGS, policy, real, role_arn, trust

FILE = Path(__file__).with_name("second_opinion.json")
TASKS, CLUSTER = "ecs-tasks.amazonaws.com", f"arn:aws:ecs:{HERE}:cluster/flights"
SERVICES = ("codebuild", "codepipeline", "ecs-tasks", "events", "scheduler", "lambda")
SOURCES = (
    *(f"arn:aws:codebuild:{HERE}:project/{name}" for name in ("flights", "theirs")),
    *(f"arn:aws:codepipeline:{HERE}:{name}" for name in ("flights", "theirs")),
    f"arn:aws:ecs:{HERE}:task/flights/abc",
    *(f"arn:aws:events:{HERE}:rule/flights-{name}" for name in ("daily", "source-change", "task-failed")),
    *(f"arn:aws:scheduler:{HERE}:schedule-group/{name}" for name in ("flights", "default")),
)

Question = dict[str, Any]
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def contexts(action: str) -> list[dict[str, str]]:
    """The circumstances in which an action is asked for: those that the policies wish for, and others."""
    if action == "iam:PassRole":
        return [{"iam:PassedToService": service} for service in (TASKS, "lambda.amazonaws.com")] + [{}]
    if action == "ecs:RunTask":
        return [{"ecs:cluster": name} for name in (CLUSTER, CLUSTER.replace("flights", "default"))] + [{}]
    return [{}]


def questions() -> list[Question]:
    """Everything that both are asked."""
    return [*_roles(), *_trust(), *_door(), *_published()]


def _question(principal: str, request: Request, **policies: Any) -> Question:
    return {
        "principal": principal,
        "action": request.action,
        "resource": request.resource,
        "context": dict(request.context),
        **policies,
    }


def _roles() -> list[Question]:
    """What each role may do with each thing of the project, and of another one."""
    return [
        _question(role_arn(role), Request(action, arn, context), own=policy(role, source))
        for source in ("CodeCommit", "S3")
        for role in ROLES
        for thing in THINGS
        for action in thing.actions
        for arn in dict.fromkeys((thing.arn, thing.arn.replace("flights", "theirs")))
        for context in contexts(action)
    ]


def _trust() -> list[Question]:
    """Which service may take on which role, on whose behalf."""
    return [
        _question(
            f"{service}.amazonaws.com",
            Request(
                "sts:AssumeRole", role_arn(role), {"aws:SourceArn": source, "aws:SourceAccount": account}
            ),
            guarding=trust(role),
        )
        for role in ROLES
        for service in SERVICES
        for source in SOURCES
        for account in ("111122223333", "999999999999")
    ]


def _door() -> list[Question]:
    """What the S3 gateway endpoint lets the job through to, whatever its role may do."""
    endpoint = real(deploy_all()["network"].properties("S3Endpoint")["PolicyDocument"])
    things = [thing for thing in THINGS if thing.arn.startswith("arn:aws:s3:::")]
    return [
        _question(role_arn("TaskRole"), Request(action, arn), own=EVERYTHING, door=endpoint)
        for thing in things
        for action in thing.actions
        for arn in (thing.arn, thing.arn.replace("flights", "theirs"))
    ]


def _published() -> list[Question]:
    """The policies that AWS publishes. Who comes from another account needs a policy of his own, too."""
    found = []
    for published in POLICIES:
        for request, _ in published.cases:
            if not published.guards:
                found.append(_question(role_arn("TaskRole"), request, own=published.document))
                continue
            own = {"own": EVERYTHING} if request.principal[0].startswith("arn:") else {}
            found.append(_question(request.principal[0], request, guarding=published.document, **own))
    return found


def ours(asked: Question) -> bool:
    """The sandbox's own decision."""
    account = asked["principal"].split(":")[4] if asked["principal"].startswith("arn:") else ""
    names = (asked["principal"], account)
    request = Request(asked["action"], asked["resource"], asked["context"], names)
    if "guarding" in asked:
        return evaluate(statements(asked["guarding"]), request, resource_based=True).allowed
    allowed = evaluate(statements(asked["own"]), request).allowed
    if "door" in asked:
        allowed = allowed and evaluate(statements(asked["door"]), request, resource_based=True).allowed
    return allowed


def fingerprint(asked: list[Question]) -> str:
    """Changes with every policy and every question."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def main(simulator: str) -> None:
    """Ask the simulator that is installed in the folder, and keep what it says."""
    asked = questions()
    command = ["node", str(FILE.with_suffix(".mjs")), simulator]
    said = json.loads(
        subprocess.run(command, input=json.dumps(asked), text=True, capture_output=True, check=True).stdout
    )
    known = {"Allowed": "A", "ImplicitlyDenied": "-", "ExplicitlyDenied": "X"}
    strange = [(q, a) for q, a in zip(asked, said["answers"], strict=True) if a not in known]
    if strange:
        raise SystemExit(f"{len(strange)} questions were not answered: {strange[:3]}")
    kept = {
        "simulator": said["simulator"],
        "asked": datetime.date.today().isoformat(),
        "questions": fingerprint(asked),
        "answers": "".join(known[answer] for answer in said["answers"]),  # Allowed, - and X: denied
    }
    FILE.write_text(json.dumps(kept, indent=1) + "\n")
    differ = [q for q, a in zip(asked, kept["answers"], strict=True) if (a == "A") != ours(q)]
    print(f"{len(asked)} questions, {len(differ)} decided otherwise", *differ[:5], sep="\n")


if __name__ == "__main__":
    main(sys.argv[1])
