# SPDX-License-Identifier: Apache-2.0
"""Fill ``state.db`` from the ledger and its documents, and read lists from it."""

from collections.abc import Sequence

from rempart.adapters.state_database import EVENTS, PERMITS, RELEASES, VOTES, Row, StateDatabase
from rempart.journeys.desk_view import in_review
from rempart.journeys.permits import events, read_permit
from rempart.journeys.release import ReleaseDesk, current_state, release_events, submission_of
from rempart.records.event import LedgerEvent
from rempart.wiring.acts import forget_ended
from rempart.wiring.releases import desk
from rempart.wiring.warehouse import Warehouse


def permit_list(warehouse: Warehouse) -> list[dict[str, str | int]]:
    """Granted permits."""
    forget_ended(warehouse)
    return _rebuilt(warehouse, PERMITS.name)


def release_list(warehouse: Warehouse) -> list[dict[str, str | int]]:
    """Releases and their states."""
    return _rebuilt(warehouse, RELEASES.name)


def _rebuilt(warehouse: Warehouse, table: str) -> list[dict[str, str | int]]:
    """One table of the projection, which is first built anew: what somebody wrote into the file is gone."""
    place = desk(warehouse)
    log = events(warehouse.ledger)
    state = StateDatabase(warehouse.controller / "state.db")
    tables = {each.name: each for each in (EVENTS, PERMITS, RELEASES, VOTES)}
    try:
        state.rebuild(
            {EVENTS: _events(log), PERMITS: _permits(place, log), RELEASES: _releases(place, log), VOTES: _votes(place)}
        )
        return state.rows(tables[table])
    finally:
        state.close()


def _events(log: Sequence[LedgerEvent]) -> list[Row]:
    return [
        {"position": n, "kind": e.kind, "phase": e.phase, "basis": e.basis, "time": e.time} for n, e in enumerate(log)
    ]


def _permits(place: ReleaseDesk, log: Sequence[LedgerEvent]) -> list[Row]:
    found: list[Row] = []
    for event in log:
        if event.kind == "permit" and event.phase == "effect":
            intent = log[event.of or 0]
            permit = read_permit(place.documents.get(intent.fact("permit") or ""), place.trust, day=intent.time)
            days = {"valid_from": permit.valid[0].isoformat(), "valid_to": permit.valid[1].isoformat()}
            found.append({"permit": permit.id, "project": permit.project, "granted": event.time, **days})
    return found


def _releases(place: ReleaseDesk, log: Sequence[LedgerEvent]) -> list[Row]:
    names = {e.fact("release") or "" for e in log if e.kind == "submission" and e.phase == "intent"}
    states = [current_state(place, name) for name in sorted(names)]
    return [
        {
            "release": now.release,
            "permit": str(submission_of(place, now.release).body["permit"]) if now.submission else "",
            "state": place.states.told[now.state],
        }
        for now in states
    ]


def _votes(place: ReleaseDesk) -> list[Row]:
    """Votes of releases that are no longer in review: before that, nobody reads another's vote here either."""
    acts = [act for act in release_events(place) if act.act in {"approve", "changes", "reject"}]
    blind = {name for name in {act.release for act in acts} if in_review(place, name)}
    return [
        {"document": e.document, "release": e.release, "checker": e.actor, "verdict": e.act}
        for e in acts
        if e.release not in blind
    ]
