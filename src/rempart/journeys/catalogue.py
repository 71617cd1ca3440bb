# SPDX-License-Identifier: Apache-2.0
"""The catalogue's numbers: counted shard by shard under an act of its own, then held to the disclosure rules before anything is kept.

Counts of persons go through the rules of every release; each then gets a draw and is made coarse, so that nobody subtracts two catalogues.
A snapshot is told of once: what was told is kept, and told again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from rempart.disclosure.check import check
from rempart.errors import Missing
from rempart.ingest.catalogue import CODE, DAY, NUMBER, Sums, columns_of, persons_sql, quantile, values_sql
from rempart.ingest.catalogue_told import Coarse, Draw
from rempart.journeys.ingest import SPACE
from rempart.journeys.parts import one_ahead, sealed_parts
from rempart.journeys.permits import events
from rempart.journeys.quality import Beyond, Reading
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.shard_sessions import joined_view
from rempart.journeys.space import Vault, newest_commit, open_space
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress, Randomness
from rempart.records.catalogue import CatalogueTold, VariableTold, told_bytes, told_from_bytes
from rempart.records.event import LedgerEvent
from rempart.records.omop import MAIN, WAREHOUSE_PERSON, TableLayout
from rempart.records.result import CheckedTable, ResultRow

KIND = "catalogue"
QUANTILES = {"p05": 0.05, "p50": 0.5, "p95": 0.95}


def catalogue(
    *,
    vault: Vault,
    recorder: Recorder,
    documents: Documents,
    new_query: Callable[[], Query],
    layouts: Mapping[str, TableLayout],
    rules: Mapping[str, Any],
    coarse: Mapping[str, Any],
    progress: Progress,
) -> CatalogueTold:
    """Describe the newest snapshot. ``rules``: of disclosure; ``coarse``: parsed ``catalogue.toml``. Raises Missing ``space-missing``."""
    newest = newest_commit(vault.ledger, SPACE)
    if newest is None:
        raise Missing("space-missing", space=SPACE)
    before = _told_before(events(vault.ledger), newest.head)
    if before:
        return told_from_bytes(documents.get(before))
    limits = Coarse(least=int(coarse["persons"]), spread=int(coarse["spread"]), step=int(coarse["step"]))
    asked_for = {name: layout for name, layout in layouts.items() if name in coarse["tables"]}
    with recorded(recorder, KIND, basis=f"operation:{KIND}", objects=[f"space:{SPACE}"]) as act:
        asked = tuple((SPACE, table, MAIN, "read") for table in [*asked_for, "manifest"])
        (reference,) = vault.broker.grant(GrantRequest(intent=act.index, tables=asked))
        opened = open_space(vault, space=SPACE, reference=reference)
        held = {name: _main(layout) for name, layout in asked_for.items() if MAIN in opened.body.tables.get(name, {})}
        parts = [p for p in opened.body.parts if p.table in held and p.sibling == MAIN]
        readers = sealed_parts(vault, opened, parts, reference=reference)
        found = dict(zip([part.object for part in parts], readers, strict=True))
        reading = Reading(opened=opened, layouts=held, readers=found, beyond=Beyond())
        sums = _scan(reading, new_query, progress)
        tables = check(list(result_rows(held, sums)), rules)
        draw = drawing(recorder.randomness, limits.spread)
        told = told_of(held, sums, tables, limits, head=opened.commit.head, draw=draw)
        act.say("head", opened.commit.head)
        act.say("told", documents.put(told_bytes(told)))
    return told


def drawing(randomness: Randomness, spread: int) -> Draw:
    """Draws from -spread to spread, all as likely but for one in 2^50."""
    return lambda: int.from_bytes(randomness.bytes(8), "big") % (2 * spread + 1) - spread


def _told_before(log: Sequence[LedgerEvent], head: str) -> str:
    """The document of what was told of a snapshot; '' where nothing was: a second drawing would be averaged with the first."""
    kept = (e.fact("told") for e in log if e.kind == KIND and e.phase == "effect" and e.fact("head") == head)
    return next((document for document in kept if document), "")


def _main(layout: TableLayout) -> TableLayout:
    return TableLayout(
        name=layout.name, key=layout.key, date=layout.date, siblings={MAIN: layout.siblings[MAIN]}, others=layout.others
    )


def _scan(reading: Reading, new_query: Callable[[], Query], progress: Progress) -> Sums:
    sums, shards = Sums(), reading.opened.body.shards
    with closing(one_ahead(range(shards), new_query=new_query, attach=reading.attach)) as sessions:
        for shard, query in sessions:
            progress.step("catalogue-shards", shard, shards)
            for name, layout in reading.layouts.items():
                query.execute(joined_view(layout, [MAIN], WAREHOUSE_PERSON))
                sums.add_persons(name, query.table(persons_sql(layout)).to_pylist()[0])
                for sql in values_sql(layout):
                    sums.add_values(name, query.table(sql).to_pylist())
    progress.step("catalogue-shards", shards, shards)
    return sums


def result_rows(layouts: Mapping[str, TableLayout], sums: Sums) -> Iterator[ResultRow]:
    """Persons who have a value and persons who never have one, in each table; quantiles of persons' own medians."""
    for table, layout in layouts.items():
        whole = sums.persons[table, ""]
        yield from _level(table, "all", "all", whole, whole)
        for column, kind in columns_of(layout).items():
            have = sums.persons[table, column]
            yield from _level(table, column, "known", have, whole)
            yield from _level(table, column, "never", whole - have, whole)
            if kind == NUMBER and have:
                cells: Mapping[str, int] = sums.values.get((table, column), {})
                for name, share in QUANTILES.items():
                    yield _row(f"{table}_numbers", "quantile", {"variable": column}, name, quantile(cells, share), have)


def _level(table: str, variable: str, level: str, persons: int, whole: int) -> Iterator[ResultRow]:
    key = {"variable": variable, "level": level}
    yield _row(f"{table}_known", "frequency", key, "n", persons, persons)
    yield _row(f"{table}_known", "frequency", key, "percent", 100 * persons / whole if whole else None, persons)


def _row(
    output: str, kind: str, key: Mapping[str, str], statistic: str, value: float | None, persons: int
) -> ResultRow:
    return ResultRow(
        run="catalogue",
        output=output,
        output_type=kind,
        row_key=key,
        column_key={"arm": "all"},
        statistic=statistic,
        value=value,
        unit="",
        n_persons=persons,
    )


def told_of(
    layouts: Mapping[str, TableLayout],
    sums: Sums,
    tables: tuple[CheckedTable, ...],
    coarse: Coarse,
    *,
    head: str,
    draw: Draw,
) -> CatalogueTold:
    """What is told of the counts of a snapshot, each with a draw of its own."""
    shown = frozenset(
        (row.output, row.row_key["variable"]) for table in tables for row in table.rows if row.status != "suppressed"
    )
    return CatalogueTold(
        variables=tuple(
            _variable(layout, column, sums, shown, coarse, draw)
            for layout in layouts.values()
            for column in columns_of(layout)
        ),
        persons=coarse.persons(sums.persons["person", ""], draw),
        rows=coarse.rows(sum(sums.rows.values()), draw),
        tables={name: coarse.persons(sums.persons[name, ""], draw) for name in layouts},
        head=head,
    )


Shown = frozenset[tuple[str, str]]
"""(output, variable) of which the rules let something out."""


def _variable(layout: TableLayout, column: str, sums: Sums, shown: Shown, coarse: Coarse, draw: Draw) -> VariableTold:
    kind, whole = columns_of(layout)[column], sums.persons[layout.name, ""]
    cells: Mapping[str, int] = sums.values.get((layout.name, column), {})
    found = coarse.known(cells, draw) if kind in {CODE, DAY} else []
    numbers = {
        name: coarse.quantile(cells, share, draw) if (f"{layout.name}_numbers", column) in shown else None
        for name, share in QUANTILES.items()
    }
    return VariableTold(
        table=layout.name,
        column=column,
        type=layout.type_of(column),
        holds=kind,
        percent=coarse.share(sums.persons[layout.name, column], whole, draw),
        codes=len(found) if kind == CODE else None,
        quantiles=numbers if kind == NUMBER else None,
        first=found[0] if kind == DAY and found else "",
        last=found[-1] if kind == DAY and found else "",
    )
