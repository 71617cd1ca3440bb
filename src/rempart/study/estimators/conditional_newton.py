# SPDX-License-Identifier: Apache-2.0
"""Newton with step-halving for conditional likelihoods, and the plain words when there is no maximum; it knows no model.

Stops when the log-likelihood and the score (in standard errors) both stand still (reference statistics 2.6). Columns are expected
within-set scaled to a whole range of about one, so that a coefficient beyond 15 stands for a ratio of three million.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Derivatives = Callable[[Floats], tuple[float, Floats, Floats]]
_STEPS, _HALVINGS = 60, 30
_TOLERANCE = 1e-12
_SEPARATED = 15.0
_SINGULAR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum:
    """``beta`` (p,), ``covariance`` (p, p), the log-likelihood there and at zero, and the steps taken."""

    beta: Floats
    covariance: Floats
    value: float
    at_zero: float
    steps: int


def maximum(derivatives: Derivatives, terms: Sequence[str], ranges: Callable[[], Floats]) -> Maximum:
    """Where ``derivatives`` (value, score, information) is largest, from zero. ``ranges()`` gives each column's widest range in a set.

    Raises BadInput ``conditional-no-discordant``, ``conditional-constant``, ``conditional-collinear``, ``conditional-separation``,
    ``conditional-not-converged``; each but the first and last names the term.
    """
    beta = np.zeros(len(terms))
    value, score, information = derivatives(beta)
    at_zero = value
    _check_varies(information, terms, ranges)
    _check_distinct(information, terms)
    for step in range(1, _STEPS + 1):
        move = _newton_move(information, score, beta, terms)
        proposal, new = _halved(derivatives, beta, move, value)
        gain = new[0] - value
        beta, (value, score, information) = proposal, new
        _check_finite_estimate(beta, terms, ranges)
        if gain <= _TOLERANCE * (1 + abs(value)) and _small(score, information):
            _newton_move(information, score, beta, terms)
            covariance: Floats = np.asarray(np.linalg.inv(information), dtype=np.float64)
            return Maximum(beta=beta, covariance=covariance, value=value, at_zero=at_zero, steps=step)
    raise BadInput("conditional-not-converged", steps=_STEPS)


def _small(score: Floats, information: Floats) -> bool:
    return bool(np.all(np.abs(score) <= 1e-7 * np.sqrt(np.maximum(np.diag(information), 1e-300))))


def _halved(
    derivatives: Derivatives, beta: Floats, move: Floats, value: float
) -> tuple[Floats, tuple[float, Floats, Floats]]:
    """The first of move, move/2, move/4 … that does not lower the likelihood (rounding apart)."""
    allowed = _TOLERANCE * (1 + abs(value))
    for halving in range(_HALVINGS):
        proposal = beta + move / 2**halving
        if np.abs(proposal).sum() < 300:  # no exponential overflows
            new = derivatives(proposal)
            if np.isfinite(new[0]) and new[0] >= value - allowed:
                return proposal, new
    raise BadInput("conditional-not-converged", steps=_HALVINGS)


def _correlation(information: Floats) -> tuple[Floats, Floats]:
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    return information / np.outer(scale, scale), scale


def _newton_move(information: Floats, score: Floats, beta: Floats, terms: Sequence[str]) -> Floats:
    """A singular information on the way, where it was sound at zero, is a likelihood that flattens towards infinity."""
    correlation, scale = _correlation(information)
    if not np.all(np.isfinite(correlation)) or np.linalg.eigvalsh(correlation)[0] < _SINGULAR:
        raise BadInput("conditional-separation", term=terms[int(np.argmax(np.abs(beta)))])
    return np.asarray(np.linalg.solve(correlation, score / scale) / scale)


def _check_varies(information: Floats, terms: Sequence[str], ranges: Callable[[], Floats]) -> None:
    if np.all(np.diag(information) > 1e-6):
        return
    widths = ranges()
    if not widths.any():
        raise BadInput("conditional-no-discordant")
    if not widths.all():
        raise BadInput("conditional-constant", term=terms[int(np.argmin(widths))])


def _check_distinct(information: Floats, terms: Sequence[str]) -> None:
    correlation, _ = _correlation(information)
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < _SINGULAR:
        raise BadInput("conditional-collinear", term=terms[int(np.argmax(np.abs(vectors[:, 0])))])


def _check_finite_estimate(beta: Floats, terms: Sequence[str], ranges: Callable[[], Floats]) -> None:
    if np.max(np.abs(beta), initial=0.0) <= _SEPARATED:
        return
    reach = np.abs(beta) * ranges()
    if np.max(reach) > _SEPARATED:
        raise BadInput("conditional-separation", term=terms[int(np.argmax(reach))])
