# SPDX-License-Identifier: Apache-2.0
"""Descriptions of small cohorts that can be counted by hand: each number below was."""

from collections.abc import Iterator
from typing import Any

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.package_data import toml
from rempart.errors import BadInput, Refused
from rempart.records.result import ResultRow
from rempart.records.study import study_from_dict
from rempart.study.denominators import check_denominators
from rempart.study.rates_exact import clopper_pearson
from tests.described_people import Day, Person, rows_of, study
from tests.spec.test_estimators_results import rows as comparison

ALWAYS = (Day(2010, 1, 1), Day(2016, 12, 31))
PEOPLE = {"cohort": "people"}


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session."""
    session = DuckDBQuery(threads=1, memory_limit="256MB")
    yield session
    session.close()


def person(number: int, start: Day, end: Day, *, born: int = 1950, woman: bool = True, **more: Any) -> Person:
    """A person with one period in the cohort."""
    return Person(number=number, born=born, sex=8532 if woman else 8507, observed=ALWAYS, cohort=[(start, end)], **more)


# Ann: 31 December 2014 to 10 January 2015, ill on 5 January: at risk on 1, 2, 3, 4, 5 January 2015, aged 65.
# Bob: 30 December 2014 to 2 January 2015: at risk on 31 December 2014 (aged 59) and 1, 2 January 2015 (aged 60).
# Cem: ill on the day of entry: that is no event at risk; 1 to 4 February 2015 counts 3 days, and the second illness on the 3rd ends them.
THREE = [
    person(1, Day(2014, 12, 31), Day(2015, 1, 10), events=[Day(2015, 1, 5)]),
    person(2, Day(2014, 12, 30), Day(2015, 1, 2), born=1955, woman=False),
    person(3, Day(2015, 2, 1), Day(2015, 2, 4), born=1990, woman=False, events=[Day(2015, 2, 1), Day(2015, 2, 3)]),
]


def found(rows: tuple[ResultRow, ...], output: str, statistic: str) -> dict[str, float | None]:
    """Level → value."""
    own = [row for row in rows if (row.output, row.statistic) == (output, statistic)]
    return {
        " ".join(row.row_key[name] for name in ("time", "level") if name in row.row_key) or "all": row.value
        for row in own
    }


def days(rows: tuple[ResultRow, ...], output: str) -> dict[str, float]:
    """Level → days at risk."""
    return {level: round((value or 0) * 365.25, 6) for level, value in found(rows, output, "person_years").items()}


def test_time_at_risk_is_split_at_the_new_year_and_ends_with_the_event(query: DuckDBQuery) -> None:
    asked = {"by": ["age*year", "sex"], "bands": [60, 65]}
    rows = rows_of(query, study({"id": "r", "type": "incidence_rate", "inputs": PEOPLE, "parameters": asked}), THREE)
    assert days(rows, "incidence") == {"all": 5 + 3 + 2}
    assert days(rows, "incidence_by") == {
        "all": 10, "female": 5, "male": 5, "0-59 / 2014": 1, "0-59 / 2015": 2, "60-64 / 2015": 2, "65+ / 2015": 5,
    }  # fmt: skip
    assert found(rows, "incidence", "events") == {"all": 2}
    assert found(rows, "incidence_by", "events")["0-59 / 2015"] == 1
    assert found(rows, "incidence_by", "persons")["all"] == 3
    assert found(rows, "incidence", "rate")["all"] == pytest.approx(2 / 10 * 365.25 * 1000)


def test_with_every_event_time_goes_on(query: DuckDBQuery) -> None:
    them = [
        *THREE,
        person(4, Day(2015, 3, 1), Day(2015, 3, 11), events=[Day(2015, 3, 2), Day(2015, 3, 2), Day(2015, 3, 9)]),
    ]
    asked = {"id": "r", "type": "incidence_rate", "inputs": PEOPLE, "parameters": {"events": "every"}}
    rows = rows_of(query, study(asked), them)
    assert days(rows, "incidence") == {"all": 10 + 3 + 3 + 10}
    assert found(rows, "incidence", "events") == {"all": 4}
    (events,) = [row for row in rows if row.statistic == "events"]
    assert events.n_persons == 3


def test_places_of_care_on_the_days_of_events_stand_behind_them(query: DuckDBQuery) -> None:
    visits = [
        (Day(2015, 1, 4), Day(2015, 1, 6), "A"),
        (Day(2015, 1, 5), Day(2015, 1, 5), "B"),
        (Day(2015, 1, 6), Day(2015, 1, 7), "C"),
    ]
    ann = person(1, Day(2014, 12, 31), Day(2015, 1, 10), events=[Day(2015, 1, 5)], visits=visits)
    cem = person(
        3,
        Day(2015, 2, 1),
        Day(2015, 2, 4),
        woman=False,
        events=[Day(2015, 2, 3)],
        visits=[(Day(2015, 2, 3), Day(2015, 2, 3), "B")],
    )
    asked = {"by": ["sex"], "establishments": True}
    rows = rows_of(
        query, study({"id": "r", "type": "incidence_rate", "inputs": PEOPLE, "parameters": asked}), [ann, cem], shards=2
    )
    behind = {
        row.row_key["level"]: row.n_establishments
        for row in rows
        if row.output == "incidence_by" and row.statistic == "events"
    }
    assert behind == {"all": 2, "female": 2, "male": 1}


def test_arms_of_a_comparison_are_set_apart_when_asked_for() -> None:
    body = toml("examples/glitazones/study.toml")
    body["analyses"][1] = {**body["analyses"][1], "parameters": {"differences": True}}
    subject = study_from_dict({**body, "protocol": {**body["protocol"], "lag_days": 0, "follow_up_days": 100}})
    assert subject.as_dict()["analyses"][1]["parameters"] == {"differences": True}
    found = comparison(subject=subject)
    women = {
        row.column_key["arm"]: row.value for row in found
        if row.output == "table_one" and row.row_key["level"] == "female" and row.statistic in {"percent", "smd"}
    }  # fmt: skip
    one, other = women["target"] / 100, women["comparator"] / 100
    expected = (one - other) / ((one * (1 - one) + other * (1 - other)) / 2) ** 0.5
    assert women["target versus comparator"] == pytest.approx(expected)
    means = [row.value for row in found if row.output == "table_one_means" and row.statistic == "smd"]
    assert means == [0]  # all are 60
    assert not any(row.statistic == "smd" for row in comparison())


TOWN = {"claims": "The town"}


def test_a_census_takes_the_place_of_observed_days(query: DuckDBQuery) -> None:
    rows_given = [
        {"year": 2014, "age": [0, 59], "persons": 1000}, {"year": 2014, "age": [60, 150], "persons": 500},
        {"year": 2015, "age": [0, 59], "persons": 1100}, {"year": 2015, "age": [60, 150], "persons": 600},
        {"year": 2016, "age": [0, 59], "persons": 1200}, {"year": 2016, "age": [60, 150], "persons": 700},
    ]  # fmt: skip
    populations = {"town": {"source": "a census", "date": "2016-01-01", "rows": rows_given}}
    inputs = {**PEOPLE, "denominator": "town"}
    asked = {
        "id": "r",
        "type": "incidence_rate",
        "inputs": inputs,
        "parameters": {"by": ["age", "year"], "bands": [60], **TOWN},
    }
    subject = study(asked, populations=populations)
    rows = rows_of(query, subject, THREE, deliveries=[("the town", 1.0, None)])
    assert {row.row_key["denominator"] for row in rows} == {"town"}
    assert found(rows, "incidence", "inhabitant_years") == {"all": 5100}
    years = found(rows, "incidence_by", "inhabitant_years")
    assert years == {"all": 5100, "0-59": 3300, "60+": 1800, "2014": 1500, "2015": 1700}
    assert found(rows, "incidence_by", "rate")["60+"] == pytest.approx(1000 / 1800)
    assert {row.unit for row in rows if row.statistic == "rate"} == {"per 1000 inhabitant-years"}
    assert study_from_dict(subject.as_dict()) == subject
    with pytest.raises(BadInput, match="population-rows"):
        check_denominators(study({**asked, "parameters": {"by": ["sex"], **TOWN}}, populations=populations), {})
    with pytest.raises(BadInput, match="population-rows"):
        cut = {"by": ["age"], "bands": [50], **TOWN}
        check_denominators(study({**asked, "parameters": cut}, populations=populations), {})


def test_what_a_census_or_a_standard_cannot_give_is_told_before_anything_is_counted() -> None:
    rows = [{"year": year, "age": [0, 150], "persons": 9} for year in (2014, 2015, 2016)]
    asked = {"id": "r", "type": "incidence_rate", "inputs": {**PEOPLE, "denominator": "town"}, "parameters": TOWN}
    census = {"source": "a census", "date": "2016-01-01", "rows": rows}
    check_denominators(study(asked, populations={"town": census}), {})
    for changed in ({"rows": rows[:2]}, {}):
        subject = study(
            {**asked, "parameters": {"by": [] if changed else ["age"], **TOWN}},
            populations={"town": {**census, **changed}},
        )
        with pytest.raises(BadInput, match="population-rows"):
            check_denominators(subject, {})
    standardised = {"id": "r", "type": "incidence_rate", "inputs": {**PEOPLE, "standard": "esp2013"}}
    with pytest.raises(BadInput, match="standard-ages"):
        check_denominators(study({**standardised, "parameters": {"ages": [41, 60]}}), toml("study/standards.toml"))


RATE = {"id": "r", "type": "incidence_rate", "inputs": PEOPLE}


@pytest.mark.parametrize(
    ("deliveries", "weighted", "code"),
    [
        ([("all insured persons", 1.0, None)], False, None),
        ([("All insured persons ", None, 1.0)], False, None),
        ([("all insured persons", 1 / 97, None)], True, None),
        ([("all insured persons", 1 / 97, None)], False, "rate-of-a-selection"),
        ([("persons with diabetes", 1.0, None)], False, "rate-of-a-selection"),
        ([("all insured persons", 1.0, None), ("persons with diabetes", 1.0, None)], False, "rate-of-a-selection"),
        ([("all insured persons", None, None)], False, "rate-of-a-selection"),
        ([], False, "rate-of-a-selection"),
        ([("all insured persons", None, None)], True, "weight-not-declared"),
        ([("all insured persons", 0.5, None), ("all insured persons", 0.1, None)], True, "weight-not-declared"),
    ],
)
def test_a_rate_is_said_to_be_of_a_population_only_when_deliveries_declare_it(
    query: DuckDBQuery, deliveries: list[Any], weighted: bool, code: str | None
) -> None:
    subject = study({**RATE, "parameters": {"claims": "all insured persons", "weighted": weighted}})
    if code is None:
        assert rows_of(query, subject, THREE, deliveries=deliveries)
        return
    with pytest.raises(Refused, match=code):
        rows_of(query, subject, THREE, deliveries=deliveries)


def test_what_looks_back_is_held_to_the_permit() -> None:
    used = {"id": "u", "type": "drug_utilisation", "inputs": PEOPLE}
    point = {"points": [Day(2015, 1, 10), Day(2014, 3, 1)], "lookback_days": 40}
    subject = study(used, {"id": "p", "type": "prevalence", "inputs": PEOPLE, "parameters": point})
    found = {
        window.what: (window.first, window.begins) for window in subject.windows() if window.what.startswith("analyses")
    }
    assert found == {
        "analyses.u.parameters.washout_days": (-365, Day(2014, 1, 1)),
        "analyses.p.parameters.lookback_days": (-40, Day(2014, 3, 1)),
    }


@pytest.mark.parametrize(("back", "cases"), [(2, 0), (3, 1)])
def test_the_look_back_of_a_case_counts_its_first_day_in(query: DuckDBQuery, back: int, cases: int) -> None:
    ill = person(
        1, Day(2015, 1, 1), Day(2015, 1, 10), events=[Day(2015, 1, 7)]
    )  # the last day in the cohort is a day in it
    asked = {
        "id": "p",
        "type": "prevalence",
        "inputs": PEOPLE,
        "parameters": {"points": [Day(2015, 1, 10)], "lookback_days": back},
    }
    assert found(rows_of(query, study(asked), [ill]), "prevalence", "cases") == {"2015-01-10 all": cases}


def test_follow_up_ends_for_one_reason_each(query: DuckDBQuery) -> None:
    them = [
        person(1, Day(2015, 1, 1), Day(2016, 12, 31)),
        person(2, Day(2015, 1, 1), Day(2015, 1, 31), died=Day(2015, 1, 31)),
        person(3, Day(2015, 1, 1), Day(2015, 1, 31), died=Day(2015, 2, 1)),
        person(4, Day(2015, 1, 1), Day(2016, 12, 31), died=Day(2016, 12, 31)),
    ]
    them[2].observed = (Day(2014, 1, 1), Day(2015, 1, 31))
    them.append(person(5, Day(2015, 1, 1), Day(2015, 4, 1)))
    rows = rows_of(
        query, study({"id": "f", "type": "follow_up", "inputs": PEOPLE, "parameters": {"grid_days": 30}}), them
    )
    reasons = found(rows, "follow_up_reasons", "n")
    assert reasons == {"all": 5, "death": 2, "end of data": 1, "end of observation": 1, "exit from the cohort": 1}
    assert [row.value for row in rows if row.output == "follow_up"] == [30, 30, 90, 730, 730]
    curve = {
        row.row_key["day"]: row.value for row in rows if row.output == "follow_up_curve" and row.statistic == "at_risk"
    }
    assert (curve["00000"], curve["00030"], curve["00090"], curve["00720"]) == (5, 3, 2, 2)


def test_an_event_on_the_day_after_is_none_and_one_at_the_new_year_is_one(query: DuckDBQuery) -> None:
    events = [Day(2015, 1, 1), Day(2015, 1, 11)]
    them = [person(1, Day(2014, 12, 20), Day(2015, 1, 10), events=events)]
    asked = {"id": "r", "type": "incidence_rate", "inputs": PEOPLE, "parameters": {"events": "every", "by": ["year"]}}
    shown = found(rows_of(query, study(asked), them), "incidence_by", "events")
    assert shown == {"all": 1, "2014": 0, "2015": 1}


def test_a_prevalence_claims_no_more_than_a_rate(query: DuckDBQuery) -> None:
    asked = {"id": "p", "type": "prevalence", "inputs": PEOPLE, "parameters": {"each": "year", "claims": "everybody"}}
    assert rows_of(query, study(asked), THREE, deliveries=[("everybody", 1.0, None)])
    with pytest.raises(Refused, match="rate-of-a-selection"):
        rows_of(query, study(asked), THREE, deliveries=[("everybody", 0.5, None)])


def test_a_weighted_rate_counts_each_person_for_as_many_as_declared(query: DuckDBQuery) -> None:
    rows = rows_of(query, study({**RATE, "parameters": {"weighted": True}}), THREE, deliveries=[("x", None, 4.0)])
    values = {row.statistic: row.value for row in rows}
    assert values["weighted_events"] == 8
    assert values["weighted_person_years"] == pytest.approx(40 / 365.25)
    assert values["rate"] == pytest.approx(2 / 10 * 365.25 * 1000)
    assert values["events"] == 2


def test_point_prevalence_counts_who_is_there_that_day(query: DuckDBQuery) -> None:
    asked = {"points": [Day(2015, 1, 1), Day(2015, 2, 4)], "lookback_days": 3}
    rows = rows_of(query, study({"id": "p", "type": "prevalence", "inputs": PEOPLE, "parameters": asked}), THREE)
    assert found(rows, "prevalence", "persons") == {"2015-01-01 all": 2, "2015-02-04 all": 1}
    assert found(rows, "prevalence", "cases") == {"2015-01-01 all": 0, "2015-02-04 all": 1}
    share, lower, upper = clopper_pearson(1, 1) or (0, 0, 0)
    shown = [
        found(rows, "prevalence", name)["2015-02-04 all"]
        for name in ("prevalence", "prevalence_lower", "prevalence_upper")
    ]
    assert shown == pytest.approx([100 * share, 100 * lower, 100 * upper])


def test_the_standardised_rate_takes_the_ages_of_the_standard(query: DuckDBQuery) -> None:
    them = [
        person(1, Day(2015, 1, 1), Day(2015, 4, 11), born=1974, events=[Day(2015, 4, 11)]),  # 41: an event in 100 days
        person(2, Day(2015, 1, 1), Day(2015, 7, 20), born=1969, events=[Day(2015, 7, 20)]),  # 46: an event in 200 days
    ]
    parameters = {"ages": [40, 49]}
    inputs = {**PEOPLE, "standard": "esp2013"}
    subject = study({"id": "r", "type": "incidence_rate", "inputs": inputs, "parameters": parameters})
    rows = rows_of(query, subject, them)
    value = next(row for row in rows if row.statistic == "standardised_rate")
    assert value.value == pytest.approx((1 / 100 + 1 / 200) / 2 * 365.25 * 1000)  # both bands weigh 7,000
    assert value.row_key["standard"] == "esp2013, 40-49"
    assert study_from_dict(subject.as_dict()) == subject
    whole = study({"id": "r", "type": "incidence_rate", "inputs": inputs})
    (empty,) = {(row.value, row.rule) for row in rows_of(query, whole, them) if row.statistic == "standardised_rate"}
    assert empty == (None, "standard-stratum-empty")


def test_table_one_sets_two_cohorts_side_by_side(query: DuckDBQuery) -> None:
    start, end = Day(2015, 1, 1), Day(2015, 2, 1)
    them = [person(n, start, end, born=1950 + 10 * n, woman=n < 3) for n in range(4)]
    others = [Person(number=n, born=1940, sex=8507, observed=ALWAYS, other=[(start, end)]) for n in range(4, 8)]
    rows = rows_of(
        query, study({"id": "t", "type": "table_one", "inputs": {"cohorts": ["people", "others"]}}), [*them, *others]
    )
    shown = {
        (row.row_key["variable"], row.row_key.get("level", ""), row.column_key["arm"], row.statistic): row.value
        for row in rows
    }
    assert shown["sex", "female", "people", "n"] == 3
    assert shown["sex", "female", "people", "percent"] == 75
    assert shown["sex", "female", "others", "n"] == 0
    assert shown["sex", "female", "all", "n"] == 3
    assert shown["sex", "female", "people versus others", "smd"] == pytest.approx(0.75 / (0.1875 / 2) ** 0.5)
    assert shown["age", "", "people", "mean"] == 50  # 65, 55, 45, 35
    assert shown["age", "", "others", "sd"] == 0
    assert shown["age", "", "people versus others", "smd"] == pytest.approx(-25 / (500 / 3 / 2) ** 0.5)


def test_new_users_packs_and_pharmacies_of_a_quarter(query: DuckDBQuery) -> None:
    fills = [
        (Day(2014, 12, 1), 1.0, 7),
        (Day(2015, 2, 1), 2.0, 7),
        (Day(2015, 3, 1), 0.5, 8),
        (Day(2015, 3, 1), 1.0, None),
    ]
    them = [
        person(1, Day(2015, 1, 15), Day(2015, 12, 31), fills=fills),  # used 62 days before
        person(2, Day(2015, 1, 1), Day(2015, 12, 31), fills=[(Day(2015, 1, 1), 1.0, 8)]),
        person(3, Day(2015, 4, 1), Day(2015, 12, 31), fills=[(Day(2015, 3, 31), 1.0, 9)]),  # a day before entry
    ]
    inputs = {**PEOPLE, "exposures": ["alpha"]}
    rows = rows_of(
        query,
        study({"id": "u", "type": "drug_utilisation", "inputs": inputs, "parameters": {"washout_days": 90}}),
        them,
    )
    first = {row.statistic: row for row in rows if row.row_key["time"] == "2015-Q1"}
    values = {
        name: first[name].value for name in ("persons", "users", "new_users", "dispensings", "packs", "packs_per_1000")
    }
    assert values == {"persons": 2, "users": 2, "new_users": 1, "dispensings": 4, "packs": 4.5, "packs_per_1000": 2250}
    assert (first["packs"].top1, first["packs"].top2, first["packs"].total_abs) == (3.5, 1.0, 4.5)
    assert first["users"].n_establishments == 2


@pytest.mark.parametrize(
    ("analysis", "code"),
    [
        ({"type": "incidence_rate", "parameters": {"by": ["age*age"]}}, "study-field"),
        ({"type": "incidence_rate", "parameters": {"by": ["year*month"]}}, "study-field"),
        ({"type": "incidence_rate", "parameters": {"grid_days": 30}}, "unknown-key"),
        ({"type": "incidence_rate", "parameters": {"ages": [40, 60]}}, "study-field"),
        ({"type": "incidence_rate", "inputs": {**PEOPLE, "denominator": "nowhere"}}, "study-name"),
        ({"type": "incidence_rate", "inputs": {**PEOPLE, "outcome": "nothing"}}, "study-name"),
        (
            {"type": "incidence_rate", "inputs": {**PEOPLE, "standard": "esp2013"}, "parameters": {"events": "every"}},
            "study-field",
        ),
        ({"type": "prevalence", "parameters": {"by": ["year"]}}, "study-field"),
        ({"type": "prevalence", "parameters": {"points": ["2015-02-30"]}}, "study-field"),
        ({"type": "prevalence", "parameters": {"points": ["2017-01-01"]}}, "study-field"),
        ({"type": "pathways", "parameters": {"steps": 6}}, "study-field"),
        ({"type": "attrition", "inputs": {"cohort": "nobody"}}, "study-name"),
        ({"type": "attrition", "inputs": {}}, "study-field"),
        ({"type": "survival"}, "study-field"),
    ],
)
def test_what_an_analysis_cannot_mean_is_told(analysis: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput, match=code):
        study({"id": "a", "inputs": PEOPLE, **analysis})


def limits(rows: tuple[ResultRow, ...]) -> tuple[float | None, float | None, str]:
    """The limits of the whole rate, and the rule they carry."""
    own = {row.statistic: row for row in rows if row.output == "incidence"}
    return own["rate_lower"].value, own["rate_upper"].value, own["rate_lower"].rule


def test_one_person_with_every_event_has_no_interval(query: DuckDBQuery) -> None:
    asked = study({**RATE, "parameters": {"events": "every"}})
    assert limits(rows_of(query, asked, THREE[:1])) == (None, None, "interval-without-scatter")
    assert limits(rows_of(query, asked, THREE[1:2])) == (None, None, "interval-without-scatter")  # no event: no scatter
    lower, upper, rule = limits(rows_of(query, asked, THREE))
    assert lower is not None and upper is not None and lower < upper and rule == ""
    whole = study({**RATE, "parameters": {"events": "every", "weighted": True}})
    for them in (THREE[:1], THREE):  # weights of 1 change nothing
        declared = rows_of(query, whole, them, deliveries=[("x", 1.0, None)])
        assert limits(declared) == limits(rows_of(query, asked, them))


def test_weights_of_one_leave_a_rate_its_own_interval(query: DuckDBQuery) -> None:
    whole = study({**RATE, "parameters": {"weighted": True}})
    told = limits(rows_of(query, whole, THREE, deliveries=[("x", None, 1.0)]))
    assert told == limits(rows_of(query, study(RATE), THREE))
    assert told[0] is not None and told[1] is not None and told[0] < told[1]


@pytest.mark.parametrize("more", [{}, {"events": "every"}, {"weighted": True}])
def test_an_empty_cohort_has_no_time_no_event_and_no_rate(query: DuckDBQuery, more: dict[str, Any]) -> None:
    rates = rows_of(query, study({**RATE, "parameters": more}), [], deliveries=[("x", 0.5, None)])
    time = rows_of(query, study({"id": "t", "type": "person_time", "inputs": PEOPLE}), [])
    assert {row.value for row in (*rates, *time) if not row.statistic.startswith("rate")} == {0}
    assert {row.value for row in rates if row.statistic.startswith("rate")} == {None}


def test_a_control_of_several_sets_counts_in_each_with_an_interval_by_persons(query: DuckDBQuery) -> None:
    entry = {"any": [{"domain": "condition", "codes": "ill"}]}
    rules = {name: {"entry": entry, "exit": {"days": 365}} for name in ("cases", "others")}
    match = {"to": "cases", "from": "others", "kind": "risk-set", "ratio": 2, "on": ["sex"], "replace": True}
    subject = study({**RATE, "inputs": {**PEOPLE, "outcome": "illness"}}, cohorts={**rules, "people": {"match": match}})
    start, end = Day(2015, 1, 1), Day(2015, 4, 11)
    one = person(1, start, end, events=[Day(2015, 2, 20)])
    one.cohort = [(start, end), (start, end), (Day(2015, 1, 11), end)]
    them = [one, *(person(n, start, end, events=[Day(2015, 4, 1)] if n < 5 else []) for n in range(2, 9))]
    rows = rows_of(query, subject, them)
    assert found(rows, "incidence", "events") == {"all": 3 + 3}
    assert found(rows, "incidence", "persons") == {"all": 8}
    assert days(rows, "incidence") == {"all": 50 + 50 + 40 + 3 * 90 + 4 * 100}
    lower, upper, _ = limits(rows)
    exact = limits(rows_of(query, study(RATE), them))
    assert (lower, upper) != exact[:2]
    assert limits(rows_of(query, subject, [one])) == (None, None, "interval-without-scatter")


@pytest.mark.parametrize(
    ("asked", "times"),
    [
        ({"type": "prevalence", "parameters": {"points": ["2014-02-01"]}}, ["2014-02-01"]),
        ({"type": "prevalence", "parameters": {"each": "year"}}, ["2014", "2015", "2016"]),
        ({"type": "drug_utilisation", "parameters": {"each": "quarter"}}, [f"{y}-Q{q}" for y in (2014, 2015, 2016) for q in (1, 2, 3, 4)]),
    ],
)  # fmt: skip
def test_an_empty_cohort_has_zeros_at_every_time(query: DuckDBQuery, asked: dict[str, Any], times: list[str]) -> None:
    inputs = {**PEOPLE, "outcome": "illness"} if asked["type"] == "prevalence" else {**PEOPLE, "exposures": ["alpha"]}
    rows = rows_of(query, study({"id": "x", "inputs": inputs, **asked}), [])
    assert [row.row_key["time"] for row in rows if row.statistic == "persons"] == times
    assert {row.value for row in rows if row.statistic in {"persons", "cases", "users", "dispensings"}} == {0}
    assert {row.value for row in rows if row.statistic in {"prevalence", "users_per_1000"}} == {None}


def test_a_case_by_a_cohort_has_a_period_of_it_on_the_day(query: DuckDBQuery) -> None:
    them = [person(1, Day(2014, 1, 1), Day(2016, 1, 1)), person(2, Day(2014, 1, 1), Day(2016, 1, 1))]
    them[0].other, them[1].other = [(Day(2014, 2, 1), Day(2014, 5, 31))], [(Day(2014, 2, 1), Day(2014, 6, 1))]
    asked = {
        "id": "p",
        "type": "prevalence",
        "inputs": {**PEOPLE, "outcome": "others"},
        "parameters": {"points": ["2014-06-01"]},
    }
    assert list(found(rows_of(query, study(asked), them), "prevalence", "cases").values()) == [1]
