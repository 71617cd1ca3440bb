# SPDX-License-Identifier: Apache-2.0
"""Every word of an ATLAS definition is read and changes what is asked, or is refused by its name; none is passed over."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rempart.cohort.generate import statements
from rempart.cohort.records_sql import Names
from rempart.errors import BadInput
from tests.atlas_house import domains, entry, read, words

CONCEPTS = [{"CONCEPT_ID": 8507}]
CHOSEN = {"CodesetId": 1, "IsExclusion": False}
NUMBER = {"Value": 2, "Op": "gte"}
DAY = {"Value": "2020-01-01", "Op": "bt", "Extent": "2020-12-31"}
TEXT = {"Text": "a", "Op": "contains"}
ADJUSTMENT = {"StartWith": "START_DATE", "StartOffset": 1, "EndWith": "END_DATE", "EndOffset": 2}
PERIOD = {"StartDate": "2020-01-01", "EndDate": "2020-06-30"}
AROUND = {
    "Criteria": {"Death": {}},
    "StartWindow": {"Start": {"Days": 0, "Coeff": -1}, "End": {"Days": 5, "Coeff": 1}},
    "Occurrence": {"Type": 2, "Count": 1},
}
GROUP = {"Type": "ALL", "CriteriaList": [AROUND]}
EVERY = {"CorrelatedCriteria": GROUP, "DateAdjustment": ADJUSTMENT}
CODED: dict[str, Any] = {"CodesetId": 1, "First": True}
PERSON: dict[str, Any] = {"Age": NUMBER, "Gender": CONCEPTS, "GenderCS": CHOSEN}
ERA: dict[str, Any] = {
    **CODED, "EraStartDate": DAY, "EraEndDate": DAY, "EraLength": NUMBER, "AgeAtStart": NUMBER, "AgeAtEnd": NUMBER, "Gender": CONCEPTS,
    "GenderCS": CHOSEN,
}  # fmt: skip
VISITED: dict[str, Any] = {
    **CODED, **PERSON, "OccurrenceStartDate": DAY, "ProviderSpecialty": CONCEPTS, "ProviderSpecialtyCS": CHOSEN, "VisitType": CONCEPTS,
    "VisitTypeCS": CHOSEN,
}  # fmt: skip


def lists(*names: str) -> dict[str, Any]:
    """Words for lists of concepts, and their forms with a code set."""
    return dict.fromkeys(names, CONCEPTS) | {f"{name}CS": CHOSEN for name in names}


# The checklist of the reference: domain → every word it has.
CHECKLIST: dict[str, dict[str, Any]] = {
    "ConditionOccurrence": VISITED
    | lists("ConditionType", "ConditionStatus")
    | {"OccurrenceEndDate": DAY, "StopReason": TEXT, "ConditionSourceConcept": 2},
    "ConditionEra": ERA | {"OccurrenceCount": NUMBER},
    "DrugExposure": VISITED
    | lists("DrugType", "RouteConcept", "DoseUnit")
    | {
        "OccurrenceEndDate": DAY, "StopReason": TEXT, "Refills": NUMBER, "Quantity": NUMBER, "DaysSupply": NUMBER,
        "EffectiveDrugDose": NUMBER, "LotNumber": TEXT, "DrugSourceConcept": 2,
    },
    "DrugEra": ERA | {"OccurrenceCount": NUMBER, "GapDays": NUMBER},
    "DoseEra": ERA | lists("Unit") | {"DoseValue": NUMBER},
    "ProcedureOccurrence": VISITED | lists("ProcedureType", "Modifier") | {"Quantity": NUMBER, "ProcedureSourceConcept": 2},
    "Measurement": VISITED
    | lists("MeasurementType", "Operator", "ValueAsConcept", "Unit")
    | {
        "ValueAsNumber": NUMBER, "RangeLow": NUMBER, "RangeHigh": NUMBER, "RangeLowRatio": NUMBER, "RangeHighRatio": NUMBER,
        "Abnormal": True, "MeasurementSourceConcept": 2,
    },
    "Observation": VISITED
    | lists("ObservationType", "ValueAsConcept", "Qualifier", "Unit")
    | {"ValueAsNumber": NUMBER, "ValueAsString": TEXT, "ObservationSourceConcept": 2},
    "DeviceExposure": VISITED
    | lists("DeviceType")
    | {"OccurrenceEndDate": DAY, "UniqueDeviceId": TEXT, "Quantity": NUMBER, "DeviceSourceConcept": 2},
    "Specimen": CODED
    | PERSON
    | lists("SpecimenType", "Unit", "AnatomicSite", "DiseaseStatus")
    | {"OccurrenceStartDate": DAY, "Quantity": NUMBER, "SourceId": TEXT},
    "VisitOccurrence": VISITED
    | lists("PlaceOfService")
    | {"OccurrenceEndDate": DAY, "VisitSourceConcept": 2, "VisitLength": NUMBER},
    "VisitDetail": CODED
    | {
        "VisitDetailStartDate": DAY, "VisitDetailEndDate": DAY, "VisitDetailTypeCS": CHOSEN, "VisitDetailSourceConcept": 2,
        "VisitDetailLength": NUMBER, "Age": NUMBER, "GenderCS": CHOSEN, "ProviderSpecialtyCS": CHOSEN, "PlaceOfServiceCS": CHOSEN,
    },
    "Death": PERSON | lists("DeathType") | {"CodesetId": 1, "OccurrenceStartDate": DAY, "DeathSourceConcept": 2},
    "ObservationPeriod": lists("PeriodType")
    | {
        "First": True, "PeriodStartDate": DAY, "PeriodEndDate": DAY, "UserDefinedPeriod": PERIOD, "PeriodLength": NUMBER,
        "AgeAtStart": NUMBER, "AgeAtEnd": NUMBER,
    },
    "PayerPlanPeriod": lists("Gender")
    | {name: 1 for kind in ("Payer", "Plan", "Sponsor", "StopReason") for name in (f"{kind}Concept", f"{kind}SourceConcept")}
    | {
        "First": True, "PeriodStartDate": DAY, "PeriodEndDate": DAY, "UserDefinedPeriod": PERIOD, "PeriodLength": NUMBER,
        "AgeAtStart": NUMBER, "AgeAtEnd": NUMBER,
    },
}  # fmt: skip
TURNED = {
    "ConditionOccurrence": "ConditionType", "DrugExposure": "DrugType", "ProcedureOccurrence": "ProcedureType", "Death": "DeathType",
    "Measurement": "MeasurementType", "Observation": "ObservationType", "DeviceExposure": "DeviceType", "Specimen": "SpecimenType",
    "VisitOccurrence": "VisitType",
}  # fmt: skip
EXITS: list[dict[str, Any]] = [
    {"DateOffset": {"DateField": "EndDate", "Offset": 3}},
    {"CustomEra": {"DrugCodesetId": 1, "GapDays": 3, "Offset": 2, "DaysSupplyOverride": 30}},
]
WHOLE = entry(
    {"ConditionOccurrence": {**VISITED, **EVERY, "OccurrenceEndDate": DAY, "StopReason": TEXT}},
    {"ObservationPeriod": {"UserDefinedPeriod": PERIOD}},
    AdditionalCriteria={
        **GROUP,
        "Groups": [{"Type": "AT_LEAST", "Count": 1, "CriteriaList": [AROUND]}],
        "DemographicCriteriaList": [
            {"Age": NUMBER, **lists("Gender", "Race", "Ethnicity"), "OccurrenceStartDate": DAY}
        ],
    },
    InclusionRules=[{"name": "one", "description": "…", "expression": GROUP}],
    CensoringCriteria=[{"Death": {}}],
    CollapseSettings={"CollapseType": "ERA", "EraPad": 1},
    CensorWindow={"StartDate": "2020-01-01", "EndDate": "2020-12-31"},
    EndStrategy=EXITS[0],
)


def sql(definition: dict[str, Any]) -> list[str]:
    """The statements of a definition."""
    return statements(read(definition), Names(domains=domains()))


@pytest.mark.parametrize("domain", CHECKLIST)
def test_every_word_of_a_domain_changes_what_is_asked(domain: str) -> None:
    plain = sql(entry({domain: {}}))
    asked = [sql(entry({domain: {word: value}})) for word, value in {**CHECKLIST[domain], **EVERY}.items()]
    assert plain not in asked
    assert len({tuple(one) for one in asked}) >= len(asked) - 3, "two words that ask for the same"


def test_the_words_that_are_read_are_those_of_the_checklist() -> None:
    known = {
        domain: {name for name, word in given.items() if word["kind"] != "chosen"}
        | {f"{name}CS" for name, word in given.items() if word["kind"] in {"chosen", "concepts"}}
        for domain, given in words().items()
        if domain not in {"Demographic", "counted"}
    }
    assert known == {domain: {*given, "DateAdjustment"} for domain, given in CHECKLIST.items()}


@pytest.mark.parametrize("domain", TURNED)
def test_a_list_that_is_turned_around_asks_for_the_others(domain: str) -> None:
    word = TURNED[domain]
    plain, turned = (sql(entry({domain: {word: CONCEPTS, f"{word}Exclude": told}})) for told in (False, True))
    assert [one.replace(" NOT IN ", " IN ") for one in turned] == plain != turned


@pytest.mark.parametrize("op", ["lt", "lte", "eq", "!eq", "gt", "gte", "bt", "!bt"])
def test_every_comparison_is_another(op: str) -> None:
    asked = [
        sql(entry({"Measurement": {"ValueAsNumber": {"Value": 2, "Op": one, "Extent": 5}}}))
        for one in ("lt", "lte", "eq", "!eq", "gt", "gte", "bt", "!bt")
    ]
    assert asked.count(sql(entry({"Measurement": {"ValueAsNumber": {"Value": 2, "Op": op, "Extent": 5}}}))) == 1


@pytest.mark.parametrize("column", sorted(words()["counted"]))
def test_different_values_are_counted_where_a_domain_has_them_and_refused_elsewhere(column: str) -> None:
    given = words()["counted"][column]["domains"].split()
    for domain in CHECKLIST:
        counted = {"Type": 2, "Count": 2, "IsDistinct": True, "CountColumn": column}
        one = {**AROUND, "Criteria": {domain: {}}, "Occurrence": counted}
        definition = entry({"Death": {}}, InclusionRules=[{"name": "", "expression": {**GROUP, "CriteriaList": [one]}}])
        if {"*", domain} & set(given):
            assert "count(DISTINCT" in "".join(sql(definition))
        else:
            with pytest.raises(BadInput, match="cohort-value"):
                sql(definition)


@pytest.mark.parametrize("domain", ["LocationRegion", "Episode", "CustomEra", "Demographic", "counted", "Visit"])
def test_a_domain_that_is_not_read_is_refused_by_name(domain: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(entry({domain: {}}))
    assert refused.value.code == "cohort-word"
    assert refused.value.facts == {"file": "d.json", "field": "PrimaryCriteria.CriteriaList[0]", "word": domain}


@pytest.mark.parametrize(
    ("domain", "word"),
    [
        ("VisitOccurrence", "PlaceOfServiceLocation"),
        ("VisitDetail", "PlaceOfServiceLocation"),
        ("Specimen", "SpecimenSourceConcept"),
        ("ObservationPeriod", "Gender"),
        ("ConditionEra", "Age"),
    ],
)
def test_a_word_that_the_reference_passes_over_is_refused_by_name(domain: str, word: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(entry({domain: {word: 1}}))
    assert (refused.value.code, refused.value.facts["word"]) == ("cohort-word", word)


def objects(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a definition with its path, but the descriptions of concepts."""
    if isinstance(value, dict):
        yield path, value
    for name, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if name != "concept" and not (isinstance(part, dict) and "CONCEPT_ID" in part):
            yield from objects(part, f"{path}[{name}]" if isinstance(value, list) else f"{path}.{name}".lstrip("."))


@pytest.mark.parametrize("way", EXITS, ids=["offset", "era"])
def test_a_word_that_nobody_knows_is_refused_wherever_it_stands(way: dict[str, Any]) -> None:
    whole = {**WHOLE, "EndStrategy": way}
    sql(whole)
    places = [path for path, _ in objects(whole)]
    assert len(places) > 60
    for number, path in enumerate(places):
        changed = json.loads(json.dumps(whole))
        _, place = list(objects(changed))[number]
        place["Surprise"] = 1
        with pytest.raises(BadInput) as refused:
            read(changed)
        assert refused.value.code == "cohort-word", path
        assert path in str(refused.value.facts["field"])
        place["Surprise"] = None
        read(changed)
