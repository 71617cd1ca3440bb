# SPDX-License-Identifier: Apache-2.0
"""Two-by-two tables of studies: their effect sizes, and the pools that need the tables themselves (Mantel–Haenszel, Peto).

Units: persons. Ratios are on the log scale. Sources: Greenland and Robins, Biometrics 1985;41:55 (risk ratio); Robins, Breslow and
Greenland, Biometrics 1986;42:311 (odds ratio); Sato, Biometrics 1989;45:1323 (risk difference); Yusuf et al., Prog Cardiovasc Dis
1985;27:335 (Peto). It does not estimate variance between studies: meta_analysis.py does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.meta_analysis import Pooled, Studies, pooled_at

Floats = NDArray[np.float64]
Cells = tuple[Floats, Floats, Floats, Floats]
MEASURES = ("odds-ratio", "risk-ratio", "risk-difference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Of each of k studies, its name, events and persons among the exposed (1) and the others (0), each (k,)."""

    names: tuple[str, ...]
    events1: Floats
    persons1: Floats
    events0: Floats
    persons0: Floats

    def __post_init__(self) -> None:
        if not self.names:
            raise BadInput("meta-no-study")
        for i, name in enumerate(self.names):
            arms = ((self.events1[i], self.persons1[i]), (self.events0[i], self.persons0[i]))
            if not all(0 <= events <= persons < np.inf and persons > 0 for events, persons in arms):
                raise BadInput("meta-table", study=name)

    def cells(self) -> Cells:
        """Exposed with and without the event, others with and without."""
        return self.events1, self.persons1 - self.events1, self.events0, self.persons0 - self.events0

    def silent(self) -> NDArray[np.bool_]:
        """Studies in which nobody, or everybody, has the event: they say nothing of a ratio."""
        a, b, c, d = self.cells()
        return np.asarray((a + c == 0) | (b + d == 0))


def effect_sizes(tables: Tables, measure: str, *, correction: float = 0.5) -> Studies:
    """Effect sizes and variances: log odds ratio, log risk ratio, or risk difference.

    ``correction`` is added to all four cells of a study with an empty cell, and to no other. Of a ratio, silent studies are left out
    and named in ``left_out``. Raises BadInput ``estimator-choice``, ``meta-no-event`` (every study silent).
    """
    _known(measure)
    kept = ~tables.silent() if measure != "risk-difference" else np.ones(len(tables.names), dtype=bool)
    if not kept.any():
        raise BadInput("meta-no-event")
    empty = np.any(np.stack(tables.cells()) == 0, axis=0)
    a, b, c, d = (cell[kept] + np.where(empty, correction, 0.0)[kept] for cell in tables.cells())
    estimate, variance = _EFFECTS[measure](a, b, c, d)
    names = [(name, bool(keep)) for name, keep in zip(tables.names, kept, strict=True)]
    return Studies(
        names=tuple(name for name, keep in names if keep),
        estimate=estimate,
        variance=variance,
        left_out=tuple(name for name, keep in names if not keep),
    )


def _odds_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d


def _risk_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    return np.log(a / (a + b) / (c / (c + d))), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def _risk_difference(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    n1, n0 = a + b, c + d
    return a / n1 - c / n0, a * b / n1**3 + c * d / n0**3


_EFFECTS: dict[str, Callable[[Floats, Floats, Floats, Floats], tuple[Floats, Floats]]] = {
    "odds-ratio": _odds_ratio,
    "risk-ratio": _risk_ratio,
    "risk-difference": _risk_difference,
}


def mantel_haenszel(tables: Tables, measure: str, *, level: float = 0.95) -> Pooled:
    """The common effect by Mantel–Haenszel, from uncorrected cells; Q about it from ``effect_sizes``.

    Raises BadInput ``estimator-choice``, ``meta-no-event`` (no finite estimate: no event, or all of them on one side).
    """
    _known(measure)
    top, base, variance = _HAENSZEL[measure](*tables.cells())
    ratio = measure != "risk-difference"
    if base <= 0 or (ratio and top <= 0) or not np.isfinite(variance) or variance <= 0:
        raise BadInput("meta-no-event")
    estimate = float(np.log(top / base)) if ratio else top / base
    sizes = effect_sizes(tables, measure)
    return pooled_at(sizes, "mantel-haenszel", estimate, variance, level=level)


def _haenszel_odds(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[float, float, float]:
    n = a + b + c + d
    p, q, r, s = (a + d) / n, (b + c) / n, a * d / n, b * c / n
    top, base = float(r.sum()), float(s.sum())
    if not top or not base:
        return top, base, np.inf
    variance = (p @ r / top**2 + (p @ s + q @ r) / (top * base) + q @ s / base**2) / 2
    return top, base, float(variance)


def _haenszel_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[float, float, float]:
    n1, n0, n = a + b, c + d, a + b + c + d
    top, base = float((a * n0 / n).sum()), float((c * n1 / n).sum())
    if not top or not base:
        return top, base, np.inf
    return top, base, float(((n1 * n0 * (a + c) / n - a * c) / n).sum()) / (top * base)


def _haenszel_difference(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[float, float, float]:
    n1, n0, n = a + b, c + d, a + b + c + d
    top, base = float((a * n0 / n - c * n1 / n).sum()), float((n1 * n0 / n).sum())
    first = c * (n1 / n) ** 2 - a * (n0 / n) ** 2 + (n1 / n) * (n0 / n) * (n0 - n1) / 2
    second = (a * d + c * b) / n / 2
    return top, base, float(top / base * first.sum() + second.sum()) / base**2


_HAENSZEL: dict[str, Callable[[Floats, Floats, Floats, Floats], tuple[float, float, float]]] = {
    "odds-ratio": _haenszel_odds,
    "risk-ratio": _haenszel_ratio,
    "risk-difference": _haenszel_difference,
}


def peto(tables: Tables, *, level: float = 0.95) -> Pooled:
    """The common log odds ratio by Peto's one step: Σ(O − E)/ΣV, V hypergeometric; right for rare events and balanced arms only.

    Needs no correction; silent studies carry no weight and are left out. Raises BadInput ``meta-no-event``.
    """
    a, b, c, d = (cell[~tables.silent()] for cell in tables.cells())
    if not len(a):
        raise BadInput("meta-no-event")
    n1, n0, n = a + b, c + d, a + b + c + d
    over = a - (a + c) * n1 / n
    own = n1 * n0 * (a + c) * (b + d) / (n**2 * (n - 1))
    names = [name for name, silent in zip(tables.names, tables.silent(), strict=True) if not silent]
    left = [name for name, silent in zip(tables.names, tables.silent(), strict=True) if silent]
    sizes = Studies(names=tuple(names), estimate=over / own, variance=1 / own, left_out=tuple(left))
    return pooled_at(sizes, "peto", float(over.sum() / own.sum()), float(1 / own.sum()), level=level)


def _known(measure: str) -> None:
    if measure not in MEASURES:
        raise BadInput("estimator-choice", given=measure, known=", ".join(MEASURES))
