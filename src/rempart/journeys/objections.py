# SPDX-License-Identifier: Apache-2.0
"""Record persons who object: the next snapshot of the warehouse lists their pseudonyms; every grant from then on leaves them out.

Datasets that were granted before are not changed: that is their renewal's work, and the documents say so.
"""

from collections.abc import Callable, Sequence

import pyarrow as pa

from rempart.errors import BadInput, Missing
from rempart.identity.pseudonyms import pseudonyms
from rempart.journeys.ingest import OBJECTION, SPACE
from rempart.journeys.parts import sealed_parts
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault, newest_commit, open_space
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.query import Query
from rempart.records.document import SignedDocument
from rempart.records.omop import MAIN

SCHEMA = "rempart.objections/1"


def record_objections(
    *,
    vault: Vault,
    recorder: Recorder,
    documents: Documents,
    new_query: Callable[[], Query],
    persons: Sequence[str],
    signed: SignedDocument,
    actor: str,
    named_step: Callable[[str], None],
) -> int:
    """Add ``persons`` (as the source names them) to the warehouse's objections; how many there are now.

    ``signed``: an officer's signature over the number of lines, so that the act has an author. Raises Missing ``space-missing``.
    """
    if newest_commit(vault.ledger, SPACE) is None:
        raise Missing("space-missing", space=SPACE)
    if not persons:
        raise BadInput("objection-list", file="?", expected="one person a line")
    document = documents.put(signed.data)
    objects = [f"space:{SPACE}", f"document:{document}"]
    with recorded(recorder, "objection", basis="operation:objection", objects=objects, actor=actor) as act:
        tables = tuple((SPACE, table, MAIN, mode) for table in (OBJECTION, "manifest") for mode in ("read", "write"))
        (reference,) = vault.broker.grant(GrantRequest(intent=act.index, tables=tables, secrets=("identity",)))
        (identity,) = vault.broker.secrets(reference, ("identity",))
        opened = open_space(vault, space=SPACE, reference=reference)
        known = _known(vault, opened, reference, new_query())
        now = sorted({*known, *pseudonyms(sorted(set(persons)), identity)})
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
        writer.keep(opened, tables=set(opened.body.tables) - {OBJECTION})
        writer.add(OBJECTION, MAIN, 0, pa.table({"pseudonym": pa.array(now, pa.string())}))
        commit = writer.commit(lineage=opened.body.lineage, facts=opened.body.facts)
        act.say("head", commit.head)
        act.say("objections", len(now))
    return len(now)


def _known(vault: Vault, opened: OpenSpace, reference: str, query: Query) -> list[str]:
    """Pseudonyms already on the list."""
    parts = opened.parts(OBJECTION, MAIN, 0)
    try:
        if not parts:
            return []
        query.attach("known", sealed_parts(vault, opened, parts, reference=reference))
        return [str(name) for name in query.table("SELECT pseudonym FROM known").column(0).to_pylist()]
    finally:
        query.close()
