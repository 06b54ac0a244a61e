"""`trace`: which places it looks from, what it says of them, and how it draws them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from helpers import NameUnknown, trace
from helpers.network import DESTINATIONS, Hop, Path
from helpers.stacks import exported_value
from helpers.tracing import Picture, Place, Trace


def made(*paths: Path) -> Trace:
    return Trace(Place(("subnet-a", "subnet-b"), ("sg-1",), False), paths, dict.fromkeys(DESTINATIONS, True))


OPEN, ENDS = Hop("DNS", True, "an address inside"), Hop("route", False, "no route leads out of the VPC")
BEHIND = Hop("endpoint", True, "is available")


def test_the_whole_way_is_open_from_the_project_s_subnets(line):
    found = trace(line)
    assert found.ok and found.gaps == {}
    assert set(found.place.subnets) == set(exported_value(line, "SubnetIds").split(","))
    assert {path.destination for path in found.paths} == set(DESTINATIONS)
    assert "every service is reached" in str(found)


def test_given_subnets_are_traced_alone(line):
    subnet = exported_value(line, "SubnetIds").split(",")[0]
    assert trace(line, subnet).place.subnets == (subnet,)
    assert trace(line, [subnet]).place.subnets == (subnet,)


def test_an_unknown_subnet_is_said(line):
    with pytest.raises(NameUnknown, match="subnet-00000000"):
        trace(line, ["subnet-00000000"])


def test_a_gap_ends_the_way_and_is_named():
    found = made(Path("subnet-a", "s3", (OPEN, ENDS, BEHIND)), Path("subnet-a", "logs", (OPEN,)))
    assert not found.ok and found.gaps == {"s3": ENDS}
    text = str(found)
    assert "no way to s3" in text and "s3: task → ✓ DNS → ✗ route\n" in text
    assert "is available" not in text  # what lies behind the gap is not reached


def test_subnets_with_the_same_way_share_a_lane():
    hops = (OPEN,)
    found = made(*(Path(name, "s3", hops) for name in ("subnet-a", "subnet-b")))
    assert [lane.subnets for lane in found.lanes] == [("subnet-a", "subnet-b")]


def test_the_picture_is_wellformed_named_and_the_same_each_time():
    found = made(Path("subnet-a", "s3", (OPEN, ENDS)), Path("subnet-a", "logs", (OPEN,)))
    drawn = Picture(found.lanes).html()
    svg = ET.fromstring(drawn)[0]
    words = "s3: task → ✓ DNS → ✗ route; logs: task → ✓ DNS → logs"
    assert (svg.get("role"), svg.get("aria-label")) == ("img", words)
    assert svg.find("title").text and svg.find("desc").text == words
    assert " id=" not in drawn and drawn == Picture(found.lanes).html()
    assert "currentColor" in drawn  # black on white, white on black
    assert {text.text for text in svg.iter("text")} >= {"✓", "✗"}  # not by colour alone


def test_words_of_others_are_escaped():
    found = made(Path("subnet-a", "<s3>", (Hop("a & b", True, "<i>"),)))
    ET.fromstring(Picture(found.lanes).html())
    assert "<i>" not in found._repr_html_()
