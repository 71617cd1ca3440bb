# SPDX-License-Identifier: Apache-2.0
"""Gross rows written by hand, names already numbers, and the research tables that compaction makes of them: one shard, no vault.

A row is a dictionary of the columns that matter; all others are empty. Knows nothing of deliveries.
"""

import datetime
import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from rempart.adapters import package_data
from rempart.adapters.delivery_reader import ingest_definitions
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.vocabulary_reader import context_definitions
from rempart.ingest.context import gather_context, prepare_context
from rempart.ingest.definitions import Definitions
from rempart.ingest.persons import CARD_DIGEST, resolve_keys, resolve_persons
from rempart.ingest.rules import met
from rempart.ingest.shard import ShardCounts, make_shard, pass_words, rule_words

Row = dict[str, Any]
Rows = dict[str, list[Row]]
_OWN = {"unit": "INTEGER", "flow": "INTEGER", "hits": "BIGINT"}
_CONTEXT = context_definitions()
_FIRST_DAY, _LAST_DAY = "2015-01-01", "2015-12-31"


@functools.cache
def known() -> Definitions:
    """The data files, parsed once."""
    return ingest_definitions()


@functools.cache
def _shapes() -> dict[str, dict[str, str]]:
    """Gross table → column → SQL type."""
    tables = package_data.toml("ingest/gross.toml")["tables"]
    return {
        name: {**dict.fromkeys(table["names"], "INTEGER"), **table["columns"], **_OWN} for name, table in tables.items()
    }


def day(text: str) -> datetime.date:
    """A date."""
    return datetime.date.fromisoformat(text)


def card(**changed: Any) -> Row:
    """A woman of 1950 with card 10, pseudonym 100, person key 1."""
    return {
        "psa": 100, "card": 10, "person": 1, "own": 1, "archived": False, "certified": True, "born": 1950, "birth_month": 3, "sex": "2",
        "department": "075", "commune": "75056", "seen": day("2015-12-01"), "inserted": day("2000-01-01"), "updated": day("2015-12-01"),
    } | changed  # fmt: skip


def claim(**changed: Any) -> Row:
    """A consultation, a main line without detail."""
    return {
        "card": 10, "executing": 700, "prescribing": 701, "kind": "line", "lead": True, "detail": False, "care": day("2015-02-10"),
        "prescribed": day("2015-02-09"), "nature": "1111", "quantity": 1.0, "paid": 23.0, "reimbursed": 16.1,
    } | changed  # fmt: skip


def drug(**changed: Any) -> Row:
    """A dispensing: a main line and its one detail."""
    return claim(kind="drug", detail=True, nature="3313", code="3400935563248", paid=22.17, reimbursed=14.41) | changed


def stay(**changed: Any) -> Row:
    """An acute stay through the emergency department, with its chaining line."""
    return {
        "psa": 100, "field": "mco", "stay": "mco|2015|010009991|7", "has_stay": True, "has_chain": True, "entry": day("2015-05-02"),
        "leaving": day("2015-05-06"), "entry_from": "5", "exit_mode": "8", "grouped": "11C021", "principal": "C679",
        "legal_facility": "010009991",
        "place_facility": "010009992", "paid": 3000.0,
    } | changed  # fmt: skip


def fact(word: str, kind: str, code: str | None, **changed: Any) -> Row:
    """Something of that stay."""
    field = word.partition("_")[0]
    return {
        "psa": 100,
        "word": word,
        "field": field,
        "stay": "mco|2015|010009991|7",
        "kind": kind,
        "code": code,
    } | changed


def condition(**changed: Any) -> Row:
    """A long-term condition without end."""
    return {"card": 10, "ground": "41", "first_day": day("2010-01-01"), "code": "E11"} | changed


def certificate(**changed: Any) -> Row:
    """A linked certificate of death."""
    return {
        "person": 1, "certificate": 900, "kind": "certificate", "linked": True, "died": day("2015-11-20"), "code": "C679",
    } | changed  # fmt: skip


def whole() -> Rows:
    """One of everything."""
    facts = [
        fact("mco_diagnoses", "diagnosis", "I10", status="DAS"),
        fact("mco_acts", "act", "JDFA001", delay=1, activity="1"),
    ]
    return {
        "gross_card": [card()],
        "gross_claim": [claim(), drug()],
        "gross_stay": [stay()],
        "gross_stay_fact": facts,
        "gross_condition": [condition()],
        "gross_death": [],
    }


def bit(*rules: str) -> int:
    """The marks of some rules."""
    by_id = {rule.id: rule.mask for rule in known().rules}
    return sum(by_id[rule] for rule in rules)


def _added(done: Sequence[ShardCounts]) -> ShardCounts:
    """The counts of several passes together."""
    judged, kept, found = Counter[tuple[str, int]](), Counter[str](), Counter[str]()
    for one in done:
        judged.update({(word, hits): lines for word, hits, lines in one.judged})
        kept.update(dict(one.kept))
        found.update(one.found)
    return ShardCounts(
        judged=tuple((word, hits, n) for (word, hits), n in judged.items()), kept=tuple(kept.items()), found=dict(found)
    )


class Compacted:
    """The research tables of some gross rows, made in one session, to be closed."""

    def __init__(self, rows: Mapping[str, Sequence[Row]], *, passes: int = 1, **switches: bool) -> None:
        self.query, self.definitions = DuckDBQuery(threads=1, memory_limit="1GB"), known()
        for name, columns in _shapes().items():
            self._fill(name, columns, rows.get(name, ()))
        named = sorted({row["person"] for table in rows.values() for row in table if row.get("person")})
        self.query.register("named", pa.table({"number": pa.array(named, pa.int32())}))
        self.query.execute(
            "CREATE TABLE person_name AS SELECT number, lpad(CAST(number AS VARCHAR), 32, '0') AS pseudonym, 0 AS shard FROM named"
        )
        words = rule_words(self.definitions, switches)
        self.query.execute(f"CREATE OR REPLACE TABLE gross_card AS SELECT *, {CARD_DIGEST} FROM gross_card")
        resolve_persons(self.query, self.definitions, words)
        self._keys(rows, words)
        given = {
            **words,
            **self._context(words),
            "first_day": _FIRST_DAY,
            "last_day": _LAST_DAY,
            "last_known": "2016-06-30",
        }
        done = [self._pass({**given, **pass_words(0, number, passes)}, number) for number in range(passes)]
        self.counts = done[0] if passes == 1 else _added(done)

    def _keys(self, rows: Mapping[str, Sequence[Row]], words: Mapping[str, str]) -> None:
        """Keys of every card: those of ``superseded_card`` too, units in the order of their numbers."""
        self._fill("superseded_card", _shapes()["gross_card"], rows.get("superseded_card", ()))
        held = "SELECT card, person, unit, hits FROM"
        self.query.execute(f"CREATE TABLE card_ever AS {held} gross_card UNION ALL {held} superseded_card")
        self.query.execute(
            "CREATE TABLE unit_turn AS SELECT unit, dense_rank() OVER (ORDER BY unit) AS turn FROM (SELECT DISTINCT unit FROM card_ever)"
        )
        resolve_keys(self.query, self.definitions, words)

    def _pass(self, given: Mapping[str, str], number: int) -> ShardCounts:
        """One pass; its rows go to the tables ``whole_<name>``."""
        counts = make_shard(self.query, self.definitions, given)
        for name in self.definitions.research:
            made = f"CREATE TABLE whole_{name} AS" if not number else f"INSERT INTO whole_{name}"
            self.query.execute(f"{made} SELECT * FROM research_{name}")
        return counts

    def _context(self, words: Mapping[str, str]) -> Mapping[str, str]:
        """What stands around the events, with the defaults of every rule of its own."""
        rules = context_definitions()
        gathered = gather_context(self.query, self.definitions, {**words, **rules.words})
        prepared = prepare_context(
            self.query, self.definitions, rules, {name: [table] for name, table in gathered.items()}
        )
        for name, table in prepared.shared.items():
            self.query.register(name, table)
        return prepared.words

    def _fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Row]) -> None:
        listed = [{column: row.get(column, 0 if column in _OWN else None) for column in columns} for row in rows]
        typed = ", ".join(f'CAST("{column}" AS {kind}) AS "{column}"' for column, kind in columns.items())
        empty = pa.table({column: pa.nulls(0, pa.int32()) for column in columns})
        self.query.register(f"{name}_given", pa.Table.from_pylist(listed) if listed else empty)
        self.query.execute(f"CREATE TABLE {name} AS SELECT {typed} FROM {name}_given")

    def __enter__(self) -> "Compacted":
        return self

    def __exit__(self, *_: object) -> None:
        self.query.close()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a question."""
        return self.query.table(sql).to_pylist()

    def dropped(self) -> dict[str, dict[str, int]]:
        """word → first rule → lines."""
        found: dict[str, dict[str, int]] = {}
        for word, hits, lines in self.counts.judged:
            if hits:
                first = met(self.definitions.rules, hits)[0]
                found.setdefault(word, {})[first] = found.get(word, {}).get(first, 0) + lines
        return found

    def kept(self) -> dict[str, int]:
        """word → lines, as told by what was judged; they are what the research tables hold."""
        judged: dict[str, int] = {}
        for word, hits, lines in self.counts.judged:
            if not hits:
                judged[word] = judged.get(word, 0) + lines
        assert judged == {word: lines for word, lines in self.counts.kept if lines}
        return judged
