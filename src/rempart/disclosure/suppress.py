# SPDX-License-Identifier: Apache-2.0
"""Secondary suppression: hide further cells until no hidden or sensitive one can be computed closely enough.

Cheapest first, by rows lost; deterministic. It does not seek the least possible loss.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from rempart.disclosure.attacker import Attacker
from rempart.disclosure.margins import VIRTUAL, Line, Lines
from rempart.disclosure.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """``hidden``: cells that no row may show. ``intervals``: what an attacker is left with, per protected cell, at
    least as wide as said: for the private record, never to be published."""

    hidden: frozenset[str]
    intervals: Mapping[str, tuple[float, float]]


def suppress(lines: Lines, *, primary: Set[str], weights: Mapping[str, int], policy: Policy) -> Suppression:
    """All cells to hide, given those that are too small themselves; ends since each round hides one cell more."""
    attacker = Attacker(lines.values, lines.lines)
    hidden: set[str] = set(primary)
    safe: set[str] = set()
    sensitive = {cell for cell in lines.virtual if policy.small(lines.values[cell])}
    while waiting := sorted((hidden | sensitive) - safe):
        target = waiting[0]
        unknown = hidden | lines.virtual
        wide = attacker.width(target, unknown, enough=policy.width) >= policy.width
        cheapest = None if wide else _cheapest(attacker, target, unknown, weights=weights)
        if cheapest is None:
            safe.add(target)
        else:
            hidden.add(cheapest)
    unknown = hidden | lines.virtual
    intervals = {c: attacker.interval(c, unknown, enough=policy.width) for c in sorted(hidden | sensitive)}
    return Suppression(hidden=frozenset(hidden), intervals=intervals)


def _cheapest(attacker: Attacker, target: str, unknown: Set[str], *, weights: Mapping[str, int]) -> str | None:
    """The known cell to hide next: in a sum of the target or of a hidden cell it shares a sum with, else any tied to it.

    None when all that is tied to the target is hidden already.
    """
    near = attacker.touching[target]
    beside = {cell for line in near for cell, _ in line if cell in unknown and not cell.startswith(VIRTUAL)}
    around = [line for cell in sorted({target} | beside) for line in attacker.touching[cell]]
    for lines in (around, attacker.component(target, unknown)[1]):
        known = {cell for line in lines for cell, _ in line if cell not in unknown}
        if known:
            return min(known, key=lambda cell: _price(cell, attacker, unknown, weight=weights[cell]))
    return None


def _price(cell: str, attacker: Attacker, unknown: Set[str], *, weight: int) -> tuple[float, bool, int, str]:
    """Rows lost, shared among the sums that already miss a published cell: a cell where two of them cross serves both.

    A zero is a poor place to hide something.
    """
    crossings = sum(_misses_one(line, unknown) for line in attacker.touching[cell])
    return weight / (1 + crossings), attacker.values[cell] == 0, attacker.values[cell], cell


def _misses_one(line: Line, unknown: Set[str]) -> bool:
    hidden = [cell for cell, _ in line if cell in unknown]
    return bool(hidden) and not any(cell.startswith(VIRTUAL) for cell in hidden)
