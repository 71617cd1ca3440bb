# SPDX-License-Identifier: Apache-2.0
"""What a later version of a permit leaves of a dataset that was made by the first: rows of the days that it took away are read no more.

Told by the days that the dataset holds. Where it holds months alone, a month that is not whole within what is left is out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rempart.errors import Refused
from rempart.permits.coarse import by_month
from rempart.permits.compile import DEATH, PERIODS, WHOLE
from rempart.records.omop import MAIN, TableLayout
from rempart.records.permit import Permit


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """``first``: the version by which the dataset was made; ``now``: the one in force."""

    first: Permit
    now: Permit

    def days(self, layout: TableLayout) -> tuple[str, ...]:
        """Columns by which the rows of a table are held to what is left; none where nothing was taken from it.

        Raises Refused ``job-days`` where the dataset does not hold them, or they are in a part that is no longer given.
        """
        needed = tuple(dict.fromkeys(column for column in self._bounds(layout) if column))
        for column in needed:
            stored = column in self.first.tables.get(layout.name, ())
            if not stored or (layout.sibling_of(column) != MAIN and column not in self.now.tables[layout.name]):
                raise Refused("job-days", permit=self.now.id, version=self.now.version, table=layout.name)
        return needed

    def rows_sql(self, layout: TableLayout, columns: Sequence[str]) -> str:
        """``columns`` of the rows that are left in the table's view, which has the columns ``days`` too."""
        low, high = self._bounds(layout)
        last = f"last_day({high})" if high and by_month(self.now, layout, high) else high
        inside = [f"{low} >= DATE '{self.now.first_day}'"] if low else []
        within = f"{last} <= DATE '{self.now.period[1]}'"
        if high:
            inside.append(f"({high} IS NULL OR {within})" if high == DEATH[0] else within)
        told = ", ".join(self._told(layout, column) for column in columns)
        return f"SELECT {told} FROM {layout.name}" + (f" WHERE {' AND '.join(inside)}" if inside else "")

    def _bounds(self, layout: TableLayout) -> tuple[str, str]:
        """The column that may not lie before the first day that is left, and the one that may not lie after the last; '' where none must
        be looked at."""
        low = high = "" if layout.name in WHOLE else layout.date
        if layout.name in PERIODS:
            low = _end(layout)
        if DEATH[0] in layout.columns:
            high = DEATH[0] if DEATH[0] in self.first.tables.get(layout.name, ()) else DEATH[1]
        begins, ends = self.now.first_day > self.first.first_day, self.now.period[1] < self.first.period[1]
        return low if begins else "", high if ends else ""

    def _told(self, layout: TableLayout, column: str) -> str:
        """A column, spells cut to what is left, a day of death after it untold."""
        first, last, told = f"DATE '{self.now.first_day}'", f"DATE '{self.now.period[1]}'", column
        low, high = self._bounds(layout)
        if layout.name in PERIODS and column == layout.date and low:
            told = f"greatest({column}, {first})"
        elif layout.name in PERIODS and column == _end(layout) and high:
            told = f"least({column}, {last})"
        elif column == DEATH[1] and high:
            told = f"CASE WHEN {column} <= {last} THEN {column} END"
        if told != column and by_month(self.now, layout, column):
            told = f"CAST(date_trunc('month', {told}) AS DATE)"
        return told if told == column else f"{told} AS {column}"


def _end(layout: TableLayout) -> str:
    """The column of the last day of a spell."""
    return next(c for c, kind in layout.siblings[MAIN].items() if kind == "DATE" and c != layout.date)
