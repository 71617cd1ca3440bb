# SPDX-License-Identifier: Apache-2.0
"""Persons who object: each change is a signed act and the warehouse's next snapshot; its table holds the present, the ledger the past.

Every grant from then on leaves them out. Datasets granted before are ``objection_application``'s work, where the regime reaches them.
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from rempart.errors import BadInput, Missing
from rempart.identity.objections import Objection, added, from_columns, withdrawn
from rempart.identity.pseudonyms import pseudonyms
from rempart.journeys.ingest import FORMER, OBJECTION, SPACE
from rempart.journeys.parts import sealed_parts
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault, newest_commit, open_space
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.query import Query
from rempart.records.document import SignedDocument
from rempart.records.omop import MAIN

SCHEMA = "rempart.objections/1"
Verb = Literal["add", "withdraw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an officer signed: persons as the source names them, and the regime (None, of a withdrawal only: all of theirs)."""

    verb: Verb
    persons: Sequence[str]
    regime: str | None

    def body(self) -> dict[str, str | int]:
        """What is signed: how many persons, never who."""
        return {"schema": SCHEMA, "verb": self.verb, "regime": self.regime or "", "lines": len(self.persons)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Objections that stand now, and how many the change added or took away."""

    standing: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Objections under one regime; ``first`` and ``last``: months in which they were made."""

    regime: str
    persons: int
    first: str
    last: str


def change_objections(
    *,
    vault: Vault,
    recorder: Recorder,
    documents: Documents,
    new_query: Callable[[], Query],
    change: Change,
    signed: SignedDocument,
    actor: str,
    named_step: Callable[[str], None],
) -> Changed:
    """Add or withdraw, as the next snapshot of the warehouse. ``signed``: an officer's signature over ``change.body()``.

    Raises Missing ``space-missing``, BadInput ``objection-list``.
    """
    if newest_commit(vault.ledger, SPACE) is None:
        raise Missing("space-missing", space=SPACE)
    if not change.persons:
        raise BadInput("objection-list", file="?", expected="one person a line")
    document = documents.put(signed.data)
    objects = [f"space:{SPACE}", f"document:{document}"]
    with recorded(recorder, "objection", basis="operation:objection", objects=objects, actor=actor) as act:
        tables = tuple((SPACE, table, MAIN, mode) for table in (OBJECTION, "manifest") for mode in ("read", "write"))
        tables += ((SPACE, FORMER, MAIN, "read"),)
        (reference,) = vault.broker.grant(GrantRequest(intent=act.index, tables=tables, secrets=("identity",)))
        (identity,) = vault.broker.secrets(reference, ("identity",))
        opened = open_space(vault, space=SPACE, reference=reference)
        before = standing(vault, opened, reference, new_query())
        today = recorder.clock.now().date()
        former = former_names(vault, opened, reference, new_query())
        now = _after(before, change, pseudonyms(sorted(set(change.persons)), identity), today, document, former)
        writer = SpaceWriter(
            vault,
            recorder,
            act,
            space=SPACE,
            shards=opened.body.shards,
            parent=opened.commit,
            reference=reference,
            named_step=named_step,
        )
        _commit(writer, opened, now, act)
        act.say("objections", len(now))
    return Changed(standing=len(now), changed=abs(len(now) - len(before)))


def _after(
    before: Sequence[Objection],
    change: Change,
    names: Sequence[str],
    today: datetime.date,
    document: str,
    former: Sequence[tuple[str, str]],
) -> list[Objection]:
    if change.verb == "withdraw":
        return withdrawn(before, names, regime=change.regime, former=former)
    return added(before, names, regime=change.regime or "", since=today, document=document)


def _commit(writer: SpaceWriter, opened: OpenSpace, now: Sequence[Objection], act: Act) -> None:
    """The next snapshot: the table anew, everything else carried over sealed."""
    writer.keep(opened, tables=set(opened.body.tables) - {OBJECTION})
    writer.add(OBJECTION, MAIN, 0, _table(now))
    act.say("head", writer.commit(lineage=opened.body.lineage, facts=opened.body.facts).head)


def _table(now: Sequence[Objection]) -> pa.Table:
    return pa.table(
        {
            "pseudonym": pa.array([one.pseudonym for one in now], pa.string()),
            "regime": pa.array([one.regime for one in now], pa.string()),
            "since": pa.array([one.since for one in now], pa.date32()),
            "document": pa.array([one.document for one in now], pa.string()),
        }
    )


def standing(vault: Vault, opened: OpenSpace, reference: str, query: Query) -> list[Objection]:
    """The objections of a snapshot of the warehouse; closes ``query``."""
    parts = opened.parts(OBJECTION, MAIN, 0)
    try:
        if not parts:
            return []
        query.attach("known", sealed_parts(vault, opened, parts, reference=reference))
        found = query.table("SELECT * FROM known")
        return from_columns({name: found.column(name).to_pylist() for name in found.column_names})
    finally:
        query.close()


def former_names(vault: Vault, opened: OpenSpace, reference: str, query: Query) -> list[tuple[str, str]]:
    """(a pseudonym of a key that a person had before, the person's present one), of the last compaction; closes ``query``."""
    parts = opened.parts(FORMER, MAIN, 0)
    try:
        if not parts:
            return []
        query.attach("former", sealed_parts(vault, opened, parts, reference=reference))
        return [(row["former"], row["pseudonym"]) for row in query.table("SELECT * FROM former").to_pylist()]
    finally:
        query.close()


def list_objections(*, vault: Vault, recorder: Recorder, new_query: Callable[[], Query]) -> list[Standing]:
    """How many objections stand under each regime and since when; never whose. Raises Missing ``space-missing``."""
    if newest_commit(vault.ledger, SPACE) is None:
        raise Missing("space-missing", space=SPACE)
    objects = [f"space:{SPACE}"]
    basis = "operation:objection-list"
    with recorded(recorder, "objection-list", basis=basis, objects=objects, event_class="trace") as act:
        tables = tuple((SPACE, table, MAIN, "read") for table in (OBJECTION, "manifest"))
        (reference,) = vault.broker.grant(GrantRequest(intent=act.index, tables=tables))
        opened = open_space(vault, space=SPACE, reference=reference)
        found = standing(vault, opened, reference, new_query())
    return [_standing(regime, found) for regime in sorted({one.regime for one in found})]


def _standing(regime: str, found: Sequence[Objection]) -> Standing:
    days = sorted(one.since for one in found if one.regime == regime)
    return Standing(regime=regime, persons=len(days), first=f"{days[0]:%Y-%m}", last=f"{days[-1]:%Y-%m}")
