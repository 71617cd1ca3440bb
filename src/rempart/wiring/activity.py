# SPDX-License-Identifier: Apache-2.0
"""``rempart audit report``: the activity of a stretch of time for a regulator, computed from the ledger."""

import datetime
from typing import Any

from rempart import __version__
from rempart.adapters import package_data
from rempart.adapters.surroundings import SystemClock
from rempart.audit.activity import SCHEMA, Stretch, activity, page
from rempart.audit.checkpoint import unproven
from rempart.errors import BadInput
from rempart.journeys.activity import projects_told
from rempart.journeys.permits import events
from rempart.wiring.projects import desk
from rempart.wiring.warehouse import Warehouse


def activity_report(
    warehouse: Warehouse, *, regulator: str, since: str, until: str, language: str
) -> tuple[dict[str, Any], str]:
    """(what it tells, the page); raises BadInput ``report-days`` for a day that is none or an end before its beginning."""
    stretch = Stretch(since=_day(since), until=_day(until))
    if stretch.until < stretch.since:
        raise BadInput("report-days", day=until)
    table = package_data.toml("audit/activity.toml")
    told = activity(
        events(warehouse.ledger), projects_told(desk(warehouse)), stretch, least=int(table["round_persons"])
    )
    head = {
        "since": since,
        "until": until,
        "made": SystemClock().now().date().isoformat(),
        "version": __version__,
        "origin": warehouse.configuration.ledger_origin,
        "size": unproven(warehouse.ledger.checkpoint()).size,
    }
    whole = {"schema": SCHEMA, "regulator": regulator, "head": head, **told}
    return whole, page(whole, table, regulator, language)


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise BadInput("report-days", day=text) from error
