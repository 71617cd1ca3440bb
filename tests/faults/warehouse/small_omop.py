# SPDX-License-Identifier: Apache-2.0
"""A warehouse's next snapshot in one commit and a second: a small OMOP source, for attacks on any snapshot. Asserts nothing."""

from collections.abc import Callable
from pathlib import Path

from rempart.wiring.acts import no_step
from rempart.wiring.ingest import Brought, ingest_delivery
from rempart.wiring.warehouse import Warehouse
from tests.faults.warehouse.place import Silence

PERSONS = 40


def small_omop(folder: Path, born: int) -> Path:
    """The folder of a source of some persons, the eldest born in that year: another year gives another content."""
    source = folder / f"omop-{born}"
    source.mkdir(exist_ok=True)
    lines = [f"{number},8507,{born + number % 7}" for number in range(1, PERSONS + 1)]
    text = "\n".join(["person_id,gender_concept_id,year_of_birth", *lines, ""])
    (source / "person.csv").write_text(text, encoding="utf-8")
    return source


def next_snapshot(
    warehouse: Warehouse, folder: Path, *, born: int = 1950, named_step: Callable[[str], None] = no_step
) -> Brought:
    """Replace what the warehouse holds by such a source, in one commit."""
    source = small_omop(folder, born)
    return ingest_delivery(warehouse, source, form="omop", replace=True, progress=Silence(), named_step=named_step)
