"""Pictures for everybody: words for who cannot see them, and text that stands out from what is behind it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PICTURES = sorted([*(ROOT / "notebooks" / "images").glob("*.svg"), *(ROOT / "docs").glob("*.svg")])
SVG = "{http://www.w3.org/2000/svg}"
ENOUGH = 4.5  # WCAG 2.2, criterion 1.4.3: contrast of text, as a ratio
# Classes that carry no text of their own, or text of a class of its own (`marked` stands on `mark` alone).
NOT_BEHIND_TEXT = {"tip", "mark", "marked"}

each_picture = pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)


def rules(style: str) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """What each class says in a light and in a dark theme."""
    light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
    first = declarations(light)
    second = {name: dict(said) for name, said in first.items()}
    for name, said in declarations(dark.partition("{")[2]).items():
        second.setdefault(name, {}).update(said)
    return first, second


def declarations(css: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for names, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        said = dict(re.findall(r"([\w-]+)\s*:\s*([^;]+?)\s*(?:;|$)", body))
        for name in names.split(","):
            found.setdefault(name.strip().lstrip("."), {}).update(said)
    return found


def brightness(colour: str) -> float:
    """Relative luminance as WCAG defines it, of a colour such as #fff3d6."""
    assert re.fullmatch(r"#[0-9a-f]{6}", colour), colour
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((brightness(one), brightness(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # the lightest grey that passes


@each_picture
def test_it_has_a_title_and_a_description(path: Path) -> None:
    svg = ET.parse(path).getroot()
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby", "").split() == [title.get("id"), description.get("id")]
    assert title.text.strip()
    assert len(description.text) >= 60


@each_picture
def test_all_colours_come_from_the_style_so_that_a_dark_theme_can_change_them(path: Path) -> None:
    svg = ET.parse(path).getroot()
    for node in svg.iter():
        own = [node.get("fill", ""), node.get("stroke", ""), node.get("style", "")]
        assert not any("#" in value.replace("url(#", "") for value in own), ET.tostring(node)
    assert "prefers-color-scheme: dark" in svg.find(f".//{SVG}style").text


@each_picture
def test_text_stands_out_from_whatever_it_may_stand_on(path: Path) -> None:
    svg = ET.parse(path).getroot()
    written = {"text", *(name for t in svg.iter(f"{SVG}text") for name in t.get("class", "").split())}
    for theme in rules(svg.find(f".//{SVG}style").text):
        behind = {
            said["fill"]
            for name, said in theme.items()
            if said.get("fill", "none") != "none"
            and name not in written | NOT_BEHIND_TEXT
            and "font-size" not in said
        }
        for name in written & set(theme):
            colour = theme[name].get("fill")
            surfaces = {theme["mark"]["fill"]} if name == "marked" else behind
            for surface in surfaces if colour else ():
                assert contrast(colour, surface) >= ENOUGH, f"{name}: {colour} on {surface}"
