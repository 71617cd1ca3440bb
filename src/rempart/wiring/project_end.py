# SPDX-License-Identifier: Apache-2.0
"""The end of projects on the command line: which datasets are to be erased by when, and their erasure by two officers."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rempart.errors import Refused
from rempart.journeys.permits import events, find_permit
from rempart.journeys.projects import clocks_of, states
from rempart.records.permit import Permit
from rempart.wiring.erasure import Destroyed, destroy_keys
from rempart.wiring.projects import desk
from rempart.wiring.signing import Ask, today
from rempart.wiring.warehouse import Warehouse

_ERASURE, _ERASED, _CLOSED = "erasure", "erased", "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A dataset that its permit no longer opens. ``until``: last day on which it may still lie there."""

    permit: str
    space: str
    ended: datetime.date
    until: datetime.date


def endings(warehouse: Warehouse) -> list[Ending]:
    """Datasets that are to be erased, the first due first: permits past their last day, projects that were closed."""
    place, found = desk(warehouse), []
    for now in states(place):
        if now.state == _ERASED or not any(one.act == "provision" for one in now.acts):
            continue
        permit = find_permit(events(place.ledger), place.documents, place.trust, now.permit)
        if permit.valid[1] >= today() and now.state != _CLOSED:
            continue
        due = [
            one.due for one in clocks_of(place, now.permit, place.recorder.clock.now()) if one.clock.name == _ERASURE
        ]
        ended = min(permit.valid[1], today())
        found.append(Ending(permit=permit.id, space=permit.space, ended=ended, until=min(due, default=today())))
    return sorted(found, key=lambda one: (one.until, one.permit))


def end_project(
    warehouse: Warehouse,
    *,
    permit: str,
    by: Sequence[Path],
    ask: Ask,
    backups: Sequence[Path] = (),
    declared: Sequence[str] = (),
) -> tuple[Permit, Destroyed]:
    """Destroy the keys of a project whose permit is over, signed by two officers; run again it comes to the same certificate.

    Raises Refused ``permit-running`` while the permit still opens the data; as ``destroy_keys``.
    """
    place = desk(warehouse)
    found = find_permit(events(place.ledger), place.documents, place.trust, permit)
    over = [one.permit for one in endings(warehouse)]
    erased = [now.permit for now in states(place) if now.state == _ERASED]
    if permit not in {*over, *erased}:
        raise Refused("permit-running", permit=permit, date=found.valid[1].isoformat())
    done = destroy_keys(warehouse, space=found.space, epochs=None, by=by, ask=ask, backups=backups, declared=declared)
    return found, done
