# SPDX-License-Identifier: Apache-2.0
"""Descriptions as their readers meet them: figures and the summary, in both languages, from checked tables."""

from dataclasses import replace

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.figures import draw
from rempart.adapters.package_data import toml
from rempart.disclosure.check import check
from rempart.records.result import CheckedTable
from rempart.records.study import Study
from rempart.release.labels import reader_labels
from rempart.release.summary import summary
from tests.described_people import Day, people, rows_of, study
from tests.disclosure_rows import RULES

PEOPLE = {"cohort": "people"}
FACTS = {"context": "c", "permit": "p", "controls": "k"}
ASKED = (
    {"id": "a", "type": "attrition", "inputs": PEOPLE},
    {"id": "t", "type": "table_one", "inputs": {"cohorts": ["people", "others"]}},
    {"id": "r", "type": "incidence_rate", "inputs": {**PEOPLE, "standard": "france2017"},
     "parameters": {"by": ["sex", "age*sex"], "bands": [30, 60]}},
    {"id": "p", "type": "prevalence", "inputs": PEOPLE, "parameters": {"points": [Day(2015, 1, 1)], "lookback_days": 300}},
    {"id": "u", "type": "drug_utilisation", "inputs": {**PEOPLE, "exposures": ["alpha", "beta"]}, "parameters": {"each": "year"}},
    {"id": "w", "type": "pathways", "inputs": PEOPLE},
    {"id": "f", "type": "follow_up", "inputs": PEOPLE},
    {"id": "l", "type": "person_time", "inputs": PEOPLE, "parameters": {"bands": [30, 60]}},
)  # fmt: skip


@pytest.fixture(scope="module")
def asked() -> tuple[Study, tuple[CheckedTable, ...]]:
    """A study of every type, and its checked tables; no pharmacy is known."""
    query, subject = DuckDBQuery(threads=1, memory_limit="512MB"), study(*ASKED)
    them = [replace(p, fills=[(day, packs, None) for day, packs, _ in p.fills]) for p in people(5, 500)]
    try:
        return subject, check(rows_of(query, subject, them), RULES)
    finally:
        query.close()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_kind_of_figure_is_drawn_with_words(asked: tuple[Study, tuple[CheckedTable, ...]], language: str) -> None:
    subject, tables = asked
    names = reader_labels(tables, study=subject.as_dict(), words=toml("release/words.toml"), language=language)
    files = draw(tables, language=language, names=names)
    drawn = {name.removesuffix(f"-{language}.svg") for name in files if name.endswith(".svg")}
    assert drawn == {
        "attrition",
        "incidence",
        "incidence_by",
        "prevalence",
        "drug_use",
        "pathways",
        "pathways_flow",
        "follow_up_curve",
    }
    text = {name: data.decode() for name, data in files.items() if name.endswith(".svg")}
    assert ("Persons still followed" if language == "en" else "Personnes encore suivies") in text[
        f"follow_up_curve-{language}.svg"
    ]
    paths = text[f"pathways-{language}.svg"]
    assert ("other" if language == "en" else "autres") in paths
    assert "→" in paths


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_summary_has_a_title_and_heads_for_every_table(
    asked: tuple[Study, tuple[CheckedTable, ...]], language: str
) -> None:
    subject, tables = asked
    words = toml("release/words.toml")
    page = summary(language, release="R", facts=FACTS, study=subject.as_dict(), tables=tables, figures=[], words=words)
    titles = [line for line in page.splitlines() if line.startswith("### ")]
    assert len(titles) == len(tables) and not any(line.startswith("###  (") for line in titles)
    if language == "fr":
        for left_english in (
            "person_years",
            "smd",
            "still_followed",
            "observed person-time",
            "end of observation",
            "versus",
        ):
            assert left_english not in page, left_english
        assert "sexe" in page and "âge × sexe" in page and "femmes" in page
