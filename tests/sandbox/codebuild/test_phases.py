"""From one phase to the next, as the CodeBuild user guide draws it ("Build phase transitions")."""

from __future__ import annotations

import re

import pytest

from .ground import Ground, spec

OK, BAD = "SUCCEEDED", "FAILED"
FAILS = ["echo before", "sh -c 'exit 7'", "echo after"]
ALL_GOOD = {"INSTALL": OK, "PRE_BUILD": OK, "BUILD": OK, "POST_BUILD": OK, "UPLOAD_ARTIFACTS": OK}


def phases(**changes: object) -> dict:
    """Four phases that say their names, but for the changes."""
    names = ("install", "pre_build", "build", "post_build")
    return {name: changes.get(name, [f"echo this is {name}"]) for name in names}


@pytest.mark.parametrize(
    ("failing", "expected", "not_printed"),
    [
        ({}, ALL_GOOD, []),
        ({"install": FAILS}, {"INSTALL": BAD}, ["pre_build", "build", "post_build"]),
        ({"pre_build": FAILS}, {"INSTALL": OK, "PRE_BUILD": BAD}, ["build", "post_build"]),
        ({"build": FAILS}, {**ALL_GOOD, "BUILD": BAD}, []),
        ({"post_build": FAILS}, {**ALL_GOOD, "POST_BUILD": BAD}, []),
        (
            {"build": {"commands": FAILS, "on-failure": "ABORT"}},
            {"INSTALL": OK, "PRE_BUILD": OK, "BUILD": BAD},
            ["post_build"],
        ),
        ({"pre_build": {"commands": FAILS, "on-failure": "CONTINUE"}}, {**ALL_GOOD, "PRE_BUILD": BAD}, []),
        ({"install": {"commands": FAILS, "on-failure": "CONTINUE"}}, {**ALL_GOOD, "INSTALL": BAD}, []),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) and value else None,
)
def test_which_phases_run_when_one_fails(
    place: Ground, failing: dict, expected: dict, not_printed: list[str]
) -> None:
    built = place.build(spec(phases(**failing)))
    assert built.phases == expected
    assert built.status == (BAD if failing else OK)
    for name in ("install", "pre_build", "build", "post_build"):
        assert (f"this is {name}" in built.output) == (name not in not_printed and name not in failing)
    assert ("before" in built.output) == bool(failing)
    assert "after" not in built.output


def test_every_build_passes_through_all_phases_with_true_times(place: Ground) -> None:
    built = place.commands("sleep 1.1")
    found = built.build["phases"]
    assert [phase["phaseType"] for phase in found] == [
        *("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD"),
        *("POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"),
    ]
    times = [moment for phase in found for moment in (phase["startTime"], phase.get("endTime")) if moment]
    assert times == sorted(times)
    seconds = {phase["phaseType"]: phase.get("durationInSeconds") for phase in found}
    assert seconds["BUILD"] == 1
    assert built.build["currentPhase"] == "COMPLETED"
    assert built.build["startTime"] <= times[0] <= times[-1] <= built.build["endTime"]


def test_a_failing_command_is_named_in_the_phase_and_in_the_log(place: Ground) -> None:
    built = place.commands("echo fine", "ls /there/is/nothing")
    reason = "Error while executing command: ls /there/is/nothing. Reason: exit status 2"
    assert built.context("BUILD") == ("COMMAND_EXECUTION_ERROR", reason)
    assert built.said[-1] != reason
    start = built.said.index("Entering phase BUILD")
    assert built.said[start : start + 6] == [
        "Entering phase BUILD",
        "Running command echo fine",
        "Running command ls /there/is/nothing",
        "Command did not exit successfully ls /there/is/nothing exit status 2",
        "Phase complete: BUILD State: FAILED",
        f"Phase context status code: COMMAND_EXECUTION_ERROR Message: {reason}",
    ]


def test_each_line_of_codebuilds_own_has_its_time(place: Ground) -> None:
    own = [line for line in place.commands("true").log if line.startswith("[")]
    assert own
    for line in own:
        assert re.match(r"\[Container\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} ", line)


def test_output_stands_between_the_lines_about_its_command(place: Ground) -> None:
    log = [re.sub(r"^\[Container\] \S+ \S+ ", "", line) for line in place.commands(
        "echo one; echo two >&2; printf three", "echo four").log]  # fmt: skip
    start = log.index("Running command echo one; echo two >&2; printf three")
    assert log[start + 1 : start + 6] == ["one", "two", "three", "Running command echo four", "four"]


def test_finally_runs_whether_the_commands_fail_or_not(place: Ground) -> None:
    phase = {"commands": ["echo works", "false", "echo never"], "finally": ["echo at last", "echo and then"]}
    built = place.build(spec({"build": phase, "post_build": ["echo post"]}))
    assert built.output == ["works", "at last", "and then", "post"]
    assert built.context("BUILD")[1] == "Error while executing command: false. Reason: exit status 1"
    good = place.build(spec({"build": {"commands": ["echo works"], "finally": ["echo at last"]}}))
    assert (good.status, good.output) == ("SUCCEEDED", ["works", "at last"])


def test_a_failing_finally_fails_the_phase(place: Ground) -> None:
    built = place.build(spec({"build": {"commands": ["echo works"], "finally": ["false", "echo never"]}}))
    assert (built.status, built.phases["BUILD"], built.output) == ("FAILED", "FAILED", ["works"])


def test_post_build_learns_whether_the_build_succeeds(place: Ground) -> None:
    say = "echo succeeding=$CODEBUILD_BUILD_SUCCEEDING"
    good = place.build(spec({"build": [say], "post_build": [say]}))
    assert good.output == ["succeeding=1", "succeeding=1"]
    bad = place.build(spec({"build": [say, "false"], "post_build": [say]}))
    assert bad.output == ["succeeding=1", "succeeding=0"]


def test_one_shell_runs_all_commands(place: Ground) -> None:
    """The buildspec of AWS's own tutorial relies on it: COMMIT=$(...) in pre_build, $COMMIT in build."""
    built = place.build(
        spec(
            {
                "install": ["mkdir -p deep/er && cd deep/er", "greet() { echo hello $1; }"],
                "pre_build": ["PLAIN=p", "export EXPORTED='e x'", "pwd | sed 's#.*/src##'"],
                "build": ['echo "$PLAIN $EXPORTED"', "greet you", "sh -c 'echo sub: [$PLAIN] [$EXPORTED]'"],
                "post_build": ["basename $PWD"],
            }
        )
    )
    assert built.output == ["/deep/er", "p e x", "hello you", "sub: [] [e x]", "er"]


def test_a_command_that_leaves_the_shell_fails_its_phase_only(place: Ground) -> None:
    built = place.build(
        spec({"build": ["export KEPT=yes; cd /", "exit 3", "echo never"], "post_build": ["echo $KEPT $PWD"]})
    )
    assert built.context("BUILD")[1] == "Error while executing command: exit 3. Reason: exit status 3"
    assert built.output == ["yes /"]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("exit 0", None),
        ("no-such-program", 127),
        ("set -e; false; echo never", 1),
        ("kill -9 $$", 137),
        ("if", 2),
    ],
)
def test_what_a_command_says_by_its_end(place: Ground, command: str, status: int | None) -> None:
    built = place.commands(command, "echo next")
    if status is None:
        assert (built.status, built.output) == ("SUCCEEDED", ["next"])
    else:
        assert built.context("BUILD")[1].endswith(f"Reason: exit status {status}")


def test_a_command_of_several_lines_is_one_command(place: Ground) -> None:
    text = (
        "version: 0.2\nphases:\n  build:\n    commands:\n      - |\n        false\n        echo still one\n"
    )
    built = place.build(text)
    assert (built.status, built.output) == ("SUCCEEDED", ["still one"])


def test_commands_get_no_input(place: Ground) -> None:
    assert place.commands("cat", "read line || echo nothing to read").output == ["nothing to read"]


def test_version_0_1_runs_each_command_in_a_shell_of_its_own(place: Ground) -> None:
    built = place.build(
        "version: 0.1\nenvironment_variables:\n  plaintext:\n    A: old\nphases:\n  build:\n    commands:\n"
        "      - cd / && export B=1\n      - echo $A [$B] $(basename $PWD)\n"
    )
    assert built.output == ["old [] src"]


def test_bash_when_it_is_asked_for(place: Ground) -> None:
    built = place.build(
        spec({"build": ["[[ abc == a* ]] && echo ${BASH_VERSION:+bash}"]}, env={"shell": "bash"})
    )
    assert built.output == ["bash"]


def test_a_process_left_behind_holds_nothing_up(place: Ground) -> None:
    built = place.commands("sleep 300 & echo started")
    assert (built.status, built.output) == ("SUCCEEDED", ["started"])


def test_what_has_no_effect_is_said(place: Ground) -> None:
    text = spec(
        {"install": {"runtime-versions": {"python": "3.12"}, "commands": ["true"]}},
        cache={"paths": ["/root/.m2"]},
        reports={"unit": {"files": ["r.xml"]}},
        proxy={"logs": "yes"},
        env={"git-credential-helper": "yes"},
    )
    said = "\n".join(place.build(text).said)
    for part in ("runtime-versions (python 3.12)", "cache:", "reports:", "proxy:", "git-credential-helper"):
        assert part in said
    assert "the commands run as processes of this machine" in said
