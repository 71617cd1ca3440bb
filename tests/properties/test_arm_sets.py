# SPDX-License-Identifier: Apache-2.0
"""Behind the cells of a comparison: persons by the fingerprint of their set, the longest times, the places of care of outcomes."""

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import FrameType
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.package_data import toml
from rempart.cohort.parts import columns_of, study_parts
from rempart.disclosure.check import check
from rempart.journeys.shard_evidence import computed
from rempart.records.result import ResultRow
from rempart.records.study import Study, study_from_dict
from rempart.study import evidence_sets
from rempart.study.evidence import Evidence, empty, merge, schema_of
from rempart.study.evidence_parts import by_part
from rempart.study.poisson import DAYS_IN_YEAR
from rempart.study.results import results
from rempart.study.tallies import COUNTS
from tests.properties.study_histories import (
    COMPARATOR,
    CUT,
    TARGET,
    Person,
    Rules,
    day,
    entry,
    follow,
    intervals,
    pattern,
    study,
    tables,
)
from tests.properties.test_study_oracle import persons, rules

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
OTHERS = ("attrition", "table_one", "incidence_rate", "kaplan_meier")
People = Mapping[int, Person]


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all examples."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def asked(how: Rules, *, establishments: bool = False) -> Study:
    """The study of those rules with every kind of table."""
    body = study(how).as_dict()
    (cox,) = body["analyses"]
    for kind in OTHERS:
        parameters: dict[str, Any] = {"grid_days": 5} if kind == "kaplan_meier" else {}
        parameters |= {"establishments": True} if establishments and kind == "incidence_rate" else {}
        inputs = {**cox["inputs"], "covariates": ["sex"]} if kind == "table_one" else _without(cox["inputs"])
        body["analyses"].append({**cox, "id": kind, "type": kind, "inputs": inputs, "parameters": parameters})
    return study_from_dict(body)


def _without(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in inputs.items() if key != "covariates"}


def answered(query: DuckDBQuery, subject: Study, how: Rules, people: People) -> Evidence:
    """One shard's evidence; every stay is in the place of its first day."""
    parts = study_parts(subject, cut=day(CUT))
    read = columns_of(parts)
    found = tables(people)
    visits = found["visit_occurrence"]
    places = pa.array([f"place {at}" for at in visits["visit_start_date"].to_pylist()], pa.string())
    found["visit_occurrence"] = visits.append_column("care_site_source_value", places)
    for name, table in found.items():
        query.register(name, table.select(["person_id", *sorted(read.get(name, ()))]))
    query.register("usable_interval", intervals(how))
    return computed(query, parts)


def printed(people: Iterable[int]) -> str:
    """The name of a person set, from the definition: each half of the MD5 of the numbers, summed."""
    digests = [hashlib.md5(str(number).encode(), usedforsecurity=False).digest() for number in people]
    first, last = (sum(int.from_bytes(half, "little") for half in halves) % 2**64 for halves in
                   ([digest[:8] for digest in digests], [digest[8:] for digest in digests]))  # fmt: skip
    return f"print:{last:016x}{first:016x}" if digests else ""


def members(people: People, how: Rules) -> dict[int, tuple[str, int, str, int, int, int]]:
    """Person → arm, steps passed, pattern, status, days at risk, time zero; the pattern is '' for those not at risk."""
    found = {}
    for number, person in people.items():
        entered = entry(person, how)
        if entered is None:
            continue
        zero, arm, tests = entered
        passed = 1 + next((at for at, test in enumerate(tests) if not test), len(tests))
        found[number] = (arm, passed, "", 0, 0, zero)
        if all(tests):
            leaving, status = follow(person, how, zero, arm)
            if leaving > how.lag:
                found[number] = (arm, passed + 1, pattern(person, how, zero), status, leaving - how.lag, zero)
    return found


@QUICK
@given(st.lists(persons(), min_size=5, max_size=25), rules())
def test_every_count_of_a_comparison_names_its_persons(query: DuckDBQuery, people: list[Person], how: Rules) -> None:
    population = dict(enumerate(people))
    subject = asked(how)
    rows = results(subject, answered(query, subject, how, population), run="r")
    told = members(population, how)
    last = max(int(row.row_key["step"][:2]) for row in rows if row.output == "attrition")

    def those(arm: str, chosen: Callable[[tuple[str, int, str, int, int, int]], bool]) -> str:
        return printed(number for number, one in told.items() if arm in ("all", one[0]) and chosen(one))

    for row in rows:
        arm = row.column_key.get("arm", "")
        if row.output == "attrition":
            step = int(row.row_key["step"][:2])
            assert row.persons_ref == those(arm, lambda one, step=step: one[1] >= step)  # type: ignore[misc]
        elif row.statistic in {"persons", "person_years"}:
            assert row.persons_ref == those(arm, lambda one: one[1] == last)
        elif row.output in {"incidence", "hazard_ratio"} and arm and row.statistic == "events":
            assert row.persons_ref == those(arm, lambda one: one[1] == last and one[3] == 1)
        elif row.output == "table_one" and row.row_key["variable"] == "sex":
            level = row.row_key["level"]
            assert row.persons_ref == those(arm, lambda one, level=level: one[2].split("|")[-1] == level)  # type: ignore[misc]
        if row.statistic == "person_years":
            longest = sorted(
                (one[4] for one in told.values() if one[1] == last and arm in ("all", one[0])), reverse=True
            )
            first, second = [*longest, 0, 0][:2]
            behind = (row.top1, row.top2, row.total_abs)
            assert behind == pytest.approx(tuple(n / DAYS_IN_YEAR for n in (first, second, sum(longest))))


def user(code: str, *, tumour: int | None = None, stays: tuple[tuple[int, int], ...] = ()) -> Person:
    """Somebody who begins one of the drugs on day 12."""
    diagnoses = () if tumour is None else ((tumour, "C670", "DP"),)
    return Person(drugs=((12, code, 20),), diagnoses=diagnoses, stays=stays)


def one(rows: tuple[ResultRow, ...], output: str, statistic: str, arm: str, **keys: str) -> ResultRow:
    (found,) = [
        row
        for row in rows
        if (row.output, row.statistic, row.column_key.get("arm")) == (output, statistic, arm)
        and keys.items() <= dict(row.row_key).items()
    ]
    return found


def test_places_of_care_are_those_of_the_days_of_outcomes(query: DuckDBQuery) -> None:
    """Two were in one place on that day, one in another; a stay before the outcome and one without an outcome count for nothing."""
    people = {
        1: user(TARGET, tumour=20, stays=((20, 22),)),
        2: user(TARGET, tumour=21, stays=((20, 22),)),
        3: user(TARGET, tumour=30, stays=((29, 31), (14, 15))),
        4: user(TARGET, stays=((17, 18),)),
        5: user(COMPARATOR, tumour=25, stays=((24, 25),)),
    }
    for wanted, expected in ((True, [2, 1, 3]), (False, [None] * 3)):
        subject = asked(Rules(), establishments=wanted)
        rows = results(subject, answered(query, subject, Rules(), people), run="r")
        seen = [one(rows, "incidence", "events", arm).n_establishments for arm in ("target", "comparator", "all")]
        assert seen == expected
        assert one(rows, "incidence", "persons", "target").n_establishments is None
        ratios = {row.n_establishments for row in rows if row.output == "hazard_ratio" and row.statistic == "events"}
        assert ratios == set(expected[:2])
        days = {row.row_key["day"]: row.n_establishments for row in rows
                if row.output == "survival" and row.statistic == "survival" and row.column_key["arm"] == "target"}  # fmt: skip
        assert set(days.values()) == ({0, 1, 2} if wanted else {None})


def test_places_asked_for_by_one_analysis_hide_the_same_outcomes_in_every_table(query: DuckDBQuery) -> None:
    """Forty outcomes in one hospital: the rate alone asks, and neither the ratio nor the curve beside it tells their number."""
    people = {number: user(TARGET, tumour=20, stays=((20, 22),)) for number in range(40)}
    people |= {number: user(code) for number in range(100, 160) for code in [TARGET if number % 2 else COMPARATOR]}
    subject = asked(Rules(), establishments=True)
    assert [item.type for item in subject.analyses if item.establishments] == ["incidence_rate"]
    rows = results(subject, answered(query, subject, Rules(), people), run="r")
    tables = check(rows, toml("disclosure/rules.toml"))
    told = [
        row for table in tables for row in table.rows if row.statistic == "events" and row.column_key["arm"] == "target"
    ]
    assert {row.output for row in told} == {"incidence", "hazard_ratio", "survival"}
    assert 40 not in [row.value for row in told]


def test_evidence_of_sets_grows_with_levels_and_not_with_patterns(query: DuckDBQuery) -> None:
    """A hundred persons of nearly as many patterns: one row for each level of an arm, whoever shares the others."""
    how = Rules(bands=tuple(range(5, 95, 5)), history=(-12, -1))
    people = {
        number: replace(
            user((TARGET, COMPARATOR)[number % 2]),
            born=2015 - number,
            sex=8532 if number % 3 else 8507,
            diagnoses=((5, "C670", "DP"),) if number % 5 == 0 else (),
        )
        for number in range(100)
    }
    subject = asked(how)
    found = answered(query, subject, how, people)
    patterns = {(one[0], one[2]) for one in members(people, how).values()}
    levels = {(arm, at, level) for arm, text in patterns for at, level in enumerate(text.split("|")) if text}
    rows = Counter(row["part"] for row in found["tallies"].to_pylist())
    assert len(patterns) > 80
    assert rows == {
        "members": len({one[:2] + one[3:4] for one in members(people, how).values()}),
        "levels": len(levels),
    }


def places(of: list[tuple[str, int, int]]) -> Evidence:
    """Evidence of a frame ``f`` that holds one person with an outcome for each (arm, day, place)."""
    keys = [f'{{"arm":"{arm}","day":"{on}","facility":"{place}"}}' for arm, on, place in of]
    same = {name: pa.array([1] * len(of), pa.int64()) for name in COUNTS}
    told = {"analysis": ["frame:f"] * len(of), "part": ["facilities"] * len(of), "key": keys, **same}
    return {**empty(), "tallies": pa.table(told, schema=schema_of("tallies"))}


def lines_run(act: Callable[[], object]) -> int:
    """How many lines of Python the sets of persons take: each turn of a loop counts."""
    seen = 0

    def line(frame: FrameType, event: str, _: object) -> Any:
        nonlocal seen
        seen += event == "line"
        return line

    def call(frame: FrameType, event: str, _: object) -> Any:
        return line if frame.f_code.co_filename == evidence_sets.__file__ else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        act()
    finally:
        sys.settrace(before)
    return seen


@given(
    st.lists(st.tuples(st.sampled_from(["target", "comparator"]), st.integers(1, 40), st.integers(0, 9)), max_size=40)
)
def test_places_up_to_a_day_are_those_seen_by_then(of: list[tuple[str, int, int]]) -> None:
    found = evidence_sets.arm_sets(places(sorted(set(of))), "f", asked=True)
    for arm in ("all", "target", "comparator"):
        mine = [(on, place) for who, on, place in of if arm in ("all", who)]
        assert found.establishments(arm) == len({place for _, place in mine})
        assert [found.establishments(arm, until) for until in range(42)] == [
            len({place for on, place in mine if on <= until}) for until in range(42)
        ]


def test_a_curve_of_days_looks_at_no_place_twice() -> None:
    """The work in Python is that of the grid, however many places there are."""

    def work(number: int) -> int:
        evidence = places([("target", 1 + at % 90, at) for at in range(number)])

        def curve() -> None:
            found = evidence_sets.arm_sets(evidence, "f", asked=True)
            assert [found.establishments("all", on) for on in range(100)][-1] == number

        return lines_run(curve)

    assert work(1000) == work(10)


def test_counts_of_few_places_are_not_shown(query: DuckDBQuery) -> None:
    """Thirty outcomes in one hospital, thirty in as many."""
    people = {number: user(TARGET, tumour=20, stays=((20, 22),)) for number in range(30)}
    people |= {
        number: user(COMPARATOR, tumour=13 + number % 30, stays=((13 + number % 30, 50),)) for number in range(30, 60)
    }
    people |= {number: user(code) for number in range(100, 160) for code in [TARGET if number % 2 else COMPARATOR]}
    for wanted in (False, True):
        subject = asked(Rules(), establishments=wanted)
        rows = results(subject, answered(query, subject, Rules(), people), run="r")
        (table,) = [found for found in check(rows, toml("disclosure/rules.toml")) if found.output == "incidence"]
        shown = {(item.column_key["arm"], item.statistic): item.value for item in table.rows}
        assert (shown["target", "events"] is None, shown["target", "rate"] is None) == (wanted, wanted)


def test_the_sets_of_a_frame_belong_to_its_part_and_add_up(query: DuckDBQuery) -> None:
    people = {number: user(TARGET if number % 2 else COMPARATOR, tumour=20) for number in range(12)}
    subject = asked(Rules())
    names = [part.name for part in study_parts(subject, cut=day(CUT))]
    whole = answered(query, subject, Rules(), people)
    halves = [
        answered(query, subject, Rules(), {n: p for n, p in people.items() if n % 3 == rest}) for rest in range(3)
    ]
    assert whole["tallies"].num_rows and merge(halves)["tallies"].equals(whole["tallies"])
    found = by_part(whole, names)
    assert set(found) == set(names)
    assert merge(list(found.values()))["tallies"].equals(whole["tallies"])


def test_evidence_without_sets_still_gives_names(query: DuckDBQuery) -> None:
    """As runs of before kept it."""
    people = {1: user(TARGET, tumour=20), 2: user(COMPARATOR)}
    subject = asked(Rules())
    before = {**answered(query, subject, Rules(), people)}
    before["tallies"] = before["tallies"].slice(0, 0)
    rows = results(subject, before, run="r")
    assert one(rows, "incidence", "persons", "target").persons_ref == "persons/target"
