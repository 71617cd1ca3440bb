# SPDX-License-Identifier: Apache-2.0
"""``rempart vault hash``."""

from rempart.journeys.content import hash_content
from rempart.ports.surroundings import Progress
from rempart.wiring.warehouse import Warehouse


def hash_warehouse(warehouse: Warehouse, *, progress: Progress) -> dict[str, str]:
    """Content hash of each research table of the warehouse."""
    with warehouse.queries() as new_query:
        return hash_content(
            vault=warehouse.vault,
            recorder=warehouse.recorder,
            layouts=warehouse.layouts,
            new_query=new_query,
            progress=progress,
        )
