# SPDX-License-Identifier: Apache-2.0
"""Evidence: small tables of whole numbers that add up over shards. Computing, merging, and a deterministic container of bytes.

    attrition  frame, step, arm (all|target|comparator)              → n
    cells      frame, arm, pattern, entry_day, exit_day, status      → n          status 0 censored, 1 outcome, 2 death, 3 of unknown cause
    sums       frame, arm, variable                                  → n, total, squares
    tallies    analysis, part, key (JSON text)                       → n, total, squares, persons, print_a, print_b, top1, top2 (tallies.py)
    patterns   analysis, part, key (values joined by |)              → n          equal rows of a design's data, counted; no id of a person

Of a frame's sets of persons (evidence_sets.py) ``analysis`` is ``frame:`` and the frame's key.

Person rows never reach this file. The container is not sealed here: a worker seals it before it leaves the process.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from rempart.errors import BadInput
from rempart.ports.query import Query
from rempart.records.canonical import length_prefixed
from rempart.records.protocol import CohortPlan, TallyPlan
from rempart.study import tallies

Evidence = Mapping[str, pa.Table]
FRAME = "frame"  # before the key of the frame whose tallies these are, where others have the id of an analysis
TALLIES = "tallies:"  # before the part's name, among the SELECTs of a frame
PATTERNS = "patterns:"  # before the part's name, among the SELECTs of any plan
_MAGIC = "rempart.evidence/3"
_FORMER: Mapping[bytes, tuple[str, ...]] = {  # and the tables that it had
    b"rempart.evidence/1": ("attrition", "cells", "sums"),
    b"rempart.evidence/2": ("attrition", "cells", "sums", "tallies"),
}
_TEXT, _WHOLE = pa.string(), pa.int64()
_KEYS: Mapping[str, tuple[str, ...]] = {
    "attrition": ("frame", "step", "arm"),
    "cells": ("frame", "arm", "pattern", "entry_day", "exit_day", "status"),
    "sums": ("frame", "arm", "variable"),
    "tallies": tallies.KEYS,
    "patterns": ("analysis", "part", "key"),
}
_COUNTS: Mapping[str, tuple[str, ...]] = {
    "attrition": ("n",),
    "cells": ("n",),
    "sums": ("n", "total", "squares"),
    "tallies": tallies.COUNTS,
    "patterns": ("n",),
}
_DAYS = frozenset({"entry_day", "exit_day", "status"})


def schema_of(name: str) -> pa.Schema:
    """The schema of one evidence table: keys, then counts."""
    keys = [(key, _WHOLE if key in _DAYS else _TEXT) for key in _KEYS[name]]
    return pa.schema([*keys, *((count, _WHOLE) for count in _COUNTS[name])])


def empty() -> Evidence:
    """The evidence of no shard: the neutral element of ``merge``."""
    return {name: schema_of(name).empty_table() for name in _KEYS}


def compute(
    query: Query,
    plans: Sequence[CohortPlan],
    tally_plans: Sequence[TallyPlan] = (),
    *,
    prepare: Sequence[str] = (),
    clear: Sequence[str] = (),
) -> Evidence:
    """Evidence of the shard whose tables are views of ``query``; clears what it made, also after an error.

    ``prepare``: makes what several plans read (the study's cohorts and exposures); ``clear`` drops it.
    """
    found = [empty()]
    try:
        for statement in prepare:
            query.execute(statement)
        found += [_one(query, plan) for plan in plans]
        found += [_one(query, plan) for plan in tally_plans]
    finally:
        for statement in clear:
            query.execute(statement)
    return merge(found)


def _one(query: Query, plan: CohortPlan | TallyPlan) -> Evidence:
    try:
        for statement in plan.prepare:
            query.execute(statement)
        patterns = _under(plan.selects, PATTERNS)
        if isinstance(plan, TallyPlan):
            own = {name: sql for name, sql in plan.selects.items() if not name.startswith(PATTERNS)}
            return {
                name: _parts(query, name, plan.analysis, sql)
                for name, sql in (("tallies", own), ("patterns", patterns))
            }
        whole = f"{FRAME}:{plan.frame.key}"
        found = {name: _framed(plan, name, query.table(sql)) for name, sql in plan.selects.items() if ":" not in name}
        found["tallies"] = _parts(query, "tallies", whole, _under(plan.selects, TALLIES))
        return {**found, "patterns": _parts(query, "patterns", whole, patterns)}
    finally:
        for statement in plan.clear:
            query.execute(statement)


def _framed(plan: CohortPlan, name: str, table: pa.Table) -> pa.Table:
    frame = pa.array([plan.frame.key] * table.num_rows, type=_TEXT)
    return table.append_column("frame", frame).select(schema_of(name).names).cast(schema_of(name))


def _under(selects: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Part → SELECT of those whose name begins so."""
    return {name.removeprefix(prefix): sql for name, sql in selects.items() if name.startswith(prefix)}


def _parts(query: Query, kind: str, analysis: str, selects: Mapping[str, str]) -> pa.Table:
    """The rows of an evidence table that the SELECTs of an analysis give, part by part."""
    schema = schema_of(kind)
    found = [schema.empty_table()]
    for part, sql in selects.items():
        table = query.table(sql)
        for name, value in (("analysis", analysis), ("part", part)):
            table = table.append_column(name, pa.array([value] * table.num_rows, type=_TEXT))
        found.append(table.select(schema.names).cast(schema))
    return pa.concat_tables(found)


def merge(parts: Sequence[Evidence]) -> Evidence:
    """The exact sum of evidence; independent of order and of how persons were split. Rows are sorted by their keys."""
    return {name: _sum(name, [part[name] for part in parts if name in part]) for name in _KEYS}


def _sum(name: str, tables: Sequence[pa.Table]) -> pa.Table:
    keys, counts = _KEYS[name], _COUNTS[name]
    schema = schema_of(name)
    together = pa.concat_tables([schema.empty_table(), *tables])
    if not together.num_rows:
        return schema.empty_table()
    if name == "tallies":
        return tallies.merged(together).cast(schema).combine_chunks()
    grouped = together.group_by(list(keys)).aggregate([(count, "sum") for count in counts])
    renamed = pa.table({**{key: grouped[key] for key in keys}, **{c: grouped[f"{c}_sum"] for c in counts}})
    order = pc.sort_indices(renamed, sort_keys=[(key, "ascending") for key in keys])
    return renamed.take(order).cast(schema).combine_chunks()


def encode(evidence: Evidence) -> bytes:
    """The container: length-prefixed magic, then name and Arrow stream of each table; equal evidence gives equal bytes."""
    fields: list[str | bytes | int] = [_MAGIC]
    for name in _KEYS:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema_of(name)) as writer:
            writer.write_table(_sum(name, [evidence[name]]))
        fields += [name, sink.getvalue().to_pybytes()]
    return length_prefixed(*fields)


def decode(data: bytes) -> Evidence:
    """The tables of a container; raises BadInput ``evidence-form`` when it is not one."""
    fields = _split(data)
    forms = {**_FORMER, _MAGIC.encode(): tuple(_KEYS)}
    names = forms.get(fields[0], ()) if fields else ()
    if not names or len(fields) != 1 + 2 * len(names):
        raise BadInput("evidence-form")
    tables = dict(empty())
    for name, (given, stream) in zip(names, zip(fields[1::2], fields[2::2], strict=True), strict=True):
        tables[name] = _read(stream)
        if given != name.encode() or not tables[name].schema.equals(schema_of(name)):
            raise BadInput("evidence-form")
    return tables


def _read(stream: bytes) -> pa.Table:
    try:
        return pa.ipc.open_stream(stream).read_all()
    except pa.ArrowInvalid as error:
        raise BadInput("evidence-form") from error


def _split(data: bytes) -> list[bytes]:
    fields, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        field = data[at + 4 : at + 4 + size]
        if len(field) != size or at + 4 > len(data):
            raise BadInput("evidence-form")
        fields.append(field)
        at += 4 + size
    return fields
