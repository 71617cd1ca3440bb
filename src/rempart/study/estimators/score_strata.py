# SPDX-License-Identifier: Apache-2.0
"""Strata of a propensity score by quantiles, and trimming: who is left out because too few of the other arm are like them.

Quantiles are R's type 7. A stratum is [cut, next cut), the last one closed, and scores beyond the outer cuts belong to the outer
strata, as in R's MatchIt (method subclass, min.n = 0). Cuts that fall together (a score of few values) make fewer strata.
Sources: Rosenbaum & Rubin 1984; Hong 2010 (weights of strata); Stürmer et al., Am J Epidemiol 2010;172:843 (asymmetric trimming);
Crump et al., Biometrika 2009;96:187; Walker et al., Comp Eff Res 2013;3:11 (preference score). After trimming the score is fitted
anew by whoever calls: what it means has changed with the population.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.score_input import Scored

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
QUANTILES_OF = ("treated", "comparator", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreStrata:
    """``number`` (n,) from 0 to S-1; ``cuts`` (S+1,); persons of each arm in each stratum, (S,)."""

    number: Ints
    cuts: Floats
    treated: Ints
    comparators: Ints
    arm: Bools

    def weights(self, *, target: str = "treated") -> Floats:
        """Marginal-mean weights (n,): within a stratum each arm stands for the treated there, or for ``all``.

        Raises BadInput ``score-target`` and ``score-stratum-one-arm`` (names the stratum, counted from 1).
        """
        if target not in {"treated", "all"}:
            raise BadInput("score-target", target=target)
        alone = (self.treated == 0) | (self.comparators == 0)
        if alone.any():
            raise BadInput("score-stratum-one-arm", stratum=int(np.flatnonzero(alone)[0]) + 1)
        of = self.treated if target == "treated" else self.treated + self.comparators
        mine = np.where(self.arm, self.treated[self.number], self.comparators[self.number])
        return np.asarray(of[self.number] / mine, dtype=np.float64)


def score_strata(scored: Scored, *, count: int = 5, quantiles_of: str = "treated") -> ScoreStrata:
    """Cut into ``count`` strata at the quantiles of the score among the treated, the comparators or all.

    Raises BadInput ``score-strata-count`` (below 2, or the score has too few values for two), ``score-quantiles-of``.
    """
    if quantiles_of not in QUANTILES_OF:
        raise BadInput("score-quantiles-of", arm=quantiles_of)
    of = {"treated": scored.treated, "comparator": ~scored.treated, "all": np.ones(len(scored.score), dtype=np.bool_)}[
        quantiles_of
    ]
    if count < 2:
        raise BadInput("score-strata-count")
    cuts = np.unique(np.quantile(scored.score[of], np.arange(count + 1) / count))
    if len(cuts) < 3:
        raise BadInput("score-strata-count")
    number = np.asarray(np.searchsorted(cuts[1:-1], scored.score, side="right"), dtype=np.int64)
    size = len(cuts) - 1
    return ScoreStrata(
        number=number,
        cuts=cuts,
        treated=np.bincount(number[scored.treated], minlength=size).astype(np.int64),
        comparators=np.bincount(number[~scored.treated], minlength=size).astype(np.int64),
        arm=scored.treated,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """``keep`` (n,): whose score (or preference score) lies in [``lower``, ``upper``]; how many of each arm are left out."""

    rule: str
    keep: Bools
    lower: float
    upper: float
    left_out_treated: int
    left_out_comparators: int


def trim_shared_range(scored: Scored) -> Trimmed:
    """Keep the range that both arms share. Raises BadInput ``score-no-overlap``."""
    return _kept(scored, scored.score, scored.shared_range(), "shared-range")


def trim_percentiles(scored: Scored, *, tail: float = 0.05) -> Trimmed:
    """Asymmetric: from the ``tail`` quantile of the treated to the 1-``tail`` quantile of the comparators (Stürmer 2010).

    Raises BadInput ``score-quantiles`` unless 0 <= tail < 0.5, ``score-no-overlap``, ``score-all-trimmed``.
    """
    if not 0 <= tail < 0.5:
        raise BadInput("score-quantiles")
    low = float(np.quantile(scored.score[scored.treated], tail))
    high = float(np.quantile(scored.score[~scored.treated], 1 - tail))
    if low > high:
        raise BadInput("score-no-overlap")
    return _kept(scored, scored.score, (low, high), "percentiles")


def trim_crump(scored: Scored, *, edge: float | None = 0.1) -> Trimmed:
    """Keep [edge, 1-edge]; ``edge`` None takes the one of smallest variance (``crump_edge``).

    Raises BadInput ``score-quantiles`` unless 0 < edge < 0.5, ``score-all-trimmed``.
    """
    used = crump_edge(scored) if edge is None else edge
    if edge is not None and not 0 < edge < 0.5:
        raise BadInput("score-quantiles")
    found = _kept(scored, np.minimum(scored.score, 1 - scored.score), (used, 0.5), "crump")
    return replace(found, upper=1 - used)


def crump_edge(scored: Scored) -> float:
    """The edge that makes the variance of the effect smallest where the outcome varies alike everywhere; 0 where nobody need go.

    With g = 1/(e(1-e)) in rising order it keeps the k of smallest Σ g / k²: Crump's condition g <= 2·mean(g kept), where that has
    several solutions the best of them.
    """
    nearest = np.sort(np.minimum(scored.score, 1 - scored.score))[::-1]
    size = np.arange(1, len(nearest) + 1)
    variance = np.cumsum(1 / (nearest * (1 - nearest))) / size**2
    last = np.r_[nearest[1:] < nearest[:-1], True]
    best = int(np.argmin(np.where(last, variance, np.inf)))
    return 0.0 if best == len(nearest) - 1 else float(nearest[best])


def preference(scored: Scored) -> Floats:
    """The preference score (n,): logit F = logit e - logit(share treated); one half is indifference, however rare the treatment."""
    share = float(scored.treated.mean())
    return np.asarray(1 / (1 + np.exp(-(scored.logit() - np.log(share / (1 - share))))), dtype=np.float64)


def trim_preference(scored: Scored, *, lower: float = 0.3, upper: float = 0.7) -> Trimmed:
    """Keep who lies in empirical equipoise. Raises BadInput ``score-quantiles`` unless 0 <= lower < upper <= 1, ``score-all-trimmed``."""
    if not 0 <= lower < upper <= 1:
        raise BadInput("score-quantiles")
    return _kept(scored, preference(scored), (lower, upper), "preference")


def _kept(scored: Scored, by: Floats, limits: tuple[float, float], rule: str) -> Trimmed:
    lower, upper = limits
    keep = (by >= lower) & (by <= upper)
    for arm, of in (("treated", scored.treated), ("comparator", ~scored.treated)):
        if not keep[of].any():
            raise BadInput("score-all-trimmed", arm=arm)
    return Trimmed(
        rule=rule,
        keep=keep,
        lower=lower,
        upper=upper,
        left_out_treated=int((~keep & scored.treated).sum()),
        left_out_comparators=int((~keep & ~scored.treated).sum()),
    )
