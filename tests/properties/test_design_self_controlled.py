# SPDX-License-Identifier: Apache-2.0
"""A self-controlled case series from records to ratios, against every day of every person looked at one by one."""

import datetime
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import BadInput
from rempart.records.result import ResultRow
from rempart.study.estimators import conditional
from rempart.study.estimators.conditional_sets import sets_of
from tests.naive_designs import DAY, FIRST, LAST, Days, History, case_days, name_of, rows_of, study

WINDOWS: list[list[dict[str, Any]]] = [
    [{"days": [0, 6]}, {"days": [7, 20]}],
    [{"days": [0, 0]}, {"days": [0, 13], "dose": 2}, {"days": [-3, 4]}],
    [
        {"days": [0, 9], "exposure": "alpha"},
        {"days": [0, 3], "exposure": "beta"},
        {"days": "during", "exposure": "gamma"},
    ],
    [{"days": [0, 9]}, {"days": "during", "exposure": "gamma"}, {"days": [1, 5], "of": "end", "exposure": "gamma"}],
]


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all."""
    made = DuckDBQuery(threads=1, memory_limit="1GB")
    yield made
    made.close()


def days(low: int = -40, high: int = 480) -> st.SearchStrategy[datetime.date]:
    """Days in and around those that are studied."""
    return st.integers(low, high).map(lambda at: FIRST + at * DAY)


@st.composite
def histories(draw: st.DrawFn) -> list[History]:
    """A few persons, most of them cases."""
    found = []
    for number in range(1, draw(st.integers(4, 12)) + 1):
        start, length = draw(st.integers(-100, 200)), draw(st.integers(0, 400))
        cohort = [(FIRST + start * DAY, FIRST + (start + length) * DAY)]
        if draw(st.booleans()):
            cohort.append((FIRST + (start + length + 5) * DAY, FIRST + (start + length + 30) * DAY))
        eras = sorted(draw(st.lists(days(), max_size=4, unique=True)))
        doses = {name: draw(st.lists(days(), max_size=3)) for name in ("alpha", "beta")}
        near = st.integers(0, 16).map(lambda more: more * DAY)
        for taken in doses.values():
            taken += [day + draw(near) for day in taken[:1]]
        given_on = [day for taken in doses.values() for day in taken] or [FIRST]
        found.append(
            History(
                number=number,
                born=draw(st.sampled_from([None, 1954, 1955, 1985])),
                cohort=cohort,
                events=[draw(st.sampled_from(given_on)) + draw(near), *draw(st.lists(days(), max_size=2))],
                doses=doses,
                eras={"gamma": list(zip(eras[::2], eras[1::2], strict=False))},
            )
        )
    return found


@st.composite
def asked(draw: st.DrawFn) -> dict[str, Any]:
    """Parameters with every default written out."""
    windows = draw(st.sampled_from(WINDOWS))
    from_exposure = draw(st.booleans())
    calendar = draw(st.sampled_from([("none", 0), ("month", 0), ("month-of-year", 0), ("none", 50)]))
    return {
        "windows": windows,
        "pre_exposure_days": 0 if from_exposure else draw(st.sampled_from([0, 5])),
        "washout_days": draw(st.sampled_from([0, 4])),
        "overlap": draw(st.sampled_from(["later", "earlier"])),
        "from_exposure": from_exposure,
        "events": draw(st.sampled_from(["first", "every"])),
        "calendar": calendar[0],
        "calendar_days": calendar[1],
        **({"age_bands": [30, 60]} if draw(st.booleans()) else {}),
    }


def told(query: DuckDBQuery, parameters: dict[str, Any], people: list[History], shards: int = 1) -> list[ResultRow]:
    """The rows of the analysis; the exposures are those that the windows name, or all."""
    named = sorted({item["exposure"] for item in parameters["windows"] if "exposure" in item})
    whole = any("exposure" not in item for item in parameters["windows"])
    inputs = {"cohort": "people", "exposures": ["alpha", "beta", "gamma"] if whole else named}
    subject = study({"type": "case_series", "design": "self-controlled", "inputs": inputs, "parameters": parameters})
    return rows_of(query, subject, people, shards=shards)


def cells(rows: list[ResultRow]) -> dict[tuple[str, str, str, str], ResultRow]:
    """By exposure, window, arm and statistic."""
    return {
        (row.row_key["exposure"], row.row_key["window"], row.column_key.get("arm", ""), row.statistic): row
        for row in rows
    }


def ratios(found: Days, exposures: list[str]) -> dict[tuple[str, str], float] | None:
    """Ratios from a model of indicators, made of the cells; None where it has no finite answer. Days of levels without events are gone."""
    levels = {cell: dict(zip(("age", "time", *exposures), cell[1:], strict=True)) for cell in found.length}
    totals: dict[tuple[str, Any], int] = defaultdict(int)
    for cell, named in levels.items():
        for key in named.items():
            totals[key] += found.events[cell]
    kept = [cell for cell, named in levels.items() if all(totals[key] for key in named.items())]
    terms = []
    for name in ("age", "time", *exposures):
        own = sorted({levels[cell][name] for cell in kept}, key=str)
        first = "reference" if name in exposures else max(own, key=lambda level: totals[name, level], default=0)
        terms += [(name, level) for level in own if level != first]
    if not terms or any(("reference" not in {levels[cell][name] for cell in kept}) for name in exposures):
        return None
    x = np.array([[float(levels[cell][name] == level) for name, level in terms] for cell in kept])
    person = np.array([cell[0] for cell in kept])
    size, events = (np.array([float(count[cell]) for cell in kept]) for count in (found.length, found.events))
    try:
        fit = conditional.fit(sets_of(person, x, events, size), [str(term) for term in terms])
    except BadInput:
        return None
    return {term: float(np.exp(beta)) for term, beta in zip(terms, fit.beta, strict=True)}


@settings(max_examples=40, deadline=None)
@given(people=histories(), parameters=asked())
def test_days_events_and_ratios_are_those_of_looking_at_every_day(
    query: DuckDBQuery, people: list[History], parameters: dict[str, Any]
) -> None:
    rows = cells(told(query, parameters, people))
    exposures = list(dict.fromkeys(exposure for exposure, *_ in rows))
    naive = case_days(people, parameters, exposures)
    for (exposure, window, arm, statistic), row in rows.items():
        place = 3 + exposures.index(exposure)
        level = {"window": window, "reference": "reference"}.get(arm)
        mine = [cell for cell in naive.length if level is None or cell[place] == level]
        ill = [cell for cell in mine if naive.events[cell]]
        expected = {
            "person_days": sum(naive.length[cell] for cell in mine),
            "events": sum(naive.events[cell] for cell in ill),
            "cases": len({cell[0] for cell in ill}),
        }
        if arm:
            assert row.value == expected[statistic], (exposure, window, arm, statistic)
            behind = [{cell[0] for cell in (mine if statistic == "person_days" else ill)}]
            if statistic == "person_days" and arm == "reference":  # all days less these are those of the windows
                named = {cell[place] for cell in naive.length} - {"reference"}
                behind += [{cell[0] for cell in naive.length if cell[place] == name} for name in named]
            assert row.n_persons == min(len(persons) for persons in behind)
    expected_ratios = ratios(naive, exposures)
    for (exposure, window, arm, statistic), row in rows.items():
        if not arm and statistic == "ratio" and expected_ratios is not None:
            expected_ratio = expected_ratios.get((exposure, window))
            if row.value is None:
                assert expected_ratio is None or row.rule, (exposure, window)
            else:
                assert row.value == pytest.approx(expected_ratio, rel=1e-6)


@settings(max_examples=8, deadline=None)
@given(people=histories(), parameters=asked())
def test_shards_change_nothing_and_no_row_names_a_person(
    query: DuckDBQuery, people: list[History], parameters: dict[str, Any]
) -> None:
    assume(len(people) > 5)
    one, three = told(query, parameters, people), told(query, parameters, people, shards=3)
    for a, b in zip(one, three, strict=True):
        assert (a.row_key, a.column_key, a.statistic, a.n_persons, a.persons_ref) == (
            b.row_key,
            b.column_key,
            b.statistic,
            b.n_persons,
            b.persons_ref,
        )
        assert a.value == pytest.approx(b.value, rel=1e-9) if a.value is not None else b.value is None


def test_windows_are_called_by_their_days() -> None:
    assert name_of({"days": [0, 0]}) == "day 0"
    assert name_of({"days": [1, 5], "of": "end"}) == "days 1 to 5 after the end"
    assert LAST > FIRST
