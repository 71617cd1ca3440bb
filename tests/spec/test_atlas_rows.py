# SPDX-License-Identifier: Apache-2.0
"""ATLAS definitions of our own with rows checked by hand: small tables in, persons and days out."""

import json
from typing import Any

import pytest

from tests.atlas_house import Tables, day, entry, lines, read, rows_of, run

ALWAYS = {"Start": {"Days": None, "Coeff": -1}, "End": {"Days": None, "Coeff": 1}}


def days(*told: str) -> list[tuple[int, Any, Any]]:
    """``1 2020-03-01 2020-12-31`` as a row."""
    return [(int(person), day(first), day(last)) for person, first, last in map(str.split, told)]


def condition(concept: int, **more: object) -> dict[str, Any]:
    """Diagnoses of one concept."""
    return {"ConditionOccurrence": {"CodesetId": concept, **more}}


def drug(concept: int, **more: object) -> dict[str, Any]:
    """Exposures to one concept."""
    return {"DrugExposure": {"CodesetId": concept, **more}}


def around(
    criterion: object, first: int | None, last: int | None, *, kind: int = 2, count: int = 1, **more: object
) -> dict[str, Any]:
    """At least (kind 2), at most (1) or exactly (0) so many records from ``first`` to ``last`` days after the index."""
    window = {"Start": bound(first, -1), "End": bound(last, 1)}
    occurrence = {
        "Type": kind,
        "Count": count,
        **{key: more.pop(key) for key in ("IsDistinct", "CountColumn") if key in more},
    }
    return {"Criteria": criterion, "StartWindow": window, "Occurrence": occurrence, **more}


def bound(offset: int | None, side: int) -> dict[str, Any]:
    """A bound of a window."""
    return {"Days": None, "Coeff": side} if offset is None else {"Days": abs(offset), "Coeff": -1 if offset < 0 else 1}


def group(*items: object, kind: str = "ALL", **more: object) -> dict[str, Any]:
    """Demands joined."""
    return {"Type": kind, "CriteriaList": list(items), **more}


def rule(name: str, *items: object, **more: object) -> dict[str, Any]:
    """An inclusion rule."""
    return {"name": name, "expression": group(*items, **more)}


CASES = {
    "the first diagnosis ever, if the person was observed for a year before it": (
        """
        1 observation_period 2018-01-01 2020-12-31
        1 condition_occurrence 2019-05-01 - 5
        1 condition_occurrence 2020-05-01 - 5
        2 observation_period 2018-01-01 2020-12-31
        2 condition_occurrence 2018-06-01 - 5
        2 condition_occurrence 2019-06-01 - 5
        3 observation_period 2018-01-01 2020-12-31
        3 condition_occurrence 2019-01-01 - 5
        4 observation_period 2018-01-01 2020-12-31
        4 condition_occurrence 2019-01-02 - 6
        """,
        entry(
            condition(5, First=True),
            PrimaryCriteria={
                "CriteriaList": [condition(5, First=True)],
                "ObservationWindow": {"PriorDays": 365, "PostDays": 0},
                "PrimaryCriteriaLimit": {"Type": "First"},
            },
        ),
        ["1 2019-05-01 2020-12-31", "3 2019-01-01 2020-12-31"],
    ),
    "every diagnosis opens a period, and periods that touch are one": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 - 5
        1 condition_occurrence 2020-02-11 - 5
        1 condition_occurrence 2020-02-23 - 5
        """,
        entry(condition(5), EndStrategy={"DateOffset": {"DateField": "StartDate", "Offset": 10}}),
        ["1 2020-02-01 2020-02-21", "1 2020-02-23 2020-03-04"],
    ),
    "gaps of up to two days are closed": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 - 5
        1 condition_occurrence 2020-02-23 - 5
        1 condition_occurrence 2020-04-01 - 5
        """,
        entry(
            condition(5),
            EndStrategy={"DateOffset": {"DateField": "StartDate", "Offset": 20}},
            CollapseSettings={"CollapseType": "ERA", "EraPad": 2},
        ),
        ["1 2020-02-01 2020-03-14", "1 2020-04-01 2020-04-21"],
    ),
    "a continuous treatment ends thirty days after its last supply; a refill after more than thirty begins another": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 drug_exposure 2020-01-10 - 7 days_supply=30
        1 drug_exposure 2020-03-10 - 7 days_supply=30
        1 drug_exposure 2020-08-01 2020-08-10 7
        """,
        entry(drug(7), EndStrategy={"CustomEra": {"DrugCodesetId": 7, "GapDays": 30, "Offset": 0}}),
        ["1 2020-01-10 2020-04-09", "1 2020-08-01 2020-08-10"],
    ),
    "a supply that the definition fixes replaces the record's": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 drug_exposure 2020-01-10 2020-01-20 7
        """,
        entry(
            drug(7),
            EndStrategy={"CustomEra": {"DrugCodesetId": 7, "GapDays": 0, "Offset": 5, "DaysSupplyOverride": 28}},
        ),
        ["1 2020-01-10 2020-02-12"],
    ),
    "death, or a second diagnosis, ends a period, on its first day too; nobody is followed beyond observation": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 - 5
        1 death 2020-03-01
        2 observation_period 2020-01-01 2020-12-31
        2 condition_occurrence 2020-02-01 - 5
        2 condition_occurrence 2020-06-01 - 6
        3 observation_period 2020-01-01 2020-04-30
        3 condition_occurrence 2020-02-01 - 5
        3 condition_occurrence 2020-01-15 - 6
        4 observation_period 2020-01-01 2020-12-31
        4 condition_occurrence 2020-02-01 - 5
        4 condition_occurrence 2020-02-01 - 6
        """,
        entry(condition(5), CensoringCriteria=[{"Death": {}}, condition(6)]),
        ["1 2020-02-01 2020-03-01", "2 2020-02-01 2020-06-01", "3 2020-02-01 2020-04-30", "4 2020-02-01 2020-02-01"],
    ),
    "two prescriptions on different days in the month after, and no other drug before": (
        """
        1 observation_period 2019-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 - 5
        1 drug_exposure 2020-02-01 - 7
        1 drug_exposure 2020-03-02 - 7
        2 observation_period 2019-01-01 2020-12-31
        2 condition_occurrence 2020-02-01 - 5
        2 drug_exposure 2020-02-05 - 7
        2 drug_exposure 2020-02-05 - 7
        3 observation_period 2019-01-01 2020-12-31
        3 condition_occurrence 2020-02-01 - 5
        3 drug_exposure 2020-02-05 - 7
        3 drug_exposure 2020-02-06 - 7
        3 drug_exposure 2019-03-01 - 8
        4 observation_period 2019-01-01 2020-12-31
        4 condition_occurrence 2020-02-01 - 5
        4 drug_exposure 2020-02-02 - 7
        4 drug_exposure 2020-03-03 - 7
        """,
        entry(
            condition(5),
            InclusionRules=[
                rule("treated twice", around(drug(7), 0, 30, count=2, IsDistinct=True, CountColumn="START_DATE")),
                rule("not treated before", around(drug(8), None, -1, kind=0, count=0)),
            ],
            EndStrategy={"DateOffset": {"DateField": "StartDate", "Offset": 0}},
        ),
        ["1 2020-02-01 2020-02-01"],
    ),
    "one of two signs, at the same visit": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 visit_occurrence 2020-02-01 2020-02-03 2
        1 condition_occurrence 2020-02-01 - 5 visit_occurrence_id=1
        1 measurement 2020-02-02 - 3 visit_occurrence_id=1 value_as_number=7
        2 observation_period 2020-01-01 2020-12-31
        2 condition_occurrence 2020-02-01 - 5 visit_occurrence_id=1
        2 measurement 2020-02-02 - 3 visit_occurrence_id=2 value_as_number=7
        3 observation_period 2020-01-01 2020-12-31
        3 condition_occurrence 2020-02-01 - 5
        3 procedure_occurrence 2020-02-01 - 4
        """,
        entry(
            condition(5),
            AdditionalCriteria=group(
                around(
                    {"Measurement": {"CodesetId": 3, "ValueAsNumber": {"Op": "gte", "Value": 6.5}}}, -7, 7, RestrictVisit=True
                ),
                around({"ProcedureOccurrence": {"CodesetId": 4}}, -7, 7),
                kind="ANY",
            ),
            EndStrategy={"DateOffset": {"DateField": "StartDate", "Offset": 1}},
        ),
        ["1 2020-02-01 2020-02-02", "3 2020-02-01 2020-02-02"],
    ),
    "of a stay, the day after it ends; and women of 50 or older alone": (
        """
        1 person 1970-01-01
        1 observation_period 2020-01-01 2020-12-31
        1 visit_occurrence 2020-02-01 2020-02-03 2
        2 person 1971-01-01
        2 observation_period 2020-01-01 2020-12-31
        2 visit_occurrence 2020-02-01 2020-02-03 2
        """,
        entry(
            {
                "VisitOccurrence": {
                    "CodesetId": 2, "Age": {"Op": "gte", "Value": 50}, "Gender": [{"CONCEPT_ID": 8532}],
                    "DateAdjustment": {"StartWith": "END_DATE", "StartOffset": 1, "EndWith": "END_DATE", "EndOffset": 8},
                }
            },
            EndStrategy={"DateOffset": {"DateField": "EndDate", "Offset": 0}},
        ),
        ["1 2020-02-04 2020-02-11"],
    ),
    "records of another period of observation do not count, unless the definition says so": (
        """
        1 observation_period 2019-01-01 2019-12-31
        1 observation_period 2020-02-01 2020-12-31
        1 condition_occurrence 2020-03-01 - 5
        1 drug_exposure 2019-06-01 - 7
        2 observation_period 2019-01-01 2019-12-31
        2 observation_period 2020-02-01 2020-12-31
        2 condition_occurrence 2020-03-01 - 5
        2 drug_exposure 2019-06-01 - 8
        """,
        entry(
            condition(5),
            InclusionRules=[
                rule("not treated in this period", around(drug(7), -365, -1, kind=0, count=0)),
                rule("not treated ever", around(drug(8), -365, -1, kind=0, count=0, IgnoreObservationPeriod=True)),
            ],
        ),
        ["1 2020-03-01 2020-12-31"],
    ),
    "the first record is the first of all, whatever else is asked of it": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 - 5
        1 condition_occurrence 2020-03-10 - 5
        2 observation_period 2020-01-01 2020-12-31
        2 condition_occurrence 2020-03-05 - 5
        2 condition_occurrence 2020-02-05 - 6
        """,
        entry(condition(5, First=True, OccurrenceStartDate={"Op": "gte", "Value": "2020-03-01"})),
        ["2 2020-03-05 2020-12-31"],
    ),
    "a stay that ends within ten days": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 - 5
        1 visit_occurrence 2020-02-01 2020-02-12 2
        2 observation_period 2020-01-01 2020-12-31
        2 condition_occurrence 2020-02-01 - 5
        2 visit_occurrence 2020-02-01 2020-02-11 2
        """,
        entry(
            condition(5),
            InclusionRules=[
                rule(
                    "short",
                    around(
                        {"VisitOccurrence": {"CodesetId": 2}}, 0, 0, EndWindow={"Start": bound(None, -1), "End": bound(10, 1)}
                    ),
                )
            ],
        ),
        ["2 2020-02-01 2020-12-31"],
    ),
    "a treatment told by the source's own concept": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 drug_exposure 2020-01-10 2020-01-20 7 drug_source_concept_id=9
        """,
        entry(drug(7), EndStrategy={"CustomEra": {"DrugCodesetId": 9, "GapDays": 0, "Offset": 0}}),
        ["1 2020-01-10 2020-01-20"],
    ),
    "a death without a cause is a death of one cause": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 - 5
        1 death 2020-03-01
        """,
        entry(
            condition(5),
            InclusionRules=[rule("died", around({"Death": {}}, 0, 60, IsDistinct=True, CountColumn="DOMAIN_CONCEPT"))],
        ),
        ["1 2020-02-01 2020-12-31"],
    ),
    "only what lies in the window of the cohort": (
        """
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 - 5
        2 observation_period 2020-01-01 2020-01-31
        2 condition_occurrence 2020-01-05 - 5
        """,
        entry(condition(5), CensorWindow={"StartDate": "2020-03-01", "EndDate": "2020-06-30"}),
        ["1 2020-03-01 2020-06-30"],
    ),
    "a period of observation between two days, as an event": (
        """
        1 observation_period 2019-06-01 2020-12-31
        2 observation_period 2020-02-01 2020-12-31
        """,
        entry({"ObservationPeriod": {"UserDefinedPeriod": {"StartDate": "2020-01-01", "EndDate": "2020-06-30"}}}),
        ["1 2020-01-01 2020-12-31"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_rows_are_those_that_a_doctor_would_find(case: str) -> None:
    tables, definition, expected = CASES[case]
    assert rows_of(definition, lines(tables)) == days(*expected)


def test_of_events_on_one_day_the_smallest_number_counts() -> None:
    tables = lines("""
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 2020-02-20 5
        1 condition_occurrence 2020-02-01 2020-02-10 5
        """)
    first = {"Type": "First"}
    definition = entry(condition(5), EndStrategy={"DateOffset": {"DateField": "EndDate", "Offset": 0}})
    definition["PrimaryCriteria"]["PrimaryCriteriaLimit"] = first
    assert rows_of(definition, tables) == days("1 2020-02-01 2020-02-20")
    tables["condition_occurrence"].reverse()
    assert rows_of(definition, tables) == days("1 2020-02-01 2020-02-20")
    last = definition | {"PrimaryCriteria": definition["PrimaryCriteria"] | {"PrimaryCriteriaLimit": {"Type": "Last"}}}
    assert rows_of(last, tables) == days("1 2020-02-01 2020-02-20")


def test_a_limit_of_qualified_events_takes_the_smallest_number_of_a_day_and_holds_where_nothing_is_demanded() -> None:
    tables = lines("""
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 2020-02-20 5
        1 condition_occurrence 2020-02-01 2020-02-10 5
        1 condition_occurrence 2020-06-01 2020-06-10 5
        """)
    definition = entry(
        condition(5),
        EndStrategy={"DateOffset": {"DateField": "EndDate", "Offset": 0}},
        AdditionalCriteria=group(),
        QualifiedLimit={"Type": "First"},
    )
    for _ in range(2):
        assert rows_of(definition, tables) == days("1 2020-02-01 2020-02-20")
        tables["condition_occurrence"].reverse()
    without = {name: value for name, value in definition.items() if name != "AdditionalCriteria"}
    assert len(rows_of(without, tables)) == 2


def test_where_nothing_is_said_of_a_limit_the_first_event_counts() -> None:
    names = ("QualifiedLimit", "ExpressionLimit")
    plain = read({name: value for name, value in entry(condition(5)).items() if name not in names})
    assert (plain.qualified_limit, plain.expression_limit) == ("first", "first")
    silent = read(entry(condition(5)) | {name: {"Type": None} for name in names})
    assert (silent.qualified_limit, silent.expression_limit) == ("all", "all")
    primary = {"CriteriaList": [condition(5)]}
    assert read(entry(condition(5), PrimaryCriteria=primary)).primary_limit == "first"


@pytest.mark.parametrize(("excluded", "expected"), [(True, [1, 2]), (False, [3])])
def test_a_selection_without_a_code_set_asks_whether_there_is_a_value(excluded: bool, expected: list[int]) -> None:
    tables = lines("\n".join(
        f"{person} observation_period 2020-01-01 2020-12-31\n{person} condition_occurrence 2020-02-01 - 5{provider}"
        for person, provider in ((1, ""), (2, " provider_id=1"), (3, " provider_id=2"))
    ))  # fmt: skip
    tables["provider"] = [{"provider_id": 1}, {"provider_id": 2, "specialty_concept_id": 38004456}]
    definition = entry(condition(5, ProviderSpecialtyCS={"CodesetId": None, "IsExclusion": excluded}))
    assert [person for person, *_ in rows_of(definition, tables)] == expected


def test_code_sets_hold_descendants_and_what_maps_to_them_but_what_is_taken_out() -> None:
    tables = lines("""
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-02-01 - 1
        1 condition_occurrence 2020-02-03 - 2
        1 condition_occurrence 2020-02-05 - 3
        1 condition_occurrence 2020-02-07 - 4
        1 condition_occurrence 2020-02-09 - 6
        1 condition_occurrence 2020-02-11 - 7
        """)
    tables["concept"] = [{"concept_id": n, "invalid_reason": "D" if n == 4 else None} for n in range(1, 8)]
    tables["concept_ancestor"] = [{"ancestor_concept_id": 1, "descendant_concept_id": n} for n in (1, 2, 3, 4)]
    tables["concept_relationship"] = [
        {"concept_id_1": 6, "concept_id_2": 2, "relationship_id": "Maps to"},
        {"concept_id_1": 7, "concept_id_2": 2, "relationship_id": "Is a"},
    ]
    items = [
        {"concept": {"CONCEPT_ID": 1}, "includeDescendants": True, "includeMapped": True},
        {"concept": {"CONCEPT_ID": 3}, "isExcluded": True},
    ]
    definition = entry(condition(0), EndStrategy={"DateOffset": {"DateField": "StartDate", "Offset": 0}})
    definition["ConceptSets"] = [{"id": 0, "name": "", "expression": {"items": items}}]
    found = [first.isoformat() for _, first, _ in rows_of(definition, tables)]
    assert found == ["2020-02-01", "2020-02-03", "2020-02-09"]


# What the reference gets wrong, as it should be.


def test_the_gap_days_of_a_drug_era_are_its_gaps_and_not_its_length() -> None:
    tables = lines("""
        1 observation_period 2020-01-01 2020-12-31
        1 drug_era 2020-02-01 2020-02-11 7 gap_days=3
        2 observation_period 2020-01-01 2020-12-31
        2 drug_era 2020-02-01 2020-02-04 7 gap_days=10
        """)
    definition = entry({"DrugEra": {"CodesetId": 7, "GapDays": {"Op": "lte", "Value": 5}}})
    assert rows_of(definition, tables) == days("1 2020-02-01 2020-12-31")


def test_a_measurement_is_abnormal_out_of_its_range_or_by_its_value() -> None:
    tables = lines("""
        1 observation_period 2020-01-01 2020-12-31
        1 measurement 2020-02-01 - 3 value_as_number=4 range_low=5 range_high=9
        2 observation_period 2020-01-01 2020-12-31
        2 measurement 2020-02-01 - 3 value_as_number=5 range_low=5 range_high=9
        3 observation_period 2020-01-01 2020-12-31
        3 measurement 2020-02-01 - 3 value_as_number=10 range_high=9
        4 observation_period 2020-01-01 2020-12-31
        4 measurement 2020-02-01 - 3 value_as_concept_id=4155142
        5 observation_period 2020-01-01 2020-12-31
        5 measurement 2020-02-01 - 3
        """)
    definition = entry({"Measurement": {"CodesetId": 3, "Abnormal": True}})
    assert [person for person, *_ in rows_of(definition, tables)] == [1, 3, 4]


def test_different_payers_of_a_person_can_be_counted() -> None:
    tables = lines("""
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-06-01 - 5
        1 payer_plan_period 2020-01-01 2020-02-28 - payer_concept_id=1
        1 payer_plan_period 2020-03-01 2020-04-30 - payer_concept_id=2
        2 observation_period 2020-01-01 2020-12-31
        2 condition_occurrence 2020-06-01 - 5
        2 payer_plan_period 2020-01-01 2020-02-28 - payer_concept_id=1
        2 payer_plan_period 2020-03-01 2020-04-30 - payer_concept_id=1
        """)
    twice = around({"PayerPlanPeriod": {}}, None, 0, count=2, IsDistinct=True, CountColumn="DOMAIN_CONCEPT")
    definition = entry(condition(5), InclusionRules=[rule("changed payer", twice)])
    assert [person for person, *_ in rows_of(definition, tables)] == [1]


def test_different_values_are_counted_of_records_that_hold_demands_of_their_own() -> None:
    tables = lines("""
        1 observation_period 2020-01-01 2020-12-31
        1 condition_occurrence 2020-06-01 - 5
        1 drug_exposure 2020-06-02 - 7
        1 drug_exposure 2020-06-02 - 8
        1 procedure_occurrence 2020-06-02 - 4
        2 observation_period 2020-01-01 2020-12-31
        2 condition_occurrence 2020-06-01 - 5
        2 drug_exposure 2020-06-02 - 7
        2 drug_exposure 2020-06-03 - 8
        2 procedure_occurrence 2020-06-02 - 4
        """)
    with_procedure = {
        "DrugExposure": {"CorrelatedCriteria": group(around({"ProcedureOccurrence": {"CodesetId": 4}}, 0, 0))}
    }
    twice = around(with_procedure, 0, 7, count=2, IsDistinct=True, CountColumn="DOMAIN_CONCEPT")
    definition = entry(condition(5), InclusionRules=[rule("two drugs", twice)])
    assert [person for person, *_ in rows_of(definition, tables)] == [1]


def test_the_inclusion_report_counts_persons_however_many_events_and_rules_there_are() -> None:
    told = "\n".join(
        f"{person} observation_period 2020-01-01 2020-12-31\n"
        f"{person} condition_occurrence 2020-02-01 - 5\n{person} condition_occurrence 2020-03-01 - 5"
        for person in range(1, 6)
    )
    drugs = "\n".join(
        f"{person} drug_exposure 2020-03-0{n} - {6 + n}" for person in range(1, 5) for n in (1, 2) if person != n + 1
    )
    rules = [rule(f"drug {n}", around(drug(6 + n), 0, 5)) for n in (1, 2)] + [rule(f"any {n}") for n in range(70)]
    session = Tables(lines(f"{told}\n{drugs}"))
    try:
        _, (made,) = run(session, [read(entry(condition(5), InclusionRules=rules))], report=True)
    finally:
        session.close()
    assert dict(made.steps) == {"entry": 5, "cohort": 2}
    told_of = [(one.name, one.persons, one.remaining, one.missed) for one in made.rules]
    assert told_of[:3] == [("drug 1", 3, 3, 1), ("drug 2", 3, 2, 1), ("any 0", 5, 2, 0)]
    assert {one[1:] for one in told_of[2:]} == {(5, 2, 0)} and len(told_of) == 72


WRAPPING = {
    "id": 7,
    "name": "a name",
    "description": None,
    "expressionType": "SIMPLE_EXPRESSION",
    "createdBy": {"id": 1, "login": "x"},
    "createdDate": 1585699200000,
    "modifiedBy": None,
    "modifiedDate": "2020-04-01 12:00",
    "tags": [{"id": 3}],
    "hasWriteAccess": True,
    "hasReadAccess": False,
}


@pytest.mark.parametrize("case", CASES)
def test_a_definition_that_the_service_has_wrapped_is_the_same_definition(case: str) -> None:
    _, definition, _ = CASES[case]
    plain = read(definition)
    assert read({"expression": definition}) == plain
    assert read({**WRAPPING, "expression": definition}) == plain
    assert read({**WRAPPING, "expression": json.dumps(definition, indent=2)}) == plain
