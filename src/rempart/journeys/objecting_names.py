# SPDX-License-Identifier: Apache-2.0
"""Whose a pseudonym or a card in an objection is: by the register of names and every card ever delivered. Knows keyed hashes only.

A pseudonym that several persons hold or held is all of theirs: a person left out in vain loses less than one let in. Each stays
recorded beside them, and compaction asks again: whoever comes to hold it later is left out too.
"""

from collections.abc import Sequence

import pyarrow as pa

from rempart.identity.names import CARD, PSA, name_digests
from rempart.journeys.gross_parts import CARDS, GrossParts
from rempart.ports.query import Query
from rempart.vault.part import SealedPart

_BYTES = 16
_EVER, _HOLDER = "card_ever", "key_holder"
_HELD = (
    f"SELECT DISTINCT called.pseudonym AS called, line.person FROM called JOIN {_EVER} AS line ON line.psa = called.number "
    f"WHERE called.kind = '{PSA}' AND line.person IS NOT NULL UNION "
    f"SELECT called.pseudonym, line.person FROM called JOIN {_EVER} AS line ON line.card = called.number "
    f"WHERE called.kind = '{CARD}' AND line.person IS NOT NULL"
)
_PAIRS = (
    f"WITH held AS ({_HELD}) SELECT called AS former, person.pseudonym FROM held JOIN person USING (person) UNION "
    f"SELECT called, person.pseudonym FROM held JOIN {_HOLDER} AS found ON found.former = held.person JOIN person USING (person_no)"
)
_ASKED = f"kind IN ('{PSA}', '{CARD}') AND pseudonym IN (SELECT pseudonym FROM asked)"


def hashed(names: Sequence[str], kind: str, key: bytes) -> list[str]:
    """Keyed hashes of names as the register has them, in order, 32 hexadecimal digits each."""
    text = name_digests(names, kind, key).hex()
    return [text[start : start + 2 * _BYTES] for start in range(0, len(text), 2 * _BYTES)]


def persons_of(query: Query, gross: GrossParts, hashes: Sequence[str]) -> dict[str, frozenset[str]]:
    """Hash of a pseudonym or a card → pseudonyms of the persons who hold or held it, by the keys they had on its cards; without those
    that nobody ever held."""
    _call(query, gross, hashes)
    gross.gather(query, CARDS, columns=("psa", "card", "person"), ever=_EVER)
    query.execute(f"CREATE OR REPLACE TABLE held AS {_HELD}")
    query.register("known_as", gross.find_names(query, "number IN (SELECT person FROM held)"))
    rows = query.table("SELECT called, pseudonym FROM held JOIN known_as ON known_as.number = held.person").to_pylist()
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["called"], set()).add(row["pseudonym"])
    return {name: frozenset(held) for name, held in found.items()}


def waiting_pairs(query: Query, gross: GrossParts, objections: Sequence[SealedPart]) -> pa.Table:
    """(former, pseudonym): hash of a pseudonym or a card under which somebody objects, each person that its cards ever led to; sorted.

    In the session of ``former_keys``, after it; drops ``card_ever`` and ``key_holder``.
    """
    found = pa.table({name: pa.array([], pa.string()) for name in ("former", "pseudonym")})
    if objections:
        query.attach("objecting", objections)
        hashes = query.table("SELECT DISTINCT pseudonym FROM objecting").column("pseudonym").to_pylist()
        query.unregister("objecting")
        _call(query, gross, hashes)
        found = query.table(f"{_PAIRS} ORDER BY ALL")
        query.unregister("called")
    for table in (_EVER, _HOLDER):
        query.execute(f"DROP TABLE {table}")
    return found


def _call(query: Query, gross: GrossParts, hashes: Sequence[str]) -> None:
    """Register ``called``: what the register knows of these hashes."""
    query.register("asked", pa.table({"pseudonym": pa.array(hashes, pa.string())}))
    query.register("called", gross.find_names(query, _ASKED))
    query.unregister("asked")
