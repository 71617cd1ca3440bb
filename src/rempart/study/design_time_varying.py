# SPDX-License-Identifier: Apache-2.0
"""Cox models and rates of a cohort with exposure that changes with time, as result rows, from counts of equal pieces of follow-up.

The counts are all that the partial likelihood sees, so that the fit is the fit on the persons' pieces (statistics.md 2.3).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.records.design_time_varying import CURRENT, EVER, NEVER, PAST
from rempart.study.cox_columns import independent, indicator_columns, with_outcome
from rempart.study.describe_cells import contributions, reference
from rempart.study.designed import Designed, Patterns
from rempart.study.estimators.cox_input import CoxCells
from rempart.study.estimators.cox_rows import CoxRowsFit, fit_cells
from rempart.study.poisson import DAYS_IN_YEAR, rate
from rempart.study.rows import UNITS, Output
from rempart.study.tallies import NOBODY, Tally

_UNITS = {**UNITS, "lower": "ratio", "upper": "ratio"}
_STATES = (EVER, CURRENT, PAST)
ALL = "all"


def hazard_ratio(output: Output, told: Designed) -> None:
    """For each exposure and state the ratio to ``never``, crude (exposures alone) and adjusted (with the covariates), with Wald limits and
    p, and the persons and outcomes of both states. It stands on the state with the fewest outcomes."""
    found = _patterns(told)
    for model in ("crude", *(("adjusted",) if told.analysis.covariates else ())):
        fitted, rule = _fitted(told, found, adjusted=model == "adjusted")
        for name in told.analysis.exposures:
            persons, events = told.by(f"states/{name}", "state"), told.by(f"events/{name}", "state")
            whole = {"analysis": told.analysis.id, "model": model, "term": f"{name}, every state"}
            _outcomes(output, told, whole, persons, events)
            for state in (state for state in _STATES if (state,) in persons):
                row = {"analysis": told.analysis.id, "model": model, "term": f"{name} {state} versus {NEVER}"}
                for arm in (state, NEVER):
                    _counts(output, row, arm, persons.get((arm,), NOBODY), events.get((arm,), NOBODY))
                behind = min((events.get((arm,), NOBODY) for arm in (state, NEVER)), key=lambda cell: cell.persons)
                values = _values(fitted, _term(name, state))
                output.write(row, {}, values, n=behind.persons, ref=reference(behind), rule=rule, units=_UNITS)


def incidence(output: Output, told: Designed) -> None:
    """Persons, outcomes, person-years and the rate with its exact interval by each exposure's state."""
    for name in told.analysis.exposures:
        persons, events = told.by(f"states/{name}", "state"), told.by(f"events/{name}", "state")
        every, row = told.one("outcomes"), {"exposure": name, "outcome": told.analysis.outcomes[0]}
        output.write(row, {"arm": ALL}, {"events": every.persons}, n=every.persons, ref=reference(every))
        for state in (state for state in (NEVER, *_STATES) if (state,) in persons):
            cell, ill = persons[state,], events.get((state,), NOBODY)
            row, column = {"exposure": name, "outcome": told.analysis.outcomes[0]}, {"arm": state}
            output.write(row, column, {"persons": cell.persons}, n=cell.persons, ref=reference(cell))
            output.write(row, column, {"events": ill.persons}, n=ill.persons, ref=reference(ill))
            years = {"person_years": cell.total / DAYS_IN_YEAR}
            behind = contributions(cell, unit=DAYS_IN_YEAR)
            output.write(row, column, years, n=cell.persons, ref=reference(cell), behind=behind)
            value = rate(ill.persons, cell.total) or (None, None, None)
            rates = dict(zip(("rate", "rate_lower", "rate_upper"), value, strict=True))
            output.write(row, column, rates, n=ill.persons, ref=reference(ill))


def _outcomes(
    output: Output,
    told: Designed,
    row: Mapping[str, str],
    persons: Mapping[tuple[str, ...], Tally],
    events: Mapping[tuple[str, ...], Tally],
) -> None:
    """Outcomes of every state beside all of them: each exposure's states share out the same ones, so that what one exposure hides is not to
    be read from another."""
    cells = {state: events.get((state,), NOBODY) for (state,) in persons} | {ALL: told.one("outcomes")}
    for arm, cell in cells.items():
        output.write(row, {"arm": arm}, {"events": cell.persons}, n=cell.persons, ref=reference(cell))


def _counts(output: Output, row: Mapping[str, str], arm: str, persons: Tally, events: Tally) -> None:
    output.write(row, {"arm": arm}, {"persons": persons.persons}, n=persons.persons, ref=reference(persons))
    output.write(row, {"arm": arm}, {"events": events.persons}, n=events.persons, ref=reference(events))


def _patterns(told: Designed) -> Patterns:
    """State of each exposure, level of each covariate, entry, exit, status."""
    return told.patterns("rows", len(told.analysis.exposures) + len(told.analysis.covariates) + 3)


def _term(exposure: str, state: str) -> str:
    return f"{exposure} {state}"


def _fitted(told: Designed, found: Patterns, *, adjusted: bool) -> tuple[CoxRowsFit | None, str]:
    """The fit, or None and the error's code where there is none. A state without an outcome has no ratio, and the others have theirs."""
    exposures = told.analysis.exposures
    names = [*exposures, *(told.analysis.covariates if adjusted else ())]
    kept = with_outcome(found.columns[: len(names)], found.n * (found.whole(-1) == 1))
    columns = [column[kept] for column in found.columns[: len(names)]]
    n, entry, exit_, status = found.n[kept], found.whole(-3)[kept], found.whole(-2)[kept], found.whole(-1)[kept]
    event = status == 1
    try:
        if not all((column == NEVER).any() for column in columns[: len(exposures)]):
            raise BadInput("cox-separation", term=names[0])
        covariates, others = indicator_columns(names[len(exposures) :], columns[len(exposures) :], n * event)
        terms, states = indicator_columns(
            exposures, columns[: len(exposures)], n * event, references=[NEVER] * len(exposures)
        )
        x, terms = _matrix([*others, *states], [*covariates, *terms], len(states))
        rows, pattern = np.unique(x, axis=0, return_inverse=True)
        cells = CoxCells(
            x=rows,
            terms=tuple(terms),
            pattern=pattern.ravel().astype(np.int64),
            n=n,
            entry=entry,
            exit_=exit_,
            event=event,
        )
        return fit_cells(cells, ties=str(told.analysis.parameters["ties"])), ""
    except BadInput as error:
        return None, error.code


def _matrix(columns: list[NDArray[np.float64]], terms: list[str], states: int) -> tuple[NDArray[np.float64], list[str]]:
    """Columns to fit, those of states last. Raises BadInput ``cox-collinear`` where covariates say a state, ``cox-no-events`` without."""
    kept = independent(columns)
    lost = sorted({*range(len(columns) - states, len(columns))} - {*kept})
    if lost:
        raise BadInput("cox-collinear", term=terms[lost[0]])
    if not states:
        raise BadInput("cox-no-events")
    return np.stack([columns[at] for at in kept], axis=1), [terms[at] for at in kept]


def _values(fitted: CoxRowsFit | None, term: str) -> dict[str, float | None]:
    if fitted is None or term not in fitted.terms:
        return dict.fromkeys(("hazard_ratio", "lower", "upper", "p_value"))
    at = fitted.terms.index(term)
    lower, upper = fitted.interval(at)
    return {
        "hazard_ratio": float(np.exp(fitted.beta[at])),
        "lower": lower,
        "upper": upper,
        "p_value": fitted.p_value(at),
    }
