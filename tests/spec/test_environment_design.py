# SPDX-License-Identifier: Apache-2.0
"""What is measured at the residence: follow-up is cut where the value changes, days without a value are not followed, and a planted
effect comes back by both models. The residence is that of the day: with the last address alone it does not."""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.parts import study_parts
from rempart.errors import BadInput
from rempart.records.result import ResultRow
from rempart.records.study import study_from_dict
from rempart.study.evidence import compute
from rempart.study.results import results

FIRST, CUT = datetime.date(2014, 1, 1), datetime.date(2015, 12, 31)
ENTRY = "3400926910891"


def at(number: int) -> datetime.date:
    """Day ``number`` since the first."""
    return FIRST + datetime.timedelta(days=int(number))


def asked(kind: str, **parameters: Any) -> dict[str, Any]:
    """A study with one analysis."""
    inputs: dict[str, Any] = {"cohort": "members", "environment": "pm25", "outcome": "ill"}
    return {
        "schema": "rempart.study/1",
        "permit": "P-2026-0001",
        "protocol": {
            "title": "t",
            "question": "q",
            "estimand": "initiation",
            "period": [FIRST, FIRST],
            "death": "ignore",
        },
        "codes": {
            "entry": {"system": "CIP13", "include": [ENTRY]},
            "ill": {"system": "CIM10", "include": ["J45"]},
        },
        "cohorts": {"members": {"entry": {"any": [{"domain": "drug", "codes": "entry"}]}}},
        "outcomes": {"ill": {"any": [{"domain": "condition", "codes": "ill"}]}},
        "analyses": [
            {"id": "a", "type": kind, "design": "environmental-exposure", "inputs": inputs, "parameters": parameters}
        ],
    }


def people(persons: int) -> dict[str, pa.Table]:
    """Everybody enters on the first day and is seen to the last."""
    ids, texts = pa.array(range(persons), pa.int64()), [ENTRY] * persons
    dates = pa.array([FIRST] * persons, pa.date32())
    return {
        "person": pa.table(
            {"person_id": ids, "year_of_birth": [1950] * persons, "gender_concept_id": [8507] * persons}
        ),
        "observation_period": pa.table(
            {
                "person_id": ids,
                "observation_period_start_date": dates,
                "observation_period_end_date": pa.array([CUT] * persons, pa.date32()),
            }
        ),
        "drug_exposure": pa.table({"person_id": ids, "drug_exposure_start_date": dates, "drug_source_value": texts}),
    }


def stays(events: Mapping[int, int]) -> pa.Table:
    """The first diagnosis of each person who has one."""
    return pa.table(
        {
            "person_id": pa.array(list(events), pa.int64()),
            "condition_start_date": pa.array([at(day) for day in events.values()], pa.date32()),
            "condition_source_value": ["J450"] * len(events),
            "condition_status_source_value": ["DP"] * len(events),
        }
    )


def told(tables: Mapping[str, pa.Table], study: dict[str, Any]) -> tuple[ResultRow, ...]:
    """The result of a study on tables in memory."""
    query, read = DuckDBQuery(), study_from_dict(study)
    try:
        for name, table in tables.items():
            query.register(name, table)
        query.execute("CREATE TABLE usable_interval (source VARCHAR, scheme VARCHAR, last_day DATE)")
        (part,) = study_parts(read, cut=CUT)
        made = [statement for item in part.made for statement in item.statements]
        evidence = compute(query, [], [part.plan], prepare=made)  # type: ignore[list-item]
    finally:
        query.close()
    return results(read, evidence, run="r")


def value(rows: tuple[ResultRow, ...], statistic: str, **key: str) -> float | None:
    """The only cell of that statistic with that key."""
    (found,) = [r for r in rows if r.statistic == statistic and key.items() <= {**r.row_key, **r.column_key}.items()]
    return found.value


def cohort(seed: int, *, last_address: bool = False) -> dict[str, pa.Table]:
    """4,000 persons, two years, a value a year; half of them move. Hazard of 1.5 for each unit of the year's own value."""
    draw, persons = np.random.default_rng(seed), 4_000
    values = draw.normal(10, 1, (persons, 2)).round(1)
    events: dict[int, int] = {}
    for person in range(persons):
        hazard = 0.0004 * 1.5 ** (values[person] - 10)
        wait, day = draw.exponential(), 1
        for year in range(2):
            spent = np.floor(wait / hazard[year])
            if day + spent < 365 * (year + 1):
                events[person] = int(day + spent)
                break
            wait, day = wait - hazard[year] * (365 * (year + 1) - day), 365 * (year + 1)
    shown = np.repeat(values[:, 1:], 2, axis=1) if last_address else values
    starts = [(at(0), at(364)), (at(365), CUT)]
    rows = [(person, *starts[year], float(shown[person, year])) for person in range(persons) for year in range(2)]
    exposure = pa.table(
        {
            "person_id": pa.array([r[0] for r in rows], pa.int64()),
            "exposure_start_date": pa.array([r[1] for r in rows], pa.date32()),
            "exposure_end_date": pa.array([r[2] for r in rows], pa.date32()),
            "exposure_source_value": ["pm25"] * len(rows),
            "value_as_number": [r[3] for r in rows],
        }
    )
    return {**people(persons), "condition_occurrence": stays(events), "external_exposure": exposure}


def test_the_value_of_each_year_gives_the_planted_ratio_and_the_last_address_alone_does_not() -> None:
    """Conditional ratio 1.5 for one unit; per two units its square."""
    rows = told(cohort(1), asked("cox", per=2.0))
    ratio, lower, upper = (value(rows, name, model="crude") for name in ("hazard_ratio", "lower", "upper"))
    assert ratio and lower and upper and lower < 2.25 < upper
    assert 1.9 < ratio < 2.7
    wrong = value(told(cohort(1, last_address=True), asked("cox", per=2.0)), "upper", model="crude")
    assert wrong is not None and wrong < 2.25


def test_days_without_a_value_are_not_followed_and_their_persons_are_counted() -> None:
    """Everybody's second year is unknown: its outcomes are not counted, its persons are."""
    tables = cohort(2)
    known = tables["external_exposure"].filter(
        pa.compute.less(tables["external_exposure"]["exposure_end_date"], pa.scalar(at(365), pa.date32()))
    )
    rows = told({**tables, "external_exposure": known}, asked("cox"))
    early = sum(day < at(365) for day in tables["condition_occurrence"]["condition_start_date"].to_pylist())
    assert value(rows, "events", arm="all") == early
    assert value(rows, "persons", arm="unknown") == 4_000 - early
    assert value(rows, "persons", arm="all") == 4_000


def test_a_planted_lag_comes_back_by_commune_and_day() -> None:
    """Rates rise by 1.3 a unit two days after; the other lags do nothing. No commune stands in the result."""
    draw, communes, days = np.random.default_rng(3), 12, 700
    level = draw.normal(0, 1, (communes, days)).round(2)
    events: dict[int, int] = {}
    homes: list[tuple[int, str]] = []
    for commune in range(communes):
        for day in range(31, days):
            for _ in range(draw.poisson(0.3 * 1.3 ** level[commune, day - 2])):
                homes.append((len(events), f"{commune + 10:05d}"))
                events[len(events)] = day
    living = pa.table(
        {
            "person_id": pa.array([h[0] for h in homes], pa.int64()),
            "location_history_start_date": pa.array([FIRST] * len(homes), pa.date32()),
            "location_history_end_date": pa.array([None] * len(homes), pa.date32()),
            "commune_source_value": [h[1] for h in homes],
        }
    )
    grid = [(f"{c + 10:05d}", at(d), float(level[c, d])) for c in range(communes) for d in range(days)]
    environment = pa.table(
        {
            "exposure": ["pm25"] * len(grid),
            "commune": [g[0] for g in grid],
            "first_day": pa.array([g[1] for g in grid], pa.date32()),
            "last_day": pa.array([g[1] for g in grid], pa.date32()),
            "value": [g[2] for g in grid],
        }
    )
    tables = {
        **people(len(homes)),
        "condition_occurrence": stays(events),
        "location_history": living,
        "environment": environment,
    }
    rows = told(tables, asked("distributed_lag", lags=[0, 1, 2, 3]))
    found = {lag: (value(rows, "lower", lag=lag), value(rows, "upper", lag=lag)) for lag in ("00", "01", "02", "03")}
    limits = {lag: (low, high) for lag, (low, high) in found.items() if low is not None and high is not None}
    assert limits["02"][0] < 1.3 < limits["02"][1] and limits["02"][0] > 1.1
    assert all(limits[lag][0] < 1 < limits[lag][1] for lag in ("00", "01", "03"))
    assert not any("00010" in str((row.row_key, row.column_key)) for row in rows)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"inputs": {"environment": "PM 25"}}, "inputs.environment"),
        ({"inputs": {"environment": "pm25", "strata": ["place"]}}, "inputs.strata"),
        (
            {"inputs": {"environment": "pm25"}, "parameters": {"lags": [1, 2], "shape": "polynomial"}},
            "parameters.degree",
        ),
        ({"inputs": {"environment": "pm25"}, "parameters": {"ties": "efron"}}, "parameters.ties"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(change: dict[str, Any], field: str) -> None:
    """Each with the field that is wrong."""
    study = asked("cox" if "strata" in str(change) else "distributed_lag")
    study["analyses"][0] |= change
    with pytest.raises(BadInput) as error:
        study_from_dict(study)
    assert field in str({**error.value.facts})


def test_a_level_in_which_nobody_fell_ill_takes_nothing_from_the_ratio() -> None:
    """Women without an outcome are set aside: the ratio of the others stands."""
    tables, study = cohort(4), asked("cox")
    ill = set(tables["condition_occurrence"]["person_id"].to_pylist())
    sex = [8507 if person in ill or person % 2 else 8532 for person in range(4_000)]
    tables["person"] = tables["person"].set_column(2, "gender_concept_id", pa.array(sex, pa.int64()))
    study["covariates"] = {"sex": {"type": "sex"}}
    rows = told(tables, study)
    lower, upper = (value(rows, name, model="adjusted") for name in ("lower", "upper"))
    assert lower and upper and lower < 1.5 < upper
