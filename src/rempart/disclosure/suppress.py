# SPDX-License-Identifier: Apache-2.0
"""Secondary suppression: hide further cells until no hidden or sensitive one can be computed closely enough.

Cheapest first, by rows lost; deterministic. It does not seek the least possible loss.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from rempart.disclosure.attacker import Attacker
from rempart.disclosure.lines import VIRTUAL, Line, Lines
from rempart.disclosure.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """``hidden``: cells that no row may show. ``intervals``: what an attacker is left with, per protected cell, at
    least as wide as said: for the private record, never to be published."""

    hidden: frozenset[str]
    intervals: Mapping[str, tuple[float, float]]


def suppress(
    lines: Lines, *, primary: Set[str], weights: Mapping[str, int], policy: Policy, known: Set[str] = frozenset()
) -> Suppression:
    """All cells to hide, given those that are too small themselves; ends since each round hides one cell more.

    First what plain subtraction gives, sum by sum; then what a linear programme leaves too narrow. ``known``: cells that are shown
    elsewhere, which an attacker knows whether they are hidden here or not: none is hidden to protect another.
    """
    attacker = Attacker(lines.values, lines.lines)
    twins = _twins(lines)
    known = {twin for cell in known for twin in twins.get(cell, {cell})}
    prices = {cell: sum(weights[twin] for twin in twins.get(cell, {cell})) for cell in weights if cell not in known}
    sensitive = {cell for cell in lines.virtual if policy.small(lines.values[cell])}
    hidden = {twin for cell in primary for twin in twins.get(cell, {cell})}
    safe: set[str] = set()
    while waiting := sorted((hidden | sensitive) - safe - known):
        unknown = (hidden - known) | lines.virtual
        given = _subtracted(attacker, unknown)
        target = next((cell for cell in waiting if cell in given), waiting[0])
        if target not in given and attacker.width(target, unknown, enough=policy.width) >= policy.width:
            safe.add(target)
            continue
        first = [given[target]] if target in given else []
        cheapest = _cheapest(attacker, target, unknown, prices=prices, first=first)
        if cheapest is None:
            safe.add(target)
        else:
            hidden |= twins.get(cheapest, {cheapest})
    unknown = (hidden - known) | lines.virtual
    intervals = {c: attacker.interval(c, unknown, enough=policy.width) for c in sorted(hidden | sensitive)}
    return Suppression(hidden=frozenset(hidden), intervals=intervals)


def _twins(lines: Lines) -> dict[str, set[str]]:
    """Cells that a line makes equal: to hide one is to hide all, and costs as much."""
    twins: dict[str, set[str]] = {}
    for line in sorted(lines.lines):
        if len(line) == 2 and not any(cell in lines.virtual for cell, _ in line):
            one, other = (cell for cell, _ in line)
            together = twins.get(one, {one}) | twins.get(other, {other})
            twins.update(dict.fromkeys(together, together))
    return twins


def _subtracted(attacker: Attacker, unknown: Set[str]) -> dict[str, Line]:
    """Unknown cells that subtraction gives exactly, one after the other, each with the sum that gave it."""
    left = {line: [cell for cell, _ in line if cell in unknown] for line in sorted(attacker.lines)}
    ahead = [line for line, cells in left.items() if len(cells) == 1]
    given: dict[str, Line] = {}
    while ahead:
        line = ahead.pop(0)
        for cell in [cell for cell in left[line] if cell not in given]:
            given[cell] = line
            for other in attacker.touching[cell]:
                if sum(c not in given for c in left[other]) == 1:
                    ahead.append(other)
    return given


def _cheapest(
    attacker: Attacker, target: str, unknown: Set[str], *, prices: Mapping[str, int], first: Sequence[Line]
) -> str | None:
    """The known cell to hide next: in the sum that gives the target away (``first``); else in a sum of the target or of a
    hidden cell it shares a sum with; else in any tied to it. None when all that is tied to the target is hidden already, or shown
    elsewhere. ``prices``: of the cells that may be hidden. A zero only where nothing else is left: it holds nobody among whom to hide.
    """
    near = attacker.touching[target]
    beside = {cell for line in near for cell, _ in line if cell in unknown and not cell.startswith(VIRTUAL)}
    around = [line for cell in sorted({target} | beside) for line in attacker.touching[cell]]
    for lines in (first, around, attacker.component(target, unknown)[1]):
        left = {cell for line in lines for cell, _ in line if cell not in unknown and cell in prices}
        if left:
            left = {cell for cell in left if attacker.values[cell]} or left
            return min(left, key=lambda cell: _price(cell, attacker, unknown, weight=prices[cell]))
    return None


def _price(cell: str, attacker: Attacker, unknown: Set[str], *, weight: int) -> tuple[float, int, str]:
    """Rows lost, shared among the sums that already miss a published cell: a cell where two of them cross serves both."""
    crossings = sum(_misses_one(line, unknown) for line in attacker.touching[cell])
    return weight / (1 + crossings), attacker.values[cell], cell


def _misses_one(line: Line, unknown: Set[str]) -> bool:
    hidden = [cell for cell, _ in line if cell in unknown]
    return bool(hidden) and not any(cell.startswith(VIRTUAL) for cell in hidden)
