# SPDX-License-Identifier: Apache-2.0
"""Propensity score by L1 logistic regression on sparse yes-or-no covariates, along a falling path of penalties.

Model: logit P(exposed | x) = a + xβ. Scale of the penalty λ: the objective is **Σ log loss + λ·Σ|β|** over the persons (sum scale);
glmnet divides the loss by n, so its lambda is λ/n (``L1Fit.glmnet_lambda``, with standardize = FALSE); a Laplace prior of variance v
is λ = √(2/v). The intercept is not penalised and nothing is standardised. Shapes: n persons, q covariates, L penalties.

Each penalty begins where the one before ended (warm start); the sequential strong rule leaves out covariates that will hardly enter,
and the conditions of Karush, Kuhn and Tucker bring back any that it left out wrongly. Outside, quadratic approximations (IRLS) with
step-halving; inside, coordinate descent. A fit ends when its duality gap, a bound on what any other coefficients could still gain,
is below ``precision`` (1e-7) of the loss: agreement on the objective is proved, not hoped for.
Sources: Friedman, Hastie, Tibshirani 2010 (doi:10.18637/jss.v033.i01); Tibshirani et al. 2012 (strong rules); reference statistics 2.5.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.binary_columns import BinaryColumns
from rempart.study.estimators.l1_input import Arms, check_columns
from rempart.study.estimators.l1_loops import add_columns, sum_columns
from rempart.study.estimators.l1_steps import Place, gap, intercept_alone, polished, step

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
PRECISION = 1e-7
_STEPS = 200
# A coordinate rests below this worth: of the aim at first, of the last gain, of the aim at least; and so much less after each look.
_LOOSE, _SHARE, _TIGHT, _TIGHTER = 1.0, 0.003, 1e-5, 1e-3
_SEPARATED = 1e-3  # of the loss of the intercept alone: glmnet too ends its path there


@dataclass(frozen=True, slots=True, kw_only=True)
class L1Fit:
    """``columns`` and ``beta``: the covariates that are not zero, and their log odds ratios (shrunken: no interval belongs to them).

    ``penalty`` λ on the sum scale; ``loss`` Σ log loss; ``objective`` loss + λΣ|β|, at most ``gap`` above the least possible;
    ``persons`` n (or the sum of the weights); ``steps`` quadratic approximations taken.
    """

    penalty: float
    intercept: float
    columns: Ints
    beta: Floats
    terms: tuple[str, ...]
    loss: float
    objective: float
    gap: float
    steps: int
    persons: float

    @property
    def glmnet_lambda(self) -> float:
        """The same penalty on glmnet's scale, λ/n."""
        return self.penalty / self.persons


@dataclass(frozen=True, slots=True, kw_only=True)
class L1Path:
    """``fits``: one a penalty, falling; ``null_loss``: Σ log loss of the intercept alone; ``greatest``: the λ where all β become 0."""

    fits: tuple[L1Fit, ...]
    null_loss: float
    greatest: float


def greatest_penalty(columns: BinaryColumns, exposed: Bools) -> float:
    """The least λ at which every coefficient is zero: max |Σ over the holders of (exposed - share)|."""
    arms = Arms(exposed=exposed)
    return float(np.abs(_slopes(columns, intercept_alone(arms, len(columns.terms)).slope)).max(initial=0.0))


def falling(greatest: float, *, count: int = 20, ratio: float = 0.01) -> Floats:
    """``count`` penalties from ``greatest`` down to ``ratio`` of it, equally spaced in their logarithm.

    Raises BadInput ``propensity-penalty``.
    """
    if not (np.isfinite(greatest) and greatest > 0 and 0 < ratio < 1 and count >= 1):
        raise BadInput("propensity-penalty")
    return np.asarray(np.geomspace(greatest, greatest * ratio, count), dtype=np.float64)


def fit_path(
    columns: BinaryColumns,
    exposed: Bools,
    penalties: Floats,
    *,
    weight: Floats | None = None,
    precision: float = PRECISION,
) -> L1Path:
    """The fits at each of ``penalties`` (L,), positive and strictly falling; ``exposed`` (n,) true or false; ``weight`` (n,) ≥ 0.

    ``precision``: how far an objective may lie above the least, as a share of the loss (below 1e-13 rounding forbids it).

    Raises BadInput ``propensity-shape``, ``propensity-weight``, ``propensity-none-exposed``, ``propensity-all-exposed``,
    ``propensity-constant``, ``propensity-twin``, ``propensity-is-exposure``, ``propensity-penalty``, ``propensity-separation``,
    ``propensity-not-converged``; each that has a covariate to blame names it.
    """
    arms = Arms(exposed=exposed, weight=weight)
    check_columns(columns, arms)
    return path_of(columns, arms, penalties, precision)


def fit_at(columns: BinaryColumns, exposed: Bools, penalty: float, *, warm: int = 6) -> L1Fit:
    """The fit at one penalty, reached over ``warm`` penalties that fall from the greatest. Errors as ``fit_path``."""
    start = greatest_penalty(columns, exposed)
    if not (np.isfinite(penalty) and penalty > 0):
        raise BadInput("propensity-penalty")
    way = np.geomspace(start, penalty, warm) if start > penalty and warm > 1 else np.array([penalty])
    return fit_path(columns, exposed, np.asarray(way, dtype=np.float64)).fits[-1]


def path_of(columns: BinaryColumns, arms: Arms, penalties: Floats, precision: float) -> L1Path:
    """As ``fit_path``, where the covariates have been checked."""
    _check_penalties(penalties)
    place = intercept_alone(arms, len(columns.terms))
    slopes = _slopes(columns, place.slope)
    null, greatest = place.loss, float(np.abs(slopes).max(initial=0.0))
    before, fits = max(greatest, float(penalties[0])), []
    for penalty in penalties.tolist():
        place, slopes, fit = _at(columns, arms, place, slopes, (penalty, before, precision))
        if fit.loss < _SEPARATED * null:
            raise BadInput("propensity-separation", term=fit.terms[int(np.argmax(np.abs(fit.beta)))])
        fits.append(fit)
        before = penalty
    return L1Path(fits=tuple(fits), null_loss=null, greatest=greatest)


def linear_predictor(columns: BinaryColumns, fit: L1Fit) -> Floats:
    """a + xβ of each person, (n,); the covariates are those of the fit, or others of the same order. The score is its logistic."""
    eta = np.full(columns.persons, fit.intercept)
    add_columns((columns.start, columns.person), fit.columns, fit.beta, eta)
    return eta


def _check_penalties(penalties: Floats) -> None:
    good = len(penalties) and np.isfinite(penalties).all() and (penalties > 0).all() and (np.diff(penalties) < 0).all()
    if not good:
        raise BadInput("propensity-penalty")


def _slopes(columns: BinaryColumns, slope: Floats) -> Floats:
    """Σ of the persons' slopes over the holders of each covariate, (q,)."""
    out = np.zeros(len(columns.terms))
    sum_columns((columns.start, columns.person), np.arange(len(columns.terms)), slope, out)
    return out


def _at(
    columns: BinaryColumns, arms: Arms, place: Place, slopes: Floats, limits: tuple[float, float, float]
) -> tuple[Place, Floats, L1Fit]:
    """The minimum at the penalty, from that at the one before it: its place, the slopes there, and the fit."""
    penalty, before, precision = limits
    strong = (np.abs(slopes) >= 2 * penalty - before) | (place.beta != 0)
    aim = precision * place.loss
    rest = _LOOSE * aim
    for taken in range(1, _STEPS + 1):
        after = step(columns, arms, place, np.flatnonzero(strong), (penalty, rest))
        gain = place.objective(penalty) - after.objective(penalty)
        place = after
        if gain > aim:
            rest = min(rest, max(_SHARE * gain, _TIGHT * aim))
            continue
        slopes, left = _looked(columns, arms, place, penalty)
        if left > precision * place.loss:
            place = polished(columns, arms, place, penalty, aim)
            slopes, left = _looked(columns, arms, place, penalty)
        wrong = ~strong & (np.abs(slopes) > penalty)
        if not wrong.any() and left <= precision * place.loss:
            return place, slopes, _fit(columns, arms, place, penalty, (left, taken))
        strong, rest = strong | wrong, rest * _TIGHTER
    raise BadInput("propensity-not-converged", steps=_STEPS)


def _looked(columns: BinaryColumns, arms: Arms, place: Place, penalty: float) -> tuple[Floats, float]:
    """The slopes of all covariates, and how far the objective may lie above the least."""
    slopes = _slopes(columns, place.slope)
    return slopes, gap(arms, place, penalty, float(np.abs(slopes).max(initial=0.0)))


def _fit(columns: BinaryColumns, arms: Arms, place: Place, penalty: float, ended: tuple[float, int]) -> L1Fit:
    chosen = np.flatnonzero(place.beta)
    return L1Fit(
        penalty=penalty,
        intercept=place.intercept,
        columns=chosen,
        beta=place.beta[chosen],
        terms=tuple(columns.terms[j] for j in chosen),
        loss=place.loss,
        objective=place.objective(penalty),
        gap=ended[0],
        steps=ended[1],
        persons=float(arms.weights.sum()),
    )
