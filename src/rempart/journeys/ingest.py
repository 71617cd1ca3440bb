# SPDX-License-Identifier: Apache-2.0
"""Ingest: research tables → pseudonyms → shards → sealed parts → one commit. Names die here.

Reading, validating, cleaning and mapping are ``ingest``'s work, done by the ``load`` argument; this file is the way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from rempart.errors import BadInput, Refused
from rempart.identity.pseudonyms import pseudonyms
from rempart.identity.shards import shard_of
from rempart.ingest.report import IngestReport
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.space import SpaceWriter, Vault, newest_commit, open_space
from rempart.ports.broker import GrantRequest
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.omop import MAIN, WAREHOUSE_PERSON, TableLayout
from rempart.records.sealed import SpaceCommit
from rempart.vault.content_hash import content_hash, content_hash_sql

SPACE = "warehouse"
OBJECTION = "objection"
FORMER = "former_person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A delivery as research tables in the query session. ``lineage``: ids of what was read; ``facts``: texts for the manifest;
    ``extra``: tables without persons, sealed beside the others."""

    report: IngestReport
    lineage: tuple[str, ...]
    facts: Mapping[str, str]
    extra: Mapping[str, pa.Table] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What an ingest did: the reconciliation, the commit, rows and content hash by table."""

    report: IngestReport
    commit: SpaceCommit
    rows: Mapping[str, int]
    content: Mapping[str, str]


def ingest(
    *,
    vault: Vault,
    recorder: Recorder,
    query: Query,
    load: Callable[[Query], Loaded],
    delivery: str,
    layouts: Mapping[str, TableLayout],
    shards: int,
    replace: bool,
    run: str,
    progress: Progress,
    named_step: Callable[[str], None],
) -> Ingested:
    """Load one delivery (``delivery``: content id of its file list) and seal it as the warehouse's next snapshot.

    Raises BadInput for the delivery, Refused ``warehouse-not-empty`` unless ``replace``; nothing is half-committed.
    """
    before = newest_commit(vault.ledger, SPACE)
    if before is not None and not replace:
        raise Refused("warehouse-not-empty")
    objects = [f"run:{run}", f"space:{SPACE}", f"delivery:{delivery}"]
    with recorded(recorder, "ingest", basis="operation:ingest", objects=objects) as act:
        named_step("intent-logged")
        loaded = load(query)
        named_step("delivery-loaded")
        request = _request(act, layouts, loaded)
        (reference,) = vault.broker.grant(request)
        identity_key, shard_key = vault.broker.secrets(reference, request.secrets)
        persons = _persons(query, identity_key, shard_key, shards, recorder)
        named_step("persons-resolved")
        writer = _writer(vault, recorder, act, shards, before, reference=reference, named_step=named_step)
        _seal_persons(writer, persons, loaded.extra, shards)
        rows = _seal_tables(writer, query, layouts, shards, progress)
        content = {name: content_hash(query.table(content_hash_sql(layout))) for name, layout in layouts.items()}
        commit = writer.commit(lineage=loaded.lineage, facts={"delivery": delivery, **loaded.facts})
        act.say("run", run)
        act.say("head", commit.head)
        act.said.extend(f"content:{table}={value}" for table, value in content.items())
    return Ingested(report=loaded.report, commit=commit, rows=rows, content=content)


def _request(act: Act, layouts: Mapping[str, TableLayout], loaded: Loaded) -> GrantRequest:
    """Write every table of the snapshot; read the manifest before it, for what is carried over."""
    named = [(table.name, sibling) for table in layouts.values() for sibling in table.siblings]
    own = [("correspondence", MAIN), ("person", "release_index"), ("manifest", MAIN)]
    write = [(SPACE, *place, "write") for place in (*named, *own, *((name, MAIN) for name in loaded.extra))]
    secrets = ("identity", f"{SPACE}/shard")
    return GrantRequest(intent=act.index, tables=(*write, (SPACE, "manifest", MAIN, "read")), secrets=secrets)


def _writer(
    vault: Vault,
    recorder: Recorder,
    act: Act,
    shards: int,
    before: SpaceCommit | None,
    *,
    reference: str,
    named_step: Callable[[str], None],
) -> SpaceWriter:
    """What writes the next snapshot after ``before``, whose objections it carries over."""
    writer = SpaceWriter(
        vault,
        recorder,
        act,
        space=SPACE,
        shards=shards,
        parent=before,
        reference=reference,
        named_step=named_step,
    )
    if before is not None:
        writer.keep(open_space(vault, space=SPACE, reference=reference, head=before.head), tables=(OBJECTION,))
    return writer


def _persons(query: Query, identity_key: bytes, shard_key: bytes, shards: int, recorder: Recorder) -> pa.Table:
    """source_person, pseudonym, shard, release_index: one row a person, registered as ``person_map``."""
    found = query.table("SELECT DISTINCT source_person FROM research_person ORDER BY source_person")
    if found.num_rows == 0:
        raise BadInput("no-person")
    names = pseudonyms(found.column(0).to_pylist(), identity_key)
    index = np.frombuffer(recorder.randomness.bytes(8 * len(names)), dtype=np.uint64) >> np.uint64(1)
    persons = found.append_column("pseudonym", pa.array(names))
    persons = persons.append_column("shard", pa.array(shard_of(names, shard_key, shards), pa.int32()))
    persons = persons.append_column("release_index", pa.array(index.astype(np.int64)))
    query.register("person_map", persons)
    return persons


def _seal_persons(writer: SpaceWriter, persons: pa.Table, extra: Mapping[str, pa.Table], shards: int) -> None:
    """The correspondence table and the warehouse-wide release index, each under its own key; then tables without persons."""
    for name, table in extra.items():
        writer.add(name, MAIN, 0, table)
    ordered = persons.sort_by([("shard", "ascending"), ("pseudonym", "ascending")])
    for shard, rows in enumerate(_by_shard(ordered, shards)):
        pairs = rows.select(["source_person", "pseudonym"]).rename_columns(["source_pseudonym", "pseudonym"])
        writer.add("correspondence", MAIN, shard, pairs)
        writer.add("person", "release_index", shard, rows.select(["pseudonym", "release_index"]))


def _seal_tables(
    writer: SpaceWriter, query: Query, layouts: Mapping[str, TableLayout], shards: int, progress: Progress
) -> dict[str, int]:
    rows: dict[str, int] = {}
    pieces = [(layout, sibling) for layout in layouts.values() for sibling in layout.siblings]
    for done, (layout, sibling) in enumerate(pieces):
        progress.step("seal-tables", done, len(pieces))
        table = query.table(_sorted_sql(layout, sibling))
        for shard, part in enumerate(_by_shard(table, shards)):
            writer.add(layout.name, sibling, shard, part.drop_columns(["shard"]))
        rows.setdefault(layout.name, table.num_rows)
    progress.step("seal-tables", len(pieces), len(pieces))
    return rows


def _sorted_sql(layout: TableLayout, sibling: str) -> str:
    """Rows of one sibling, by shard, then person, date and key: the order of every part."""
    columns = layout.stored(sibling, WAREHOUSE_PERSON)
    picked = ", ".join("m.pseudonym" if c == WAREHOUSE_PERSON else f"t.{c}" for c in columns)
    order = ", ".join(["m.shard", "m.pseudonym", *(f"t.{c}" for c in (layout.date, layout.key) if c)])
    return f"SELECT m.shard, {picked} FROM research_{layout.name} t JOIN person_map m USING (source_person) ORDER BY {order}"


def _by_shard(table: pa.Table, shards: int) -> list[pa.Table]:
    """Slices of a table sorted by ``shard``; an absent shard is an empty table."""
    counts = np.bincount(table.column("shard").to_numpy(), minlength=shards)
    ends = np.cumsum(counts)
    return [table.slice(int(end - count), int(count)) for end, count in zip(ends, counts, strict=True)]
