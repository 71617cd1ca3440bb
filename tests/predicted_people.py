# SPDX-License-Identifier: Apache-2.0
"""Persons with a planted risk for tests of prediction: diabetes (E11) and metformin raise it, twenty other codes do nothing. In memory."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from rempart.records.study import Study, study_from_dict

FIRST, LAST = datetime.date(2014, 1, 1), datetime.date(2016, 12, 31)
NOISE = tuple(f"J{number}0" for number in range(10, 30))
PACKS = {"3400930000011": "A10BA02", "3400930000012": "C10AA05"}
PLACES = ("75", "13", "59", "2A")
DAY = datetime.timedelta(days=1)


def predicting(parameters: Mapping[str, Any], **inputs: Any) -> Study:
    """A study that predicts within a year."""
    body = {
        "schema": "rempart.study/1",
        "permit": "P-2026-0001",
        "protocol": {"title": "t", "question": "q", "estimand": "initiation", "period": [FIRST, LAST], "death": "date"},
        "codes": {"ill": {"system": "CIM10", "include": ["C67"]}, "start": {"system": "CIM10", "include": ["Z00"]}},
        "cohorts": {"people": {"entry": {"any": [{"domain": "condition", "codes": "start"}]}, "exit": {"days": 730}}},
        "outcomes": {"illness": {"any": [{"domain": "condition", "codes": "ill"}]}},
        "covariates": {"age": {"type": "age", "bands": [50, 65]}, "sex": {"type": "sex"}},
        "features": {
            "past": {"days": [90, 365], "cim10": [3], "atc": [3], "counts": ["diagnoses"], "exclude": ["start"]},
        },
        "analyses": [
            {
                "id": "p",
                "type": "prediction",
                "design": "prediction",
                "inputs": {"features": ["past"], **inputs},
                "parameters": {"horizon_days": 365, "penalties": 6, "folds": 2, **parameters},
            }
        ],
    }
    return study_from_dict(body)


def shards(
    seed: int, persons: int, *, effect: float, leaving: float = 1 / 900, parts: int = 1
) -> list[dict[str, pa.Table]]:
    """The tables of so many shards. ``effect``: log odds of each of the two causes; ``leaving``: chance a day to be seen no more."""
    draw = np.random.default_rng(seed)
    diabetes, metformin = draw.random(persons) < 0.3, draw.random(persons) < 0.4
    noise = draw.random((persons, len(NOISE))) < 0.15
    chance = 1 / (1 + np.exp(-(-2.2 + effect * diabetes + effect * metformin)))
    ill = draw.random(persons) < chance
    start = draw.integers(0, 600, persons)
    fell = draw.integers(1, 366, persons)
    gone = np.minimum(draw.geometric(leaving, persons), 730)
    dead = np.where(draw.random(persons) < 0.05, draw.integers(1, 400, persons), 10_000)
    conditions, drugs, deaths, cohort, people, places = [], [], [], [], [], []
    for at in range(persons):
        number, t0 = at + 1, FIRST + int(start[at]) * DAY
        ends = int(min(gone[at], dead[at]))
        cohort.append((number, t0, t0 + ends * DAY))
        people.append((number, int(1930 + 7 * at % 50), 8532 if at % 2 else 8507))
        places.append((number, FIRST - 900 * DAY, LAST + 900 * DAY, PLACES[at % 4]))
        conditions.append((number, t0, "Z001"))
        if diabetes[at]:
            conditions.append((number, t0 - int(1 + at % 80) * DAY, "E119"))
        conditions += [
            (number, t0 - int(1 + (at + k) % 300) * DAY, code) for k, code in enumerate(NOISE) if noise[at, k]
        ]
        drugs.append((number, t0 - 20 * DAY, "3400930000011" if metformin[at] else "3400930000012"))
        if ill[at] and fell[at] <= ends:
            conditions.append((number, t0 + int(fell[at]) * DAY, "C679"))
        if dead[at] <= gone[at]:
            deaths.append((number, t0 + ends * DAY))
    columns: dict[str, tuple[dict[str, pa.DataType], Sequence[tuple[Any, ...]]]] = {
        "person": ({"person_id": pa.int64(), "year_of_birth": pa.int32(), "gender_concept_id": pa.int64()}, people),
        "cohort_people": ({"person_id": pa.int64(), "start_date": pa.date32(), "end_date": pa.date32()}, cohort),
        "condition_occurrence": (
            {"person_id": pa.int64(), "condition_start_date": pa.date32(), "condition_source_value": pa.string()},
            conditions,
        ),
        "drug_exposure": (
            {"person_id": pa.int64(), "drug_exposure_start_date": pa.date32(), "drug_source_value": pa.string()},
            drugs,
        ),
        "death": ({"person_id": pa.int64(), "death_date": pa.date32()}, deaths),
        "location_history": (
            {
                "person_id": pa.int64(),
                "location_history_start_date": pa.date32(),
                "location_history_end_date": pa.date32(),
                "department_source_value": pa.string(),
            },
            places,
        ),
    }
    classes = [{"system": "CIP13", "code": pack, "parent_system": "ATC", "parent": atc} for pack, atc in PACKS.items()]
    found = []
    for part in range(parts):
        own = {
            name: _table(schema, [row for row in rows if row[0] % parts == part])
            for name, (schema, rows) in columns.items()
        }
        found.append({**own, "code_hierarchy": pa.Table.from_pylist(classes)})
    return found


def _table(schema: Mapping[str, pa.DataType], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    values = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.table({name: pa.array(column, kind) for (name, kind), column in zip(schema.items(), values, strict=True)})
