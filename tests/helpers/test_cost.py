"""What is said about money, against hand-worked arithmetic from AWS's published prices (us-east-1).

Each expected figure stands beside its arithmetic, with the prices written out: none comes from the code.
A month is 730 hours, and once a day is 730 / 24 = 30.41667 runs.
"""

from __future__ import annotations

import datetime
import json
import re

import pytest

from helpers import NameUnknown, NotReady, alternatives, monthly, prices
from helpers.fargate import Size
from helpers.pricing import document, figures, limit, usd
from helpers.rightsizing import Measured, propose
from helpers.session import ROOT

cents = pytest.approx


def test_a_job_of_two_minutes_once_a_day_in_the_three_layouts() -> None:
    found = monthly(2)
    # a run: 2/60 h x (0.25 vCPU x 0.04048 + 0.5 GB x 0.004445) = 2/60 x 0.0123425 = 0.000411417
    # a month of it: x 30.41667 = 0.01251
    assert found.job.per_run == cents(0.000411417, rel=1e-5)
    assert [row.tasks for row in found.rows] == [cents(0.01251, rel=1e-3)] * 3
    # endpoints: 3 x 2 zones x 0.01 x 730 = 43.80; nat: (0.045 + 0.005) x 730 = 36.50
    assert found["endpoints"].standing == cents(43.80)
    assert found["nat"].standing == cents(36.50)
    assert found["public"].standing == 0
    # public: 30.41667 runs x 2/60 h x 0.005 = 0.00507
    assert found["public"].passing == cents(0.00507, rel=1e-3)
    # the way of 30.41667 MB of log lines: x 0.01 / GB = 0.000304; x 0.045 / GB = 0.001369
    assert found["endpoints"].passing == cents(0.000304, rel=1e-2)
    assert found["nat"].passing == cents(0.001369, rel=1e-2)
    # log and alarms: 0.03041667 GB x 0.50 + 2 x 0.10 = 0.2152
    assert found["public"].log == cents(0.2152, rel=1e-3)
    assert found["endpoints"].total == cents(0.01251 + 43.80 + 0.000304 + 0.2152, abs=1e-4)
    assert found.cheapest.name == "public"


def test_a_large_job_on_arm_that_moves_much() -> None:
    found = monthly(
        90, cpu="4096", memory="8192", runs_per_day=24, architecture="ARM64", log_mb=0, gb=2, zones=1
    )
    # 730 runs x 1.5 h x (4 x 0.03238 + 8 x 0.00356) = 1095 x 0.158 = 173.01
    assert found["nat"].tasks == cents(173.01)
    # 3 endpoints in one zone: 0.03 x 730 = 21.90; 730 x 2 GB = 1460 GB: x 0.01 = 14.60, x 0.045 = 65.70
    assert (found["endpoints"].standing, found["endpoints"].passing) == (cents(21.90), cents(14.60))
    assert found["nat"].passing == cents(65.70)
    # public: 1095 h x 0.005 = 5.475
    assert found["public"].total == cents(173.01 + 5.475 + 0.20)


def test_a_minute_is_billed_at_least_and_whole_seconds() -> None:
    assert monthly(0.1).job.per_run == monthly(1).job.per_run == cents(0.0123425 / 60)
    assert monthly(1.001).job.billed_hours == cents(61 / 3600)
    assert monthly(2.3).job.billed_hours == cents(
        138 / 3600
    )  # not 139, whatever floating point makes of 2.3 x 60


def test_where_the_layouts_cost_the_same() -> None:
    points = {point.name: point.at for point in monthly(2).break_even}
    # public, against the cheaper of the two others: 36.50 / 0.005 an hour = 7,300 hours
    assert points["public"] == cents(7300)
    # nat and endpoints: (43.80 - 36.50) / (0.045 - 0.01) = 7.30 / 0.035 = 208.57 GB
    assert points["endpoints or nat"] == cents(208.571, rel=1e-4)
    # the tasks and the endpoints: 43.80 / 0.0123425 = 3,548.7 hours
    assert points["work or way"] == cents(3548.7, rel=1e-4)
    at, words = next((p.at, p.words) for p in monthly(2, zones=1).break_even if p.unit == "GB")
    assert at is None and "never dearer" in words  # 21.90 stands cheaper than 36.50, and each GB too


def test_at_the_break_even_the_two_really_cost_the_same() -> None:
    gb = next(p.at for p in monthly(2).break_even if p.unit == "GB")
    runs = 730 / 24
    at = monthly(2, log_mb=0, gb=gb / runs)
    assert at["nat"].total == cents(at["endpoints"].total)
    below, above = monthly(2, gb=gb / runs * 0.9), monthly(2, gb=gb / runs * 1.1)
    assert below["nat"].total < below["endpoints"].total and above["nat"].total > above["endpoints"].total


def test_what_cannot_be_priced_is_refused_with_what_can() -> None:
    with pytest.raises(NameUnknown, match="256 units with 4096 MiB") as refused:
        monthly(2, cpu=256, memory=4096)
    assert "512 units with 4096 MiB" in str(refused.value)
    with pytest.raises(NameUnknown, match="more than 0"):
        monthly(0)
    with pytest.raises(NameUnknown, match="layout"):
        alternatives(2, layout="pigeon")


def test_the_same_job_elsewhere() -> None:
    found = alternatives(2)
    # Lambda with 512 MB: 30.41667 x 120 s x 0.5 GB x 0.0000166667 = 0.03042, + 30.4 x 0.20 / 1,000,000
    assert found["Lambda"].total == cents(0.03042, rel=1e-3)
    # EC2: the smallest t3 with 0.5 GB for the job and as much for the system is t3.micro, 1 GB:
    # 730 x 0.0104 = 7.592; address 730 x 0.005 = 3.65; disk 8 GB x 0.08 = 0.64
    machine = found["EC2, one machine"]
    assert "t3.micro" in machine.note
    assert (machine.work, machine.around) == (cents(7.592), cents(4.29))
    # Spot at best: 0.01251 x 0.3
    assert found["Fargate Spot"].work == cents(0.003754, rel=1e-3)
    assert found["AWS Batch"].total == found["Fargate"].total


@pytest.mark.parametrize(
    ("job", "best", "because"),
    [
        ({"minutes": 2}, "Lambda", "private network"),
        ({"minutes": 2, "private": True, "interruptible": False}, "EC2, one machine", "at work"),
        ({"minutes": 2, "layout": "public"}, "Fargate Spot", "interrupted"),
        ({"minutes": 2, "layout": "public", "interruptible": False}, "Fargate", "nothing in the others"),
        ({"minutes": 0.05, "runs_per_day": 1000, "layout": "public"}, "Lambda", "millisecond"),
        (
            {"minutes": 30, "runs_per_day": 48, "interruptible": False},
            "EC2, one machine",
            "at work 730 hours",
        ),
        ({"minutes": 5, "at_once": 200}, "AWS Batch", "queues them"),
    ],
)
def test_each_place_is_the_best_for_some_job(job: dict, best: str, because: str) -> None:
    found = alternatives(**job)
    assert found.best.name == best
    assert because in found.verdict
    assert f"{best} (best)" in str(found)


@pytest.mark.parametrize(
    ("job", "where", "why_not"),
    [
        ({"minutes": 16}, "Lambda", "16 minutes are more than 15"),
        ({"minutes": 2, "memory": 12288, "cpu": 2048}, "Lambda", "12,288 MB"),
        ({"minutes": 2, "cpu": 8192, "memory": 16384}, "Lambda", "16,384 MB"),
        ({"minutes": 2, "cpu": 16384, "memory": 32768}, "EC2, one machine", "too large"),
        ({"minutes": 2, "interruptible": False}, "Fargate Spot", "may not be interrupted"),
    ],
)
def test_what_does_not_fit_says_why_and_has_no_price(job: dict, where: str, why_not: str) -> None:
    found = alternatives(**job)
    assert why_not in found[where].why_not
    assert found.best is not found[where]
    (line,) = (line for line in str(found).splitlines() if line.startswith(where) and "does not fit" in line)
    assert not re.search(r"\d\.\d\d", line.partition("does not fit")[0])


def test_a_vcpu_of_lambda_costs_its_memory() -> None:
    """One vCPU is 1,769 MB there, however little the job needs: 6 x 60 s x 1769/1024 x 0.0000166667."""
    found = alternatives(6, cpu=1024, memory=2048)
    assert found["Lambda"].note == "with 2,048 MB"
    found = alternatives(6, cpu=2048, memory=4096)
    assert found["Lambda"].note == "with 4,096 MB"
    found = alternatives(6, cpu=4096, memory=8192)
    assert found["Lambda"].note == "with 8,192 MB"
    # 512 units are 884 MB there, less than the 1,024 they come with
    assert alternatives(6, cpu=512, memory=1024)["Lambda"].note == "with 1,024 MB"


# --- the right size ---

NOW = Size(256, 512)


def test_a_small_job_stays_in_the_smallest_size() -> None:
    found = propose(Measured(0.3, 0.5, 50), NOW)
    assert found.size == NOW and found.parameters == {"Cpu": "256", "Memory": "512"}
    assert "60 seconds that are billed at least" in str(found)
    # 60 s at the least: 0.0123425 / 60, and in the next size exactly twice as much
    assert [option.per_run for option in found.options[:2]] == [
        cents(0.000205708, rel=1e-5),
        cents(0.000411417, rel=1e-5),
    ]


def test_memory_decides_and_takes_the_processor_along() -> None:
    # 1,400 MiB and half as much again is 2,100: more than 256 units may have, so 512 units with 3,072
    found = propose(Measured(10, 12, 1400), NOW)
    assert found.size == Size(512, 3072)
    # without headroom it would just fit
    assert propose(Measured(10, 12, 1400), NOW, headroom=1).size == Size(256, 2048)


def test_time_may_ask_for_more_but_never_for_a_second_processor() -> None:
    # 300 s of processor and 20 s of waiting: a quarter takes 20 + 1,200 s, a half 620, one 320, two as well
    long = Measured(300, 320, 100)
    assert [option.seconds for option in propose(long, NOW).options] == [1220, 620, 320, 320]
    assert propose(long, NOW).size == NOW
    assert propose(long, NOW, within_minutes=11).size == Size(512, 1024)
    assert propose(long, NOW, within_minutes=6).size == Size(1024, 2048)
    late = propose(long, NOW, within_minutes=1)
    assert late.size == Size(1024, 2048) and "no size is done within 1 minutes" in str(late)


def test_a_smaller_share_is_never_dearer() -> None:
    costs = [option.per_run for option in propose(Measured(300, 320, 100), NOW).options]
    assert costs == sorted(costs)
    # nothing but computing: half the share for twice the time is the same money
    even = [option.per_run for option in propose(Measured(300, 300, 100), NOW).options[:3]]
    assert even == [cents(even[0], rel=1e-3)] * 3


def test_a_task_that_was_killed_for_memory_gets_more_than_it_had() -> None:
    found = propose(Measured(1, 1, 300), NOW, killed=True)
    assert found.size == Size(256, 1024)
    assert "137" in str(found) and "a guess" in str(found)


def test_more_memory_than_is_sold_is_said() -> None:
    with pytest.raises(NotReady, match="150,000 MiB"):
        propose(Measured(1, 1, 100_000), NOW)


# --- the file of prices, and what is written elsewhere ---


def test_every_figure_has_a_unit_a_source_and_a_day() -> None:
    entries = [*figures("prices"), *figures("limits")]
    assert len(entries) > 25
    for entry in entries:
        assert entry.source.startswith("https://") and "aws.amazon.com" in entry.source, entry.name
        assert isinstance(entry.checked, datetime.date) and entry.what, entry.name
        assert entry.confirmed or entry.read_in, f"{entry.name} is second hand: from where?"
    assert all(entry.per for entry in figures("prices"))
    for section in ("ec2", "fargate_sizes"):
        assert document()[section]["source"].startswith("https://") and document()[section]["checked"]
    assert document()["region"] == "us-east-1"


def test_what_is_second_hand_is_shown_as_such() -> None:
    lines = str(prices()).splitlines()
    assert any("NAT gateway, standing" in line and "second hand" in line for line in lines)
    assert any("CodePipeline, type V2" in line and "AWS's page" in line for line in lines)


def test_the_readme_says_what_the_file_of_prices_says() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    value = {figure.name: figure.value for figure in prices().rows}
    month = monthly(1)
    claims = {
        r"\| `endpoints` \(the default\) \| \$([\d.]+)": value["endpoint_hour"] * 6,
        r"in two zones, \$([\d.]+) each": value["endpoint_hour"],
        r"each; \$([\d.]+) per GB through them": value["endpoint_gb"],
        r"public address, \$([\d.]+) per hour while": value["ipv4_hour"],
        r"\| `nat` \| \$([\d.]+)": value["nat_hour"] + value["ipv4_hour"],
        r"one NAT gateway, \$([\d.]+),": value["nat_hour"],
        r"and its address, \$([\d.]+);": value["ipv4_hour"],
        r"; \$([\d.]+) per GB through it": value["nat_gb"],
        r"\(¼ vCPU, ½ GB\) costs \$([\d.]+) per hour": round(month.job.per_run * 60, 3),
        r"a build \$([\d.]+) per minute": value["codebuild_minute"],
        r"the pipeline \$([\d.]+) per minute": value["codepipeline_v2_minute"],
        r"an alarm \$([\d.]+) a month": value["alarm_month"],
        r"costs about \$(\d+)\.": round(month["endpoints"].standing),
    }
    for pattern, expected in claims.items():
        found = re.search(pattern, text)
        assert found, f"the README no longer says {pattern}"
        assert float(found[1]) == pytest.approx(expected), pattern
    day = str(min(figure.checked for figure in prices().rows))
    said = re.search(r"looked up on (\d+ \w+ \d{4})", text)
    assert said and datetime.datetime.strptime(said[1], "%d %B %Y").date().isoformat() == day


def test_the_notebooks_say_what_the_file_of_prices_says() -> None:
    value = {figure.name: figure.value * 100 for figure in prices().rows}
    doors = 3 * 2 * value["endpoint_hour"]
    task = round(0.25 * value["fargate_vcpu_hour"] + 0.5 * value["fargate_gb_hour"], 1)
    claims = {
        r"([\d.]+) US cents (?:an|per) hour": (doors, task),
        r"USD ([\d.]+) a month if forgotten": (round(doors / 100 * 730),),
        r"([\d.]+) US cents per GB a month": (value["ecr_gb_month"],),
        r"([\d.]+) US cents for each minute (?:that )?an action runs": (value["codepipeline_v2_minute"],),
        r"two alarms[:,]\** ([\d.]+) US cents a month": (2 * value["alarm_month"],),
        r"gateway ([\d.]+), address": (value["nat_hour"],),
        r"address ([\d.]+); and": (value["ipv4_hour"],),
        r"; and ([\d.]+) cents per GB": (value["nat_gb"],),
        r"; and ([\d.]+) cent per GB": (value["endpoint_gb"],),
    }
    seen = 0
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        for pattern, allowed in claims.items():
            for found in re.findall(pattern, prose):
                seen += 1
                assert float(found) in [pytest.approx(each) for each in allowed], f"{path.name}: {pattern}"
    assert seen > 15


def test_the_pictures_show_the_same_figures() -> None:
    images = ROOT / "notebooks" / "images"
    bars, bill = ((images / name).read_text(encoding="utf-8") for name in ("11-layouts.svg", "11-bill.svg"))
    value = {figure.name: figure.value for figure in prices().rows}
    month = monthly(2)
    for row in month.rows:
        assert f"{row.name} {row.total:.2f}:" in bars and f">{row.total:.2f}" in bars
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="30"', bars)]
    assert [round(width / 12, 1) for width in widths[:2]] == [round(row.total, 1) for row in month.rows[:2]]
    standing = [f">{month[name].standing:.2f}<" for name in ("endpoints", "nat")]
    use = [f">{month.job.per_run * 30:.4f} an hour<", f">{value['codebuild_minute']} a minute<"]
    use += [f">{value['codepipeline_v2_minute']} a minute<", f">{value['logs_gb']:.2f} a GB<"]
    for text in (*standing, f">{2 * value['alarm_month']:.2f}<", *use):
        assert text in bill, text


def test_amounts_are_rounded_and_never_hidden() -> None:
    assert [usd(x) for x in (0, 0.004, 43.8, 1802.014)] == ["0", "under 0.01", "43.80", "1,802.01"]
    assert limit("lambda_minutes") == 15
