# SPDX-License-Identifier: Apache-2.0
"""Crude and adjusted hazard ratio of target against comparator as result rows.

Covariates enter as indicators of their levels; their own ratios are not given (they answer no question that was asked).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.records.protocol import Analysis
from rempart.records.study import Study
from rempart.study.cells import Cells
from rempart.study.cox import CoxFit, fit, risk_sets
from rempart.study.cox_columns import Floats, independent, indicator_columns, with_outcome
from rempart.study.rows import UNITS, Output

TERM = "target versus comparator"
_UNITS = {**UNITS, "lower": "ratio", "upper": "ratio"}
_NOT_ESTIMABLE = ("cox-separation", "cox-no-events", "cox-collinear", "cox-not-converged")
Tables = Mapping[str, pa.Table]


def hazard_ratio(output: Output, study: Study, analysis: Analysis, cells: Cells, tables: Tables) -> None:
    """The ratio with Wald limits and p, and the persons and outcomes of each arm behind it.

    A ratio stands on the arm with the fewest outcomes: where that count is suppressed, so is the ratio.
    """
    least = min(("target", "comparator"), key=cells.events)
    for model in ("crude", *(("adjusted",) if analysis.covariates else ())):
        row = {"analysis": analysis.id, "model": model, "term": TERM}
        for arm in ("target", "comparator"):
            output.write(
                row, {"arm": arm}, {"persons": cells.persons(arm)}, n=cells.persons(arm), ref=cells.persons_ref(arm)
            )
            events, places = cells.events(arm), cells.places_behind(arm)
            output.write(row, {"arm": arm}, {"events": events}, n=events, ref=cells.events_ref(arm), behind=places)
        values, rule = _estimate(cells, analysis.covariates if model == "adjusted" else (), analysis.ties)
        ref, places = cells.events_ref(least), cells.places_behind(least)
        output.write(row, {}, values, n=cells.events(least), ref=ref, rule=rule, units=_UNITS, behind=places)


def _estimate(cells: Cells, covariates: tuple[str, ...], ties: str) -> tuple[dict[str, float | None], str]:
    try:
        found = cox(cells, covariates, ties=ties)
    except BadInput as error:
        if error.code not in _NOT_ESTIMABLE:
            raise
        return dict.fromkeys(("hazard_ratio", "lower", "upper", "p_value")), error.code
    lower, upper = found.interval(0)
    ratio = float(np.exp(found.beta[0]))
    return {"hazard_ratio": ratio, "lower": lower, "upper": upper, "p_value": found.p_value(0)}, ""


def cox(cells: Cells, covariates: tuple[str, ...], *, ties: str = "efron") -> CoxFit:
    """The fit of arm (first term, target = 1) and covariate levels.

    Levels without any outcome are set aside: as their coefficients fall without end, the likelihood tends to that of the others,
    so this is its exact limit. A level that repeats what earlier ones say is left out: the fit is the same. An arm
    without outcome is no limit (BadInput ``cox-separation``), nor is an arm that covariates tell apart (``cox-collinear``).
    """
    kept, terms, columns = compared_columns(cells, covariates)
    own = telling(columns)
    x, pattern = np.unique(np.stack([columns[at] for at in own], axis=1), axis=0, return_inverse=True)
    event = cells.status[kept] == 1
    sets = risk_sets(pattern.ravel(), cells.entry[kept], cells.exit[kept], event, n=cells.n[kept], x=x)
    return fit(sets, [terms[at] for at in own], ties=ties)


def compared_columns(cells: Cells, covariates: tuple[str, ...]) -> tuple[NDArray[np.bool_], list[str], list[Floats]]:
    """(cells whose every level has an outcome, terms, columns of those cells): the arm first, then each level of a covariate but the one
    with most outcomes. Raises BadInput ``cox-separation`` where an arm has no outcome."""
    for arm in ("target", "comparator"):
        if not cells.events(arm):
            raise BadInput("cox-separation", term=TERM)
    levels, outcomes = [cells.levels[name] for name in covariates], cells.n * (cells.status == 1)
    kept = with_outcome(levels, outcomes)
    terms, columns = indicator_columns(covariates, [level[kept] for level in levels], outcomes[kept])
    return kept, [TERM, *terms], [(cells.arm[kept] == "target").astype(np.float64), *columns]


def telling(columns: Sequence[Floats]) -> list[int]:
    """Places of the columns to fit: the arm (first), and covariates that are no combination of a constant and those before them.

    Raises BadInput ``cox-collinear`` when a constant and the covariates say the arm.
    """
    last = [*range(1, len(columns)), 0]
    kept = sorted(last[at] for at in independent([columns[at] for at in last]))
    if 0 not in kept:
        raise BadInput("cox-collinear", term=TERM)
    return kept
