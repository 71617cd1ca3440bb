# SPDX-License-Identifier: Apache-2.0
"""The hazard ratio of matched sets as result rows: each set a stratum with a baseline of its own, or one baseline and robust errors.

``strata``: information within sets alone; errors of the model, where nobody stands in several sets. ``robust``, and ``strata`` else: errors
robust by set; where somebody stands in several, by set and by person at once: V(set) + V(person) - V(row) (Cameron, Gelbach & Miller, J
Bus Econ Stat 2011;29:238), no small-sample factor. By person alone would be too small: what the rows of a set move the estimate by goes
together, since they share a baseline. A covariate that says nothing beyond the others, or nothing within any set, is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rempart.errors import BadInput
from rempart.records.design_cohort_comparison import STRATA
from rempart.records.protocol import Analysis
from rempart.study.cells import Cells
from rempart.study.describe_cells import reference
from rempart.study.designed import Designed, Ints, Patterns, Texts
from rempart.study.estimators.cox_days import risk_days
from rempart.study.estimators.cox_input import CoxRows
from rempart.study.estimators.cox_residuals import score_residuals
from rempart.study.estimators.cox_rows import fitted
from rempart.study.ratio import TERM, compared_columns, telling
from rempart.study.rows import UNITS, Output

Floats = NDArray[np.float64]
_UNITS = {**UNITS, "lower": "ratio", "upper": "ratio"}
_VALUES = ("hazard_ratio", "lower", "upper", "p_value")
_PLAIN = 5  # columns of a row before its levels: arm, entry, exit, status, set


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedRows:
    """Rows (N,) of matched persons: ``person`` and ``match_set`` are numbers of this table alone; ``levels``: one column a covariate."""

    arm: Texts
    entry: Ints
    exit_: Ints
    status: Ints
    match_set: Ints
    person: Ints
    levels: tuple[Texts, ...]

    @property
    def alone(self) -> bool:
        """Whether nobody has several rows."""
        return len(np.unique(self.person)) == len(self.person)


def matched_rows(found: Patterns, covariates: int) -> MatchedRows:
    """The rows of persons told in one text each; a text that stands for several persons is taken as often."""
    told = np.repeat(found.columns[0], found.n) if len(found.n) else np.empty(0, dtype=np.str_)
    rows = [(place, *row.split(",")) for place, text in enumerate(told.tolist()) for row in text.split(";")]
    columns = [np.array(column) for column in zip(*rows, strict=True)] if rows else []
    if not columns:
        columns = [np.empty(0, dtype=np.str_)] * (1 + _PLAIN + covariates)
    number = np.unique(columns[5], return_inverse=True)[1].reshape(-1)
    return MatchedRows(
        person=columns[0].astype(np.int64),
        arm=columns[1].astype(np.str_),
        entry=columns[2].astype(np.int64),
        exit_=columns[3].astype(np.int64),
        status=columns[4].astype(np.int64),
        match_set=number.astype(np.int64),
        levels=tuple(column.astype(np.str_) for column in columns[1 + _PLAIN :]),
    )


def matched_hazard_ratio(output: Output, told: Designed, analysis: Analysis, behind: tuple[Cells, MatchedRows]) -> None:
    """Crude and adjusted, with the persons and those with the outcome of each arm; a ratio stands on the arm with the fewest of these."""
    cells, rows = behind
    events = {arm: cells.sets.events(arm) for arm in ("target", "comparator")}
    least = min(events.values(), key=lambda cell: cell.persons)
    for model in ("crude", *(("adjusted",) if analysis.covariates else ())):
        row = {"analysis": analysis.id, "model": model, "term": TERM}
        for arm, ill in events.items():
            persons = cells.sets.persons(arm)
            output.write(row, {"arm": arm}, {"persons": persons.persons}, n=persons.persons, ref=reference(persons))
            output.write(row, {"arm": arm}, {"events": ill.persons}, n=ill.persons, ref=reference(ill))
        covariates = analysis.covariates if model == "adjusted" else ()
        values, rule = _estimate(cells, rows, covariates, told.analysis.parameters)
        output.write(row, {}, values, n=least.persons, ref=reference(least), rule=rule, units=_UNITS)


def _estimate(
    cells: Cells, rows: MatchedRows, covariates: tuple[str, ...], how: Mapping[str, object]
) -> tuple[dict[str, float | None], str]:
    try:
        beta, error = matched_cox(cells, rows, covariates, ties=str(how["ties"]), strata=how["sets"] == STRATA)
    except BadInput as wrong:
        return dict.fromkeys(_VALUES), wrong.code
    width = -float(ndtri(0.025)) * error
    limits = float(np.exp(beta - width)), float(np.exp(beta + width))
    return dict(zip(_VALUES, (float(np.exp(beta)), *limits, float(2 * ndtr(-abs(beta / error)))), strict=True)), ""


def matched_cox(
    cells: Cells, rows: MatchedRows, covariates: tuple[str, ...], *, ties: str, strata: bool
) -> tuple[float, float]:
    """Log hazard ratio of target against comparator and its error. Raises BadInput ``cox-…`` as the fit does."""
    kept, terms, columns = compared_columns(cells, covariates)
    own = telling(_within(columns, rows.match_set[kept]) if strata else columns)
    given = CoxRows(
        x=np.stack([columns[at] for at in own], axis=1),
        terms=tuple(terms[at] for at in own),
        entry=rows.entry[kept],
        exit_=rows.exit_[kept],
        event=rows.status[kept] == 1,
        strata=rows.match_set[kept] if strata else None,
        clones=True,
    )
    risk = risk_days(given)
    fit, moments = fitted(risk, ties=ties, robust=False, idle_strata="keep")
    if strata and rows.alone:
        return float(fit.beta[0]), float(fit.error[0])
    moved = score_residuals(risk, moments) @ fit.model_covariance
    return float(fit.beta[0]), _robust(moved[:, 0], rows.person[kept], rows.match_set[kept])


def _within(columns: Sequence[Floats], match_set: Ints) -> list[Floats]:
    """The columns less their means within sets: nothing but zeros where a column is the same throughout each set."""
    at = np.unique(match_set, return_inverse=True)[1].reshape(-1)
    many = np.bincount(at)
    return [np.round(column - (np.bincount(at, weights=column) / many)[at], 9) for column in columns]


def _robust(move: Floats, person: Ints, match_set: Ints) -> float:
    """The error from what each row moves the estimate by, summed by set and by person."""

    def by(labels: Ints) -> float:
        sums = np.bincount(np.unique(labels, return_inverse=True)[1].reshape(-1), weights=move)
        return float(sums @ sums)

    sets, persons = by(match_set), by(person)
    both = sets + persons - float(move @ move)
    return float(np.sqrt(max(both, sets, persons) if both <= 0 else both))
