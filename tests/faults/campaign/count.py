# SPDX-License-Identifier: Apache-2.0
"""What came of the faults, by kind: how many were made, how many were caught and by whom, which slipped through."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Count:
    """One kind of fault. ``by``: who caught how many; ``slipped``: what a person needs to see each that was not."""

    kind: str
    made: int = 0
    by: Counter[str] = field(default_factory=Counter)
    slipped: list[str] = field(default_factory=list)

    def add(self, *, caught_by: Iterable[str] = (), slipped: str = "") -> None:
        """One more fault; ``slipped`` says what went wrong, '' when it was caught."""
        self.made += 1
        self.by.update(caught_by)
        if slipped:
            self.slipped.append(slipped)


@dataclass(slots=True)
class Section:
    """One part of the campaign: its counts, printed as they were made."""

    title: str
    counts: dict[str, Count] = field(default_factory=dict)

    def of(self, kind: str) -> Count:
        """The count of a kind, made when it is first asked for."""
        return self.counts.setdefault(kind, Count(kind))

    @property
    def made(self) -> int:
        """Faults of every kind."""
        return sum(count.made for count in self.counts.values())

    @property
    def slipped(self) -> list[str]:
        """Every fault that was not caught."""
        return [f"{count.kind}: {told}" for count in self.counts.values() for told in count.slipped]

    def lines(self) -> list[str]:
        """As a table of text."""
        told = [f"\n{self.title}", f"  {'kind':<44}{'made':>6}{'slipped':>9}  caught by"]
        for count in self.counts.values():
            by = ", ".join(f"{who} {number}" for who, number in sorted(count.by.items()))
            told.append(f"  {count.kind:<44}{count.made:>6}{len(count.slipped):>9}  {by}")
        told.append(f"  {'':<44}{self.made:>6}{len(self.slipped):>9}")
        return told + [f"  SLIPPED {told}" for told in self.slipped]
