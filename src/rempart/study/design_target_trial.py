# SPDX-License-Identifier: Apache-2.0
"""Results of emulated target trials: pooled odds ratio, and standardised risks with their difference and ratio. Fits no model itself.

Counts are of persons: one who stands in many trials counts once in an arm, and may stand in both. An estimate stands on the arm with
the fewest persons who had the outcome.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from rempart.errors import BadInput
from rempart.records.cloned import strategy
from rempart.records.design_target_trial import EACH, PROTOCOL, attrition_steps
from rempart.study.describe_cells import reference
from rempart.study.designed import Designed
from rempart.study.estimators.person_bootstrap import Bootstrap, bootstrap
from rempart.study.estimators.weighted_contrast import Contrast
from rempart.study.ratio import TERM
from rempart.study.rows import UNITS, Output
from rempart.study.score_effect import BEYOND
from rempart.study.tallies import NOBODY, Tally, union
from rempart.study.target_trials import COLUMNS, Floats, Grid, Histories, Ints, clone_rows, grid, histories, trial_rows
from rempart.study.trial_columns import Terms
from rempart.study.trial_models import Fitted, outcome_model, reached, robust, standardised
from rempart.study.trial_weights import staying, unweighted

_RISKS = {**UNITS, "risk": "probability", "risk_difference": "probability"}
_RATIO = {**UNITS, "ratio": "ratio", "risk_ratio": "ratio", "lower": "ratio", "upper": "ratio"}
_LEVEL = 0.95
Told = tuple[float, float, float]  # value and limits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trials:
    """One analysis ready to be fitted. ``draws``: a number for each person, from the history and the person's place in it."""

    told: Histories
    cells: Grid
    terms: Terms
    weighted: bool
    cut: tuple[int, int]
    replicates: int

    def fitted(self, person: Floats) -> tuple[Fitted, Floats]:
        """The model of the outcome with each history counted ``person`` times, weights fitted anew."""
        weight = unweighted(self.cells, person)
        if self.weighted:
            weight = staying(self.told, self.cells, person, self.terms, cut=self.cut)
        return outcome_model(self.told, self.cells, person, weight, self.terms), weight

    def bootstrapped(self, statistic: Callable[[Floats], Floats]) -> Bootstrap:
        """Persons drawn anew: a draw for each, equal histories told apart by their place."""
        of, draws = _draws(self.told)
        size = len(self.told.n)

        def once(weight: Floats) -> Floats:
            return statistic(np.bincount(of, weights=weight, minlength=size).astype(np.float64))

        compared_by = "clone-censor-weight" if self.weighted else "model"
        return bootstrap(once, draws, replicates=self.replicates, compared_by=compared_by)


def attrition(output: Output, told: Designed) -> None:
    """Persons remaining after each step; of the arms nothing, since a person may stand in both."""
    members = told.part("members")
    for number, step in enumerate(attrition_steps(told.analysis), 1):
        cell = union(cell for cell in members if int(cell.key["passed"]) >= number)
        output.write({"step": step}, {"arm": "all"}, {"n": cell.persons}, n=cell.persons, ref=reference(cell))


def odds_ratio(output: Output, told: Designed) -> None:
    """Crude (arm, time, trial) and adjusted (covariates too); rare outcomes make it a hazard ratio."""
    least = _least(told)
    for model in ("crude", *(("adjusted",) if told.analysis.covariates else ())):
        row = {"analysis": told.analysis.id, "model": model, "term": " versus ".join(_arms(told))}
        for place, arm in enumerate(_arms(told)):
            for name, tallies in (("persons", "persons"), ("events", "events")):
                cell = told.by(tallies, "arm").get((str(1 - place),), NOBODY)
                output.write(row, {"arm": arm}, {name: cell.persons}, n=cell.persons, ref=reference(cell))
        values, rule = _estimated(partial(_ratio, told, adjusted=model == "adjusted"))
        shown = dict(zip(("ratio", "lower", "upper", "p_value"), values or (None,) * 4, strict=True))
        output.write(row, {}, shown, n=least.persons, ref=reference(least), rule=rule, units=_RATIO)


def risks(output: Output, told: Designed) -> None:
    """Standardised to everybody in the trials, by the end of the last interval: each arm, the difference and the ratio; no value and a
    note for what needs an arm in which nobody is followed so long."""
    asked = told.analysis.parameters
    day = int(asked["intervals"]) * int(asked["every_days"])
    row = {
        "analysis": told.analysis.id,
        "model": "standardised",
        "outcome": told.analysis.outcomes[0],
        "day": f"{day:05d}",
    }
    found, rule = _estimated(lambda: _risks(told))
    events, least = told.by("events", "arm"), _least(told)
    for place, arm in enumerate(_arms(told)):
        cell = events.get((str(1 - place),), NOBODY)
        output.write(row, {"arm": arm}, {"events": cell.persons}, n=cell.persons, ref=reference(cell))
        shown, note, why = _shown("risk", found, place, rule)
        output.write({**row, **note}, {"arm": arm}, shown, n=cell.persons, ref=reference(cell), rule=why, units=_RISKS)
    for place, name, units in ((2, "risk_difference", _RISKS), (3, "risk_ratio", _RATIO)):
        shown, note, why = _shown(name, found, place, rule)
        measure = {"measure": name.removeprefix("risk_")}
        output.write(
            {**row, **measure, **note}, {}, shown, n=least.persons, ref=reference(least), rule=why, units=units
        )


def _shown(
    name: str, found: tuple[Told | None, ...], place: int, rule: str
) -> tuple[dict[str, float | None], dict[str, str], str]:
    """A value with its limits; what stands in the row, and the reason, where there is none."""
    told = found[place] if found else None
    values = [None if value is None or not np.isfinite(value) else value for value in told or (None,) * 3]
    beyond = bool(found) and told is None
    shown = dict(zip((name, "lower", "upper"), values, strict=True))
    return shown, {"note": BEYOND} if beyond else {}, BEYOND if beyond else rule


def _estimated(make: Callable[[], tuple[Any, ...]]) -> tuple[tuple[Any, ...], str]:
    """The values, or nothing and why."""
    try:
        return make(), ""
    except BadInput as error:
        return (), error.code
    except np.linalg.LinAlgError:
        return (), "pooled-not-converged"


def _cloned(told: Designed) -> bool:
    return told.study.rules[told.analysis.inputs["cohort"]].clone_censor_weight


def _arms(told: Designed) -> tuple[str, str]:
    return ("meets the rule", "does not meet it") if _cloned(told) else ("started", "not started")


def _least(told: Designed) -> Tally:
    events = told.by("events", "arm")
    return min((events.get((arm,), NOBODY) for arm in ("1", "0")), key=lambda cell: cell.persons)


def _trials(told: Designed, *, adjusted: bool, varying: bool) -> _Trials:
    asked, names = told.analysis.parameters, told.analysis.covariates
    found = histories(told.patterns("histories", COLUMNS), len(names))
    if not adjusted:
        found = replace(found, changed=())
    horizon = int(asked["intervals"])
    if _cloned(told):
        item = strategy(told.study.rules[told.analysis.inputs["cohort"]])
        grace = (item.days[1] if item is not None else 0) // int(asked["every_days"]) + 1
        rows = clone_rows(found, horizon=horizon, grace=grace)
    else:
        rows = trial_rows(found, horizon=horizon, per_protocol=asked["effect"] == PROTOCOL)
    if not len(rows.of):
        raise BadInput("pooled-no-events")
    places = tuple(range(len(names))) if adjusted else ()
    low, high = asked["truncate_percent"]
    return _Trials(
        told=found,
        cells=grid(found, rows, places, int(rows.exit_.max())),
        terms=Terms(covariates=places, each=asked["time"] == EACH, varying=varying),
        weighted=_cloned(told) or asked["effect"] == PROTOCOL,
        cut=(int(low), int(high)),
        replicates=int(asked["replicates"]),
    )


def _ratio(told: Designed, *, adjusted: bool) -> tuple[float, ...]:
    """Odds ratio, limits, p."""
    trials = _trials(told, adjusted=adjusted, varying=False)
    fitted, _ = trials.fitted(trials.told.n.astype(np.float64))
    at = fitted.fit.terms.index(TERM)
    beta = float(fitted.fit.beta[at])
    if not trials.replicates:
        fit = robust(fitted, trials.told, trials.cells)
        return float(np.exp(beta)), *fit.interval(at, level=_LEVEL), fit.p_value(at)

    def log_ratio(person: Floats) -> Floats:
        again, _ = trials.fitted(person)
        return np.array([again.fit.beta[again.fit.terms.index(TERM)]])

    boot = trials.bootstrapped(log_ratio)
    low, high = (float(np.exp(side[0])) for side in boot.percentile(level=_LEVEL))
    return float(np.exp(beta)), low, high, float(2 * ndtr(-abs(beta / boot.error()[0])))


def _risks(told: Designed) -> tuple[Told | None, ...]:
    """Risk if all start, if none does, their difference and ratio; None for what needs an arm that is not followed to the last interval."""
    trials = _trials(told, adjusted=True, varying=True)
    person = trials.told.n.astype(np.float64)
    fitted, _ = trials.fitted(person)
    one, other = (last >= int(told.analysis.parameters["intervals"]) for last in reached(fitted, trials.cells, person))
    if not (one or other):
        return (None,) * 4
    found = _contrasted(trials, fitted, person)
    return tuple(
        value if seen else None for value, seen in zip(found, (one, other, one and other, one and other), strict=True)
    )


def _contrasted(trials: _Trials, fitted: Fitted, person: Floats) -> tuple[Told, ...]:
    if not trials.replicates:
        made = standardised(
            replace(fitted, fit=robust(fitted, trials.told, trials.cells)), trials.told, trials.cells, person
        )
        return _with_limits(made)

    def both(weight: Floats) -> Floats:
        again, _ = trials.fitted(weight)
        made = standardised(again, trials.told, trials.cells, weight)
        return np.array([made.treated, made.comparator, made.difference, made.log_ratio])

    boot = trials.bootstrapped(both)
    low, high = boot.percentile(level=_LEVEL)
    values = [(float(v), float(a), float(b)) for v, a, b in zip(boot.estimate, low, high, strict=True)]
    value, lower, upper = (float(np.exp(one)) for one in values[3])
    return *values[:3], (value, lower, upper)


def _with_limits(made: Contrast) -> tuple[Told, ...]:
    z = -float(ndtri((1 - _LEVEL) / 2))
    sides = ((made.treated, made.treated_error), (made.comparator, made.comparator_error))
    arms = [(risk, max(0.0, risk - z * error), min(1.0, risk + z * error)) for risk, error in sides]
    difference = (made.difference, *made.interval(level=_LEVEL))
    return *arms, difference, (float(np.exp(made.log_ratio)), *made.ratio_interval(level=_LEVEL))


def _draws(told: Histories) -> tuple[Ints, Ints]:
    """The history of each person, and a number of 64 bits from its text and the person's place among those with the same one."""
    of = np.repeat(np.arange(len(told.n)), told.n)
    place = np.arange(len(of)) - np.repeat(np.cumsum(told.n) - told.n, told.n)
    texts = (f"{told.keys[at]}#{number}" for at, number in zip(of.tolist(), place.tolist(), strict=True))
    draws = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True) for text in texts]
    return of, np.array(draws, dtype=np.int64)
