# SPDX-License-Identifier: Apache-2.0
"""A list of drug classes is refused by its name where the project knows no drug class at all, wherever a study reads it; else it is not."""

import datetime
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.match_plan import match_plan
from rempart.cohort.parts import study_parts
from rempart.errors import BadInput
from rempart.journeys.found_codes import check_classes
from rempart.records.protocol import CodeList
from rempart.records.study import Study, study_from_dict

CUT = datetime.date(2014, 12, 31)
KNOWN = [("CIP13", "3400935563248", "ATC", "A10BA02"), ("UCD", "9123456", "ATC", "A10BG03"), ("ATC", "B01", "ATC", "B")]
CLASS, PACKS = {"domain": "drug", "codes": "class"}, {"domain": "drug", "codes": "packs"}
OTHER = {"domain": "drug", "codes": "others"}
OUTCOME = {"tumour": {"any": [{"domain": "condition", "codes": "tumour"}]}}
ARMS = {"target": PACKS, "comparator": OTHER}
SUPPLY = {"supply": [{"rule": "fixed", "days": 30}], "grace_days": 10}
ATTRITION = {"type": "attrition", "design": "cohort"}


def study(include: list[str], **parts: Any) -> Study:
    """A study with these parts; ``class`` is the list of classes."""
    codes = {
        "class": {"system": "ATC", "include": include, **parts.pop("narrowed", {})},
        "packs": {"system": "CIP13", "include": ["3400935563248"]},
        "others": {"system": "CIP13", "include": ["3400935563538"]},
        "tumour": {"system": "CIM10", "include": ["C67"]},
    }
    protocol = {"title": "t", "question": "q", "estimand": "initiation", "period": ["2014-01-01", "2014-06-30"]}
    analyses = [{"id": "all", **item} for item in (parts.pop("analysis", ATTRITION),)]
    head = {"schema": "rempart.study/1", "permit": "P-2026-0001", "protocol": protocol, "codes": codes}
    return study_from_dict({**head, **parts, "analyses": analyses})


def entered(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A rule cohort."""
    return {"entry": {"any": list(events or (PACKS,))}, **more}


def compared(cohort: dict[str, Any], target: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A comparison of new users."""
    parts = {"cohorts": {"main": cohort}, "exposures": {**ARMS, "target": target}, "outcomes": OUTCOME}
    return {**parts, "analysis": {"type": "incidence_rate"}, **more}


EXCLUDED = {**CLASS, "days": [-365, 0]}
HISTORY = {"user": {"type": "history", **EXCLUDED}}
PLACES: dict[str, dict[str, Any]] = {
    "entry of a cohort": {"cohorts": {"x": entered(CLASS)}},
    "exclusion of a cohort": {"cohorts": {"x": entered(exclude=[{"name": "no", **EXCLUDED}])}},
    "exit of a cohort": {"cohorts": {"x": entered(exit={"exposure": "e"})}, "exposures": {"e": {**CLASS, **SUPPLY}}},
    "arm": compared({}, CLASS),
    "exclusion of a comparison": compared({"exclude": [EXCLUDED]}, PACKS),
    "covariate": compared({}, PACKS, covariates=HISTORY),
}


def hierarchy(rows: list[tuple[str, str, str | None, str | None]]) -> Iterator[DuckDBQuery]:
    """A session with this ``code_hierarchy``."""
    session = DuckDBQuery(threads=1, memory_limit="500MB")
    names = ("system", "code", "parent_system", "parent")
    columns = {name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(names)}
    session.register("code_hierarchy", pa.table(columns))
    yield session
    session.close()


@pytest.fixture
def query() -> Iterator[DuckDBQuery]:
    """A session with a hierarchy of two classes with packs or units."""
    yield from hierarchy(KNOWN)


@pytest.fixture
def bare() -> Iterator[DuckDBQuery]:
    """A session whose deliveries came without the reference of drugs: packs and diagnoses hang under no class."""
    yield from hierarchy([("CIP13", "3400935563248", None, None), ("CIM10", "C67", "CIM10", "C64-C68")])


def looked_up(asked: Study) -> set[CodeList]:
    """The lists of classes of every part."""
    return {codes for part in study_parts(asked, cut=CUT) for codes in part.classes}


@pytest.mark.parametrize("place", PLACES)
def test_a_class_is_refused_wherever_it_is_asked_for_where_no_class_is_known(bare: DuckDBQuery, place: str) -> None:
    asked = study(["C10"], **PLACES[place])
    with pytest.raises(BadInput) as told:
        check_classes(bare, asked, looked_up(asked))
    assert (told.value.code, told.value.facts) == ("codes-find-nothing", {"name": "class", "classes": "C10"})


@pytest.mark.parametrize("include", [["A10", "C10"], ["C10"]])
@pytest.mark.parametrize("place", PLACES)
def test_a_class_that_nobody_was_dispensed_stops_no_study(query: DuckDBQuery, place: str, include: list[str]) -> None:
    asked = study(include, **PLACES[place])
    check_classes(query, asked, looked_up(asked))


def test_a_class_of_those_who_are_matched_is_looked_up_before_they_are_sent(bare: DuckDBQuery) -> None:
    match = {"to": "x", "from": "pool", "kind": "exact", "ratio": 1, "on": ["sex"]}
    cohorts = {"x": entered(), "pool": entered(CLASS), "m": {"match": match}}
    asked = study(["C10"], cohorts=cohorts, analysis={**ATTRITION, "inputs": {"cohort": "m_cases"}})
    with pytest.raises(BadInput, match="codes-find-nothing"):
        check_classes(bare, asked, match_plan(asked, cut=CUT).classes)


def test_a_list_that_nothing_reads_is_not_looked_up(bare: DuckDBQuery) -> None:
    asked = study(["C10"], cohorts={"x": entered()})
    assert looked_up(asked) == set()
    check_classes(bare, asked, looked_up(asked))
