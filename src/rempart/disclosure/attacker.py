# SPDX-License-Identifier: Apache-2.0
"""The attacker: what interval the published cells leave for each hidden one (linear programmes, SciPy HiGHS).

He knows every line, every cell that is not hidden, the rule and that counts are whole: since a zero is shown, what is hidden is at least
one. Only whole tables count as possible. Method: attacker problems of secondary suppression, L. Willenborg and T. de Waal, Elements of
Statistical Disclosure Control, 2001. Decides nothing about what to suppress next.
"""

import math
from collections.abc import Iterable, Mapping, Sequence, Set
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
    after the other, each with the sum that gave it; ``open``: nothing known stands in any of the sums; ``new``: cells hidden since."""

    cells: list[str]
    lines: list[int]
    given: dict[str, int]
    open: bool
    new: list[str] = field(default_factory=list)
    system: "System | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The sums of a part as equalities: ``columns`` of its cells; ``least``: of each; ``far``: more than any can be."""

    columns: np.ndarray
    matrix: csr_array
    right: np.ndarray
    least: np.ndarray
    far: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """All lines as one matrix: ``place``: cell → its column; ``values`` of the columns; ``totals``: per line, all its cells summed."""

    place: Mapping[str, int]
    matrix: csr_array
    values: np.ndarray
    totals: np.ndarray

    @classmethod
    def of(cls, lines: Sequence[Line], values: Mapping[str, int]) -> "Sums":
        """Of every line, whatever is hidden."""
        place = {cell: at for at, cell in enumerate(values)}
        ends = np.cumsum([0, *map(len, lines)])
        columns = np.array([place[cell] for line in lines for cell, _ in line], dtype=np.intp)
        factors = np.array([float(factor) for line in lines for _, factor in line])
        matrix = csr_array((factors, columns, ends), shape=(len(lines), len(place)))
        told = np.array([float(value) for value in values.values()])
        return cls(place=place, matrix=matrix, values=told, totals=abs(matrix) @ told)


@dataclass(slots=True)
class Attacker:
    """``values``: cell → true count; ``lines``: sums that are zero; ``floors``: cells known to be at least one when they are hidden;
    ``unknown``: what he does not see, more with every ``hide``. ``low``, ``high``: what whole tables have shown to be possible, by the
    columns of ``sums``; ``tables``: those tables, (columns, values) that differ from the truth, kept for a small submission alone
    (``keeps``)."""

    values: Mapping[str, int]
    lines: Sequence[Line]
    floors: Set[str]
    unknown: set[str] = field(default_factory=set)
    keeps: bool = False
    sums: Sums = field(kw_only=True)
    touching: dict[str, list[int]] = field(default_factory=dict)
    tables: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    left: list[int] = field(init=False)
    low: np.ndarray = field(init=False)
    high: np.ndarray = field(init=False)
    _parts: dict[str, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.touching:
            for number, line in enumerate(self.lines):
                for cell, _ in line:
                    self.touching.setdefault(cell, []).append(number)
        self.left = [sum(cell in self.unknown for cell, _ in line) for line in self.lines]
        self.low, self.high = self.sums.values.copy(), self.sums.values.copy()

    def hide(self, cells: Iterable[str]) -> None:
        """These are not seen any more. What was possible stays possible."""
        for cell in cells:
            if cell not in self.unknown:
                self.unknown.add(cell)
                for number in self.touching.get(cell, ()):
                    self.left[number] += 1
                    for other, _ in self.lines[number]:
                        part = self._parts.get(other)
                        if part is not None and part.new[-1:] != [cell]:
                            part.new.append(cell)

    def with_shown(self, cells: Set[str]) -> "Attacker":
        """One who sees these as well: of the tables that fitted, those fit still that have the truth there."""
        shown = np.array([self.sums.place[cell] for cell in cells], dtype=np.intp)
        unknown = self.unknown - cells
        other = Attacker(self.values, self.lines, self.floors, unknown, True, sums=self.sums, touching=self.touching)
        for columns, values in self.tables:
            if not np.isin(columns, shown).any():
                other.possible(columns, values)
        return other

    def part(self, target: str) -> Part:
        """What is unknown and tied to ``target``."""
        found = self._parts.get(target)
        if found is None or found.new:
            found = self._part(target, found)
            self._parts.update(dict.fromkeys(found.cells, found))
        return found

    def _part(self, target: str, before: Part | None) -> Part:
        """From scratch, or ``before`` with what was hidden since and whatever that ties to it."""
        cells = set(before.cells) if before else {target}
        lines, ahead = set(before.lines if before else ()), list(before.new if before else [target])
        cells.update(ahead)
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
        low, high = self._seen(target)
        if high - low >= enough:
            return low, high
        part, truth = self.part(target), self.values[target]
        if part.open and truth:  # with nothing known, any multiple of the truth fits
            at = self.sums.place[target]
            self.low[at], self.high[at] = float(target in self.floors), math.inf
        for sign in () if part.open and truth else (1, -1):
            self._solve(target, sign, part)
            low, high = self._seen(target)
            if high - low >= enough:
                break
        return self._seen(target)

    def _seen(self, target: str) -> tuple[float, float]:
        at = self.sums.place[target]
        return float(self.low[at]), float(self.high[at])

    def _solve(self, target: str, sign: int, part: Part) -> None:
        """Minimise (``sign`` 1) or maximise (-1) the target; every whole table found widens what is known possible for all."""
        if part.system is None:
            part.system = self._system(part)
        system = part.system
        goal = np.zeros(len(part.cells))
        goal[part.cells.index(target)] = sign
        bounds = Bounds(system.least, np.full(len(goal), system.far))
        answer = linprog(
            goal,
            A_eq=system.matrix,
            b_eq=system.right,
            bounds=np.column_stack([bounds.lb, bounds.ub]),
            method="highs-ds",
        )
        found = answer.x if answer.status == 0 else None
        if found is not None and np.abs(found - np.round(found)).max() > _SLACK:
            found = _whole(goal, system, bounds)
        if found is not None:  # nothing found: the target stays unsafe and more is hidden
            self.possible(system.columns, np.round(found))

    def possible(self, columns: np.ndarray, values: np.ndarray) -> None:
        """A whole table that fits what is seen: ``values`` of the cells in ``columns``."""
        self.low[columns] = np.minimum(self.low[columns], values)
        self.high[columns] = np.maximum(self.high[columns], values)
        if self.keeps:
            other = values != self.sums.values[columns]
            self.tables.append((columns[other], values[other]))

    def _system(self, part: Part) -> System:
        """The lines as equalities over the unknown cells; what is known moves to the right-hand side."""
        sums = self.sums
        columns = np.fromiter((sums.place[cell] for cell in part.cells), dtype=np.intp, count=len(part.cells))
        lines, shown = sums.matrix[part.lines], sums.values.copy()
        shown[columns] = 0.0
        return System(
            columns=columns,
            matrix=csr_array(lines[:, columns]),
            right=-(lines @ shown),
            least=np.array([float(cell in self.floors) for cell in part.cells]),
            far=_FAR + 2 * float(sums.totals[part.lines].sum()),
        )


def _whole(goal: np.ndarray, system: System, bounds: Bounds) -> np.ndarray | None:
    """A whole table that fits, the best found in so many steps; None when none was."""
    sums = LinearConstraint(system.matrix, system.right, system.right)
    answer = milp(goal, constraints=sums, bounds=bounds, integrality=np.ones(len(goal)), options={"node_limit": _NODES})
    found: np.ndarray | None = answer.x
    return found
