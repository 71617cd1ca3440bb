# SPDX-License-Identifier: Apache-2.0
"""Histories of persons as lines that a doctor can read, a study over them, and the cohort that the engine makes of both.

A line is ``<day>[..<last day>] <kind> <code> [words]``: ``12 condition E110 DP #3`` (visit 3), ``20..25 visit inpatient #3``,
``30 drug metformin x2 @01 ~56`` (two packs, specialty 01, 56 days' supply), ``-90..40 residence 75``. Day 0 is 2014-01-01.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.claims_sql import VISITS
from rempart.cohort.codes import Reads
from rempart.cohort.study_tables import made_for, once
from rempart.records.study import Study, study_from_dict

BASE = datetime.date(2014, 1, 1)
FIRST, LAST, CUT = 0, 364, 729  # days: first and last possible entry, last day of data
DRUGS = {"metformin": "1" * 13, "insulin": "2" * 13, "statin": "3" * 13}
SPECIALTIES = {"01": 1, "07": 7, "22": 22}  # specialty → the number of its professional
TABLES: Mapping[str, tuple[str, str, str, str]] = {  # kind → table, first day, last day, code
    "drug": ("drug_exposure", "drug_exposure_start_date", "drug_exposure_end_date", "drug_source_value"),
    "condition": ("condition_occurrence", "condition_start_date", "condition_end_date", "condition_source_value"),
    "procedure": ("procedure_occurrence", "procedure_date", "", "procedure_source_value"),
    "measurement": ("measurement", "measurement_date", "", "measurement_source_value"),
    "device": ("device_exposure", "device_exposure_start_date", "device_exposure_end_date", "device_source_value"),
    "visit": ("visit_occurrence", "visit_start_date", "visit_end_date", "visit_source_value"),
    "residence": (
        "location_history",
        "location_history_start_date",
        "location_history_end_date",
        "department_source_value",
    ),
}
_TYPES = {"date": pa.date32(), "text": pa.string(), "number": pa.int64(), "real": pa.float64()}


def day(number: int) -> datetime.date:
    """The date of a day number."""
    return BASE + datetime.timedelta(days=number)


@dataclass(frozen=True, kw_only=True)
class Record:
    """One line."""

    kind: str
    first: int
    last: int
    code: str
    status: str = "DP"
    visit: int | None = None
    specialty: str | None = None
    quantity: int = 1
    supply: int | None = None


@dataclass(frozen=True, kw_only=True)
class Person:
    """One history; ``death``: day, ``cause``: its code."""

    lines: tuple[str, ...] = ()
    observed: tuple[tuple[int, int], ...] = ((-1000, 1000),)
    born: int | None = 1950
    sex: int = 8507
    death: int | None = None
    cause: str | None = None
    more: tuple[Record, ...] = field(default=())

    @property
    def records(self) -> tuple[Record, ...]:
        """The lines, read."""
        return (*(read(line) for line in self.lines), *self.more)


def read(line: str) -> Record:
    """A line as a record."""
    span, kind, code, *words = line.split()
    first, _, last = span.partition("..")
    told: dict[str, Any] = {}
    for word in words:
        if word.startswith("#"):
            told["visit"] = int(word[1:])
        elif word.startswith("@"):
            told["specialty"] = word[1:]
        elif word.startswith("x"):
            told["quantity"] = int(word[1:])
        elif word.startswith("~"):
            told["supply"] = int(word[1:])
        else:
            told["status"] = word
    return Record(kind=kind, first=int(first), last=int(last or first), code=code, **told)


def study_of(cohorts: Mapping[str, Any], *, death: str = "date", analyses: Sequence[Any] = (), **more: Any) -> Study:
    """A study with these rule cohorts."""
    name = next(iter(cohorts))
    flow = {"id": "flow", "type": "attrition", "design": "cohort", "inputs": {"cohort": name}}
    return study_from_dict(
        {
            "schema": "rempart.study/1",
            "permit": "P-2026-0001",
            "protocol": {
                "title": "t",
                "question": "q",
                "estimand": "initiation",
                "period": [day(FIRST), day(LAST)],
                "death": death,
            },
            "codes": {
                "diabetes": {"system": "CIM10", "include": ["E11"]},
                "pressure": {"system": "CIM10", "include": ["I10"]},
                "tumour": {"system": "CIM10", "include": ["C67"], "exclude": ["C679"]},
                "metformin": {"system": "CIP13", "include": [DRUGS["metformin"]]},
                "insulin": {"system": "CIP13", "include": [DRUGS["insulin"]]},
                "act": {"system": "CCAM", "include": ["JDFA"]},
            },
            "cohorts": cohorts,
            "analyses": list(analyses) or [flow],
            **more,
        }
    )


def tables(persons: Mapping[int, Person]) -> dict[str, dict[str, tuple[str, list[Any]]]]:
    """Table → column → (type, values), all columns of the layout that rules may read."""
    found: dict[str, dict[str, tuple[str, list[Any]]]] = {}

    def add(table: str, row: Mapping[str, tuple[str, Any]]) -> None:
        columns = found.setdefault(table, {name: (kind, []) for name, (kind, _) in row.items()})
        for name, (_, value) in row.items():
            columns[name][1].append(value)

    for table, row in _rows(0, Person(lines=_EVERY_KIND, death=1)):
        add(table, row)
    for columns in found.values():  # what gave every table its columns goes again
        for _, values in columns.values():
            values.clear()
    for number, person in persons.items():
        for table, row in _rows(number, person):
            add(table, row)
    found["provider"] = {
        "provider_id": ("number", list(SPECIALTIES.values())),
        "specialty_source_value": ("text", list(SPECIALTIES)),
    }
    return found


_EVERY_KIND = (
    "0 drug metformin",
    "0 condition E11",
    "0 procedure JD",
    "0 measurement 0552",
    "0 device 1",
    "0 visit inpatient #1",
    "0 residence 75",
)


def _rows(number: int, person: Person) -> Sequence[tuple[str, dict[str, tuple[str, Any]]]]:
    who = {"person_id": ("number", number)}
    rows: list[tuple[str, dict[str, tuple[str, Any]]]] = [
        (
            "person",
            {
                **who,
                "year_of_birth": ("number", person.born),
                "gender_concept_id": ("number", person.sex),
                "month_of_birth": ("number", 1),
            },
        )
    ]
    for first, last in person.observed:
        dates = {
            "observation_period_start_date": ("date", day(first)),
            "observation_period_end_date": ("date", day(last)),
        }
        rows.append(("observation_period", {**who, **dates}))
    if person.death is not None:
        died = day(person.death)
        death = {"death_date": ("date", died), "death_month": ("date", died.replace(day=1))}
        rows.append(("death", {**who, **death, "cause_source_value": ("text", person.cause)}))
    rows += [_row(who, record) for record in person.records]
    return rows


def _row(who: Mapping[str, tuple[str, Any]], record: Record) -> tuple[str, dict[str, tuple[str, Any]]]:
    table, first, last, code = TABLES[record.kind]
    provider = SPECIALTIES.get(record.specialty or "")
    row: dict[str, tuple[str, Any]] = {
        **who,
        first: ("date", day(record.first)),
        code: ("text", DRUGS.get(record.code, record.code)),
        "visit_occurrence_id": ("number", record.visit),
        "provider_id": ("number", provider),
        "quantity": ("real", float(record.quantity)),
    }
    if last:
        row[last] = ("date", day(record.last))
    if record.kind == "drug":
        row["days_supply"] = ("number", record.supply)
    if record.kind == "condition":
        row["condition_status_source_value"] = ("text", record.status)
    if record.kind == "visit":
        row["visit_concept_id"] = ("number", VISITS[record.code])
    if record.kind == "residence":
        row["department_source_value"] = ("text", record.code[:2])
        row["commune_source_value"] = ("text", record.code if len(record.code) == 5 else None)
    return table, row


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``periods``: person → periods in days; ``attrition``: persons by step; ``steps``: names; ``reached``: person → last step."""

    periods: Mapping[int, list[tuple[int, int]]]
    attrition: list[int]
    steps: list[str]
    reached: Mapping[int, int]

    @property
    def rows(self) -> list[tuple[int, int, int]]:
        """(person, first day, last day)."""
        return sorted((who, *period) for who, periods in self.periods.items() for period in periods)


def answer(
    query: DuckDBQuery,
    study: Study,
    persons: Mapping[int, Person],
    name: str = "",
    usable: Mapping[str, int] | None = None,
) -> Answer:
    """The cohort (the study's first unless named) made by the engine in one shard that holds only the columns that are noted as read."""
    name = name or next(iter(study.rules))
    return answers(query, study, persons, [name], usable)[name]


def answers(
    query: DuckDBQuery,
    study: Study,
    persons: Mapping[int, Person],
    names: Sequence[str],
    usable: Mapping[str, int] | None = None,
) -> dict[str, Answer]:
    """Several cohorts, each made once."""
    reads = Reads()
    made = list(once([made_for(study, names, cut=day(CUT), reads=reads, usable=usable is not None)]))
    _load(query, tables(persons), reads, usable)
    try:
        for item in made:
            for statement in item.statements:
                query.execute(statement)
        return {name: _told(query, name) for name in names}
    finally:
        for item in made:
            for statement in item.clear:
                query.execute(statement)


def _told(query: DuckDBQuery, name: str) -> Answer:
    rows = query.table(f"SELECT person_id, start_date, end_date FROM cohort_{name} ORDER BY ALL").to_pylist()
    steps = query.table(f"SELECT step, name, persons FROM cohort_{name}_attrition ORDER BY step").to_pylist()
    reached = query.table(f"SELECT person_id, step FROM cohort_{name}_reached").to_pylist()
    periods: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        periods.setdefault(row["person_id"], []).append(
            ((row["start_date"] - BASE).days, (row["end_date"] - BASE).days)
        )
    return Answer(
        periods=periods,
        attrition=[row["persons"] for row in steps],
        steps=[row["name"] for row in steps],
        reached={row["person_id"]: row["step"] for row in reached},
    )


def _load(
    query: DuckDBQuery,
    found: Mapping[str, Mapping[str, tuple[str, list[Any]]]],
    reads: Reads,
    usable: Mapping[str, int] | None,
) -> None:
    for table, columns in found.items():
        kept = {n: c for n, c in columns.items() if n == "person_id" or n in reads.columns.get(table, ())}
        if reads.columns.get(table):
            query.register(table, pa.table({n: pa.array(v, _TYPES[kind]) for n, (kind, v) in kept.items()}))
    if usable is not None:
        columns_ = {
            "source": pa.array(list(usable), pa.string()),
            "scheme": pa.array([""] * len(usable), pa.string()),
            "last_day": pa.array([day(number) for number in usable.values()], pa.date32()),
        }
        query.register("usable_interval", pa.table(columns_))
