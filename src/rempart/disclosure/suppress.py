# SPDX-License-Identifier: Apache-2.0
"""Secondary suppression: hide further cells until no hidden or sensitive one can be computed closely enough.

Cheapest first, by rows lost; deterministic. It does not seek the least possible loss; of a small submission it tries to lose less.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from rempart.disclosure.lines import Lines
from rempart.disclosure.policy import Policy
from rempart.disclosure.search import Ground, Search, drawn, twins_of

_SMALL = 1500  # cells of a submission for which other ways of hiding are tried
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """``hidden``: cells that no row may show. ``intervals``: what an attacker is left with, per protected cell, at
    least as wide as said: for the private record, never to be published."""

    hidden: frozenset[str]
    intervals: Mapping[str, tuple[float, float]]


def suppress(
    lines: Lines,
    *,
    primary: Set[str],
    weights: Mapping[str, int],
    policy: Policy,
    known: Set[str] = frozenset(),
    key: bytes = b"",
) -> Suppression:
    """All cells to hide, given those that are too small themselves.

    ``known``: cells that are shown elsewhere, which an attacker knows whether they are hidden here or not: none is hidden to protect
    another, and no zero is, for a zero holds nobody among whom to hide. ``key``: of the draw between cells that cost about as much.
    """
    ground = _ground(lines, weights, policy, known, key)
    must = ground.all_twins(primary)
    best = _hidden(ground, must)
    if ground.keeps:
        best = _cheaper(ground, must, _shown_again(best, must))
    protected = sorted(best.hidden | ground.sensitive)
    intervals = {cell: best.attacker.interval(cell, enough=policy.width) for cell in protected}
    return Suppression(hidden=frozenset(best.hidden), intervals=intervals)


def _ground(lines: Lines, weights: Mapping[str, int], policy: Policy, known: Set[str], key: bytes) -> Ground:
    twins = twins_of(lines)
    known = {twin for cell in known for twin in twins.get(cell, {cell})}
    drawn_prices = {cell: weight * drawn(key, cell) for cell, weight in weights.items()}
    some = {cell for cell in weights if policy.zeros or lines.values[cell]}
    return Ground(
        lines=tuple(sorted(lines.lines)),
        values=lines.values,
        virtual=lines.virtual,
        twins=twins,
        prices={cell: sum(drawn_prices[twin] for twin in twins.get(cell, {cell})) for cell in some - known},
        sensitive={cell for cell in lines.virtual if policy.small(lines.values[cell])},
        known=known,
        floors=frozenset() if policy.zeros else some,
        width=policy.width,
        keeps=len(weights) <= _SMALL,
        key=key,
    )


def _hidden(ground: Ground, must: Set[str]) -> Search:
    search = Search(ground)
    search.hide(must)
    return search.run()


def _shown_again(found: Search, must: Set[str]) -> Search:
    """Less hidden, the dearest first: whatever was hidden on the way and need not be, now that the rest is."""
    prices = found.ground.prices
    for cell in sorted(found.hidden - must, key=lambda cell: (-prices.get(cell, 0), cell)):
        if cell in found.hidden and not found.ground.stays(cell):
            other = found.with_shown(found.ground.all_twins({cell}))
            found = other if other.holds() else found
    return found


def _cheaper(ground: Ground, must: Set[str], best: Search) -> Search:
    """Another way of hiding, if it loses fewer rows and protects as much: one that spares the dearest cell of the best so far, which many
    sums share."""
    spared: set[str] = set()
    for _ in range(_TRIES):
        dear = sorted(best.hidden - must - spared, key=lambda cell: (-ground.prices.get(cell, 0), cell))
        if not dear:
            break
        spared |= ground.all_twins({dear[0]})
        other = _hidden(ground.sparing(spared), must)
        if not other.exposed <= best.exposed:
            break
        other = _shown_again(other, must)
        if _lost(other, ground) >= _lost(best, ground):
            break
        best = other
    return best


def _lost(found: Search, ground: Ground) -> float:
    return sum(ground.prices.get(cell, 0) for cell in found.hidden)
