# SPDX-License-Identifier: Apache-2.0
"""``rempart permit check``."""

from rempart.adapters import package_data
from rempart.permits.compile import compile_permit
from rempart.records.omop import layouts
from rempart.records.permit import Permit


def describe(permit: Permit) -> list[tuple[str, str, str]]:
    """(table, sibling, permitted columns) of what the project dataset would hold."""
    compiled = compile_permit(permit, layouts(package_data.toml("records/omop54.toml")))
    return [
        (table, sibling, ", ".join(part.columns))
        for table, siblings in compiled.items()
        for sibling, part in siblings.items()
    ]
