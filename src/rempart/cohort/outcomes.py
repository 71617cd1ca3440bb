# SPDX-License-Identifier: Apache-2.0
"""The records that count as an outcome, as SQL; a death of a cause among them, dated as the protocol dates deaths. Runs nothing."""

from rempart.cohort.claims_sql import claims_sql, dated_deaths
from rempart.cohort.codes import Reads, events
from rempart.records.cohort import Criterion
from rempart.records.protocol import DEATH
from rempart.records.protocol import Criterion as Asked
from rempart.records.study import Study


def outcome_events(study: Study, name: str, reads: Reads) -> str:
    """SQL query of ``person_id, day`` for the records of an outcome."""
    items = study.outcomes[name]
    others = tuple(item for item in items if item.domain != DEATH)
    parts = [events(others, study.codes, reads)] if others else []
    parts += [_deaths(item, study, reads) for item in items if item.domain == DEATH]
    return "\nUNION ALL\n".join(parts)


def by_cause(study: Study, name: str) -> bool:
    """Whether the outcome is, among others, a death of a cause: a death of unknown cause is then a state of its own."""
    return any(item.domain == DEATH for item in study.outcomes[name])


def unknown_deaths(study: Study, reads: Reads) -> str:
    """SQL query of ``person_id, day`` for deaths whose cause nobody wrote down, one for each person."""
    cause = reads.column("death", "cause_source_value")
    return (
        f"SELECT person_id, min(death_day) AS day FROM {dated_deaths(reads, study.protocol.death)} "
        f"GROUP BY person_id HAVING bool_and(coalesce({cause}, '') = '')"
    )


def _deaths(item: Asked, study: Study, reads: Reads) -> str:
    wanted = Criterion(domain=DEATH, codes=study.codes[item.codes])
    found = claims_sql(wanted, "concept", reads=reads, death=study.protocol.death)
    return f"SELECT person_id, start_date AS day FROM ({found})"
