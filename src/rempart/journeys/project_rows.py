# SPDX-License-Identifier: Apache-2.0
"""SQL of the grant: permitted rows of one warehouse shard, then the same rows with a project's own ids and order.

Warehouse ids travel only inside sealed scratch (``source_key``, ``source_visit``) and are dropped here.
"""

from collections.abc import Mapping

from rempart.permits.compile import PermittedPart
from rempart.records.omop import MAIN, PROJECT_PERSON, WAREHOUSE_PERSON, TableLayout

_VISIT = "visit_occurrence_id"
_SHARD_BITS = 40  # ids of shard n begin at n × 2^40: unique over shards without any counting between them


def permitted_rows_sql(layout: TableLayout, parts: Mapping[str, PermittedPart]) -> str:
    """person_id, target, source_key, source_visit, then the permitted columns, of everyone in ``people``."""
    columns = [f"{sibling}_.{column}" for sibling, part in parts.items() for column in _own(layout, part)]
    picked = ", ".join(["p.person_id", "p.target", "main_.source_key", "main_.source_visit", *columns])
    joins = "".join(
        f" LEFT JOIN {_rows(layout, part)} ON {s}_.link = main_.link" for s, part in parts.items() if s != MAIN
    )
    people = f"JOIN people p ON p.{WAREHOUSE_PERSON} = main_.{WAREHOUSE_PERSON}"
    return f"SELECT {picked} FROM {_rows(layout, parts[MAIN])} {people}{joins}"


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


def fresh_visits_sql(visits: PermittedPart | None, shard: int) -> str:
    """A table ``fresh_visit`` (source_visit → fresh id) of this shard; empty when visits are not permitted."""
    if visits is None:
        return "CREATE TABLE fresh_visit (source_visit BIGINT, fresh BIGINT)"
    date = "visit_start_date" if "visit_start_date" in visits.columns else ""
    return f"CREATE TABLE fresh_visit AS SELECT source_key AS source_visit, {_fresh(shard, date)} AS fresh FROM moved_visit_occurrence"


def project_part_sql(layout: TableLayout, parts: Mapping[str, PermittedPart], sibling: str, shard: int) -> str:
    """The rows of one part in the project's order, with fresh ids in place of the warehouse's: the same in every sibling."""
    part = parts[sibling]
    stored = layout.stored(part.sibling, PROJECT_PERSON, frozenset(part.columns))
    date = layout.date if layout.date in parts[MAIN].columns else ""
    if not layout.key:
        return f"SELECT {', '.join(stored)} FROM moved_{layout.name} ORDER BY {PROJECT_PERSON}"
    if layout.name == "visit_occurrence":
        keyed = f"SELECT m.*, v.fresh AS {_VISIT} FROM moved_{layout.name} m JOIN fresh_visit v ON v.source_visit = m.source_key"
    else:
        keyed = (
            f"SELECT m.*, v.fresh AS {_VISIT}, {_fresh(shard, date)} AS {layout.key} "
            f"FROM moved_{layout.name} m LEFT JOIN fresh_visit v USING (source_visit)"
        )
    return f"SELECT {', '.join(stored)} FROM ({keyed}) ORDER BY {layout.key}"


def _fresh(shard: int, date: str) -> str:
    """Ids that follow the project's order: person, date, then a hash of the old key so that its order does not show."""
    order = ", ".join([PROJECT_PERSON, *([date] if date else []), "hash(source_key)", "source_key"])
    return f"({shard}::BIGINT << {_SHARD_BITS}) + row_number() OVER (ORDER BY {order})"
