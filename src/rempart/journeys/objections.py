# SPDX-License-Identifier: Apache-2.0
"""Persons who object: each change is a signed act and the warehouse's next snapshot; its table holds the present, the ledger the past.

Every grant from then on leaves them out. Datasets granted before are ``objection_application``'s work, where the regime reaches them.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from rempart.errors import BadInput, Missing
from rempart.identity.names import CARD, PERSON, provisional_card
from rempart.identity.objections import Objection, added, from_columns, withdrawn
from rempart.identity.pseudonyms import pseudonyms
from rempart.journeys.gross_parts import CARDS, NAME, REMAP, GrossParts
from rempart.journeys.gross_shape import GrossShape
from rempart.journeys.ingest import FORMER, OBJECTION, SPACE
from rempart.journeys.objecting_names import hashed, persons_of
from rempart.journeys.parts import sealed_parts
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault, newest_commit, open_space
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.query import Query
from rempart.records.document import SignedDocument
from rempart.records.omop import MAIN

SCHEMA = "rempart.objections/1"
INDEX = ("person", "release_index")
Verb = Literal["add", "withdraw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an officer signed: persons as the source names them, and the regime (None, of a withdrawal only: all of theirs).
    ``kind`` of the names: see ``identity.names``."""

    verb: Verb
    persons: Sequence[str]
    regime: str | None
    kind: str = PERSON

    def body(self) -> dict[str, str | int]:
        """What is signed: how many persons, never who."""
        return {"schema": SCHEMA, "verb": self.verb, "regime": self.regime or "", "lines": len(self.persons)}

    @property
    def asks_cards(self) -> bool:
        """Whether whose a name is has to be asked of the cards: of those listed, or of those that a person taken back stands under."""
        return self.kind != PERSON or self.verb == "withdraw" or any(map(provisional_card, self.persons))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Objections that stand now, and how many the change added or took away, a name that waits counted as one in each; ``waiting``: of
    those that stand, as in ``Standing``; ``named``: different names in the list, ``known``: those of them that are somebody's in the
    research tables now."""

    standing: int
    waiting: int
    changed: int
    named: int
    known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Objections under one regime, a pseudonym's or a card's own beside its persons'; ``known``: whose person is in the research tables
    now; ``waiting``: the others, names under which the last compaction found nobody; ``first`` and ``last``: months in which they were
    made."""

    regime: str
    persons: int
    first: str
    last: str
    known: int
    waiting: int


def change_objections(
    *,
    vault: Vault,
    recorder: Recorder,
    documents: Documents,
    new_query: Callable[[], Query],
    change: Change,
    signed: SignedDocument,
    actor: str,
    cards: GrossShape,
    named_step: Callable[[str], None],
) -> Changed:
    """Add or withdraw, as the next snapshot of the warehouse. ``signed``: an officer's signature over ``change.body()``.

    Raises Missing ``space-missing``, BadInput ``objection-list``.
    """
    if newest_commit(vault.ledger, SPACE) is None:
        raise Missing("space-missing", space=SPACE)
    if not change.persons:
        raise BadInput("objection-list", file="?")
    document = documents.put(signed.data)
    objects = [f"space:{SPACE}", f"document:{document}"]
    with recorded(recorder, "objection", basis="operation:objection", objects=objects, actor=actor) as act:
        (reference,) = vault.broker.grant(_request(act, change))
        opened = open_space(vault, space=SPACE, reference=reference)
        book = _Book(vault, opened, reference, new_query)
        before, today = standing(vault, opened, reference, new_query()), recorder.clock.now().date()
        former = former_names(vault, opened, reference, new_query())
        meant, called = book.meant(change, cards, before)
        names = sorted(frozenset().union(*meant.values()))
        now = _after(before, change, names, today, document, [*former, *_led(called, former)])
        known = book.present({*names, *(one.pseudonym for one in now)}, former)
        writer = _writer(vault, recorder, act, opened, reference, named_step)
        _commit(writer, opened, now, act)
        act.say("objections", len(now))
    return Changed(
        standing=len(now),
        waiting=sum(one.pseudonym not in known for one in now),
        changed=abs(len(now) - len(before)),
        named=len(meant),
        known=sum(bool(found & known) for found in meant.values()),
    )


def _writer(
    vault: Vault,
    recorder: Recorder,
    act: Act,
    opened: OpenSpace,
    reference: str,
    named_step: Callable[[str], None],
) -> SpaceWriter:
    """What writes the snapshot after ``opened``."""
    return SpaceWriter(
        vault,
        recorder,
        act,
        space=SPACE,
        shards=opened.body.shards,
        parent=opened.commit,
        reference=reference,
        named_step=named_step,
    )


def _request(act: Act, change: Change) -> GrantRequest:
    """The list itself; who is known; where cards are asked, whose names are."""
    read = [(FORMER, MAIN), INDEX, *(((NAME, MAIN), (REMAP, MAIN), (CARDS, MAIN)) if change.asks_cards else ())]
    tables = [(SPACE, table, MAIN, mode) for table in (OBJECTION, "manifest") for mode in ("read", "write")]
    return GrantRequest(
        intent=act.index, tables=(*tables, *((SPACE, *place, "read") for place in read)), secrets=("identity",)
    )


@dataclass(frozen=True, slots=True)
class _Book:
    """A snapshot in which names are looked up."""

    vault: Vault
    opened: OpenSpace
    reference: str
    new_query: Callable[[], Query]

    def meant(
        self, change: Change, cards: GrossShape, before: Sequence[Objection]
    ) -> tuple[Mapping[str, frozenset[str]], Mapping[str, frozenset[str]]]:
        """Each name's keyed hash → what is recorded of it: itself, so that it waits for whoever comes to it later, and who is known to
        hold or have held it. Then the same of every name that is asked of the cards, of ``before`` too."""
        (identity,) = self.vault.broker.secrets(self.reference, ("identity",))
        given = sorted(set(change.persons))
        own = list(pseudonyms(given, identity)) if change.kind == PERSON else hashed(given, change.kind, identity)
        spelt = [provisional_card(text) if change.kind == PERSON else "" for text in given]
        by_card = dict(zip(filter(None, spelt), hashed(list(filter(None, spelt)), CARD, identity), strict=True))
        asked = {*own, *by_card.values(), *(one.pseudonym for one in before)}
        held = self._held(sorted(asked), cards) if change.asks_cards else {}
        return {
            name: frozenset().union(*({one} | held.get(one, frozenset()) for one in (name, by_card.get(card)) if one))
            for name, card in zip(own, spelt, strict=True)
        }, held

    def _held(self, hashes: Sequence[str], cards: GrossShape) -> Mapping[str, frozenset[str]]:
        """Of those that somebody holds: the persons. None in a warehouse without a register of names."""
        if not any(part.table == NAME for part in self.opened.body.parts):
            return {}
        query = self.new_query()
        try:
            gross = GrossParts(self.vault, self.opened, reference=self.reference, shapes={CARDS: cards}, dead={})
            return persons_of(query, gross, hashes)
        finally:
            query.close()

    def present(self, names: Iterable[str], former: Sequence[tuple[str, str]]) -> frozenset[str]:
        """Those of the pseudonyms that the research tables know, by the key of today or one of before."""
        query, asked = self.new_query(), frozenset(names)
        found = asked & {before for before, _ in former}
        try:
            query.register("asked", pa.table({"pseudonym": pa.array(sorted(asked), pa.string())}))
            for shard in range(self.opened.body.shards):
                parts = self.opened.parts(*INDEX, shard)
                if parts:
                    query.attach("known", sealed_parts(self.vault, self.opened, parts, reference=self.reference))
                    told = query.table("SELECT pseudonym FROM asked SEMI JOIN known USING (pseudonym)")
                    found |= frozenset(told.column("pseudonym").to_pylist())
                    query.unregister("known")
            return found
        finally:
            query.close()


def _led(called: Mapping[str, frozenset[str]], former: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(name, present pseudonym) of who holds or held a name, as compaction would pair them: what was added since is not yet paired."""
    today: dict[str, set[str]] = {}
    for before, now in former:
        today.setdefault(before, set()).add(now)
    return [(name, now) for name, held in called.items() for one in held for now in today.get(one, {one})]


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
        tables = tuple(
            (SPACE, *place, "read") for place in ((OBJECTION, MAIN), (FORMER, MAIN), INDEX, ("manifest", MAIN))
        )
        (reference,) = vault.broker.grant(GrantRequest(intent=act.index, tables=tables))
        opened = open_space(vault, space=SPACE, reference=reference)
        found = standing(vault, opened, reference, new_query())
        book, former = _Book(vault, opened, reference, new_query), former_names(vault, opened, reference, new_query())
        known = book.present((one.pseudonym for one in found), former)
    return [_standing(regime, found, known) for regime in sorted({one.regime for one in found})]


def _standing(regime: str, found: Sequence[Objection], known: frozenset[str]) -> Standing:
    mine = [one for one in found if one.regime == regime]
    days, here = sorted(one.since for one in mine), sum(one.pseudonym in known for one in mine)
    first, last = (f"{day:%Y-%m}" for day in (days[0], days[-1]))
    return Standing(regime=regime, persons=len(days), first=first, last=last, known=here, waiting=len(days) - here)
