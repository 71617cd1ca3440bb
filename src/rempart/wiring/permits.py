# SPDX-License-Identifier: Apache-2.0
"""``rempart permit check``."""

from pathlib import Path

from rempart.adapters import package_data
from rempart.errors import Missing
from rempart.journeys.projects import incomplete
from rempart.permits.compile import compile_permit, compile_whole
from rempart.records.omop import MAIN, layouts, whole_layouts
from rempart.records.permit import Permit
from rempart.wiring.projects import desk
from rempart.wiring.warehouse import Warehouse


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


def left_out(directory: Path, permit: Permit, language: str) -> list[tuple[str, str, str]]:
    """(letter, name, words) of what a permit does not say, where the policy of the warehouse there asks for the full circuit."""
    try:
        place = desk(Warehouse(directory))
        found = incomplete(place, permit)
    except Missing as error:
        if error.code != "warehouse-missing":
            raise
        return []
    words = place.contents["contents"]
    return [(one.letter, one.name, str(words[one.name][language])) for one in found]
