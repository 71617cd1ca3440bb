# SPDX-License-Identifier: Apache-2.0
"""A table of ten thousand cells checked whole, against its own linear programmes solved alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from bench.registry import Work, bench
from rempart.adapters.package_data import joined
from rempart.disclosure import attacker
from rempart.disclosure.check import check
from rempart.disclosure.near import candidates
from rempart.records.person_sets import BLOCKS, PersonSets, Sketches, packed
from rempart.records.result import ResultRow

SIDE, PERSONS, RELEASES, SMALL = 100, 1_000_000, 1_000, 0.05
PERSONS_APART = 11
SECRET = bytes(32)


@dataclass(slots=True)
class Programmes:
    """Every linear programme of one check, to be solved again: the call and its arguments."""

    calls: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    def kept(self, solve: Callable[..., Any]) -> Callable[..., Any]:
        """``solve`` that remembers what it was asked."""

        def asked(*given: Any, **more: Any) -> Any:
            self.calls.append((solve, given, more))
            return solve(*given, **more)

        return asked

    def again(self) -> None:
        """All of them, one after the other."""
        for solve, given, more in self.calls:
            solve(*given, **more)


@bench(
    "disclosure-ten-thousand-cells",
    peer="the same linear programmes alone (SciPy, HiGHS)",
    bound=2.0,
    runs=3,
    note=(
        "100 arms by 100 levels with their margins out of a million persons, one cell in twenty of 1 to 10: small cells, further "
        "cells, the attacker's programmes, and the sketch of each cell's persons held against those of 1,000 earlier releases of a "
        "million persons each; beside it the programmes that this check solved, solved again by themselves"
    ),
)
def cells() -> tuple[Work, Work]:
    """One table of a planted million, its sets, and earlier releases as the register keeps them once opened."""
    random = np.random.default_rng(20261123)
    counts = _counts(random)
    rows, sets = _table(counts, random)
    earlier = _earlier(random)
    rules, programmes = joined("disclosure/rules.toml"), Programmes()
    solvers = {name: programmes.kept(getattr(attacker, name)) for name in ("linprog", "milp")}
    with patch.multiple(attacker, **solvers):
        _checked(rows, rules)

    def ours() -> None:
        new = sets.sketches(tuple(sets.sets), SECRET)
        if candidates(new, earlier, persons=PERSONS_APART):
            raise ValueError("no earlier release is near")
        _checked(rows, rules)

    return ours, programmes.again


def _checked(rows: list[ResultRow], rules: Mapping[str, Any]) -> None:
    if not any(row.value for table in check(rows, rules) for row in table.rows):
        raise ValueError("nothing is left of the table")


def _counts(random: np.random.Generator) -> np.ndarray:
    """SIDE by SIDE counts that sum to PERSONS, some of 1 to 10."""
    counts = random.integers(20, 180, (SIDE, SIDE))
    small = random.random((SIDE, SIDE)) < SMALL
    counts[small] = random.integers(1, 11, small.sum())
    counts[0, 0] += PERSONS - counts.sum()
    return counts


def _table(counts: np.ndarray, random: np.random.Generator) -> tuple[list[ResultRow], PersonSets]:
    """The rows, and the persons of each: cells are cut out of one order of everybody, margins are their unions."""
    cut = np.concatenate([[0], np.cumsum(counts.ravel())])
    order = random.permutation(PERSONS)
    place = {(i, j): order[cut[i * SIDE + j] : cut[i * SIDE + j + 1]] for i in range(SIDE) for j in range(SIDE)}
    whole = {(i, None): np.concatenate([place[i, j] for j in range(SIDE)]) for i in range(SIDE)}
    whole |= {(None, j): np.concatenate([place[i, j] for i in range(SIDE)]) for j in range(SIDE)}
    persons = {**place, **whole, (None, None): order}
    rows = [_row(arm, level, len(of)) for (arm, level), of in persons.items()]
    index = np.sort(random.choice(1 << 40, PERSONS, replace=False))
    return rows, PersonSets(index=index, sets={f"{arm}/{level}": packed(of) for (arm, level), of in persons.items()})


def _row(arm: int | None, level: int | None, persons: int) -> ResultRow:
    return ResultRow(
        run="bench",
        output="table_one",
        output_type="frequency",
        row_key={"variable": "all", "level": "all"}
        if level is None
        else {"variable": "class", "level": f"class {level:02d}"},
        column_key={"arm": "all" if arm is None else f"arm {arm:02d}"},
        statistic="n",
        value=float(persons),
        unit="persons",
        n_persons=persons,
        persons_ref=f"{arm}/{level}",
    )


def _earlier(random: np.random.Generator) -> Sketches:
    """Of sets of a million persons more or less: their sums are as good as random words."""
    sizes = random.integers(PERSONS - 5_000, PERSONS + 5_000, RELEASES)
    sums = random.integers(0, 1 << 63, (RELEASES, BLOCKS, 2), dtype=np.uint64)
    return Sketches(names=tuple(f"R-{n}" for n in range(RELEASES)), sizes=sizes.astype(np.int64), sums=sums)
