# SPDX-License-Identifier: Apache-2.0
"""What a description may tell of days that the sources hold in part: no unit that they do not hold whole, no census beyond them.

Histories are those of ``tests/rule_histories.py``: the period is 2014, data end with 2015.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from rempart.adapters import package_data
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.required import required_columns
from rempart.cohort.sources import analysis_sources
from rempart.errors import BadInput, Refused
from rempart.records.omop import layouts, whole_layouts
from rempart.records.result import ResultRow
from rempart.records.study import Study
from rempart.study.results import results
from tests.rule_histories import Person, day, study_of
from tests.spec.test_usable_intervals import DRUG, STAY, Ends, evidence

DECLARED = pa.table(
    {
        "target_population": ["Everybody"],
        "fraction": pa.array([1.0], pa.float64()),
        "weight": pa.array([None], pa.float64()),
    }
)
CENSUS = {"town": {"source": "a census", "date": "2015-01-01", "rows": [{"persons": 1000}]}}
_PARSED = package_data.toml("records/omop54.toml")
KNOWN = {**layouts(_PARSED), **whole_layouts(_PARSED)}


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session, with what one whole delivery declares."""
    session = DuckDBQuery(threads=1, memory_limit="256MB")
    session.register("delivery", DECLARED)
    yield session
    session.close()


def asked(kind: str, *, cohort: Mapping[str, Any] | None = None, **parameters: Any) -> Study:
    """One description of the users of metformin; ``denominator`` and the like stand among its inputs."""
    inputs = {name: parameters.pop(name) for name in ("outcome", "exposures", "denominator") if name in parameters}
    analysis = {
        "id": "d",
        "type": kind,
        "design": "cohort",
        "inputs": {"cohort": "x", **inputs},
        "parameters": parameters,
    }
    more = {
        "outcomes": {"stay": STAY},
        "exposures": {"metformin": {"domain": "drug", "codes": "metformin"}},
        "populations": CENSUS,
    }
    return study_of({"x": cohort or {"entry": DRUG}}, analyses=[analysis], **more)


def rows(query: DuckDBQuery, study: Study, people: Mapping[int, Person], ends: Ends) -> Sequence[ResultRow]:
    """The result of a shard with these people."""
    return results(study, evidence(query, study, people, ends), run="r")


def told(found: Sequence[ResultRow], statistic: str) -> dict[str, float | None]:
    """Time, or level, → value."""
    key = ("time", "level")
    return {
        next((row.row_key[name] for name in key if name in row.row_key), "all"): row.value
        for row in found
        if row.statistic == statistic
    }


ILL_EACH_MONTH = {
    number: Person(lines=("0 drug metformin", *(f"{day} condition C670 DP" for day in range(20, 365, 30))))
    for number in range(1, 4)
}


@pytest.mark.parametrize(
    ("each", "until", "last"),
    [
        ("month", "2014-06-10", "2014-05"),
        ("month", "2014-06-30", "2014-06"),
        ("quarter", "2014-06-29", "2014-Q1"),
        ("year", "2014-12-30", None),
        ("year", "2014-12-31", "2014"),
    ],
)
def test_a_unit_that_the_sources_hold_in_part_is_not_told(
    query: DuckDBQuery, each: str, until: str, last: str | None
) -> None:
    for source, study in (
        ("mco", asked("prevalence", outcome="stay", each=each)),
        ("dcir", asked("drug_utilisation", each=each)),
    ):
        found = told(rows(query, study, ILL_EACH_MONTH, {source: until}), "persons")
        assert (max(found, default=None), set(found.values()) - {3.0}) == (last, set()), source
        assert max(told(rows(query, study, ILL_EACH_MONTH, {}), "persons")) == max(
            {"month": "2014-12", "quarter": "2014-Q4", "year": "2014"}[each], last or ""
        )


def test_of_the_last_unit_told_every_case_can_be_seen(query: DuckDBQuery) -> None:
    study = asked("prevalence", outcome="stay", each="month")
    share = told(rows(query, study, ILL_EACH_MONTH, {"mco": "2014-06-10"}), "prevalence")
    assert share == {f"2014-{month:02}": 100 for month in range(1, 6)}


def test_residence_is_among_the_sources_of_what_is_told_by_place() -> None:
    cohort = {"entry": {"any": [{"domain": "condition", "codes": "tumour"}]}}
    for by, claims in ((["sex"], False), (["place"], True), (["sex*place"], True)):
        (analysis,) = (study := asked("person_time", cohort=cohort, by=by)).descriptions
        assert ("dcir" in analysis_sources(study, analysis)) is claims


# Rates over a census of 1,000: one stay on 1 April 2014, one on 1 October 2014, one in 2015, after the period.
ILL = {
    1: Person(lines=("0 drug metformin", "90 condition C670 DP")),
    2: Person(lines=("0 drug metformin", "273 condition C670 DP")),
    3: Person(lines=("0 drug metformin", "400 condition C670 DP")),
}
OF_TOWN = {"outcome": "stay", "denominator": "town", "claims": "everybody"}


@pytest.mark.parametrize(
    ("ends", "events", "days"),
    [
        ({}, 2, 365),
        ({"dcir": "2015-12-31", "mco": "2015-06-30"}, 2, 365),
        ({"dcir": "2014-12-31", "mco": "2014-06-30"}, 1, 181),
        ({"dcir": "2014-03-31"}, 0, 90),
    ],
)
def test_a_census_ends_with_the_sources_and_with_the_period(
    query: DuckDBQuery, ends: Ends, events: int, days: int
) -> None:
    found = rows(query, asked("incidence_rate", by=["year"], **OF_TOWN), ILL, ends)
    years = 1000 * days / 365
    for level in ("all", "2014"):
        assert told(found, "events")[level] == events
        assert told(found, "inhabitant_years")[level] == pytest.approx(years)
        assert told(found, "rate")[level] == pytest.approx(1000 * events / years)
    assert set(told(found, "rate")) == {"all", "2014"}


@pytest.mark.parametrize(
    ("ends", "since"), [({"mco": "2013-12-31"}, "2010-01-01"), ({"mco": "2014-12-31"}, "2014-01-02")]
)
def test_a_census_is_not_divided_by_where_the_sources_hold_none_or_not_its_first_days(
    query: DuckDBQuery, monkeypatch: pytest.MonkeyPatch, ends: Ends, since: str
) -> None:
    monkeypatch.setattr("tests.spec.test_usable_intervals.SINCE", since)
    found = rows(query, asked("incidence_rate", **OF_TOWN), ILL, ends)
    own = [row for row in found if row.statistic in {"rate", "rate_lower", "rate_upper", "inhabitant_years"}]
    assert {(row.value, row.rule) for row in own} == {(None, "census-outside-data")}
    year = {"each": "quarter", **OF_TOWN}
    shown = told(rows(query, asked("prevalence", **year), ILL, ends), "prevalence")
    assert list(shown) == ([] if ends["mco"] < "2014" else ["2014-Q2", "2014-Q3", "2014-Q4"])


@pytest.mark.parametrize("kind", ["incidence_rate", "prevalence"])
@pytest.mark.parametrize(
    ("target", "fraction", "code"),
    [
        ("everybody", 1.0, ""),
        ("everybody", 0.5, "rate-of-a-selection"),
        ("everybody", None, "rate-of-a-selection"),
        ("persons with diabetes", 1.0, "rate-of-a-selection"),
        ("", 1.0, "rate-of-a-selection"),
    ],
)
def test_a_selection_never_gives_a_rate_over_a_census(
    query: DuckDBQuery, kind: str, target: str, fraction: float | None, code: str
) -> None:
    study = asked(kind, **OF_TOWN)
    assert required_columns(study, KNOWN)["delivery"] == {"target_population", "fraction", "weight"}
    declared = {"target_population": [target], "fraction": pa.array([fraction], pa.float64())}
    query.register("delivery", pa.table({**declared, "weight": pa.array([None], pa.float64())}))
    try:
        if not code:
            assert rows(query, study, ILL, {})
            return
        with pytest.raises(Refused, match=code):
            rows(query, study, ILL, {})
    finally:
        query.register("delivery", DECLARED)


@pytest.mark.parametrize("kind", ["incidence_rate", "prevalence"])
def test_a_census_without_the_population_that_it_counts_is_told_by_its_field(kind: str) -> None:
    with pytest.raises(BadInput) as caught:
        asked(kind, **{**OF_TOWN, "claims": ""})
    assert caught.value.facts["field"] == "analyses[1].parameters.claims"


def test_a_census_counts_the_days_of_the_protocol_alone() -> None:
    later = {"entry": DRUG, "period": [day(181), day(364)]}
    for cohort in (later, {"entry": {"any": [{"cohort": "y"}]}}, {"of": {"union": ["y", "z"]}}):
        cohorts = {"x": cohort, "y": later, "z": {"entry": DRUG}}
        inputs = {"cohort": "x", "outcome": "stay", "denominator": "town"}
        rate = {"id": "d", "type": "incidence_rate", "design": "cohort", "inputs": inputs}
        more = {"outcomes": {"stay": STAY}, "populations": CENSUS}
        with pytest.raises(BadInput) as caught:
            study_of(cohorts, analyses=[{**rate, "parameters": {"claims": "everybody"}}], **more)
        assert caught.value.facts["field"] == "analyses[1].inputs.denominator"
        study_of(cohorts, analyses=[{**rate, "inputs": {**inputs, "denominator": "observed"}}], **more)
