# SPDX-License-Identifier: Apache-2.0
"""ATLAS definitions that cannot be read: each is told in clear words with its place, never by a trace."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.atlas_house import entry, lines
from tests.journeys.house import Answer, call
from tests.journeys.test_cohort_run import AROUND, DIAGNOSED, PEOPLE, TREATED, database

WINDOW = {"Start": {"Days": 3, "Coeff": 1}, "End": {"Days": 3, "Coeff": -1}}


def criterion(**words: object) -> dict[str, Any]:
    """A definition of diagnoses with these words."""
    return entry({"ConditionOccurrence": words})


def nested(levels: int) -> dict[str, Any]:
    """Groups within groups."""
    inner: dict[str, Any] = {"Type": "ALL", "CriteriaList": [AROUND]}
    for _ in range(levels):
        inner = {"Type": "ALL", "Groups": [inner]}
    return DIAGNOSED | {"InclusionRules": [{"name": "deep", "expression": inner}]}


def ruled(**words: object) -> dict[str, Any]:
    """A definition with one rule about a criterion in a window, whose words are these."""
    return DIAGNOSED | {
        "InclusionRules": [{"name": "a", "expression": {"Type": "ALL", "CriteriaList": [{**AROUND, **words}]}}]
    }


BAD: dict[str, tuple[Any, str, str]] = {
    "a list": ([], "cohort-value", ""),
    "a number": (3, "cohort-value", ""),
    "nothing": ({}, "cohort-entry", ""),
    "no entry event": (entry(), "cohort-entry", ""),
    "an entry without domain": (entry({}), "cohort-word", "CriteriaList[0]"),
    "an entry of two domains": (entry({"Death": {}, "DrugEra": {}}), "cohort-word", "Death, DrugEra"),
    "a code set that is not there": (criterion(CodesetId=77), "cohort-code-set", "77"),
    "a code set that is there twice": (
        DIAGNOSED | {"ConceptSets": DIAGNOSED["ConceptSets"] * 2}, "cohort-code-set", "1"
    ),
    "a code set in a rule that is not there": (
        ruled(Criteria={"DrugExposure": {"CodesetId": 78}}), "cohort-code-set", "78"
    ),
    "a code set of an exit that is not there": (
        DIAGNOSED | {"EndStrategy": {"CustomEra": {"DrugCodesetId": 79}}}, "cohort-code-set", "79"
    ),
    "a code set by a word": (criterion(CodesetId="five"), "cohort-value", "CodesetId"),
    "a concept by its name": (
        entry({"Death": {}}, ConceptSets=[{"id": 1, "name": "", "expression": {"items": [{"concept": {"CONCEPT_ID": "flu"}}]}}]),
        "cohort-value", "CONCEPT_ID",
    ),
    "a concept beyond all numbers": (
        entry({"Death": {}}, ConceptSets=[{"id": 1, "name": "", "expression": {"items": [{"concept": {"CONCEPT_ID": 10**30}}]}}]),
        "cohort-value", "CONCEPT_ID",
    ),
    "an age between without its end": (criterion(Age={"Value": 4, "Op": "bt"}), "cohort-value", "Age.Extent"),
    "an age of half a year": (criterion(Age={"Value": 4.5, "Op": "gt"}), "cohort-value", "Age.Value"),
    "an unknown comparison": (criterion(Age={"Value": 4, "Op": "about"}), "cohort-value", "Age.Op"),
    "a day that there is not": (
        criterion(OccurrenceStartDate={"Value": "2020-02-30", "Op": "gt"}), "cohort-value", "OccurrenceStartDate.Value"
    ),
    "a day in words": (criterion(OccurrenceStartDate={"Value": "Monday", "Op": "gt"}), "cohort-value", "Value"),
    "first by a word": (criterion(First="yes"), "cohort-value", "First"),
    "a text with a byte 0": (criterion(StopReason={"Text": "a\0b", "Op": "contains"}), "cohort-value", "StopReason.Text"),
    "an unknown limit": (DIAGNOSED | {"ExpressionLimit": {"Type": "Third"}}, "cohort-value", "ExpressionLimit.Type"),
    "an unknown group": (
        DIAGNOSED | {"AdditionalCriteria": {"Type": "SOME", "CriteriaList": [AROUND]}}, "cohort-value", "AdditionalCriteria.Type"
    ),
    "at least of no number": (
        DIAGNOSED | {"AdditionalCriteria": {"Type": "AT_LEAST", "CriteriaList": [AROUND]}}, "cohort-value", "Count"
    ),
    "a rule without an expression": (DIAGNOSED | {"InclusionRules": [{"name": "a"}]}, "cohort-value", "expression"),
    "a count of another kind": (ruled(Occurrence={"Type": 3, "Count": 1}), "cohort-value", "Occurrence.Type"),
    "a count below none": (ruled(Occurrence={"Type": 2, "Count": -1}), "cohort-value", "Occurrence.Count"),
    "no count": (ruled(Occurrence=None), "cohort-value", "Occurrence"),
    "a window without sides": (ruled(StartWindow={}), "cohort-value", "StartWindow.Start"),
    "a window beyond all days": (
        ruled(StartWindow={**WINDOW, "End": {"Days": 10**9, "Coeff": 1}}), "cohort-value", "End.Days"
    ),
    "a window of a slant side": (ruled(StartWindow={**WINDOW, "End": {"Days": 1, "Coeff": 2}}), "cohort-value", "Coeff"),
    "two exits": (
        DIAGNOSED | {"EndStrategy": {"DateOffset": {}, "CustomEra": {"DrugCodesetId": 1}}}, "cohort-word", "DateOffset, CustomEra"
    ),
    "a cohort that ends before it begins": (
        DIAGNOSED | {"CensorWindow": {"StartDate": "2021-01-01", "EndDate": "2020-01-01"}}, "cohort-window", "2021-01-01"
    ),
    "another collapse": (DIAGNOSED | {"CollapseSettings": {"CollapseType": "GAP"}}, "cohort-value", "CollapseType"),
    "a wrapped definition of nothing": ({"id": 1, "name": "a", "expression": "{}"}, "cohort-entry", ""),
    "a wrapped definition beside a word that is not known": (
        {"id": 1, "name": "a", "expression": DIAGNOSED, "version": 2}, "cohort-word", "version"
    ),
    "a wrapped definition beside half another": (
        {"expression": DIAGNOSED, "CollapseSettings": {"EraPad": 9}}, "cohort-word", "CollapseSettings"
    ),
    "a wrapped definition of another kind": (
        {"expressionType": "CUSTOM", "expression": DIAGNOSED}, "cohort-value", "expressionType"
    ),
    "a word within a wrapped one": (
        {"id": 1, "expression": criterion(Season=3)},
        "cohort-word", "expression.PrimaryCriteria.CriteriaList[0].ConditionOccurrence.Season",
    ),
    "wrapped twice": ({"id": 1, "expression": {"id": 2, "expression": DIAGNOSED}}, "cohort-word", "expression.id"),
    "a wrapped list": ({"id": 1, "expression": [DIAGNOSED]}, "cohort-value", "expression"),
    "a wrapped text that is no JSON": ({"id": 1, "expression": "SELECT 1"}, "cohort-value", "expression"),
    "a wrapped text with what is no number": ({"id": 1, "expression": '{"a": NaN}'}, "cohort-value", "expression"),
    "a wrapped text without end": ({"id": 1, "expression": "[" * 100_000}, "cohort-depth", "120"),
    "wrapped around nothing": ({"id": 1, "name": "a", "expression": None}, "cohort-word", "id"),
    "groups without end": (nested(400), "cohort-depth", "120"),
}  # fmt: skip


@pytest.fixture(scope="module")
def omop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three persons."""
    return database(tmp_path_factory.mktemp("omop") / "o.duckdb", lines(PEOPLE))


def tried(file: Path, omop: Path, *words: str, lang: str = "en") -> Answer:
    """The command on one file."""
    return call("cohort", "run", file, "--omop", omop, *words, lang=lang)


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_with_its_place(case: str, tmp_path: Path, omop: Path) -> None:
    definition, code, place = BAD[case]
    file = tmp_path / "bad one.json"
    file.write_text(json.dumps(definition), encoding="utf-8")
    answer = tried(file, omop, "--json")
    error = answer.json["error"]
    assert (answer.code, error["code"], error["facts"]["file"]) == (40, code, "bad one.json")
    assert place in " ".join(map(str, error["facts"].values()))
    for lang in ("en", "fr"):
        said = tried(file, omop, lang=lang)
        assert said.code == 40 and "Traceback" not in said.err and "bad one.json" in said.err


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "json-syntax"),
        (b"{", "json-syntax"),
        (b'{"a": NaN}', "json-syntax"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "json-syntax"),
        (b'{"Title": "\\ud800"}', "json-syntax"),  # half a character
        (b'{"CensorWindow": {"EndDate": null, "EndDate": "2020-01-01"}}', "json-twice"),
        (b"\xff\xfe{\x00", "file-encoding"),
        (b"PK\x03\x04", "json-syntax"),
        (b"[" * 100_000, "cohort-depth"),
        (b'{"a":' * 100_000, "cohort-depth"),
    ],
)
def test_what_is_no_json_is_told_by_line_and_column(text: bytes, code: str, tmp_path: Path, omop: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(text)
    answer = tried(file, omop, "--json")
    assert (answer.code, answer.json["error"]["code"]) == (40, code)
    assert "Traceback" not in tried(file, omop).err


def test_a_name_that_is_no_text_is_told(tmp_path: Path, omop: Path) -> None:
    file = Path(os.fsdecode(bytes(tmp_path) + b"/b\xff.json"))
    file.write_text(json.dumps(DIAGNOSED), encoding="utf-8")
    for told in (tried(file, omop, "--json"), tried(tmp_path, omop, "--json")):
        assert (told.code, told.json["error"]["code"]) == (40, "file-name")
        assert told.json["error"]["facts"]["file"] == r"b\udcff.json"


def test_no_definition_a_folder_of_none_and_two_of_one_name_are_told(tmp_path: Path, omop: Path) -> None:
    empty, twice = tmp_path / "empty", tmp_path / "twice"
    for folder in (empty, twice):
        folder.mkdir()
    for file in (twice / "a.json", tmp_path / "a.json"):
        file.write_text(json.dumps(DIAGNOSED), encoding="utf-8")
    for words, code in (
        ((), "cohort-none"),
        ((empty,), "cohort-none"),
        ((tmp_path / "b.json",), "file-missing"),
        ((twice, tmp_path / "a.json"), "cohort-twice"),
    ):
        answer = call("cohort", "run", *words, "--omop", omop, "--json")
        assert answer.json["error"]["code"] == code


@pytest.mark.parametrize("kind", ["text", "folder", "missing", "cut"])
def test_what_is_no_omop_file_is_told(kind: str, tmp_path: Path, omop: Path) -> None:
    file, definition = tmp_path / "o", tmp_path / "a.json"
    definition.write_text(json.dumps(DIAGNOSED), encoding="utf-8")
    if kind == "folder":
        file.mkdir()
    elif kind != "missing":
        file.write_bytes(b"person_id\n1\n" if kind == "text" else omop.read_bytes()[:5000])
    answer = tried(definition, file, "--json")
    assert answer.json["error"]["code"] == ("file-missing" if kind in {"missing", "folder"} else "omop-file")


def test_windows_that_no_day_meets_let_nobody_stay(tmp_path: Path, omop: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(ruled(StartWindow=WINDOW)), encoding="utf-8")
    answer = tried(file, omop, "--json")
    assert (answer.code, answer.json["data"]["cohorts"][0]["persons"]) == (0, 0)


def test_days_added_beyond_the_calendar_are_told(tmp_path: Path, omop: Path) -> None:
    far = {"Start": {"Days": 0, "Coeff": 1}, "End": {"Days": 9_999_999, "Coeff": 1}}
    file = tmp_path / "a.json"
    file.write_text(json.dumps(ruled(StartWindow=far)), encoding="utf-8")
    assert tried(file, omop, "--json").code in {0, 40}


def test_a_definition_of_ten_megabytes_and_one_of_ten_thousand_codes_work(tmp_path: Path, omop: Path) -> None:
    items = [
        {"concept": {"CONCEPT_ID": n, "CONCEPT_NAME": "x" * 1000}, "includeDescendants": True} for n in range(1, 10_001)
    ]
    large = TREATED | {
        "ConceptSets": [*TREATED["ConceptSets"][5:], {"id": 5, "name": "", "expression": {"items": items}}]
    }
    file = tmp_path / "large.json"
    file.write_text(json.dumps(large), encoding="utf-8")
    assert file.stat().st_size > 10_000_000
    answer = tried(file, omop, "--json")
    assert (answer.code, answer.json["data"]["cohorts"][0]["persons"]) == (0, 1)


def test_groups_as_deep_as_they_may_be_work(tmp_path: Path, omop: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(nested(55)), encoding="utf-8")
    answer = tried(file, omop, "--json")
    assert (answer.code, answer.json["data"]["cohorts"][0]["persons"]) == (0, 1)
