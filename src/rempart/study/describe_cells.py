# SPDX-License-Identifier: Apache-2.0
"""One descriptive analysis's tallies as its writers read them. Writes no row itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from rempart.records.describing import UNKNOWN, CohortAnalysis, dimensions_of, level_name, times_of
from rempart.records.study import Study
from rempart.study.rows import Behind
from rempart.study.tallies import Tally, tallies_of

ARM = {"arm": "all"}  # the one column of what describes one cohort
NOBODY = Tally(key={}, n=0, total=0, squares=0, persons=0, print_a=0, print_b=0, top1=0, top2=0)
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Describing:
    """What a writer needs: the study, the analysis, the table of tallies, the parsed standard populations."""

    study: Study
    analysis: CohortAnalysis
    tallies: pa.Table
    standards: Mapping[str, Any]

    def part(self, name: str) -> list[Tally]:
        """The cells of a part, in order of their keys."""
        return tallies_of(self.tallies, self.analysis.id, name)

    def one(self, name: str) -> Tally:
        """The only cell of a part without keys."""
        return next(iter(self.part(name)), NOBODY)

    def by(self, name: str, *keys: str) -> dict[Key, Tally]:
        """The cells of a part by the values of some keys."""
        return {tuple(cell.key[key] for key in keys): cell for cell in self.part(name)}

    def levels(self, part: str, variable: str, *further: str) -> dict[Key, Tally]:
        """The cells of a part of one variable, by ``further`` keys and its dimensions."""
        return self.by(f"{part}/{variable}", *further, *dimensions_of(variable))


def present(told: Describing, variable: str) -> dict[Key, Tally]:
    """Persons by time and the levels of a variable; of the whole cohort at every time asked for that could be seen whole, nobody where
    nobody is there."""
    found = told.levels("persons", variable, "time")
    if variable != "all":
        return found
    times, seen = times_of(told.analysis, told.study.protocol.period), told.by("times", "time")
    return {(time,): found.get((time,), NOBODY) for time in times if (time,) in seen}


def reference(cell: Tally) -> str:
    """Name of a cell's person set: the same set has the same name in every output. Nobody has none, so that zeros are not tied."""
    return f"print:{cell.fingerprint}" if cell.persons else ""


def together(cells: Iterable[Tally]) -> Tally:
    """The union of cells that share no person."""
    found = list(cells)
    sums = {name: sum(getattr(cell, name) for cell in found) for name in ("n", "total", "squares", "persons")}
    prints = {name: sum(getattr(cell, name) for cell in found) % 2**64 for name in ("print_a", "print_b")}
    return Tally(key={}, **sums, **prints, top1=0, top2=0)


def distinct(cells: Iterable[Tally], variable: str, *further: str) -> dict[Key, int]:
    """How many different establishments stand behind each cell of a variable, from cells that are told by one each; unknown ones apart."""
    found: dict[Key, int] = {}
    for cell in cells:
        key = tuple(cell.key[name] for name in (*further, *dimensions_of(variable)))
        (other,) = cell.key.keys() - {*further, *dimensions_of(variable)}
        if cell.key[other] != UNKNOWN:
            found[key] = found.get(key, 0) + 1
    return found


def contributions(cell: Tally, *, unit: float = 1.0, establishments: int | None = None) -> Behind:
    """The two largest amounts of a cell beside their sum; amounts are not negative."""
    return Behind(
        establishments=establishments, top1=cell.top1 / unit, top2=cell.top2 / unit, total_abs=abs(cell.total) / unit
    )


def place(variable: str, key: Mapping[str, str]) -> dict[str, str]:
    """The row's words for a cell of a variable."""
    return {"variable": variable, "level": level_name(key, variable)}
