# SPDX-License-Identifier: Apache-2.0
"""Tables without persons on their way into a project: permitted columns, whole; professionals under the project's numbers."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from rempart.errors import Missing
from rempart.journeys.parts import sealed_parts
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault
from rempart.ports.query import Query
from rempart.records.omop import MAIN

PROVIDER = "provider_id"
_PROVIDERS = "provider"


def seal_whole(
    writer: SpaceWriter,
    vault: Vault,
    source: OpenSpace,
    *,
    reference: str,
    whole: Mapping[str, Sequence[str]],
    providers: pa.Table,
    new_query: Callable[[], Query],
) -> dict[str, int]:
    """Seal the tables ``whole`` (name → permitted columns); their rows by name.

    ``providers``: source, fresh number of the professionals whom the project's rows name; no other is given. Raises Missing
    ``permit-table-empty`` for a table that the warehouse does not hold.
    """
    rows = {}
    for table, columns in whole.items():
        parts = source.parts(table, MAIN, 0)
        if not parts:
            raise Missing("permit-table-empty", table=table)
        query = new_query()
        try:
            query.attach("whole", sealed_parts(vault, source, parts, reference=reference))
            query.register("fresh_provider", providers)
            made = query.table(_whole_sql(table, columns))
        finally:
            query.close()
        writer.add(table, MAIN, 0, made)
        rows[table] = made.num_rows
    return rows


def _whole_sql(table: str, columns: Sequence[str]) -> str:
    """The permitted columns, in their own order, so that rows tell nothing by their place."""
    named = ", ".join(columns)
    if table != _PROVIDERS:
        return f"SELECT {named} FROM whole ORDER BY ALL"
    known = (
        f"(SELECT w.* REPLACE (f.fresh AS {PROVIDER}) FROM whole w JOIN fresh_provider f ON f.source = w.{PROVIDER})"
    )
    return f"SELECT {named} FROM {known} ORDER BY ALL"
