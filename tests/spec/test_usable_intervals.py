# SPDX-License-Identifier: Apache-2.0
"""Follow-up ends with the earliest usable interval among the sources used: tables of persons, dates and ends that can be checked by hand.

Everything runs as in a worker: the study's parts, on tables as a project has them and the intervals of its manifest.
"""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.package_data import toml
from rempart.cohort.parts import columns_of, study_parts
from rempart.cohort.required import required_columns
from rempart.cohort.sources import analysis_sources, cohort_sources
from rempart.journeys.shard_evidence import computed
from rempart.journeys.usable import usable_fact, usable_table
from rempart.permits.check_study import check_study
from rempart.records.omop import layouts
from rempart.records.permit import permit_from_dict
from rempart.records.study import Study, study_from_dict
from rempart.study.evidence import Evidence
from rempart.study.results import results
from rempart.study.tallies import tallies_of
from tests.rule_histories import _TYPES, CUT, Person, answer, day, study_of, tables

Ends = Mapping[str, str]  # source → the last day on which it can be used
PERIOD_ENDS = "2015-12-31"  # of the permit: day 729
SINCE = "2010-01-01"  # the first day on which any source can be used


def on(date: str) -> int:
    """The day number of a date."""
    return (datetime.date.fromisoformat(date) - day(0)).days


def known(ends: Ends) -> pa.Table:
    """The intervals as a worker has them: measured at ingest, carried by the manifest."""
    same = {"scheme": "", "first_day": datetime.date.fromisoformat(SINCE), "reason": "flow-lag"}
    rows = [{**same, "source": source, "last_day": datetime.date.fromisoformat(last)} for source, last in ends.items()]
    return usable_table(usable_fact(pa.Table.from_pylist(rows))) if rows else usable_table({})


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all tests."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def evidence(query: DuckDBQuery, study: Study, people: Mapping[int, Person], ends: Ends) -> Evidence:
    """What a shard with these people answers, given only the columns that the permit is asked for."""
    parts = study_parts(study, cut=day(CUT))
    read = columns_of(parts)
    for table, columns in ((name, columns) for name, columns in tables(people).items() if name in read):
        nothing = ("number", [None] * len(columns["person_id"][1]))  # of what histories do not tell
        kept = {name: columns.get(name, nothing) for name in ("person_id", *sorted(read[table]))}
        query.register(table, pa.table({n: pa.array(values, _TYPES[kind]) for n, (kind, values) in kept.items()}))
    query.register("usable_interval", known(ends))
    return computed(query, parts)


# Comparisons: new users of metformin or insulin. Of each person the last day followed, and the outcome or death where that ended it.
#   Ann starts metformin on 1 March 2014, stays for a tumour on 10 September 2015; Bob insulin that day, stays on 10 February 2015;
#   Cem metformin on 1 December 2014; Dee insulin on 1 March 2014, dies of a tumour on 31 January 2015.
FOLLOWED = """
why                   | outcome | usable until                   | Ann                | Bob                | Cem        | Dee
nothing is known      | stay    |                                | 2015-09-10 outcome | 2015-02-10 outcome | 2015-12-31 | 2015-01-31 death
claims end first      | stay    | dcir 2015-06-30 mco 2015-12-31 | 2015-06-30         | 2015-02-10 outcome | 2015-06-30 | 2015-01-31 death
stays end first       | stay    | dcir 2015-12-31 mco 2014-12-31 | 2014-12-31         | 2014-12-31         | 2014-12-31 | 2014-12-31
one field ends first  | stay    | mco 2015-12-31 ssr 2015-02-10  | 2015-02-10         | 2015-02-10 outcome | 2015-02-10 | 2015-01-31 death
an unused source does | stay    | certificates 2014-06-30        | 2015-09-10 outcome | 2015-02-10 outcome | 2015-12-31 | 2015-01-31 death
before Cem enters     | stay    | mco 2014-11-30                 | 2014-11-30         | 2014-11-30         |            | 2014-11-30
after the permit ends | stay    | mco 2016-12-31 dcir 2016-06-30 | 2015-09-10 outcome | 2015-02-10 outcome | 2015-12-31 | 2015-01-31 death
stays are not used    | death   | mco 2014-06-30                 | 2015-12-31         | 2015-12-31         | 2015-12-31 | 2015-01-31 outcome
certificates first    | death   | certificates 2014-12-31        | 2014-12-31         | 2014-12-31         | 2014-12-31 | 2014-12-31
on the day of death   | death   | certificates 2015-01-31        | 2015-01-31         | 2015-01-31         | 2015-01-31 | 2015-01-31 outcome
"""
COMPARED = {
    "Ann": Person(lines=("59 drug metformin", "617 condition C670 DP")),
    "Bob": Person(lines=("59 drug insulin", "405 condition C670 DP"), sex=8532),
    "Cem": Person(lines=("334 drug metformin",), born=1960),
    "Dee": Person(lines=("59 drug insulin",), born=1930, death=395, cause="C670"),
}
WHO = {"60-79|male": "Ann", "60-79|female": "Bob", "0-59|male": "Cem", "80+|male": "Dee"}  # by age and sex
STAY = {"any": [{"domain": "condition", "codes": "tumour", "status": ["DP"]}]}
DEATH = {"any": [{"domain": "death", "codes": "tumour"}]}
OUTCOMES = {"stay": STAY, "death": DEATH}
ARMS = {"target": "metformin", "comparator": "insulin"}
PEOPLE = dict(enumerate(COMPARED.values(), 1))
ENDED = {0: "", 1: "outcome", 2: "death"}
AGE_AND_SEX = {"sex": {"type": "sex"}, "age": {"type": "age", "bands": [60, 80]}}


def comparison(outcome: Mapping[str, Any], *types: str, **more: Any) -> Study:
    """New users of metformin and of insulin."""
    design = "new-user-active-comparator"
    analyses = [{"id": f"a{number}", "type": kind, "design": design} for number, kind in enumerate(types or ("cox",))]
    body = study_of({"x": {"entry": {"any": [{"domain": "drug", "codes": "metformin"}]}}}).as_dict()
    body |= {
        "cohorts": {"main": {}},
        "exposures": {name: {"domain": "drug", "codes": codes} for name, codes in ARMS.items()},
        "outcomes": {"tumour": outcome},
        "covariates": AGE_AND_SEX,
        "analyses": analyses,
        **more,
    }
    return study_from_dict(body)


def lines(table: str) -> list[list[str]]:
    """The lines of a table below its head, cut into cells."""
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()[1:]]


def ends_of(text: str) -> dict[str, str]:
    """Source → last day, of ``dcir 2015-06-30 mco 2014-12-31``."""
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


def followed(found: Evidence) -> dict[str, str]:
    """Person → last day followed and how it ended."""
    starts = {name: next(iter(person.records)).first for name, person in COMPARED.items()}
    told = {}
    for row in found["cells"].to_pylist():
        name = WHO[row["pattern"]]
        told[name] = f"{day(starts[name] + row['exit_day'])} {ENDED[row['status']]}".strip()
    return told


@pytest.mark.parametrize("line", lines(FOLLOWED), ids=lambda line: f"{line[1]}: {line[0]}")
def test_a_comparison_follows_until_the_earliest_end_of_its_sources(query: DuckDBQuery, line: list[str]) -> None:
    _, outcome, ends, *expected = line
    found = followed(evidence(query, comparison(OUTCOMES[outcome]), PEOPLE, ends_of(ends)))
    assert [found.get(name, "") for name in COMPARED] == expected


def test_exclusions_and_covariates_are_among_the_sources_of_a_comparison(query: DuckDBQuery) -> None:
    dispensed = {"tumour": {"any": [{"domain": "drug", "codes": "statin"}]}}
    codes = {**comparison(STAY).as_dict()["codes"], "statin": {"system": "CIP13", "include": ["3" * 13]}}
    tumour = {"domain": "condition", "codes": "tumour", "days": [-365, -1]}
    covariates = {**AGE_AND_SEX, "zz": {"type": "history", **tumour}}

    def days(**more: Any) -> list[int]:
        asked = comparison(STAY, codes=codes, outcomes=dispensed, **more)
        found = evidence(query, asked, PEOPLE, {"dcir": PERIOD_ENDS, "mco": "2014-12-31"})
        return sorted(cell["exit_day"] for cell in found["cells"].to_pylist() for _ in range(cell["n"]))

    assert days() == [336, 395, 670, 670]  # Dee's death; 31 December 2015 for the others
    assert days(cohorts={"main": {"exclude": [tumour]}}) == [30, 305, 305, 305]  # 31 December 2014
    assert days(covariates=covariates) == [30, 305, 305, 305]


def test_every_analysis_of_a_comparison_counts_the_same_days(query: DuckDBQuery) -> None:
    study = comparison(STAY, "incidence_rate", "kaplan_meier", "cumulative_incidence")
    rows = results(study, evidence(query, study, PEOPLE, {"mco": "2014-12-31"}), run="r")
    years = [row.value or 0 for row in rows if row.output == "incidence" and row.statistic == "person_years"]
    assert sorted(round(value * 365.25) for value in years) == [335, 610, 945]  # 305 + 30, 305 + 305, all
    assert {row.value for row in rows if row.statistic == "events"} == {0}


# Descriptions of rule cohorts. Entry by a dispensing of metformin on 1 March 2014 (claims); the outcome is a stay.
DRUG = {"any": [{"domain": "drug", "codes": "metformin"}]}
ILL = {"any": [{"domain": "condition", "codes": "tumour"}]}
COUNTED = """
outcome | usable until                   | first event        | every event
stay    |                                | 2015-02-10 1 event | 2015-12-31 1 event
stay    | dcir 2015-06-30                | 2015-02-10 1 event | 2015-06-30 1 event
stay    | dcir 2015-06-30 mco 2014-12-31 | 2014-12-31         | 2014-12-31
stay    | dcir 2014-06-30 mco 2014-12-31 | 2014-06-30         | 2014-06-30
stay    | mco 2015-02-10                 | 2015-02-10 1 event | 2015-02-10 1 event
ill     | mco 2014-12-31                 | 2014-12-31         | 2014-12-31
pack    | mco 2014-12-31                 | 2015-12-31         | 2015-12-31
death   | certificates 2014-08-31        | 2014-08-31         | 2014-08-31
"""  # ill: the first day in a rule cohort of stays; pack: an outcome of claims


def by(name: str) -> dict[str, Any]:
    """Entered by another cohort."""
    return {"entry": {"any": [{"cohort": name}]}}


def described(kind: str, outcome: str = "", **parameters: Any) -> Study:
    """A cohort of users, and one description of it."""
    inputs = {"cohort": "users", **({"outcome": outcome} if outcome else {})}
    analysis = {"id": "d", "type": kind, "design": "cohort", "inputs": inputs, "parameters": parameters}
    outcomes = {**OUTCOMES, "pack": {"any": [{"domain": "drug", "codes": "insulin"}]}}
    return study_of({"users": {"entry": DRUG}, "ill": {"entry": ILL}}, analyses=[analysis], outcomes=outcomes)


@pytest.mark.parametrize("line", lines(COUNTED), ids=" ".join)
def test_time_at_risk_of_an_outcome_ends_with_the_outcome_s_sources_too(query: DuckDBQuery, line: list[str]) -> None:
    person = {7: Person(lines=("59 drug metformin", "405 condition C670 DP"))}
    outcome, ends, *expected = line
    found = []
    for events in ("first", "every"):
        study = described("incidence_rate", outcome, events=events)
        tallies = evidence(query, study, person, ends_of(ends))["tallies"]
        days, count = (sum(c.total for c in tallies_of(tallies, "d", f"{part}/all")) for part in ("time", "events"))
        found.append(f"{day(59 + days)}{f' {count} event' if count else ''}")
    assert found == expected


def test_nobody_is_in_the_base_of_a_prevalence_when_cases_can_no_longer_be_seen(query: DuckDBQuery) -> None:
    person = {7: Person(lines=("59 drug metformin", "100 condition C670 DP"))}
    points = [datetime.date(2014, 9, 30), datetime.date(2014, 12, 31)]
    study = described("prevalence", "stay", points=points, lookback_days=365)
    for ends, expected in (({}, [1, 1]), ({"dcir": PERIOD_ENDS, "mco": "2014-09-30"}, [1])):
        found = tallies_of(evidence(query, study, person, ends)["tallies"], "d", "persons/all")
        assert [cell.persons for cell in found] == expected, ends


def test_an_end_of_sources_is_an_end_of_data(query: DuckDBQuery) -> None:
    person = {7: Person(lines=("59 drug metformin",))}
    for ends, days in (({}, CUT - 59), ({"dcir": "2014-12-31"}, 305)):
        cells = tallies_of(evidence(query, described("follow_up"), person, ends)["tallies"], "d", "ends")
        assert [(cell.key["days"], cell.key["reason"]) for cell in cells] == [(f"{days:05d}", "end of data")]


def test_what_is_dispensed_after_claims_have_ended_is_no_use_and_no_step_of_a_path(query: DuckDBQuery) -> None:
    person = {7: Person(lines=("10 condition E110 DP", "20 drug insulin", "120 drug metformin"))}  # 1 May 2014
    cohorts = {"ill": {"entry": {"any": [{"domain": "condition", "codes": "diabetes"}]}}}
    drug = {"domain": "drug", "supply": [{"rule": "fixed", "days": 30}]}
    drugs = {name: {**drug, "codes": name} for name in ("insulin", "metformin")}
    asked = {"design": "cohort", "inputs": {"cohort": "ill", "exposures": list(drugs)}}
    use = {**asked, "id": "use", "type": "drug_utilisation", "parameters": {"each": "quarter"}}
    paths = {**asked, "id": "paths", "type": "pathways"}
    periods = {**asked, "id": "periods", "type": "exposure_periods"}
    study = study_of(cohorts, analyses=[use, paths, periods], exposures=drugs)
    for ends, path, users in (
        ({"mco": "2014-12-31"}, "insulin → metformin", {("insulin", "2014-Q1"), ("metformin", "2014-Q2")}),
        ({"mco": "2014-12-31", "dcir": "2014-03-31"}, "insulin", {("insulin", "2014-Q1")}),
    ):
        found = evidence(query, study, person, ends)["tallies"]
        assert {cell.key["path"] for cell in tallies_of(found, "paths", "paths")} == {path}
        assert {(c.key["exposure"], c.key["time"]) for c in tallies_of(found, "use", "users/all")} == users
        assert bool(tallies_of(found, "periods", "rules/metformin")) is ("dcir" not in ends)


# What comes of other cohorts. A stay for diabetes on 11 January 2014, metformin on 31 January: first and last day in the cohort when
# claims can be used until 30 September 2015 and stays until 30 September 2014.
STAYED = {"entry": {"any": [{"domain": "condition", "codes": "diabetes"}]}}
USES = {"entry": DRUG}
SHORT = {**STAYED, "exit": {"days": 5}}
INHERITED: dict[str, tuple[dict[str, Any], str, str]] = {
    "by a cohort of stays": ({"x": by("a"), "a": STAYED}, "2014-01-11", "2014-09-30"),
    "by one that comes of one": ({"x": by("b"), "b": by("a"), "a": STAYED}, "2014-01-11", "2014-09-30"),
    "by a cohort of claims": ({"x": by("a"), "a": USES}, "2014-01-31", "2015-09-30"),
    "asks about stays": (
        {"x": {**USES, "include": [{"cohort": "a", "days": [-30, 0]}]}, "a": STAYED},
        "2014-01-31",
        "2014-09-30",
    ),
    "leaves by stays": ({"x": {**USES, "exit": {"event": {"cohort": "a"}}}, "a": STAYED}, "2014-01-31", "2014-09-30"),
    "union": ({"x": {"of": {"union": ["a", "b"]}}, "a": STAYED, "b": USES}, "2014-01-11", "2014-09-30"),
    "difference": ({"x": {"of": {"difference": ["a", "b"]}}, "a": USES, "b": SHORT}, "2014-01-31", "2014-09-30"),
}


@pytest.mark.parametrize("which", INHERITED)
def test_a_cohort_inherits_the_sources_of_those_that_it_comes_of(query: DuckDBQuery, which: str) -> None:
    person = {7: Person(lines=("10 condition E110 DP", "30 drug metformin"))}
    cohorts, first, last = INHERITED[which]
    usable = {"dcir": on("2015-09-30"), "mco": on("2014-09-30")}
    for known_of, end in ((usable, on(last)), ({}, CUT)):
        assert answer(query, study_of(cohorts), person, "x", known_of).periods[7] == [(on(first), end)]


def test_both_ends_of_a_matching_give_their_sources_to_controls_and_cases() -> None:
    match = {"match": {"to": "cases", "from": "pool", "kind": "risk-set", "ratio": 1, "on": ["sex"]}}
    cases = {"entry": {"any": [{"domain": "visit", "setting": ["emergency"]}]}}
    study = study_of({"cases": cases, "pool": USES, "controls": match})
    found = cohort_sources(study)
    assert (found["cases"], found["pool"]) == ({"ace"}, {"dcir"})
    assert found["controls"] == found["controls_cases"] == {"ace", "dcir"}


def test_stays_that_decide_on_an_exposure_are_among_its_sources() -> None:
    supply = {"supply": [{"rule": "fixed", "days": 30}]}
    leaves = {"x": {**USES, "exit": {"exposure": "metformin"}}}
    for choice, expected in (("ignore", {"dcir"}), ("censor", {"dcir", "mco", "ssr", "had", "rip"})):
        exposures = {"metformin": {"domain": "drug", "codes": "metformin", "hospital_days": choice, **supply}}
        assert cohort_sources(study_of(leaves, exposures=exposures))["x"] == expected


@pytest.mark.parametrize(
    ("system", "code", "sources"),
    [
        ("CIP13", "1" * 13, {"dcir"}),
        ("CIP7", "1" * 7, {"dcir"}),
        ("UCD", "9" * 7, {"dcir", "mco"}),
        ("ATC", "A10BG", {"dcir", "mco"}),  # packs and units under the class
        ("OMOP", "1529331", {"dcir", "mco"}),
    ],
)
def test_a_drug_that_hospitals_give_too_is_read_in_stays(system: str, code: str, sources: set[str]) -> None:
    codes = {**study_of({"x": USES}).as_dict()["codes"], "drug": {"system": system, "include": [code]}}
    drug = {"domain": "drug", "codes": "drug"}
    use = {
        "design": "cohort",
        "id": "use",
        "type": "drug_utilisation",
        "inputs": {"cohort": "y", "exposures": ["drug"]},
    }
    of_another = {"entry": {"any": [{"domain": "death"}]}}
    exposures = {"drug": {**drug, "supply": [{"rule": "fixed", "days": 30}]}}
    asked = {"x": {"entry": {"any": [drug]}}, "y": of_another}
    study = study_of(asked, codes=codes, exposures=exposures, analyses=[{**use, "parameters": {"each": "quarter"}}])
    assert cohort_sources(study) == {"x": sources, "y": set()}
    assert analysis_sources(study, study.descriptions[0]) == sources


@pytest.mark.parametrize(("by", "sources"), [("sex", set()), ("place", {"dcir"}), ("sex*place", {"dcir"})])
def test_places_are_told_apart_as_long_as_residences_are_known(by: str, sources: set[str]) -> None:
    died = {"entry": {"any": [{"domain": "death"}]}}
    time = {"design": "cohort", "id": "time", "type": "person_time", "inputs": {"cohort": "x"}}
    study = study_of({"x": died}, analyses=[{**time, "parameters": {"by": [by]}}])
    assert analysis_sources(study, study.descriptions[0]) == sources


def test_no_permit_names_the_intervals_and_those_of_before_still_hold() -> None:
    known_layouts = layouts(toml("records/omop54.toml"))
    for example in ("glitazones", "diabetes", "gibleed"):
        study = study_from_dict(toml(f"examples/{example}/study.toml"))
        permit = permit_from_dict(toml(f"examples/{example}/permit.toml"))
        required = required_columns(study, known_layouts)
        check_study(study, permit, known_layouts, required=required)
        statements = [text for part in study_parts(study, cut=permit.period[1]) for text in part.plan.prepare]
        assert "usable_interval" not in {*required, *permit.tables}
        assert any("FROM usable_interval" in text for text in statements), example
