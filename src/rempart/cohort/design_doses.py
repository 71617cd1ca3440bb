# SPDX-License-Identifier: Apache-2.0
"""Occurrences of exposures as SQL, for designs that count days from them: periods of exposure, or days with a dispensing. Runs nothing."""

from rempart.cohort.codes import DOMAIN, Reads, matches
from rempart.records.study import Study


def occurrences(study: Study, name: str, reads: Reads, *, periods: bool = True) -> str:
    """SELECT of person_id, first, last: periods of an exposure with supply; else, or without ``periods``, each day with a record of it."""
    exposure = study.exposures[name]
    if periods and exposure.eras is not None:
        return f"SELECT person_id, start_date AS first, end_date AS last FROM exposure_{name}"
    domain = DOMAIN[exposure.domain]
    day = reads.column(domain.table, domain.date)
    return (
        f"SELECT DISTINCT person_id, {day} AS first, {day} AS last FROM {domain.table} "
        f"WHERE {day} IS NOT NULL AND {matches(study.codes[exposure.codes], domain, reads)}"
    )
