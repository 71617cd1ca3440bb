# SPDX-License-Identifier: Apache-2.0
"""What propensity scores say of two arms: preference score, equipoise, overlap, discrimination; it neither fits, matches nor weights.

Preference score F: logit F = logit S - logit(share exposed) (Walker et al. 2013, doi:10.2147/CER.S40357); a person is in empirical
equipoise where 0.3 ≤ F ≤ 0.7, and half of both arms there is the authors' rule of thumb. c-statistic: the chance that an exposed
person's score exceeds an unexposed one's, ties counting half. Shapes: n persons. The summary holds counts: it is evidence, and goes
through the disclosure checks like any table.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from rempart.errors import BadInput
from rempart.study.estimators.l1_input import Arms

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
EQUIPOISE = (0.3, 0.7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """``exposed``, ``unexposed``: persons; ``c_statistic``; ``equipoise``: share of (exposed, unexposed) with F in 0.3 to 0.7;
    ``outside``: persons of (exposed, unexposed) beyond the scores of the other arm; ``bins`` (2, B): persons by preference score.
    """

    exposed: int
    unexposed: int
    c_statistic: float
    equipoise: tuple[float, float]
    outside: tuple[int, int]
    bins: Ints


def sampled_intercept(intercept: float, fraction: float) -> float:
    """The intercept for everyone, where a model was fitted on all exposed and this ``fraction`` of the others: + log fraction.

    Raises BadInput ``propensity-fraction``.
    """
    if not 0 < fraction <= 1:
        raise BadInput("propensity-fraction")
    return intercept + float(np.log(fraction))


def preference(linear: Floats, exposed: Bools) -> Floats:
    """The preference score of each person, (n,), from the linear predictor (n,) = logit of the propensity score.

    Raises BadInput ``propensity-score-not-finite``, ``propensity-none-exposed``, ``propensity-all-exposed``, ``propensity-shape``.
    """
    _check(linear, exposed)
    share = float(exposed.mean())
    return np.asarray(1 / (1 + np.exp(-(linear - np.log(share / (1 - share))))), dtype=np.float64)


def overlap(linear: Floats, exposed: Bools, *, bins: int = 20) -> Overlap:
    """How far the arms overlap; ``linear`` (n,): logit of the score. Errors as ``preference``."""
    scores = preference(linear, exposed)
    middle = (scores >= EQUIPOISE[0]) & (scores <= EQUIPOISE[1])
    one, other = linear[exposed], linear[~exposed]
    ranks = rankdata(linear)[exposed].sum()
    place = np.minimum((scores * bins).astype(np.int64), bins - 1)
    return Overlap(
        exposed=len(one),
        unexposed=len(other),
        c_statistic=float((ranks - len(one) * (len(one) + 1) / 2) / (len(one) * len(other))),
        equipoise=(float(middle[exposed].mean()), float(middle[~exposed].mean())),
        outside=(_beyond(one, other), _beyond(other, one)),
        bins=np.stack([np.bincount(place[arm], minlength=bins) for arm in (exposed, ~exposed)]),
    )


def _beyond(scores: Floats, others: Floats) -> int:
    return int(((scores < others.min()) | (scores > others.max())).sum())


def _check(linear: Floats, exposed: Bools) -> None:
    Arms(exposed=exposed)
    if linear.shape != exposed.shape:
        raise BadInput("propensity-shape", persons=len(exposed), covariates=1)
    if not np.isfinite(linear).all():
        raise BadInput("propensity-score-not-finite")
