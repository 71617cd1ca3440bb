# SPDX-License-Identifier: Apache-2.0
"""The attacker: what interval the published cells leave for each hidden one (linear programmes, SciPy HiGHS).

He knows every line, every cell that is not hidden, the rule and that counts are whole: since a zero is shown, what is hidden is at least
one. Only whole tables count as possible. Method: attacker problems of secondary suppression, L. Willenborg and T. de Waal, Elements of
Statistical Disclosure Control, 2001. Decides nothing about what to suppress next.
"""

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from rempart.disclosure.lines import Line

_SLACK = 1e-6
_FAR = 1000  # persons beyond the largest sum of a component: a bound that stands for none and keeps every programme bounded
_NODES = 200  # of the search for a whole table where the linear programme ends on a broken one


@dataclass(slots=True)
class Part:
    """Unknown cells tied to one another. ``lines``: numbers of the sums they stand in; ``given``: cells that plain subtraction gives, one
    after the other, each with the sum that gave it; ``open``: nothing known stands in any of the sums."""

    cells: list[str]
    lines: list[int]
    given: dict[str, int]
    open: bool
    stale: bool = False
    system: tuple[csr_array, np.ndarray, np.ndarray, float] | None = None


@dataclass(slots=True)
class Attacker:
    """``values``: cell → true count; ``lines``: sums that are zero; ``floors``: cells known to be at least one when they are hidden;
    ``unknown``: what he does not see, more with every ``hide``. ``seen``: what whole tables have shown to be possible for a cell;
    ``tables``: those tables, by what differs from the truth, kept for a small submission alone (``keeps``)."""

    values: Mapping[str, int]
    lines: list[Line]
    floors: Set[str]
    unknown: set[str] = field(default_factory=set)
    keeps: bool = False
    seen: dict[str, tuple[float, float]] = field(default_factory=dict)
    tables: list[dict[str, float]] = field(default_factory=list)
    touching: dict[str, list[int]] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    _parts: dict[str, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.touching:
            for number, line in enumerate(self.lines):
                for cell, _ in line:
                    self.touching.setdefault(cell, []).append(number)
        self.left = [sum(cell in self.unknown for cell, _ in line) for line in self.lines]

    def hide(self, cells: Iterable[str]) -> None:
        """These are not seen any more. What was possible stays possible."""
        for cell in cells:
            if cell not in self.unknown:
                self.unknown.add(cell)
                for number in self.touching.get(cell, ()):
                    self.left[number] += 1
                    for other, _ in self.lines[number]:
                        if other in self._parts:
                            self._parts[other].stale = True

    def with_shown(self, cells: Set[str]) -> "Attacker":
        """One who sees these as well: of the tables that fitted, those fit still that have the truth there."""
        tables = [table for table in self.tables if table.keys().isdisjoint(cells)]
        other = Attacker(self.values, self.lines, self.floors, self.unknown - cells, keeps=True, touching=self.touching)
        for table in tables:
            other.possible(table)
        return other

    def part(self, target: str) -> Part:
        """What is unknown and tied to ``target``."""
        found = self._parts.get(target)
        if found is None or found.stale:
            found = self._part(target)
            self._parts.update(dict.fromkeys(found.cells, found))
        return found

    def _part(self, target: str) -> Part:
        cells, lines, ahead = {target}, set(), [target]
        while ahead:
            for number in self.touching.get(ahead.pop(), ()):
                if number not in lines:
                    lines.add(number)
                    new = [cell for cell, _ in self.lines[number] if cell in self.unknown and cell not in cells]
                    cells.update(new)
                    ahead.extend(new)
        known = any(self.left[number] < len(self.lines[number]) for number in lines)
        ordered = sorted(lines)
        return Part(cells=sorted(cells), lines=ordered, given=self._subtracted(ordered), open=not known)

    def _subtracted(self, lines: list[int]) -> dict[str, int]:
        left = {number: self.left[number] for number in lines}
        ahead = [number for number in lines if left[number] == 1]
        given: dict[str, int] = {}
        for number in ahead:
            for cell in (c for c, _ in self.lines[number] if c in self.unknown and c not in given):
                given[cell] = number
                for other in self.touching[cell]:
                    left[other] -= 1
                    if left[other] == 1:
                        ahead.append(other)
        return given

    def wide(self, target: str, *, enough: int) -> bool:
        """Whether two whole tables fit what is seen and lie at least ``enough`` persons apart in ``target``."""
        low, high = self.interval(target, enough=enough)
        return high - low >= enough

    def interval(self, target: str, *, enough: int) -> tuple[float, float]:
        """Smallest and largest number of persons that ``target`` may have (at least as wide as said, if wide enough)."""
        truth = float(self.values[target])
        low, high = self.seen.get(target, (truth, truth))
        if high - low >= enough:
            return low, high
        part = self.part(target)
        if part.open and truth:  # with nothing known, any multiple of the truth fits
            self.seen[target] = (float(target in self.floors), math.inf)
        for sign in () if part.open and truth else (1, -1):
            self._solve(target, sign, part)
            low, high = self.seen.get(target, (truth, truth))
            if high - low >= enough:
                break
        return self.seen.get(target, (truth, truth))

    def _solve(self, target: str, sign: int, part: Part) -> None:
        """Minimise (``sign`` 1) or maximise (-1) the target; every whole table found widens what is known possible for all."""
        if part.system is None:
            part.system = self._system(part)
        matrix, right, least, far = part.system
        goal = np.zeros(len(part.cells))
        goal[part.cells.index(target)] = sign
        bounds = np.column_stack([least, np.full(len(least), far)])
        answer = linprog(goal, A_eq=matrix, b_eq=right, bounds=bounds, method="highs-ds")
        found = answer.x if answer.status == 0 else None
        if found is not None and np.abs(found - np.round(found)).max() > _SLACK:
            found = _whole(goal, matrix, right, Bounds(least, np.full(len(least), far)))
        if found is not None:  # nothing found: the target stays unsafe and more is hidden
            told = zip(part.cells, np.round(found).tolist(), strict=True)
            self.possible({cell: value for cell, value in told if value != self.values[cell]})

    def possible(self, table: dict[str, float]) -> None:
        """A whole table that fits what is seen: its cells that differ from the truth."""
        for cell, value in table.items():
            truth = float(self.values[cell])
            low, high = self.seen.get(cell, (truth, truth))
            self.seen[cell] = (min(low, value), max(high, value))
        if self.keeps:
            self.tables.append(table)

    def _system(self, part: Part) -> tuple[csr_array, np.ndarray, np.ndarray, float]:
        """The lines as equalities over the unknown cells; what is known moves to the right-hand side."""
        place = {cell: index for index, cell in enumerate(part.cells)}
        rows, columns, factors, right = [], [], [], np.zeros(len(part.lines))
        for at, number in enumerate(part.lines):
            for cell, factor in self.lines[number]:
                if cell in place:
                    rows.append(at)
                    columns.append(place[cell])
                    factors.append(float(factor))
                else:
                    right[at] -= factor * self.values[cell]
        matrix = csr_array((factors, (rows, columns)), shape=(len(part.lines), len(part.cells)))
        least = np.array([float(cell in self.floors) for cell in part.cells])
        far = _FAR + 2 * sum(self.values[cell] for number in part.lines for cell, _ in self.lines[number])
        return matrix, right, least, float(far)


def _whole(goal: np.ndarray, matrix: csr_array, right: np.ndarray, bounds: Bounds) -> np.ndarray | None:
    """A whole table that fits, the best found in so many steps; None when none was."""
    sums = LinearConstraint(matrix, right, right)
    answer = milp(goal, constraints=sums, bounds=bounds, integrality=np.ones(len(goal)), options={"node_limit": _NODES})
    found: np.ndarray | None = answer.x
    return found
