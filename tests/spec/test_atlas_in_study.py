# SPDX-License-Identifier: Apache-2.0
"""ATLAS definitions as cohorts of a study: tables of a few rows in, persons and days out; what a project cannot answer is named."""

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.cohort.circe_project import concepts_told, project_definition
from rempart.cohort.codes import Reads
from rempart.cohort.project_domains import DOMAINS
from rempart.cohort.required import required_columns
from rempart.cohort.rule_cohorts import cohort_statements
from rempart.cohort.sources import cohort_sources
from rempart.errors import BadInput, Refused, RempartError
from rempart.records.cohort_future import all_days_before
from rempart.records.cohort_text import definition_from_text, definition_text
from rempart.records.omop import layouts, whole_layouts
from rempart.records.study import Study, study_from_dict
from tests.atlas_house import Row, Tables, domains, entry, lines, read, words
from tests.spec.test_atlas_rows import CASES, around, condition, drug, group, rule

_PARSED = package_data.toml("records/omop54.toml")
KNOWN = {**layouts(_PARSED), **whole_layouts(_PARSED)}
PERIOD = (datetime.date(2015, 1, 1), datetime.date(2022, 12, 31))
CUT = datetime.date(2023, 12, 31)
Rows = list[tuple[int, str, str]]


def text(parsed: object, told: Mapping[int, frozenset[int]] | None = None) -> str:
    """A definition as a study holds it."""
    return definition_text(project_definition(read(parsed), words=words(), told=told or {}, file="d.json"))


def study_of(cohort: Mapping[str, Any], *, death: str = "date", **more: Any) -> Study:
    """A study with one cohort, x."""
    protocol = {"title": "t", "question": "q", "estimand": "initiation", "period": PERIOD, "death": death}
    flow = {"id": "flow", "type": "attrition", "design": "cohort", "inputs": {"cohort": "x"}}
    body = {"schema": "rempart.study/1", "permit": "P-2026-0001", "protocol": protocol, "cohorts": {"x": cohort}}
    study = study_from_dict({**body, "analyses": [flow], **more})
    assert study_from_dict(study.as_dict()) == study
    return study


class Answer:
    """What the statements of a study's cohort leave in a session, and what they read."""

    def __init__(self, study: Study, tables: Mapping[str, Sequence[Row]], until: str = "") -> None:
        session, reads = Tables(tables), Reads()
        try:
            session.execute("ALTER TABLE cdm.death ADD COLUMN death_month DATE")
            session.execute("UPDATE cdm.death SET death_month = date_trunc('month', death_date)")
            before = session.table("SELECT table_name FROM duckdb_tables()").to_pylist()
            made = cohort_statements(study, "x", cut=CUT, reads=reads, until=until)
            for statement in made.statements:
                session.execute(statement)
            rows = session.table("SELECT person_id, start_date, end_date FROM cohort_x ORDER BY ALL").to_pylist()
            steps = session.table("SELECT name, persons FROM cohort_x_attrition ORDER BY step").to_pylist()
            for statement in made.clear:
                session.execute(statement)
            assert session.table("SELECT table_name FROM duckdb_tables()").to_pylist() == before
        finally:
            session.close()
        self.rows: Rows = [(row["person_id"], str(row["start_date"]), str(row["end_date"])) for row in rows]
        self.attrition = [(row["name"], row["persons"]) for row in steps]
        self.reads = {table: set(columns) for table, columns in reads.columns.items()}


def said(cohort: Mapping[str, Any], **more: Any) -> RempartError:
    """The error of a study with that cohort."""
    with pytest.raises(RempartError) as caught:
        study_of(cohort, **more)
    return caught.value


NOT_OF_A_PROJECT = {"one of two signs, at the same visit": "Measurement.ValueAsNumber"}
READS_LATER = {
    "two prescriptions on different days in the month after, and no other drug before": "InclusionRules[1] (treated twice)",
    "a stay that ends within ten days": "InclusionRules[1] (short)",
    "a death without a cause is a death of one cause": "InclusionRules[1] (died)",
    "a period of observation between two days, as an event": "PrimaryCriteria[1] (ObservationPeriod)",
}


@pytest.mark.parametrize("name", CASES)
def test_a_study_s_cohort_has_the_definition_s_own_rows(name: str) -> None:
    tables, definition, expected = CASES[name]
    if name in NOT_OF_A_PROJECT:
        with pytest.raises(BadInput) as caught:
            text(definition)
        assert (caught.value.code, caught.value.facts["word"]) == ("atlas-not-in-project", NOT_OF_A_PROJECT[name])
        return
    cohort = {"atlas": text(definition)}
    if name in READS_LATER:
        error = said(cohort)
        assert isinstance(error, Refused)
        assert (error.code, error.facts["field"]) == ("reads-after-time-zero", f"cohorts.x.atlas.{READS_LATER[name]}")
        return
    assert Answer(study_of(cohort), lines(tables)).rows == [(int(p), a, b) for p, a, b in map(str.split, expected)]


BASE = """
1 observation_period 2018-01-01 2021-12-31
1 condition_occurrence 2020-02-01 - 5
1 drug_exposure 2020-03-02 - 7
2 observation_period 2018-01-01 2021-12-31
2 condition_occurrence 2020-02-01 - 5
2 drug_exposure 2020-03-03 - 7
3 observation_period 2018-01-01 2020-03-01
3 condition_occurrence 2020-02-01 - 5
3 drug_exposure 2020-02-10 - 7
4 observation_period 2018-01-01 2020-03-02
4 condition_occurrence 2020-02-01 - 5
4 drug_exposure 2020-02-10 - 7
"""
TREATED = entry(condition(5), InclusionRules=[rule("treated in the month after", around(drug(7), 0, 30))])


def test_a_landmark_lets_rules_read_up_to_it_and_moves_time_zero() -> None:
    assert said({"atlas": text(TREATED), "landmark_days": 29}).code == "reads-after-time-zero"
    found = Answer(study_of({"atlas": text(TREATED), "landmark_days": 30}), lines(BASE))
    assert found.rows == [(1, "2020-03-02", "2021-12-31"), (4, "2020-03-02", "2020-03-02")]
    assert found.attrition == [
        ("primary criteria", 4),
        ("treated in the month after", 3),
        ("does not end before it begins", 3),
        ("observed at the landmark, day 30", 2),
        ("data at hand at the landmark, day 30", 2),
        ("begins from 2015-01-01 to 2022-12-31", 2),
    ]


LEFT = """
1 observation_period 2018-01-01 2021-12-31
1 condition_occurrence 2020-02-01 - 5
2 observation_period 2018-01-01 2021-12-31
2 condition_occurrence 2020-02-01 - 5
2 death 2020-03-01
3 observation_period 2018-01-01 2020-02-20
3 condition_occurrence 2020-02-01 - 5
4 observation_period 2018-01-01 2021-12-31
4 condition_occurrence 2020-02-01 - 5
4 drug_exposure 2020-02-10 - 7
5 observation_period 2018-01-01 2021-12-31
5 condition_occurrence 2020-02-01 - 5
5 drug_exposure 2020-03-02 - 7
6 observation_period 2018-01-01 2020-02-10
6 condition_occurrence 2020-02-01 - 5
6 drug_exposure 2020-02-10 - 7
7 observation_period 2018-01-01 2020-03-02
7 condition_occurrence 2020-02-01 - 5
9 observation_period 2018-01-01 2020-02-20
9 condition_occurrence 2020-02-01 - 5
9 drug_exposure 2019-02-10 - 7
9 drug_exposure 2020-02-21 - 7
"""


@pytest.mark.parametrize(("until", "data"), [("", 3), ("DATE '2020-03-02'", 3), ("DATE '2020-03-01'", 0)])
def test_attrition_lists_by_its_reason_what_ends_a_definition_s_events_before_the_landmark(
    until: str, data: int
) -> None:
    ways = {
        "CensoringCriteria": [drug(7), {"Death": {}}],
        "EndStrategy": {"DateOffset": {"DateField": "EndDate", "Offset": 40}},
    }
    tables = LEFT + "8 observation_period 2018-01-01 2021-12-31\n8 condition_occurrence 2019-02-01 2019-02-02 5"
    found = Answer(study_of({"atlas": text(entry(condition(5), **ways)), "landmark_days": 30}), lines(tables), until)
    assert found.attrition[2:-1] == [
        ("no CensoringCriteria[1] (DrugExposure) before the landmark, day 30", 7),
        ("alive at the landmark, day 30", 6),
        ("observed at the landmark, day 30", 4),
        ("within its 40 days at the landmark, day 30", 4),
        ("data at hand at the landmark, day 30", data + 1),
    ]


def test_a_death_of_one_cause_is_an_event_and_not_every_death() -> None:
    tables = lines(
        "1 observation_period 2018-01-01 2021-12-31\n1 condition_occurrence 2020-02-01 - 5\n1 death 2020-02-09 - 6"
    )
    caused = entry(condition(5), CensoringCriteria=[{"Death": {"CodesetId": 6}}])
    found = Answer(study_of({"atlas": text(caused), "landmark_days": 30}), tables)
    assert found.attrition[2] == ("no CensoringCriteria[1] (Death) before the landmark, day 30", 0)


@pytest.mark.parametrize(
    ("way", "called"),
    [
        ({"DateOffset": {"DateField": "StartDate", "Offset": 29}}, "within its 29 days at"),
        ({"CustomEra": {"DrugCodesetId": 7, "GapDays": 0, "Offset": 0}}, "still exposed at"),
    ],
)
def test_the_end_strategy_is_a_reason_of_its_own(way: dict[str, Any], called: str) -> None:
    tables = "1 observation_period 2018-01-01 2021-12-31\n1 drug_exposure 2020-02-01 2020-03-01 7"
    found = Answer(study_of({"atlas": text(entry(drug(7), EndStrategy=way)), "landmark_days": 30}), lines(tables))
    assert found.attrition[2:4] == [("observed at the landmark, day 30", 1), (f"{called} the landmark, day 30", 0)]


def test_a_landmark_moves_each_event_before_periods_are_joined() -> None:
    twice = """
    1 observation_period 2018-01-01 2021-12-31
    1 condition_occurrence 2020-02-01 - 5
    1 condition_occurrence 2020-03-01 - 5
    """
    fifty = {"EndStrategy": {"DateOffset": {"DateField": "StartDate", "Offset": 50}}}
    rows = Answer(study_of({"atlas": text(entry(condition(5), **fifty)), "landmark_days": 30}), lines(twice)).rows
    assert rows == [(1, "2020-03-02", "2020-03-22"), (1, "2020-03-31", "2020-04-20")]


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        (entry(condition(5), InclusionRules=[rule("a", around(drug(7), -9, 1))]), "InclusionRules[1] (a)"),
        (entry(condition(5), InclusionRules=[rule("a", around(drug(7), -9, None))]), "InclusionRules[1] (a)"),
        (
            entry(condition(5), InclusionRules=[rule("a", around(drug(7), None, 0), around(drug(8), 0, 5))]),
            "InclusionRules[1] (a)",
        ),
        (entry(condition(5), AdditionalCriteria=group(around(drug(7), 0, 1))), "AdditionalCriteria"),
        (
            entry(condition(5), InclusionRules=[rule("a", Groups=[group(around(drug(7), 0, 1), kind="ANY")])]),
            "InclusionRules[1] (a)",
        ),
        (  # a drug three days before, around which a diagnosis is looked for up to four days later
            entry(
                condition(5),
                InclusionRules=[
                    rule("a", around(drug(7, CorrelatedCriteria=group(around(condition(6), 0, 4))), -9, -3))
                ],
            ),
            "InclusionRules[1] (a)",
        ),
        (
            entry(condition(5, CorrelatedCriteria=group(around(drug(7), 0, 1)))),
            "PrimaryCriteria[1] (ConditionOccurrence)",
        ),
        (entry(condition(5), ExpressionLimit={"Type": "Last"}), "ExpressionLimit (Last)"),
        (
            entry(
                condition(5),
                PrimaryCriteria={"CriteriaList": [condition(5)], "ObservationWindow": {"PriorDays": 0, "PostDays": 30}},
            ),
            "PrimaryCriteria.ObservationWindow.PostDays",
        ),
        (
            entry({"VisitOccurrence": {"VisitLength": {"Op": "gte", "Value": 3}}}),
            "PrimaryCriteria[1] (VisitOccurrence)",
        ),
        (
            entry(condition(5, DateAdjustment={"StartWith": "START_DATE", "StartOffset": -7, "EndWith": "START_DATE"})),
            "PrimaryCriteria[1] (ConditionOccurrence)",
        ),
        (
            entry(condition(5), CensoringCriteria=[{"VisitOccurrence": {"VisitLength": {"Op": "gt", "Value": 3}}}]),
            "CensoringCriteria[1] (VisitOccurrence)",
        ),
        (
            entry(condition(5), EndStrategy={"CustomEra": {"DrugCodesetId": 7, "GapDays": 30, "Offset": -1}}),
            "EndStrategy.CustomEra",
        ),
    ],
)
def test_what_reads_after_the_entry_event_is_refused_by_its_name(definition: dict[str, Any], field: str) -> None:
    error = said({"atlas": text(definition)})
    assert (error.code, error.facts["field"]) == ("reads-after-time-zero", f"cohorts.x.atlas.{field}")


BOUND_BY_ITS_END = around(
    drug(7), None, 0, EndWindow={"Start": {"Days": 9, "Coeff": -1}, "End": {"Days": 0, "Coeff": 1}}
)
NESTED = group(around(drug(7, CorrelatedCriteria=group(around(drug(8), None, 0))), -9, 0))
ALL_BEFORE: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "every event": (entry(condition(5)), ()),
    "the first event of all": (entry(condition(5), ExpressionLimit={"Type": "First"}), ("ExpressionLimit (First)",)),
    "where no limit is said": (
        entry(condition(5), AdditionalCriteria=group(around(drug(7), -9, 0)), QualifiedLimit=None),
        ("QualifiedLimit (First)",),
    ),
    "a limit that limits nothing": (entry(condition(5), QualifiedLimit=None), ()),
    "a person's first record": (entry(condition(5, First=True)), ("PrimaryCriteria[1] (ConditionOccurrence)",)),
    "a first record that censors": (
        entry(condition(5), CensoringCriteria=[{"Death": {}}, drug(7, First=True)]),
        ("CensoringCriteria[2] (DrugExposure)",),
    ),
    "a rule with a bound": (entry(condition(5), InclusionRules=[rule("a", around(drug(7), -365, 0))]), ()),
    "a rule without": (
        entry(condition(5), InclusionRules=[rule("a", around(drug(7), None, -1, kind=0, count=0))]),
        ("InclusionRules[1] (a)",),
    ),
    "a bound by the record's end": (entry(condition(5), InclusionRules=[rule("a", BOUND_BY_ITS_END)]), ()),
    "within others": (
        entry(condition(5), InclusionRules=[rule("a", around(drug(7), -9, 0)), rule("b", Groups=[NESTED])]),
        ("InclusionRules[2] (b)",),
    ),
}


@pytest.mark.parametrize("which", ALL_BEFORE)
def test_what_reads_all_days_before_is_named(which: str) -> None:
    definition, parts = ALL_BEFORE[which]
    assert all_days_before(study_of({"atlas": text(definition)}).rules) == tuple(("x", part) for part in parts)


@pytest.mark.parametrize(
    ("definition", "landmark"),
    [
        (entry(condition(5), InclusionRules=[rule("a", around(drug(7), None, 0), around(drug(8), -9, -1))]), None),
        (entry({"VisitOccurrence": {"VisitLength": {"Op": "gte", "Value": 3}}}), 3),
        (entry(condition(5, DateAdjustment={"StartOffset": -7, "EndWith": "START_DATE"})), 7),
        (
            entry(
                condition(5),
                PrimaryCriteria={"CriteriaList": [condition(5)], "ObservationWindow": {"PriorDays": 0, "PostDays": 30}},
            ),
            30,
        ),
        (entry(condition(5), CensoringCriteria=[drug(7)]), None),
    ],
)
def test_what_is_known_by_time_zero_may_be_asked(definition: dict[str, Any], landmark: int | None) -> None:
    study_of({"atlas": text(definition)} | ({"landmark_days": landmark} if landmark else {}))
    if landmark is not None:
        assert said({"atlas": text(definition), "landmark_days": landmark - 1}).code == "reads-after-time-zero"


SHORTENED = {"DateAdjustment": {"StartOffset": 0, "EndWith": "END_DATE", "EndOffset": -30}}
STAY_OVER = {
    **around({"VisitOccurrence": SHORTENED}, None, -30),
    "EndWindow": {"Start": {"Coeff": -1}, "End": {"Days": 0, "Coeff": 1}, "UseEventEnd": True},
}
LONG_STAY = around({"VisitOccurrence": {**SHORTENED, "VisitLength": {"Op": "gte", "Value": 30}}}, None, -30)


@pytest.mark.parametrize("asked", [STAY_OVER, LONG_STAY], ids=["its end", "its length"])
def test_an_end_that_is_dated_earlier_is_known_no_earlier(asked: dict[str, Any]) -> None:
    """The stay goes on for thirty days after the day that counts as its end: who dies meanwhile has no such end."""
    error = said({"atlas": text(entry(condition(5), InclusionRules=[rule("a", asked)]))})
    assert (error.code, error.facts["field"]) == ("reads-after-time-zero", "cohorts.x.atlas.InclusionRules[1] (a)")


def test_a_landmark_asks_nobody_for_the_refill_that_bridges_a_gap() -> None:
    era = {"CustomEra": {"DrugCodesetId": 7, "GapDays": 90, "Offset": 0}}
    error = said({"atlas": text(entry(drug(7), EndStrategy=era)), "landmark_days": 60})
    assert (error.code, error.facts["field"]) == ("reads-after-time-zero", "cohorts.x.atlas.EndStrategy.CustomEra")
    study_of(
        {
            "atlas": text(entry(drug(7), EndStrategy={"CustomEra": {**era["CustomEra"], "GapDays": 0}})),
            "landmark_days": 60,
        }
    )


def test_rows_are_those_that_begin_in_the_period_until_the_data_end() -> None:
    tables = """
    1 observation_period 2010-01-01 2024-12-31
    1 condition_occurrence 2014-12-31 - 5
    2 observation_period 2010-01-01 2024-12-31
    2 condition_occurrence 2015-01-01 - 5
    3 observation_period 2010-01-01 2024-12-31
    3 condition_occurrence 2022-12-31 - 5
    4 observation_period 2010-01-01 2024-12-31
    4 condition_occurrence 2023-01-01 - 5
    5 observation_period 2010-01-01 2016-06-30
    5 condition_occurrence 2016-01-01 - 5
    """
    study = study_of({"atlas": text(entry(condition(5)))})
    assert Answer(study, lines(tables)).rows == [
        (2, "2015-01-01", str(CUT)),
        (3, "2022-12-31", str(CUT)),
        (5, "2016-01-01", "2016-06-30"),
    ]
    until = "(SELECT DATE '2020-05-31')"  # the last day on which the sources can be used
    assert Answer(study, lines(tables), until).rows == [
        (2, "2015-01-01", "2020-05-31"),
        (5, "2016-01-01", "2016-06-30"),
    ]


ERA = {"CustomEra": {"DrugCodesetId": 7, "GapDays": 0, "Offset": 0}}


@pytest.mark.parametrize(
    ("definition", "sources"),
    [
        (entry(condition(5)), {"mco", "ssr", "had", "rip"}),
        (entry(drug(7)), {"dcir", "mco"}),
        (entry(condition(5), InclusionRules=[rule("a", around(drug(7), -9, 0))]), {"mco", "ssr", "had", "rip", "dcir"}),
        (entry({"Measurement": {"CodesetId": 3}}), {"dcir"}),
        (entry({"Measurement": {"CodesetId": 3}}, EndStrategy=ERA), {"dcir", "mco"}),
        (entry({"Death": {}}), set()),
        (entry({"Death": {"CodesetId": 5}}), {"certificates"}),
        (entry({"Death": {"DeathType": [{"CONCEPT_ID": 32815}]}}), {"certificates"}),
        (entry({"ObservationPeriod": {}}, CensoringCriteria=[{"Death": {"CodesetId": 5}}]), {"certificates"}),
        (entry({"ObservationPeriod": {}}), set()),
    ],
)
def test_its_sources_are_those_of_its_records(definition: dict[str, Any], sources: set[str]) -> None:
    assert cohort_sources(study_of({"atlas": text(definition)}))["x"] == sources


@pytest.mark.parametrize(("dated", "ends"), [("date", "2020-03-15"), ("month", "2020-03-20")])
def test_deaths_are_dated_as_the_protocol_says(dated: str, ends: str) -> None:
    tables = lines(
        "1 observation_period 2018-01-01 2020-03-20\n1 condition_occurrence 2020-02-01 - 5\n1 death 2020-03-15"
    )
    ends_with_death = text(entry(condition(5), CensoringCriteria=[{"Death": {}}]))
    found = Answer(study_of({"atlas": ends_with_death}, death=dated), tables)
    assert found.rows == [(1, "2020-02-01", ends)]
    assert found.reads["death"] == {f"death_{dated}"}


MEASURED = {"Measurement": {"CodesetId": 3, "ValueAsNumber": {"Op": "gt", "Value": 1}}}


@pytest.mark.parametrize(
    ("definition", "word"),
    [
        (entry({"ConditionEra": {"CodesetId": 5}}), "ConditionEra"),
        (entry({"Observation": {"CodesetId": 5}}), "Observation"),
        (entry(condition(5), InclusionRules=[rule("a", around({"DrugEra": {"CodesetId": 7}}, -9, 0))]), "DrugEra"),
        (entry(condition(5), CensoringCriteria=[{"Specimen": {}}]), "Specimen"),
        (entry(condition(5, CorrelatedCriteria=group(around(MEASURED, -9, 0)))), "Measurement.ValueAsNumber"),
        (entry(drug(7, Refills={"Op": "gt", "Value": 1})), "DrugExposure.Refills"),
        (entry(condition(5, ProviderSpecialty=[{"CONCEPT_ID": 5}])), "ConditionOccurrence.ProviderSpecialty"),
        (entry({"VisitOccurrence": {"VisitSourceConcept": 5}}), "VisitOccurrence.VisitSourceConcept"),
        (entry({"Death": {"DeathSourceConcept": 5}}), "Death.DeathSourceConcept"),
        (entry(condition(5), CollapseSettings={"CollapseType": "ERA", "EraPad": -1}), "CollapseSettings.EraPad < 0"),
    ],
)
def test_what_a_project_s_tables_do_not_hold_is_refused_by_name(definition: dict[str, Any], word: str) -> None:
    with pytest.raises(BadInput) as caught:
        text(definition)
    assert (caught.value.code, caught.value.facts["word"]) == ("atlas-not-in-project", word)
    with pytest.raises(BadInput, match="atlas-not-in-project"):  # whoever writes such a text by hand, too
        required_columns(study_of({"atlas": definition_text(read(definition))}), KNOWN)


def test_the_tables_of_a_project_mean_what_the_cdm_s_mean() -> None:
    cdm = domains()
    for name, domain in DOMAINS.items():
        for key, value in domain.items():
            asked = (
                {**cdm["shared"].get(key, {}), **cdm[name].get(key, {})} if isinstance(value, dict) else cdm[name][key]
            )
            if isinstance(value, dict):
                assert {attribute: asked[attribute] for attribute in value} == value, name
            else:
                assert value.replace("death_day", "death_date") == asked, name
        if name != "shared":
            columns = KNOWN[domain["table"]].columns
            named = [f"{{{domain[key]}}}" for key in ("id", "concept", "source_concept", "visit") if key in domain]
            for sql in (*named, *domain["attributes"].values(), *domain["counted"].values(), domain["end"]):
                for column in (part.split("}")[0] for part in sql.split("{")[1:]):
                    known = "." in column or column in {*columns, "start", "end", "person_id", "death_day"}
                    assert known, (name, column)


def with_sets(*items: dict[str, Any]) -> dict[str, Any]:
    """A definition of diagnoses whose first concept set has these items."""
    return {**entry(condition(0)), "ConceptSets": [{"id": 0, "name": "a", "expression": {"items": list(items)}}]}


def concept(number: int, **more: bool) -> dict[str, Any]:
    """An item of a concept set."""
    return {"concept": {"CONCEPT_ID": number}, **more}


def test_concept_sets_are_told_in_full() -> None:
    plain = with_sets(concept(5), concept(6), concept(7, isExcluded=True))
    assert definition_from_text(text(plain), file="f", field="x").code_sets[0].include == (
        (5, False, False),
        (6, False, False),
    )
    below = with_sets(concept(5, includeDescendants=True))
    for wide in (
        below,
        with_sets(concept(5, includeMapped=True)),
        with_sets(concept(5), concept(6, isExcluded=True, includeDescendants=True)),
    ):
        with pytest.raises(BadInput, match="atlas-concepts") as caught:
            text(wide)
        assert caught.value.facts["number"] == 0
    told = concepts_told([["Concept_Set", "name", "concept_id"], ["0", "a", "50"], ["0", "b", "5"]], file="c.csv")
    found = definition_from_text(text(below, told), file="f", field="x")
    assert found.code_sets[0].include == ((5, False, False), (50, False, False))
    rows = Answer(study_of({"atlas": text(below, told)}), lines(BASE)).rows
    assert [person for person, *_ in rows] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        ([], 1),
        ([["concept_id"]], 1),
        ([["concept_set", "concept_id"], ["0", "x"]], 2),
        ([["concept_set", "concept_id"], ["0", "5"], ["0"]], 3),
        ([["concept_set", "concept_id"], ["0", "-5"]], 2),
    ],
)
def test_a_file_of_concepts_is_told_by_its_line(rows: list[list[str]], row: int) -> None:
    with pytest.raises(BadInput, match="atlas-concepts-file") as caught:
        concepts_told(rows, file="c.csv")
    assert caught.value.facts["row"] == row


def test_a_concept_set_of_nothing_and_one_that_is_not_there_are_told() -> None:
    with pytest.raises(BadInput, match="atlas-empty-set"):
        text(with_sets(concept(5), concept(5, isExcluded=True)))
    with pytest.raises(BadInput, match="cohort-code-set"):
        text(with_sets(concept(5)), {4: frozenset({5})})


def test_names_of_rules_can_be_shown_and_quote_nothing() -> None:
    named = entry(
        condition(5), InclusionRules=[rule("it's\n'; DROP TABLE person; --", around(drug(7), -9, 0)), rule("")]
    )
    found = Answer(study_of({"atlas": text(named)}), lines(BASE))
    assert [name for name, _ in found.attrition][1:3] == ["it's '; DROP TABLE person; --", "2"]


@pytest.mark.parametrize(
    "change",
    [
        {"primary": "x"},
        {"prior_days": 1.5},
        {"prior_days": True},
        {"primary_limit": "nth"},
        {"exit": {"is": "Number", "days": 1, "of": "start"}},
        {"exit": {"days": 1, "of": "start"}},
        {"code_sets": {"a": {"include": []}}},
        {"window": ["2020-01-01"]},
        {"window": ["yesterday", None]},
        {"rules": [{"name": "a\nb", "group": {"kind": "all"}}]},
        {"primary": [{"domain": "ConditionOccurrence", "cohort": "y"}]},
        {
            "primary": [
                {"domain": "ConditionOccurrence", "conditions": [{"is": "Listed", "attribute": "start", "values": []}]}
            ]
        },
        {"another": 1},
        {"rules": [{"name": "\ud800", "group": {"kind": "all"}}]},
    ],
)
def test_a_text_that_no_definition_gives_is_refused(change: dict[str, Any]) -> None:
    told = {**json.loads(text(TREATED)), "rules": [], **change}
    error = said({"atlas": json.dumps(told)})
    assert (error.code, error.facts["field"]) == ("study-field", "cohorts.x.atlas")


def test_a_definition_is_its_text_and_back() -> None:
    for _, definition, _ in CASES.values():
        parsed = read(definition)
        again = definition_from_text(definition_text(parsed), file="f", field="x")
        assert again == parsed
        assert definition_text(again) == definition_text(parsed)
