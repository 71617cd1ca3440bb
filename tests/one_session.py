# SPDX-License-Identifier: Apache-2.0
"""A delivery brought in within one session of the query engine: units, gross rows, research tables; no vault, no shard, no key.

Names become numbers in the order in which they come, and a person's pseudonym is its number: what is tested is what becomes of lines.
"""

from collections.abc import Mapping
from pathlib import Path

from rempart.adapters.delivery_reader import list_delivery, unit_parts
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.gross_definitions import gross_definitions, known_rules
from rempart.adapters.vocabulary_reader import context_definitions
from rempart.ingest.balance import Books, last_known, window
from rempart.ingest.context import gather_context, prepare_context
from rempart.ingest.definitions import Definitions
from rempart.ingest.gross import GrossPlan, add_unit, begin
from rempart.ingest.persons import CARD_DIGEST, resolve_keys, resolve_persons
from rempart.ingest.report import IngestReport
from rempart.ingest.shard import make_shard, pass_words, rule_words
from rempart.ingest.survey import survey
from rempart.ingest.units import UnitEntry


def read_whole(folder: Path, definitions: Definitions, **switches: bool) -> tuple[DuckDBQuery, IngestReport]:
    """The session, which holds ``research_<table>`` with source_person, and the report; the caller closes the session."""
    query, plan = DuckDBQuery(threads=2, memory_limit="2GB"), gross_definitions(known_rules())
    units = _read(query, plan, folder, definitions)
    _number(query, plan)
    around = context_definitions()
    words = rule_words(definitions, switches) | dict(around.words)
    query.execute(f"CREATE OR REPLACE TABLE gross_card AS SELECT *, {CARD_DIGEST} FROM gross_card")
    resolve_persons(query, definitions, words)
    query.execute("CREATE TABLE card_ever AS SELECT card, person, unit, hits FROM gross_card")
    query.execute(
        "CREATE TABLE unit_turn AS SELECT unit, dense_rank() OVER (ORDER BY unit) AS turn FROM (SELECT DISTINCT unit FROM card_ever)"
    )
    resolve_keys(query, definitions, words)
    gathered = {name: [rows] for name, rows in gather_context(query, definitions, words).items()}
    prepared = prepare_context(query, definitions, around, gathered)
    for name, shared in prepared.shared.items():
        query.register(name, shared)
    first, last = window(units)
    days = {"first_day": first, "last_day": last, "last_known": last_known(units, "")}
    books = Books()
    books.add(make_shard(query, definitions, {**words, **prepared.words, **pass_words(0, 0, 1), **days}))
    books.rows.update(_name(query, definitions))
    names = {table.word: table.name for table in reversed(list(definitions.tables.values()))}
    return query, books.report(definitions, units, names=names, further=prepared.counts)


def _read(query: DuckDBQuery, plan: GrossPlan, folder: Path, definitions: Definitions) -> list[UnitEntry]:
    """Every unit's rows in ``new_<gross table>``."""
    given, entries = list_delivery(folder), []
    begin(query, plan)
    for number, unit in enumerate(survey(given.files, definitions.tables).units, 1):
        for part in unit_parts(query, unit, definitions, declaration=given.declaration):
            add_unit(query, plan, product=unit.product, period=unit.period, number=number)
            told = {"lines": part.lines, "flows": part.flows, "read": part.notes}
            entries.append(
                UnitEntry(name=unit.name, number=number, delivery="d", produced="", files=unit.hashes, rules="", **told)
            )
    return entries


def _number(query: DuckDBQuery, plan: GrossPlan) -> None:
    """``gross_<table>`` with names as numbers; ``name`` (number, kind, text), ``person_name``."""
    every = [(t, column, kind) for t, layout in plan.layouts.items() for column, kind in layout.names.items()]
    union = " UNION ".join(
        f"SELECT '{kind}' AS kind, \"{column}\" AS text FROM new_{table} WHERE \"{column}\" <> ''"
        for table, column, kind in every
    )
    query.execute(
        f"CREATE TABLE name AS SELECT CAST(row_number() OVER () AS INTEGER) AS number, kind, text FROM ({union})"
    )
    query.execute(
        "CREATE VIEW person_name AS SELECT number, lpad(CAST(number AS VARCHAR), 32, '0') AS pseudonym, 0 AS shard FROM name "
        "WHERE kind = 'person'"
    )
    for table, layout in plan.layouts.items():
        joins = "".join(
            f" LEFT JOIN name AS n{at} ON n{at}.kind = '{kind}' AND n{at}.text = r.\"{column}\""
            for at, (column, kind) in enumerate(layout.names.items())
        )
        numbers = "".join(f', n{at}.number AS "{column}"' for at, column in enumerate(layout.names))
        without = ", ".join(f'"{column}"' for column in layout.names)
        rest = f"r.* EXCLUDE ({without})" if without else "r.*"
        query.execute(f"CREATE TABLE {table} AS SELECT {rest}{numbers} FROM new_{table} AS r{joins}")


def _name(query: DuckDBQuery, definitions: Definitions) -> Mapping[str, int]:
    """The source's key in place of a person's number; rows by table."""
    rows = {}
    for name in definitions.research:
        query.execute(
            f"CREATE OR REPLACE TABLE research_{name} AS SELECT n.text AS source_person, r.* EXCLUDE (person_no) "
            f"FROM research_{name} AS r JOIN person AS p USING (person_no) JOIN name AS n ON n.number = p.person"
        )
        rows[name] = query.table(f"SELECT count(*) AS n FROM research_{name}").column("n")[0].as_py()
    return rows
