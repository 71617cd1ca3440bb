# SPDX-License-Identifier: Apache-2.0
"""Ratios for what is measured at the place of residence as result rows: Cox on counts of pieces of follow-up, conditional Poisson on
counts by commune and day with distributed lags. Sees no person and shows no commune."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from rempart.errors import BadInput
from rempart.records.design_environment import POLYNOMIAL
from rempart.study.cox_columns import independent, indicator_columns, numbered, with_outcome
from rempart.study.describe_cells import reference
from rempart.study.designed import Designed, Patterns
from rempart.study.estimators.conditional_poisson import LagEffects, fit, lag_effects, polynomial, time_strata
from rempart.study.estimators.cox_input import CoxCells
from rempart.study.estimators.cox_rows import fit_cells
from rempart.study.rows import UNITS, Output

_UNITS = {**UNITS, "lower": "ratio", "upper": "ratio", "ratio": "ratio"}
_REST = ("lower", "upper", "p_value")
_Z = 1.959963984540054  # the normal quantile of 0.975
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def hazard_ratio(output: Output, told: Designed) -> None:
    """The hazard ratio for ``per`` units, crude and adjusted, with Wald limits and p; persons followed, those with days without a value
    (who are not followed on them), and outcomes. It stands on the outcomes."""
    persons, events, unknown = (told.one(part) for part in ("persons", "outcomes", "unknown"))
    found = told.patterns("rows", len(_levels(told)) + 4)
    for model in ("crude", *(("adjusted",) if _levels(told) else ())):
        row = {"analysis": told.analysis.id, "model": model, "term": _term(told)}
        for arm, name, cell in (
            ("all", "persons", persons),
            ("unknown", "persons", unknown),
            ("all", "events", events),
        ):
            output.write(row, {"arm": arm}, {name: cell.persons}, n=cell.persons, ref=reference(cell))
        values, rule = _cox(told, found, adjusted=model == "adjusted")
        output.write(row, {}, values, n=events.persons, ref=reference(events), rule=rule, units=_UNITS)


def lag_curve(output: Output, told: Designed) -> None:
    """The rate ratio for ``per`` units at each lag, and of all lags together, with limits widened by the dispersion. Each stands on all
    outcomes."""
    events = told.one("outcomes")
    row = {"analysis": told.analysis.id, "term": _term(told)}
    output.write(
        {**row, "lag": "all"}, {"arm": "all"}, {"events": events.persons}, n=events.persons, ref=reference(events)
    )
    lags = told.analysis.parameters["lags"]
    try:
        found, rule = _distributed(told), ""
        effects = [*zip(map(str, lags), found.beta, found.error, strict=True), ("all", found.total, found.total_error)]
    except BadInput as error:
        effects, rule = [(str(lag), np.nan, np.nan) for lag in (*lags, "all")], error.code
    for lag, beta, deviation in effects:
        values = _ratio("ratio", float(beta), float(deviation), told.analysis.parameters["per"])
        shown = {**row, "lag": lag if lag == "all" else f"{int(lag):02d}"}
        output.write(shown, {}, values, n=events.persons, ref=reference(events), rule=rule, units=_UNITS)


def _term(told: Designed) -> str:
    return f"{told.analysis.inputs['environment']} +{told.analysis.parameters['per']:g}"


def _levels(told: Designed) -> tuple[str, ...]:
    return (*told.analysis.covariates, *told.analysis.inputs.get("strata", ()))


def _cox(told: Designed, found: Patterns, *, adjusted: bool) -> tuple[dict[str, float | None], str]:
    """The value's ratio; covariates enter as indicators, strata as baseline hazards of their own."""
    names = told.analysis.covariates if adjusted else ()
    kept = with_outcome(found.columns[: len(names)], found.n * (found.whole(-1) == 1))
    event = found.whole(-1)[kept] == 1
    levels = [column[kept] for column in found.columns[: len(_levels(told))]]
    terms, columns = indicator_columns(names, levels, found.n[kept] * event)
    own = independent(columns)
    try:
        value = found.columns[-4][kept].astype(np.float64)
        x, pattern = np.unique(np.column_stack([value, *(columns[at] for at in own)]), axis=0, return_inverse=True)
        cells = CoxCells(
            x=x,
            terms=(_term(told), *(terms[at] for at in own)),
            pattern=pattern.ravel().astype(np.int64),
            n=found.n[kept],
            entry=found.whole(-3)[kept],
            exit_=found.whole(-2)[kept],
            event=event,
            strata=numbered(levels[len(told.analysis.covariates) :]) if adjusted else None,
        )
        fitted = fit_cells(cells, ties=str(told.analysis.parameters["ties"]), idle_strata="keep")
    except BadInput as error:
        return dict.fromkeys(("hazard_ratio", *_REST)), error.code
    per = told.analysis.parameters["per"]
    return _ratio("hazard_ratio", float(fitted.beta[0]), float(fitted.error[0]), per), ""


def _ratio(name: str, beta: float, error: float, per: float) -> dict[str, float | None]:
    if not np.isfinite(beta) or not error > 0:
        return dict.fromkeys((name, *_REST))
    middle, width = beta * per, _Z * error * per
    p_value = float(np.exp(_log_tail(abs(beta / error))))
    limits = (float(np.exp(middle - width)), float(np.exp(middle + width)))
    return dict(zip((name, *_REST), (float(np.exp(middle)), *limits, p_value), strict=True))


def _log_tail(z: float) -> float:
    return float(np.log(2.0) + log_ndtr(-z))


def _distributed(told: Designed) -> LagEffects:
    """Conditional Poisson of outcomes by commune and day over those followed there on that day, strata of commune × month × day of the
    week; days without a value, and days on which nobody is followed, are left out."""
    lags = np.asarray(told.analysis.parameters["lags"], dtype=np.int64)
    cases, values = told.patterns("cases", 2), told.patterns("values", 4)
    if not len(cases.n):
        raise BadInput("conditional-no-discordant")
    communes = np.unique(cases.columns[0])
    first = int(values.whole(1).min()) if len(values.n) else 0
    exposure = _series(values, communes, first)
    place, day, count = _days_of_strata(cases, communes)
    lag = lags + told.study.protocol.lag_days
    x = _looked_at(exposure, place, day - first, lag)
    followed = _followed(told.patterns("followed", 3), communes, place, day)
    known = np.isfinite(x).all(axis=1) & (followed > 0)
    if not count[known].any():
        raise BadInput("lag-beyond-series")
    shape: Any = told.analysis.parameters
    basis = polynomial(lags, shape["degree"]) if shape["shape"] == POLYNOMIAL else np.eye(len(lags))
    terms = [f"{told.analysis.inputs['environment']} {at}" for at in range(basis.shape[1])]
    strata = time_strata(place[known], day[known])
    found = fit(strata, count[known], x[known] @ basis, terms, population=followed[known])
    return lag_effects(found, lags, basis)


def _series(values: Patterns, communes: Sequence[str] | Any, first: int) -> Floats:
    """(communes, days since ``first``) of values, not a number where nothing was measured."""
    if not len(values.n):
        raise BadInput("lag-beyond-series")
    begins, ends, value = values.whole(1) - first, values.whole(2) - first, values.columns[3].astype(np.float64)
    series = np.full((len(communes), int(ends.max()) + 1), np.nan)
    at = np.searchsorted(communes, values.columns[0])
    for row, start, end, measured in zip(at, begins, ends, value, strict=True):
        series[row, max(start, 0) : end + 1] = measured
    return series


def _followed(spells: Patterns, communes: Any, place: Ints, day: Ints) -> Floats:
    """(R,) persons followed in each place on each day: those who began there by then, less those who ended before."""
    mine = np.isin(spells.columns[0], communes)
    at, n = np.searchsorted(communes, spells.columns[0][mine]), spells.n[mine]
    first, last = spells.whole(1)[mine], spells.whole(2)[mine]
    low = int(min(first.min(initial=0), day.min(initial=0)))
    wide = int(max(last.max(initial=0), day.max(initial=0))) - low + 2
    wanted = place * wide + day - low
    return _by_then(at * wide + first - low, n, wanted) - _by_then(at * wide + last + 1 - low, n, wanted)


def _by_then(moment: Ints, n: Ints, wanted: Ints) -> Floats:
    """(R,) how many moments lie at each of those wanted or before."""
    order = np.argsort(moment, kind="stable")
    total = np.concatenate(([0], np.cumsum(n[order])))
    return np.asarray(total[np.searchsorted(moment[order], wanted, side="right")], dtype=np.float64)


def _looked_at(series: Floats, place: Ints, column: Ints, lags: Ints) -> Floats:
    """(R, lags) values so many days before, not a number where nothing was measured: such days are neither cases nor controls."""
    wanted = column[:, None] - lags[None, :]
    inside = (wanted >= 0) & (wanted < series.shape[1])
    found = series[place[:, None], np.where(inside, wanted, 0)]
    return np.where(inside, found, np.nan)


def _days_of_strata(cases: Patterns, communes: Any) -> tuple[Ints, Ints, Floats]:
    """(place, day, count) of every day of every stratum that holds a case: those without one are its controls."""
    place, day = np.searchsorted(communes, cases.columns[0]), cases.whole(1)
    month = day.astype("datetime64[D]").astype("datetime64[M]")
    strata = np.unique(np.column_stack((place, month.astype(np.int64), day % 7)), axis=0)
    first = strata[:, 1].astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    begins = first + (strata[:, 2] - first) % 7
    days = begins[:, None] + 7 * np.arange(5)
    inside = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) == strata[:, 1:2]
    places = np.broadcast_to(strata[:, :1], days.shape)[inside]
    shown = days[inside]
    width = int(max(shown.max(), day.max())) + 1
    count = np.zeros(len(shown))
    order = np.argsort(places * width + shown, kind="stable")
    at = np.searchsorted((places * width + shown)[order], place * width + day)
    np.add.at(count, order[at], cases.n)
    return places.astype(np.int64), shown.astype(np.int64), count
