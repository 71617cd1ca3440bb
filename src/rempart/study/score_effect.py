# SPDX-License-Identifier: Apache-2.0
"""The effect of target against comparator after a propensity score: hazard ratio, risks of both arms, their difference and ratio.

Hazard ratio: weighted Cox of the arm alone, error from score residuals summed by person or matched set; strata: Cox stratified by them,
conditional on the stratum, error of the model. Risks: weighted Aalen–Johansen, in which death competes. Where the score is a maximum
likelihood its estimation is allowed for (``score_influence``); a bootstrap, where asked for, does everything anew in each replicate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rempart.errors import BadInput
from rempart.records.scores import STRATA, ScoreUse
from rempart.study.estimators.cox_days import risk_days
from rempart.study.estimators.cox_input import CoxRows
from rempart.study.estimators.cox_residuals import score_residuals
from rempart.study.estimators.cox_rows import fitted
from rempart.study.estimators.person_bootstrap import bootstrap
from rempart.study.estimators.score_influence import with_estimation
from rempart.study.estimators.score_input import Scored, sums_by
from rempart.study.estimators.weighted_incidence import Leaving, incidences
from rempart.study.score_model import ScoreFit, refitted
from rempart.study.score_use import Compared, compared
from rempart.study.scored import Persons, draws

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TERM = "target versus comparator"
_COMPETES = 2
_BOOT_DRAW = 3
_Z = -float(ndtri(0.025))
BEYOND = "contrast-day-beyond-follow-up"
_LEAST_ERROR = 1e-9  # of a logarithm: below it scores cancel in each set, and nothing is left that varies


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An estimate with its limits (95 %); None where its data tell of no spread (a risk of 0 or 1)."""

    value: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A hazard ratio: log, standard error, limits, p."""

    log: float
    error: float
    told: Told
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Risks:
    """By the end of ``day``: risk of (target, comparator), their difference and ratio (None where a risk is 0)."""

    day: int
    arms: tuple[Told, Told]
    difference: Told
    ratio: Told | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """``risks``: by day, without the days up to which not both arms are followed (``beyond``)."""

    ratio: Ratio
    risks: tuple[Risks, ...]
    beyond: tuple[int, ...] = ()


def hazard_ratio(persons: Persons, found: Compared, *, ties: str = "efron") -> tuple[float, float, Floats]:
    """Log hazard ratio, its error, and each person's influence on it (n,); of strata the error is the model's and nobody's influence."""
    inside = found.weight > 0
    rows = CoxRows(
        x=persons.treated[inside].astype(np.float64)[:, None],
        terms=(TERM,),
        exit_=persons.exit_[inside],
        event=persons.status[inside] == 1,
        entry=persons.entry[inside],
        strata=None if found.stratum is None else found.stratum[inside],
        weight=None if found.stratum is not None else found.weight[inside],
    )
    risk = risk_days(rows)
    fit, moments = fitted(risk, ties=ties, robust=False, idle_strata="keep")
    moves = np.zeros(len(persons.treated))
    if found.stratum is None:
        moves[inside] = score_residuals(risk, moments)[:, 0] * fit.covariance[0, 0]
    return float(fit.beta[0]), float(fit.error[0]), moves


def effect(
    persons: Persons, fit: ScoreFit, found: Compared, use: ScoreUse, *, ties: str = "efron", seed: int = 0
) -> Effect:
    """The effect. Raises BadInput as the estimators: ``cox-*``, ``score-*``, ``contrast-*``, ``bootstrap-failed``."""
    days, beyond = _within(persons, found, use.risk_days)
    log, own, moves = hazard_ratio(persons, found, ties=ties)
    risks = incidences(_leaving(persons), persons.treated, found.weight, days) if days else ()
    values = np.array([log, *(risk for item in risks for risk in item.risk)])
    influence = np.vstack([moves, *(item.moves for item in risks)])
    if found.slopes is not None:
        x, row = (persons.x, persons.row) if fit.columns is None else (fit.columns.dense(), np.arange(len(moves)))
        influence = with_estimation(influence, found.slopes, fit.scored, x, row)
    covariance = _covariance(influence, found.unit)
    if use.adjustment == STRATA:
        covariance[0, 0] = own**2
    if use.replicates:
        return _resampled(persons, fit, use, values, (ties, seed, days, beyond))
    return _wald(values, covariance, days, beyond)


def _leaving(persons: Persons) -> Leaving:
    status = np.where(persons.status > 1, _COMPETES, persons.status)
    return Leaving(entry=persons.entry, exit_=persons.exit_, status=status)


def _within(persons: Persons, found: Compared, days: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The days that both arms are followed to, and those beyond."""
    last = min(int(persons.exit_[arm & (found.weight > 0)].max()) for arm in (persons.treated, ~persons.treated))
    return tuple(day for day in days if day <= last), tuple(day for day in days if day > last)


def _covariance(influence: Floats, unit: Ints | None) -> Floats:
    moves = influence if unit is None else np.stack([sums_by(unit, move) for move in influence])
    return np.asarray(moves @ moves.T, dtype=np.float64)


def _wald(values: Floats, covariance: Floats, days: tuple[int, ...], beyond: tuple[int, ...]) -> Effect:
    error = np.sqrt(np.diag(covariance))
    risks = []
    for number, day in enumerate(days):
        at = slice(1 + 2 * number, 3 + 2 * number)
        one, other = (_risk(value, own) for value, own in zip(values[at], error[at], strict=True))
        apart = np.array([1.0, -1.0])
        difference = _apart(one, other, float(np.sqrt(max(apart @ covariance[at, at] @ apart, 0.0))))
        ratio = None
        if one.lower is not None and other.lower is not None:
            log, slope = float(np.log(float(values[at][0]) / float(values[at][1]))), apart / values[at]
            ratio = _exponential(log, float(np.sqrt(max(float(slope @ covariance[at, at] @ slope), 0.0))))
        risks.append(Risks(day=day, arms=(one, other), difference=difference, ratio=ratio))
    return Effect(ratio=ratio_of(float(values[0]), float(error[0])), risks=tuple(risks), beyond=beyond)


def _apart(one: Told, other: Told, error: float) -> Told:
    """The difference of two risks; without limits where one of them has none, since it would lend no variance."""
    value = one.value - other.value
    if one.lower is None or other.lower is None:
        return Told(value=value, lower=None, upper=None)
    return Told(value=value, lower=max(value - _Z * error, -1.0), upper=min(value + _Z * error, 1.0))


def ratio_of(log: float, error: float, told: Told | None = None) -> Ratio:
    """A ratio by its logarithm and error; ``told``: limits found in another way. Raises BadInput ``contrast-no-spread``."""
    if not error > _LEAST_ERROR:
        raise BadInput("contrast-no-spread", term=TERM)
    p_value = float(2 * ndtr(-abs(log / error)))
    return Ratio(log=log, error=error, told=told or _exponential(log, error), p_value=p_value)


def _exponential(log: float, error: float) -> Told:
    low, middle, high = (float(np.exp(log + z * error)) for z in (-_Z, 0.0, _Z))
    return Told(value=middle, lower=low, upper=high)


def _risk(value: float, error: float) -> Told:
    """A risk with limits on the scale of log(−log), so that they stay between 0 and 1."""
    if not 0 < value < 1:
        return Told(value=float(value), lower=None, upper=None)
    log = np.log(-np.log(value))
    reach = _Z * error / abs(value * np.log(value))
    low, high = sorted(float(np.exp(-np.exp(log + sign * reach))) for sign in (-1, 1))
    return Told(value=float(value), lower=low, upper=high)


def _resampled(
    persons: Persons,
    fit: ScoreFit,
    use: ScoreUse,
    values: Floats,
    how: tuple[str, int, tuple[int, ...], tuple[int, ...]],
) -> Effect:
    """Limits from replicates: percentiles; p from their standard deviation."""
    ties, seed, days, beyond = how

    def statistic(weight: Floats) -> Floats:
        if (weight == 1).all():
            return values
        times = np.repeat(np.arange(len(weight)), weight.astype(np.int64))
        scored = refitted(persons, fit, weight)
        again = Scored(score=scored.score[times], treated=scored.treated[times])
        used = compared(again, use, seed)
        drawn = _drawn(persons, times)
        log, _, _ = hazard_ratio(drawn, used, ties=ties)
        risks = incidences(_leaving(drawn), drawn.treated, used.weight, days) if days else ()
        return np.array([log, *(risk for item in risks for risk in item.risk)])

    draw = draws(seed, len(persons.treated), use=_BOOT_DRAW).view(np.int64)
    found = bootstrap(
        statistic, draw, replicates=use.replicates, compared_by="strata" if use.adjustment == STRATA else "weights"
    )
    error = found.error()
    told = _percentile(np.exp(found.replicates[:, 0]), float(np.exp(values[0])))
    risks = _risks_of(found.replicates, values, days)
    return Effect(ratio=ratio_of(float(values[0]), float(error[0]), told), risks=risks, beyond=beyond)


def _risks_of(replicates: Floats, values: Floats, days: tuple[int, ...]) -> tuple[Risks, ...]:
    """Risks of the arms by each day, their difference and ratio, with percentiles of the replicates (columns as in ``values``)."""
    risks = []
    for number, day in enumerate(days):
        one, other = replicates[:, 1 + 2 * number], replicates[:, 2 + 2 * number]
        here, there = float(values[1 + 2 * number]), float(values[2 + 2 * number])
        both = min(here, there) > 0 and min(one.min(), other.min()) > 0
        risks.append(
            Risks(
                day=day,
                arms=(_percentile(one, here), _percentile(other, there)),
                difference=_percentile(one - other, here - there),
                ratio=_percentile(one / other, here / there) if both else None,
            )
        )
    return tuple(risks)


def _percentile(replicates: Floats, value: float) -> Told:
    low, high = (float(limit) for limit in np.quantile(replicates, [0.025, 0.975]))
    return Told(value=value, lower=low, upper=high)


def _drawn(persons: Persons, times: Ints) -> Persons:
    """Persons as often as they were drawn, without what only a score needs."""
    return Persons(
        treated=persons.treated[times],
        entry=persons.entry[times],
        exit_=persons.exit_[times],
        status=persons.status[times],
        row=persons.row[times],
        x=persons.x,
        terms=persons.terms,
        levels=persons.levels,
        of_level=persons.of_level,
    )
