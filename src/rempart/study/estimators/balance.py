# SPDX-License-Identifier: Apache-2.0
"""Balance of covariates between the arms, before and after weights: standardised mean differences and variance ratios.

Matched sets and strata come as weights too (``Matching.weights``, ``ScoreStrata.weights``). Built from sums that add up over shards
(``ArmSums``: Σw, Σw², Σwx, Σwx²), so that the same table comes out of SQL. It tests nothing: a p-value measures the size of the data.

Difference of (weighted) means over a spread taken from the persons **before** weighting, so that a change of weights cannot hide a
difference (Stuart 2008): ``pooled`` √((s₁²+s₀²)/2), or of the ``treated``. A variance is Σw(x-m)²/(Σw - Σw²/Σw) (n-1 unweighted);
for a covariate of zeros and ones m(1-m), and no variance ratio (NaN). Digits agree with R MatchIt's ``summary`` (treated).
Sources: Austin, Stat Med 2009;28:3083; Austin & Stuart, Stat Med 2015;34:3661 (weighted).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.score_input import check_arms, check_weights

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SPREADS = ("pooled", "treated")
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSums:
    """Of one arm, over persons: Σw, Σw² (numbers), Σwx and Σwx² (p,). Take x from a middle value where it is large (dates, euros)."""

    w: float
    ww: float
    wx: Floats
    wxx: Floats

    def mean(self) -> Floats:
        """Weighted means (p,)."""
        return np.asarray(self.wx / self.w, dtype=np.float64)

    def variance(self, binary: Bools) -> Floats:
        """Weighted variances (p,), NaN of a continuous covariate where one person has all the weight."""
        mean = self.mean()
        middle = np.maximum(self.wxx - self.w * mean**2, 0.0)
        free = self.w - self.ww / self.w
        spread = middle / free if free > _ROUNDING * self.w else np.full(len(mean), np.nan)
        return np.asarray(np.where(binary, mean * (1 - mean), spread), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Of each of p covariates: means of the arms, standardised difference, variance ratio treated over comparator. All (p,)."""

    terms: tuple[str, ...]
    treated: Floats
    comparator: Floats
    difference: Floats
    variance_ratio: Floats

    def worst(self) -> tuple[str, float]:
        """The covariate of the largest absolute difference, and that difference with its sign."""
        at = int(np.argmax(np.abs(self.difference)))
        return self.terms[at], float(self.difference[at])


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeAfter:
    """Balance of the persons as they are, and as weighted, by the same spread."""

    before: Balance
    after: Balance


def balance(
    x: Floats, terms: Sequence[str], treated: Bools, weight: Floats | None = None, *, spread: str = "pooled"
) -> BeforeAfter:
    """Balance of ``x`` (n, p) with ``treated`` (n,) and ``weight`` (n,); without weights before and after are the same.

    Raises BadInput ``balance-shape``, ``balance-not-finite`` (names the covariate), those of ``check_arms`` and ``check_weights``
    and of ``balance_of_sums``.
    """
    if x.ndim != 2 or x.shape[1] != len(terms) or not len(terms):
        raise BadInput("balance-shape")
    check_arms(treated, len(x))
    for j, term in enumerate(terms):
        if not np.isfinite(x[:, j]).all():
            raise BadInput("balance-not-finite", term=term)
    binary = np.asarray(((x == 0) | (x == 1)).all(axis=0))
    centre = np.where(binary, 0.0, x.mean(axis=0))
    ones = np.ones(len(x))
    before = _both_arms(x - centre, treated, ones)
    if weight is None:
        after = before
    else:
        check_weights(weight, treated)
        after = _both_arms(x - centre, treated, weight)
    return balance_of_sums(before, after, terms, binary=binary, spread=spread, centre=centre)


def _both_arms(x: Floats, treated: Bools, weight: Floats) -> tuple[ArmSums, ArmSums]:
    def of(arm: Bools) -> ArmSums:
        w, rows = weight[arm], x[arm]
        return ArmSums(w=float(w.sum()), ww=float((w**2).sum()), wx=w @ rows, wxx=w @ rows**2)

    return of(treated), of(~treated)


def balance_of_sums(
    before: tuple[ArmSums, ArmSums],
    after: tuple[ArmSums, ArmSums],
    terms: Sequence[str],
    *,
    binary: Bools,
    spread: str = "pooled",
    centre: Floats | None = None,
) -> BeforeAfter:
    """Balance from (treated, comparator) sums before and after. ``binary`` (p,): zeros and ones; ``centre`` (p,) was taken from x.

    Raises BadInput ``balance-spread``, ``balance-no-spread``: the covariate differs between the arms and within neither.
    """
    if spread not in SPREADS:
        raise BadInput("balance-spread", term=spread)
    ones, others = (arm.variance(binary) for arm in before)
    scale = np.sqrt((ones + others) / 2 if spread == "pooled" else ones)
    middle = np.zeros(len(terms)) if centre is None else centre
    return BeforeAfter(
        before=_table(before, terms, (binary, scale, middle)), after=_table(after, terms, (binary, scale, middle))
    )


def _table(arms: tuple[ArmSums, ArmSums], terms: Sequence[str], by: tuple[Bools, Floats, Floats]) -> Balance:
    binary, scale, centre = by
    ones, others = (arm.mean() for arm in arms)
    gap = ones - others
    flat = ~(scale > 0)
    lost = np.flatnonzero(flat & (np.abs(gap) > _ROUNDING * (1 + np.abs(centre))))
    if len(lost):
        raise BadInput("balance-no-spread", term=terms[int(lost[0])])
    upper, lower = (arm.variance(binary) for arm in arms)
    ratio = np.divide(upper, lower, out=np.full(len(gap), np.nan), where=(lower > 0) & ~binary)
    return Balance(
        terms=tuple(terms),
        treated=ones + centre,
        comparator=others + centre,
        difference=np.divide(gap, scale, out=np.zeros(len(gap)), where=~flat),
        variance_ratio=ratio,
    )
