# SPDX-License-Identifier: Apache-2.0
"""``rempart ingest``: a folder of an SNDS delivery or an OMOP source, read by its adapter, sealed by the journey."""

from collections.abc import Callable, Mapping
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Literal

import pyarrow as pa

from rempart.adapters.delivery_reader import ingest_definitions, list_delivery, load_files
from rempart.ingest.snds import ingest_snds
from rempart.ingest.survey import survey
from rempart.journeys.ingest import Ingested, Loaded, ingest
from rempart.journeys.living import living
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.canonical import content_id
from rempart.wiring.acts import new_run, no_step
from rempart.wiring.host_register import writable
from rempart.wiring.warehouse import Warehouse

Form = Literal["snds", "omop"]


def plan_delivery(delivery: Path, *, form: Form) -> list[tuple[str, int, int]]:
    """(table, files, bytes) of what would be read; nothing is opened but file names."""
    if form == "omop":
        from rempart.adapters.omop_reader import list_omop

        return list_omop(delivery)
    found = survey(list_delivery(delivery), ingest_definitions().tables)
    rows: dict[str, tuple[int, int]] = {}
    for file in found.files:
        count, size = rows.get(file.table.name, (0, 0))
        rows[file.table.name] = (count + 1, size + file.file.size)
    return [(table, *numbers) for table, numbers in rows.items()]


def ingest_delivery(
    warehouse: Warehouse,
    delivery: Path,
    *,
    form: Form,
    replace: bool,
    progress: Progress,
    named_step: Callable[[str], None] = no_step,
    extra: Mapping[str, pa.Table] | None = None,
) -> Ingested:
    """Bring a delivery in. Raises BadInput naming file, line, column and what was expected, Refused ``store-…`` when the host may
    hold nothing of ours; nothing is half-committed."""
    writable(warehouse)
    identity, read = (_snds if form == "snds" else _omop)(delivery, progress)

    def load(query: Query) -> Loaded:
        return replace_fields(read(query), extra=extra or {})

    query, run = warehouse.new_query(memory="12GB"), new_run("I")
    try:
        with living(warehouse.scratch, warehouse.recorder, run):
            return ingest(
                vault=warehouse.vault,
                recorder=warehouse.recorder,
                query=query,
                load=load,
                delivery=identity,
                layouts=warehouse.layouts,
                shards=warehouse.configuration.shards,
                replace=replace,
                run=run,
                progress=progress,
                named_step=named_step,
            )
    finally:
        query.close()


def _snds(delivery: Path, progress: Progress) -> tuple[str, Callable[[Query], Loaded]]:
    definitions = ingest_definitions()
    files = list_delivery(delivery)
    found = survey(files, definitions.tables)
    lineage = tuple(f"{file.name} {file.sha256}" for file in files)

    def load(query: Query) -> Loaded:
        told = lambda _, done, total: progress.step("read-files", done, total)  # noqa: E731
        report = ingest_snds(query, found, definitions, load_files, told)
        return Loaded(
            report=report, lineage=lineage, facts={"form": "snds", "first": report.first_day, "last": report.last_day}
        )

    return content_id(list(lineage)), load


def _omop(delivery: Path, progress: Progress) -> tuple[str, Callable[[Query], Loaded]]:
    from rempart.adapters.omop_reader import load_omop, omop_lineage

    lineage = omop_lineage(delivery)

    def load(query: Query) -> Loaded:
        report = load_omop(query, delivery, lambda _, done, total: progress.step("read-files", done, total))
        return Loaded(report=report, lineage=lineage, facts={"form": "omop"})

    return content_id(list(lineage)), load
