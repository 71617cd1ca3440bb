# SPDX-License-Identifier: Apache-2.0
"""Two projects granted on the same persons, held side by side by who has both: no number, order or shard of one tells of the other.

Each is made by the grant's own functions under keys of its own. Numbers drawn at large never meet; dense ones (1 … n) meet as often as
chance has them meet. Stopped means: no share further than five standard deviations from chance. ``release_index`` is the same on purpose:
it is sealed for the check of disclosure alone.
"""

import datetime
import itertools
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.identity.ordinals import project_ordinals
from rempart.journeys.project_people import project_people
from rempart.journeys.project_rows import fresh_visits_sql, order_salt, permitted_rows_sql, project_part_sql
from rempart.permits.compile import compile_permit
from rempart.records.omop import DRAW, MAIN, WAREHOUSE_PERSON
from tests.faults.attacks.attack import Attack, Outcome
from tests.properties.test_project_rows import LAYOUTS, permit, random_rows

PERSONS, ROWS, SHARDS, SIGMAS = 800, 2400, 8, 5
NOBODY = pa.table({WAREHOUSE_PERSON: pa.array([], pa.string())})
FORMER = pa.table({"former": pa.array([], pa.string()), WAREHOUSE_PERSON: pa.array([], pa.string())})
DRUGS, VISITS = "drug_exposure", "visit_occurrence"


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """``count`` attempts of each kind."""
    for kind, compare in KINDS.items():
        for number in range(count):
            draw = random.Random(f"{kind}/{seed}/{number}")
            yield Attack(kind=kind, name=f"{kind} {number} of seed {seed}", run=_run(compare, draw))


def _run(compare: Callable[[random.Random], str], draw: random.Random) -> Callable[[], Outcome]:
    def run() -> Outcome:
        found = compare(draw)
        return Outcome(stopped=not found, by=found or "chance")

    return run


@dataclass(frozen=True, slots=True)
class Project:
    """``people``: as granted, in the order of the warehouse; ``key``: of its order of rows."""

    people: pa.Table
    key: bytes


def two(draw: random.Random) -> tuple[Project, Project]:
    """Two projects of everybody."""
    index = pa.table({
        WAREHOUSE_PERSON: [draw.randbytes(16).hex() for _ in range(PERSONS)],
        "release_index": pa.array(range(PERSONS), pa.int64()),
    })  # fmt: skip
    one, other = (_granted(index, draw) for _ in range(2))
    return one, other


def _granted(index: pa.Table, draw: random.Random) -> Project:
    key = draw.randbytes(32)
    people, _ = project_people(index, NOBODY, FORMER, project_key=key, shard_key=draw.randbytes(32), shards=SHARDS)
    return Project(people, key)


def _column(one: Project, name: str) -> list[int]:
    return list(one.people.column(name).to_pylist())


def drawn_numbers(draw: random.Random) -> str:
    """63 bits a person: one that stands in both is no accident."""
    one, other = two(draw)
    shared = set(_column(one, DRAW)) & set(_column(other, DRAW))
    return f"{len(shared)} draw numbers shared" if shared else ""


def person_numbers(draw: random.Random) -> str:
    """Numbers and their order."""
    one, other = two(draw)
    return dense(_column(one, "person_id"), _column(other, "person_id"))


def order_of_draws(draw: random.Random) -> str:
    """The order in which chance takes them for matching and folds."""
    one, other = two(draw)
    return correlated(_column(one, DRAW), _column(other, DRAW))


def shard_bits(draw: random.Random) -> str:
    """Each bit of the shard, equal in both for half of the persons; and any bit against any other."""
    one, other = two(draw)
    bits = range(SHARDS.bit_length() - 1)
    for a, b in itertools.product(bits, bits):
        pairs = zip(_column(one, "target"), _column(other, "target"), strict=True)
        same = sum((x >> a & 1) == (y >> b & 1) for x, y in pairs)
        if halved(same, PERSONS):
            return f"bits {a} and {b} of the shard alike for {same} of {PERSONS}"
    return ""


def professionals(draw: random.Random) -> str:
    """Their numbers."""
    one, other = two(draw)
    names = [f"provider_id:{number}" for number in range(7001, 7001 + PERSONS)]
    return dense(*(project_ordinals(names, each.key).tolist() for each in (one, other)))


def halved(same: int, of: int) -> bool:
    """Whether so many of ``of`` are further from a half than chance takes them."""
    return abs(same - of / 2) > SIGMAS * math.sqrt(of) / 2


def correlated(one: Sequence[int], other: Sequence[int]) -> str:
    """Ranks against ranks."""
    ranks = [np.argsort(np.argsort(np.asarray(column))) for column in (one, other)]
    r = float(np.corrcoef(*ranks)[0, 1])
    return f"ranks correlate by {r:.2f}" if abs(r) * math.sqrt(len(one) - 1) > SIGMAS else ""


def dense(one: Sequence[int], other: Sequence[int]) -> str:
    """Numbers 1 … n of both: about one is the same by chance."""
    same = sum(a == b for a, b in zip(one, other, strict=True))
    return f"{same} numbers are the same" if same > 1 + SIGMAS * 2 else correlated(one, other)


def _delivered(
    project: Project, table: str, columns: list[str], stored: Mapping[str, pa.Table]
) -> list[dict[str, Any]]:
    """The rows of a table as a grant seals them, shard by shard, in their order."""
    layout = LAYOUTS[table]
    parts = compile_permit(permit(**{table: columns}), LAYOUTS)[table]
    query = DuckDBQuery(threads=1, memory_limit="512MB")
    rows: list[dict[str, Any]] = []
    salt = order_salt(project.key)
    try:
        query.register("people", project.people)
        for sibling, rows_of in stored.items():
            query.register(f"{table}__{sibling}", rows_of)
        query.register("permitted", query.table(permitted_rows_sql(layout, parts)))
        for shard in range(SHARDS):
            moved = query.table(f"SELECT * EXCLUDE (target) FROM permitted WHERE target = {shard}")
            query.register(f"moved_{table}", moved)
            query.execute("DROP TABLE IF EXISTS fresh_visit")
            query.execute(fresh_visits_sql(parts.get(MAIN) if table == VISITS else None, shard, salt))
            rows += query.table(project_part_sql(layout, parts, MAIN, shard, salt)).to_pylist()
    finally:
        query.close()
    return rows


def _same_order(table: str, mark: str, columns: list[str], date: str) -> Callable[[random.Random], str]:
    """Of two rows that the project must set in some order (one person's, of one day where days are told), which comes first."""

    def compare(draw: random.Random) -> str:
        projects = two(draw)
        stored = random_rows(LAYOUTS[table], _column(projects[0], WAREHOUSE_PERSON), draw, ROWS)
        day = pa.array([datetime.date(2014, 3, 1)] * ROWS)
        stored = {s: _with(t, date, day) for s, t in stored.items()}
        stored = {s: _with(t, mark, pa.array([f"row {n}" for n in range(ROWS)])) for s, t in stored.items()}
        places = [_places(_delivered(one, table, columns, stored), mark, LAYOUTS[table].key) for one in projects]
        whose: dict[str, list[str]] = defaultdict(list)
        people = next(t for t in stored.values() if WAREHOUSE_PERSON in t.column_names).column(WAREHOUSE_PERSON)
        for number, person in enumerate(people.to_pylist()):
            whose[person].append(f"row {number}")
        pairs = [(rows[0], rows[1]) for rows in whose.values() if len(rows) > 1 and all(r in places[0] for r in rows)]
        assert len(pairs) > PERSONS // 2, "hardly a pair was delivered"
        same = sum(len({place[a] < place[b] for place in places}) == 1 for a, b in pairs)
        return f"{same} of {len(pairs)} pairs in the same order" if halved(same, len(pairs)) else ""

    return compare


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """A column replaced where it stands."""
    if name not in table.column_names:
        return table
    return table.set_column(table.column_names.index(name), name, values)


def _places(rows: Sequence[Mapping[str, Any]], mark: str, key: str) -> dict[str, int]:
    """What a row is known by to us → its number in the project."""
    return {str(row[mark]): int(row[key]) for row in rows}


DAY, CODE = "drug_exposure_start_date", "drug_source_value"
KINDS: Mapping[str, Callable[[random.Random], str]] = {
    "drawn numbers": drawn_numbers,
    "order of drawn numbers": order_of_draws,
    "numbers of persons": person_numbers,
    "numbers of professionals": professionals,
    "bits of shards": shard_bits,
    "order of a day's rows": _same_order(DRUGS, CODE, [DAY, CODE], DAY),
    "order of rows without days": _same_order(DRUGS, CODE, [CODE], DAY),
    "order of a day's stays": _same_order(
        VISITS, "visit_source_value", ["visit_start_date", "visit_source_value"], "visit_start_date"
    ),
}
