# SPDX-License-Identifier: Apache-2.0
"""A forest shows beside each ratio the counts of the two states that it compares, as its table has them; suppressed ones by their word."""

import html
import re

import pytest

from rempart.adapters.figure_ratios import ratio_lines, ratios
from rempart.adapters.figures import draw, words_of
from rempart.adapters.package_data import toml
from rempart.records.result import CheckedTable
from rempart.release.labels import reader_labels
from tests.figure_cells import Cell, table

WORDS = toml("release/words.toml")
# term → (its own state, persons, events), then of never
STATES = {
    "alpha current versus never": ("current", (900, 31), (4000, 120)),
    "alpha past versus never": ("past", (700, None), (4000, 120)),
    "beta current versus never": ("current", (500, 22), (3500, 99)),
}


def varying() -> CheckedTable:
    """As study/design_time_varying.py writes it: each exposure's outcomes of every state, then each state beside never."""
    cells: list[Cell] = []
    for name, total in (("alpha", 170), ("beta", 170)):
        whole = {"analysis": "main", "model": "adjusted", "term": f"{name}, every state"}
        cells += [(whole, arm, "events", n) for arm, n in (("never", 120), ("current", 31), ("all", total))]
    for term, (state, own, never) in STATES.items():
        key = {"analysis": "main", "model": "adjusted", "term": term}
        for arm, (persons, events) in ((state, own), ("never", never)):
            cells += [(key, arm, "persons", persons), (key, arm, "events", events)]
        hidden = own[1] is None
        values = (("hazard_ratio", 1.4), ("lower", 1.1), ("upper", 1.8), ("p_value", 0.01))
        cells += [(key, "", name, None if hidden else value) for name, value in values]
    return table("hazard_ratio", "hazard_ratio", cells)


def texts(language: str) -> list[str]:
    names = reader_labels([varying()], study={"exposures": {}}, words=WORDS, language=language)
    svg = draw([varying()], language=language, names=names, png=False)[f"hazard_ratio-{language}.svg"].decode()
    return [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]+)</", svg)]


@pytest.mark.parametrize(
    ("language", "heads", "hidden"),
    [("en", ("in the state", "never exposed"), "suppressed"), ("fr", ("dans l'état", "jamais exposés"), "masqué")],
)
def test_each_state_of_a_changing_exposure_has_its_own_counts_beside_its_ratio(
    language: str, heads: tuple[str, str], hidden: str
) -> None:
    told = texts(language)
    assert set(heads) <= set(told) and not {"all", "ensemble"} & set(told)
    for counts in ("31 / 900", f"{hidden} / 700", "22 / 500", "99 / 3,500", "120 / 4,000"):
        assert counts.replace(",", "\u202f" if language == "fr" else ",") in told, counts


def test_the_counts_of_a_line_are_those_of_its_own_row() -> None:
    words = words_of("en")
    found = {line.label: line.cells for line in ratio_lines(varying(), words, arms=("", "never"))}
    assert list(found.values()) == [
        ("31 / 900", "120 / 4,000"),
        ("suppressed / 700", "120 / 4,000"),
        ("22 / 500", "99 / 3,500"),
    ]


def test_a_table_of_one_whole_keeps_its_one_column() -> None:
    key = {"analysis": "main", "model": "crude", "term": "pm25"}
    cells: list[Cell] = [(key, "all", "persons", 500), (key, "all", "events", 40)]
    cells += [(key, "", name, value) for name, value in (("hazard_ratio", 1.2), ("lower", 1.0), ("upper", 1.4))]
    drawn = ratios(table("hazard_ratio", "hazard_ratio", cells), words_of("en")).to_json()
    assert "40 / 500" in drawn and "in the state" not in drawn
