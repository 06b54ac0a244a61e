"""What `why` answers with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .. import show
from ..show import Text

UNKNOWN = "not known; the evidence below is all there is"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its `cause`, the `evidence`, the template line to change, what to do next.

    `where` is file:line and what stands there; empty when no template of the project says it. `stage` names
    the step at which the fault shows, so that a symptom is matched with a fault of its own step alone.
    """

    cause: str
    evidence: tuple[str, ...] = ()
    where: str = ""
    next_step: str = ""
    stage: str = ""


Check = Callable[[Any], Iterable[Finding]]
"""A check looks at the evidence and yields what it finds wrong: nothing, when nothing is."""


@dataclass(frozen=True)
class Diagnosis(show.Noun):
    """What happened to `thing`, the `cause`, and the `evidence`. `known` False: the cause is not known.

    `findings` are all faults that were found, the earliest first; `cause`, `where` and `next_step` are those
    of the first. Mend it, and the next one is met.
    """

    thing: str
    what: str
    cause: str
    evidence: tuple[str, ...] = ()
    next_step: str = ""
    healthy: bool = False
    where: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def known(self) -> bool:
        return self.cause != UNKNOWN

    @property
    def causes(self) -> tuple[str, ...]:
        """The cause of each finding, the earliest first."""
        return tuple(finding.cause for finding in self.findings)

    def _view(self) -> Iterator[show.Block]:
        yield Text(f"{self.thing}: {self.what}", title=True)
        if not self.healthy:
            several = len(self.findings) > 1
            for number, finding in enumerate(self.findings or (Finding(self.cause),), 1):
                yield Text(f"Cause{f' {number}' if several else ''}: {finding.cause}.")
                if finding.where:
                    yield Text(f"Where: `{finding.where}`")
                if finding.next_step:
                    yield Text(f"Next: {finding.next_step}")
        if self.evidence:
            yield show.Log(self.evidence, "Evidence")
        if self.next_step and (self.healthy or not self.findings):
            yield Text(f"Next: {self.next_step}")


def diagnosis(thing: str, what: str, found: Iterable[Finding], evidence: Iterable[str] = ()) -> Diagnosis:
    """What went wrong, from what was found; without a finding, the cause is not known."""
    findings = tuple(dict.fromkeys(found))
    first = findings[0] if findings else Finding(UNKNOWN)
    said = dict.fromkeys([*evidence, *(line for finding in findings for line in finding.evidence)])
    return Diagnosis(thing, what, first.cause, tuple(said), first.next_step, False, first.where, findings)


def healthy(thing: str, what: str, evidence: Iterable[str] = (), next_step: str = "") -> Diagnosis:
    """Nothing is wrong."""
    return Diagnosis(thing, what, "none", tuple(evidence), next_step, healthy=True)
