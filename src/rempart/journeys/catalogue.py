# SPDX-License-Identifier: Apache-2.0
"""The catalogue's numbers: counted shard by shard under an act of its own, then held to the disclosure rules before anything is kept.

Counts of persons go through the rules of every release, then are made coarse, so that two catalogues of two deliveries are not subtracted.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from rempart.disclosure.check import check
from rempart.errors import Missing
from rempart.ingest.catalogue import CODE, DAY, NUMBER, Sums, columns_of, known, persons_sql, quantile, values_sql
from rempart.journeys.ingest import SPACE
from rempart.journeys.parts import one_ahead, sealed_parts
from rempart.journeys.quality import Beyond, Reading
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.shard_sessions import joined_view
from rempart.journeys.space import Vault, newest_commit, open_space
from rempart.ports.broker import GrantRequest
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.catalogue import CatalogueTold, VariableTold
from rempart.records.omop import MAIN, WAREHOUSE_PERSON, TableLayout
from rempart.records.result import CheckedTable, ResultRow

KIND = "catalogue"
QUANTILES = {"p05": 0.05, "p50": 0.5, "p95": 0.95}


def catalogue(
    *,
    vault: Vault,
    recorder: Recorder,
    new_query: Callable[[], Query],
    layouts: Mapping[str, TableLayout],
    rules: Mapping[str, Any],
    coarse: Mapping[str, Any],
    progress: Progress,
) -> CatalogueTold:
    """Describe the newest snapshot. ``rules``: of disclosure; ``coarse``: parsed ``catalogue.toml``. Raises Missing ``space-missing``."""
    if newest_commit(vault.ledger, SPACE) is None:
        raise Missing("space-missing", space=SPACE)
    told = {name: layout for name, layout in layouts.items() if name in coarse["tables"]}
    with recorded(recorder, KIND, basis=f"operation:{KIND}", objects=[f"space:{SPACE}"], event_class="trace") as act:
        asked = tuple((SPACE, table, MAIN, "read") for table in [*told, "manifest"])
        (reference,) = vault.broker.grant(GrantRequest(intent=act.index, tables=asked))
        opened = open_space(vault, space=SPACE, reference=reference)
        held = {name: _main(layout) for name, layout in told.items() if MAIN in opened.body.tables.get(name, {})}
        parts = [p for p in opened.body.parts if p.table in held and p.sibling == MAIN]
        readers = sealed_parts(vault, opened, parts, reference=reference)
        found = dict(zip([part.object for part in parts], readers, strict=True))
        reading = Reading(opened=opened, layouts=held, readers=found, beyond=Beyond())
        sums = _scan(reading, new_query, progress)
        act.say("head", opened.commit.head)
    tables = check(list(result_rows(held, sums)), rules)
    return _told(held, sums, tables, coarse, head=opened.commit.head)


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


def _told(
    layouts: Mapping[str, TableLayout],
    sums: Sums,
    tables: tuple[CheckedTable, ...],
    coarse: Mapping[str, Any],
    *,
    head: str,
) -> CatalogueTold:
    shown = {
        (row.output, row.row_key["variable"], row.row_key.get("level", ""), row.statistic): row.value
        for table in tables
        for row in table.rows
        if row.status != "suppressed"
    }
    least, step = int(coarse["persons"]), int(coarse["step"])
    variables = [
        _variable(layout, column, sums, shown, least) for layout in layouts.values() for column in columns_of(layout)
    ]
    return CatalogueTold(
        variables=tuple(variables),
        persons=_rounded(sums.persons["person", ""], step),
        rows=_rounded(sum(sums.rows.values()), step),
        tables={name: _rounded(sums.persons[name, ""], step) for name in layouts},
        head=head,
    )


Shown = Mapping[tuple[str, str, str, str], float | None]


def _variable(layout: TableLayout, column: str, sums: Sums, shown: Shown, least: int) -> VariableTold:
    kind, whole = columns_of(layout)[column], sums.persons[layout.name, ""]
    cells: Mapping[str, int] = sums.values.get((layout.name, column), {})
    found = known(cells, least) if kind in {CODE, DAY} else []
    percent = shown.get((f"{layout.name}_known", column, "known", "percent"))
    return VariableTold(
        table=layout.name,
        column=column,
        type=layout.type_of(column),
        holds=kind,
        percent=_coarse(percent, whole, least),
        codes=len(found) if kind == CODE else None,
        quantiles={name: shown.get((f"{layout.name}_numbers", column, "", name)) for name in QUANTILES}
        if kind == NUMBER
        else None,
        first=found[0] if kind == DAY and found else "",
        last=found[-1] if kind == DAY and found else "",
    )


def _coarse(percent: float | None, whole: int, least: int) -> float | None:
    """A share in steps of at least that many persons, None where even ten per cent are fewer."""
    step = next((step for step in (1, 5, 10) if whole * step >= 100 * least), None)
    return None if percent is None or step is None else float(round(percent / step) * step)


def _rounded(count: int, step: int) -> int:
    return round(count / step) * step if count >= step else 0
