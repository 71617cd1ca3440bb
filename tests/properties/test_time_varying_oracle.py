# SPDX-License-Identifier: Apache-2.0
"""Pieces of follow-up by exposure state are what counting day by day gives, and nothing that comes later decides a state."""

import datetime
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.parts import study_parts
from rempart.records.study import study_from_dict
from rempart.study.evidence import compute
from tests.properties.study_persons import Person, day, tables

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ENTRY, DRUG, OTHER = "3400926910891", "3400935563248", "3400935563538"
CUT = day(60)
DAYS = st.integers(-20, 60)


def study(exposed: str, dispensings: int, within: int, lag: int) -> Any:
    """A cohort that enters with one drug, and two exposures."""
    supply = {"supply": [{"rule": "fixed", "days": 7}], "stockpiling": "none"} if exposed == "current" else {}
    exposures = {name: {"domain": "drug", "codes": name, **supply} for name in ("one", "two")}
    return study_from_dict(
        {
            "schema": "rempart.study/1",
            "permit": "P-2026-0001",
            "protocol": {
                "title": "t",
                "question": "q",
                "estimand": "initiation",
                "period": [day(0), day(50)],
                "lag_days": lag,
            },
            "codes": {
                "entry": {"system": "CIP13", "include": [ENTRY]},
                "one": {"system": "CIP13", "include": [DRUG]},
                "two": {"system": "CIP13", "include": [OTHER]},
                "ill": {"system": "CIM10", "include": ["C67"]},
            },
            "cohorts": {"members": {"entry": {"any": [{"domain": "drug", "codes": "entry"}]}}},
            "exposures": exposures,
            "outcomes": {"ill": {"any": [{"domain": "condition", "codes": "ill"}]}},
            "covariates": {"sex": {"type": "sex"}},
            "analyses": [
                {
                    "id": "main",
                    "type": "cox",
                    "design": "time-varying-exposure",
                    "parameters": {"exposed": exposed, "dispensings": dispensings, "within_days": within},
                }
            ],
        }
    )


@st.composite
def persons(draw: st.DrawFn) -> dict[int, Person]:
    """A few histories."""
    found = {}
    for number in range(1, draw(st.integers(1, 6)) + 1):
        drugs = [
            (draw(DAYS), ENTRY, 0),
            *((draw(DAYS), draw(st.sampled_from([DRUG, OTHER])), 0) for _ in range(draw(st.integers(0, 5)))),
        ]
        ill = tuple((draw(DAYS), "C679", "DP") for _ in range(draw(st.integers(0, 2))))
        death = draw(st.none() | st.integers(5, 70))
        sex = draw(st.sampled_from([8507, 8532]))
        found[number] = Person(
            drugs=tuple(sorted({(a, c, a) for a, c, _ in drugs})), diagnoses=ill, death=death, sex=sex
        )
    return found


def state(person: Person, code: str, at: int, rules: tuple[str, int, int, int]) -> str:
    """Of a day, from what was dispensed before it."""
    exposed, dispensings, within, lag = rules
    days = sorted({when for when, what, _ in person.drugs if what == code})
    if exposed == "ever":
        for index in range(dispensings - 1, len(days)):
            if days[index] - days[index - dispensings + 1] < within and days[index] + lag < at:
                return "ever"
        return "never"
    covered = {when + lag + more for when in days for more in range(7)}
    if {at - 1, at} <= covered:  # the first day of a period begins it: exposed from the day after
        return "current"
    return "past" if any(when + lag < at for when in days) else "never"


def naive(histories: dict[int, Person], rules: tuple[str, int, int, int]) -> Counter[tuple[str, ...]]:
    """Person-days by (states, sex), and outcomes by (states, sex, 'ill'), counted day by day."""
    found: Counter[tuple[str, ...]] = Counter()
    for person in histories.values():
        entries = [when for when, what, _ in person.drugs if what == ENTRY and 0 <= when <= 50]
        if not entries:
            continue
        start = min(entries)
        end = 60
        dead = last_day_of(person.death)
        end = min(end, dead) if dead is not None else end
        ill = min((when for when, _, _ in person.diagnoses if when > start), default=10**6)
        sex = "male" if person.sex == 8507 else "female"
        for at in range(start + 1, min(end, ill) + 1):
            states = (state(person, DRUG, at, rules), state(person, OTHER, at, rules), sex)
            found[states] += 1
            if at == ill:
                found[(*states, "ill")] += 1
    return found


def last_day_of(death: int | None) -> int | None:
    """A death known by its month: the last day of observation in that month, else of the month."""
    if death is None:
        return None
    date = day(death)
    if (date.year, date.month) == (CUT.year, CUT.month):
        return 60
    following = datetime.date(date.year + date.month // 12, date.month % 12 + 1, 1)
    return (following - day(0)).days - 1


def counted(histories: dict[int, Person], rules: tuple[str, int, int, int]) -> Counter[tuple[str, ...]]:
    """The same from the evidence."""
    asked = study(*rules)
    query = DuckDBQuery()
    try:
        for name, table in tables(histories).items():
            query.register(name, table)
        query.execute("CREATE TABLE usable_interval (source VARCHAR, scheme VARCHAR, last_day DATE)")
        (part,) = study_parts(asked, cut=CUT)
        made = [statement for item in part.made for statement in item.statements]
        evidence = compute(query, [], [part.plan], prepare=made)  # type: ignore[list-item]
    finally:
        query.close()
    found: Counter[tuple[str, ...]] = Counter()
    for row in evidence["patterns"].to_pylist():
        *states, entry, leave, status = row["key"].split("|")
        found[tuple(states)] += (int(leave) - int(entry)) * row["n"]
        if status == "1":
            found[(*states, "ill")] += row["n"]
    return found


@QUICK
@given(persons(), st.integers(1, 3), st.integers(1, 30), st.sampled_from([0, 3, 11]))
def test_ever_exposed_from_the_qualifying_dispensing_on(
    histories: dict[int, Person], dispensings: int, within: int, lag: int
) -> None:
    """Day by day."""
    rules = ("ever", dispensings, within, lag)
    assert counted(histories, rules) == naive(histories, rules)


@QUICK
@given(persons(), st.sampled_from([0, 4]))
def test_currently_exposed_on_days_of_a_period_and_past_after_it(histories: dict[int, Person], lag: int) -> None:
    """Day by day, with periods of seven days that are joined where they touch."""
    rules = ("current", 1, 183, lag)
    assert counted(histories, rules) == naive(histories, rules)
