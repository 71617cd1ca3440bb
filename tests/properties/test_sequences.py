# SPDX-License-Identifier: Apache-2.0
"""Sequences as a MEDS data set: valid by the standard's own package, the records of the tables and no others, and no id of a person."""

import datetime
import io
import itertools
import json
from collections.abc import Callable
from typing import Any

import meds
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rempart.disclosure.check import check
from rempart.errors import BadInput
from rempart.records.study import Study, study_from_dict
from rempart.study.meds import packed, unpacked
from rempart.study.results import results
from rempart.study.training import Training
from tests.designed_people import evidence_of, told_of, value
from tests.disclosure_rows import toml
from tests.predicted_people import DAY, LAST, PACKS, predicting, shards

PARTS = ("train", "tuning", "held_out")


def following(**parameters: Any) -> Study:
    """A study that asks for sequences."""
    body = predicting({}).as_dict()
    body.pop("features")
    body["analyses"] = [{"id": "s", "type": "meds", "design": "sequences", "parameters": parameters}]
    return study_from_dict(body)


def drawn(seed: int = 1) -> Callable[[int], bytes]:
    """Random bytes that repeat."""
    return np.random.default_rng(seed).bytes


def _made(study: Study, tables: list[dict[str, pa.Table]]) -> dict[str, pa.Table]:
    training = Training(random=drawn())
    results(study, evidence_of(study, tables, cut=LAST), run="run", training=training)
    return {
        name: pq.read_table(io.BytesIO(data))
        for name, data in training.sequences["s"].items()
        if name.endswith("parquet")
    }


@pytest.fixture(scope="module")
def tables() -> list[dict[str, pa.Table]]:
    """Two hundred persons in two shards."""
    return shards(21, 200, effect=1.0, parts=2)


def test_each_file_is_valid_by_the_standard(tables: list[dict[str, pa.Table]]) -> None:
    training = Training(random=drawn())
    results(following(), evidence_of(following(), tables, cut=LAST), run="run", training=training)
    files = training.sequences["s"]
    assert {name for name in files if "/" in name and not name.startswith("data")} == {
        meds.code_metadata_filepath, meds.subject_splits_filepath, meds.dataset_metadata_filepath,
    }  # fmt: skip
    found = {name: pq.read_table(io.BytesIO(data)) for name, data in files.items() if name.endswith("parquet")}
    for part in PARTS:
        meds.DataSchema.validate(found[f"data/{part}/0.parquet"])
    meds.CodeMetadataSchema.validate(found[meds.code_metadata_filepath])
    meds.SubjectSplitSchema.validate(found[meds.subject_splits_filepath])
    meds.DatasetMetadataSchema.validate(json.loads(files[meds.dataset_metadata_filepath]))
    assert unpacked(packed(files)) == files
    used = {code for part in PARTS for code in found[f"data/{part}/0.parquet"]["code"].to_pylist()}
    assert set(found[meds.code_metadata_filepath]["code"].to_pylist()) == used
    assert {meds.birth_code, meds.death_code} <= used


def test_a_subject_is_in_one_file_in_order_of_time_under_a_drawn_number(tables: list[dict[str, pa.Table]]) -> None:
    found = _made(following(), tables)
    splits = found["metadata/subject_splits.parquet"]
    where = dict(zip(splits["subject_id"].to_pylist(), splits["split"].to_pylist(), strict=True))
    assert len(where) == 200 and set(where.values()) == set(PARTS)
    assert min(where) > 10_000 and max(where) < 2**53  # persons are 1 to 200 in the tables
    for part in PARTS:
        rows = found[f"data/{part}/0.parquet"].select(["subject_id", "time"]).to_pylist()
        assert {row["subject_id"] for row in rows} == {number for number, share in where.items() if share == part}
        assert len(list(itertools.groupby(rows, key=lambda row: row["subject_id"]))) == sum(
            s == part for s in where.values()
        )
        for _, own in itertools.groupby(rows, key=lambda row: row["subject_id"]):
            times = [row["time"] for row in own]
            assert times[0] is None and times[1:] == sorted(times[1:])


def test_what_is_told_is_what_the_tables_hold(tables: list[dict[str, pa.Table]]) -> None:
    found = _made(following(quantities=False), tables)
    told: dict[int, set[tuple[Any, str]]] = {}
    for part in PARTS:
        for row in found[f"data/{part}/0.parquet"].to_pylist():
            day = row["time"].date() if row["time"] else None
            told.setdefault(row["subject_id"], set()).add((day, row["code"]))
    expected = sorted(map(sorted, (_known(one) for one in _naive(tables))))
    assert sorted(map(sorted, (_known(one) for one in told.values()))) == expected


def _known(rows: set[tuple[Any, str]]) -> set[tuple[str, str]]:
    return {(str(day), code) for day, code in rows}


def _naive(tables: list[dict[str, pa.Table]]) -> list[set[tuple[Any, str]]]:
    sexes = {8532: "female", 8507: "male"}
    people: dict[int, set[tuple[Any, str]]] = {}
    for shard in tables:
        for row in shard["person"].to_pylist():
            birth = (datetime.date(row["year_of_birth"], 1, 1), "MEDS_BIRTH")
            people[row["person_id"]] = {(None, f"sex//{sexes[row['gender_concept_id']]}"), birth}
        for row in shard["condition_occurrence"].to_pylist():
            if row["condition_start_date"] <= LAST:
                people[row["person_id"]].add(
                    (row["condition_start_date"], f"condition//{row['condition_source_value']}")
                )
        for row in shard["drug_exposure"].to_pylist():
            people[row["person_id"]].add((row["drug_exposure_start_date"], f"drug//{row['drug_source_value']}"))
        for row in shard["death"].to_pylist():
            people[row["person_id"]].add((row["death_date"], "MEDS_DEATH"))
    return list(people.values())


@pytest.fixture(autouse=True)
def _with_procedures(tables: list[dict[str, pa.Table]]) -> None:
    """The default kinds of records include procedures: nobody here has any."""
    kinds = [("person_id", pa.int64()), ("procedure_date", pa.date32()), ("procedure_source_value", pa.string())]
    for shard in tables:
        shard.setdefault("procedure_occurrence", pa.schema(kinds).empty_table())


def test_days_around_time_zero_leave_the_others_out(tables: list[dict[str, pa.Table]]) -> None:
    study = following(days=[-30, 0], domains=["drug", "condition"])
    assert min(window.first for window in study.windows()) == -30
    found = _made(study, tables)
    starts = {row["start_date"] for shard in tables for row in shard["cohort_people"].to_pylist()}
    days = {
        row["time"].date()
        for part in PARTS
        for row in found[f"data/{part}/0.parquet"].to_pylist()
        if row["code"].startswith(("drug//", "condition//"))
    }
    assert days and all(any(start - 30 * DAY <= day <= start for start in starts) for day in days)
    codes = set(found["metadata/codes.parquet"]["code"].to_pylist())
    assert {f"drug//{pack}" for pack in PACKS} <= codes and "condition//C679" not in codes


def test_the_table_counts_persons_and_records_by_share(tables: list[dict[str, pa.Table]]) -> None:
    study = following(tuning_percent=20, held_out_percent=20)
    rows = results(study, evidence_of(study, tables, cut=LAST), run="run")
    assert value(rows, "n", level="all") == 200
    assert sum(value(rows, "n", level=part) or 0 for part in PARTS) == 200
    (table,) = check(rows, toml("disclosure/rules.toml"))
    assert {row.statistic for row in table.rows} == {"n", "measurements"}


def test_evidence_of_sequences_holds_no_id_and_is_the_same_in_any_shards() -> None:
    one, three = shards(21, 60, effect=1.0, parts=1), shards(21, 60, effect=1.0, parts=3)
    study = following(domains=["drug", "condition"])
    first, other = (told_of(study, parts, cut=LAST).counted for parts in (one, three))
    assert first.equals(other)
    assert {len(key.split("|")) for key in first["key"].to_pylist()} == {5}


def test_quantities_without_dispensings_and_foreign_bytes_are_refused() -> None:
    with pytest.raises(BadInput):
        following(quantities=True, domains=["condition"])
    with pytest.raises(BadInput):
        unpacked(b"anything")
