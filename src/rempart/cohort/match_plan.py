# SPDX-License-Identifier: Apache-2.0
"""What a worker runs in a shard so that comparators can be matched, and what it makes of the pairs that come back. Runs nothing."""

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rempart.cohort.codes import Reads
from rempart.cohort.match_sql import match_rows_sql, matched_clear, matched_statements
from rempart.cohort.study_tables import Made, made_for, once
from rempart.records.canonical import length_prefixed
from rempart.records.matching import Matching, matched_names
from rempart.records.protocol import CodeList
from rempart.records.study import Study

_VERSION = (
    "rempart.match/2"  # of how pairs are chosen: another number, and kept evidence of matched cohorts is not used
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchPlan:
    """``prepare``: statements in order, that make the cohorts at both ends; ``selects``: matched cohort → SELECT of its rows; ``columns``:
    table → columns read; ``classes``: lists of drug classes that are looked up."""

    prepare: tuple[str, ...]
    selects: Mapping[str, str]
    columns: Mapping[str, frozenset[str]]
    matchings: Mapping[str, Matching]
    classes: tuple[CodeList, ...] = ()


def match_plan(study: Study, *, cut: datetime.date) -> MatchPlan:
    """The plan of every matched cohort of a study; ``cut``: the last day of data."""
    reads = Reads()
    prepare = [statement for made in _ends(study, list(study.matchings), cut, reads) for statement in made.statements]
    return MatchPlan(
        prepare=tuple(prepare),
        selects={name: match_rows_sql(name, rule, reads, study.codes) for name, rule in study.matchings.items()},
        columns={table: frozenset(names) for table, names in sorted(reads.columns.items())},
        matchings=study.matchings,
        classes=tuple(reads.classes),
    )


def matched_made(study: Study, cohorts: Sequence[str], *, cut: datetime.date) -> tuple[Made, ...]:
    """What makes those of ``cohorts`` that come of matching, from the rows ``match_back`` of the session. Each first statement holds a
    hash of all that decides who is in: the part of a study that reads it is named by its statements."""
    found = []
    for name, rule in study.matchings.items():
        if set(matched_names([name])) & set(cohorts):
            told = _told(study, name, rule, cut)
            statements = tuple(matched_statements(name, rule, told=told))
            found.append(Made(name=f"cohort_{name}", statements=statements, clear=tuple(matched_clear(name))))
    return tuple(found)


def _told(study: Study, name: str, rule: Matching, cut: datetime.date) -> str:
    reads = Reads()
    ends = [statement for made in _ends(study, [name], cut, reads) for statement in made.statements]
    rows = match_rows_sql(name, rule, reads, study.codes)
    return hashlib.sha256(
        length_prefixed(_VERSION, *ends, rows, repr(sorted(rule.as_dict()["match"].items())))
    ).hexdigest()


def _ends(study: Study, names: Sequence[str], cut: datetime.date, reads: Reads) -> list[Made]:
    """The cohorts at both ends of matchings and all that they need."""
    rules = [study.matchings[name] for name in names]
    ends = [end for rule in rules for end in (rule.to, rule.pool)]
    return list(once([made_for(study, ends, cut=cut, reads=reads)])) if ends else []
