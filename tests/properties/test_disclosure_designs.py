# SPDX-License-Identifier: Apache-2.0
"""An attacker who knows how the counts of every design are made of sets of persons pins none of 1 to 10 of them.

The oracle knows no sum of ``disclosure``: it asks the writers themselves, atom by atom, which persons each count holds, and solves
for what the published counts leave of each hidden one, of each difference of two counts where one set lies in the other, and of who
stands in two arms of one line.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rempart.disclosure import across, cells, margins, totals
from rempart.disclosure.check import check
from rempart.records.result import ResultRow
from tests.disclosure_rows import RULES
from tests.people_in_atoms import COUNTED, SUBMISSIONS, Sizes, Submission

T = 11
COUNT = st.one_of(st.just(0), st.integers(1, 12), st.integers(11, 60))
BY_NAME = {item.name: item for item in SUBMISSIONS}
Place = tuple[str, str, str, str]


def place_of(item: ResultRow) -> Place:
    """Output, row, arm, statistic."""
    return item.output, str(sorted(item.row_key.items())), item.column_key.get("arm", ""), item.statistic


def counts_of(rows: Sequence[ResultRow]) -> dict[Place, float | None]:
    """The counts among rows, None where hidden."""
    return {place_of(item): item.value for item in rows if item.statistic in COUNTED}


@cache
def members(name: str) -> Mapping[Place, np.ndarray]:
    """Which atoms each count holds: the writer is asked with one person of each in turn."""
    given = BY_NAME[name]
    asked = [counts_of(given.write({atom: 1})) for atom in given.atoms]
    return {
        place: np.array([told.get(place) or 0.0 for told in asked]) for place in {p for told in asked for p in told}
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """``known``: (E, atoms) and ``value`` (E,): what the published counts say; ``hidden``: sets that are counted and not shown."""

    known: np.ndarray
    value: np.ndarray
    hidden: tuple[tuple[str, np.ndarray], ...]

    def width(self, target: np.ndarray) -> float:
        """Of what is left possible for the persons of ``target``, in whole persons."""
        ends = []
        for sign in (1, -1):
            found = linprog(sign * target, A_eq=self.known, b_eq=self.value, bounds=(0, None), method="highs")
            if found.status == 3:
                return np.inf
            assert found.status == 0, found.message
            ends.append(sign * found.fun)
        return float(np.floor(ends[1] + 1e-6) - np.ceil(ends[0] - 1e-6))


def published(given: Submission, sizes: Sizes) -> Published:
    """What a reader has of the submission, shares with their total included."""
    tables = check(given.write(sizes), RULES)
    shown = [item for table in tables for item in table.rows]
    counts, sets = counts_of(shown), members(given.name)
    told = [(sets[place], value) for place, value in counts.items() if value is not None and place in sets]
    told += [(sets[place].clip(0, 0) + whole, total) for place, whole, total in _by_shares(shown, sets, given, sizes)]
    hidden = tuple((str(place), sets[place]) for place, value in counts.items() if value is None and place in sets)
    known = np.array([row for row, _ in told]) if told else np.zeros((1, len(given.atoms)))
    value = np.array([float(value) for _, value in told]) if told else np.zeros(1)
    return Published(known=known, value=value, hidden=hidden)


def _by_shares(
    shown: Sequence[ResultRow], sets: Mapping[Place, np.ndarray], given: Submission, sizes: Sizes
) -> Iterator[tuple[Place, np.ndarray, float]]:
    """A count and its share tell the total of the bins: taken as exactly as it is."""
    size = np.array([sizes[atom] for atom in given.atoms], dtype=float)
    for item in shown:
        if item.statistic == "percent" and item.value:
            mine = (item.output, item.column_key.get("arm", ""))
            whole = np.sum(
                [held for place, held in sets.items() if (place[0], place[2], place[3]) == (*mine, "n")], axis=0
            )
            yield (*place_of(item)[:3], "n"), whole, float(whole @ size)


def secrets(given: Submission, left: Published) -> dict[bytes, tuple[str, np.ndarray]]:
    """Sets that nobody may learn to count few: hidden counts; one count less another that lies in it; who is in two arms of one line."""
    sets = members(given.name)
    found = [*left.hidden]
    for (one, a), (other, b) in permutations(sets.items(), 2):
        if (a >= b).all() and (a != b).any():
            found.append((f"{one} less {other}", a - b))
    for (one, a), (other, b) in combinations(sets.items(), 2):
        if (one[:2], one[3]) == (other[:2], other[3]) and (a * b).any():
            found.append((f"{one} and {other}", np.minimum(a, b)))
    return {held.tobytes(): (said, held) for said, held in found if held.max() <= 1}


def pinned(given: Submission, sizes: Sizes) -> list[str]:
    """What a reader knows more closely than the threshold, and that counts 1 to 10 persons."""
    left = published(given, sizes)
    size = np.array([sizes[atom] for atom in given.atoms], dtype=float)
    return [
        f"{said}: {int(held @ size)}"
        for said, held in secrets(given, left).values()
        if 1 <= held @ size < T and left.width(held) < T
    ]


def drawn(given: Submission, seed: int) -> Sizes:
    """Persons by atom: none, few or many, and none in most of some draws."""
    draw = random.Random(seed)
    none = draw.choice([0, 0.3, 0.6, 0.8])
    return {
        atom: 0 if draw.random() < none else draw.randint(1, 12) if draw.random() < 1 / 3 else draw.randint(11, 60)
        for atom in given.atoms
    }


@pytest.mark.parametrize("name", list(BY_NAME))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_nobody_pins_a_few_persons_of_any_design(name: str, data: st.DataObject) -> None:
    given_ = BY_NAME[name]
    sizes = dict(zip(given_.atoms, data.draw(st.tuples(*[COUNT] * len(given_.atoms))), strict=True))
    assert not pinned(given_, sizes), sizes


def nothing(*_: Any) -> None:
    """In the place of a sum that is forgotten."""


# What is forgotten, whose submission gives persons away then, and a draw of it that does.
FORGOTTEN = {
    "groups of a calibration": (across, "_bands", nothing, "prediction", 0),
    "the two sides of a split": (across, "_predicted", nothing, "prediction", 16),
    "who is in no group with the outcome": (margins, "_WITHIN", {"events": ("persons",)}, "prediction", 5),
    "arms that share persons": (across, "_arms_of_everybody", nothing, "target trials", 77),
    "outcomes of other tables": (totals, "_CASES", {}, "environment", 15),
    "cases of two analyses": (across, "_OF_A_MODEL", frozenset(), "case series", 1),
    "who is left out of an analysis": (across, "_left_out", nothing, "case-crossover of a cohort", 1),
    "risks of two analyses": (across, "_BY_A_DAY", frozenset(), "risks of two trials", 8),
    "states of another exposure": (across, "_STATES", (), "time-varying exposure", 11),
    "the total that shares tell": (cells, "_told_by_shares", nothing, "overlap of scores", 1),
}


@pytest.mark.parametrize("what", list(FORGOTTEN))
def test_a_sum_that_is_forgotten_is_found_by_the_attacker(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    room, name, instead, submission, seed = FORGOTTEN[what]
    sizes = drawn(BY_NAME[submission], seed)
    assert not pinned(BY_NAME[submission], sizes)
    monkeypatch.setattr(room, name, instead)
    assert pinned(BY_NAME[submission], sizes)
