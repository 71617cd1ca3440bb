# SPDX-License-Identifier: Apache-2.0
"""A permit as SQL pieces for the grant: which columns of which part, and which rows. Runs nothing.

Only what the permit names comes out; person and key columns that link parts are the layout's, not the permit's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rempart.errors import BadInput, Refused
from rempart.permits.coarse import by_month, check_identifiers
from rempart.records.omop import MAIN, TableLayout
from rempart.records.permit import Permit

RESERVED = frozenset(
    {"correspondence", "release_index", "objection", "former_person", "name", "remap", "person_decision"}
)
RESERVED_COLUMNS = frozenset({"pseudonym", "source_pseudonym", "release_index"})
# Tables without persons ([whole.…] of the layouts): compile_whole's, not compile_permit's.
WHOLE = frozenset(
    {
        "delivery",
        "usable_interval",
        "location",
        "commune_conversion",
        "environment",
        "provider",
        "care_site",
        "code_hierarchy",
    }
)
# Their rows are spells: kept where they overlap, cut to look-back and period.
PERIODS = frozenset({"observation_period", "payer_plan_period", "location_history"})
DEATH = ("death_month", "death_date")


@dataclass(frozen=True, slots=True, kw_only=True)
class PermittedPart:
    """What may leave one sibling of one table.

    ``columns``: permitted columns in the layout's order (maybe none in ``main``, whose rows then serve as the link);
    ``expressions``: the SQL that gives each; ``predicate``: SQL condition on the warehouse's rows of this sibling;
    ``follows_main``: the rows must also be rows kept in ``main`` (join on the layout's link).
    """

    table: str
    sibling: str
    columns: tuple[str, ...]
    expressions: tuple[str, ...]
    predicate: str
    follows_main: bool


def compile_permit(
    permit: Permit, layouts: Mapping[str, TableLayout], *, reserved: Collection[str] = RESERVED
) -> dict[str, dict[str, PermittedPart]]:
    """Table of persons → sibling → what is permitted of it; ``main`` is always there.

    Raises Refused ``permit-reserved``, ``permit-rows``, ``permit-identifier``, ``permit-identifiers``; BadInput
    ``permit-table-unknown``, ``permit-column-unknown``.
    """
    if permit.rows:
        raise Refused("permit-rows", permit=permit.id)
    check_identifiers(permit)
    named = {name: columns for name, columns in permit.tables.items() if name not in WHOLE}
    return {name: _table(permit, name, columns, layouts, reserved) for name, columns in named.items()}


def compile_whole(permit: Permit, layouts: Mapping[str, TableLayout]) -> dict[str, tuple[str, ...]]:
    """Table without persons → permitted columns in the layout's order; a table named without columns is not given.

    ``layouts``: ``records.omop.whole_layouts``. Raises BadInput ``permit-column-unknown``.
    """
    found = {}
    for name in permit.tables.keys() & layouts.keys():
        known, asked = layouts[name].columns, permit.tables[name]
        for column in asked:
            if column not in known:
                raise BadInput("permit-column-unknown", table=name, column=column, expected=", ".join(known))
        if asked:
            found[name] = tuple(column for column in known if column in asked)
    return dict(sorted(found.items()))


def granted_parts(permit: Permit, layouts: Mapping[str, TableLayout]) -> list[tuple[str, str]]:
    """(table, sibling) of everything that a project holds under the permit; ``layouts``: those without persons too, where they are to be
    read. Raises as ``compile_permit``."""
    found = [(table, sibling) for table, siblings in compile_permit(permit, layouts).items() for sibling in siblings]
    whole = compile_whole(permit, {name: layouts[name] for name in sorted(WHOLE & layouts.keys())})
    return [*found, *((table, MAIN) for table in whole)]


def _table(
    permit: Permit, name: str, columns: tuple[str, ...], layouts: Mapping[str, TableLayout], reserved: Collection[str]
) -> dict[str, PermittedPart]:
    if name in reserved or name in RESERVED:
        raise Refused("permit-reserved", permit=permit.id, name=name)
    if name not in layouts:
        raise BadInput("permit-table-unknown", table=name, expected=", ".join(sorted(layouts)))
    layout = layouts[name]
    for column in columns:
        if column in RESERVED_COLUMNS:
            raise Refused("permit-reserved", permit=permit.id, name=column)
        if layout.sibling_of(column) is None:
            raise BadInput("permit-column-unknown", table=name, column=column, expected=", ".join(layout.columns))
    parts = {}
    for sibling, own in layout.siblings.items():
        named = tuple(column for column in own if column in columns)
        if named or sibling == MAIN:
            parts[sibling] = _part(permit, layout, sibling, named)
    return parts


def _part(permit: Permit, layout: TableLayout, sibling: str, columns: tuple[str, ...]) -> PermittedPart:
    return PermittedPart(
        table=layout.name,
        sibling=sibling,
        columns=columns,
        expressions=tuple(_expression(permit, layout, column) for column in columns),
        predicate=_predicate(permit, layout, sibling),
        follows_main=sibling != MAIN,
    )


def _expression(permit: Permit, layout: TableLayout, column: str) -> str:
    """The column, spells clipped to look-back and period, days by their month where the permit does not give days."""
    told = column
    if layout.name in PERIODS and layout.type_of(column) == "DATE":
        first = f"greatest({column}, DATE '{permit.first_day}')"
        told = first if column == layout.date else f"least({column}, DATE '{permit.period[1]}')"
    return f"CAST(date_trunc('month', {told}) AS DATE)" if by_month(permit, layout, column) else told


def _predicate(permit: Permit, layout: TableLayout, sibling: str) -> str:
    """Rows dated from the look-back to the end of the period; persons whole; a death after the period has not happened."""
    first, last = f"DATE '{permit.first_day}'", f"DATE '{permit.period[1]}'"
    if layout.name in PERIODS and sibling == MAIN:
        ends = [c for c, kind in layout.siblings[MAIN].items() if kind == "DATE" and c != layout.date]
        return f"{layout.date} <= {last} AND {ends[0]} >= {first}"
    dated = [column for column in DEATH if column in layout.siblings[sibling]]
    if dated:
        return " AND ".join(f"({column} IS NULL OR {column} <= {last})" for column in dated)
    return f"{layout.date} BETWEEN {first} AND {last}" if layout.date and sibling == MAIN else "true"
