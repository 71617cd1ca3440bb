# SPDX-License-Identifier: Apache-2.0
"""Results of a comparison of cohorts: the writers of comparisons of new users on its counts. Matched sets have a file of their own.

The rows of all persons together (``all``) are left out where a person stands in both arms, as a later case among controls may: no sum
of the arms is then a number of persons.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from rempart.records.design_cohort_comparison import COMPARISON, attrition_steps, sides_of_a_matching
from rempart.records.protocol import Analysis, Frame
from rempart.records.result import ResultRow
from rempart.records.scores import plain_use
from rempart.records.study import Study
from rempart.study import comparison_models, describe, ratio, score_results, time_to_event
from rempart.study.cells import ARMS, Cells
from rempart.study.describe_cells import reference
from rempart.study.designed import Designed
from rempart.study.evidence_sets import ArmSets
from rempart.study.matched_ratio import MatchedRows, matched_hazard_ratio, matched_rows
from rempart.study.rows import Output
from rempart.study.tallies import Tally

Writer = Callable[[Output, Study, Analysis, Cells, Mapping[str, pa.Table]], None]


def attrition(output: Output, told: Designed) -> None:
    """Persons remaining after each step, by arm; at step one ``all`` also counts who was in both on one day."""
    sets, ends = _sets(told), {1: told.one("everybody"), _last(told): told.one("at_risk")}
    for number, step in enumerate(_steps(told), 1):
        for arm in ARMS:
            cell = ends.get(number, sets.step(number, arm)) if arm == "all" else sets.step(number, arm)
            if arm != "all" or _apart(told):
                output.write({"step": step}, {"arm": arm}, {"n": cell.persons}, n=cell.persons, ref=reference(cell))


def _as_of_new_users(write: Writer) -> Callable[[Output, Designed], None]:
    """The writer of this design that tells what ``write`` tells of new users."""

    def told_alike(output: Output, told: Designed) -> None:
        rows: list[ResultRow] = []
        write(replace(output, rows=rows), told.study, _asked(told), _cells(told), {"sums": _ages(told)})
        apart = _apart(told)
        output.rows.extend(row for row in rows if apart or row.column_key.get("arm") != "all")

    return told_alike


table_one = _as_of_new_users(describe.table_one)
incidence = _as_of_new_users(time_to_event.incidence)
survival = _as_of_new_users(time_to_event.survival)
cumulative_incidence = _as_of_new_users(time_to_event.cumulative_incidence)
propensity = _as_of_new_users(score_results.score_results)
subdistribution = _as_of_new_users(comparison_models.subdistribution)
rate_ratio = _as_of_new_users(comparison_models.rate_ratio)
curve_tests = _as_of_new_users(comparison_models.curve_tests)
_unmatched = _as_of_new_users(ratio.hazard_ratio)


def hazard_ratio(output: Output, told: Designed) -> None:
    """As of new users; of matched sets each set a stratum, or errors robust to sets."""
    if _matching(told):
        matched_hazard_ratio(output, told, _asked(told), (_cells(told), _matched(told)))
    else:
        _unmatched(output, told)


def _asked(told: Designed) -> Analysis:
    """The analysis in the terms of a comparison of new users; its frame's names are cohorts here."""
    given, how = told.analysis, told.analysis.parameters
    (outcome,), end = given.outcomes, told.study.protocol.follow_up_days
    frame = Frame(
        cohort=COMPARISON, target=given.inputs["target"], comparator=given.inputs["comparator"], outcome=outcome
    )
    return Analysis(
        id=given.id,
        type=given.type,
        design=given.design,
        frame=frame,
        covariates=given.covariates,
        grid_days=int(how.get("grid_days", 0)),
        ties=str(how.get("ties", "")),
        differences=bool(how.get("differences", False)),
        distribution=str(how.get("distribution", "")),
        horizons=tuple(how.get("horizons", ())),
        score=plain_use(how, days=(end,) if end is not None else ()) if "adjustment" in how else None,
    )


def _matching(told: Designed) -> str:
    return sides_of_a_matching(told.analysis, frozenset(told.study.matchings))


def _steps(told: Designed) -> tuple[str, ...]:
    return attrition_steps(told.analysis, frozenset(told.study.matchings), told.study.protocol.lag_days)


def _last(told: Designed) -> int:
    return len(_steps(told))


def _apart(told: Designed) -> bool:
    """Whether no person stands in both arms."""
    arms = [cell for cell in told.part("members") if cell.key["arm"] in ARMS or cell.key["arm"] == "both"]
    return sum(cell.persons for cell in arms) == told.one("everybody").persons


def _sets(told: Designed) -> ArmSets:
    levels: dict[tuple[int, str, str], Tally] = {}
    for name in told.analysis.covariates:
        for cell in told.part(f"levels/{name}"):
            levels[int(cell.key["covariate"]), cell.key["level"], cell.key["arm"]] = cell
    return ArmSets(members=told.part("members"), levels=levels, last=_last(told))


def _matched(told: Designed) -> MatchedRows:
    return matched_rows(told.patterns("persons", 1), len(told.analysis.covariates))


def _cells(told: Designed) -> Cells:
    frame, names = _asked(told).frame, told.analysis.covariates
    if _matching(told):
        rows = _matched(told)
        arm, levels, days = rows.arm, rows.levels, (rows.entry, rows.exit_, rows.status)
        n = np.ones(len(arm), dtype=np.int64)
    else:
        found = told.patterns("rows", 4 + len(names))
        arm, levels, n = found.columns[0], found.columns[4:], found.n
        days = (found.whole(1), found.whole(2), found.whole(3))
    return Cells(
        arm=arm,
        levels=dict(zip(names, levels, strict=True)),
        entry=days[0],
        exit=days[1],
        status=days[2],
        n=n,
        outcome=frame.outcome,
        suffix=f"@{frame.key}",
        sets=_sets(told),
    )


def _ages(told: Designed) -> pa.Table:
    """Sums of ages by arm, as the evidence of a frame has them."""
    key = _asked(told).frame.key
    rows = [
        {
            "frame": key,
            "arm": cell.key["arm"],
            "variable": "age",
            "n": cell.n,
            "total": cell.total,
            "squares": cell.squares,
        }
        for cell in told.part("age")
    ]
    return pa.Table.from_pylist(rows) if rows else pa.table({"frame": [], "variable": []})
