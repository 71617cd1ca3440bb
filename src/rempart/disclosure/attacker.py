# SPDX-License-Identifier: Apache-2.0
"""The attacker: what interval the published cells leave for each hidden one (linear programmes, SciPy HiGHS).

The attacker knows every line, every cell that is not hidden, and that counts are not negative. He gets no other bound.
Method: attacker problems of secondary suppression, L. Willenborg and T. de Waal, Elements of Statistical Disclosure
Control, 2001. Decides nothing about what to suppress next.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from rempart.disclosure.lines import Line

_SLACK = 1e-6
_FAR = 1000  # persons beyond the largest sum of a component: a bound that stands for none and keeps every programme bounded


@dataclass(slots=True)
class Attacker:
    """``values``: cell → true count; ``lines``: sums that are zero. ``seen`` holds values proven possible for a cell."""

    values: Mapping[str, int]
    lines: Set[Line]
    seen: dict[str, tuple[float, float]] = field(default_factory=dict)
    touching: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for line in sorted(self.lines):
            for cell, _ in line:
                self.touching[cell].append(line)

    def width(self, target: str, unknown: Set[str], *, enough: int) -> float:
        """Width in persons of the interval of ``target`` when the cells of ``unknown`` are hidden.

        What was possible stays possible when more is hidden, so a width of ``enough`` once seen is not computed again.
        """
        low, high = self.interval(target, unknown, enough=enough)
        return high - low

    def interval(self, target: str, unknown: Set[str], *, enough: int) -> tuple[float, float]:
        """Smallest and largest whole number of persons that ``target`` may have (at least as wide as said, if wide enough)."""
        low, high = self._seen(target)
        if high - low >= enough:
            return low, high
        cells, lines = self.component(target, unknown)
        if all(cell in unknown or cell == target for line in lines for cell, _ in line):
            self.seen[target] = (0.0, math.inf)
            return self.seen[target]
        for sign in (1, -1):
            self._solve(target, sign, cells, lines)
            low, high = self._seen(target)
            if high - low >= enough:
                break
        return low, high

    def component(self, target: str, unknown: Set[str]) -> tuple[list[str], list[Line]]:
        """The unknown cells tied to ``target`` through lines, and those lines."""
        cells, lines, ahead = {target}, set(), [target]
        while ahead:
            for line in self.touching.get(ahead.pop(), ()):
                if line not in lines:
                    lines.add(line)
                    new = [cell for cell, _ in line if cell in unknown and cell not in cells]
                    cells.update(new)
                    ahead.extend(new)
        return sorted(cells), sorted(lines)

    def _seen(self, cell: str) -> tuple[float, float]:
        truth = float(self.values[cell])
        low, high = self.seen.get(cell, (truth, truth))
        return math.ceil(low - _SLACK), high if math.isinf(high) else math.floor(high + _SLACK)

    def _solve(self, target: str, sign: int, cells: list[str], lines: list[Line]) -> None:
        """Minimise (``sign`` 1) or maximise (-1) the target; every corner found widens what is known possible for all."""
        place = {cell: index for index, cell in enumerate(cells)}
        matrix, right = self._system(place, lines)
        goal = np.zeros(len(cells))
        goal[place[target]] = sign
        far = _FAR + 2 * sum(self.values[cell] for line in lines for cell, _ in line)
        answer = linprog(goal, A_eq=matrix, b_eq=right, bounds=(0, far), method="highs")
        if answer.status != 0:
            return  # nothing proven possible: the target stays unsafe and more is hidden
        for cell, value in zip(cells, answer.x, strict=True):
            truth = float(self.values[cell])
            low, high = self.seen.get(cell, (truth, truth))
            self.seen[cell] = (min(low, float(value)), max(high, float(value)))

    def _system(self, place: Mapping[str, int], lines: list[Line]) -> tuple[coo_array, np.ndarray]:
        """The lines as equalities over the unknown cells; what is known moves to the right-hand side."""
        entries, right = [], np.zeros(len(lines))
        for number, line in enumerate(lines):
            for cell, factor in line:
                if cell in place:
                    entries.append((number, place[cell], factor))
                else:
                    right[number] -= factor * self.values[cell]
        row, column, data = zip(*entries, strict=True)
        return coo_array((data, (row, column)), shape=(len(lines), len(place))).tocsr(), right
