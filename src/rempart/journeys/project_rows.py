# SPDX-License-Identifier: Apache-2.0
"""SQL of the grant: permitted rows of one warehouse shard, then the same rows with a project's own ids and order.

Warehouse ids travel only inside sealed scratch (``source_key``, ``source_visit``, providers) and are dropped here. A second person
of a row is told by the number that it has in the project, and is empty when it is not in it.
"""

from collections.abc import Mapping, Sequence

from rempart.identity.keyed_hash import digests
from rempart.permits.compile import PermittedPart
from rempart.records.omop import MAIN, PROJECT_PERSON, WAREHOUSE_PERSON, TableLayout

_VISIT = "visit_occurrence_id"
_PROVIDER = "provider_id"
_SHARD_BITS = 40  # ids of shard n begin at n × 2^40: unique over shards without any counting between them
_ORDER = b"rempart.order/1"
_APART = 1 << 52  # above every id of the warehouse (4,096 shards and more), and still a whole number in any reader


def permitted_rows_sql(layout: TableLayout, parts: Mapping[str, PermittedPart]) -> str:
    """person_id, target, source_key, source_visit, then the permitted columns, of everyone in ``people``."""
    columns = [_picked(layout, sibling, column) for sibling, part in parts.items() for column in _own(layout, part)]
    picked = ", ".join(["p.person_id", "p.target", "main_.source_key", "main_.source_visit", *columns])
    joins = "".join(
        f" LEFT JOIN {_rows(layout, part)} ON {s}_.link = main_.link" for s, part in parts.items() if s != MAIN
    )
    people = f"JOIN people p ON p.{WAREHOUSE_PERSON} = main_.{WAREHOUSE_PERSON}"
    others = "".join(
        f" LEFT JOIN people other_{column} ON other_{column}.{WAREHOUSE_PERSON} = main_.{column}"
        for column in layout.others
        if column in parts[MAIN].columns
    )
    return f"SELECT {picked} FROM {_rows(layout, parts[MAIN])} {people}{joins}{others}"


def _picked(layout: TableLayout, sibling: str, column: str) -> str:
    """A permitted column of the joined rows; of a second person the number in the project."""
    if column in layout.others:
        return f"other_{column}.{PROJECT_PERSON} AS {column}"
    return f"{sibling}_.{column}"


def provider_columns(parts: Mapping[str, PermittedPart]) -> tuple[str, ...]:
    """Permitted columns that name a professional."""
    return tuple(column for part in parts.values() for column in part.columns if column.endswith(_PROVIDER))


def providers_sql(name: str, columns: Sequence[str]) -> str:
    """The professionals that the rows ``name`` tell of: one column ``source``."""
    return " UNION ".join(f"SELECT {column} AS source FROM {name} WHERE {column} IS NOT NULL" for column in columns)


def _own(layout: TableLayout, part: PermittedPart) -> list[str]:
    """Permitted columns but the ids, which are made afresh."""
    return [column for column in part.columns if column not in (layout.key, _VISIT)]


def _rows(layout: TableLayout, part: PermittedPart) -> str:
    """The permitted rows of one sibling as a subquery named after it."""
    by_column = dict(zip(part.columns, part.expressions, strict=True))
    key = layout.key or "NULL::BIGINT"
    visit = _VISIT if _VISIT in layout.siblings[part.sibling] else "NULL::BIGINT"
    fixed = [WAREHOUSE_PERSON, f"{layout.link(WAREHOUSE_PERSON)} AS link"]
    if part.sibling == MAIN:
        fixed += [f"{key} AS source_key", f"{visit} AS source_visit"]
    picked = ", ".join([*fixed, *(f"{by_column[column]} AS {column}" for column in _own(layout, part))])
    return f"(SELECT {picked} FROM {layout.name}__{part.sibling} WHERE {part.predicate}) {part.sibling}_"


def order_salt(project_key: bytes) -> str:
    """What the order of rows within a person's day is drawn with: the project's own, so that no two projects have one order."""
    return next(digests([""], project_key, _ORDER)).hex()


def fresh_visits_sql(visits: PermittedPart | None, shard: int, salt: str) -> str:
    """A table ``fresh_visit`` (source_visit → fresh id) of this shard; empty when visits are not permitted. ``salt``: ``order_salt``."""
    if visits is None:
        return "CREATE TABLE fresh_visit (source_visit BIGINT, fresh BIGINT)"
    date = "visit_start_date" if "visit_start_date" in visits.columns else ""
    fresh = _fresh(shard, date, salt)
    return (
        f"CREATE TABLE fresh_visit AS SELECT source_key AS source_visit, {fresh} AS fresh FROM moved_visit_occurrence"
    )


def project_part_sql(
    layout: TableLayout, parts: Mapping[str, PermittedPart], sibling: str, shard: int, salt: str
) -> str:
    """The rows of one part in the project's order, with fresh ids in place of the warehouse's: the same in every sibling.
    ``salt``: ``order_salt``."""
    part = parts[sibling]
    stored = layout.stored(part.sibling, PROJECT_PERSON, frozenset(part.columns))
    date = layout.date if layout.date in parts[MAIN].columns else ""
    moved = _moved(layout, provider_columns(parts))
    if not layout.key:
        return f"SELECT {', '.join(stored)} FROM {moved} m ORDER BY {PROJECT_PERSON}"
    if layout.name == "visit_occurrence":
        keyed = f"SELECT m.*, v.fresh AS {_VISIT} FROM {moved} m JOIN fresh_visit v ON v.source_visit = m.source_key"
    else:
        keyed = (
            f"SELECT m.*, v.fresh AS {_VISIT}, {_fresh(shard, date, salt)} AS {layout.key} "
            f"FROM {moved} m LEFT JOIN fresh_visit v USING (source_visit)"
        )
    return f"SELECT {', '.join(stored)} FROM ({keyed}) ORDER BY {layout.key}"


def _moved(layout: TableLayout, providers: Sequence[str]) -> str:
    """The exchanged rows, professionals under their numbers in the project (table ``fresh_provider``: source, fresh)."""
    if not providers:
        return f"moved_{layout.name}"
    fresh = [f"(SELECT f.fresh FROM fresh_provider f WHERE f.source = r.{column}) AS {column}" for column in providers]
    return f"(SELECT r.* REPLACE ({', '.join(fresh)}) FROM moved_{layout.name} r)"


def _fresh(shard: int, date: str, salt: str) -> str:
    """Ids that follow the project's order: person, date, then a salted hash of the old key, whose order does not show in any project."""
    order = ", ".join([PROJECT_PERSON, *([date] if date else []), _mixed(salt), "source_key"])
    return f"({shard}::BIGINT << {_SHARD_BITS}) + {_APART} + row_number() OVER (ORDER BY {order})"


def _mixed(salt: str) -> str:
    """A quarter of a SHA-256, as text: 64 bits are enough to order a day's rows."""
    return f"substr(sha256(concat('{salt}', source_key)), 1, 16)"
