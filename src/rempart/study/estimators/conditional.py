# SPDX-License-Identifier: Apache-2.0
"""Grouped conditional logit: given how many events a set has, on which of its rows they fell. One kernel for five designs.

Model: the N_s events of set s fall on row k with probability size_k·exp(x_kβ) / Σ_j size_j·exp(x_jβ); log-likelihood
Σ_s Σ_k n_k log of it, without the multinomial coefficient. It is the self-controlled case series (size: days), case-crossover and
1:m matched case-control (size 1, one event), m:n matched sets with Breslow's ties, and the Poisson model with a free intercept for
each stratum (size: persons; conditional on the stratum's total). Information in Gram form, so no set needs a matrix of its own.
Wald errors from the observed information. Sources: McFadden 1974; Breslow & Day 1980; Farrington 1995; Armstrong, Gasparrini &
Tobias 2014; reference statistics 2.2 and 2.7. Ties treated otherwise are in ``tied_sets``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import chdtrc, ndtr, ndtri

from rempart.errors import BadInput
from rempart.study.estimators.conditional_newton import Derivatives, Maximum, maximum
from rempart.study.estimators.conditional_sets import Sets, add_up, grouped, merged, telling

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_SETS_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalFit:
    """``beta`` and ``error`` (p,), logarithms of ratios; ``covariance`` (p, p); log-likelihood at the maximum and at zero.

    ``sets`` and their ``events`` stand behind the estimate; ``left_out`` sets say nothing of it (no event, or rows that do not differ).
    ``patterns``: sets that were left after putting identical ones together. ``ties`` names the treatment of several events in a set.
    ``dispersion`` has multiplied the covariance (1 unless asked for).
    """

    terms: tuple[str, ...]
    beta: Floats
    error: Floats
    covariance: Floats
    log_likelihood: float
    log_likelihood_null: float
    sets: int
    left_out: int
    events: int
    patterns: int
    ties: str
    steps: int
    dispersion: float = 1.0

    def interval(self, term: int, *, level: float = 0.95) -> tuple[float, float]:
        """Wald limits of a ratio."""
        z = -float(ndtri((1 - level) / 2))
        centre, error = float(self.beta[term]), float(self.error[term])
        return float(np.exp(centre - z * error)), float(np.exp(centre + z * error))

    def p_value(self, term: int) -> float:
        """Two-sided Wald test that the ratio is 1."""
        return float(2 * ndtr(-abs(self.beta[term] / self.error[term])))

    def joint_p_value(self, of: Sequence[int] = ()) -> float:
        """Wald test that all terms ``of`` (all, where none is named) are zero at once: chi-squared with as many degrees of freedom."""
        chosen = list(of) or list(range(len(self.beta)))
        beta, covariance = self.beta[chosen], self.covariance[np.ix_(chosen, chosen)]
        return float(chdtrc(len(chosen), beta @ np.linalg.solve(covariance, beta)))


def fit(sets: Sets, terms: Sequence[str]) -> ConditionalFit:
    """Maximum conditional likelihood of the multinomial model.

    Raises BadInput ``conditional-not-finite``, ``conditional-too-many-terms`` (more terms than events) and those of ``maximum``.
    """
    check_covariates(sets.x, terms)
    told = merged(happened := telling(sets))
    differing = telling(told)
    events = float(differing.events.sum())
    check_enough(events, terms)
    small = grouped(differing)
    centred, scale = scaled(small.x)
    found = maximum(derivatives_of(small, centred), terms, lambda: widths(centred, small.code, small.start))
    # Merging rows hides from the likelihood on which of them an event fell, and drops sets that are all one row: a constant.
    hidden = _log_sizes(happened) - _log_sizes(told)
    return fit_of(
        replace(found, value=found.value + hidden, at_zero=found.at_zero + hidden),
        scale,
        terms,
        ties="breslow",
        sets=differing.count,
        left_out=sets.count - differing.count,
        events=round(events),
        patterns=small.count,
    )


def _log_sizes(sets: Sets) -> float:
    """Σ n·log(size) over the rows with events."""
    happened = sets.events > 0
    return float(sets.events[happened] @ np.log(sets.size[happened]))


def fit_of(
    found: Maximum,
    scale: Floats,
    terms: Sequence[str],
    *,
    ties: str,
    sets: int,
    left_out: int,
    events: int,
    patterns: int,
) -> ConditionalFit:
    """The result of a maximum found on columns divided by ``scale``, in the units that they were given in."""
    covariance = found.covariance / np.outer(scale, scale)
    return ConditionalFit(
        terms=tuple(terms),
        beta=found.beta / scale,
        error=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        log_likelihood=found.value,
        log_likelihood_null=found.at_zero,
        sets=sets,
        left_out=left_out,
        events=events,
        patterns=patterns,
        ties=ties,
        steps=found.steps,
    )


def check_covariates(x: Floats, terms: Sequence[str]) -> None:
    """Raises BadInput ``conditional-not-finite`` with the term that has a value that is no number."""
    bad = ~np.isfinite(x).all(axis=0)
    if bad.any():
        raise BadInput("conditional-not-finite", term=terms[int(np.argmax(bad))])


def check_enough(events: float, terms: Sequence[str]) -> None:
    """Raises BadInput without events in any set that could tell, and with more terms than events. How many there are is
    never told, nor by which term is named."""
    if not events:
        raise BadInput("conditional-no-discordant")
    if events < len(terms):
        raise BadInput("conditional-too-many-terms", term=terms[-1])


def scaled(x: Floats) -> tuple[Floats, Floats]:
    """Columns less their mean and over their range, which no set sees but Newton does; and the ranges (1 for a constant)."""
    width = np.ptp(x, axis=0) if len(x) else np.ones(x.shape[1])
    scale = np.where(width > 0, width, 1.0)
    return (x - x.mean(axis=0)) / scale if len(x) else x, scale


def widths(x: Floats, code: Ints, start: Ints) -> Floats:
    """For each column of ``x`` its widest range within one set (p,)."""
    found = np.zeros(x.shape[1])
    for column in range(x.shape[1]):
        values = x[code, column]
        spread = np.maximum.reduceat(values, start[:-1]) - np.minimum.reduceat(values, start[:-1])
        found[column] = spread.max(initial=0.0)
    return found


def derivatives_of(sets: Sets, x: Floats) -> Derivatives:
    """The log-likelihood, score (p,) and information (p, p) of ``sets`` as a function of β, with covariate rows ``x`` (U, p)."""
    totals = sets.totals()
    own = np.bincount(sets.code, weights=sets.events, minlength=len(x)) @ x
    constant, wide = _log_sizes(sets), np.column_stack((x, np.ones(len(x))))

    def derivatives(beta: Floats) -> tuple[float, Floats, Floats]:
        ratio = np.exp(x @ beta)
        value, expected = constant + float(own @ beta), np.empty(len(sets.code))
        between = np.zeros((len(beta), len(beta)))
        for part, code, size, start in _chunks(sets):
            rows = slice(int(sets.start[part.start]), int(sets.start[part.stop]))
            weight = size * ratio[code]
            total = totals[part]
            sums = csr_array((weight, code, start), shape=(len(total), len(x))) @ wide
            whole = sums[:, -1]
            mean = sums[:, :-1] / whole[:, None]
            value -= float(total @ np.log(whole))
            expected[rows] = weight * np.repeat(total / whole, np.diff(start))
            between += (mean * total[:, None]).T @ mean
        of_code = np.bincount(sets.code, weights=expected, minlength=len(x))
        return value, own - of_code @ x, (x * of_code[:, None]).T @ x - between

    return derivatives


def _chunks(sets: Sets) -> Iterator[tuple[slice, Ints, Floats, Ints]]:
    """Some sets at a time, so that what is computed of them stays in the processor's cache."""
    for first in range(0, sets.count, _SETS_AT_ONCE):
        last = min(first + _SETS_AT_ONCE, sets.count)
        rows = slice(int(sets.start[first]), int(sets.start[last]))
        yield slice(first, last), sets.code[rows], sets.size[rows], sets.start[first : last + 1] - rows.start


def expected_events(sets: Sets, beta: Floats) -> Floats:
    """Events that the model expects on each row (R,), given the set's total."""
    eta = sets.x @ beta
    weight = sets.size * np.exp(eta - eta.max(initial=-np.inf))[sets.code] if len(eta) else sets.size
    rows = np.diff(sets.start)
    return np.asarray(weight * np.repeat(sets.totals() / add_up(weight, sets.start), rows))
