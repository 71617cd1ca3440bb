# SPDX-License-Identifier: Apache-2.0
"""A study file from beginning to check on the command line, outside any warehouse: words in both languages, JSON, no trace."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.adapters import package_data
from rempart.errors import BadInput
from rempart.records.study import study_from_dict
from rempart.wiring.study_files import judge_study
from tests.journeys.house import Answer, call

EXAMPLE = package_data.text("examples/glitazones/study.toml")


def at(folder: Path, *words: str | Path, lang: str = "en") -> Answer:
    """A command on a folder that is no warehouse."""
    return call(*words, "--dir", folder, lang=lang)


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("template", ["comparison", "cohort"])
def test_a_study_is_begun_filled_and_checked(tmp_path: Path, template: str, lang: str) -> None:
    file, codes = tmp_path / "study.toml", tmp_path / "list.csv"
    begun = at(tmp_path, "study", "new", file, "--template", template, "--permit", "P-2031-0042", lang=lang)
    assert begun.code == 0, begun
    assert file.read_text(encoding="utf-8").startswith("#:schema ./study.schema.json\n")
    json.loads((tmp_path / "study.schema.json").read_text(encoding="utf-8"))
    codes.write_text("code;libellé\nJDFA001;résection\nJDFA002;résection\n", encoding="cp1252")
    brought = at(tmp_path, "study", "codes", codes, "--as", "resection", "--into", file, lang=lang)
    assert brought.code == 0, brought
    checked = at(tmp_path, "study", "check", file, lang=lang)
    assert checked.code == 0, checked
    assert "P-2031-0042" in checked.out and "resection" in checked.out
    told = at(tmp_path, "study", "check", file, "--json").data
    assert told["permit"] == "P-2031-0042"
    assert told["codes"]["resection"]["codes"] == 2
    assert told["fits"] is None
    assert told["reads"]["drug_exposure"]


@pytest.mark.parametrize(("lang", "words"), [("en", "all the days before"), ("fr", "tous les jours d'avant")])
def test_what_reads_all_days_before_is_named(tmp_path: Path, lang: str, words: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "atlas.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```(toml|json|csv)\n(.*?)```", page, re.DOTALL))
    for name, kind in (("study.toml", "toml"), ("fibrillation.json", "json"), ("concepts.csv", "csv")):
        (tmp_path / name).write_text(blocks[kind], encoding="utf-8")
    parts = ["PrimaryCriteriaLimit (First)", "ExpressionLimit (First)", "PrimaryCriteria[1] (ConditionOccurrence)"]
    told = at(tmp_path, "study", "check", tmp_path / "study.toml", "--json").data
    assert told["all_before"] == [{"cohort": "fibrillation", "part": part} for part in parts]
    checked = at(tmp_path, "study", "check", tmp_path / "study.toml", lang=lang)
    assert checked.code == 0 and words in checked.out and all(part in checked.out for part in parts)


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("mine", encoding="utf-8")
    refused = at(tmp_path, "study", "new", tmp_path / "study.toml")
    assert refused.code == 10
    assert (tmp_path / "study.toml").read_text(encoding="utf-8") == "mine"
    assert at(tmp_path, "study", "new", tmp_path / "s.toml", "--template", "nothing").code == 40
    assert at(tmp_path, "study", "new", tmp_path / "no" / "s.toml").code == 40


@pytest.mark.parametrize(("lang", "words"), [("en", "2 things are wrong"), ("fr", "2 choses sont à corriger")])
def test_every_problem_is_told_in_a_line_with_what_would_be_right(tmp_path: Path, lang: str, words: str) -> None:
    file = tmp_path / "study.toml"
    file.write_text(EXAMPLE.replace("lag_days", "lagg_days").replace('"efron"', '"efrom"'), encoding="utf-8")
    line = EXAMPLE[: EXAMPLE.index("lag_days")].count("\n") + 1
    told = at(tmp_path, "study", "check", file, lang=lang)
    assert told.code == 40
    assert told.out == ""
    assert words in told.err
    assert f"study.toml:{line}" in told.err
    assert ("lag_days?" if lang == "en" else "lag_days ?") in told.err
    answer = at(tmp_path, "study", "check", file, "--json").json
    assert answer["ok"] is False
    assert [problem["facts"]["near"] for problem in answer["data"]["problems"]] == ["lag_days", "efron"]
    assert answer["error"]["facts"]["count"] == 2


def test_one_problem_alone_is_the_error_itself(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(EXAMPLE.replace('codes = "sulfonylurea"', 'codes = "sulfonylureas"'), encoding="utf-8")
    error = at(tmp_path, "study", "check", file, "--json").error
    assert (error["code"], error["facts"]["near"]) == ("study-name", "sulfonylurea")


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_what_of_a_list_is_not_taken_is_told_beside_what_is_to_be_pasted(tmp_path: Path, lang: str) -> None:
    codes = tmp_path / "list.csv"
    codes.write_text("code,term\nC670,a\nC67.1,b\nC670,c\nC672,d\nC673,e\nFOO,f\n", encoding="utf-8")
    told = at(tmp_path, "study", "codes", codes, "--as", "bladder", lang=lang)
    assert told.code == 0
    assert tomllib.loads(told.out)["codes"]["bladder"]["include"] == ["C670", "C671", "C672", "C673"]
    assert "FOO" in told.err and "FOO" not in told.out
    data = at(tmp_path, "study", "codes", codes, "--as", "bladder", "--json").data
    assert (data["rows"], data["twice"], data["refused"]) == (6, 1, {"form": ["FOO"]})
    assert tomllib.loads(data["toml"]) == tomllib.loads(told.out)


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("--as", "Bad Name"), "codes-name", 40),
        (("--as", "x", "--system", "ICD9"), "codes-unknown-system", 40),
        (("--as", "x", "--column", "codes_of"), "codes-column", 40),
        (("--as", "bladder_cancer", "--into", "study.toml"), "codes-there", 10),
    ],
)
def test_what_is_asked_wrongly_of_a_list_is_told(
    tmp_path: Path, words: tuple[str, ...], code: str, exit_code: int
) -> None:
    (tmp_path / "study.toml").write_text(EXAMPLE, encoding="utf-8")
    (tmp_path / "list.csv").write_text("code\nC670\n", encoding="utf-8")
    placed = [str(tmp_path / word) if word.endswith(".toml") else word for word in words]
    told = at(tmp_path, "study", "codes", tmp_path / "list.csv", *placed, "--json")
    assert (told.error["code"], told.code) == (code, exit_code)
    assert (tmp_path / "study.toml").read_text(encoding="utf-8") == EXAMPLE


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_codes_that_the_operators_vocabulary_does_not_have_make_the_check_end_with_1(tmp_path: Path, lang: str) -> None:
    (tmp_path / "study.toml").write_text(
        EXAMPLE.replace('include = ["C67"]', 'include = ["C67", "C99"]'), encoding="utf-8"
    )
    lines = ["concept_id\tvocabulary_id\tconcept_code", "1\tCIM10\tC67.0"]
    (tmp_path / "CONCEPT.csv").write_text("\n".join(lines), encoding="utf-8")
    words = ("study", "check", tmp_path / "study.toml", "--vocabulary", tmp_path)
    told = at(tmp_path, *words, lang=lang)
    assert told.code == 1
    assert "C99" in told.out
    answer = at(tmp_path, *words, "--json").json
    assert answer["data"]["unknown"] == {"bladder_cancer": ["C99"]}


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_study_file_however_broken_is_a_defect(tmp_path: Path, data: st.DataObject) -> None:
    text = EXAMPLE
    for _ in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(0, len(text)))
        last = min(len(text), first + data.draw(st.integers(0, 30)))
        text = (
            text[:first]
            + data.draw(
                st.sampled_from(
                    ["", "[", "]", "{", "}", "=", '"', "\n", "1e400", "nan", "[[", "0x7f", "\x00", "é", "-9" * 30]
                )
            )
            + text[last:]
        )
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    try:
        found, problems = judge_study(tmp_path / "s.toml")
    except BadInput as error:
        assert error.code in {"unknown-key", "study-field"} or error.code.startswith("toml-"), error
    else:
        assert bool(found) != bool(problems)


def test_a_deeply_nested_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("a = " + "[" * 50_000, encoding="utf-8")
    assert at(tmp_path, "study", "check", tmp_path / "s.toml", "--json").error["code"] in {
        "toml-nested",
        "toml-syntax",
        "toml-bracket",
    }


def test_a_list_put_into_a_study_changes_its_id_by_its_codes_alone(tmp_path: Path) -> None:
    ids = set()
    for name, label in (("a", "one label"), ("b", "another label")):
        study, codes = tmp_path / f"{name}.toml", tmp_path / f"{name}.csv"
        study.write_text(EXAMPLE, encoding="utf-8")
        codes.write_text(f"code,term\nJDFA001,{label}\n", encoding="utf-8")
        assert at(tmp_path, "study", "codes", codes, "--as", "acts", "--source", "the same", "--into", study).code == 0
        ids.add(study_from_dict(tomllib.loads(study.read_text(encoding="utf-8"))).content_id)
    assert len(ids) == 1
