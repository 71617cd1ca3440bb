# SPDX-License-Identifier: Apache-2.0
"""What the analyses of a study read beside the data: its rule cohorts and periods of exposure, in the order in which they must be made."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rempart.cohort.codes import Reads
from rempart.cohort.exposure_eras import exposure_clear, exposure_statements
from rempart.cohort.rule_cohorts import cohort_statements
from rempart.cohort.sources import cohort_sources, usable_until
from rempart.records.cohort_reading import in_order
from rempart.records.describing import PATHWAYS, PERIODS, CohortAnalysis
from rempart.records.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One cohort or exposure: ``statements`` that make its tables in a session, ``clear`` that drop them."""

    name: str
    statements: tuple[str, ...]
    clear: tuple[str, ...]


def tables_of(
    study: Study,
    analysis: CohortAnalysis,
    *,
    cut: datetime.date,
    reads: Reads,
    usable: bool = True,
    ready: Sequence[str] = (),
) -> tuple[Made, ...]:
    """What must be made before a description's plan runs; columns read are noted. ``cut``: the last day of data; ``usable``: the session
    has ``usable_interval`` (source, scheme, last_day); ``ready``: cohorts that are there already."""
    named = [*analysis.cohorts, *([analysis.outcome] if analysis.outcome in study.rules else [])]
    periods = analysis.exposures if analysis.type in (PATHWAYS, PERIODS) else ()  # use is counted from dispensings
    return made_for(study, named, periods, cut=cut, reads=reads, usable=usable, ready=ready)


def made_for(
    study: Study,
    cohorts: Sequence[str],
    exposures: Sequence[str] = (),
    *,
    cut: datetime.date,
    reads: Reads,
    usable: bool = True,
    ready: Sequence[str] = (),
) -> tuple[Made, ...]:
    """Exposures, then cohorts, each after those that it needs."""
    sources = cohort_sources(study) if usable else {}
    wanted = [name for name in _with_needs(study, cohorts) if name not in ready]
    exits = [study.rules[name].exit.exposure for name in wanted if study.rules[name].exit.exposure]
    found = [_exposure(study, name, reads) for name in dict.fromkeys([*exits, *exposures])]
    for name in wanted:
        until = usable_until(sources.get(name, ()))
        made = cohort_statements(study, name, cut=cut, reads=reads, until=until)
        found.append(Made(name=f"cohort_{name}", statements=made.statements, clear=made.clear))
    return tuple(found)


def _with_needs(study: Study, names: Sequence[str]) -> list[str]:
    """The cohorts and all that they need, in order."""
    wanted: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name in study.rules and name not in wanted:
            wanted.add(name)
            left += study.rules[name].needs
    return [name for name in in_order(study.rules) if name in wanted]


def _exposure(study: Study, name: str, reads: Reads) -> Made:
    statements = tuple(exposure_statements(study, name, reads))
    return Made(name=f"exposure_{name}", statements=statements, clear=tuple(exposure_clear(name)))


def once(made: Sequence[Sequence[Made]]) -> Iterator[Made]:
    """Of several analyses, each table once, in an order that suits all."""
    seen: set[str] = set()
    exposures = [item for group in made for item in group if item.name.startswith("exposure_")]
    cohorts = [item for group in made for item in group if not item.name.startswith("exposure_")]
    for item in (*exposures, *cohorts):
        if item.name not in seen:
            seen.add(item.name)
            yield item
