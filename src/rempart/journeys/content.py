# SPDX-License-Identifier: Apache-2.0
"""Hash the content of the warehouse as it lies on the host: the proof that a restore, a move or a second ingest lost nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing

from rempart.journeys.ingest import SPACE
from rempart.journeys.parts import one_ahead, sealed_parts
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.research_state import require_tables
from rempart.journeys.shard_sessions import joined_view
from rempart.journeys.space import Vault, open_space
from rempart.ports.broker import GrantRequest
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.omop import MAIN, WAREHOUSE_PERSON, TableLayout
from rempart.vault.content_hash import add, as_text, combine, content_hash_sql

_PERSONS = "correspondence"


def hash_content(
    *,
    vault: Vault,
    recorder: Recorder,
    layouts: Mapping[str, TableLayout],
    new_query: Callable[[], Query],
    progress: Progress,
) -> dict[str, str]:
    """Content hash of each research table: sum of row hashes with the person's source pseudonym in place of ours.

    Raises Missing ``space-missing``, ``research-missing``."""
    with recorded(recorder, "hash", basis="operation:hash", objects=[f"space:{SPACE}"], event_class="trace") as act:
        stored = [(table, sibling) for table, layout in layouts.items() for sibling in layout.siblings]
        stored.append((_PERSONS, MAIN))
        wanted = [*stored, ("manifest", MAIN)]
        request = GrantRequest(
            intent=act.index, tables=tuple((SPACE, table, sibling, "read") for table, sibling in wanted)
        )
        (reference,) = vault.broker.grant(request)
        opened = open_space(vault, space=SPACE, reference=reference)
        require_tables(opened.body.tables, layouts)
        parts = [p for shard in range(opened.body.shards) for place in stored for p in opened.parts(*place, shard)]
        readers = {part.name: part for part in sealed_parts(vault, opened, parts, reference=reference)}
        totals = dict.fromkeys(layouts, 0)

        def attach(query: Query, shard: int) -> None:
            for table, sibling in stored:
                name = table if table == _PERSONS else f"{table}__{sibling}"
                query.attach(name, [readers[entry.part] for entry in opened.parts(table, sibling, shard)])

        with closing(one_ahead(range(opened.body.shards), new_query=new_query, attach=attach)) as shards:
            for shard, query in shards:
                progress.step("hash-shards", shard, opened.body.shards)
                for table, found in _hash_shard(query, layouts):
                    totals[table] = combine(totals[table], found)
        progress.step("hash-shards", opened.body.shards, opened.body.shards)
        act.say("head", opened.commit.head)
    return {table: as_text(total) for table, total in totals.items()}


def _hash_shard(query: Query, layouts: Mapping[str, TableLayout]) -> Iterator[tuple[str, int]]:
    """(table, sum of its row hashes) for one shard."""
    for name, layout in layouts.items():
        query.execute(joined_view(layout, layout.siblings, WAREHOUSE_PERSON))
        named = f"(SELECT c.source_pseudonym AS source_person, t.* FROM {name} t JOIN {_PERSONS} c USING (pseudonym))"
        yield name, add(query.table(content_hash_sql(layout, source=named)).column(0))
