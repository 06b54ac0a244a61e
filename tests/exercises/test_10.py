"""The exercises of 10: faults that are planted, and mends that look right and are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import Session, deploy, ensure_image, follow_logs, next_task, plant, run_task, upload_day
from helpers.errors import NameUnknown
from helpers.exercises.planting import FAULTS, broken

from .trying import ask, try_out

ROOT = Path(__file__).resolve().parents[2]
DAY = "2013-01-01"
OFF = {"ScheduleExpression": None, "ScheduleState": "DISABLED"}
ON = {"ScheduleExpression": "rate(1 minute)", "ScheduleState": "ENABLED"}


def changed(session: Session, folder: Path, stack: str, *pairs: tuple[str, str]) -> None:
    """Deploy the course's template with other words in it."""
    text = (ROOT / "cfn" / f"{stack}.yaml").read_text()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    copy = folder / f"{stack}.yaml"
    copy.write_text(text)
    deploy(session, copy)


def by_hand(session: Session) -> None:
    follow_logs(session, run_task(session, {"REPORT_DATE": DAY}))


def by_schedule(session: Session) -> None:
    deploy(session, "schedule", ON)
    follow_logs(session, next_task(session))
    deploy(session, "schedule", OFF)


def test_a_a_fault_that_nobody_tells(session: Session, tmp_path: Path) -> None:
    ensure_image(session)
    upload_day(session, DAY)

    def planted_and_met(session: Session) -> None:
        plant("10-a", session)
        by_hand(session)

    def a_wider_role(session: Session) -> None:
        here = "\n                Resource: !Sub\n                  - ${DataBucketArn}/reports/*"
        write = f"Action: s3:PutObject{here}"
        changed(
            session,
            tmp_path,
            "roles",
            (write, write.replace("s3:PutObject", '"s3:*"').replace("reports/", "")),
        )
        by_hand(session)

    def an_open_door(session: Session) -> None:
        text = (ROOT / "cfn" / "network.yaml").read_text()
        policy = text[
            text.index("          - Sid: DataOfThisProject") : text.index("  # Why: the VPC's door")
        ]
        free = '          - { Effect: Allow, Principal: "*", Action: "*", Resource: "*" }\n\n'
        changed(session, tmp_path, "network", (policy, free))
        by_hand(session)

    def mended_and_not_run(session: Session) -> None:
        deploy(session, "network")

    def again(session: Session) -> None:
        deploy(session, "roles")
        planted_and_met(session)

    planted_and_met(session)
    wrong = [a_wider_role, an_open_door, mended_and_not_run]
    try_out(session, "10-a", wrong, undo=again)


def test_b_two_faults_at_once(session: Session, tmp_path: Path) -> None:
    plant("10-b", session)

    def only_the_first(session: Session) -> None:
        deploy(session, "roles")
        by_schedule(session)

    def started_by_hand(session: Session) -> None:
        only_the_first(session)
        deploy(session, "network")
        by_hand(session)

    def without_a_log(session: Session) -> None:
        only_the_first(session)
        text = (ROOT / "cfn" / "task.yaml").read_text()
        log = text[text.index("          LogConfiguration:") : text.index("\nOutputs:")]
        changed(session, tmp_path, "task", (log, ""))
        by_schedule(session)

    def in_any_cluster(session: Session) -> None:
        only_the_first(session)
        deploy(session, "network")
        by_schedule(session)
        changed(session, tmp_path, "roles", (":cluster/${Project}", ":cluster/*"))

    def again(session: Session) -> None:
        deploy(session, "task")
        deploy(session, "schedule", OFF)
        plant("10-b", session)

    wrong = [started_by_hand, without_a_log, in_any_cluster]
    try_out(session, "10-b", wrong, undo=again)


def test_c_read_an_error_to_its_end(session: Session) -> None:
    ask(session, "10-c")


def test_what_is_planted_is_one_thing_in_a_valid_template(session: Session) -> None:
    for faults in FAULTS.values():
        for fault in faults:
            own = (ROOT / "cfn" / f"{fault.stack}.yaml").read_text()
            assert broken(session, fault) != own
    with pytest.raises(NameUnknown, match="plants nothing"):
        plant("10-c", session)
