# SPDX-License-Identifier: Apache-2.0
"""Whom a former key names today, over cards that changed hands from unit to unit: certified, merged, split, shared by twins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.ingest.persons import resolve_persons
from rempart.ingest.shard import rule_words
from rempart.ingest.units import UnitEntry
from rempart.journeys.former_keys import former_keys
from rempart.ports.query import Query
from tests.small_delivery import known

Row = tuple[int, int, str]
"""Unit, card, key."""
_TYPES = {
    "psa": pa.int32(), "card": pa.int32(), "person": pa.int32(), "archived": pa.bool_(), "certified": pa.bool_(),
    "updated": pa.date32(), "seen": pa.date32(), "hits": pa.int64(), "unit": pa.int32(), "digest": pa.string(),
}  # fmt: skip


@dataclass
class Cards:
    """Every row of the cards, as the parts of a snapshot hold them."""

    rows: pa.Table

    def gather(self, query: Query, table: str, *, columns: Sequence[str] = (), ever: str = "") -> None:
        """All rows under the name ``ever``."""
        query.register("given", self.rows)
        query.execute(f"CREATE OR REPLACE TABLE {ever or table} AS SELECT {', '.join(columns)} FROM given")
        query.unregister("given")


def unit(number: int, produced: str) -> UnitEntry:
    return UnitEntry(
        name="cards", number=number, delivery="d", produced=produced, files=(), lines={}, flows=(), rules="r",
        state="superseded",
    )  # fmt: skip


def today(rows: Sequence[Row], *, live: Sequence[int], produced: dict[int, str] | None = None) -> set[tuple[str, str]]:
    """(former key, key of today) when only the units ``live`` count; lines with the key in small letters break a rule."""
    keys = sorted({key.upper() for _, _, key in rows})
    wrong = next(rule.mask for rule in known().rules if rule.id == "B1")
    made: list[dict[str, Any]] = [
        {"psa": 100 + card, "card": card, "person": 200 + keys.index(key.upper()), "archived": False, "certified": True,
         "hits": wrong if key.islower() else 0, "unit": number}
        for number, card, key in rows
    ]  # fmt: skip
    columns = {name: pa.array([row.get(name) for row in made], kind) for name, kind in _TYPES.items()}
    query, table = DuckDBQuery(threads=1, memory_limit="500MB"), pa.table(columns)
    names = [{"number": 200 + place, "pseudonym": key, "shard": 0} for place, key in enumerate(keys)]
    try:
        query.register("person_name", pa.Table.from_pylist(names))
        query.register("everything", table)
        query.execute(
            f"CREATE TABLE gross_card AS SELECT * FROM everything WHERE unit IN ({', '.join(map(str, live))})"
        )
        words = rule_words(known(), {})
        resolve_persons(query, known(), words)
        days = produced or {number: f"2016-0{number}-01" for number, _, _ in rows}
        units = [unit(number, day) for number, day in days.items()]
        found = former_keys(query, Cards(table), known(), words, units)  # type: ignore[arg-type]
        return {(row["former"], row["pseudonym"]) for row in found.to_pylist()}
    finally:
        query.close()


@pytest.mark.parametrize(
    ("rows", "live", "expected"),
    [
        pytest.param([(1, 1, "OLD"), (2, 1, "NEW")], [2], {("OLD", "NEW")}, id="certified"),
        pytest.param([(1, 1, "OLD"), (2, 1, "NEW")], [1, 2], {("OLD", "NEW")}, id="certified beside what still counts"),
        pytest.param([(1, 1, "A"), (1, 2, "B"), (2, 1, "C"), (2, 2, "C")], [2], {("A", "C"), ("B", "C")}, id="merged"),
        pytest.param([(1, 1, "A"), (1, 2, "A"), (2, 1, "B"), (2, 2, "C")], [2], {("A", "B"), ("A", "C")}, id="split"),
        pytest.param([(1, 1, "A"), (1, 2, "A"), (2, 1, "A"), (2, 2, "C")], [2], {("A", "C")}, id="one left"),
        pytest.param(
            [(1, 1, "A"), (2, 1, "B"), (2, 2, "B"), (3, 2, "C")], [3], {("A", "C"), ("B", "C")}, id="twice, by another card"
        ),
        pytest.param(
            [(1, 1, "P"), (1, 2, "T"), (2, 2, "Q"), (3, 1, "Q"), (3, 3, "Q"), (3, 2, "Q"), (3, 4, "T")],
            [3],
            {("P", "Q"), ("T", "Q")},
            id="who left a card before is not followed",
        ),
        pytest.param([(1, 1, "A"), (2, 1, "A")], [2], set(), id="nothing changed"),
        pytest.param([(1, 1, "a"), (2, 1, "B"), (2, 2, "A")], [2], set(), id="lines that break a rule say nothing"),
        pytest.param([(1, 1, "A"), (1, 2, "B")], [1], set(), id="two persons"),
    ],
)  # fmt: skip
def test_a_former_key_names_whoever_has_its_cards_today(
    rows: list[Row], live: list[int], expected: set[tuple[str, str]]
) -> None:
    assert today(rows, live=live) == expected


def test_twins_on_one_card_do_not_follow_each_other_when_it_is_delivered_again() -> None:
    rows = [(number, card, key) for number in (1, 2) for card, key in ((1, "A"), (1, "B"), (2, "A"), (3, "B"))]
    found = today(rows, live=[2])
    assert len(found) == 1, "only whose key the shared card goes under takes the other's objection"


def test_the_order_of_units_is_that_of_their_production() -> None:
    rows = [(2, 1, "OLD"), (1, 1, "NEW"), (1, 2, "NEW"), (2, 2, "OLD")]
    assert today(rows, live=[1], produced={1: "2016-06-01", 2: "2016-01-01"}) == {("OLD", "NEW")}
