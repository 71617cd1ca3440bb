# SPDX-License-Identifier: Apache-2.0
"""A study beside its permit, for a plan: every column that is missing, and the first thing that is wrong with its days. Refuses nothing."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from rempart.errors import Refused
from rempart.permits.check_study import check_study
from rempart.records.omop import TableLayout
from rempart.records.permit import Permit
from rempart.records.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """``missing``: table → columns that the study reads and the permit does not name; ``days``: what a run would say of its days."""

    missing: Mapping[str, tuple[str, ...]]
    days: Refused | None

    @property
    def fits(self) -> bool:
        """Whether a run would not be refused for what it reads."""
        return not self.missing and self.days is None


def compare(
    study: Study, permit: Permit, layouts: Mapping[str, TableLayout], *, required: Mapping[str, frozenset[str]]
) -> Compared:
    """``required``: table → columns that the study's SQL reads."""
    found = {}
    for table, columns in sorted(required.items()):
        known = frozenset(layouts[table].columns) if table in layouts else frozenset()
        lacking = columns - (known & frozenset(permit.tables.get(table, ())))
        if lacking:
            found[table] = tuple(sorted(lacking))
    try:
        check_study(study, permit, layouts, required={})
    except Refused as error:
        return Compared(missing=found, days=error)
    return Compared(missing=found, days=None)


def earliest_day(study: Study) -> datetime.date:
    """The first day that a rule of the study may look at; a washout of all time before looks at all that the permit has."""
    back = min((window.first for window in study.windows()), default=0)
    first = study.protocol.period[0]
    return first + datetime.timedelta(days=max(back, -first.toordinal() + 1))
