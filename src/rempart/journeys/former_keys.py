# SPDX-License-Identifier: Apache-2.0
"""Which keys persons had before, by every card that was ever delivered: an objection or a certificate under one of them reaches
its person.

The cards of superseded units stay in the snapshot for this alone; no row of them is anybody's otherwise.
"""

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from rempart.ingest.definitions import Definitions
from rempart.ingest.persons import resolve_keys
from rempart.ingest.unit_plan import newness
from rempart.ingest.units import UnitEntry
from rempart.journeys.gross_parts import CARDS, GrossParts
from rempart.ports.query import Query
from rempart.vault.part import SealedPart

FOLLOWED = "objections-followed"
"""The finding: objections under a key that their person does not have any more."""
_CARD = ("psa", "card", "person", "unit", "hits")


def former_keys(
    query: Query, gross: GrossParts, definitions: Definitions, words: Mapping[str, str], units: Collection[UnitEntry]
) -> pa.Table:
    """(former, pseudonym): a pseudonym of a key that a person had before, the person's present one; sorted.

    In the session of ``resolve_persons``, after it; leaves ``key_person`` (``resolve_keys``) and, for ``waiting_pairs`` to drop,
    ``card_ever`` and ``key_holder``. ``units``: all of the register, superseded ones too.
    """
    gross.gather(query, CARDS, columns=_CARD, ever="card_ever")
    turns = [unit.number for unit in sorted(units, key=newness)]
    order = pa.array(range(1, len(turns) + 1), pa.int32())
    query.register("unit_turn", pa.table([pa.array(turns, pa.int32()), order], ["unit", "turn"]))
    resolve_keys(query, definitions, words)
    found = query.table("SELECT former, pseudonym FROM former_key ORDER BY ALL")
    for table in ("card_holder", "key_chain", "former_key"):
        query.execute(f"DROP TABLE {table}")
    query.unregister("unit_turn")
    return found


def following(query: Query, former: pa.Table, objections: Sequence[SealedPart]) -> int:
    """How many persons who object are known by another key today. ``former``: as ``former_keys`` makes it."""
    if not objections or not former.num_rows:
        return 0
    query.attach("objecting", objections)
    query.register("former", former)
    found = query.table(
        "SELECT count(DISTINCT pseudonym) AS n FROM former SEMI JOIN objecting ON objecting.pseudonym = former.former"
    )
    for name in ("objecting", "former"):
        query.unregister(name)
    return int(found.column("n")[0].as_py())
