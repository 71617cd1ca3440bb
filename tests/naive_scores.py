# SPDX-License-Identifier: Apache-2.0
"""What the uses of a propensity score say, written out person by person in plain Python: slow, and nothing shared with the product."""

from collections.abc import Sequence
from typing import Any


def matched(
    scale: Sequence[float], treated: Sequence[bool], draw: Sequence[int], caliper: float, how: tuple[int, bool, str]
) -> list[tuple[int, int]]:
    """All pairs, by looking at every comparator in every turn."""
    ratio, replace, order = how
    keys: dict[str, Any] = {
        "largest": lambda i: (-scale[i], draw[i], i),
        "smallest": lambda i: (scale[i], draw[i], i),
        "draw": lambda i: (draw[i], i),
    }
    if order == "draw":
        keys["draw"] = lambda i: (draw[i], i)
    turns = sorted((i for i, one in enumerate(treated) if one), key=keys[order])
    used: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for _ in range(ratio):
        for i in turns:
            mine = {c for t, c in pairs if t == i}
            open_ = [
                (abs(scale[i] - scale[c]), draw[c], c)
                for c, one in enumerate(treated)
                if not one and c not in mine and (replace or c not in used) and abs(scale[i] - scale[c]) <= caliper
            ]
            if open_:
                taken = min(open_)[2]
                used.add(taken)
                pairs.append((i, taken))
    return sorted(pairs)


def risk_by(rows: Sequence[tuple[int, int, bool, float]], day: int) -> float:
    """Weighted Kaplan–Meier risk, day after day, from (entry, exit, event, weight)."""
    survival = 1.0
    for d in range(1, day + 1):
        risk = sum(w for entry, exit_, _, w in rows if entry < d <= exit_)
        events = sum(w for _, exit_, event, w in rows if event and exit_ == d)
        if events:
            survival *= 1 - events / risk
    return 1 - survival


def staying(clones: Sequence[tuple[int, bool, bool]], day: int) -> float:
    """The chance not to have deviated by the end of a day, from (exit, event, deviated)."""
    chance = 1.0
    for d in range(1, day + 1):
        risk = sum(1 for exit_, event, _ in clones if exit_ > d or (exit_ == d and not event))
        gone = sum(1 for exit_, _, deviated in clones if deviated and exit_ == d)
        if gone:
            chance *= 1 - gone / risk
    return chance
