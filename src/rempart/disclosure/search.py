# SPDX-License-Identifier: Apache-2.0
"""One attempt at hiding enough: what is hidden so far, and which cell goes next. ``suppress.py`` says which attempts are made.

No number that is hidden, or about to be, decides what goes next: rows lost, sums, zeros, what an attacker is left with, and a keyed draw
do. Without the draw, one who knows the rule would tell from the cell that went for another's sake which of the two was small.
"""

import hashlib
import hmac
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from rempart.disclosure.attacker import Attacker, Sums
from rempart.disclosure.lines import Line, Lines

_SPREAD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all attempts share. ``twins``: cell → those that a line makes equal to it; ``prices``: rows lost with a cell, times its draw, of
    those that may be hidden for another's sake; ``sensitive``: cells that no row shows and that are small; ``known``: cells that are
    shown elsewhere; ``floors``: cells that are at least one when they are hidden; ``width``: what an attacker must be left with;
    ``keeps``: whether to keep the tables that show it; ``key``: of what stays hidden by lot."""

    lines: tuple[Line, ...]
    values: Mapping[str, int]
    virtual: Set[str]
    twins: Mapping[str, Set[str]]
    prices: Mapping[str, float]
    sensitive: Set[str]
    known: Set[str]
    floors: Set[str]
    width: int
    keeps: bool
    key: bytes

    def stays(self, cell: str) -> bool:
        """By lot, one in four: whether it stays hidden though it need not. Were nothing hidden in vain, what is hidden would tell what
        had to be."""
        return hmac.new(self.key, b"stays hidden\n" + cell.encode(), hashlib.sha256).digest()[0] < 64

    def sparing(self, cells: Set[str]) -> "Ground":
        """The same, where these are not to be hidden for another's sake."""
        return replace(self, prices={cell: price for cell, price in self.prices.items() if cell not in cells})

    def all_twins(self, cells: Set[str]) -> set[str]:
        """These and whatever equals them."""
        return {twin for cell in cells for twin in self.twins.get(cell, {cell})}


def drawn(key: bytes, cell: str) -> float:
    """From 1 to 4, by lot: the same for a place as long as the key is. So wide that a way of hiding which loses a few rows more is taken
    often enough: were the cheapest one always taken, another one would say that a hidden number ruled the cheapest out."""
    mac = hmac.new(key, b"order of hiding\n" + cell.encode(), hashlib.sha256).digest()
    return float(_SPREAD ** (int.from_bytes(mac[:6]) / 2**48))


def twins_of(lines: Lines) -> dict[str, set[str]]:
    """Cells that a line makes equal: to hide one is to hide all, and costs as much."""
    twins: dict[str, set[str]] = {}
    for line in sorted(lines.lines):
        if len(line) == 2 and not any(cell in lines.virtual for cell, _ in line):
            one, other = (cell for cell, _ in line)
            together = twins.get(one, {one}) | twins.get(other, {other})
            twins.update(dict.fromkeys(together, together))
    return twins


class Search:
    """``hidden``: so far; ``summed``: per sum, whether each of its cells could be shown; ``safe``: those hidden, and of the sensitive, that
    an attacker cannot compute closely enough; ``exposed``: those that nothing more can be hidden for."""

    def __init__(self, ground: Ground, attacker: Attacker | None = None, hidden: Set[str] = frozenset()) -> None:
        """Nothing hidden, or what ``attacker`` does not see."""
        self.ground = ground
        self.attacker = attacker or Attacker(
            ground.values,
            ground.lines,
            ground.floors,
            set(ground.virtual),
            ground.keeps,
            sums=Sums.of(ground.lines, ground.values),
        )
        self.hidden = set(hidden)
        self.summed = [not any(cell in ground.virtual for cell, _ in line) for line in ground.lines]
        self.safe: set[str] = set()
        self.exposed: set[str] = set()

    def hide(self, cells: Set[str]) -> None:
        """These and their twins."""
        new = self.ground.all_twins(cells) - self.hidden
        self.hidden |= new
        self.attacker.hide(sorted(new - self.ground.known))

    def run(self) -> "Search":
        """Hide until all is safe or exposed; ends since each round hides one cell more."""
        while target := self._next():
            cheapest = self._cheapest(target)
            if cheapest is None:
                self.exposed.add(target)
            else:
                self.hide({cheapest})
        return self

    def holds(self) -> bool:
        """Whether all that was safe is safe still."""
        waiting = self._waiting()
        return not any(self._given(cell) for cell in waiting) and all(self._wide(cell) for cell in waiting)

    def with_shown(self, cells: Set[str]) -> "Search":
        """The same where these are shown, with what is exposed already left out."""
        other = Search(self.ground, self.attacker.with_shown(cells), self.hidden - cells)
        other.exposed = set(self.exposed)
        return other

    def _waiting(self) -> list[str]:
        return sorted((self.hidden | self.ground.sensitive) - self.safe - self.exposed - self.ground.known)

    def _given(self, cell: str) -> bool:
        return cell in self.attacker.part(cell).given

    def _wide(self, cell: str) -> bool:
        return self.attacker.wide(cell, enough=self.ground.width)

    def _next(self) -> str:
        """First what plain subtraction gives, sum by sum; then what a linear programme leaves too narrow; '' when all is safe."""
        waiting = self._waiting()
        for cell in waiting:
            if self._given(cell):
                return cell
        for cell in waiting:
            if not self._wide(cell):
                return cell
            self.safe.add(cell)
        return ""

    def _cheapest(self, target: str) -> str | None:
        """The known cell to hide next: in the sum that gives the target away; else in a sum of the target or of a hidden cell it shares a
        sum with; else in any tied to it. None when all that is tied to the target is hidden already, shown elsewhere, or zero."""
        attacker, part = self.attacker, self.attacker.part(target)
        first = [part.given[target]] if target in part.given else []
        near = {target} | {
            cell
            for number in attacker.touching.get(target, ())
            for cell, _ in attacker.lines[number]
            if cell in attacker.unknown and cell not in self.ground.virtual
        }
        around = [number for cell in sorted(near) for number in attacker.touching.get(cell, ())]
        for numbers in (first, around, part.lines):
            cells = {cell for number in numbers for cell, _ in attacker.lines[number]}
            left = {cell for cell in cells if cell not in attacker.unknown and cell in self.ground.prices}
            if left:
                return min(left, key=self._price)
        return None

    def _price(self, cell: str) -> tuple[float, str]:
        """Rows lost, shared among the sums that already miss a published cell: a cell where two of them cross serves both."""
        left, summed = self.attacker.left, self.summed
        crossings = sum(left[number] > 0 and summed[number] for number in self.attacker.touching[cell])
        return self.ground.prices[cell] / (1 + crossings), cell
