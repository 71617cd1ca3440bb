# SPDX-License-Identifier: Apache-2.0
"""What a finished run may say of its cohorts before anything is submitted: who of them hold nobody or everybody, as checked tables show it.

The tables are those that a submission would be made of now, beside what the permit's other submissions show. Tells no number.
"""

from rempart.disclosure.check import check
from rempart.errors import Cancelled, RempartError
from rempart.journeys.checked import checked_tables, standing
from rempart.journeys.permits import events
from rempart.journeys.release import ReleaseDesk, finished_run
from rempart.journeys.study import StudyRun
from rempart.records.result import CheckedTable
from rempart.records.study import Study
from rempart.study.members import Members, members_told


def members_of(desk: ReleaseDesk, study: Study, done: StudyRun, *, actor: str) -> Members:
    """Nothing where the tables cannot be checked: a submission says why, and the run stands."""
    try:
        tables = _tables(desk, study, done, actor)
    except Cancelled:
        raise
    except RempartError:
        return Members()
    return members_told(study, tables, desk.rules, persons=done.cost.persons)


def _tables(desk: ReleaseDesk, study: Study, done: StudyRun, actor: str) -> tuple[CheckedTable, ...]:
    if not standing(desk, permit=study.permit):
        return check(done.rows, desk.rules)
    return checked_tables(desk, finished_run(events(desk.vault.ledger), done.run), actor=actor)
