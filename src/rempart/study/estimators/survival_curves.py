# SPDX-License-Identifier: Apache-2.0
"""Kaplan–Meier by arm, with late entry and exact ties. Where death competes with the outcome, ``cumulative_incidence`` is the default.

Model: S(t) = Π (1 − d/n) over the days with an event up to t; variance by Greenwood, as R ``survival::survfit``. An arm whose risk set
empties for a while and of whom all then at risk have the event stays at 0 for ever, as in R: with late entry, begin where enough persons
are followed. Source: Kaplan & Meier 1958; Greenwood 1926; Kalbfleisch & Prentice 2002, 1.4.
"""

import numpy as np
from numpy.typing import NDArray

from rempart.study.estimators.survival_cells import RiskSets, SurvivalCells, risk_sets
from rempart.study.estimators.survival_limits import StepCurve, limits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def greenwood(at_risk: Ints, events: Ints) -> tuple[Floats, Floats]:
    """Survival after each day and the standard error of its logarithm, along the last axis; infinite where survival is 0."""
    risk = np.maximum(at_risk, 1).astype(np.float64)
    value: Floats = np.asarray(np.cumprod(1 - events / risk, axis=-1), dtype=np.float64)
    left = risk - events
    term = np.divide(events, risk * left, out=np.full(risk.shape, np.inf), where=left > 0)
    spread = np.cumsum(np.where(events > 0, term, 0.0), axis=-1)
    return value, np.asarray(np.sqrt(spread), dtype=np.float64)


def events_of(cells: SurvivalCells, sets: RiskSets, cause: str | None) -> Ints:
    """Events of one cause, the others censoring, or of any cause where None: (G, T). Raises BadInput ``survival-cause``."""
    return sets.any_event() if cause is None else sets.events[cells.cause(cause) - 1]


def kaplan_meier(
    cells: SurvivalCells, *, cause: str | None = None, interval: str = "log-log", level: float = 0.95
) -> tuple[StepCurve, ...]:
    """Survival free of any event, or of one ``cause`` (the others censor: a world without them), a curve for each arm.

    No event: no step, 1 throughout. After everyone left has had the event: 0 with NaN error and limits, as R has them missing.
    Raises BadInput ``survival-cause``, ``survival-interval``.
    """
    sets, until = risk_sets(cells), cells.until()
    events = events_of(cells, sets, cause)
    curves = []
    for place, arm in enumerate(cells.arms):
        steps = events[place] > 0
        value, relative = greenwood(sets.at_risk[place, steps], events[place, steps])
        error = np.multiply(value, relative, out=np.full(len(value), np.nan), where=value > 0)
        lower, upper = limits(value, error, interval=interval, level=level)
        curves.append(
            StepCurve(
                arm=arm,
                cause="any" if cause is None else cause,
                days=sets.days[steps],
                value=value,
                error=error,
                lower=np.where(value > 0, lower, np.nan),
                upper=np.where(value > 0, upper, np.nan),
                before=1.0,
                until=int(until[place]),
                absorbed=bool(len(value) and value[-1] == 0),
                interval=interval,
                variance="greenwood",
                level=level,
            )
        )
    return tuple(curves)
