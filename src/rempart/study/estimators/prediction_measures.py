# SPDX-License-Identifier: Apache-2.0
"""How well probabilities predict an outcome: discrimination, calibration, overall error, net benefit. It fits no prediction model.

Every measure is weighted, so that persons censored before the horizon count by inverse probability (``censoring_weights``); with weights of
one they are the plain ones. Weights are taken as known in the intervals, and an effective number (Σw)²/Σw² stands for persons.

AUROC: the chance that a case's probability exceeds another person's, ties counting half; variance by placements (DeLong 1988), limits on
the logit. AUPRC: average precision by steps, equal probabilities together; limits on the logit (Boyd 2013). Brier: mean squared error;
IPA: one less its ratio to that of the outcome's share. O/E: cases over the sum of probabilities, limits on the log. Slope: of logistic
regression on the logit, sandwich errors. Net benefit at threshold t: (true positives - false positives · t/(1-t)) a person (Vickers
2006). Shapes: n persons. Source: reference statistics 6; TRIPOD+AI.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rempart.errors import BadInput
from rempart.study.estimators.logistic import fit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Limits = tuple[float, float, float]  # estimate, lower, upper
_Z = 1.959963984540054
_EDGE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """``probability`` (n,) from 0 to 1, ``outcome`` (n,) true or false, ``weight`` (n,) finite, not negative: at 0 they count nowhere.

    Raises BadInput ``prediction-shape``, ``prediction-probability``, ``prediction-weight``; ``prediction-one-class`` without a case, or
    without anybody else.
    """

    probability: Floats
    outcome: Bools
    weight: Floats

    def __post_init__(self) -> None:
        """Both classes have persons."""
        same = self.probability.shape == self.outcome.shape == self.weight.shape
        if not same or self.outcome.ndim != 1 or self.outcome.dtype != np.bool_:
            raise BadInput("prediction-shape", persons=len(self.outcome))
        p = self.probability
        if not np.isfinite(p).all() or p.min(initial=0.0) < 0 or p.max(initial=0.0) > 1:
            raise BadInput("prediction-probability")
        if not np.isfinite(self.weight).all() or self.weight.min(initial=0.0) < 0:
            raise BadInput("prediction-weight")
        counted = self.weight > 0
        if not self.outcome[counted].any() or self.outcome[counted].all():
            raise BadInput("prediction-one-class")

    @property
    def share(self) -> float:
        """Weighted share of cases."""
        return float(self.weight @ self.outcome / self.weight.sum())

    def among(self, inside: Bools) -> "Predicted":
        """Some persons alone."""
        return Predicted(probability=self.probability[inside], outcome=self.outcome[inside], weight=self.weight[inside])


def effective(weight: Floats) -> float:
    """(Σw)²/Σw²: as many persons of one weight would tell as much."""
    total = float(weight.sum())
    return total * total / float(weight @ weight) if total else 0.0


def auroc(given: Predicted) -> Limits:
    """Area under the receiver operating curve."""
    case = given.outcome
    w1, w0 = given.weight[case], given.weight[~case]
    below = _placed(given.probability[case], given.probability[~case], w0)
    above = 1 - _placed(given.probability[~case], given.probability[case], w1)
    area = float(w1 @ below / w1.sum())
    error = np.sqrt(_variance(below, w1, area) + _variance(above, w0, area))
    return (area, *_on_logit(area, float(error)))


def _placed(values: Floats, among: Floats, weight: Floats) -> Floats:
    """For each value the weighted share of ``among`` that lies below it, equal ones by half."""
    order = np.argsort(among, kind="stable")
    sums = np.r_[0.0, np.cumsum(weight[order])]
    left = sums[np.searchsorted(among[order], values, side="left")]
    right = sums[np.searchsorted(among[order], values, side="right")]
    return np.asarray((left + right) / 2 / weight.sum(), dtype=np.float64)


def _variance(placed: Floats, weight: Floats, mean: float) -> float:
    """Of a weighted mean; with weights of one, s²/n."""
    n = float((weight > 0).sum())
    found = float((weight * (placed - mean)) @ (weight * (placed - mean))) / float(weight.sum()) ** 2
    return found * n / (n - 1) if n > 1 else 0.0


def _on_logit(value: float, error: float) -> tuple[float, float]:
    if not error:
        return value, value
    inside = min(max(value, _EDGE), 1 - _EDGE)
    at, reach = np.log(inside / (1 - inside)), _Z * error / (inside * (1 - inside))
    return float(expit(at - reach)), float(expit(at + reach))


def average_precision(given: Predicted) -> Limits:
    """Area under the precision–recall curve."""
    order = np.argsort(-given.probability, kind="stable")
    p, w, y = given.probability[order], given.weight[order], given.outcome[order]
    last = np.r_[np.flatnonzero(np.diff(p)), len(p) - 1]
    hits, all_of = np.cumsum(w * y)[last], np.cumsum(w)[last]
    precision = np.divide(hits, all_of, out=np.zeros(len(last)), where=all_of > 0)
    value = float(np.diff(np.r_[0.0, hits]) @ precision / hits[-1])
    cases = effective(given.weight[given.outcome])
    inside = min(max(value, _EDGE), 1 - _EDGE)
    return (value, *_on_logit(value, float(np.sqrt(inside * (1 - inside) / cases))))


def brier(given: Predicted) -> tuple[float, float]:
    """(Brier score, index of prediction accuracy)."""
    w = given.weight / given.weight.sum()
    score = float(w @ (given.outcome - given.probability) ** 2)
    return score, 1 - score / (given.share * (1 - given.share))


def observed_expected(given: Predicted) -> Limits:
    """Cases over those expected; raises BadInput ``prediction-none-expected``."""
    expected = float(given.weight @ given.probability)
    if expected <= 0:
        raise BadInput("prediction-none-expected")
    ratio = float(given.weight @ given.outcome) / expected
    reach = _Z * np.sqrt((1 - given.share) / (given.share * effective(given.weight)))
    return ratio, float(ratio * np.exp(-reach)), float(ratio * np.exp(reach))


def slope(given: Predicted) -> Limits:
    """Calibration slope: 1 is right, below it probabilities are too extreme. The errors of ``logistic.fit``."""
    p = np.clip(given.probability, 1e-9, 1 - 1e-9)
    x = np.log(p / (1 - p))
    fitted = fit(x[:, None], given.outcome, ("linear predictor",), weight=given.weight)
    design = np.column_stack([np.ones(len(x)), x])
    residual = given.outcome - 1 / (1 + np.exp(-(design @ fitted.beta)))
    score = design * (given.weight * residual)[:, None]
    error = float(np.sqrt((fitted.covariance @ (score.T @ score) @ fitted.covariance)[1, 1]))
    return float(fitted.beta[1]), float(fitted.beta[1] - _Z * error), float(fitted.beta[1] + _Z * error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Persons of one tenth of the probabilities: ``persons`` and ``cases`` that count; mean ``predicted``; ``observed`` with limits."""

    persons: int
    cases: int
    predicted: float
    observed: Limits


def tenths(given: Predicted, *, bands: int = 10) -> tuple[Band, ...]:
    """Persons in order of their probabilities, in bands of nearly equal numbers; equal probabilities stay together."""
    counted = given.among(given.weight > 0)
    ranks = np.searchsorted(np.sort(counted.probability), counted.probability, side="left")
    place = ranks * bands // len(ranks)
    return tuple(_band(counted, place == at) for at in np.unique(place))


def _band(given: Predicted, inside: Bools) -> Band:
    w, p, y = given.weight[inside], given.probability[inside], given.outcome[inside]
    share = float(w @ y / w.sum())
    return Band(
        persons=int(inside.sum()),
        cases=int(y.sum()),
        predicted=float(w @ p / w.sum()),
        observed=(share, *_wilson(share, effective(w))),
    )


def _wilson(share: float, n: float) -> tuple[float, float]:
    middle, scale = share + _Z**2 / (2 * n), 1 + _Z**2 / n
    reach = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    return float(max(0.0, (middle - reach) / scale)), float(min(1.0, (middle + reach) / scale))


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """At a threshold: persons with a probability of it or more, ``cases`` among them; net benefit of the model and of everybody treated."""

    threshold: float
    persons: int
    cases: int
    model: float
    everybody: float


def net_benefit(given: Predicted, thresholds: Sequence[float]) -> tuple[Benefit, ...]:
    """Net benefit at each threshold, each above 0 and below 1: raises BadInput ``prediction-threshold``."""
    found = []
    w, y = given.weight / given.weight.sum(), given.outcome
    for threshold in thresholds:
        if not 0 < threshold < 1:
            raise BadInput("prediction-threshold")
        high, odds = given.probability >= threshold, threshold / (1 - threshold)
        counted = high & (given.weight > 0)
        found.append(
            Benefit(
                threshold=threshold,
                persons=int(counted.sum()),
                cases=int((counted & y).sum()),
                model=float(w @ (high & y) - odds * (w @ (high & ~y))),
                everybody=given.share - odds * (1 - given.share),
            )
        )
    return tuple(found)
