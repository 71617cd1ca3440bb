# SPDX-License-Identifier: Apache-2.0
"""Small histories of persons in day numbers, and the tables of a project that they make."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

BASE = datetime.date(2014, 2, 10)


def day(number: int) -> datetime.date:
    """The date of a day number."""
    return BASE + datetime.timedelta(days=number)


@dataclass(frozen=True, kw_only=True)
class Person:
    """One history, in day numbers: drugs (day, code, last day covered), diagnoses (day, code, status), stays (entry, leaving)."""

    observed: tuple[tuple[int, int], ...] = ((-400, 60),)
    drugs: tuple[tuple[int, str, int], ...] = ()
    diagnoses: tuple[tuple[int, str, str], ...] = ()
    stays: tuple[tuple[int, int], ...] = ()
    death: int | None = None
    born: int | None = 1950
    sex: int = 8507


def tables(persons: Mapping[int, Person]) -> dict[str, pa.Table]:
    """The project's tables, dates typed."""

    def table(schema: dict[str, pa.DataType], rows: list[tuple[Any, ...]]) -> pa.Table:
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
        return pa.table({name: pa.array(c, type=t) for (name, t), c in zip(schema.items(), columns, strict=True)})

    number, date, text = pa.int64(), pa.date32(), pa.string()
    return {
        "person": table(
            {"person_id": number, "year_of_birth": pa.int32(), "gender_concept_id": number},
            [(i, p.born, p.sex) for i, p in persons.items()],
        ),
        "observation_period": table(
            {"person_id": number, "observation_period_start_date": date, "observation_period_end_date": date},
            [(i, day(a), day(b)) for i, p in persons.items() for a, b in p.observed],
        ),
        "drug_exposure": table(
            {
                "person_id": number,
                "drug_exposure_start_date": date,
                "drug_source_value": text,
                "drug_exposure_end_date": date,
                "days_supply": number,
            },
            [(i, day(d), code, day(end), end - d + 1) for i, p in persons.items() for d, code, end in p.drugs],
        ),
        "visit_occurrence": table(
            {"person_id": number, "visit_concept_id": number, "visit_start_date": date, "visit_end_date": date},
            [(i, 9201, day(a), day(b)) for i, p in persons.items() for a, b in p.stays],
        ),
        "condition_occurrence": table(
            {
                "person_id": number,
                "condition_start_date": date,
                "condition_source_value": text,
                "condition_status_source_value": text,
            },
            [(i, day(d), code, status) for i, p in persons.items() for d, code, status in p.diagnoses],
        ),
        "death": table(
            {"person_id": number, "death_month": date, "death_date": date},
            [(i, day(p.death).replace(day=1), day(p.death)) for i, p in persons.items() if p.death is not None],
        ),
    }
