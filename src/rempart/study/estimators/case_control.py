# SPDX-License-Identifier: Apache-2.0
"""Odds ratios from matched sets: matched and nested case-control, case-crossover, and the case-time-control ratio of two of these.

Model: conditional logistic regression, one free intercept for each set; ``case_control_sets`` says who is in which. Several cases in
one set: ``exact``, ``efron`` or ``breslow``, as R's ``survival::clogit`` names them (its ``approximate`` is ``breslow``); with one case
a set the three are the same likelihood.
Rows of a set are persons (case-control) or days of one person (case-crossover). A set of cases only says nothing and is left out
whatever the ties, where clogit's approximations let it pull the estimate to zero. Wald errors from the observed information. Sources:
Breslow & Day 1980 (vol. 1, ch. 7); Maclure, Am J Epidemiol 1991;133:144; Suissa, Epidemiology 1995;6:248 (case-time-control).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rempart.errors import BadInput
from rempart.study.estimators import conditional
from rempart.study.estimators.conditional import ConditionalFit
from rempart.study.estimators.conditional_newton import maximum
from rempart.study.estimators.conditional_sets import Sets, sets_of
from rempart.study.estimators.tied_sets import efron_derivatives, exact_derivatives, tied_sets

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
TIES = ("exact", "efron", "breslow")


def fit(matched: Ints, case: Flags, x: Floats, terms: Sequence[str], *, ties: str = "exact") -> ConditionalFit:
    """Conditional logistic regression: ``matched`` (R,) names a row's set, ``case`` (R,), ``x`` (R, p), in any order.

    Sets without a case, without a control or without a difference say nothing and are counted in ``left_out``. Raises BadInput
    ``conditional-ties`` for another treatment of ties, and those of ``conditional.fit``.
    """
    if ties not in TIES:
        raise BadInput("conditional-ties", ties=ties)
    conditional.check_covariates(x, terms)
    sets = sets_of(matched, x, case.astype(np.float64))
    told = _with_case_and_control(sets)
    if ties == "breslow" or np.all(told.totals() == 1):
        found = conditional.fit(told, terms)
        return replace(found, ties=ties, left_out=sets.count - found.sets)
    return _tied(told, terms, ties, sets.count)


def _with_case_and_control(sets: Sets) -> Sets:
    rows, cases = np.diff(sets.start), sets.totals()
    keep = (cases > 0) & (cases < rows)
    kept = np.repeat(keep, rows)
    start = np.r_[0, np.cumsum(rows[keep])]
    return Sets(x=sets.x, code=sets.code[kept], size=sets.size[kept], events=sets.events[kept], start=start)


def _tied(sets: Sets, terms: Sequence[str], ties: str, count: int) -> ConditionalFit:
    differs = np.maximum.reduceat(sets.code, sets.start[:-1]) > np.minimum.reduceat(sets.code, sets.start[:-1])
    differing, cases = int(differs.sum()), float(sets.totals()[differs].sum())
    conditional.check_enough(cases, terms)
    tied = tied_sets(sets)
    x, scale = conditional.scaled(sets.x)
    build = exact_derivatives if ties == "exact" else efron_derivatives
    found = maximum(build(tied, x), terms, lambda: conditional.widths(x, tied.sets.code, tied.sets.start))
    return conditional.fit_of(
        found,
        scale,
        terms,
        ties=ties,
        sets=differing,
        left_out=count - differing,
        events=round(cases),
        patterns=tied.sets.count,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTimeControl:
    """Two case-crossovers, among cases and among controls on the same days, and the ratio of their odds ratios, of each term.

    ``beta`` = log OR(cases) − log OR(controls), (p,): the trend of exposure over time that controls show is taken out. The two are of
    different persons: ``error`` is the root of the sum of their variances.
    """

    cases: ConditionalFit
    controls: ConditionalFit
    beta: Floats
    error: Floats

    def interval(self, term: int, *, level: float = 0.95) -> tuple[float, float]:
        """Wald limits of a ratio of odds ratios."""
        z = -float(ndtri((1 - level) / 2))
        centre, error = float(self.beta[term]), float(self.error[term])
        return float(np.exp(centre - z * error)), float(np.exp(centre + z * error))

    def p_value(self, term: int) -> float:
        """Two-sided Wald test that the ratio of odds ratios is 1."""
        return float(2 * ndtr(-abs(self.beta[term] / self.error[term])))


def case_time_control(
    person: Ints, index_day: Flags, is_case: Flags, x: Floats, terms: Sequence[str]
) -> CaseTimeControl:
    """``person`` (R,) of each row; ``index_day`` marks the day of the case, or the same day of its control; ``is_case`` whose row it is."""
    cases = fit(person[is_case], index_day[is_case], x[is_case], terms)
    controls = fit(person[~is_case], index_day[~is_case], x[~is_case], terms)
    return CaseTimeControl(
        cases=cases,
        controls=controls,
        beta=cases.beta - controls.beta,
        error=np.sqrt(np.diag(cases.covariance) + np.diag(controls.covariance)),
    )
