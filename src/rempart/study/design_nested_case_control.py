# SPDX-License-Identifier: Apache-2.0
"""Odds ratios of cases and matched controls as result rows. The sets, whose persons lived in several shards, are brought together here."""

import numpy as np

from rempart.records.design_nested_case_control import ADJUSTED, EXCLUDED
from rempart.study.case_sets import CaseSets, Ratios, ratios
from rempart.study.describe_cells import NOBODY, reference
from rempart.study.designed import Designed
from rempart.study.rows import UNITS, Output
from rempart.study.tallies import Tally

_UNITS = {**UNITS, "ratio": "ratio", "lower": "ratio", "upper": "ratio"}
_CASE, _CONTROL = "case", "control"
_EXPOSED, _UNEXPOSED, _SIBLING, _ALL = "exposed", "unexposed", "other exposure", "all"


def odds_ratio(output: Output, told: Designed) -> None:
    """For each exposure cases and controls by whether they had it, and the ratio, crude (exposure alone, or the exposures where they are in
    one model) and adjusted for the covariates, with Wald limits and p. It stands on the fewest of the four counts."""
    asked, sets = told.analysis.parameters, _sets(told)
    arms = [_EXPOSED, _UNEXPOSED]
    if asked["siblings"] == EXCLUDED and len(told.analysis.exposures) > 1:
        arms.append(_SIBLING)
    whole = {(key[0], _ALL): cell for key, cell in told.by("roles", "role").items()}
    for model in ("crude", *(("adjusted",) if told.analysis.covariates else ())):
        given = sets if model == "adjusted" else _without_covariates(sets)
        together = ratios(given) if asked["siblings"] == ADJUSTED else None
        for name in told.analysis.exposures:
            row = {"analysis": told.analysis.id, "model": model, "term": name}
            cells = told.by(f"exposure/{name}", "role", "level") | whole
            for arm in (*arms, _ALL):
                for role, statistic in ((_CASE, "cases"), (_CONTROL, "controls")):
                    cell = cells.get((role, arm), NOBODY)
                    output.write(row, {"arm": arm}, {statistic: cell.total}, n=cell.persons, ref=reference(cell))
            least = _least(
                [cells.get((role, arm), NOBODY) for role in (_CASE, _CONTROL) for arm in (_EXPOSED, _UNEXPOSED)]
            )
            values, rule = (together or _of_one(given, name, str(asked["siblings"]))).values(name)
            output.write(row, {}, values, n=least.persons, ref=reference(least), rule=rule, units=_UNITS)


def _least(cells: list[Tally]) -> Tally:
    return min(cells, key=lambda cell: cell.persons)


def _sets(told: Designed) -> CaseSets:
    """Every row of every set; equal rows that were counted together stand apart again."""
    exposures, covariates = told.analysis.exposures, told.analysis.covariates
    rows = told.patterns("rows", 2 + len(exposures) + len(covariates))
    each = np.repeat(np.arange(len(rows.n)), rows.n)
    of_set = np.unique(rows.columns[0].astype(np.uint64), return_inverse=True)[1].ravel()
    return CaseSets(
        set=of_set[each],
        case=(rows.columns[1] == _CASE)[each],
        terms={name: (rows.columns[2 + at] == "1").astype(np.float64)[each] for at, name in enumerate(exposures)},
        covariates={name: rows.columns[2 + len(exposures) + at][each] for at, name in enumerate(covariates)},
    )


def _without_covariates(sets: CaseSets) -> CaseSets:
    return CaseSets(set=sets.set, case=sets.case, terms=sets.terms, covariates={})


def _of_one(sets: CaseSets, name: str, siblings: str) -> Ratios:
    """The model of one exposure; who had another alone is gone where siblings are excluded."""
    own = CaseSets(set=sets.set, case=sets.case, terms={name: sets.terms[name]}, covariates=sets.covariates)
    if siblings != EXCLUDED:
        return ratios(own)
    other = np.zeros(len(sets.set), dtype=np.bool_)
    for sibling, column in sets.terms.items():
        other |= (column > 0) & (sibling != name)
    return ratios(own.of(~other | (own.terms[name] > 0)))
