# SPDX-License-Identifier: Apache-2.0
"""What a catalogue tells of a count: a draw is added to each, then it is made coarse. Reads nothing; ``draw`` gives the next draw.

A draw is one of the whole numbers from -spread to spread, all as likely. Whatever is told of a count is told of a count that is d persons
larger by all draws but d of the 2 spread + 1. Each count of a person has a draw of its own. docs/adr/0065 says why.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Draw = Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coarse:
    """``least``: persons of a cell that may be known; ``spread``: of the draws; ``step``: multiples in which persons are told."""

    least: int
    spread: int
    step: int

    @property
    def low(self) -> int:
        """A drawn count that is no smaller has at least ``least`` persons, whatever was drawn."""
        return self.least + self.spread

    def share(self, have: int, whole: int, draw: Draw) -> float | None:
        """Per cent of a table's persons who have a value, in steps of 1, 5 or 10 that are as wide as all draws; None where ten per cent are
        narrower. Few is told like none, and all but few like all."""
        about = whole + draw()
        step = next((step for step in (1, 5, 10) if about * step >= 100 * (2 * self.spread + 1)), None)
        if step is None:
            return None
        drawn = have + draw()
        if drawn < self.low:
            return 0.0
        if whole - drawn < self.low:
            return 100.0
        return float(round(100 * drawn / whole / step) * step)

    def known(self, cells: Mapping[str, int], draw: Draw) -> list[str]:
        """Codes or months of which enough persons are there, sorted."""
        return [value for value, persons in sorted(cells.items()) if persons + draw() >= self.low]

    def quantile(self, cells: Mapping[str, int], share: float, draw: Draw) -> float | None:
        """A value near the rank; None where too few persons lie on one of its sides."""
        persons = sum(cells.values())
        rank = share * persons + draw()
        if min(rank, persons - rank) < self.low:
            return None
        return next(value for value, before in _summed(cells) if before >= rank)

    def persons(self, count: int, draw: Draw) -> int:
        """In multiples of ``step``; 0 is fewer than that."""
        drawn = count + draw()
        return round(drawn / self.step) * self.step if drawn >= self.step else 0

    def rows(self, count: int, draw: Draw) -> int:
        """To two figures, drawn over a whole step of them, since one person has many rows."""
        if count < self.step:
            return 0
        unit: int = 10 ** (len(str(count)) - 2)
        return round(count / unit + draw() / (2 * self.spread + 1)) * unit


def _summed(cells: Mapping[str, int]) -> Iterator[tuple[float, int]]:
    before = 0
    for value, persons in sorted((float(value), persons) for value, persons in cells.items()):
        before += persons
        yield value, before
