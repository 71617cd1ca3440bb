# SPDX-License-Identifier: Apache-2.0
"""Bring the projection up to the ledger and read lists from it. ADR 0052."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from rempart.adapters.state_database import Position, StateDatabase
from rempart.audit.tree import hash_of
from rempart.errors import NotTrusted, Refused, Unavailable
from rempart.journeys.permits import events
from rempart.journeys.project_clocks import Due, due
from rempart.journeys.projection import Desks, anew, change
from rempart.wiring import projects, releases
from rempart.wiring.acts import forget_ended
from rempart.wiring.warehouse import Warehouse

_TRIES = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """The leaves that one look found: a ledger that does not grow while rows are made of it. Nothing is appended or proven."""

    held: Sequence[bytes]

    def size(self) -> int:
        """How many."""
        return len(self.held)

    def leaves(self, start: int = 0, end: int | None = None) -> list[bytes]:
        """Leaves [start, end)."""
        return list(self.held[start:end])

    def append(self, expected_size: int, leaves: Sequence[bytes]) -> int:
        """Raises Refused ``ledger-read-only``."""
        raise Refused("ledger-read-only")

    def checkpoint(self) -> str:
        """None."""
        return ""

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """None."""
        return []

    consistency = inclusion


def permit_list(warehouse: Warehouse) -> list[dict[str, str | int]]:
    """Granted permits."""
    forget_ended(warehouse)
    return rows(warehouse, "permits")


def release_list(warehouse: Warehouse) -> list[dict[str, str | int]]:
    """Releases and their states."""
    return rows(warehouse, "releases")


def due_list(warehouse: Warehouse) -> list[Due]:
    """The clocks of every project as of now, the first due first."""
    running = rows(warehouse, "clocks")
    return due(projects.desk(warehouse), running, rows(warehouse, "projects"), warehouse.recorder.clock.now())


def rows(
    warehouse: Warehouse,
    table: str,
    *,
    after: tuple[str | int, ...] = (),
    limit: int | None = None,
    where: dict[str, str | int] | None = None,
) -> list[dict[str, str | int]]:
    """Rows of one table, brought up to the ledger first; what somebody wrote into it is found by its sum, and all is built anew."""
    with closing(StateDatabase(state_url(warehouse))) as state:
        try:
            catch_up(warehouse, state)
            return state.rows(table, after=after, limit=limit, where=where)
        except NotTrusted:
            build(warehouse, state)
            return state.rows(table, after=after, limit=limit, where=where)


def bring_up(warehouse: Warehouse) -> None:
    """Have the database hold what the ledger holds now, and nothing that it held before."""
    with closing(StateDatabase(state_url(warehouse))) as state:
        catch_up(warehouse, state)


def state_url(warehouse: Warehouse) -> str:
    """Where the projection lies: ``[state] url``, else ``DIR/controller/state.db``."""
    return warehouse.configuration.state_url or f"sqlite:///{warehouse.controller / 'state.db'}"


def catch_up(warehouse: Warehouse, state: StateDatabase) -> None:
    """Project what the ledger holds beyond the projection; all of it where that does not continue the ledger.

    Raises Unavailable ``state-moved`` after many lost races, ``state-unreachable``.
    """
    for _ in range(_TRIES):
        try:
            return _once(warehouse, state)
        except Unavailable as error:
            if error.code != "state-moved":
                raise
    raise Unavailable("state-moved")


def _once(warehouse: Warehouse, state: StateDatabase) -> None:
    before, leaves = state.position(), warehouse.ledger.leaves()
    if before is None or not _continues(leaves, before):
        return build(warehouse, state)
    if before.size == len(leaves):
        return None
    desks = desks_over(warehouse, leaves)
    log = events(desks.projects.ledger)
    if anew(log, before.size):
        return build(warehouse, state)
    told = change(desks, log, since=before.size)
    return state.apply(told.rows, before=before, after=_end(leaves), replaced=told.replaced)


def build(warehouse: Warehouse, state: StateDatabase) -> None:
    """Drop the projection and make all of it from the ledger."""
    leaves = warehouse.ledger.leaves()
    desks = desks_over(warehouse, leaves)
    state.rebuild(change(desks, events(desks.projects.ledger)).rows, after=_end(leaves))


def desks_over(warehouse: Warehouse, leaves: Sequence[bytes]) -> Desks:
    """The desks as they would be with these leaves."""
    way_in, way_out, seen = projects.desk(warehouse), releases.desk(warehouse, closed=True), Seen(leaves)
    return Desks(
        releases=replace(way_out, vault=replace(way_out.vault, ledger=seen)), projects=replace(way_in, ledger=seen)
    )


def _end(leaves: Sequence[bytes]) -> Position:
    return Position(size=len(leaves), leaf=hash_of(leaves[-1]).hex() if leaves else "")


def _continues(leaves: Sequence[bytes], before: Position) -> bool:
    """Whether the projection is one of these leaves' beginning."""
    return before.size <= len(leaves) and _end(leaves[: before.size]) == before
