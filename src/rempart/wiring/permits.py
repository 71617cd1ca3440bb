# SPDX-License-Identifier: Apache-2.0
"""``rempart permit check``."""

from rempart.adapters import package_data
from rempart.permits.compile import compile_permit, compile_whole
from rempart.records.omop import MAIN, layouts, whole_layouts
from rempart.records.permit import Permit


def describe(permit: Permit) -> list[tuple[str, str, str]]:
    """(table, sibling, permitted columns) of what the project dataset would hold."""
    parsed = package_data.toml("records/omop54.toml")
    compiled = compile_permit(permit, layouts(parsed))
    persons = [
        (table, sibling, ", ".join(part.columns))
        for table, siblings in compiled.items()
        for sibling, part in siblings.items()
    ]
    whole = compile_whole(permit, whole_layouts(parsed))
    return [*persons, *((table, MAIN, ", ".join(columns)) for table, columns in whole.items())]
