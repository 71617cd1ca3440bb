# SPDX-License-Identifier: Apache-2.0
"""What the estimation of a propensity score brings to the error of an estimate that it weights.

Stacked estimating equations (Stefanski & Boos 2002; Lunceford & Davidian 2004): an estimate θ(w) with weights w(e(γ)) moves with the
logistic coefficients γ by dθ/dγ = Σⱼ uⱼ · (∂log wⱼ/∂ηⱼ) · xⱼ, uⱼ = wⱼ ∂θ/∂wⱼ the influence of row j (score residuals, infinitesimal
jackknife), η = xγ. A person's whole influence is then u + (dθ/dγ) I⁻¹ x (y − e), I = Σ e(1 − e) x xᵀ. No refit and no resampling.
Only for a score by maximum likelihood: a shrunken one (L1) has no such expansion, and its weights count as known.
"""

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.score_input import Scored

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SLOPED = ("all", "treated", "untreated", "overlap")


def weight_slopes(scored: Scored, target: str) -> Floats:
    """∂log w/∂η of each person, (n,), of the weights of ``score_weights.weights``. Raises BadInput ``score-target``."""
    if target not in SLOPED:
        raise BadInput("score-target", target=target)
    e, treated = scored.score, scored.treated
    ones, others = {
        "all": (e - 1, e),
        "treated": (np.zeros_like(e), np.ones_like(e)),
        "untreated": (-np.ones_like(e), np.zeros_like(e)),
        "overlap": (-e, 1 - e),
    }[target]
    return np.asarray(np.where(treated, ones, others), dtype=np.float64)


def with_estimation(moves: Floats, slopes: Floats, scored: Scored, x: Floats, row: Ints) -> Floats:
    """Influences (q, n) with what the score's own estimation adds. ``slopes`` (n,) of ``weight_slopes``, 0 where a weight is held
    (truncated); ``x`` (P, p), without a column of ones, is the covariates of the score's model by pattern, ``row`` (n,) whose is whose."""
    full = np.column_stack([np.ones(len(x)), x])
    e = scored.score
    curve = np.bincount(row, weights=e * (1 - e), minlength=len(x))
    information = (full * curve[:, None]).T @ full
    tilt = np.stack([np.bincount(row, weights=move * slopes, minlength=len(x)) for move in moves]) @ full
    direction = np.linalg.solve(information, tilt.T).T  # (q, p + 1)
    return np.asarray(moves + (direction @ full.T)[:, row] * (scored.treated - e), dtype=np.float64)
