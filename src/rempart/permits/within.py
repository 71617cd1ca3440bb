# SPDX-License-Identifier: Apache-2.0
"""Does a permit keep to what was asked for? An opinion and an agreement are over an application; nothing beyond it is granted on them."""

import datetime
from collections.abc import Iterator

from rempart.errors import Refused
from rempart.records.application import Application
from rempart.records.permit import Permit


def check_within(permit: Permit, application: Application, *, days: bool = True, persons: bool = True) -> None:
    """Raises Refused ``permit-beyond``, naming the first field that goes beyond the application; an amendment may move the last day
    (``days``) and change who works (``persons``)."""
    left = {name for name, asked in (("valid", days), ("persons", persons)) if not asked}
    for field, given in _beyond(permit, application):
        if field in left:
            continue
        raise Refused("permit-beyond", permit=permit.id, field=field, given=given)


def _beyond(permit: Permit, application: Application) -> Iterator[tuple[str, str]]:
    if permit.project != application.project:
        yield "project", permit.project
    for person in permit.persons:
        if person not in application.persons:
            yield "persons", person
    if permit.lookback < datetime.date.fromisoformat(application.value("data.lookback")):
        yield "lookback", permit.lookback.isoformat()
    first, last = (datetime.date.fromisoformat(day) for day in application.value("data.period"))
    if permit.period[0] < first or permit.period[1] > last:
        yield "period", f"{permit.period[0]}, {permit.period[1]}"
    asked = {row["name"]: frozenset(row["columns"]) for row in application.value("data.tables")}
    for table, columns in permit.tables.items():
        for column in columns:
            if column not in asked.get(table, ()):
                yield "tables", f"{table}.{column}"
    if _months(permit) > application.value("duration.months"):
        yield "valid", f"{permit.valid[0]}, {permit.valid[1]}"


def _months(permit: Permit) -> int:
    """Months that the days of ``valid`` fill or begin, both days included."""
    first, after = permit.valid[0], permit.valid[1] + datetime.timedelta(days=1)
    return (after.year - first.year) * 12 + after.month - first.month + (after.day > first.day)
