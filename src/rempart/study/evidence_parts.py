# SPDX-License-Identifier: Apache-2.0
"""Evidence by the part of a study that it is of: a frame or an analysis, by the rows that bear its name. Computes nothing."""

from collections.abc import Sequence

import pyarrow.compute as pc

from rempart.study.evidence import FRAME, Evidence, merge, schema_of


def of_part(evidence: Evidence, name: str) -> Evidence:
    """The rows of ``frame:<key>`` or ``analysis:<id>``; tables that know no such thing are left empty."""
    column, _, value = name.partition(":")
    asked = {column: value, **({"analysis": name} if column == FRAME else {})}
    found = {}
    for table, rows in evidence.items():
        own = next((key for key in asked if key in rows.schema.names), None)
        found[table] = rows.filter(pc.equal(rows[own], asked[own])) if own else schema_of(table).empty_table()
    return found


def by_part(evidence: Evidence, names: Sequence[str]) -> dict[str, Evidence]:
    """Evidence of each part; {} when the parts together are not the whole: then some of it belongs to none of them."""
    found = {name: of_part(evidence, name) for name in names}
    together, whole = merge(list(found.values())), merge([evidence])
    return found if all(together[table].equals(whole[table]) for table in whole) else {}
