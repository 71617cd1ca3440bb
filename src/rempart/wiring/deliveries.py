# SPDX-License-Identifier: Apache-2.0
"""Deliveries of the SNDS on their way in: folders → units, gross parts, research tables. Chooses nothing."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from rempart.adapters.background_threads import background
from rempart.adapters.delivery_reader import Delivery, list_delivery, unit_parts
from rempart.adapters.gross_definitions import gross_definitions, with_native_tables
from rempart.errors import BadInput
from rempart.ingest.declaration import Declaration
from rempart.ingest.definitions import Definitions
from rempart.ingest.deliveries import declared
from rempart.ingest.gross import GrossPlan, add_unit, begin
from rempart.ingest.rules_file import RulesChoice
from rempart.ingest.survey import survey
from rempart.ingest.unit_plan import ARCHIVE
from rempart.ingest.units import Unit, UnitPart
from rempart.journeys.compaction import Compacted, Compaction
from rempart.journeys.delivered_units import DeliveredUnits
from rempart.journeys.ingest_delivery import Bounds, Gather, Gathered
from rempart.journeys.unit_scratch import UnitScratch
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.wiring.native import native_in_force
from rempart.wiring.standing import Chosen, Standing
from rempart.wiring.warehouse import Warehouse

_CARDS = frozenset({"cards", ARCHIVE})
"""Products of which persons are made."""
UNIT_TEXT = 1 << 30
"""Bytes of delivered text beyond which a unit is read in shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Folders as units. ``other``: names of files that are no table; ``declared``: path of a unit's first file → its declaration."""

    units: tuple[DeliveredUnits, ...]
    other: tuple[str, ...]
    declared: Mapping[str, Declaration]


@dataclass(frozen=True, slots=True)
class UnitReader:
    """Implements ``journeys.ingest_delivery.Reader`` on the adapters that read files."""

    definitions: Definitions
    gross: GrossPlan
    declared: Mapping[str, Declaration]
    limit: int = UNIT_TEXT

    def begin(self, query: Query) -> None:
        """See the protocol."""
        begin(query, self.gross)

    def parts(self, query: Query, unit: Unit, spill: UnitScratch) -> Iterator[UnitPart]:
        """See the protocol; raises BadInput naming file, line, column and what was expected."""
        said = self.declared.get(unit.files[0].file.path)
        return unit_parts(query, unit, self.definitions, spill=spill, limit=self.limit, declaration=said)

    def add(self, query: Query, unit: Unit, number: int) -> None:
        """See the protocol."""
        add_unit(query, self.gross, product=unit.product, period=unit.period, number=number)


def read_folders(folders: Sequence[Path], definitions: Definitions) -> Delivered:
    """The units of several deliveries; raises BadInput naming what is missing, unknown or there twice."""
    found = [(list_delivery(folder), folder) for folder in folders]
    surveyed = [(delivery, survey(delivery.files, definitions.tables)) for delivery, _ in found]
    for (delivery, folder), (_, held) in zip(found, surveyed, strict=True):
        if delivery.files and not held.units:
            raise BadInput("delivery-empty", file=folder.name)
    return Delivered(
        units=tuple(_delivered(delivery, held.units) for delivery, held in surveyed),
        other=tuple(name for _, held in surveyed for name in held.other),
        declared={unit.files[0].file.path: d.declaration for d, held in surveyed for unit in held.units},
    )


def _delivered(delivery: Delivery, units: Sequence[Unit]) -> DeliveredUnits:
    said = delivery.declaration
    return DeliveredUnits(
        id=delivery.id,
        produced=said.produced.isoformat() if said.produced else "",
        units=units,
        declared=declared(said),
    )


def refuse_without_cards(
    standing: Standing, folders: Sequence[Path], given: Delivered, *, replace: bool, later: bool
) -> None:
    """Raises BadInput ``cards-missing`` where no unit of cards would be live: nobody could be kept. ``later``: cards may come yet."""
    delivered = any(unit.product.partition("/")[0] in _CARDS for one in given.units for unit in one.units)
    held = not replace and any(unit.name.partition("/")[0] in _CARDS for unit in standing.live)
    if not (later or delivered or held):
        raise BadInput("cards-missing", file=", ".join(folder.name for folder in folders))


def compact_units(
    warehouse: Warehouse,
    definitions: Definitions,
    chosen: Chosen,
    *,
    run: str,
    progress: Progress,
    named_step: Callable[[str], None],
    extra: Mapping[str, pa.Table] | None = None,
    pass_rows: int = Bounds().pass_rows,
) -> Compacted:
    """Make the research tables of every live unit and commit them; raises as ``Compaction.compact`` does. The caller owns ``run``."""
    with background() as threads, warehouse.queries() as new_query:
        return Compaction(
            vault=warehouse.vault,
            recorder=warehouse.recorder,
            scratch=warehouse.scratch,
            new_query=new_query,
            background=threads,
            shapes=gross_definitions(chosen.choice).layouts,
            definitions=definitions,
            context=chosen.context,
            # Of a table in two forms, the fuller one's name.
            names={table.word: table.name for table in reversed(list(definitions.tables.values()))},
            run=run,
            progress=progress,
            named_step=named_step,
            switches=chosen.choice.switches,
            pass_rows=pass_rows,
            extra=extra or {},
            vocabulary=chosen.vocabulary,
        ).compact()


def gather_folders(
    warehouse: Warehouse,
    given: Delivered,
    definitions: Definitions,
    choice: RulesChoice,
    *,
    replace: bool,
    run: str,
    progress: Progress,
    named_step: Callable[[str], None],
    bounds: Bounds,
) -> Gathered:
    """Read, number, seal and commit every unit that is new; raises as ``Gather.gather`` does. The caller owns ``run``."""
    native = native_in_force(warehouse)
    words = native.words(warehouse.recorder.clock.now().date())
    gross = with_native_tables(gross_definitions(choice), definitions, words)
    query = warehouse.new_query()
    try:
        with background() as threads:
            done = Gather(
                vault=warehouse.vault,
                recorder=warehouse.recorder,
                scratch=warehouse.scratch,
                query=query,
                reader=UnitReader(definitions, gross, given.declared),
                background=threads,
                shapes=gross.layouts,
                shards=warehouse.configuration.shards,
                rules=choice.marks_hash,
                native=native.document if words else "",
                run=run,
                progress=progress,
                named_step=named_step,
                bounds=bounds,
            ).gather(given.units, again=replace)
            return dataclasses.replace(done, other=given.other)
    finally:
        query.close()
