# SPDX-License-Identifier: Apache-2.0
"""A project of the tiny warehouse cut into four shards, under the least permit of the studies that run on it. Asserts nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
import tomli_w
from pyarrow import parquet

from rempart.cohort.required import required_columns
from rempart.journeys.space import read_parts
from rempart.journeys.study import StudyRun
from rempart.permits.least import least_permit
from rempart.records.study import Study
from rempart.wiring.acts import grant_permit
from rempart.wiring.signing import today
from rempart.wiring.study_files import one_study
from rempart.wiring.study_variants import run_every_variant
from tests.faults.warehouse.place import Place, Silence

SHARDS = 4
PERMIT = "P-2026-0002"


def cut(place: Place, studies: Sequence[Study]) -> None:
    """Grant the project ``second``, in four shards, all that these studies read."""
    config = place.directory / "rempart.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("shards = 2", f"shards = {SHARDS}"), encoding="utf-8")
    required: dict[str, frozenset[str]] = {}
    for study in studies:
        for table, columns in required_columns(study, place.warehouse().study_layouts).items():
            required[table] = required.get(table, frozenset()) | columns
    permit = least_permit(studies, required=required, project="second", persons=("alice",), today=today())
    file = place.root / "cut.toml"
    file.write_text(tomli_w.dumps(permit.as_dict()), encoding="utf-8")
    key = Path(place.key("claire"))
    grant_permit(place.warehouse(), file=file, key_file=key, ask=lambda _: "", progress=Silence())


def study_in(place: Place, name: str, text: str) -> Study:
    """The study that is written so, under the project's permit."""
    file = place.root / f"{name}.toml"
    file.write_text(text.replace("P-2026-0001", PERMIT).replace('"PERMIT"', f'"{PERMIT}"'), encoding="utf-8")
    return one_study(file)


def run_all(place: Place, studies: Mapping[str, Study], engine: str) -> dict[str, StudyRun]:
    """Name → the finished run of each, one after the other on one engine, nothing kept from run to run; fails as the first that failed."""
    runs = run_every_variant(
        place.warehouse(),
        studies=studies,
        key_file=Path(place.key("alice")),
        ask=lambda _: "",
        progress=Silence(),
        engine=engine,
        workers=2,
        fresh=True,
    )
    for run in runs:
        if run.error is not None:
            pytest.fail(f"{run.name} on {engine}: {run.error}")
    return {run.name: run.done for run in runs if run.done is not None}


def most_seen(place: Place, table: str, column: str, count: int) -> list[str]:
    """The values of the warehouse's own table that most rows have."""
    opened = place.body("warehouse")
    parts = [part for part in opened.body.parts if (part.table, part.sibling) == (table, "main")]
    seen: Counter[str] = Counter()
    for data in read_parts(place.vault(), opened, parts, reference=""):
        rows = parquet.read_table(pa.BufferReader(bytes(data)), columns=[column])
        seen.update(str(value) for value in rows.column(column).to_pylist() if value)
    return [value for value, _ in sorted(seen.items(), key=lambda item: (-item[1], item[0]))[:count]]
