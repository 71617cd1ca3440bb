# SPDX-License-Identifier: Apache-2.0
"""Sums of cells that an attacker knows to hold. Knows no table: ``margins.py`` and ``across.py`` say which sums there are.

A *line* is a sum of cells with signs that equals zero. A *virtual* cell is never published but follows from published
ones by subtraction: the excluded of an attrition step, the persons outside a level, without the event, after a curve's end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

Line = tuple[tuple[str, int], ...]
VIRTUAL = "virtual:"


@dataclass(slots=True)
class Lines:
    """``values``: cell → persons, virtual ones too; ``lines``: sums that are zero; ``virtual``: cells never published;
    ``totals``: arm → virtual cells that count its persons, of tables that show no total."""

    values: dict[str, int]
    lines: set[Line] = field(default_factory=set)
    virtual: set[str] = field(default_factory=set)
    totals: dict[str, set[str]] = field(default_factory=dict)

    def total(self, whole: str, parts: Sequence[str]) -> None:
        """``whole`` is the sum of ``parts``, or of them and a rest; when they overlap, each part lies within the whole."""
        rest = self.values[whole] - sum(self.values[part] for part in parts)
        if rest < 0 or whole in parts or len(set(parts)) < len(parts):
            for part in parts:
                self.within(whole, part)
            return
        named = dict.fromkeys(parts, -1)
        if rest:
            named[self._virtual("rest of " + whole + " less " + " ".join(sorted(parts)), rest)] = -1
        self._line({whole: 1, **named})
        if len(parts) > 1:
            for part in parts:
                self.within(whole, part)

    def within(self, whole: str, part: str) -> None:
        """``part`` lies within ``whole``: the difference counts persons as well."""
        rest = self.values[whole] - self.values[part]
        if whole != part and rest >= 0:
            self._line({whole: 1, part: -1, self._virtual(f"{whole} less {part}", rest): -1})

    def same(self, one: str, other: str) -> None:
        """Two cells that an attacker may take for one."""
        if one != other:
            self._line({one: 1, other: -1})

    def covered(self, whole: str, one: str, other: str) -> None:
        """Everybody of ``whole`` is in ``one``, in ``other``, or in both: who is in one alone, and who is in both, are cells too."""
        self.within(whole, one)
        self.within(whole, other)
        both = self.values[one] + self.values[other] - self.values[whole]
        if len({whole, one, other}) == 3 and both >= 0:
            self._line({one: 1, other: 1, whole: -1, self._virtual(f"{one} and {other} of {whole}", both): -1})

    def unpublished_total(self, name: str, value: int) -> str:
        """A total that no row shows but that several variables share."""
        return self._virtual("total of " + name, value)

    def _virtual(self, name: str, value: int) -> str:
        cell = VIRTUAL + name
        self.values[cell] = value
        self.virtual.add(cell)
        return cell

    def _line(self, terms: dict[str, int]) -> None:
        self.lines.add(tuple(sorted(terms.items())))
