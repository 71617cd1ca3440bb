# SPDX-License-Identifier: Apache-2.0
"""The exact limits of a difference between two risks, whatever the risks themselves; for groups of up to some hundreds.

Model: two independent binomials. For a difference δ the tables are ordered by the score statistic; the tail probability of what was
seen is made as large as any risk of the comparison group allows; the limits are where that passes half of 1 − level.
Sources: Chan and Zhang, Biometrics 1999;55:1202; Farrington and Manning, Stat Med 1990;9:1447 (risks restricted to δ).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlog1py, xlogy

from rempart.errors import BadInput
from rempart.study.estimators.two_groups_exact import Compared, wilson

Floats = NDArray[np.float64]
LARGEST_TABLES = 40_000
_RISKS, _FINER, _DIFFERENCES, _TOLERANCE = 81, 33, 41, 1e-7
_TIED = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Groups:
    cases1: int
    persons1: int
    cases0: int
    persons0: int


def risk_difference(cases1: int, persons1: int, cases0: int, persons0: int, *, level: float = 0.95) -> Compared:
    """Risk 1 less risk 0 with exact limits (to some 1e-6) and the exact two-sided p of no difference (twice the smaller tail).

    Raises BadInput ``exact-count``, ``exact-too-large`` (more than 40,000 tables: take ``newcombe``).
    """
    wilson(cases1, persons1)
    wilson(cases0, persons0)
    if (persons1 + 1) * (persons0 + 1) > LARGEST_TABLES:
        raise BadInput("exact-too-large", persons=persons1 + persons0)
    groups = _Groups(cases1=cases1, persons1=persons1, cases0=cases0, persons0=persons0)
    turned = _Groups(cases1=cases0, persons1=persons0, cases0=cases1, persons0=persons1)
    tail = (1 - level) / 2
    p_value = min(1.0, 2 * min(tail_probability(groups, 0.0), tail_probability(turned, 0.0)))
    return Compared(
        estimate=cases1 / persons1 - cases0 / persons0,
        lower=_lower(lambda difference: tail_probability(groups, difference), tail),
        upper=-_lower(lambda difference: tail_probability(turned, difference), tail),
        p_value=p_value,
    )


def _lower(probability: Callable[[float], float], tail: float) -> float:
    """The least difference whose tail probability exceeds ``tail``: by steps from −1, then by halving the step that crosses."""
    grid = np.linspace(-1, 1, _DIFFERENCES)
    at = next((i for i in range(1, len(grid) - 1) if probability(float(grid[i])) > tail), len(grid) - 1)
    low, high = float(grid[at - 1]), float(grid[at])
    if at == 1 and probability(-1 + _TOLERANCE) > tail:
        return -1.0
    while high - low > _TOLERANCE:
        middle = (low + high) / 2
        low, high = (low, middle) if probability(middle) > tail else (middle, high)
    return high


def tail_probability(groups: _Groups, difference: float) -> float:
    """The largest probability, over the risks that allow ``difference``, of a table at least as far above it as the one seen."""
    score = scores(groups.persons1, groups.persons0, difference)
    beyond = (score >= score[groups.cases1, groups.cases0] - _TIED).astype(np.float64)
    low, high = max(0.0, -difference), min(1.0, 1 - difference)
    risks = np.linspace(low, high, _RISKS)
    found = _probabilities(groups, beyond, risks, difference)
    best = int(np.argmax(found))
    near = np.linspace(risks[max(best - 1, 0)], risks[min(best + 1, _RISKS - 1)], _FINER)
    return float(max(found[best], _probabilities(groups, beyond, near, difference).max()))


def _probabilities(groups: _Groups, beyond: Floats, risks: Floats, difference: float) -> Floats:
    first = _binomial(groups.persons1, np.clip(risks + difference, 0, 1))
    return np.asarray(np.sum((first @ beyond) * _binomial(groups.persons0, risks), axis=1))


def _binomial(persons: int, risks: Floats) -> Floats:
    """Probabilities (risks, persons + 1) of each number of cases."""
    cases = np.arange(persons + 1)
    ways = gammaln(persons + 1) - gammaln(cases + 1) - gammaln(persons - cases + 1)
    risk = risks[:, None]
    return np.asarray(np.exp(ways + xlogy(cases, risk) + xlog1py(persons - cases, -risk)))


def scores(persons1: int, persons0: int, difference: float) -> Floats:
    """The score statistic of every table (persons1 + 1, persons0 + 1) for a difference strictly within (−1, 1); 0 of 0/0."""
    seen1 = (np.arange(persons1 + 1) / persons1)[:, None]
    seen0 = (np.arange(persons0 + 1) / persons0)[None, :]
    risk0 = _restricted(seen1, seen0, persons0 / persons1, difference)
    risk1 = np.clip(risk0 + difference, 0, 1)
    variance = risk1 * (1 - risk1) / persons1 + risk0 * (1 - risk0) / persons0
    off = seen1 - seen0 - difference
    far = np.where(np.abs(off) < _TIED, 0.0, np.copysign(np.inf, off))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 1e-15, off / np.sqrt(variance), far)


def _restricted(seen1: Floats, seen0: Floats, ratio: float, difference: float) -> Floats:
    """The likeliest risk 0 when risk 1 is that plus ``difference``: the root of a cubic, in closed form."""
    a = 1 + ratio
    b = -(a + seen1 + ratio * seen0 + difference * (ratio + 2))
    c = difference**2 + difference * (2 * seen1 + a) + seen1 + ratio * seen0
    d = -seen1 * difference * (1 + difference)
    v = b**3 / (27 * a**3) - b * c / (6 * a**2) + d / (2 * a)
    u = np.where(v >= 0, 1.0, -1.0) * np.sqrt(np.maximum(b**2 / (9 * a**2) - c / (3 * a), 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.where(u == 0, 0.0, np.clip(v / u**3, -1, 1))
    risk1 = 2 * u * np.cos((np.pi + np.arccos(turn)) / 3) - b / (3 * a)
    return np.asarray(np.clip(risk1 - difference, max(0.0, -difference), min(1.0, 1 - difference)))
