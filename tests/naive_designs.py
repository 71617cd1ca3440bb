# SPDX-License-Identifier: Apache-2.0
"""Small histories for the designs within persons and the nested case-control, and the days of a case series looked at one by one.

Knows nothing of the SQL nor of how days are cut: each day of each person is asked what it is.
"""

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.codes import Reads
from rempart.cohort.designs import design_plan
from rempart.records.result import ResultRow
from rempart.records.study import Study, study_from_dict
from rempart.study.designs import designed
from rempart.study.evidence import Evidence, compute, merge

Day = datetime.date
FIRST, LAST = Day(2014, 7, 1), Day(2015, 9, 30)  # some months twice, and a new year
DAY = datetime.timedelta(days=1)
CODES = {"alpha": "3400935563248", "beta": "3400935563538", "gamma": "3400937169110"}
ILL, OTHER = "I210", "I50"


@dataclass(slots=True, kw_only=True)
class History:
    """One person: ``cohort`` periods of the rule cohort, ``doses`` days with a dispensing by exposure, ``eras`` periods of exposure,
    ``sets``: (cohort, index day, set) of matched cohorts."""

    number: int
    born: int | None = 1960
    sex: int = 8532
    observed: tuple[Day, Day] = (Day(2010, 1, 1), Day(2020, 12, 31))
    died: Day | None = None
    cohort: list[tuple[Day, Day]] = field(default_factory=list)
    other: list[tuple[Day, Day]] = field(default_factory=list)
    events: list[Day] = field(default_factory=list)
    ill_before: list[Day] = field(default_factory=list)
    doses: dict[str, list[Day]] = field(default_factory=dict)
    eras: dict[str, list[tuple[Day, Day]]] = field(default_factory=dict)
    sets: list[tuple[str, Day, int]] = field(default_factory=list)


def study(analysis: Mapping[str, Any], **changes: Any) -> Study:
    """A study of one analysis of a design, with exposures alpha and beta by dispensings and gamma by periods."""
    entry = {"any": [{"domain": "condition", "codes": "ill"}]}
    supply = [{"rule": "fixed", "days": 30}]
    body: dict[str, Any] = {
        "schema": "rempart.study/1",
        "permit": "P-2026-0001",
        "protocol": {"title": "t", "question": "q", "estimand": "initiation", "period": [FIRST, LAST], "death": "date"},
        "codes": {
            "ill": {"system": "CIM10", "include": [ILL]},
            "before": {"system": "CIM10", "include": [OTHER]},
            **{name: {"system": "CIP13", "include": [code]} for name, code in CODES.items()},
        },
        "cohorts": {
            "people": {"entry": entry, "exit": {"days": 365}},
            "others": {"entry": entry, "exit": {"days": 365}},
            "controls": {
                "match": {"to": "people", "from": "others", "kind": "risk-set", "ratio": 2, "on": [], "replace": True}
            },
        },
        "exposures": {
            "alpha": {"domain": "drug", "codes": "alpha"},
            "beta": {"domain": "drug", "codes": "beta"},
            "gamma": {"domain": "drug", "codes": "gamma", "supply": supply},
        },
        "outcomes": {"illness": {"any": [{"domain": "condition", "codes": "ill"}]}},
        "covariates": {
            "age": {"type": "age", "bands": [30, 60]},
            "sex": {"type": "sex"},
            "heart": {"type": "history", "domain": "condition", "codes": "before", "days": [-100, -1]},
        },
        "analyses": [{"id": "a", **analysis}],
        **changes,
    }
    return study_from_dict(body)


_PERIOD = {"person_id": pa.int64(), "start_date": pa.date32(), "end_date": pa.date32()}


def tables(persons: Iterable[History]) -> dict[str, pa.Table]:
    """The tables of a shard with these persons; cohorts and periods of exposure are made by hand."""
    them = list(persons)
    sets = {**_PERIOD, "match_set": pa.int64()}
    rows: dict[str, tuple[dict[str, Any], list[tuple[Any, ...]]]] = {
        "person": (
            {"person_id": pa.int64(), "year_of_birth": pa.int32(), "gender_concept_id": pa.int64()},
            [(p.number, p.born, p.sex) for p in them],
        ),
        "observation_period": (
            {
                "person_id": pa.int64(),
                "observation_period_start_date": pa.date32(),
                "observation_period_end_date": pa.date32(),
            },
            [(p.number, *p.observed) for p in them],
        ),
        "condition_occurrence": (
            {"person_id": pa.int64(), "condition_start_date": pa.date32(), "condition_source_value": pa.string()},
            [(p.number, day, ILL) for p in them for day in p.events]
            + [(p.number, day, OTHER) for p in them for day in p.ill_before],
        ),
        "drug_exposure": (
            {"person_id": pa.int64(), "drug_exposure_start_date": pa.date32(), "drug_source_value": pa.string()},
            [(p.number, day, CODES[name]) for p in them for name, days in p.doses.items() for day in days],
        ),
        "death": (
            {"person_id": pa.int64(), "death_date": pa.date32()},
            [(p.number, p.died) for p in them if p.died],
        ),
        "cohort_people": (_PERIOD, [(p.number, *period) for p in them for period in p.cohort]),
        "cohort_others": (_PERIOD, [(p.number, *period) for p in them for period in p.other]),
        "exposure_gamma": (_PERIOD, [(p.number, *era) for p in them for era in p.eras.get("gamma", [])]),
        **{
            f"cohort_{name}": (
                sets,
                [(p.number, day, day, number) for p in them for cohort, day, number in p.sets if cohort == name],
            )
            for name in ("controls", "controls_cases")
        },
    }
    return {name: _table(schema, given) for name, (schema, given) in rows.items()}


def _table(schema: Mapping[str, Any], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table({name: pa.array(c, type=kind) for (name, kind), c in zip(schema.items(), columns, strict=True)})


def evidence_of(query: DuckDBQuery, subject: Study, persons: Iterable[History]) -> Evidence:
    """What a shard with these persons gives."""
    for name, table in tables(persons).items():
        query.register(name, table)
    plans = [design_plan(subject, item, cut=Day(2020, 12, 31), reads=Reads()) for item in subject.designs]
    return compute(query, (), plans)


def rows_of(query: DuckDBQuery, subject: Study, persons: Iterable[History], *, shards: int = 1) -> list[ResultRow]:
    """Result rows of the persons, cut into shards."""
    them = list(persons)
    split = [[p for p in them if p.number % shards == shard] for shard in range(shards)]
    merged = merge([evidence_of(query, subject, shard) for shard in split])
    return designed(subject, merged, run="run", types=[item.type for item in subject.designs])


@dataclass(frozen=True, slots=True)
class Days:
    """Of a case series: days and events by (case, age group, calendar period, window of each exposure)."""

    length: Counter[tuple[Any, ...]]
    events: Counter[tuple[Any, ...]]


def case_days(persons: Iterable[History], asked: Mapping[str, Any], exposures: Sequence[str]) -> Days:
    """Every day of every case, by the rules of docs/designs.md."""
    found = Days(Counter(), Counter())
    for person in persons:
        days = _observed_days(person, asked, exposures)
        ill = sorted({day for day in person.events if day in days})
        for day in days if ill else ():
            windows = tuple(_window(person, name, day, asked) for name in exposures)
            age = _band(day.year - (person.born or 0), asked.get("age_bands", ()))
            cell = (person.number, age, _period(day, asked), *windows)
            found.length[cell] += 1
            found.events[cell] += (ill if asked["events"] == "every" else ill[:1]).count(day)
    return found


def _observed_days(person: History, asked: Mapping[str, Any], exposures: Sequence[str]) -> list[Day]:
    if not person.cohort or (person.born is None and "age_bands" in asked):
        return []
    start, end = min(person.cohort)
    days = [FIRST + at * DAY for at in range((LAST - FIRST).days + 1)]
    days = [day for day in days if start < day <= end]
    if asked["from_exposure"] and days:
        begun = [first for name in exposures for first, _ in _spans(person, name) if first <= days[-1]]
        days = [day for day in days if begun and day >= min(begun)]
    return days


def _spans(person: History, name: str) -> list[tuple[Day, Day]]:
    if name == "gamma":
        return sorted(person.eras.get(name, []))
    return [(day, day) for day in sorted(set(person.doses.get(name, [])))]


def _window(person: History, name: str, day: Day, asked: Mapping[str, Any]) -> str:
    """The window that a day lies in: of the latest (or earliest) dispensing whose windows hold it, the first that does."""
    spans = _spans(person, name)
    turns = list(enumerate(spans, 1))
    for dose, (first, last) in reversed(turns) if asked["overlap"] == "later" else turns:
        for said in [item for item in asked["windows"] if item.get("exposure", name) == name]:
            if said.get("dose", dose) != dose:
                continue
            origin = last if said.get("of") == "end" else first
            begin, end = (0, (last - first).days) if said["days"] == "during" else said["days"]
            if begin <= (day - origin).days <= end:
                return name_of(said)
        if held := _around(name, day, (first, last), asked):
            return held
    return "reference"


def _around(name: str, day: Day, span: tuple[Day, Day], asked: Mapping[str, Any]) -> str:
    own = [item for item in asked["windows"] if item.get("exposure", name) == name]
    of_end = [item for item in own if item.get("of") == "end" or item["days"] == "during"]
    ends = [0 if item["days"] == "during" else item["days"][1] for item in (of_end or own)]
    origin = span[1] if of_end else span[0]
    if 1 <= (day - origin).days - max(ends) <= asked["washout_days"]:
        return "washout"
    return "pre-exposure" if 1 <= (span[0] - day).days <= asked["pre_exposure_days"] else ""


def name_of(said: Mapping[str, Any]) -> str:
    """How a window is called."""
    if said["days"] == "during":
        return "during"
    first, last = said["days"]
    days = f"day {first}" if first == last else f"days {first} to {last}"
    dose = f"dose {said['dose']}, " if "dose" in said else ""
    return dose + days + (" after the end" if said.get("of") == "end" else "")


def _band(age: int, bands: Sequence[int]) -> int:
    return sum(1 for low in bands if age >= low)


def _period(day: Day, asked: Mapping[str, Any]) -> int:
    if asked["calendar_days"]:
        return int((day - FIRST).days // asked["calendar_days"])
    months = {"none": 0, "month": day.year * 12 + day.month, "month-of-year": day.month}
    return months[asked["calendar"]]
