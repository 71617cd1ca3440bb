# SPDX-License-Identifier: Apache-2.0
"""Case-crossover, case-time-control and nested case-control from records to ratios, against persons looked at one by one."""

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import BadInput
from rempart.records.result import ResultRow
from rempart.study.estimators import case_control
from tests.naive_designs import DAY, FIRST, History, rows_of, study

Day = datetime.date
ALL = ("alpha", "beta")
Row = tuple[int, bool, dict[str, bool]]  # set, whether it is the case, exposures


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all."""
    made = DuckDBQuery(threads=1, memory_limit="1GB")
    yield made
    made.close()


def days(low: int = -60, high: int = 120) -> st.SearchStrategy[Day]:
    """Days near one another, so that windows are met."""
    return st.integers(low, high).map(lambda at: FIRST + at * DAY)


@st.composite
def histories(draw: st.DrawFn, least: int = 6) -> list[History]:
    """Persons with events, others' index days, and dispensings around them."""
    sets: list[list[tuple[str, Day, int]]] = [[] for _ in range(draw(st.integers(least, 14)))]
    for number, of in enumerate(sets[:: draw(st.sampled_from([2, 3]))]):
        day = draw(days(0, 60))
        of.append(("controls_cases", day, number))
        for at in draw(st.lists(st.integers(0, len(sets) - 1), min_size=1, max_size=3)):
            if ("controls_cases", day, number) not in sets[at]:
                sets[at].append(("controls", day, number))
    return [
        History(
            number=number,
            born=draw(st.sampled_from([None, 1950, 1960, 1990])),
            sex=draw(st.sampled_from([8532, 8507])),
            observed=(
                FIRST + draw(st.sampled_from([-400, -400, 10])) * DAY,
                FIRST + draw(st.sampled_from([70, 400])) * DAY,
            ),
            cohort=[(day, day + 90 * DAY) for day in draw(st.lists(days(0, 60), max_size=2, unique=True))],
            other=[(day, day + 90 * DAY) for day in draw(st.lists(days(0, 60), max_size=1))],
            ill_before=draw(st.lists(days(), max_size=1)),
            doses={name: draw(st.lists(days(), max_size=3)) for name in ALL},
            sets=own,
        )
        for number, own in enumerate(sets, 1)
    ]


def cells(rows: Sequence[ResultRow]) -> dict[tuple[str, str, str, str], ResultRow]:
    """By model, term, arm and statistic."""
    return {(r.row_key["model"], r.row_key["term"], r.column_key.get("arm", ""), r.statistic): r for r in rows}


def had(person: History, name: str, day: Day, window: tuple[int, int], least: int = 1) -> bool:
    """Whether it was dispensed on so many days of a window."""
    return len({d for d in person.doses[name] if window[0] <= (d - day).days <= window[1]}) >= least


def ratio(rows: Sequence[Row], terms: Sequence[str]) -> dict[str, float]:
    """Ratios of the terms together; nothing where the data have no finite answer."""
    if not rows:
        return {}
    x = np.array([[float(exposed[name]) for name in terms] for _, _, exposed in rows])
    try:
        fit = case_control.fit(np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), x, list(terms))
    except BadInput:
        return {}
    return dict(zip(terms, np.exp(fit.beta).tolist(), strict=True))


def agrees(row: ResultRow, expected: float | None) -> None:
    """The same ratio, or none and a word for it; a term that no case bears says nothing of the others, so that they may have one."""
    assert (row.value is None) == bool(row.rule)
    if expected is not None:
        assert row.value == pytest.approx(expected, rel=1e-6)


# ------------------------------------------------------------------------------------------------------ case-crossover


def windows_of(person: History, day: Day, asked: dict[str, Any]) -> list[int]:
    """Days by which the windows that count lie from the risk window, 0 among them; none where the person is not compared."""
    shifts = asked.get("apart") or [7 * week for week in range(-4, 5)]
    first, last = asked["risk_window"]

    def counts(shift: int) -> bool:
        begins, ends = day + (shift + first) * DAY, day + (shift + last) * DAY
        inside = person.observed[0] <= begins and ends <= person.observed[1]
        other = day + shift * DAY
        return inside and ("apart" in asked or (other.year, other.month) == (day.year, day.month))

    if not person.observed[0] <= day <= person.observed[1]:
        return []
    found = [0, *(shift for shift in shifts if shift and counts(shift))]
    return found if counts(0) and len(found) > 1 else []


def crossed(people: Sequence[History], role: str, asked: dict[str, Any]) -> list[Row]:
    """The rows of every person and index day."""
    rows: list[Row] = []
    for person in people:
        own = sorted({start for start, _ in (person.cohort if role == "case" else person.other)})
        for day in own if role == "case" else [start for start, _ in person.other]:
            for shift in windows_of(person, day, asked):
                taken = {name: had(person, name, day + shift * DAY, asked["risk_window"]) for name in ALL}
                rows.append((hash((person.number, day)), shift == 0, taken))
    return rows


CROSSOVERS: list[dict[str, Any]] = [
    {"risk_window": [-6, 0], "apart": [-28, -14]},
    {"risk_window": [-3, 3], "apart": [-20, -10, 15], "bidirectional": True},
    {"risk_window": [-4, 0], "time_stratified": True, "bidirectional": True},
]


@settings(max_examples=20, deadline=None)
@given(people=histories(), asked=st.sampled_from(CROSSOVERS), controls=st.booleans())
def test_a_case_crossover_is_that_of_looking_at_every_window(
    query: DuckDBQuery, people: list[History], asked: dict[str, Any], controls: bool
) -> None:
    inputs = {"cohort": "people", "exposures": list(ALL), **({"controls": "others"} if controls else {})}
    subject = study({"type": "odds_ratio", "design": "case-crossover", "inputs": inputs, "parameters": asked})
    rows = cells(rows_of(query, subject, people))
    sides = {role: crossed(people, role, asked) for role in ("case", "control")}
    for (_, term, arm, statistic), row in rows.items():
        if arm:
            assert row.value == standing(sides["case" if statistic == "cases" else "control"], term)[arm]
    if controls:
        both = {role: ratio(side, ALL) for role, side in sides.items()}
        for name in ALL:
            agrees(rows["cases", name, "", "ratio"], both["case"].get(name))
            agrees(rows["controls", name, "", "ratio"], both["control"].get(name))
            if both["case"] and both["control"]:
                agrees(rows["case-time-control", name, "", "ratio"], both["case"][name] / both["control"][name])
    else:
        for name in ALL:
            agrees(rows["crude", name, "", "ratio"], ratio(sides["case"], [name]).get(name))
            agrees(rows["adjusted", name, "", "ratio"], ratio(sides["case"], ALL).get(name))


def standing(rows: Sequence[Row], term: str) -> Counter[str]:
    """Index days by where the exposure lies."""
    found: Counter[str] = Counter()
    for number in {row[0] for row in rows}:
        own = [(case, taken[term]) for of, case, taken in rows if of == number]
        risk, others = any(t for case, t in own if case), [t for case, t in own if not case]
        found["all"] += 1
        found["risk" if risk and not all(others) else "reference" if not risk and any(others) else "alike"] += 1
    return found


# --------------------------------------------------------------------------------------------------- nested case-control


def nested(people: Sequence[History], asked: dict[str, Any]) -> list[tuple[Row, tuple[str, ...]]]:
    """Rows of all sets, with age band, sex and history."""
    found: list[tuple[Row, tuple[str, ...]]] = []
    for person in people:
        for cohort, day, number in person.sets:
            own = {item["exposure"]: item["days"] for item in asked["windows"]}
            taken = {name: had(person, name, day, own.get(name, asked["window"]), asked["dispensings"]) for name in ALL}
            age = "unknown" if person.born is None else str(sum(day.year - person.born >= low for low in (30, 60)))
            heart = any(1 <= (day - ill).days <= 100 for ill in person.ill_before)
            found.append(((number, cohort == "controls_cases", taken), (age, str(person.sex), str(heart))))
    return found


@settings(max_examples=20, deadline=None)
@given(
    people=histories(10),
    siblings=st.sampled_from(["excluded", "adjusted", "kept"]),
    dispensings=st.sampled_from([1, 1, 2]),
    windows=st.sampled_from([[], [{"exposure": "beta", "days": [-100, -5]}]]),
)
def test_a_nested_case_control_is_that_of_looking_at_every_set(
    query: DuckDBQuery, people: list[History], siblings: str, dispensings: int, windows: list[dict[str, Any]]
) -> None:
    asked = {"window": [-30, -1], "siblings": siblings, "dispensings": dispensings, "windows": windows}
    inputs = {"controls": "controls", "exposures": list(ALL), "covariates": ["age", "sex", "heart"]}
    subject = study({"type": "odds_ratio", "design": "nested-case-control", "inputs": inputs, "parameters": asked})
    one, three = (rows_of(query, subject, people, shards=shards) for shards in (1, 3))
    assert [(r.statistic, r.value and round(r.value, 9), r.persons_ref) for r in one] == [
        (r.statistic, r.value and round(r.value, 9), r.persons_ref) for r in three
    ], "sets straddle shards"
    rows, every = cells(one), nested(people, asked)
    for name in ALL:
        other = next(item for item in ALL if item != name)
        mine = [row for row, _ in every]
        if siblings == "excluded":
            mine = [row for row in mine if row[2][name] or not row[2][other]]
        for statistic, is_case in (("cases", True), ("controls", False)):
            exposed = sum(case is is_case and taken[name] for _, case, taken in mine)
            told = {arm: rows["crude", name, arm, statistic].value for arm in ("exposed", "unexposed", "all")}
            assert told["exposed"] == exposed
            assert told["unexposed"] == sum(case is is_case for _, case, _ in mine) - exposed
            assert told["all"] == sum(row[1] is is_case for row, _ in every)
        terms = ALL if siblings == "adjusted" else (name,)
        agrees(rows["crude", name, "", "ratio"], ratio(mine, terms).get(name))
        agrees(rows["adjusted", name, "", "ratio"], adjusted(every, name, siblings))


def adjusted(every: Sequence[tuple[Row, tuple[str, ...]]], name: str, siblings: str) -> float | None:
    """The ratio with indicators of all levels of all covariates, where they have a finite answer as they stand."""
    other = next(item for item in ALL if item != name)
    kept = [(r, c) for r, c in every if siblings != "excluded" or r[2][name] or not r[2][other]]
    levels = [sorted({c[at] for _, c in kept})[1:] for at in range(3)]
    rows = [
        (number, case, {**taken, **{f"{at} {level}": c[at] == level for at in range(3) for level in levels[at]}})
        for (number, case, taken), c in kept
    ]
    terms = [
        *(ALL if siblings == "adjusted" else (name,)),
        *(f"{at} {level}" for at in range(3) for level in levels[at]),
    ]
    return ratio(rows, terms).get(name)
