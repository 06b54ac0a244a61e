"""The sizes that Fargate sells: which pairs, how they are shown, and what is said about one that is not."""

from __future__ import annotations

import pytest
import yaml

from helpers import NameUnknown, sizes
from helpers.fargate import Size, smallest
from helpers.sandbox.task_definitions import SIZES
from helpers.session import ROOT

# ECS's own list, from the API reference of a task definition, in GB: the first and the last that go with each
# number of CPU units, and how many there are.
LISTED = {
    256: (0.5, 2, 3),
    512: (1, 4, 4),
    1024: (2, 8, 7),
    2048: (4, 16, 13),
    4096: (8, 30, 23),
    8192: (16, 60, 12),
    16384: (32, 120, 12),
}


@pytest.mark.parametrize("cpu", LISTED)
def test_the_pairs_are_those_that_ecs_lists(cpu: int) -> None:
    memory = [size.memory / 1024 for size in sizes() if size.cpu == cpu]
    assert (memory[0], memory[-1], len(memory)) == LISTED[cpu]


def test_the_sandbox_takes_the_same_pairs_and_the_template_no_other_value() -> None:
    """Two lists on purpose: the sandbox is a package of its own, as AWS is."""
    assert {(size.cpu, size.memory) for size in sizes()} == {(c, m) for c in SIZES for m in SIZES[c]}
    with (ROOT / "cfn" / "task.yaml").open(encoding="utf-8") as file:
        parameters = yaml.load(file, Loader=yaml.BaseLoader)["Parameters"]
    assert set(parameters["Cpu"]["AllowedValues"]) == {str(size.cpu) for size in sizes()}
    assert set(parameters["Memory"]["AllowedValues"]) == {str(size.memory) for size in sizes()}


def test_the_table_says_of_every_pair_whether_it_is_sold_without_colour() -> None:
    """Read it as a person would: a row of memory, a column of processor, a sign where they meet."""
    _, heads, _, *lines = str(sizes()).splitlines()
    rows = [line.replace(" every ", "~").split("  ") for line in lines if "GB" in line]
    table = {cells[0]: [cell.strip() for cell in cells[1:] if cell.strip()] for cells in rows}
    assert [word for word in heads.split() if word in map(str, LISTED)] == list(map(str, LISTED))
    assert table["0.5 GB"] == ["✓", "·", "·", "·", "·", "·", "·"]
    assert table["4 GB"] == ["·", "✓", "✓", "✓", "·", "·", "·"]
    assert table["17 to 30 GB"] == ["·", "·", "·", "·", "✓", "✓~4 GB", "·"]
    assert table["64 to 120 GB"] == ["·", "·", "·", "·", "·", "·", "✓~8 GB"]
    assert "<caption" in sizes()._repr_html_() and "sold" in sizes()._repr_html_()


@pytest.mark.parametrize(
    ("asked", "instead"),
    [
        ((256, 4096), [(256, 2048), (512, 4096)]),  # too much memory for the processor
        ((512, 512), [(256, 512), (512, 1024)]),  # too little
        ((8192, 18432), [(4096, 18432), (8192, 16384), (8192, 20480)]),  # between two steps
        ((300, 700), [(256, 512), (256, 1024), (512, 1024)]),  # no such processor, no such memory
        ((16384, 262144), [(16384, 122880)]),  # more than there is
    ],
)
def test_a_pair_that_is_not_sold_gets_the_nearest_ones(asked: tuple, instead: list) -> None:
    found = sizes(*asked)
    assert not found.allowed
    assert [(size.cpu, size.memory) for size in found.nearest] == instead
    assert f"does not sell {asked[0]} units with {asked[1]} MiB" in str(found)


def test_a_pair_that_is_sold_is_marked_and_has_no_nearest() -> None:
    found = sizes("512", "2048")
    assert found.allowed and found.nearest == ()
    (line,) = (line for line in str(found).splitlines() if "here" in line)
    assert line.split() == ["2", "GB", "✓", "✓", "here", "✓", "·", "·", "·", "·"]


def test_half_a_question_is_refused() -> None:
    with pytest.raises(NameUnknown, match="memory is None"):
        sizes("256")
    with pytest.raises(NameUnknown, match="no whole number"):
        sizes("256", "0.5 GB")


def test_the_smallest_pair_that_is_large_enough() -> None:
    assert smallest(256, 513) == Size(256, 1024)
    assert smallest(300, 100) == Size(512, 1024)
    assert smallest(1, 9000) == Size(2048, 9216)
    assert smallest(16385, 1) is None
