# SPDX-License-Identifier: Apache-2.0
"""Standardised risks from a logistic fit (the g-formula): what would have happened to the same people under each treatment.

Point exposure: risk under a = mean over persons of expit(x_i(a)β). Over periods: S_i(t) = Π (1 - expit(x_i(a, u)β)) for u <= t, and the
risk by t is 1 - mean S_i(t). Covariates are those at baseline, as counts by pattern (``n``); what changes after baseline and drives
treatment belongs into weights (``marginal_structural``), not into this model.

Variance by the delta method from the fit's covariance, given who the people are (as R's margins and stdReg's conditional form). Where
the fit knows its units and ``people`` their patterns, the sampling of people is added: the influence of each unit on β and on the
mean together (full sandwich, HC0). Sources: Robins 1986; Sjölander, Eur J Epidemiol 2016;31:563 (stdReg); Hernán & Robins, What If, 13, 17.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rempart.errors import BadInput
from rempart.study.estimators.pooled_logistic import PooledFit
from rempart.study.estimators.weighted_contrast import Contrast, contrast

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Designs = Sequence[Floats]


def standardised_risks(
    fit: PooledFit,
    treated: Floats,
    comparator: Floats,
    n: Floats,
    *,
    people: Ints | None = None,
) -> Contrast:
    """Risks when all have ``treated``, and when all have ``comparator``: designs (B, p) of B baseline patterns with ``n`` (B,) persons.

    ``people`` (U,): the pattern of each unit of the fit, in the order of its scores. Raises BadInput ``standard-shape``,
    ``standard-nobody``.
    """
    return standardised_curves(fit, [treated], [comparator], n, people=people)[0]


def standardised_curves(
    fit: PooledFit,
    treated: Designs,
    comparator: Designs,
    n: Floats,
    *,
    people: Ints | None = None,
) -> tuple[Contrast, ...]:
    """Risks by the end of each period: one design (B, p) a period and arm. Raises as ``standardised_risks``."""
    if not len(treated) or len(treated) != len(comparator):
        raise BadInput("standard-shape")
    for design in (*treated, *comparator):
        if design.shape != (len(n), len(fit.beta)) or not np.isfinite(design).all():
            raise BadInput("standard-shape")
    if not np.isfinite(n).all() or n.min(initial=0.0) < 0 or not n.sum() > 0:
        raise BadInput("standard-nobody")
    if people is not None and (len(people) != len(fit.scores) or not len(people) or people.max() >= len(n)):
        raise BadInput("standard-shape")
    root = np.asarray(np.linalg.cholesky(fit.covariance), dtype=np.float64)
    found = []
    for one, other in zip(_by_period(fit.beta, treated), _by_period(fit.beta, comparator), strict=True):
        sides = [_side(fit, side, (n, people, root)) for side in (one, other)]
        made = contrast("standardised risk", (sides[0][0], sides[1][0]), (sides[0][1], sides[1][1]))
        found.append(made)
    return tuple(found)


def _by_period(beta: Floats, designs: Designs) -> list[tuple[Floats, Floats]]:
    """By the end of each period the risk of each pattern (B,), and its slope in β (B, p)."""
    log_survival, slope = np.zeros(len(designs[0])), np.zeros((len(designs[0]), len(beta)))
    found = []
    for x in designs:
        eta = x @ beta
        log_survival = log_survival - np.logaddexp(0.0, eta)
        slope = slope + expit(eta)[:, None] * x
        found.append((-np.expm1(log_survival), np.exp(log_survival)[:, None] * slope))
    return found


def _side(
    fit: PooledFit, side: tuple[Floats, Floats], over: tuple[Floats, Ints | None, Floats]
) -> tuple[float, Floats]:
    """The mean risk, and numbers whose squares add up to its variance: by unit, or by direction of the covariance."""
    (risk, slope), (n, people, root) = side, over
    share = n / n.sum()
    mean, direction = float(share @ risk), share @ slope
    if people is None:
        return mean, root.T @ direction
    moved = fit.scores @ (fit.model_covariance @ direction)
    return mean, moved + (risk[people] - mean) / len(people)
