# SPDX-License-Identifier: Apache-2.0
"""What a worker runs in a shard so that comparators can be matched: the cohorts at both ends, then the narrow rows. Runs nothing."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from rempart.cohort.codes import Reads
from rempart.cohort.exposure_eras import exposure_clear, exposure_statements
from rempart.cohort.match_sql import match_rows_sql
from rempart.cohort.rule_cohorts import cohort_statements, ordered
from rempart.records.matching import Matching
from rempart.records.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchPlan:
    """``prepare``: statements in order; ``selects``: matched cohort → SELECT of its rows; ``clear``: drops what ``prepare`` made;
    ``columns``: table → columns read."""

    prepare: tuple[str, ...]
    selects: Mapping[str, str]
    clear: tuple[str, ...]
    columns: Mapping[str, frozenset[str]]
    matchings: Mapping[str, Matching]


def match_plan(study: Study, *, cut: datetime.date, usable: bool = False) -> MatchPlan:
    """The plan of every matched cohort of a study; ``cut``, ``usable``: as ``cohort_statements`` has them."""
    reads = Reads()
    prepare, clear = _ends(study, reads, cut=cut, usable=usable)
    selects = {name: match_rows_sql(name, rule, reads) for name, rule in study.matchings.items()}
    return MatchPlan(
        prepare=prepare,
        selects=selects,
        clear=clear,
        columns={table: frozenset(names) for table, names in sorted(reads.columns.items())},
        matchings=study.matchings,
    )


def _ends(study: Study, reads: Reads, *, cut: datetime.date, usable: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Statements that make, and drop, the cohorts at both ends of each matching and what those are made of."""
    wanted = _needed(study)
    rules = [name for name in ordered(study) if name in wanted]
    exposures = sorted({study.rules[name].exit.exposure for name in rules} - {""})
    prepare = [statement for name in exposures for statement in exposure_statements(study, name, reads)]
    clear = [statement for name in exposures for statement in exposure_clear(name)]
    for name in rules:
        made = cohort_statements(study, name, cut=cut, reads=reads, usable=usable)
        prepare += made.statements
        clear += made.clear
    return tuple(prepare), tuple(clear)


def _needed(study: Study) -> set[str]:
    """Names of the rule cohorts at the ends of matchings, and of all that they need."""
    found: set[str] = set()
    waiting = [name for rule in study.matchings.values() for name in (rule.to, rule.pool)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += study.rules[name].needs
    return found
