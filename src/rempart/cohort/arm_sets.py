# SPDX-License-Identifier: Apache-2.0
"""Who stands behind the counts of a comparison, as tallies: each set of persons by its fingerprint, the places of care behind outcomes.

Rows of a frame's evidence: the ``analysis`` of such a tally is ``frame:`` and the frame's key. Runs nothing.
"""

from rempart.cohort.codes import Reads
from rempart.cohort.followup import EVENT
from rempart.cohort.tally_sql import SUMS, set_sums, tally, tally_of_sums

TALLIES = "tallies:"  # before the part's name, among the SELECTs of a frame
MEMBERS, LEVELS, FACILITIES = "members", "levels", "facilities"
TABLE = "study_sets"


def sets_made(*, steps: int) -> str:
    """Statement that makes ``study_sets(passed, arm, event, pattern, persons, a, b)`` of the persons of the index: ``passed`` (steps in a
    row, ``steps`` for those at risk), ``pattern`` ('' if not at risk), ``event`` (1: the outcome ended the follow-up), and the sums of
    cohort/tally_sql.py. One look at the persons gives every set that a table counts."""
    rows = (
        f"SELECT m.person_id, CASE WHEN r.person_id IS NULL THEN m.passed ELSE {steps} END AS passed, m.arm, "
        f"coalesce(r.pattern, '') AS pattern, CASE WHEN r.status = {EVENT} THEN 1 ELSE 0 END AS event "
        "FROM study_members m LEFT JOIN study_at_risk r ON r.person_id = m.person_id"
    )
    return f"CREATE OR REPLACE TEMP TABLE {TABLE} AS {set_sums(rows, keys=('passed', 'arm', 'event', 'pattern'))}"


def arm_sets(*, steps: int, covariates: int) -> dict[str, str]:
    """Part ``members`` by ``passed``, ``arm`` and ``event``; part ``levels``, of those at risk, by ``arm``, ``covariate`` (its place in the
    pattern, from 0) and ``level``. Never by pattern: with many covariates that is a row for nearly every person."""
    found = {TALLIES + MEMBERS: tally_of_sums(f"SELECT * FROM {TABLE}", keys=("passed", "arm", "event"))}
    if covariates:
        apart = (
            f"SELECT arm, unnest(range({covariates})) AS covariate, unnest(string_split(pattern, '|')) AS level, "
            f"{SUMS} {TABLE} WHERE passed = {steps}"
        )
        found[TALLIES + LEVELS] = tally_of_sums(apart, keys=("arm", "covariate", "level"))
    return found


def facilities(reads: Reads) -> dict[str, str]:
    """Part ``facilities``: persons with the outcome by ``arm``, ``day`` since time zero and ``facility``, a number for each place of care
    where the person was on that day."""
    start, end, place = (
        reads.column("visit_occurrence", name)
        for name in ("visit_start_date", "visit_end_date", "care_site_source_value")
    )
    rows = (
        f"SELECT DISTINCT r.person_id, r.arm, r.exit_day AS day, md5_number_lower(v.{place}) AS facility FROM study_at_risk r "
        "JOIN study_index i ON i.person_id = r.person_id JOIN visit_occurrence v ON v.person_id = r.person_id "
        f"AND i.t0 + CAST(r.exit_day AS INTEGER) BETWEEN v.{start} AND coalesce(v.{end}, v.{start}) "
        f"WHERE r.status = {EVENT} AND v.{place} IS NOT NULL"
    )
    return {TALLIES + FACILITIES: tally(rows, keys=("arm", "day", "facility"))}
