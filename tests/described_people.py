# SPDX-License-Identifier: Apache-2.0
"""Small random populations with cohorts and exposures made by hand, for tests of descriptive analyses; their tables, and their tallies."""

import datetime
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.package_data import toml
from rempart.cohort.codes import Reads
from rempart.cohort.describe import tally_plans
from rempart.records.result import ResultRow
from rempart.records.study import Study, study_from_dict
from rempart.study.evidence import Evidence, compute, merge
from rempart.study.results import results

Day = datetime.date
FIRST, LAST = Day(2014, 1, 1), Day(2016, 12, 31)
DAY = datetime.timedelta(days=1)
SEXES = {8532: "female", 8507: "male", 0: "unknown"}
Period = tuple[Day, Day]


@dataclass(slots=True)
class Person:
    """Everything that descriptive analyses ask of one person."""

    number: int
    born: int | None
    sex: int
    observed: Period
    places: list[tuple[Day, Day, str]] = field(default_factory=list)
    cohort: list[Period] = field(default_factory=list)
    other: list[Period] = field(default_factory=list)
    events: list[Day] = field(default_factory=list)
    fills: list[tuple[Day, float, int | None]] = field(default_factory=list)
    exposures: dict[str, list[Period]] = field(default_factory=dict)
    died: Day | None = None
    cause: str | None = None
    visits: list[tuple[Day, Day, str | None]] = field(default_factory=list)


def people(seed: int, count: int) -> list[Person]:
    """Persons drawn from a seed."""
    draw = random.Random(seed)
    return [_person(draw, number) for number in range(1, count + 1)]


def _person(draw: random.Random, number: int) -> Person:
    def day(low: Day = FIRST, high: Day = LAST) -> Day:
        return low + draw.randint(0, max(0, (high - low).days)) * DAY

    def periods(most: int) -> list[Period]:
        days = sorted({day() for _ in range(2 * draw.randint(0, most))})
        return [(a, b) for a, b in zip(days[::2], days[1::2], strict=False)]

    cohort = periods(3)
    edges = [edge + shift * DAY for start, end in cohort for edge in (start, end) for shift in (-1, 0, 1)] or [FIRST]
    start, end = sorted((day(FIRST - 400 * DAY, FIRST + 200 * DAY), day(FIRST + 200 * DAY, LAST)))
    moved = day()
    first = (FIRST - 900 * DAY, moved + draw.choice([0, 0, 300]) * DAY, draw.choice(["75", "2A"]))
    fills = [day(FIRST - 300 * DAY) for _ in range(draw.choice([0, 1, 4, 9]))]
    fills += [fill + draw.choice([30, 200]) * DAY for fill in fills[:2]]
    found = Person(
        number=number,
        born=draw.choice([None, *range(1925, 2010, 5), *range(1925, 2010, 5)]),
        sex=draw.choice([8532, 8507, 8507, 8532, 0]),
        observed=(start, end),
        places=[first, (moved + DAY, LAST - 60 * DAY, "33")][: draw.randint(0, 2)],
        cohort=cohort,
        other=periods(2),
        events=[draw.choice([day(FIRST - 100 * DAY), draw.choice(edges)]) for _ in range(draw.choice([0, 0, 1, 1, 3]))],
        fills=[
            (draw.choice([at, draw.choice(edges)]), draw.choice([1.0, 2.0, 0.5]), draw.choice([None, 1, 2, 3]))
            for at in fills
        ],
        exposures={name: periods(2) for name in ("alpha", "beta", "gamma")},
    )
    if draw.random() < 0.3 and found.cohort:
        found.died = found.cohort[0][1]
    if draw.random() < 0.3 and found.cohort:
        found.observed = (min(found.observed[0], found.cohort[0][0] + draw.choice([0, 1]) * DAY), found.cohort[0][1])
    return found


_EXPOSURE = {"domain": "drug", "codes": "drugs", "supply": [{"rule": "fixed", "days": 30}]}
_CIP = "3400935563248"


def study(*analyses: Mapping[str, Any], **changes: Any) -> Study:
    """A study of rule cohorts ``people`` and ``others`` with these descriptive analyses."""
    entry = {"any": [{"domain": "condition", "codes": "ill"}]}
    body: dict[str, Any] = {
        "schema": "rempart.study/1",
        "permit": "P-2026-0001",
        "protocol": {"title": "t", "question": "q", "estimand": "initiation", "period": [FIRST, LAST], "death": "date"},
        "codes": {
            "ill": {"system": "CIM10", "include": ["C67"]},
            "drugs": {"system": "CIP13", "include": [_CIP]},
        },
        "cohorts": {name: {"entry": entry, "exit": {"days": 365}} for name in ("people", "others")},
        "exposures": dict.fromkeys(("alpha", "beta", "gamma"), _EXPOSURE),
        "outcomes": {"illness": {"any": [{"domain": "condition", "codes": "ill"}]}},
        "covariates": {"age": {"type": "age", "bands": [30, 60]}, "sex": {"type": "sex"}},
        "analyses": [{"design": "cohort", **analysis} for analysis in analyses],
        **changes,
    }
    return study_from_dict(body)


def tables(
    persons: Iterable[Person], *, deliveries: Sequence[tuple[str, float | None, float | None]] = ()
) -> dict[str, pa.Table]:
    """The tables of a shard with these persons."""
    them = list(persons)
    rows: dict[str, tuple[dict[str, Any], list[tuple[Any, ...]]]] = {
        "person": (
            {"person_id": pa.int64(), "year_of_birth": pa.int32(), "gender_concept_id": pa.int64()},
            [(p.number, p.born, p.sex) for p in them],
        ),
        "observation_period": (_dated("observation_period"), [(p.number, *p.observed) for p in them]),
        "location_history": (
            {**_dated("location_history"), "department_source_value": pa.string()},
            [(p.number, *place) for p in them for place in p.places],
        ),
        "condition_occurrence": (
            {"person_id": pa.int64(), "condition_start_date": pa.date32(), "condition_source_value": pa.string()},
            [(p.number, day, "C679") for p in them for day in p.events],
        ),
        "drug_exposure": (
            {
                "person_id": pa.int64(),
                "drug_exposure_start_date": pa.date32(),
                "quantity": pa.float64(),
                "dispensing_provider_id": pa.int64(),
                "drug_source_value": pa.string(),
            },
            [(p.number, *fill, _CIP) for p in them for fill in p.fills],
        ),
        "visit_occurrence": (
            {**_dated("visit"), "care_site_source_value": pa.string()},
            [(p.number, *visit) for p in them for visit in p.visits],
        ),
        "death": (
            {"person_id": pa.int64(), "death_date": pa.date32(), "cause_source_value": pa.string()},
            [(p.number, p.died, p.cause) for p in them if p.died],
        ),
        "delivery": (
            {"target_population": pa.string(), "fraction": pa.float64(), "weight": pa.float64()},
            [tuple(row) for row in deliveries],
        ),
        "cohort_people": (_PERIOD, [(p.number, *period) for p in them for period in p.cohort]),
        "cohort_others": (_PERIOD, [(p.number, *period) for p in them for period in p.other]),
        "cohort_people_attrition": (
            {"step": pa.int32(), "name": pa.string(), "persons": pa.int64()},
            [(1, "an illness", len(them)), (2, "a period", sum(bool(p.cohort) for p in them))],
        ),
    }
    for name in ("alpha", "beta", "gamma"):
        rows[f"exposure_{name}"] = (
            _PERIOD,
            [(p.number, *period) for p in them for period in p.exposures.get(name, [])],
        )
    return {name: _table(schema, given) for name, (schema, given) in rows.items()}


_PERIOD = {"person_id": pa.int64(), "start_date": pa.date32(), "end_date": pa.date32()}


def _dated(table: str) -> dict[str, Any]:
    return {"person_id": pa.int64(), f"{table}_start_date": pa.date32(), f"{table}_end_date": pa.date32()}


def _table(schema: Mapping[str, Any], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table({name: pa.array(c, type=kind) for (name, kind), c in zip(schema.items(), columns, strict=True)})


def evidence_of(query: DuckDBQuery, subject: Study, persons: Iterable[Person], **more: Any) -> Evidence:
    """The tallies of a shard with these persons."""
    for name, table in tables(persons, **more).items():
        query.register(name, table)
    return compute(query, (), tally_plans(subject, cut=LAST, reads=Reads()))


def rows_of(
    query: DuckDBQuery,
    subject: Study,
    persons: Iterable[Person],
    *,
    shards: int = 1,
    order: Callable[[int], int] = int,
    **more: Any,
) -> tuple[ResultRow, ...]:
    """Result rows of the persons, cut into shards that come in any order."""
    them = list(persons)
    split = [[p for p in them if p.number % shards == shard] for shard in sorted(range(shards), key=order)]
    merged = merge([evidence_of(query, subject, shard, **more) for shard in split])
    return results(subject, merged, run="run", standards=toml("study/standards.toml"))
