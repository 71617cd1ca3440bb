# SPDX-License-Identifier: Apache-2.0
"""What a reader of results is told: of whom, of what, in which unit, in the language asked for; on the terminal and in the page."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rempart.cli.move_bar import bytes_in_words, seconds_in_words
from rempart.cli.session import Session
from rempart.cli.study_runs import _show_reads
from rempart.cli.voice import Voice
from rempart.errors import BadInput
from rempart.records.result import CheckedTable
from rempart.records.study import study_from_dict
from rempart.release.labels import reader_labels
from rempart.release.subjects import subjects
from rempart.release.summary import summary
from rempart.study.describe_results import OUTPUTS
from tests.disclosure_rows import row, toml

WORDS = toml("release/words.toml")
FACTS = {"context": "c", "permit": "p", "controls": "k"}
_OLD = {"cohort": "old_ones"}
DESCRIBED: dict[str, Any] = {
    "cohorts": {"old_ones": {"entry": {}}},
    "analyses": [
        {"id": "r", "type": "incidence_rate", "design": "cohort", "inputs": {**_OLD, "outcome": "heart_stay"}},
        {"id": "u", "type": "exposure_periods", "design": "cohort", "inputs": _OLD, "parameters": {"days": 365}},
    ],
}


def table(
    output: str, kind: str, *cells: tuple[dict[str, str], str, float | None, str], arm: str = "all"
) -> CheckedTable:
    """A checked table of (row, statistic, value, unit)."""
    rows = [
        replace(
            row(output, kind, keys, arm, name, value), unit=unit, status="suppressed" if value is None else "rounded"
        )
        for keys, name, value, unit in cells
    ]
    return CheckedTable(output=output, output_type=kind, rows=tuple(rows), rules="r")


def page(language: str, *tables: CheckedTable) -> str:
    """The summary of these tables under the described study."""
    return summary(language, release="R", facts=FACTS, study=DESCRIBED, tables=tables, figures=[], words=WORDS)


MEANS = table(
    "exposure_means", "mean",
    ({"exposure": "x", "variable": "days covered"}, "mean", 85.4, "percent"),
    ({"exposure": "x", "variable": "switch"}, "mean", 218.0, "days"),
    ({"exposure": "x", "variable": "dose"}, "mean", 5040.0, "mg"),
)  # fmt: skip


def test_a_table_of_several_units_says_each_beside_its_line() -> None:
    french, english = page("fr", MEANS), page("en", MEANS)
    assert "| médicament | variable | unité | moyenne |" in french
    assert "| x | part de jours couverts, parmi les utilisateurs | % | 85,4 |" in french
    assert "| x | jours avant le changement, parmi ceux qui ont changé | jours | 218 |" in french
    assert "| x | cumulative dose, of users | mg | 5040 |" in english
    assert "| x | days until the switch, of those who switched | days | 218 |" in english


def test_a_rate_says_what_it_is_divided_by() -> None:
    for unit, said in (
        ("per 1000 person-years", "per 1,000 person-years"),
        ("per 1000 inhabitant-years", "per 1,000 inhabitant-years"),
    ):
        rates = table("incidence", "rate", ({"outcome": "heart_stay"}, "rate", 26.5, unit))
        assert f"rate ({said})" in page("en", rates)
    assert "taux (pour 1 000 années d'habitants)" in page("fr", rates)


def test_a_table_says_its_cohort_and_its_outcome() -> None:
    rates = table(
        "incidence_by",
        "stratified_rate",
        ({"outcome": "heart_stay", "variable": "all", "level": "all"}, "rate", 26.5, "x"),
    )
    told = {it: subjects([rates, MEANS], study=DESCRIBED, words=WORDS, language=it) for it in ("en", "fr")}
    assert told["en"]["incidence_by"] == "Cohort: old ones · outcome: heart stay"
    assert told["fr"]["incidence_by"] == "Cohorte : old ones · événement : heart stay"
    assert told["fr"]["exposure_means"] == "Cohorte : old ones · dans les 365 jours qui suivent l'entrée"
    assert "Cohorte : old ones · événement : heart stay" in page("fr", rates)


def test_two_outputs_of_one_type_are_told_apart_by_the_ids_of_their_analyses() -> None:
    both = [{**DESCRIBED["analyses"][0], "id": name, "inputs": {"cohort": name}} for name in ("one", "one_more")]
    tables = [table(f"incidence_by_{name}", "stratified_rate") for name in ("one", "one_more")]
    found = subjects(tables, study={"analyses": both}, words=WORDS, language="en")
    assert found == {"incidence_by_one": "Cohort: one", "incidence_by_one_more": "Cohort: one more"}


def test_every_description_has_a_subject() -> None:
    assert {name for kind, (name, _, _) in OUTPUTS.items() if WORDS["types"].get(name) != kind} == set()


STEPS = {
    "05 alive on the day of entry": "5. en vie le jour de l'entrée",
    "01 in any of one_more, two": "1. dans l'une des cohortes one more, two",
    "02 intersection of their days": "2. jours communs à toutes",
    "02 difference of their days": "2. jours de la première hors des autres",
    "01 controls": "1. témoins",
    "04 >= 2 one_more (drug) on days -365 to 0": "4. >= 2 one more (médicament) du jour -365 au jour 0",
    "04 two (drug) on days -9 to 0 of observation": "4. two (médicament) du jour -9 au jour 0 de l'observation",
    "04 without any 3 conditions": "4. sans l'une des 3 conditions",
    "esp2013, 40+": "population type européenne 2013, âges 40+",
}


@pytest.mark.parametrize("label", STEPS)
def test_what_attrition_and_standards_say_has_french_words(label: str) -> None:
    body = {"cohorts": {"one_more": {}, "two": {}}}
    found = reader_labels(
        [table("a", "attrition", ({"step": label}, "n", 500, "persons"))], study=body, words=WORDS, language="fr"
    )
    assert found[label] == STEPS[label]


def test_seconds_and_bytes_have_the_comma_of_french() -> None:
    for language, second, size in (("fr", "0,4 s", "1,5 Gio"), ("en", "0.4 s", "1.5 GiB")):
        voice = Voice(language, as_json=False)
        assert seconds_in_words(voice, 0.4) == second
        assert bytes_in_words(voice, 1.5 * 2**30) == size


@pytest.mark.parametrize("width", [80, 100])
def test_the_plan_breaks_no_name_of_a_column(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    reads = {
        "condition_occurrence": ["condition_source_value", "condition_status_source_value"],
        "observation_period": ["observation_period_start_date"],
    }
    size = SimpleNamespace(rows=dict.fromkeys(reads, 6_800_000_000), size=dict.fromkeys(reads, 2**40))
    compared = SimpleNamespace(missing={"condition_occurrence": ["condition_status_source_value"]})
    made = SimpleNamespace(
        compared=compared, required=reads, size=size, earliest=SimpleNamespace(isoformat=lambda: "2012-01-02")
    )
    planned = SimpleNamespace(plan=made, study="sha256:x", permit="P-2026-0001", period=("2013-01-01", "2017-12-31"))
    _show_reads(cast(Session, SimpleNamespace(voice=Voice("fr", as_json=False))), cast(Any, planned))
    lines = capsys.readouterr().out.splitlines()
    for name in [name for columns in reads.values() for name in columns]:
        assert any(line.rstrip().endswith(name) for line in lines), (name, lines)
    assert any("6 800 000 000" in line and "condition_source_value" in line for line in lines)
    assert "condition_occurrence.condition_status_source_value" in "\n".join(lines), "what the permit lacks is named"


def test_a_way_to_leave_that_is_a_key_is_shown_as_its_table() -> None:
    body = toml("examples/diabetes/study.toml")
    body["cohorts"]["diabetes"]["exit"] = "exposure"
    with pytest.raises(BadInput) as raised:
        study_from_dict(body)
    assert raised.value.facts["expected"] == 'one of observation, death, cut or a table such as { exposure = "NAME" }'
    said = Voice("fr", as_json=False).error_line(raised.value)
    assert 'une table telle que { exposure = "NAME" }' in said
