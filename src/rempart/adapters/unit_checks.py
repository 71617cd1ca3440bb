# SPDX-License-Identifier: Apache-2.0
"""Faults that only a unit's lines together show: they ended in another year, or details came without main lines. Repeats no value."""

from collections.abc import Mapping
from dataclasses import dataclass

from rempart.errors import BadInput
from rempart.ingest.units import Unit

# Of lines that say when they ended, the share that must be of the unit's year: fewer, and the file is of another year.
_LEAST = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Lines that say in which year they ended, and those of them that say the year of their file."""

    known: int = 0
    own: int = 0

    def plus(self, *, known: int, own: int) -> "Ended":
        """With more lines."""
        return Ended(known=self.known + known, own=self.own + own)


def refuse_unit(unit: Unit, lines: Mapping[str, int], ended: Mapping[str, Ended]) -> None:
    """``lines``: read of each word. Raises BadInput ``delivery-year``, ``delivery-main-empty``."""
    for found in unit.files:
        table, told = found.table, ended.get(found.table.word, Ended())
        if table.ended and told.known and told.own < _LEAST * told.known:
            raise BadInput("delivery-year", file=found.file.name, column=table.ended[0], expected=found.period)
    details = [found.file.name for found in unit.files if not found.table.required and lines.get(found.table.word)]
    for found in unit.files:
        if found.table.required and details and not lines.get(found.table.word):
            raise BadInput("delivery-main-empty", file=found.file.name, table=found.table.name, other=details[0])
