# SPDX-License-Identifier: Apache-2.0
"""Odds ratios of a case-crossover, and of a case-time-control, as result rows, from counts of equal persons."""

from collections.abc import Mapping

import numpy as np

from rempart.study.case_sets import NO_ESTIMATE, CaseSets, Ratios, ratios
from rempart.study.describe_cells import NOBODY, reference
from rempart.study.designed import Designed
from rempart.study.estimators.case_control import CaseTimeControl
from rempart.study.rows import UNITS, Output
from rempart.study.tallies import Tally

_UNITS = {**UNITS, "ratio": "ratio", "lower": "ratio", "upper": "ratio"}
_ROLES = {"case": "cases", "control": "controls"}  # role → statistic
_ARMS = ("risk", "reference", "alike", "all")
_TELLING = _ARMS[:2]  # the persons whose windows differ as the ratio asks
_BOTH = "case-time-control"
_Cells = Mapping[tuple[str, ...], Tally]


def odds_ratio(output: Output, told: Designed) -> None:
    """For each exposure who had it in the risk window, in a reference window or alike in all, and the ratio with Wald limits and p: crude
    and, with several exposures, adjusted for each other. With controls: that of the cases, that of the controls, and the ratio of both, all
    exposures in one model. A ratio stands on the fewest of those whose windows differ."""
    cases = _sets(told, "case")
    whole = {(key[0], "all"): cell for key, cell in told.by("roles", "role").items()}
    together = ratios(cases)
    controls = ratios(_sets(told, "control")) if "controls" in told.analysis.inputs else None
    for name in told.analysis.exposures:
        cells = told.by(f"exposure/{name}", "role", "level") | whole
        if controls is not None:
            _tell(output, told, ("cases", name), cells, ("case",), together.values(name))
            _tell(output, told, ("controls", name), cells, ("control",), controls.values(name))
            _tell(output, told, (_BOTH, name), cells, ("case", "control"), _both(together, controls, name))
            continue
        alone = CaseSets(set=cases.set, case=cases.case, terms={name: cases.terms[name]}, covariates={})
        _tell(output, told, ("crude", name), cells, ("case",), ratios(alone).values(name))
        if len(told.analysis.exposures) > 1:
            _tell(output, told, ("adjusted", name), cells, ("case",), together.values(name))


def _tell(
    output: Output,
    told: Designed,
    named: tuple[str, str],
    cells: _Cells,
    roles: tuple[str, ...],
    found: tuple[dict[str, float | None], str],
) -> None:
    """The lines of one model and exposure."""
    row = {"analysis": told.analysis.id, "model": named[0], "term": named[1]}
    for arm in _ARMS:
        for role in roles:
            cell = cells.get((role, arm), NOBODY)
            output.write(row, {"arm": arm}, {_ROLES[role]: cell.total}, n=cell.persons, ref=reference(cell))
    behind = [cells.get((role, arm), NOBODY) for role in roles for arm in _TELLING]
    least = min(behind, key=lambda cell: cell.persons)
    values, rule = found
    output.write(row, {}, values, n=least.persons, ref=reference(least), rule=rule, units=_UNITS)


def _both(cases: Ratios, controls: Ratios, name: str) -> tuple[dict[str, float | None], str]:
    """The ratio of the cases' over the controls'."""
    for one in (cases, controls):
        if one.fit is None or name in one.rules:
            return dict.fromkeys(NO_ESTIMATE), one.rules[name]
    if cases.fit is None or controls.fit is None:  # as the loop has told
        return dict.fromkeys(NO_ESTIMATE), ""
    at, of = cases.fit.terms.index(name), controls.fit.terms.index(name)
    beta = np.array([cases.fit.beta[at] - controls.fit.beta[of]])
    error = np.array([np.hypot(cases.fit.error[at], controls.fit.error[of])])
    both = CaseTimeControl(cases=cases.fit, controls=controls.fit, beta=beta, error=error)
    lower, upper = both.interval(0)
    return {"ratio": float(np.exp(beta[0])), "lower": lower, "upper": upper, "p_value": both.p_value(0)}, ""


def _sets(told: Designed, role: str) -> CaseSets:
    """One set for each person and index day: the risk window as its case, the reference windows beside."""
    exposures = told.analysis.exposures
    rows = told.patterns("rows", 3)
    mine = np.flatnonzero(rows.columns[0] == role)
    windows = [
        [risk, *refs.split(",")] for risk, refs in zip(rows.columns[1][mine], rows.columns[2][mine], strict=True)
    ]
    many = np.array([len(own) for own in windows], dtype=np.int64)
    bits = np.array([[bit == "1" for bit in text] for own in windows for text in own], dtype=np.float64)
    bits = bits.reshape(int(many.sum()), len(exposures))
    start = np.cumsum(many) - many
    # Each pattern stands for n persons: its rows are taken n times.
    pattern = np.repeat(np.arange(len(mine)), rows.n[mine])
    length = many[pattern]
    of_set = np.repeat(np.arange(len(pattern)), length)
    place = np.arange(len(of_set)) - np.repeat(np.cumsum(length) - length, length)
    at = start[pattern][of_set] + place
    terms = {name: bits[at, column] for column, name in enumerate(exposures)}
    return CaseSets(set=of_set, case=place == 0, terms=terms, covariates={})
