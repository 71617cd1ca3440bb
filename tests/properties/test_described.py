# SPDX-License-Identifier: Apache-2.0
"""Descriptions of random cohorts are what day-by-day counting in memory says, however persons are cut into shards and in whatever order."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.records.describing import BANDS, level_name
from rempart.records.result import ResultRow
from rempart.study.describe_cells import together
from rempart.study.describe_paths import first_lines, folded
from rempart.study.describe_persons import quantiles
from rempart.study.poisson import DAYS_IN_YEAR
from rempart.study.tallies import Tally
from tests.described_people import DAY, Day, Person, people, rows_of, study
from tests.naive_describe import Level, age_band, at_risk, end_reason, path, prevalence, use

FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=150, deadline=None)
BY = ["age", "sex", "place", "year", "quarter", "age*sex", "age*year"]
SEEDS = st.integers(0, 2**32)


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all examples."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


Cells = dict[tuple[Level, str], float | None]


def cells(rows: tuple[ResultRow, ...], output: str) -> Cells:
    """((time, variable, levels…), statistic) → value of one output."""
    found: Cells = {}
    for row in rows:
        if row.output == output:
            time = [row.row_key["time"]] if "time" in row.row_key else []
            shown = row.row_key["level"].split(" / ") if row.row_key["variable"] != "all" else []
            found[((*time, row.row_key["variable"], *shown), row.statistic)] = row.value
    return found


def only(found: Cells, statistic: str) -> dict[Level, float | None]:
    """One statistic."""
    return {cell: value for (cell, name), value in found.items() if name == statistic}


def near(found: Mapping[Level, float | None], expected: Mapping[Level, float]) -> bool:
    """The same cells, and the same values but for the last digits."""
    return set(found) == set(expected) and all(abs((found[c] or 0.0) - v) < 1e-9 for c, v in expected.items())


@FEW
@given(seed=SEEDS, every=st.booleans(), bands=st.sampled_from([(18, 40, 65), (50,)]))
def test_rates_are_days_and_events_counted_one_by_one(
    query: DuckDBQuery, seed: int, every: bool, bands: tuple[int, ...]
) -> None:
    chosen = {"by": [*BY[:4], *BY[5:]], "bands": bands, "events": "every" if every else "first"}
    subject = study({"id": "r", "type": "incidence_rate", "inputs": {"cohort": "people"}, "parameters": chosen})
    persons = people(seed, 12)
    time, events = at_risk(persons, subject.descriptions[0], {p.number: p.events for p in persons})
    found = cells(rows_of(query, subject, persons), "incidence_by")
    assert only(found, "persons") == {cell: n for cell, (n, _) in time.items()} or not time
    assert near(
        only(found, "person_years"), {cell: days / DAYS_IN_YEAR for cell, (_, days) in time.items()} or {("all",): 0}
    )
    assert {cell: n for cell, n in only(found, "events").items() if n} == {cell: n for cell, (_, n) in events.items()}


@FEW
@given(seed=SEEDS)
def test_every_day_at_risk_lies_in_one_cell_of_the_lexis_table(query: DuckDBQuery, seed: int) -> None:
    asked = {
        "id": "t",
        "type": "person_time",
        "inputs": {"cohort": "people"},
        "parameters": {"by": ["age*year", "month"]},
    }
    persons = people(seed, 12)
    whole = sum((end - start).days for p in persons for start, end in p.cohort)
    found = only(cells(rows_of(query, study(asked), persons), "person_time"), "person_years")
    for variable in ("all", "age*year", "month"):
        days = [round((value or 0) * DAYS_IN_YEAR, 6) for cell, value in found.items() if cell[0] == variable]
        assert sum(days) == pytest.approx(whole, abs=1e-6)
    ages = {cell[1:]: value for cell, value in found.items() if cell[0] == "age*year"}
    assert near(ages, {c[1:]: d / DAYS_IN_YEAR for c, d in _lexis(persons).items()})


def _lexis(persons: list[Person]) -> Counter[Level]:
    found: Counter[Level] = Counter()
    for person in persons:
        for start, end in person.cohort:
            for number in range(1, (end - start).days + 1):
                day = start + number * DAY
                found["age*year", age_band(person, day, BANDS), str(day.year)] += 1
    return found


@FEW
@given(
    seed=SEEDS, kind=st.sampled_from(["points", "year", "quarter"]), back=st.sampled_from([0, 90]), rule=st.booleans()
)
def test_prevalence_is_a_count_of_who_is_there_and_ill(
    query: DuckDBQuery, seed: int, kind: str, back: int, rule: bool
) -> None:
    time: dict[str, Any] = {"points": [Day(2015, 1, 1), Day(2016, 6, 1)]} if kind == "points" else {"each": kind}
    inputs = {"cohort": "people", "outcome": "others" if rule else "illness"}
    chosen = {"by": ["age", "place", "age*sex"], "bands": [40], "lookback_days": 0 if rule else back, **time}
    subject = study({"id": "p", "type": "prevalence", "inputs": inputs, "parameters": chosen})
    persons = people(seed, 12)
    ill = {p.number: p.other if rule else [(day, day) for day in p.events] for p in persons}
    expected = prevalence(persons, subject.descriptions[0], ill)
    found = cells(rows_of(query, subject, persons), "prevalence")
    assert only(found, "persons") == {cell: n for cell, (n, _) in expected.items()}
    assert only(found, "cases") == {cell: n for cell, (_, n) in expected.items()}


@FEW
@given(seed=SEEDS, each=st.sampled_from(["year", "quarter"]), washout=st.sampled_from([30, 200]))
def test_use_of_drugs_is_counted_from_dispensings(query: DuckDBQuery, seed: int, each: str, washout: int) -> None:
    chosen = {"by": ["sex", "place"], "each": each, "washout_days": washout}
    inputs = {"cohort": "people", "exposures": ["alpha"]}
    subject = study({"id": "u", "type": "drug_utilisation", "inputs": inputs, "parameters": chosen})
    persons = people(seed, 12)
    expected = use(persons, subject.descriptions[0])
    found = cells(rows_of(query, subject, persons), "drug_use")
    for at, name in enumerate(("persons", "users", "new_users", "dispensings", "packs")):
        assert only(found, name) == {cell: counts[at] for cell, counts in expected.items()}, name


@FEW
@given(seed=SEEDS, steps=st.integers(1, 5), days=st.sampled_from([0, 200]))
def test_every_person_of_the_cohort_takes_one_path(query: DuckDBQuery, seed: int, steps: int, days: int) -> None:
    chosen = {"steps": steps, "days": days, "least": 1}
    subject = study({"id": "w", "type": "pathways", "inputs": {"cohort": "people"}, "parameters": chosen})
    persons = people(seed, 15)
    expected = Counter(found for p in persons if (found := path(p, subject.descriptions[0])) is not None)
    found = only(cells(rows_of(query, subject, persons), "pathways"), "n")
    assert {cell[1]: n for cell, n in found.items() if cell[0] == "path"} == dict(expected)
    firsts: Counter[str] = Counter()
    for name, n in expected.items():
        firsts[name.split(" → ")[0]] += n
    assert {cell[1]: n for cell, n in found.items() if cell[0] == "first"} == dict(firsts)


@FEW
@given(seed=SEEDS)
def test_follow_up_ends_for_the_first_reason_that_holds(query: DuckDBQuery, seed: int) -> None:
    persons = people(seed, 15)
    them = [p for p in persons if p.cohort]
    rows = rows_of(query, study({"id": "f", "type": "follow_up", "inputs": {"cohort": "people"}}), persons)
    found = only(cells(rows, "follow_up_reasons"), "n")
    assert {cell[1]: n for cell, n in found.items() if cell[0] == "reason"} == Counter(map(end_reason, them))
    days = sorted((min(p.cohort)[1] - min(p.cohort)[0]).days for p in them)
    shown = {row.statistic: row.value for row in rows if row.output == "follow_up"}
    if days:
        assert shown["p50"] == days[(len(days) - 1) // 2]
        assert shown["p95"] == days[-(-95 * len(days) // 100) - 1]
    curve = [row for row in rows if row.output == "follow_up_curve" and row.statistic == "at_risk"]
    assert [row.value for row in curve] == [sum(d > int(row.row_key["day"]) for d in days) for row in curve]


AGES = [30, 60]  # as table one has them: a study cuts age in one way
ALL = (
    {"id": "att", "type": "attrition", "inputs": {"cohort": "people"}},
    {"id": "one", "type": "table_one", "inputs": {"cohorts": ["people", "others"]}},
    {"id": "rate", "type": "incidence_rate", "inputs": {"cohort": "people", "standard": "france2017"},
     "parameters": {"by": BY, "weighted": True, "claims": "Everybody", "bands": AGES}},
    {"id": "rule", "type": "incidence_rate", "inputs": {"cohort": "people", "outcome": "others"}, "parameters": {"events": "every"}},
    {"id": "point", "type": "prevalence", "inputs": {"cohort": "people"}, "parameters": {"points": ["2015-01-01"]}},
    {"id": "use", "type": "drug_utilisation", "inputs": {"cohort": "people", "exposures": ["beta"]}},
    {"id": "paths", "type": "pathways", "inputs": {"cohort": "people"}, "parameters": {"least": 3}},
    {"id": "fu", "type": "follow_up", "inputs": {"cohort": "people"}},
    {"id": "lexis", "type": "person_time", "inputs": {"cohort": "people"}, "parameters": {"bands": AGES}},
)  # fmt: skip


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=SEEDS, shards=st.sampled_from([2, 3, 7]))
def test_rows_and_person_sets_are_the_same_for_every_number_of_shards(
    query: DuckDBQuery, seed: int, shards: int
) -> None:
    persons, more = people(seed, 25), {"deliveries": [("everybody ", 0.5, None)]}
    whole = rows_of(query, study(*ALL), persons, **more)
    assert rows_of(query, study(*ALL), persons, shards=shards, order=lambda n: -n, **more) == whole
    assert study(*ALL).as_dict() == study(*study(*ALL).as_dict()["analyses"]).as_dict()


@FEW
@given(seed=SEEDS)
def test_one_person_set_has_one_name_in_every_output_and_one_size(query: DuckDBQuery, seed: int) -> None:
    rows = rows_of(query, study(*ALL), people(seed, 25), deliveries=[("everybody", 0.5, None)])
    sizes: dict[str, set[int | None]] = {}
    for row in rows:
        if row.persons_ref and row.n_persons:
            sizes.setdefault(row.persons_ref, set()).add(row.n_persons)
    assert all(len(found) == 1 for found in sizes.values())
    last = [row for row in rows if row.output == "attrition"][-1]
    first = next(row for row in rows if row.output == "table_one" and row.row_key["variable"] == "all")
    assert (last.persons_ref, last.value) == (first.persons_ref, first.value)


STEP = st.sampled_from("abc")
PATHS = st.dictionaries(
    st.lists(STEP, min_size=1, max_size=4).map(" → ".join), st.integers(1, 20), min_size=1, max_size=14
)


@MANY
@given(paths=PATHS, least=st.integers(1, 25))
def test_folding_keeps_every_person_and_leaves_no_rare_path(paths: dict[str, int], least: int) -> None:
    told = {name: _tally(at, n) for at, (name, n) in enumerate(sorted(paths.items()))}
    groups, rest = first_lines(told, least)
    kept = [folded(group, least) for group in groups.values()]
    assert sum(c.persons for group in kept for c in group.values()) + sum(c.persons for c in rest.values()) == sum(
        paths.values()
    )
    assert all(cell.persons >= least for group in kept for cell in group.values())
    assert all(sum(c.persons for c in folded(g, least).values()) >= least for g in groups.values())
    assert not rest or not groups or sum(cell.persons for cell in rest.values()) >= least
    everybody = together([*(c for group in kept for c in group.values()), *rest.values()])
    assert everybody.fingerprint == together(told.values()).fingerprint


def _tally(at: int, n: int) -> Tally:
    return Tally(key={}, n=n, total=0, squares=0, persons=n, print_a=7**at, print_b=11**at, top1=0, top2=0)


@MANY
@given(st.dictionaries(st.integers(0, 40), st.integers(1, 9), max_size=12))
def test_quantiles_of_a_histogram_are_those_of_the_sorted_values(histogram: dict[int, int]) -> None:
    values = sorted(value for value, n in histogram.items() for _ in range(n))
    for name, value, side in quantiles(list(histogram.items())):
        q = int(name[1:])
        assert value == (values[max(0, -(-q * len(values) // 100) - 1)] if values else None)
        assert side == (max(1, min(q, 100 - q) * len(values) // 100) if values else 0)


def test_levels_are_named_in_the_order_of_their_variable() -> None:
    assert level_name({"sex": "female", "age": "0-9"}, "age*sex") == "0-9 / female"
