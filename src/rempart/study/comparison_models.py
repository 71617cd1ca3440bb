# SPDX-License-Identifier: Apache-2.0
"""Further models of a comparison on the counts that it has: Fine–Gray, Poisson and negative binomial rates, tests of curves, restricted
means. As result rows. Every estimate stands on the arm with the fewest outcomes, and goes with that count."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.records.protocol import Analysis
from rempart.records.study import Study
from rempart.study.cells import Cells
from rempart.study.estimators.count_regression import fit_negative_binomial, fit_poisson
from rempart.study.estimators.count_rows import CountRows
from rempart.study.estimators.cox_input import CoxCells
from rempart.study.estimators.cox_proportional import proportionality
from rempart.study.estimators.cox_rows import fit_cells
from rempart.study.estimators.curve_tests import gray, log_rank
from rempart.study.estimators.fine_gray import CompetingRows, fit_fine_gray
from rempart.study.estimators.restricted_mean import Contrast, restricted_mean
from rempart.study.estimators.survival_cells import SurvivalCells
from rempart.study.ratio import TERM, compared_columns, telling
from rempart.study.rows import UNITS, Output

Tables = Mapping[str, pa.Table]
Floats = NDArray[np.float64]
ARMS = ("target", "comparator")
OUTCOME = "outcome"
_UNITS = {**UNITS, "lower": "ratio", "upper": "ratio", "ratio": "ratio"}
_DAYS = {**UNITS, "lower": "days", "upper": "days", "days": "days", "difference": "days", "chi2": "chi-squared"}
_LIMITS = ("lower", "upper", "p_value")
Model = Callable[[Cells, Analysis, tuple[str, ...]], dict[str, float | None]]


def subdistribution(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """Fine–Gray: the ratio of subdistribution hazards, crude and adjusted, with robust limits: who died stays at risk at a falling weight.
    It says in which arm more persons have the outcome in the end, not by which mechanism (cmprsk, JASA 1999;94:496-509)."""
    _ratios(output, analysis, cells, "hazard_ratio", _fine_gray)


def rate_ratio(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """The ratio of rates, crude and adjusted, from events and person-time by pattern of covariates: Poisson, or negative binomial where
    patterns scatter more than chance would."""
    _ratios(output, analysis, cells, "ratio", _rates)


def curve_tests(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """Log-rank (cause-specific: deaths censor) and Gray's test (death competes) of the two arms, and whether their ratio of hazards changes
    with time; of each horizon the mean days alive and free of the outcome, and their difference."""
    row = {"analysis": analysis.id}
    for arm in ARMS:
        output.write(row, {"arm": arm}, {"events": cells.events(arm)}, n=cells.events(arm), ref=cells.events_ref(arm))
    least = _least(cells)
    for name in ("log-rank", "Gray", "proportional hazards"):
        values, rule = _estimated(partial(_tested, name, cells), ("chi2", "p_value"))
        _write(output, {**row, "test": name}, values, cells, least, rule)
    for horizon in analysis.horizons:
        _means(output, {**row, "test": "restricted mean", "day": f"{horizon:05d}"}, cells, horizon, least)


def _ratios(output: Output, analysis: Analysis, cells: Cells, name: str, model: Model) -> None:
    least = _least(cells)
    for told in ("crude", *(("adjusted",) if analysis.covariates else ())):
        row = {"analysis": analysis.id, "model": told, "term": TERM}
        for arm in ARMS:
            persons, events = cells.persons(arm), cells.events(arm)
            output.write(row, {"arm": arm}, {"persons": persons}, n=persons, ref=cells.persons_ref(arm))
            output.write(row, {"arm": arm}, {"events": events}, n=events, ref=cells.events_ref(arm))
        covariates = analysis.covariates if told == "adjusted" else ()
        values, rule = _estimated(partial(model, cells, analysis, covariates), (name, *_LIMITS))
        _write(output, row, values, cells, least, rule, units=_UNITS)


def _least(cells: Cells) -> str:
    return min(ARMS, key=cells.events)


def _write(
    output: Output,
    row: Mapping[str, str],
    values: Mapping[str, float | None],
    cells: Cells,
    least: str,
    rule: str,
    *,
    units: Mapping[str, str] = _DAYS,
) -> None:
    output.write(row, {}, values, n=cells.events(least), ref=cells.events_ref(least), rule=rule, units=units)


def _estimated(
    work: Callable[[], dict[str, float | None]], names: tuple[str, ...]
) -> tuple[dict[str, float | None], str]:
    """What ``work`` gives, or nothing under each name and the error's code."""
    try:
        return work(), ""
    except BadInput as error:
        return dict.fromkeys(names), error.code


def _matrix(cells: Cells, covariates: tuple[str, ...]) -> tuple[NDArray[np.bool_], Floats, tuple[str, ...]]:
    """(cells kept, columns of them, terms): the arm first. Raises BadInput ``cox-separation``, ``cox-collinear``."""
    kept, terms, columns = compared_columns(cells, covariates)
    own = telling(columns)
    return kept, np.stack([columns[at] for at in own], axis=1), tuple(terms[at] for at in own)


def _fine_gray(cells: Cells, analysis: Analysis, covariates: tuple[str, ...]) -> dict[str, float | None]:
    kept, x, terms = _matrix(cells, covariates)
    each = np.repeat(np.arange(len(x)), cells.n[kept])
    cause = np.where(cells.status[kept] > 1, 2, cells.status[kept])
    rows = CompetingRows(x=x[each], terms=terms, exit_=(cells.exit - cells.entry)[kept][each], cause=cause[each])
    fitted = fit_fine_gray(rows, ties=analysis.ties)
    at = terms.index(TERM)
    lower, upper = fitted.interval(at)
    ratio = float(np.exp(fitted.beta[at]))
    return {"hazard_ratio": ratio, "lower": lower, "upper": upper, "p_value": fitted.p_value(at)}


def _rates(cells: Cells, analysis: Analysis, covariates: tuple[str, ...]) -> dict[str, float | None]:
    kept, x, terms = _matrix(cells, covariates)
    pattern, place = np.unique(x, axis=0, return_inverse=True)
    place = place.ravel()
    days = np.bincount(place, weights=(cells.n * (cells.exit - cells.entry))[kept], minlength=len(pattern))
    events = np.bincount(place, weights=(cells.n * (cells.status == 1))[kept], minlength=len(pattern))
    rows = CountRows(events=events.astype(np.float64), time=days.astype(np.float64), x=pattern, terms=terms)
    fitted = (fit_poisson if analysis.distribution == "poisson" else fit_negative_binomial)(rows)
    ratio, lower, upper = fitted.interval(TERM)
    return {"ratio": ratio, "lower": lower, "upper": upper, "p_value": fitted.p_value(TERM)}


def _survival(cells: Cells) -> SurvivalCells:
    """Two arms; the outcome, and death."""
    status = np.where(cells.status > 1, 2, cells.status)
    arm = np.where(cells.arm == ARMS[0], 0, 1).astype(np.int64)
    return SurvivalCells(
        arms=ARMS, arm=arm, exit_=cells.exit, status=status, n=cells.n, causes=(OUTCOME, "death"), entry=cells.entry
    )


def _tested(name: str, cells: Cells) -> dict[str, float | None]:
    if name == "proportional hazards":
        return _proportional(cells)
    given = _survival(cells)
    found = gray(given, OUTCOME) if name == "Gray" else log_rank(given, cause=OUTCOME)
    return {"chi2": found.chi2, "p_value": found.p_value}


def _proportional(cells: Cells) -> dict[str, float | None]:
    """Whether the arms' ratio of hazards changes with time: Grambsch and Therneau, Kaplan–Meier scale (Biometrika 1994;81:515)."""
    pattern = (cells.arm == "target").astype(np.int64)
    rows = CoxCells(
        x=np.array([[0.0], [1.0]]),
        terms=(TERM,),
        pattern=pattern,
        n=cells.n,
        entry=cells.entry,
        exit_=cells.exit,
        event=cells.status == 1,
    )
    found = proportionality(rows, fit_cells(rows))
    return {"chi2": float(found.chi2[0]), "p_value": float(found.p_value[0])}


def _means(output: Output, row: Mapping[str, str], cells: Cells, horizon: int, least: str) -> None:
    try:
        found, rule = restricted_mean(_survival(cells), horizon), ""
    except BadInput as error:
        found, rule = None, error.code
    for place, arm in enumerate(ARMS):
        values: dict[str, float | None] = dict.fromkeys(("days", "lower", "upper"))
        if found is not None:
            limits = (float(found.lower[place]), float(found.upper[place]))
            values = {"days": float(found.value[place]), "lower": limits[0], "upper": limits[1]}
        n, ref = cells.events(arm), cells.events_ref(arm)
        output.write(row, {"arm": arm}, values, n=n, ref=ref, rule=rule, units=_DAYS)
    apart: dict[str, float | None] = dict.fromkeys(("difference", *_LIMITS))
    if found is not None:
        apart = _contrast(found.difference(*ARMS))
    _write(output, row, apart, cells, least, rule)


def _contrast(told: Contrast) -> dict[str, float | None]:
    return {"difference": told.value, "lower": told.lower, "upper": told.upper, "p_value": told.p_value}
