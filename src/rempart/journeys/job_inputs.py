# SPDX-License-Identifier: Apache-2.0
"""The tables that a code job reads: from all shards of one snapshot of the project dataset, in memory, in an order that tells nothing.

The permit bounds tables and columns; a project dataset holds nothing else. Of the rows, those are read that the version in force leaves.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import csv

from rempart.errors import Refused
from rempart.journeys.parts import with_keys
from rempart.journeys.shard_sessions import joined_view, read_of, shard_of_table
from rempart.journeys.space import OpenSpace, Vault
from rempart.permits.compile import WHOLE, compile_permit, compile_whole
from rempart.permits.left import Left
from rempart.ports.query import Query
from rempart.records.job import CodeJob, JobInput
from rempart.records.omop import PROJECT_PERSON, TableLayout
from rempart.records.sealed import PartEntry
from rempart.vault.parquet import parquet_bytes
from rempart.vault.part import SealedPart

Siblings = Mapping[str, Collection[str]]

COLUMNS = "columns.json"
"""The file that says of each input's columns which kind of value they hold."""


def check_inputs(job: CodeJob, left: Left, layouts: Mapping[str, TableLayout]) -> None:
    """Every column that the job reads is the permit's, or the project's own number of a person, and its rows can be held to the permit's
    days; raises Refused ``job-column``, ``job-days``."""
    permit = left.now
    whole = compile_whole(permit, {name: layouts[name] for name in sorted(WHOLE & layouts.keys())})
    persons = compile_permit(permit, layouts)
    for item in job.inputs:
        known = set(whole.get(item.table, ()))
        if item.table in persons:
            known = {PROJECT_PERSON, *(c for part in persons[item.table].values() for c in part.columns)}
        for column in item.columns:
            if column not in known:
                raise Refused("job-column", permit=permit.id, table=item.table, column=column)
        left.days(layouts[item.table])


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTables:
    """What reading a job's tables needs. ``left``: the permit, as granted and in force; ``most``: bytes in memory of all together."""

    vault: Vault
    opened: OpenSpace
    left: Left
    layouts: Mapping[str, TableLayout]
    new_query: Callable[[], Query]
    most: int

    def files(self, job: CodeJob, *, reference: str) -> dict[str, bytes]:
        """Name → bytes of each input, and of ``COLUMNS``; raises Refused ``job-inputs-large``, NotTrusted."""
        asked = {item.table: self._read(item) for item in job.inputs}
        stored = read_of(compile_permit(self.left.now, self.layouts), asked, self.layouts)
        entries = [
            part
            for table, siblings in stored.items()
            for sibling in siblings
            for shard in self._shards(table)
            for part in self.opened.parts(table, sibling, shard)
        ]
        keys = self._keys(entries, reference)
        readers = {part.name: part for part in with_keys(self.vault, entries, keys)}
        files, kinds, size = dict[str, bytes](), dict[str, dict[str, str]](), 0
        for item in job.inputs:
            rows = self._rows(item, stored[item.table], readers)
            kinds[item.file] = {field.name: str(field.type) for field in rows.schema}
            files[item.file] = parquet_bytes(rows) if item.format == "parquet" else _csv(rows)
            size += len(files[item.file])
            if size > self.most:
                raise Refused("job-inputs-large", most=self.most >> 20)
        return {**files, COLUMNS: json.dumps(kinds, sort_keys=True).encode()}

    def _read(self, item: JobInput) -> tuple[str, ...]:
        """What is read of a table: what the job asks for, and the days that say which rows are left."""
        wanted = dict.fromkeys([*item.columns, *self.left.days(self.layouts[item.table])])
        return tuple(column for column in wanted if column != PROJECT_PERSON)

    def _keys(self, entries: Sequence[PartEntry], reference: str) -> list[bytes]:
        epoch = self.opened.commit.epoch
        items = [(part.key_context(self.vault.warehouse, epoch), self.opened.wrapped[part.object]) for part in entries]
        return self.vault.broker.unwrap(reference, items) if items else []

    def _shards(self, table: str) -> range:
        return range(1) if table in WHOLE else range(self.opened.body.shards)

    def _rows(self, item: JobInput, siblings: Siblings, readers: Mapping[str, SealedPart]) -> pa.Table:
        """The rows of every shard, sorted by all their columns: neither shards nor the order of rows tell anything."""
        found = [self._of_shard(item, siblings, readers, shard) for shard in self._shards(item.table)]
        query = self.new_query()
        try:
            query.register("gathered", pa.concat_tables(found))
            return query.table("SELECT * FROM gathered ORDER BY ALL")
        finally:
            query.close()

    def _of_shard(self, item: JobInput, siblings: Siblings, readers: Mapping[str, SealedPart], shard: int) -> pa.Table:
        query, layout = self.new_query(), self.layouts[item.table]
        try:
            for sibling in siblings:
                entries = self.opened.parts(item.table, sibling, shard_of_table(item.table, shard))
                query.attach(f"{item.table}__{sibling}", [readers[e.part] for e in entries], columns=siblings[sibling])
            query.execute(joined_view(layout, list(siblings), PROJECT_PERSON))
            return query.table(self.left.rows_sql(layout, item.columns))
        finally:
            query.close()


def _csv(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    csv.write_csv(rows, sink)
    written: bytes = sink.getvalue().to_pybytes()
    return written
