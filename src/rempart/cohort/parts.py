# SPDX-License-Identifier: Apache-2.0
"""The parts of a study: what can be computed, and kept, apart from the rest. A part is named by its own statements, word for word.

A change to a code list, a date or a rule changes the statements of the parts that it touches, and of no other. Sees no row.
"""

import datetime
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rempart.cohort.codes import Reads
from rempart.cohort.compile import compile_frame
from rempart.cohort.describe import tally_plan
from rempart.cohort.designs import design_plan
from rempart.cohort.match_plan import matched_made
from rempart.cohort.study_tables import Made, made_for, tables_of
from rempart.records.canonical import length_prefixed
from rempart.records.exposure_uses import supplied_arms
from rempart.records.protocol import CodeList, CohortPlan, TallyPlan
from rempart.records.study import Study

_VERSION = "rempart.part/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPart:
    """``name``: ``frame:`` and a frame's key, or ``analysis:`` and an id: whose rows of evidence are the part's; ``digest``: SHA-256, hex,
    of everything that is run for it; ``columns``: table → columns that this reads; ``made``: cohorts and exposures that it needs;
    ``classes``: lists of drug classes that it looks up."""

    name: str
    plan: CohortPlan | TallyPlan
    digest: str
    columns: Mapping[str, frozenset[str]]
    made: tuple[Made, ...] = ()
    classes: tuple[CodeList, ...] = ()


def study_parts(study: Study, *, cut: datetime.date) -> tuple[StudyPart, ...]:
    """Every part, in the order in which they are computed; ``cut``: the last day of data. Sessions have the table ``usable_interval``."""
    found = []
    for frame in study.frames:
        reads = Reads()
        made = made_for(study, (), supplied_arms(study, frame), cut=cut, reads=reads)
        plan = compile_frame(study, frame, cut=cut, reads=reads, usable=True)
        found.append(part_of(f"frame:{frame.key}", plan, reads, made=made))
    for analysis in study.descriptions:
        reads = Reads()
        made = tables_of(study, analysis, cut=cut, reads=reads)
        made += matched_made(study, (*analysis.cohorts, analysis.outcome), cut=cut)
        told = tally_plan(study, analysis, cut=cut, reads=reads, usable=True)
        found.append(part_of(f"analysis:{analysis.id}", told, reads, made=made))
    for design in study.designs:
        reads = Reads()
        periods = [name for name in design.exposures if study.exposures[name].eras is not None]
        made = made_for(study, design.cohorts, periods, cut=cut, reads=reads)
        made += matched_made(study, design.cohorts, cut=cut)
        planned = design_plan(study, design, cut=cut, reads=reads, usable=True)
        found.append(part_of(f"analysis:{design.id}", planned, reads, made=made))
    return tuple(found)


def part_of(name: str, plan: CohortPlan | TallyPlan, reads: Reads, *, made: Sequence[Made] = ()) -> StudyPart:
    """A part; ``made``: what its plan reads (cohorts, exposures), whoever else reads it too."""
    steps = plan.steps if isinstance(plan, CohortPlan) else ()
    before = [statement for item in made for statement in item.statements]
    groups = (before, plan.prepare, steps, [text for item in sorted(plan.selects.items()) for text in item])
    told = length_prefixed(_VERSION, name, *(length_prefixed(*group) for group in groups))
    columns = {table: frozenset(names) for table, names in sorted(reads.columns.items())}
    return StudyPart(
        name=name,
        plan=plan,
        digest=hashlib.sha256(told).hexdigest(),
        columns=columns,
        made=tuple(made),
        classes=tuple(reads.classes),
    )


def chosen(parts: Sequence[StudyPart], digests: Collection[str]) -> tuple[StudyPart, ...]:
    """Those of ``digests``, all of them when none is named."""
    return tuple(part for part in parts if not digests or part.digest in digests)


def columns_of(parts: Sequence[StudyPart]) -> dict[str, frozenset[str]]:
    """Table → columns that any of ``parts`` reads."""
    found: dict[str, frozenset[str]] = {}
    for part in parts:
        for table, names in part.columns.items():
            found[table] = found.get(table, frozenset()) | names
    return dict(sorted(found.items()))
