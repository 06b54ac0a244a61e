"""The pairs of processor and memory that Fargate sells, as a table that shows them at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from . import pricing, show
from .errors import NameUnknown

GIB = 1024

#: Memory in MiB, first and last of a row of the table: inside a row, each size of processor has one answer.
_ROWS = (
    *((512, 512), (1024, 1024), (2048, 2048), (3072, 3072), (4096, 4096), (5120, 7168), (8192, 8192)),
    *((9216, 15360), (16384, 16384), (17408, 30720), (32768, 32768), (36864, 61440), (65536, 122880)),
)
_YES, _NO, _ASKED = "✓", "·", "✗ asked"


@dataclass(frozen=True, order=True)
class Size(show.Noun):
    """A pair that Fargate sells: CPU units (1024 are a virtual processor) and MiB of memory."""

    cpu: int
    memory: int

    @property
    def vcpu(self) -> float:
        """Virtual processors."""
        return self.cpu / 1024

    @property
    def gb(self) -> float:
        """Memory in GB as AWS counts it, 1024 MiB each."""
        return self.memory / GIB

    @property
    def words(self) -> str:
        return f"{self.cpu} units with {self.memory} MiB"

    def _view(self) -> Iterator[show.Block]:
        yield show.Text(f"{self.words} ({_cpu_words(self.cpu)}, {_gb_words(self.memory)})")


@dataclass(frozen=True)
class Sizes(show.Rows):
    """The pairs that Fargate sells, smallest first; and whether the one that was asked for is among them.

    `asked` is the pair, None when the whole table was asked for; `allowed` whether it is sold, `nearest` the
    pairs to take instead: with the same processor, and with the next processor that has enough memory.
    """

    rows: tuple[Size, ...]
    asked: Size | None = None
    nearest: tuple[Size, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.asked is None or self.asked in self.rows

    def _view(self) -> Iterator[show.Block]:
        if self.asked is not None and self.allowed:
            yield show.Text(f"{_YES} Fargate sells {self.asked.words}.", title=True)
        elif self.asked is not None:
            yield show.Text(f"✗ Fargate does not sell {self.asked.words}.", title=True)
            rows = [(str(near.cpu), str(near.memory), self._change(near)) for near in self.nearest]
            yield show.Table(("Cpu", "Memory", "which is"), rows, "The nearest pairs that it sells")
        units = sorted({size.cpu for size in self.rows})
        heads = ("Memory", *(f"{cpu}\n{_cpu_words(cpu)}" for cpu in units))
        rows = [(_row_words(*row), *(self._sign(cpu, *row) for cpu in units)) for row in _ROWS]
        caption = f"Memory with each size of processor: {_YES} sold, {_NO} not sold"
        yield show.Table(heads, rows, caption)
        yield show.Text(f"Source: {_known()['source']} (checked {_known()['checked']})")

    def _sign(self, cpu: int, first: int, last: int) -> str:
        asked = self.asked
        if asked is not None and not self.allowed and asked.cpu == cpu and first <= asked.memory <= last:
            return _ASKED
        sold = [size.memory for size in self.rows if size.cpu == cpu and first <= size.memory <= last]
        step = {later - earlier for earlier, later in pairwise(sold)}
        step = max(step, default=0) // GIB
        sign = _NO if not sold else _YES if step <= 1 else f"{_YES} every {step} GB"
        return f"{sign} here" if asked in self.rows and asked.cpu == cpu and asked.memory in sold else sign

    def _change(self, near: Size) -> str:
        assert self.asked is not None
        changes = [
            f"{'more' if new > old else 'less'} {what}"
            for what, new, old in (
                ("processor", near.cpu, self.asked.cpu),
                ("memory", near.memory, self.asked.memory),
            )
            if new != old
        ]
        return ", ".join(changes)


def sizes(cpu: int | str | None = None, memory: int | str | None = None) -> Sizes:
    """The pairs of `Cpu` and `Memory` that Fargate sells; with both given, whether it sells that pair.

    `cpu` in units (1024 are one virtual processor), `memory` in MiB: numbers, or a template's texts.
    A pair that is not sold is an answer, not an error: `.nearest` has the ones to take instead.
    Raises NameUnknown for something that is no number.
    Source: Amazon ECS, `memory` of a task definition; see fargate_sizes in prices.yaml.
    """
    if cpu is None and memory is None:
        return Sizes(all_sizes())
    asked = Size(_number("cpu", cpu), _number("memory", memory))
    return Sizes(all_sizes(), asked, () if asked in all_sizes() else nearest(asked))


@cache
def all_sizes() -> tuple[Size, ...]:
    """Every pair, smallest first."""
    pairs = {
        Size(cpu, memory)
        for cpu, ranges in _known()["memory"].items()
        for first, last, step in ranges
        for memory in range(first, last + 1, step)
    }
    return tuple(sorted(pairs))


def smallest(cpu: float, memory: float) -> Size | None:
    """The smallest pair with at least so many CPU units and MiB; None when no pair is large enough."""
    return next((size for size in all_sizes() if size.cpu >= cpu and size.memory >= memory), None)


def nearest(asked: Size) -> tuple[Size, ...]:
    """The pairs to take instead of one that is not sold, smallest first.

    With the same processor (or the nearest size of one) the memory just below and just above; a smaller
    processor that is sold with just that memory; and the smallest pair that has at least both.
    """
    units = sorted({size.cpu for size in all_sizes()})
    cpu = min(units, key=lambda unit: (abs(unit - asked.cpu), unit))
    same = [size for size in all_sizes() if size.cpu == cpu]
    below = [size for size in same if size.memory <= asked.memory][-1:]
    above = [size for size in same if size.memory >= asked.memory][:1]
    smaller = [size for size in all_sizes() if size.cpu < asked.cpu and size.memory == asked.memory][-1:]
    return tuple(sorted({*below, *above, *smaller, smallest(asked.cpu, asked.memory) or all_sizes()[-1]}))


def hour(size: Size, architecture: str = "X86_64") -> float:
    """An hour of a task of this size in US dollars, in the region of the price list."""
    arm = "arm_" if architecture.upper() == "ARM64" else ""
    vcpu, gb = pricing.price(f"fargate_{arm}vcpu_hour"), pricing.price(f"fargate_{arm}gb_hour")
    return size.vcpu * vcpu + size.gb * gb


def _known() -> Mapping:
    return pricing.document()["fargate_sizes"]


def _number(name: str, value: int | str | None) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise NameUnknown(
            f"{name} is {value!r}, which is no whole number.",
            'Give both, as in sizes("256", "512"): CPU units and MiB; or none, for the whole table.',
        ) from None


def _cpu_words(units: int) -> str:
    fraction = {256: "¼", 512: "½"}
    return f"{fraction.get(units) or f'{units / 1024:g}'} vCPU"


def _gb_words(memory: int) -> str:
    return f"{memory / GIB:g} GB"


def _row_words(first: int, last: int) -> str:
    return _gb_words(first) if first == last else f"{first / GIB:g} to {_gb_words(last)}"
