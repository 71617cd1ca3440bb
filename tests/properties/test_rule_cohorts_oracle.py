# SPDX-License-Identifier: Apache-2.0
"""Random rule cohorts on random histories: the engine makes what a naive interpreter of the study file's words makes, however cut."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.records.study import study_from_dict
from tests.naive_rules import Naive
from tests.rule_histories import FIRST, LAST, Person, Record, answer, answers, study_of

QUICK = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to make an example smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
DAYS = st.sampled_from([-20, -5, 0, 1, 5, 10, 12, 20, 30, 31, 40]) | st.integers(-40, 60)
CODES = {
    "condition": ("E110", "E119", "I10", "C670", "C679"),
    "drug": ("metformin", "insulin", "statin"),
    "procedure": ("JDFA001", "JDFA002", "QZ"),
    "visit": ("inpatient", "outpatient"),
    "residence": ("75101", "2A", "75"),
}
LISTS = {"condition": ("diabetes", "pressure", "tumour"), "drug": ("metformin", "insulin"), "procedure": ("act",)}


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A record among few days, codes and visits, so that they collide."""
    kind = draw(st.sampled_from([*CODES, "condition", "drug"]))
    first = draw(DAYS)
    spans = kind in {"visit", "residence"} or draw(st.booleans())
    return Record(
        kind=kind,
        first=first,
        last=first + (draw(st.integers(0, 15)) if spans and kind != "procedure" else 0),
        code=draw(st.sampled_from(CODES[kind])),
        status=draw(st.sampled_from(["DP", "DP", "DAS", "ALD"])),
        visit=draw(_visits(kind)),
        quantity=draw(st.integers(1, 3)),
    )


def _visits(kind: str) -> st.SearchStrategy[int | None]:
    """The number of the visit that a record is of; where somebody lives is of none."""
    if kind == "residence":
        return st.none()
    return st.integers(1, 3) if kind == "visit" else st.none() | st.integers(1, 3)


@st.composite
def persons(draw: st.DrawFn) -> Person:
    """One person; a visit's number is used once."""
    start = draw(st.sampled_from([-1000, -1000, -10, 5]))
    observed = [(start, start + draw(st.sampled_from([1500, 1100, 45])))]
    if draw(st.integers(0, 4)) == 0:
        observed.append((observed[0][1] + 3, observed[0][1] + 400))
    seen: dict[int, Record] = {}
    others = []
    for record in draw(st.lists(records(), max_size=9)):
        if record.kind == "visit" and record.visit is not None:
            seen[record.visit] = record
        else:
            others.append(record)
    return Person(
        observed=tuple(observed),
        more=(*others, *seen.values()),
        born=draw(st.sampled_from([None, 1950, 1954, 2000])),
        sex=draw(st.sampled_from([8507, 8532, 0])),
        death=draw(st.none() | st.none() | st.integers(0, 60)),
    )


@st.composite
def events(draw: st.DrawFn, *, known: int = -1) -> dict[str, Any]:
    """An event of any domain; nights only where they are known: ``known`` days later, at most."""
    domain = draw(st.sampled_from([*LISTS, "condition", "drug", "visit", "residence"]))
    event: dict[str, Any] = {"domain": domain}
    if domain in LISTS:
        event["codes"] = draw(st.sampled_from(LISTS[domain]))
        if draw(st.integers(0, 3)) == 0:
            event["setting"] = [draw(st.sampled_from(["inpatient", "outpatient"]))]
    if domain == "condition" and draw(st.booleans()):
        event["status"] = ["DP"]
    if domain == "drug" and draw(st.integers(0, 2)) == 0:
        event["where"] = {"quantity": draw(st.sampled_from([">= 2", "= 1", "< 3"]))}
    if domain == "visit" and known >= 2 and draw(st.integers(0, 1)) == 0:
        event["where"] = {"nights": draw(st.sampled_from([">= 2", *(["<= 5"] if known >= 5 else [])]))}
    if domain == "residence":
        event["place"] = [draw(st.sampled_from(["75", "2A", "75101"]))]
    return event


@st.composite
def demands(draw: st.DrawFn, *, until: int = 0, depth: int = 0) -> dict[str, Any]:
    """A demand that reads nothing after day ``until``, or a group of such."""
    if depth < 2 and draw(st.integers(0, 3)) == 0:
        items = draw(st.lists(demands(until=until, depth=depth + 1), min_size=1, max_size=3))
        kind = draw(st.sampled_from(["all", "any", "at_least", "at_most"]))
        fewest, most = kind == "at_least", len(items) - (kind == "at_most")
        numbered = {"number": draw(st.integers(fewest, most))} if kind.startswith("at_") else {}
        return {kind: items, **numbered}
    last = draw(st.integers(-8, 0)) if until <= 0 else draw(st.integers(-2, until))
    rule = {**draw(events(known=until - last)), "days": [draw(st.integers(-30, last)), last]}
    rule["count"] = draw(st.sampled_from([">= 1", ">= 1", "= 0", ">= 2", "<= 1", "> 1", "= 1", "< 1"]))
    rule["distinct"] = draw(st.sampled_from(["record", "record", "day", "code", "visit"]))
    if draw(st.integers(0, 3)) == 0:
        rule["overlap"] = True
    if draw(st.integers(0, 5)) == 0 and rule["domain"] != "residence":
        rule["same_visit"] = True
    elif draw(st.integers(0, 4)) == 0:
        end = draw(st.integers(-5, 0))
        rule["relative_to"] = {"event": {**draw(events()), "days": [end - draw(st.integers(0, 20)), end]}}
    return rule


@st.composite
def cohorts(draw: st.DrawFn, *, bridge: int = 7) -> dict[str, Any]:
    """A cohort with rules of every kind; gaps of less than ``bridge`` days are bridged."""
    asked: dict[str, Any] = {
        "entry": {
            "any": draw(st.lists(events(), min_size=1, max_size=2)),
            "limit": draw(st.sampled_from(["first", "every", "every", {"nth": 2}])),
        },
        "prior_observation_days": draw(st.sampled_from([0, 0, 6])),
        "washout_days": draw(st.sampled_from([0, 0, 10])),
        "collapse_days": draw(st.sampled_from([0, 0, 1, bridge])),
        "include": draw(st.lists(demands(), max_size=2)),
        "exclude": draw(st.lists(demands(), max_size=1)),
    }
    if draw(st.integers(0, 3)) == 0:
        asked |= {"age": [18, 60], "sex": ["male"], "place": draw(st.sampled_from([["75"], ["75101", "2A"]]))}
    way: dict[str, Any] = {"death": True} if draw(st.booleans()) else {}
    way |= (
        {"days": draw(st.integers(13, 60)), "of": draw(st.sampled_from(["start", "end"]))}
        if draw(st.booleans())
        else {}
    )
    way |= {"event": draw(st.lists(events(), min_size=1, max_size=2))} if draw(st.booleans()) else {}
    asked["exit"] = way or "observation"
    further = draw(st.integers(0, 5))
    if further == 0:
        asked |= {"landmark_days": 12, "include": [*asked["include"], draw(demands(until=12))]}
    elif further == 1:
        counts = st.sampled_from(["record", "day", "code", "visit"])
        varying = {"days": [0, 20], "count": draw(st.sampled_from([">= 1", ">= 2"])), "time_varying": True}
        several = [{**draw(events()), **varying, "distinct": draw(counts)} for _ in range(draw(st.integers(1, 2)))]
        asked |= {"include": [*asked["include"], *several], **draw(st.sampled_from([{}, {"landmark_days": 12}]))}
    elif further == 2:
        asked["entry"]["limit"], asked["landmark"] = "last", "period_end"
    return asked


STUDIES = st.fixed_dictionaries(
    {
        "x": cohorts(bridge=1),
        "y": cohorts(bridge=1),
        "u": st.fixed_dictionaries(
            {"of": st.sampled_from([{"union": ["x", "y"]}, {"intersection": ["x", "y"]}, {"difference": ["x", "y"]}])}
        ),
        "z": st.builds(lambda asked: {**asked, "entry": {"any": [{"cohort": "u"}], "limit": "every"}}, cohorts()),
    }
)


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all examples."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


@QUICK
@given(st.lists(persons(), min_size=10, max_size=30), STUDIES, st.sampled_from(["date", "month"]))
def test_the_engine_makes_what_the_words_say(
    query: DuckDBQuery, people: list[Person], asked: dict[str, Any], dated: str
) -> None:
    population, study = dict(enumerate(people)), study_of(asked, death=dated)
    assert study_from_dict(study.as_dict()) == study
    for name, found in answers(query, study, population, list(asked)).items():
        naive = {number: Naive(person, asked, dated) for number, person in population.items()}
        assert found.rows == sorted((n, *span) for n, one in naive.items() for span in one.periods(name)), name
        if "of" not in asked[name]:
            assert found.reached == {n: step for n, one in naive.items() if (step := one.step(name))}, name
            assert found.attrition == [
                sum(1 for last in found.reached.values() if last >= step) for step in range(1, len(found.steps) + 1)
            ]


@settings(parent=QUICK, max_examples=3)
@given(st.lists(persons(), min_size=3, max_size=12), STUDIES, st.data())
def test_any_cut_into_shards_and_any_numbers_make_the_same_cohorts(
    query: DuckDBQuery, people: list[Person], asked: dict[str, Any], data: st.DataObject
) -> None:
    study, population = study_of(asked), dict(enumerate(people))
    renamed = data.draw(st.permutations(range(100, 100 + len(people))))
    whole = answers(query, study, population, list(asked))
    cut = [{n: p for n, p in population.items() if n % 3 == part} for part in range(3)]
    shards = [answers(query, study, persons, list(asked)) for persons in cut]
    other = answers(query, study, {renamed[n]: person for n, person in reversed(population.items())}, list(asked))
    for name, found in whole.items():
        assert sorted(row for shard in shards for row in shard[name].rows) == found.rows
        counts = [sum(column) for column in zip(*(shard[name].attrition for shard in shards), strict=True)]
        assert counts == found.attrition
        assert sorted((renamed[n], *span) for n, *span in found.rows) == other[name].rows


def test_the_oracle_is_not_empty(query: DuckDBQuery) -> None:
    asked = {"x": {"entry": {"any": [{"domain": "condition", "codes": "diabetes"}]}, "exit": {"days": 9}}}
    person = Person(lines=("5 condition E110 DP",))
    assert FIRST < 5 < LAST
    assert answer(query, study_of(asked), {3: person}).rows == [(3, 5, 14)]
    assert Naive(person, asked).periods("x") == [(5, 14)]
    assert Naive(person, asked).step("x") == 2
