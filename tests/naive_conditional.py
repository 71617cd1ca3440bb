# SPDX-License-Identifier: Apache-2.0
"""Conditional likelihoods and the days of a case series as their definitions say them, one set and one day at a time: slow and plain."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from rempart.study.estimators.sccs_design import Exposure, Levels

Row = tuple[tuple[float, ...], float, int]  # covariates, size, events
Set = Sequence[Row]


def eta(x: Sequence[float], beta: Sequence[float]) -> float:
    """xβ."""
    return sum(a * b for a, b in zip(x, beta, strict=True))


def multinomial(sets: Sequence[Set], beta: Sequence[float]) -> float:
    """Σ n log(size e^xβ / Σ size e^xβ)."""
    value = 0.0
    for rows in sets:
        whole = sum(size * math.exp(eta(x, beta)) for x, size, _ in rows)
        value += sum(n * math.log(size * math.exp(eta(x, beta)) / whole) for x, size, n in rows if n)
    return value


def exact(sets: Sequence[Set], beta: Sequence[float]) -> float:
    """The chance of these cases among all choices of as many rows, each choice written out."""
    value = 0.0
    for rows in sets:
        cases = [x for x, _, n in rows if n]
        every = combinations([x for x, _, _ in rows], len(cases))
        whole = sum(math.exp(sum(eta(x, beta) for x in chosen)) for chosen in every)
        value += sum(eta(x, beta) for x in cases) - math.log(whole)
    return value


def efron(sets: Sequence[Set], beta: Sequence[float]) -> float:
    """Each next case of a set leaves a d-th of the cases' weight behind."""
    value = 0.0
    for rows in sets:
        all_of_them = sum(math.exp(eta(x, beta)) for x, _, _ in rows)
        cases = [eta(x, beta) for x, _, n in rows if n]
        weight = sum(math.exp(e) for e in cases)
        value += sum(cases) - sum(math.log(all_of_them - k / len(cases) * weight) for k in range(len(cases)))
    return value


def window_of(exposure: Exposure, person: int, day: int) -> str:
    """The window that a day of a case lies in: all that hold it, then the one that wins."""
    occurrences = sorted(
        (int(a), int(b))
        for p, a, b in zip(exposure.person, exposure.start, exposure.stop, strict=True)
        if int(p) == person
    )
    holding = []
    for dose, (start, stop) in enumerate(occurrences, start=1):
        for place, window in enumerate(exposure.windows):
            anchor = start if window.anchor == "start" else stop
            end = stop if window.end is None else anchor + window.end
            if anchor + window.begin <= day <= end and window.dose in {None, dose}:
                holding.append((dose if exposure.overlap == "later" else -dose, -place, window.name))
    return max(holding)[2] if holding else ""


def group_of(levels: Levels, day: int) -> str:
    """The name of the group that a day belongs to."""
    piece = sum(1 for cut in levels.cuts if day >= cut)
    return levels.names[piece if levels.level is None else int(levels.level[piece])]


def day_by_day(
    cases: Sequence[tuple[int, int, int]],
    events: Sequence[tuple[int, int]],
    exposures: Sequence[Exposure],
    age: Levels,
    season: Levels,
) -> tuple[Counter[tuple[object, ...]], Counter[tuple[object, ...]]]:
    """Days, and events, of each (case, age, season, window of each exposure). ``cases``: first, last, birth."""
    days: Counter[tuple[object, ...]] = Counter()
    counts: Counter[tuple[object, ...]] = Counter()
    for person, (first, last, birth) in enumerate(cases):
        for day in range(first, last + 1):
            windows = tuple(window_of(exposure, person, day) for exposure in exposures)
            cell = (person, group_of(age, day - birth), group_of(season, day), *windows)
            days[cell] += 1
            counts[cell] += sum(1 for event in events if event == (person, day))
    return days, +counts
