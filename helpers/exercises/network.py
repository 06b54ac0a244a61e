"""The exercises of 02: a door of one's own, one address for a partner, and what the S3 gateway is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import network, stacks, tracing
from ..session import Session
from .looking import export_of, stack_that_made, template_of
from .nouns import Finding, Question, Task

SERVICE = "secretsmanager"
ANYWHERE = "a partner's server"  # a destination with no endpoint: its way is the way to the internet


def _a_door(session: Session) -> Iterator[Finding]:
    place = tracing.place_of_stack(session)
    here = network.describe(session.client("ec2"), place.subnets)
    service = f"com.amazonaws.{session.region}.{SERVICE}"
    doors = [
        endpoint
        for endpoint in here.endpoints
        if endpoint["ServiceName"] == service and endpoint.get("VpcEndpointType") == "Interface"
    ]
    others = sorted({e["ServiceName"].rpartition(".")[2] for e in here.endpoints})
    yield Finding(
        bool(doors),
        "an interface endpoint for Secrets Manager stands in the project's VPC",
        f"there are endpoints for {', '.join(others)}",
    )
    if not doors:
        return
    door = doors[0]
    missing = [subnet for subnet in place.subnets if subnet not in door.get("SubnetIds", ())]
    yield Finding(not missing, "it has an address in both subnets", f"it has none in {', '.join(missing)}")
    yield Finding(
        bool(door.get("PrivateDnsEnabled")),
        "inside the VPC the service's public name means this door",
        "its private DNS is off, so the name still means a public address",
    )
    ways = network.paths(here, place.subnets, place.groups, False, [SERVICE])
    gaps = {f"{way.gap.name} {way.gap.finding}" for way in ways if way.gap}
    yield Finding(not gaps, "a task gets through it", "; ".join(sorted(gaps)))
    wide = [rule for rule in _rules_in(here, door) if not _is_for_tasks_alone(rule, set(place.groups))]
    yield Finding(
        not wide,
        "its lock lets in HTTPS from the task's security group, and nothing else",
        f"{len(wide)} of its rules let in more than that",
    )
    maker = stack_that_made(session, door["VpcEndpointId"])
    yield Finding(
        maker is not None,
        "a stack of the project made it, and will take it away",
        "no stack of the project knows it",
    )


def _rules_in(here: network.Network, door: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in door.get("Groups", ()):
        yield from here.groups.get(group["GroupId"], {}).get("IpPermissions", ())


def _is_for_tasks_alone(rule: dict[str, Any], tasks: set[str]) -> bool:
    by_address = any(rule.get(key) for key in ("IpRanges", "Ipv6Ranges", "PrefixListIds"))
    peers = {pair["GroupId"] for pair in rule.get("UserIdGroupPairs", ())}
    ports = (str(rule.get("IpProtocol")), rule.get("FromPort"), rule.get("ToPort"))
    return not by_address and peers <= tasks and ports == ("tcp", network.HTTPS, network.HTTPS)


def _one_address(session: Session) -> Iterator[Finding]:
    stack = stacks.describe(session, "network")
    place = tracing.place_of_stack(session)
    here = network.describe(session.client("ec2"), place.subnets)
    ways = network.paths(here, place.subnets, place.groups, False, [ANYWHERE])
    gaps = {way.gap.finding for way in ways if way.gap}
    yield Finding(
        not gaps,
        "a task without an address of its own reaches the internet, from both subnets",
        "; ".join(sorted(gaps)),
    )
    known = stack.parameters["NetworkLayout"]
    yield Finding(known == "nat", "the stack `network` knows the layout", f"its parameter says `{known}`")
    export = export_of(session, "NatAddress")
    yield Finding(
        export is not None and export.stack == stack.name,
        f"the stack `{stack.name}` exports `{session.project}-NatAddress`",
        f"the stack `{export.stack}` exports it" if export else "no stack exports it",
    )
    if export is None:
        return
    seen = {
        address.get("PublicIp")
        for gateway in here.nat_gateways.values()
        if gateway.get("State") == "available"
        for address in gateway.get("NatGatewayAddresses", ())
    }
    yield Finding(
        export.value in seen,
        "its value is the address that the partner sees",
        f"no way out of this VPC has the address `{export.value}`",
    )
    output = next(
        (
            output
            for output in template_of(session, export.stack).section("Outputs").values()
            if "NatAddress" in str(output.get("Export", {}).get("Name"))
        ),
        {},
    )
    yield Finding(
        isinstance(output.get("Value"), dict), "the template looks it up", "the template has it written down"
    )
    guarded = "Condition" in output or "Fn::If" in str(output.get("Value"))
    yield Finding(
        guarded,
        "the template still works for the other layouts, which have no such address",
        "in the layout `endpoints` CloudFormation would not find what the output refers to",
    )


EXERCISES = (
    Task(
        "02-a",
        "A door of your own",
        _a_door,
        hints=(
            "Take `EcrApiEndpoint` and `EndpointSecurityGroup` from the template of `network` as models. "
            "What do they refer to that your template does not have?",
            "Three of the network's exports are what you need: `exports(session)` shows them, and "
            '`!ImportValue { "Fn::Sub": "${Project}-VpcId" }` is how to write it. Your template needs the '
            "parameter `Project` for it; `deploy` fills it in.",
            '`SubnetIds` is one string with a comma in it. `!Split [",", …]` makes a list of it, and '
            "`!ImportValue` may stand inside.",
            "The lock needs `SecurityGroupIngress` with `SourceSecurityGroupId`. `trace` does not know your "
            "door; the check does, and says at which hop a task is stuck.",
        ),
        learned="A stack of its own, built on three exports: nobody had to touch the template of `network`, "
        "and as long as your stack imports them, nobody can take the VPC from under it.",
    ),
    Task(
        "02-b",
        "One address for the partner",
        _one_address,
        hints=(
            "Which of the three layouts has *one fixed address*? The table in section 5 says so.",
            '`template(session, "network").text` is the whole template, and `Outputs` is its last section: '
            "what you append to the text becomes another output.",
            "The address is the resource `NatAddress`, an `AWS::EC2::EIP`. What does `!Ref` of it give? "
            "Deploy and see, or look it up in CloudFormation's reference.",
            "`Condition: HasNat` in the output, as in the resource. Write the text to a file `network.yaml` "
            'and deploy that by its path, with `{"NetworkLayout": "nat"}`; its name says which stack.',
        ),
        learned="An output costs nothing, and saves the question in the console. Its condition is needed as "
        "much as the resource's: what does not exist cannot be referred to.",
    ),
    Question(
        "02-c",
        "Without the gateway to S3",
        options={
            "a": "The task starts; the job fails when it opens its input",
            "b": "The task logs in to the registry and reads the image's manifest, and then does not start",
            "c": "The task does not even log in to the registry",
            "d": "Nothing fails: S3 has public addresses, and HTTPS is allowed to all of them",
        },
        right="b",
        because="Logging in and reading the manifest go through the two interface endpoints of ECR. The "
        "layers lie in a bucket of ECR's, and without the gateway no route leads to S3. So the image cannot "
        "be fetched, and not one line of the job runs: `CannotPullContainerError`.",
        wrong={
            "a": "To fail, the job would have to run. Where does the program come from?",
            "c": "`ecr.api` is an interface endpoint. It does not need S3 in order to answer.",
            "d": "Allowed, yes. But a packet needs a route too, and this VPC has none to the internet.",
        },
        hints=(
            "Put the steps of a start in their order: log in, manifest, layers, log, and then the job's "
            "first line. Which door does each of them use?",
            "Section 4 says where ECR keeps the layers.",
        ),
    ),
)
